//! Which replies are settled, and how far: from the ledger at the restore, from memory after it.
//!
//! Guarantee: an id that is not known here and whose root is younger than [`Known::forgotten`] has no RESULT. An older
//! one may have, and has to be looked up. Settled replies are remembered in two generations, of which the newest stay.

use std::collections::{HashMap, HashSet};

use super::faults::{Faults, Mutant};
use crate::domain::events::{Lane, Settled, SettledStatus};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;

/// How far a reply is settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How many parts it has: from the RESULTs, never from a repeated record.
    pub(super) of: u32,
    /// Every part below has a RESULT.
    pub(super) next: u32,
    /// Parts above `next` with a RESULT. Parts are settled in order, so only late appends stand here.
    ahead: Vec<u32>,
    /// Nothing of it is sent any more: what its open parts become.
    pub(super) rest: Option<SettledStatus>,
    /// The position of its first RESULT.
    pub(super) first: u64,
}

impl Progress {
    pub(super) fn is_whole(&self) -> bool {
        self.of > 0 && self.next >= self.of
    }

    pub(super) fn has(&self, part: u32) -> bool {
        part < self.next || self.ahead.contains(&part)
    }

    /// A part has a RESULT; `status` is `None` for a copy.
    fn note(&mut self, position: u64, part: u32, of: u32, status: Option<SettledStatus>) {
        if self.of == 0 {
            self.first = position;
        }
        self.of = of;
        self.rest = self.rest.or(match status {
            Some(SettledStatus::Rejected | SettledStatus::Skipped) => Some(SettledStatus::Skipped),
            Some(SettledStatus::Expired) => Some(SettledStatus::Expired),
            Some(SettledStatus::Dropped) => Some(SettledStatus::Dropped),
            Some(SettledStatus::Sent | SettledStatus::InDoubt) | None => None,
        });
        if part >= self.next {
            self.ahead.push(part);
            while let Some(at) = self.ahead.iter().position(|ahead| *ahead <= self.next) {
                self.next = self.next.max(self.ahead.swap_remove(at) + 1);
            }
        }
    }
}

/// A part that the ledger says has ended: id, part, of, and its status unless the record is a copy.
type Ended = (EventId, u32, u32, Option<SettledStatus>);

/// What a ledger record of a lane says has ended.
fn ended(record: &Settled, lane: Lane) -> Option<Ended> {
    match record {
        Settled::Result { id, part, of, status, lane: of_lane, .. } if *of_lane == lane => {
            Some((*id, *part, *of, Some(*status)))
        }
        Settled::Copied { id, part, of, lane: of_lane, .. } if *of_lane == lane => {
            Some((*id, *part, *of, None))
        }
        _ => None,
    }
}

/// A scan of the whole ledger for some ids. Fed with its records in order.
#[derive(Debug)]
pub struct Search {
    lane: Lane,
    found: HashMap<EventId, Progress>,
}

impl Search {
    /// Looks for these.
    pub(crate) fn new(lane: Lane, ids: impl IntoIterator<Item = EventId>) -> Self {
        Self { lane, found: ids.into_iter().map(|id| (id, Progress::default())).collect() }
    }

    /// True when nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A record and its position.
    pub(crate) fn note(&mut self, position: u64, record: &Settled) {
        if let Some((id, part, of, status)) = ended(record, self.lane)
            && let Some(progress) = self.found.get_mut(&id)
        {
            progress.note(position, part, of, status);
        }
    }

    pub(super) fn get(&self, id: EventId) -> Option<&Progress> {
        self.found.get(&id).filter(|progress| progress.of > 0)
    }
}

/// Ids that are settled whole, and the latest moment at which one of them was.
#[derive(Debug)]
struct Whole {
    ids: HashSet<EventId>,
    until: Timestamp,
}

impl Default for Whole {
    fn default() -> Self {
        Self { ids: HashSet::new(), until: Timestamp::from_millis(i64::MIN) }
    }
}

impl Whole {
    fn insert(&mut self, id: EventId, at: Timestamp) {
        self.ids.insert(id);
        self.until = self.until.max(at);
    }
}

