//! A new owner reads what its predecessors left, and only then sends.
//!
//! The order, of which each step has a reason:
//! 1. Commit the new [epoch](next_epoch) under the group's generation, so that nobody else ever takes it.
//! 2. Append its EPOCH marker to the parked topic and wait: what an owner before still appends stands behind it.
//! 3. Read the parked topic whole, then the ledger from the committed low position to its end, into a [`Restore`].
//! 4. Search the whole ledger for [`Restore::questions`]: late PUTs, and SENDINGs without a RESULT.
//! 5. [`Restore::answer`] gives [`Recovered`]: append its doubts, dead letter first, then the RESULT, and wait.
//! 6. [`Recovered::machine`]. Its first commands are the DELs that were missing, then those of older markers: with a
//!    marker gone first, a late PUT behind it would look like an owner's.
//!
//! Guarantee: what an owner appends that has lost the partition brings no settled reply back. Its PUT is looked up; its
//! RESULT and its DEL say the truth; its SENDING can put at most one part of a chat in doubt; its UNSENT takes back its
//! own mark only.

mod recovered;

pub(crate) use recovered::{Doubt, Recovered};

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::bounds::Bounds;
use super::chats::Chats;
use super::faults::{Faults, Mutant};
use super::item::{NEVER, Slot};
use super::known::{Known, Search};
use super::slots::Slots;
use crate::domain::events::{Lane, Limited, Parked, ParkedKey, Settled};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::log::Place;

/// The epoch of a new owner: above every one that was committed, and above every marker in the parked topic.
pub(crate) fn next_epoch(committed: u64, parked: u64) -> u64 {
    committed.max(parked) + 1
}

/// Where a restore begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From {
    /// Which lane.
    pub(crate) lane: Lane,
    /// The new owner's epoch.
    pub(crate) epoch: u64,
    /// The committed low position of the ledger; it is read from there or from before.
    pub(crate) low: u64,
    /// The committed watermark.
    pub(crate) watermark: u64,
    /// Where the lane's partition ends now.
    pub(crate) end: u64,
    /// Every ledger record that was appended after this moment will be read.
    pub(crate) since: Timestamp,
}

/// What was read so far.
#[derive(Debug)]
pub(crate) struct Restore {
    from: From,
    bounds: Bounds,
    faults: Faults,
    pub(super) known: Known,
    chats: Chats,
    /// PUTs without a DEL, each linked with its chat's number.
    pub(super) live: Slots<Slot>,
    /// Those of which a PUT stands behind the marker of a higher epoch; true = another one was written by the owner of its
    /// time.
    pub(super) late: HashMap<EventId, bool>,
    marks: BTreeMap<(EventId, u32), Mark>,
    /// The highest marker read so far.
    epoch: u64,
    /// Markers of older owners.
    markers: BTreeSet<u64>,
    limits: BTreeMap<Limited, Told>,
    /// What the other lane was told to wait for: a provider means both.
    others: BTreeMap<Limited, Told>,
    /// The largest offset that a record names.
    last: Option<u64>,
}

/// A wait that a provider asked for, by the wall clocks of those who learned it.
#[derive(Debug, Clone, Copy)]
struct Told {
    until: Timestamp,
    /// When it was learned; older records don't say.
    at: Option<Timestamp>,
}

impl Told {
    /// How long it lasts from now on: never longer than it was when it was learned, though the clock was set back.
    fn left(self, now: Timestamp) -> Duration {
        let left = self.until.since(now);
        self.at.map_or(left, |at| left.min(self.until.since(at)))
    }
}

/// A SENDING without UNSENT.
#[derive(Debug)]
struct Mark {
    offset: u64,
    of: u32,
    epochs: Vec<u64>,
}

impl Restore {
    /// Nothing read yet. A partition that was never owned is restored from nothing.
    pub(crate) fn new(from: From, bounds: Bounds) -> Self {
        Self::with(from, bounds, Faults::default())
    }

    /// Of a partition that is not owned yet.
    pub(crate) fn nothing() -> Recovered {
        let (lane, since) = (Lane::Ready, Timestamp::from_millis(i64::MAX));
        let from = From { lane, epoch: 0, low: 0, watermark: 0, end: 0, since };
        Self::new(from, Bounds::default()).answer(0, &Search::new(lane, []))
    }

    pub(super) fn with(from: From, bounds: Bounds, faults: Faults) -> Self {
        let known = Known::new(bounds.remembered, from.since, faults);
        #[cfg_attr(not(test), expect(unused_mut, reason = "only a test breaks the order of a chat"))]
        let mut chats = Chats::default();
        #[cfg(test)]
        {
            chats.faults = faults;
        }
        Self {
            from,
            bounds,
            faults,
            known,
            chats,
            live: Slots::default(),
            late: HashMap::new(),
            marks: BTreeMap::new(),
            epoch: 0,
            markers: BTreeSet::new(),
            limits: BTreeMap::new(),
            others: BTreeMap::new(),
            last: None,
        }
    }

    /// The highest marker that was read so far.
    pub(crate) fn highest(&self) -> u64 {
        self.epoch
    }

    /// Where the lane ends now that the parked topic is read: what an owner before still parks stands before it.
    pub(crate) fn ends(&mut self, end: u64) {
        self.from.end = end;
    }

