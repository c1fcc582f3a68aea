//! Appends on their way: one entry an append, counted down by delivery reports, woken once.
//!
//! Guarantee: an append is answered exactly once, after the last of its records was reported, and its room in the
//! producer's queue is free only then. A report finds its append by a number, so a record costs no allocation here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::error::KafkaError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::log::Position;

/// What became of an append: the positions in the order given, or the first record that failed and why.
pub(super) type Outcome = Result<Vec<Position>, Failed>;

/// The first record of an append that was not acknowledged.
#[derive(Debug)]
pub(super) struct Failed {
    /// Which of the append's records.
    pub(super) ordinal: usize,
    /// What the broker or the client said.
    pub(super) error: KafkaError,
}

/// Every append on its way.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Slab>);

#[derive(Debug, Default)]
struct Slab {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    /// Records that have not been reported yet.
    left: u32,
    positions: Vec<Position>,
    failed: Option<Failed>,
    done: oneshot::Sender<Outcome>,
    /// The append's part of what may be in flight; given back when the entry goes.
    _room: OwnedSemaphorePermit,
}

/// Ordinals take the low half of the number that travels with a record.
const SHIFT: u32 = 32;

impl Deliveries {
    /// A new append of `records`; [`tag`] of the number that comes back is what each record carries.
    pub(super) fn enter(
        &self,
        records: u32,
        room: OwnedSemaphorePermit,
    ) -> (u32, oneshot::Receiver<Outcome>) {
        let (done, outcome) = oneshot::channel();
        let unknown = Position { partition: u32::MAX, offset: u64::MAX };
        let positions = vec![unknown; records as usize];
        let entry = Entry { left: records, positions, failed: None, done, _room: room };
        let mut slab = self.lock();
        let index = match slab.free.pop() {
            Some(index) => {
                slab.entries[index as usize] = Some(entry);
                index
            }
            None => {
                slab.entries.push(Some(entry));
                u32::try_from(slab.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        (index, outcome)
    }

    /// A record was reported.
    pub(super) fn report(&self, tag: usize, result: Result<Position, KafkaError>) {
        let ordinal = tag & 0xffff_ffff;
        let mut slab = self.lock();
        let Some(Some(entry)) = slab.entries.get_mut(tag >> SHIFT) else { return };
        match result {
            Ok(position) => entry.positions[ordinal] = position,
            Err(error) => note(entry, ordinal, error),
        }
        settle(slab, tag >> SHIFT, 1);
    }

    /// The records from `ordinal` on could not be given to the client: no report will come of them.
    pub(super) fn refuse(&self, index: u32, ordinal: usize, error: KafkaError) {
        let mut slab = self.lock();
        let Some(Some(entry)) = slab.entries.get_mut(index as usize) else { return };
        let refused = u32::try_from(entry.positions.len().saturating_sub(ordinal)).unwrap_or(u32::MAX);
        note(entry, ordinal, error);
        settle(slab, index as usize, refused);
    }

    fn lock(&self) -> MutexGuard<'_, Slab> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number that travels with record `ordinal` of append `index`.
pub(super) fn tag(index: u32, ordinal: usize) -> usize {
    (index as usize) << SHIFT | ordinal
}

fn note(entry: &mut Entry, ordinal: usize, error: KafkaError) {
    if entry.failed.as_ref().is_none_or(|failed| ordinal < failed.ordinal) {
        entry.failed = Some(Failed { ordinal, error });
    }
}

fn settle(mut slab: MutexGuard<'_, Slab>, index: usize, reported: u32) {
    let Some(entry) = slab.entries[index].as_mut() else { return };
    entry.left = entry.left.saturating_sub(reported);
    if entry.left > 0 {
        return;
    }
    let entry = slab.entries[index].take();
    slab.free.push(u32::try_from(index).unwrap_or(u32::MAX));
    drop(slab);
    if let Some(Entry { positions, failed, done, .. }) = entry {
        // An error means that the caller went away, which changes nothing for the records.
        drop(done.send(failed.map_or(Ok(positions), Err)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rdkafka::error::RDKafkaErrorCode;
    use tokio::sync::Semaphore;

    use super::*;

    fn room(semaphore: &Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
        Arc::clone(semaphore).try_acquire_many_owned(permits).unwrap()
    }

    fn at(offset: usize) -> Position {
        Position { partition: 0, offset: offset as u64 }
    }

    fn timed_out() -> KafkaError {
        KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)
    }

    proptest! {
        /// Whatever order reports arrive in, each append is answered once, with its own positions in its own order.
        #[test]
        fn each_append_gets_its_own_positions(sizes in prop::collection::vec(1usize..20, 1..20), seed in any::<u64>()) {
            let semaphore = Arc::new(Semaphore::new(1000));
            let deliveries = Deliveries::default();
            let mut waiting = Vec::new();
            let mut reports = Vec::new();
            for size in &sizes {
                let (index, outcome) = deliveries.enter(u32::try_from(*size).unwrap(), room(&semaphore, 10));
                reports.extend((0..*size).map(|ordinal| (tag(index, ordinal), 100 * index as usize + ordinal)));
                waiting.push((index, *size, outcome));
            }
            fastrand::Rng::with_seed(seed).shuffle(&mut reports);
            for (tag, offset) in reports {
                deliveries.report(tag, Ok(at(offset)));
            }
            for (index, size, mut outcome) in waiting {
                let positions = outcome.try_recv().unwrap().unwrap();
                let expected: Vec<_> = (0..size).map(|ordinal| at(100 * index as usize + ordinal)).collect();
                prop_assert_eq!(positions, expected);
            }
            prop_assert_eq!(semaphore.available_permits(), 1000);
        }
    }

    #[test]
    fn a_failure_waits_for_the_others_and_names_the_first() {
        let semaphore = Arc::new(Semaphore::new(10));
        let deliveries = Deliveries::default();
        let (index, mut outcome) = deliveries.enter(3, room(&semaphore, 10));
        deliveries.report(tag(index, 2), Err(timed_out()));
        deliveries.report(tag(index, 1), Err(timed_out()));
        assert!(outcome.try_recv().is_err(), "one record may still be on its way");
        deliveries.report(tag(index, 0), Ok(at(7)));
        assert_eq!(outcome.try_recv().unwrap().unwrap_err().ordinal, 1);
        assert_eq!(semaphore.available_permits(), 10);
    }

    #[test]
    fn what_was_never_given_to_the_client_is_not_waited_for() {
        let semaphore = Arc::new(Semaphore::new(10));
        let deliveries = Deliveries::default();
        let (index, mut outcome) = deliveries.enter(3, room(&semaphore, 10));
        deliveries.refuse(index, 1, timed_out());
        deliveries.report(tag(index, 0), Ok(at(7)));
        assert_eq!(outcome.try_recv().unwrap().unwrap_err().ordinal, 1);
        let (again, _outcome) = deliveries.enter(1, room(&semaphore, 10));
        assert_eq!(again, index, "places are used again");
    }
}
