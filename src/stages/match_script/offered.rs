//! What a bot offered last in a conversation, where this process wrote it: a person may type a number before the timeline
//! has the reply.
//!
//! Guarantee: a turn that is run again finds what it found the first time, not what its own reply offers. Bounded: what
//! is forgotten here is looked up in the timeline.

use std::sync::Arc;

use moka::sync::Cache;

use crate::domain::envelope::Envelope;
use crate::domain::events::{Button, Part, TurnOpened};
use crate::domain::ids::{ConversationId, EventId};

/// Conversations in memory, most of them some 200 bytes.
const MOST: u64 = 50_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Offered {
    last: Cache<ConversationId, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The turn that was answered with it.
    by: EventId,
    buttons: Arc<[Button]>,
    /// What was known before that turn.
    before: Option<Arc<[Button]>>,
}

impl Default for Offered {
    fn default() -> Self {
        Self { last: Cache::new(MOST) }
    }
}

impl Offered {
    /// What the turn may choose from; `None` = not known here.
    pub(super) fn to(&self, turn: &Envelope<TurnOpened>) -> Option<Arc<[Button]>> {
        let entry = self.last.get(&turn.conversation)?;
        if entry.by == turn.rootid { entry.before } else { Some(entry.buttons) }
    }

    /// The turn was answered so.
    pub(super) fn answered(&self, turn: &Envelope<TurnOpened>, parts: &[Part]) {
        let before = self.to(turn);
        let last = parts.iter().rev().find(|part| !part.buttons.is_empty());
        let buttons = last.map(|part| part.buttons.as_slice()).unwrap_or_default().into();
        self.last.insert(turn.conversation.clone(), Entry { by: turn.rootid, buttons, before });
    }

    /// What was offered since may not be known here.
    pub(super) fn forget(&self) {
        self.last.invalidate_all();
    }

    /// Somebody else answers the turn.
    pub(super) fn unknown(&self, turn: &Envelope<TurnOpened>) {
        self.last.invalidate(&turn.conversation);
    }
}
