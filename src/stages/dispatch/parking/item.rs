//! A reply as the machine sees it: an [`Item`] while something is done with it, a [`Slot`] while it only waits.
//!
//! Guarantee: a parked reply that waits costs 44 bytes here, its place in its chat included, and its id's entry; what it
//! says stays in the caller's store.

use std::time::Duration;

use super::protocol::Head;
use super::slots::Keyed;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::SettledStatus;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::log::Place;
use crate::stages::dispatch::arena::Ix;

/// A parked reply of which no part is settled or under way. Packed, since there may be a million.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    id: EventId,
    offset: Short<6>,
    position: Short<5>,
    len: Short<4>,
    /// All bits = never.
    deadline: Short<6>,
    of: Short<2>,
    attempt: Short<1>,
    link: Short<4>,
}

/// A number in few bytes; a larger one becomes the largest.
#[derive(Debug, Clone, Copy)]
struct Short<const N: usize>([u8; N]);

impl<const N: usize> Short<N> {
    const MAX: u64 = u64::MAX >> (64 - 8 * N);

    fn new(number: u64) -> Self {
        let (mut short, bytes) = ([0; N], number.min(Self::MAX).to_le_bytes());
        short.copy_from_slice(&bytes[..N]);
        Self(short)
    }

    fn get(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.0);
        u64::from_le_bytes(bytes)
    }

    /// A number that is known to have come from a `u32`.
    fn small(self) -> u32 {
        u32::try_from(self.get()).unwrap_or(u32::MAX)
    }
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
    /// Links to no slot.
    pub(super) const NONE: u32 = u32::MAX;

    /// What does not fit can't occur: no partition has so many records, no store so many bytes, and a reply of 256 KiB not
    /// so many parts. Of calls only the count is cut.
    pub(super) fn new(
        id: EventId,
        offset: u64,
        place: Place,
        (of, attempt): (u32, u32),
        deadline: Timestamp,
    ) -> Self {
        Self {
            id,
            offset: Short::new(offset),
            position: Short::new(place.position),
            len: Short::new(place.len.into()),
            // What was due before 1970 is as late as what was due then.
            deadline: Short::new(u64::try_from(deadline.millis()).unwrap_or(0)),
            of: Short::new(of.into()),
            attempt: Short::new(attempt.into()),
            link: Short::new(Self::NONE.into()),
        }
    }

    pub(super) fn id(&self) -> EventId {
        self.id
    }

    /// Its record's in the lane.
    pub(super) fn offset(&self) -> u64 {
        self.offset.get()
    }

    pub(super) fn of(&self) -> u32 {
        self.of.small()
    }

    fn attempt(&self) -> u32 {
        self.attempt.small()
    }

    /// The number of what follows in its chat; while a restore reads, the chat's.
    pub(super) fn link(&self) -> u32 {
        self.link.small()
    }

    pub(super) fn set_link(&mut self, link: u32) {
        self.link = Short::new(link.into());
    }

    pub(super) fn set_place(&mut self, place: Place) {
        (self.position, self.len) = (Short::new(place.position), Short::new(place.len.into()));
    }

    pub(super) fn item(&self, chat: Ix) -> Item {
        let mut item = Item::new(self.id, chat, self.of(), Duration::ZERO, None);
        item.deadline = self.deadline();
        item.attempt = self.attempt();
        item.bytes = self.len();
        item.put = Some(Put { pending: false, place: self.place() });
        item
    }

    pub(super) fn deadline(&self) -> Timestamp {
        match self.deadline.get() {
            Short::<6>::MAX => NEVER,
            millis => Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)),
        }
    }

    /// How long its record is.
    pub(super) fn len(&self) -> u32 {
        self.len.small()
    }

    pub(super) fn place(&self) -> Place {
        Place { position: self.position.get(), len: self.len() }
    }

    pub(super) fn head(&self) -> Head {
        let (offset, of, attempt) = (self.offset(), self.of(), self.attempt());
        Head { offset, id: self.id, part: 0, of, attempt, place: Some(self.place()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    #[test]
    fn a_waiting_reply_is_small_and_says_what_it_was_told() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (44, 1));
        let id = EventId::root(ChannelKind::Telegram, "1", "2");
        let (offset, position, len) = ((1 << 48) - 2, 0xcd_ef01_2345, u32::MAX - 1);
        for deadline in [Timestamp::from_millis(1_795_000_000_000), NEVER] {
            let place = Place { position, len };
            let mut slot = Slot::new(id, offset, place, (65_000, 200), deadline);
            let head = Head { offset, id, part: 0, of: 65_000, attempt: 200, place: Some(place) };
            assert_eq!((slot.head(), slot.deadline(), slot.link()), (head, deadline, Slot::NONE));
            slot.set_link(7);
            slot.set_place(Place { position: 1, len: 2 });
            assert_eq!((slot.link(), slot.place()), (7, Place { position: 1, len: 2 }));
            assert_eq!((slot.id(), slot.offset(), slot.of()), (id, offset, 65_000));
        }
        let past = Slot::new(id, 0, Place::default(), (1, 300), Timestamp::from_millis(-5));
        assert_eq!((past.deadline(), past.head().attempt), (Timestamp::from_millis(0), 255));
    }
}
