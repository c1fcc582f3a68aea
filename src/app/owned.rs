//! Which partitions of a stage are this process's at the moment.
//!
//! Guarantee: a partition is named from its assignment until its stage's value is dropped, which is before another process
//! gets it, unless this one was thought dead: whoever acts on it has to bear that two do. One that comes back before its old
//! value is dropped is named on.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::stage::StageName;
use crate::log::{Record, TopicPartition};
use crate::pipeline::{PartitionCx, PartitionStage, Restored, StageError, StageFactory};

/// Numbers of partitions, and how many values stand for each.
#[derive(Debug, Clone, Default)]
pub struct Owned(Arc<Mutex<HashMap<u32, usize>>>);

impl Owned {
    /// True while the partition is this process's.
    #[must_use]
    pub fn has(&self, partition: u32) -> bool {
        self.lock().contains_key(&partition)
    }

    /// Names a partition for as long as the result lives.
    #[must_use]
    pub fn hold(&self, partition: u32) -> Held {
        *self.lock().entry(partition).or_default() += 1;
        Held { owned: self.clone(), partition }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Owned::hold`].
#[derive(Debug)]
pub struct Held {
    owned: Owned,
    partition: u32,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut owned = self.owned.lock();
        if let Some(values) = owned.get_mut(&self.partition) {
            *values -= 1;
            if *values == 0 {
                owned.remove(&self.partition);
            }
        }
    }
}

/// Makes stages whose partitions are named.
#[derive(Debug)]
pub struct Owning<F> {
    inner: F,
    owned: Owned,
}

impl<F> Owning<F> {
    /// Names the partitions of this factory's stages.
    pub const fn new(inner: F, owned: Owned) -> Self {
        Self { inner, owned }
    }
}

impl<F: StageFactory> StageFactory for Owning<F> {
    const NAME: StageName = F::NAME;
    const PORTS: &'static [&'static str] = F::PORTS;
    const LEASED: bool = F::LEASED;
    type Stage = OwnedStage<F::Stage>;

    fn create(&self, partition: &TopicPartition) -> Self::Stage {
        OwnedStage { inner: self.inner.create(partition), _held: self.owned.hold(partition.partition) }
    }
}

/// A partition of such a stage.
pub struct OwnedStage<S> {
    inner: S,
    _held: Held,
}

impl<S> fmt::Debug for OwnedStage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedStage").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: PartitionStage> PartitionStage for OwnedStage<S> {
    type Effect = S::Effect;

    async fn restore(&mut self, cx: &mut PartitionCx<S::Effect>) -> Result<Restored, StageError> {
        self.inner.restore(cx).await
    }

    fn admit(&mut self, cx: &mut PartitionCx<S::Effect>, records: Vec<Record>) {
        self.inner.admit(cx, records);
    }

    fn done(&mut self, cx: &mut PartitionCx<S::Effect>, effect: S::Effect) {
        self.inner.done(cx, effect);
    }

    fn tick(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.tick(cx);
    }

    fn turn(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.turn(cx);
    }

    fn release(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.release(cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_comes_back_early_is_named_on() {
        let owned = Owned::default();
        let (old, new) = (owned.hold(3), owned.hold(3));
        drop(old);
        assert!(owned.has(3) && !owned.has(4));
        drop(new);
        assert!(!owned.has(3));
    }
}
