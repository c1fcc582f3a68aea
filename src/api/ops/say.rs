//! A person of the business writes in a conversation.
//!
//! Guarantee: what the provider would refuse is refused here, with the reason; the conversation is the people's before the
//! message is on its way. The same `id` makes the same message, which is sent once.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operations;
use super::modes::{refused, unreachable};
use crate::api::error::{ApiError, ErrorCode};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{ChatKind, MAX_TEXT_BYTES, Mode, Part, ReplyReady, Route};
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::domain::window::{self, Wording};
use crate::log::{Outgoing, TopicName};

/// What a person says.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The text.
    pub text: String,
    /// The caller's name for this message, unique in the conversation; absent = the moment of the call.
    #[serde(default)]
    pub id: Option<String>,
}

/// A message of a person that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// The reply's id in the timeline.
    pub reply: String,
    /// Until when the bot is silent, in milliseconds since 1970.
    pub human_until_ms: Option<i64>,
}

impl Operations {
    pub(in crate::api) async fn say(
        &self,
        tenant: &TenantId,
        conversation: &str,
        body: Say,
    ) -> Result<Said, ApiError> {
        if body.text.trim().is_empty() || body.text.len() > MAX_TEXT_BYTES {
            let what = format!("a text has 1 to {MAX_TEXT_BYTES} bytes");
            return Err(ApiError::new(ErrorCode::BadRequest, what));
        }
        let id = ConversationId::from(conversation);
        let Some((log, _)) = &self.log else { return Err(unreachable()) };
        let Some(talk) = self.store.conversation(tenant, &id).await? else {
            return Err(ApiError::missing("conversation", conversation));
        };
        let reach = self.store.reach(tenant, std::slice::from_ref(&id)).await?;
        let reach = reach.get(&id).copied().unwrap_or_default();
        let now = self.store.now_at();
        window::proactive(talk.channel, reach, Wording::Person, now)
            .map_err(|refusal| ApiError::new(ErrorCode::Conflict, refusal.to_string()))?;
        let human = self.hand(tenant, &talk, Mode::Human).await?;
        let name = body.id.unwrap_or_else(|| now.millis().to_string());
        let root = EventId::of_state(id.as_str(), &format!("say/{name}"));
        let data = ReplyReady {
            channel: talk.channel,
            account: talk.account.clone(),
            chat: talk.chat.clone(),
            thread: talk.thread.clone(),
            chat_kind: if talk.group { ChatKind::Group } else { ChatKind::Private },
            route: Route::Person,
            parts: vec![Part { text: body.text, ..Part::default() }],
            epoch: None,
            heard_at: reach.heard_at,
            hops: Vec::new(),
        };
        let mut event = Envelope::root(root, id.as_str(), now, now, data);
        event.source = "/api".into();
        event.id = EventId::reply(root, 0);
        (event.tenant, event.bot, event.conversation) = (tenant.clone(), talk.bot.clone(), id);
        let reply = event.id.to_string();
        let key = Bytes::copy_from_slice(talk.bot.as_str().as_bytes());
        let record = Outgoing::event(TopicName::from(ReplyReady::TYPE), key, event.encode());
        log.append(&[record]).await.map_err(refused)?;
        Ok(Said { reply, human_until_ms: human.until_ms })
    }
}
