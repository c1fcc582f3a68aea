//! Which chats were told lately that their bot can't read what they sent.
//!
//! Guarantee: a chat hears it at most once an hour of one process; a turn that is run again hears it again, so that a
//! crash swallows nothing. Bounded: beyond [`MOST`] chats the least recent may hear it earlier.

use std::time::Duration;

use moka::sync::Cache;

use crate::domain::envelope::Envelope;
use crate::domain::events::TurnOpened;
use crate::domain::ids::{ConversationId, EventId};
use crate::domain::time::Timestamp;

/// Who sends ten stickers gets one answer.
const ONCE_IN: Duration = Duration::from_secs(3600);
/// Chats in memory, some 150 bytes each.
const MOST: u64 = 50_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Unsupported {
    told: Cache<ConversationId, (Timestamp, EventId)>,
}

impl Default for Unsupported {
    fn default() -> Self {
        Self { told: Cache::new(MOST) }
    }
}

impl Unsupported {
    /// True when the turn's chat is to be told.
    pub(super) fn say(&self, turn: &Envelope<TurnOpened>, now: Timestamp) -> bool {
        let told = self.told.get(&turn.conversation);
        if told.is_some_and(|(at, by)| by != turn.rootid && now.since(at) < ONCE_IN) {
            return false;
        }
        self.told.insert(turn.conversation.clone(), (now, turn.rootid));
        true
    }
}