/// What is known.
#[derive(Debug)]
pub(super) struct Known {
    faults: Faults,
    /// Settled in some parts, and not open yet: from the restore.
    half: HashMap<EventId, Progress>,
    /// Settled in all parts, as the restore found it: kept until what the last owner had read was read again, which is
    /// when it is asked for.
    restored: Whole,
    /// Settled since, newest and older generation.
    whole: [Whole; 2],
    /// How many ids the newest generation may hold.
    size: usize,
    forgotten: Timestamp,
}

impl Known {
    /// Nothing yet; every RESULT appended after `since` will be told.
    pub(super) fn new(size: usize, since: Timestamp, faults: Faults) -> Self {
        let (half, restored, whole) = (HashMap::new(), Whole::default(), Default::default());
        Self { faults, half, restored, whole, size, forgotten: since }
    }

    /// RESULTs up to here may not be known.
    pub(super) fn forgotten(&self) -> Timestamp {
        self.forgotten
    }

    /// True when every part is settled. `of` is what the record in question says, and does not matter.
    pub(super) fn is_whole(&self, id: EventId, of: u32) -> bool {
        self.restored.ids.contains(&id)
            || self.whole.iter().any(|whole| whole.ids.contains(&id))
            || self.half.get(&id).is_some_and(|half| {
                self.faults.has(Mutant::PartsWhole) || (self.faults.has(Mutant::OwnCount) && half.next >= of)
            })
    }

    /// How far a reply is settled that is not settled whole.
    pub(super) fn progress(&self, id: EventId) -> Option<&Progress> {
        self.half.get(&id)
    }

    /// A record of the ledger, at the restore.
    pub(super) fn read(&mut self, position: u64, record: &Settled, lane: Lane) {
        let Some((id, part, of, status)) = ended(record, lane) else { return };
        let at = match record {
            Settled::Result { at, .. } => *at,
            _ => Timestamp::from_millis(i64::MIN),
        };
        self.restore(position, (id, part, of, status), at);
    }

    /// A part of a restored reply is put in doubt.
    pub(super) fn doubt(&mut self, position: u64, (id, part, of): (EventId, u32, u32), at: Timestamp) {
        self.restore(position, (id, part, of, Some(SettledStatus::InDoubt)), at);
    }

    /// What a search found of a reply.
    pub(super) fn learn(&mut self, id: EventId, progress: &Progress) {
        if progress.is_whole() {
            self.half.remove(&id);
            self.restored.ids.insert(id);
        } else if self.half.get(&id).is_none_or(|half| half.next < progress.next) {
            self.half.insert(id, progress.clone());
        }
    }

    /// What the last owner had read was read again: settled ids of the restore are from now on as any others.
    pub(super) fn replayed(&mut self) {
        if self.restored.ids.is_empty() {
            return;
        }
        let restored = std::mem::take(&mut self.restored);
        self.whole[1].ids.extend(restored.ids);
        self.whole[1].until = self.whole[1].until.max(restored.until);
    }

    /// Every part of a reply is settled, the last one at `at` or before.
    pub(super) fn settle(&mut self, id: EventId, of: u32, at: Timestamp) {
        if self.faults.has(Mutant::OwnCount) {
            self.half.insert(id, Progress { of, next: of, ..Progress::default() });
            return;
        }
        self.half.remove(&id);
        if self.whole[0].ids.len() >= self.size {
            let newest = std::mem::take(&mut self.whole[0]);
            let oldest = std::mem::replace(&mut self.whole[1], newest);
            self.forgotten = self.forgotten.max(oldest.until);
        }
        self.whole[0].insert(id, at);
    }

    fn restore(&mut self, position: u64, (id, part, of, status): Ended, at: Timestamp) {
        if self.restored.ids.contains(&id) {
            return;
        }
        // Nearly every reply has one part: 16 bytes.
        let single = (part, of) == (0, 1) && !self.half.contains_key(&id);
        if !single {
            let half = self.half.entry(id).or_default();
            half.note(position, part, of, status);
            if !half.is_whole() || self.faults.has(Mutant::OwnCount) {
                return;
            }
            self.half.remove(&id);
        } else if self.faults.has(Mutant::OwnCount) {
            self.half.entry(id).or_default().note(position, part, of, status);
            return;
        }
        self.restored.insert(id, at);
    }
}
