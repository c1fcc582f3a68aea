//! Which partitions a member owns and in which state. Pure: callbacks and calls go in, decisions come out.
//!
//! Guarantees: records of a partition come out only between its start and its revocation; a partition that comes back
//! begins afresh, and nothing of its earlier time (an answer, a batch, a release) touches it; partitions are given back
//! once, when every revocation that is open has been released.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use crate::log::{Batch, Committed, TopicPartition};

/// A partition that was announced, with what the group has committed of it.
pub(super) type Announced = (TopicPartition, Option<Committed>);

/// Everything that a member owns.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    slots: BTreeMap<TopicPartition, Slot>,
    /// Open revocations: what each asks back, and whether the caller has let it go.
    revocations: BTreeMap<u64, Revocation>,
    /// Counts rebalances; also tells one ownership of a partition from its next.
    rebalance: u64,
    /// Whose records came last, so that partitions take turns.
    last: Option<TopicPartition>,
}

#[derive(Debug)]
struct Slot {
    epoch: u64,
    stage: Stage,
    /// Whether the client fetches it.
    fetched: bool,
    held: bool,
    ready: VecDeque<Batch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What the group has committed of it is being asked for.
    Asking,
    /// The caller knows of it and restores.
    Announced,
    /// Its records flow.
    Started,
    /// The caller finishes what it has.
    Revoking,
}

#[derive(Debug)]
struct Revocation {
    partitions: BTreeSet<TopicPartition>,
    released: bool,
}

/// Batches of a partition that wait for the caller. One is at work, one is ready: more is only memory.
const READY: usize = 2;

impl Ownership {
    /// These are ours now. The epoch comes back with [`Ownership::announce`].
    pub(super) fn assign(&mut self, partitions: &[TopicPartition]) -> u64 {
        self.rebalance += 1;
        for partition in partitions {
            let slot = Slot {
                epoch: self.rebalance,
                stage: Stage::Asking,
                fetched: false,
                held: false,
                ready: VecDeque::new(),
            };
            self.slots.insert(partition.clone(), slot);
        }
        self.rebalance
    }

    /// What was committed is known: those that are still ours of that epoch are told to the caller.
    pub(super) fn announce(&mut self, epoch: u64, answers: Vec<Announced>) -> Vec<Announced> {
        let mut announced = Vec::with_capacity(answers.len());
        for (partition, committed) in answers {
            if let Some(slot) = self.slots.get_mut(&partition)
                && slot.epoch == epoch
                && slot.stage == Stage::Asking
            {
                slot.stage = Stage::Announced;
                announced.push((partition, committed));
            }
        }
        announced
    }

    /// Whether any partition of that epoch still waits for its answer.
    pub(super) fn is_asking(&self, epoch: u64) -> bool {
        self.slots.values().any(|slot| slot.epoch == epoch && slot.stage == Stage::Asking)
    }

    /// The caller has restored it. The epoch of this ownership, if it may start.
    pub(super) fn start(&mut self, partition: &TopicPartition) -> Option<u64> {
        let slot = self.slots.get_mut(partition)?;
        if slot.stage != Stage::Announced {
            return None;
        }
        slot.stage = Stage::Started;
        Some(slot.epoch)
    }

    /// The client begins to fetch; false when the matter is over meanwhile.
    pub(super) fn fetch(&mut self, partition: &TopicPartition, epoch: u64) -> bool {
        match self.slots.get_mut(partition) {
            Some(slot) if slot.epoch == epoch && slot.stage == Stage::Started => {
                slot.fetched = true;
                true
            }
            _ => false,
        }
    }

    /// Whether the client fetches it for this ownership.
    pub(super) fn is_fetched(&self, partition: &TopicPartition, epoch: u64) -> bool {
        self.slots.get(partition).is_some_and(|slot| slot.epoch == epoch && slot.fetched)
    }

    /// Whether it is ours, until it is given back or lost.
    pub(super) fn owns(&self, partition: &TopicPartition) -> bool {
        self.slots.get(partition).is_some_and(|slot| slot.stage != Stage::Asking)
    }

