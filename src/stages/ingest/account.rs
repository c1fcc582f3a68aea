//! What an event tells of the account that heard it, beside what it is itself.
//!
//! Guarantee: it is noted before the event is done, and a repeat notes the same.

use serde_json::value::RawValue;

use super::batch::Worker;
use super::json::Json;
use super::normalised::Normalised;
use crate::domain::business::{BusinessNews, digits};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebhookReceived;
use crate::services::channel::{Late, late};
use crate::store::StoreError;
use crate::telemetry::account_refused;

impl Worker {
    /// A provider may say long after it took a message, or beside all messages, that nothing of the account goes out any more:
    /// it is refused as if that had been said at once. False when the partition was lost.
    pub(super) async fn note_failure(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
    ) -> Result<bool, StoreError> {
        let (bot, channel, account) = (&root.bot, root.data.channel, &root.data.account);
        match it.is_failure().then(|| late(channel, &it.errors)).flatten() {
            None => Ok(true),
            Some(Late::Spam(span)) => {
                let seconds = span.as_secs();
                tracing::error!(%bot, %account, seconds, "many people reported or blocked this number: it rests, ask why");
                Ok(self
                    .ask(|| self.directory.rest(&root.tenant, bot, (channel, account), span))
                    .await?
                    .is_some())
            }
            Some(Late::Limit(code)) => {
                let why =
                    format!("{code}: the account has written to as many people as it may, said in a status");
                tracing::warn!(%bot, %account, why, "its campaigns with templates are held");
                let (whose, at) = ((channel, account), root.roottime);
                let noted = || self.directory.limit_reached(&root.tenant, whose, &why, at);
                Ok(self.ask(noted).await?.is_some())
            }
            Some(Late::Refused(what, code)) => {
                let reason = format!("{code}: said in a webhook, not in the answer to a message");
                account_refused(bot, channel, account, what, &reason);
                let refused = (what, reason.as_str());
                let noted =
                    || self.directory.refuse(&root.tenant, bot, (channel, account), refused, root.roottime);
                Ok(self.ask(noted).await?.is_some())
            }
        }
    }

    /// What an event of `WhatsApp` tells of the business account, beside everything else: whose the number is, how it, its
    /// numbers and its templates stand. False when the partition was lost.
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
        if !it.business.is_empty() {
            let as_of = |news: &BusinessNews| BusinessNews { at: root.roottime, ..news.clone() };
            let news: Vec<_> = it.business.iter().map(as_of).collect();
            return Ok(self.ask(|| self.directory.business_told(tenant, business, &news)).await?.is_some());
        }
        let Some(metadata) = &data.metadata else { return Ok(true) };
        // News of a number call it as people do.
        let number = number(metadata);
        let learned = || self.directory.learn_business(tenant, &data.account, business, &number);
        Ok(self.ask(learned).await?.is_some())
    }
}

/// The number of `metadata` as people dial it, digits only; empty where it tells none.
fn number(metadata: &RawValue) -> String {
    let mut room = String::new();
    let Ok(metadata) = Json::read(metadata.get(), &mut room) else { return String::new() };
    digits(metadata.at("display_phone_number").text().unwrap_or_default())
}
