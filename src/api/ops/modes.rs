//! Who answers in a conversation: people or the bot.
//!
//! Guarantee: the change is durable when the call is answered, and newer than any that this process knows of.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{ConversationMode, Mode, TakenBy};
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::domain::modes::Modes;
use crate::domain::topics::partition_of;
use crate::log::{LogError, Outgoing, TopicName};
use crate::store::Conversation;

/// Who is to answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeChange {
    /// `human`: the bot is silent for its `human_ttl`; `bot`: it answers again.
    pub mode: Mode,
}

/// Who answers in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeShow {
    /// The conversation.
    pub conversation: String,
    /// Who answers now.
    pub mode: Mode,
    /// Rises with every change; 0 where nobody ever took the conversation over.
    pub epoch: u64,
    /// When the bot answers again by itself, in milliseconds since 1970.
    pub until_ms: Option<i64>,
}

impl Operations {
    /// The same with what is known of who answers where.
    #[must_use]
    pub fn with_modes(self, modes: Arc<Modes>) -> Self {
        Self { modes: Some(modes), ..self }
    }

    pub(in crate::api) async fn mode_show(
        &self,
        tenant: &TenantId,
        conversation: &str,
    ) -> Result<ModeShow, ApiError> {
        let id = ConversationId::from(conversation);
        let modes = self.modes.as_ref().ok_or_else(unreachable)?;
        if self.store.conversation(tenant, &id).await?.is_none() {
            return Err(ApiError::missing("conversation", conversation));
        }
        let (standing, now) = (modes.get(&id), self.store.now_at());
        let until = standing.and_then(|standing| standing.human_until).filter(|until| now < *until);
        Ok(ModeShow {
            conversation: id.to_string(),
            mode: if until.is_some() { Mode::Human } else { Mode::Bot },
            epoch: standing.map_or(0, |standing| standing.epoch),
            until_ms: until.map(|until| until.millis()),
        })
    }

    pub(in crate::api) async fn mode_change(
        &self,
        tenant: &TenantId,
        conversation: &str,
        body: ModeChange,
    ) -> Result<ModeShow, ApiError> {
        let id = ConversationId::from(conversation);
        let Some(found) = self.store.conversation(tenant, &id).await? else {
            return Err(ApiError::missing("conversation", conversation));
        };
        self.hand(tenant, &found, body.mode).await
    }

    /// Hands a conversation over.
    pub(super) async fn hand(
        &self,
        tenant: &TenantId,
        found: &Conversation,
        mode: Mode,
    ) -> Result<ModeShow, ApiError> {
        let (Some((log, _)), Some(modes)) = (&self.log, &self.modes) else { return Err(unreachable()) };
        let id = found.id.clone();
        let bot = self.store.bot(tenant, &found.bot).await?;
        let bot = bot.ok_or_else(|| ApiError::missing("bot", found.bot.as_str()))?;
        let now = self.store.now_at();
        let known = modes.get(&id).map_or(0, |standing| standing.epoch);
        let epoch = u64::try_from(now.millis()).unwrap_or_default().max(known.saturating_add(1));
        let until = (mode == Mode::Human).then(|| now.plus(bot.spec.human_ttl.get()));
        let change = ConversationMode { mode, epoch, until, by: TakenBy::Api };
        let event_id = EventId::of_state(id.as_str(), &format!("mode/{epoch}"));
        let mut event = Envelope::root(event_id, id.as_str(), now, now, change.clone());
        event.source = "/api".into();
        (event.tenant, event.bot, event.conversation) = (tenant.clone(), found.bot.clone(), id.clone());
        let topic = TopicName::from(ConversationMode::TYPE);
        let partition =
            partition_of(found.bot.as_str().as_bytes(), log.partitions(&topic).await.map_err(refused)?);
        let key = Bytes::copy_from_slice(id.as_str().as_bytes());
        log.append(&[Outgoing::event(topic, key, event.encode()).at(partition)]).await.map_err(refused)?;
        modes.note(&id, &change);
        let until_ms = until.map(|until| until.millis());
        Ok(ModeShow { conversation: id.to_string(), mode, epoch, until_ms })
    }
}

pub(super) fn unreachable() -> ApiError {
    let what = "who answers where stands in the log: start `millrace up` or `millrace api`, then try again";
    ApiError::new(ErrorCode::Unavailable, what)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error away")]
pub(super) fn refused(error: LogError) -> ApiError {
    tracing::warn!(%error, "a conversation's mode can't be written");
    ApiError::new(ErrorCode::Unavailable, "the log can't be reached: try again")
}