    /// The owner takes this epoch.
    pub(crate) fn claimed(&mut self, epoch: u64) {
        self.from.epoch = epoch;
    }

    /// A record of the parked topic, in order; without a value it deletes its key. `place` = where the caller keeps it.
    pub(crate) fn parked(&mut self, key: &ParkedKey, value: Option<&Parked>, place: Place) {
        match (key, value) {
            (ParkedKey::Reply(id), None) => {
                self.live.remove(*id);
                self.late.remove(id);
            }
            (ParkedKey::Epoch(lane, epoch), None) if *lane == self.from.lane => {
                self.markers.remove(epoch);
            }
            (ParkedKey::Limit(lane, of), None) if *lane == self.from.lane => {
                self.limits.remove(of);
            }
            (_, Some(Parked::Epoch { epoch, lane })) if *lane == self.from.lane => {
                self.epoch = self.epoch.max(*epoch);
                self.markers.insert(*epoch);
            }
            (_, Some(Parked::Limit { of, until, at, lane, .. })) if *lane == self.from.lane => {
                self.limits.insert(of.clone(), Told { until: *until, at: *at });
            }
            (ParkedKey::Limit(_, of), None) => drop(self.others.remove(of)),
            (_, Some(Parked::Limit { of, until, at, .. })) => {
                self.others.insert(of.clone(), Told { until: *until, at: *at });
            }
            (_, Some(put @ Parked::Put { lane, .. })) if self.is_own(*lane, Mutant::OthersPut) => {
                self.put(put, place);
            }
            _ => {}
        }
    }

    fn put(&mut self, put: &Parked, place: Place) {
        let Parked::Put { id, offset, of, attempt, epoch, bot, conversation, deadline, .. } = put else {
            return;
        };
        let known = match self.live.number(*id).and_then(|at| self.live.get_mut(at)) {
            Some(slot) => {
                slot.set_place(place);
                true
            }
            None => {
                let deadline = deadline.unwrap_or(NEVER);
                let mut slot = Slot::new(*id, *offset, place, (*of, *attempt), deadline);
                slot.set_link(self.chats.chat(conversation, bot).place());
                self.live.insert(slot);
                false
            }
        };
        if *epoch < self.epoch {
            self.late.entry(*id).or_insert(known);
        } else if let Some(sure) = self.late.get_mut(id) {
            *sure = true;
        }
    }

    /// A record of the ledger, in order.
    pub(crate) fn ledger(&mut self, position: u64, record: &Settled) {
        self.known.read(position, record, self.from.lane);
        match record {
            Settled::Result { offset, lane, .. } if *lane == self.from.lane => {
                // Where an old record does not tell, everything that exists is read before the low position moves.
                self.saw(offset.unwrap_or(self.from.end));
            }
            Settled::Copied { offset, lane, .. } if *lane == self.from.lane => self.saw(*offset),
            Settled::Sending { id, offset, part, of, epoch, lane }
                if self.is_own(*lane, Mutant::OthersMark) =>
            {
                self.saw(*offset);
                let new = Mark { offset: *offset, of: *of, epochs: Vec::new() };
                self.marks.entry((*id, *part)).or_insert(new).epochs.push(*epoch);
            }
            Settled::Unsent { id, part, epoch, lane, .. } if *lane == self.from.lane => {
                let any = self.faults.has(Mutant::UnsentAnyEpoch);
                if let Some(mark) = self.marks.get_mut(&(*id, *part)) {
                    mark.epochs.retain(|marked| marked != epoch && !any);
                }
            }
            _ => {}
        }
    }

    /// Ids to search for in the whole ledger.
    pub(crate) fn questions(&self) -> HashSet<EventId> {
        let of = |id: EventId| self.live.find(id).map_or(0, Slot::of);
        let late = self.late.keys().copied().filter(|id| !self.known.is_whole(*id, of(*id)));
        let late = late.filter(|_| !self.faults.has(Mutant::LateNotLookedUp));
        let marks = self.open_marks().map(|(id, ..)| id);
        late.chain(marks.filter(|_| !self.faults.has(Mutant::DoubtNotLookedUp))).collect()
    }

    /// Goes on with what the search found. `ledger_end` = behind the last record that was read.
    pub(crate) fn answer(self, ledger_end: u64, found: &Search) -> Recovered {
        Recovered::new(self, ledger_end, found)
    }

    /// Parts with a mark and without a RESULT in what was read: id, part, of, offset.
    fn open_marks(&self) -> impl Iterator<Item = (EventId, u32, u32, u64)> {
        let open = |(id, part): (EventId, u32), of: u32| {
            !self.known.is_whole(id, of) && !self.known.progress(id).is_some_and(|found| found.has(part))
        };
        self.marks
            .iter()
            .filter(|_| !self.faults.has(Mutant::MarkIgnored))
            .filter(move |(key, mark)| !mark.epochs.is_empty() && open(**key, mark.of))
            .map(|((id, part), mark)| (*id, *part, mark.of, mark.offset))
    }

    /// Both lanes of a partition write into the same topics.
    fn is_own(&self, lane: Lane, unless: Mutant) -> bool {
        lane == self.from.lane || self.faults.has(unless)
    }

    fn saw(&mut self, offset: u64) {
        self.last = self.last.max(Some(offset));
    }
}
