//! One turn: what was said, what was done about it, and why.

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{HopLine, PartLine, TurnEvent, TurnShow};
use crate::domain::ids::{BotId, EventId, TenantId};
use crate::store::{Direction, Message};

impl Operations {
    pub(in crate::api) async fn turn_show(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        turn: &str,
    ) -> Result<TurnShow, ApiError> {
        let id: EventId = turn.parse().map_err(|reason| {
            ApiError::new(
                ErrorCode::BadRequest,
                format!("`{turn}` names no turn: {reason}, as `id` in a conversation's timeline"),
            )
        })?;
        let found = self.store.turn(tenant, bot, id).await?;
        let Some(first) = found.first() else { return Err(ApiError::missing("turn", turn)) };
        let of = |direction| found.iter().find(|message| message.direction == direction);
        // Each event repeats what was done before it, so the last one knows it all.
        let hops = found.iter().map(|message| &message.hops).max_by_key(|hops| hops.len());
        let hops = hops.map(Vec::as_slice).unwrap_or_default();
        Ok(TurnShow {
            root: first.root.to_string(),
            conversation: first.conversation.to_string(),
            said: of(Direction::In).map(event),
            reply: of(Direction::Out).map(event),
            dropped: of(Direction::Dropped).map(event),
            searched: hops.iter().find_map(|hop| hop.searched.as_deref().cloned()),
            hops: hops
                .iter()
                .map(|hop| HopLine {
                    stage: hop.stage.to_string(),
                    at_ms: hop.at.millis(),
                    took_us: hop.took_us,
                    note: hop.note.clone(),
                })
                .collect(),
        })
    }
}

fn event(message: &Message) -> TurnEvent {
    TurnEvent {
        id: message.id.to_string(),
        kind: message.kind.clone(),
        text: message.text.clone(),
        parts: message.parts.iter().map(PartLine::of).collect(),
        at_ms: message.at.millis(),
    }
}
