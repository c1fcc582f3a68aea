//! Conversations and their timelines.

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::table::Call;
use crate::api::types::{ConversationLine, ConversationList, PartLine, Timeline, TimelineLine};
use crate::domain::ids::ConversationId;
use crate::domain::time::Timestamp;
use crate::store::{Conversation, Cursor, Direction, MediaItem, Message, MessagePart};

impl Operations {
    pub(in crate::api) async fn conversation_list(
        &self,
        call: &Call<()>,
    ) -> Result<ConversationList, ApiError> {
        let (limit, before) = (call.limit()?, before(call)?);
        let found = self.store.conversations(&call.tenant, &call.bot(), before.as_ref(), limit).await?;
        let full = found.len() >= limit as usize;
        let next = found.last().filter(|_| full).map(|last| page(last.last_at, last.id.as_str()));
        let line = |talk: Conversation| ConversationLine {
            conversation: talk.id.to_string(),
            channel: talk.channel,
            chat: talk.chat,
            name: talk.name,
            last_at_ms: talk.last_at.millis(),
        };
        Ok(ConversationList { conversations: found.into_iter().map(line).collect(), next })
    }

    pub(in crate::api) async fn timeline(&self, call: &Call<()>) -> Result<Timeline, ApiError> {
        let id = ConversationId::from(call.name("conversation"));
        let (limit, before) = (call.limit()?, before(call)?);
        if self.store.conversation(&call.tenant, &id).await?.is_none() {
            return Err(ApiError::missing("conversation", id.as_str()));
        }
        let found = self.store.messages(&call.tenant, &id, before.as_ref(), limit).await?;
        let full = found.len() >= limit as usize;
        let next = found.first().filter(|_| full).map(|first| page(first.at, &first.id.to_string()));
        let turns: Vec<_> =
            found.iter().filter(|m| m.direction == Direction::In).map(|message| message.id).collect();
        let media = self.store.media_of(&call.tenant, &turns).await?;
        let of = |message: &Message| media.get(&message.id).map(Vec::as_slice).unwrap_or_default();
        Ok(Timeline { messages: found.iter().map(|message| line(message, of(message))).collect(), next })
    }
}

impl PartLine {
    pub(super) fn of(part: &MessagePart) -> Self {
        Self { part: part.part, status: part.status.clone(), reason: part.reason.clone() }
    }
}

fn line(message: &Message, media: &[MediaItem]) -> TimelineLine {
    TimelineLine {
        id: message.id.to_string(),
        root: message.root.to_string(),
        direction: message.direction.as_str().to_owned(),
        kind: message.kind.clone(),
        text: message.text.clone(),
        parts: message.parts.iter().map(PartLine::of).collect(),
        media: match message.direction {
            Direction::In => super::media::of_message(message, media),
            Direction::Dropped | Direction::Out => Vec::new(),
        },
        at_ms: message.at.millis(),
    }
}

/// Where a page ends, as one word.
fn page(at: Timestamp, id: &str) -> String {
    format!("{}~{id}", at.millis())
}

fn before(call: &Call<()>) -> Result<Option<Cursor>, ApiError> {
    let Some(text) = call.query.get("before") else { return Ok(None) };
    let parsed = text.split_once('~').and_then(|(at, id)| {
        Some(Cursor { at: Timestamp::from_millis(at.parse().ok()?), id: id.to_owned() })
    });
    let wrong =
        || ApiError::new(ErrorCode::BadRequest, "`before` can't be read: give `next` of an earlier answer");
    parsed.map(Some).ok_or_else(wrong)
}
