//! How much of the process's memory a loop's records may take.
//!
//! Guarantee: no loop keeps another from going on. One has at most half of what the process may, but for the batches that
//! are on their way to a partition's task; and a partition that holds nothing takes a batch whatever the others have.

use std::sync::atomic::Ordering;

use super::{Partition, Worker};
use crate::pipeline::StageFactory;
use crate::runtime::actor::QUEUE;

impl<F: StageFactory> Worker<F> {
    /// True while the process, or this loop of it, has as much as it may.
    pub(super) fn is_full(&self) -> bool {
        let most = self.spec.config.process_bytes.bytes();
        let all = self.spec.process_bytes.load(Ordering::Relaxed) as u64;
        // Mostly that little that nobody has to be counted.
        all > most || (all > most / 2 && self.bytes() > most / 2)
    }

    /// Bytes of this loop's records that are not finished.
    fn bytes(&self) -> u64 {
        self.partitions.values().map(|owned| owned.shared.bytes() as u64).sum()
    }
}

impl Partition {
    /// No record of it is at work or on its way.
    pub(super) fn holds_nothing(&self) -> bool {
        self.shared.bytes() == 0 && self.records.capacity() == QUEUE
    }
}
