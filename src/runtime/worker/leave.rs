//! Partitions that go: revoked ones, and all of them when the process stops.
//!
//! Guarantee: a partition is drained and committed before it is given back; when its time is over, what is in flight is
//! repeated by the next owner.

use tokio::time::Instant;

use super::{TURN_HELD, Worker};
use crate::log::{LogError, Signal, TopicPartition};
use crate::pipeline::StageFactory;
use crate::runtime::actor::Failure;
use crate::runtime::health::LoopState;

#[derive(Debug)]
pub(super) struct Revocation {
    id: u64,
    partitions: Vec<TopicPartition>,
    until: Instant,
}

impl<F: StageFactory> Worker<F> {
    pub(super) fn revoke(&mut self, id: u64, partitions: Vec<TopicPartition>) {
        for owned in partitions.iter().filter_map(|partition| self.partitions.get(partition)) {
            owned.release.cancel();
        }
        let until = Instant::now() + self.spec.config.revoke_timeout.get();
        self.revoking.push(Revocation { id, partitions, until });
    }

    /// Releases what has drained, or whose time is over: what is in flight then is repeated by the next owner.
    pub(super) async fn finish_revocations(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        for revocation in std::mem::take(&mut self.revoking) {
            let still = |partition: &TopicPartition| {
                self.partitions.get(partition).is_some_and(|owned| !owned.drained)
            };
            if now < revocation.until && revocation.partitions.iter().any(still) {
                self.revoking.push(revocation);
                continue;
            }
            for owned in revocation.partitions.iter().filter_map(|partition| self.partitions.get(partition)) {
                owned.shared.give_back();
            }
            let progress = self.progress(|partition| revocation.partitions.contains(partition));
            if !progress.is_empty()
                && let Err(error) = self.group.commit_now(&progress).await
            {
                // The next owner repeats what this commit would have told it; ids make that safe.
                tracing::warn!(stage = %F::NAME, %error, "the last commit of revoked partitions failed");
            }
            revocation.partitions.iter().for_each(|partition| drop(self.partitions.remove(partition)));
            self.group.release(revocation.id);
        }
        Ok(())
    }

    /// Finishes what is in flight within the stop's time, commits, leaves.
    pub(super) async fn drain(mut self) -> Result<(), Failure> {
        self.spec.health.beat(F::NAME.as_str(), LoopState::Draining);
        let until = Instant::now() + self.spec.drain;
        for (partition, owned) in &self.partitions {
            owned.release.cancel();
            self.group.hold(partition, true);
        }
        while Instant::now() < until && self.partitions.values().any(|owned| !owned.drained) {
            // Rebalances go on while we drain; records that still come are left to the next owner.
            match self.group.next(TURN_HELD).await? {
                Signal::Revoked { id, partitions } => self.revoke(id, partitions),
                Signal::Lost(partitions) => {
                    partitions.iter().for_each(|partition| drop(self.partitions.remove(partition)))
                }
                Signal::Records(_) | Signal::Assigned(_) | Signal::Idle => {}
            }
            self.hear()?;
            self.answer().await;
            self.finish_revocations().await?;
        }
        self.commit_last(until).await?;
        self.partitions.clear();
        self.group.leave().await;
        self.spec.health.beat(F::NAME.as_str(), LoopState::Stopped("drained".to_owned()));
        Ok(())
    }

    /// The last commit, tried again until `until` where a rebalance stands in its way.
    async fn commit_last(&mut self, until: Instant) -> Result<(), Failure> {
        self.partitions.values().for_each(|owned| owned.shared.give_back());
        let mut progress = self.progress(|_| true);
        while !progress.is_empty() {
            match self.group.commit_now(&progress).await {
                Ok(()) => return Ok(()),
                Err(LogError::Broker { retriable: true, .. }) if Instant::now() < until => {}
                // It has another owner already, who begins where the group is; the others are still ours to commit.
                Err(LogError::Fenced(lost)) if progress.iter().any(|item| item.partition == lost) => {
                    progress.retain(|item| item.partition != lost);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