    /// Flow control.
    pub(super) fn hold(&mut self, partition: &TopicPartition, held: bool) {
        if let Some(slot) = self.slots.get_mut(partition) {
            slot.held = held;
        }
    }

    /// Whether there is room for another batch.
    pub(super) fn wants(&self, partition: &TopicPartition, epoch: u64) -> bool {
        self.slots.get(partition).is_some_and(|slot| {
            slot.epoch == epoch && slot.stage == Stage::Started && !slot.held && slot.ready.len() < READY
        })
    }

    /// A batch for the caller; dropped when the partition is no longer ours, so that the next owner reads it.
    pub(super) fn push(&mut self, epoch: u64, batch: Batch) {
        if let Some(slot) = self.slots.get_mut(&batch.partition)
            && slot.epoch == epoch
            && slot.stage == Stage::Started
        {
            slot.ready.push_back(batch);
        }
    }

    /// The next batch, partitions in turn, held ones left out.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let is_ready = |(_, slot): &(&TopicPartition, &Slot)| !slot.held && !slot.ready.is_empty();
        let after = match &self.last {
            Some(last) => self.slots.range((Bound::Excluded(last.clone()), Bound::Unbounded)).find(is_ready),
            None => None,
        };
        let partition =
            after.or_else(|| self.slots.iter().find(is_ready)).map(|(partition, _)| partition.clone())?;
        let batch = self.slots.get_mut(&partition)?.ready.pop_front();
        self.last = Some(partition);
        batch
    }

    /// These are to be given back. The id of the revocation, and those that the caller knows of.
    pub(super) fn revoke(&mut self, partitions: &[TopicPartition]) -> (u64, Vec<TopicPartition>) {
        self.rebalance += 1;
        let mut known = Vec::new();
        for partition in partitions {
            let Some(slot) = self.slots.get_mut(partition) else { continue };
            if matches!(slot.stage, Stage::Announced | Stage::Started) {
                known.push(partition.clone());
            }
            slot.stage = Stage::Revoking;
            slot.ready.clear();
        }
        let revocation = Revocation { partitions: partitions.iter().cloned().collect(), released: false };
        self.revocations.insert(self.rebalance, revocation);
        (self.rebalance, known)
    }

    /// The caller has finished with a revocation. When that was the last open one: what the client must stop fetching.
    /// An id that a loss has settled meanwhile changes nothing.
    pub(super) fn release(&mut self, id: u64) -> Option<Vec<TopicPartition>> {
        self.revocations.get_mut(&id)?.released = true;
        if self.revocations.values().any(|revocation| !revocation.released) {
            return None;
        }
        Some(self.release_all())
    }

    /// Lets go of every open revocation.
    pub(super) fn release_all(&mut self) -> Vec<TopicPartition> {
        let revocations = std::mem::take(&mut self.revocations);
        let partitions: BTreeSet<_> =
            revocations.into_values().flat_map(|revocation| revocation.partitions).collect();
        self.remove(partitions).1
    }

    /// Whether a revocation waits for its release.
    pub(super) fn is_revoking(&self) -> bool {
        !self.revocations.is_empty()
    }

    /// These are gone. Those that the caller knows of, and those that the client must stop fetching.
    pub(super) fn lose(
        &mut self,
        partitions: &[TopicPartition],
    ) -> (Vec<TopicPartition>, Vec<TopicPartition>) {
        self.rebalance += 1;
        for revocation in self.revocations.values_mut() {
            revocation.partitions.retain(|partition| !partitions.contains(partition));
        }
        self.revocations.retain(|_, revocation| !revocation.partitions.is_empty());
        self.remove(partitions.iter().cloned())
    }

    fn remove(
        &mut self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> (Vec<TopicPartition>, Vec<TopicPartition>) {
        let (mut known, mut fetched) = (Vec::new(), Vec::new());
        for partition in partitions {
            let Some(slot) = self.slots.remove(&partition) else { continue };
            if slot.fetched {
                fetched.push(partition.clone());
            }
            if slot.stage != Stage::Asking {
                known.push(partition);
            }
        }
        (known, fetched)
    }
}

#[cfg(test)]
mod tests;
