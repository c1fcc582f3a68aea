//! What an event tells of the account that heard it, beside what it is itself.
//!
//! Guarantee: it is noted before the event is done, and a repeat notes the same.

use super::batch::Worker;
use super::normalised::{Kind, Normalised};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebhookReceived;
use crate::services::channel::{Late, late};
use crate::store::StoreError;

impl Worker {
    /// A provider may say long after it took a message that nothing of the bot goes out any more: the bot is switched off
    /// as if it had been said at once. False when the partition was lost.
    pub(super) async fn note_failure(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
    ) -> Result<bool, StoreError> {
        let failed = it.kind == Kind::Receipt && !it.errors.is_empty();
        let (bot, account) = (&root.bot, &root.data.account);
        match failed.then(|| late(root.data.channel, &it.errors)).flatten() {
            None => Ok(true),
            Some(Late::Spam(span)) => {
                let seconds = span.as_secs();
                tracing::error!(%bot, %account, seconds, "many people reported or blocked this number: it rests, ask why");
                let account = (root.data.channel, account);
                Ok(self.ask(|| self.directory.rest(&root.tenant, bot, account, span)).await?.is_some())
            }
            Some(Late::Closed(code)) => {
                let reason = format!("{code}: said in a status after the message was taken");
                tracing::warn!(%bot, %account, code, "the provider refused the bot, it is switched off");
                Ok(self.ask(|| self.directory.disable(&root.tenant, bot, &reason)).await?.is_some())
            }
        }
    }

    /// What an event of `WhatsApp` tells of the business account, beside everything else: whose the number is, and how its
    /// templates stand. False when the partition was lost.
    pub(super) async fn note_business(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
    ) -> Result<bool, StoreError> {
        let (tenant, data) = (&root.tenant, &root.data);
        let Some(business) = data.entry.as_ref().filter(|_| data.channel == ChannelKind::Whatsapp) else {
            return Ok(true);
        };
        if let Some(news) = &it.template {
            let (directory, at) = (&self.directory, data.received);
            return Ok(self.ask(|| directory.template_told(tenant, business, news, at)).await?.is_some());
        }
        if data.metadata.is_none() {
            return Ok(true);
        }
        Ok(self.ask(|| self.directory.learn_business(tenant, &data.account, business)).await?.is_some())
    }
}
