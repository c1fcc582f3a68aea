//! A reply as the machine sees it: an [`Item`] while something is done with it, a [`Slot`] while it only waits.
//!
//! Guarantee: a parked reply that waits costs 48 bytes here, its id's entry and its place in its chat; what it says stays in
//! the caller's store.

use std::time::Duration;

use super::protocol::Head;
use super::slots::Keyed;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::SettledStatus;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::log::Place;
use crate::stages::dispatch::arena::Ix;

/// A parked reply of which no part is settled or under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: EventId,
    /// Its record's in the lane.
    pub(super) offset: u64,
    position: u64,
    deadline: Timestamp,
    len: u32,
    of: u16,
    attempt: u16,
}

/// Stands for "no deadline".
pub(super) const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// A reply in memory, or one that something is done with.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: EventId,
    pub(super) chat: Ix,
    /// How many parts.
    pub(super) of: u32,
    /// The first part without a RESULT.
    pub(super) next: u32,
    /// When it was admitted.
    pub(super) since: Duration,
    pub(super) deadline: Timestamp,
    pub(super) bytes: u32,
    /// `None` = in memory only.
    pub(super) put: Option<Put>,
    pub(super) state: State,
    /// Calls made for the next part.
    pub(super) attempt: u32,
    /// Those without a clear answer.
    pub(super) unknown: u32,
    /// How its bot wants unknown outcomes handled, as of the last send.
    pub(super) policy: UnknownPolicy,
    /// The last send stands in the ledger as SENDING.
    pub(super) marked: bool,
    /// The provider's id of the next part, when a status came before the answer.
    pub(super) receipt: Option<String>,
    /// RESULTs of all its parts are on their way: no part is sent any more.
    pub(super) closing: bool,
    /// Copies of its RESULTs on their way: how many, and where they begin.
    pub(super) copying: Option<(u32, u64)>,
}

/// Its PUT.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Put {
    /// It is not acknowledged.
    pub(super) pending: bool,
    pub(super) place: Place,
}

/// What is being done with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: it waits for its turn.
    Queued,
    /// Its id is looked up in the ledger.
    Asked,
    /// Its SENDING is not acknowledged.
    Marking,
    /// The provider is called.
    Calling,
    /// The call had no clear answer; a status is waited for until this moment.
    Checking(Duration, String),
    /// Its dead letter is not acknowledged.
    Failing(Failure),
    /// A RESULT is not acknowledged.
    Settling,
}

/// Why a part is not sent, or not surely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What the part becomes.
    pub(super) status: SettledStatus,
    /// What the later parts become; `None` = they are still sent.
    pub(super) rest: Option<SettledStatus>,
    pub(super) word: &'static str,
    pub(super) detail: Option<String>,
}

impl Failure {
    pub(super) fn in_doubt(detail: String) -> Self {
        Self { status: SettledStatus::InDoubt, rest: None, word: "in_doubt", detail: Some(detail) }
    }

    pub(super) fn rejected(word: &'static str, detail: String) -> Self {
        let rest = Some(SettledStatus::Skipped);
        Self { status: SettledStatus::Rejected, rest, word, detail: Some(detail) }
    }

    pub(super) fn expired(word: &'static str) -> Self {
        Self { status: SettledStatus::Expired, rest: Some(SettledStatus::Expired), word, detail: None }
    }

    pub(super) fn backlog_full() -> Self {
        let status = SettledStatus::Dropped;
        Self { status, rest: Some(status), word: "bot_backlog_full", detail: None }
    }
}

impl Item {
    pub(super) fn new(id: EventId, chat: Ix, of: u32, since: Duration, deadline: Option<Timestamp>) -> Self {
        Self {
            id,
            chat,
            of,
            next: 0,
            since,
            deadline: deadline.unwrap_or(NEVER),
            bytes: 0,
            put: None,
            state: State::Queued,
            attempt: 0,
            unknown: 0,
            policy: UnknownPolicy::default(),
            marked: false,
            receipt: None,
            closing: false,
            copying: None,
        }
    }

    /// It waits for its turn and nothing else.
    pub(super) fn is_free(&self) -> bool {
        self.state == State::Queued && !self.is_pending()
    }

    /// Its PUT is not acknowledged.
    pub(super) fn is_pending(&self) -> bool {
        self.put.is_some_and(|put| put.pending)
    }

    pub(super) fn place(&self) -> Option<Place> {
        self.put.filter(|put| !put.pending).map(|put| put.place)
    }

    pub(super) fn head(&self, offset: u64) -> Head {
        let (id, part, of, attempt) = (self.id, self.next, self.of, self.attempt);
        Head { offset, id, part, of, attempt, place: self.place() }
    }

    /// The item as a slot, if nothing but its place needs to be remembered.
    pub(super) fn slot(&self, offset: u64) -> Option<Slot> {
        let put = self.put?;
        let plain = self.is_free() && self.next == 0 && self.unknown == 0;
        plain.then(|| Slot::new(self.id, offset, put.place, (self.of, self.attempt), self.deadline))
    }
}

impl Keyed for Slot {
    fn id(&self) -> EventId {
        self.id
    }
}

impl Slot {
    pub(super) fn new(
        id: EventId,
        offset: u64,
        place: Place,
        (of, attempt): (u32, u32),
        deadline: Timestamp,
    ) -> Self {
        // A reply is at most 256 KiB, so a number that does not fit can't occur; it would only cut the count.
        let short = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let (of, attempt) = (short(of), short(attempt));
        Self { id, offset, position: place.position, deadline, len: place.len, of, attempt }
    }

    pub(super) fn of(&self) -> u32 {
        u32::from(self.of)
    }

    pub(super) fn set_place(&mut self, place: Place) {
        (self.position, self.len) = (place.position, place.len);
    }

    pub(super) fn item(&self, chat: Ix) -> Item {
        let mut item = Item::new(self.id, chat, u32::from(self.of), Duration::ZERO, None);
        item.deadline = self.deadline;
        item.attempt = u32::from(self.attempt);
        item.bytes = self.len;
        item.put = Some(Put { pending: false, place: self.place() });
        item
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.deadline
    }

    pub(super) fn place(&self) -> Place {
        Place { position: self.position, len: self.len }
    }

    pub(super) fn head(&self) -> Head {
        let place = Some(self.place());
        let (of, attempt) = (u32::from(self.of), u32::from(self.attempt));
        Head { offset: self.offset, id: self.id, part: 0, of, attempt, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_reply_is_small() {
        assert_eq!(size_of::<Slot>(), 48);
    }
}
