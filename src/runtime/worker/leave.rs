//! Partitions that go: revoked ones, and all of them when the process stops.
//!
//! Guarantee: a partition is drained and committed before it is given back; when its time is over, what is in flight is
//! repeated by the next owner.

use futures_util::FutureExt;
use tokio::time::Instant;

use super::{Partition, TURN_HELD, Worker};
use crate::log::{CommitAnswer, LogError, Signal, TopicPartition};
use crate::pipeline::StageFactory;
use crate::runtime::actor::Failure;
use crate::runtime::health::LoopState;

/// A revocation on its way: drained, committed, released.
pub(super) struct Revocation {
    id: u64,
    /// Each with the assignment that it is about: a later one of the same partition is none of its business.
    partitions: Vec<(TopicPartition, u64)>,
    until: Instant,
    /// The last commit, once everything is drained.
    committing: Option<CommitAnswer>,
}

impl std::fmt::Debug for Revocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocation")
            .field("id", &self.id)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl<F: StageFactory> Worker<F> {
    pub(super) fn revoke(&mut self, id: u64, partitions: Vec<TopicPartition>) {
        let lives = partitions.into_iter().filter_map(|partition| {
            let owned = self.partitions.get(&partition)?;
            owned.release.cancel();
            Some((partition, owned.shared.life))
        });
        let partitions = lives.collect();
        let until = Instant::now() + self.spec.config.revoke_timeout.get();
        self.revoking.push(Revocation { id, partitions, until, committing: None });
    }

    /// Releases what has drained and is committed, or whose time is over: what is in flight then is repeated by the next
    /// owner.
    pub(super) fn finish_revocations(&mut self) {
        let now = Instant::now();
        for mut revocation in std::mem::take(&mut self.revoking) {
            let mut answer = match revocation.committing.take() {
                Some(answer) => answer,
                None if now < revocation.until && self.still_drains(&revocation) => {
                    self.revoking.push(revocation);
                    continue;
                }
                None => self.commit_revoked(&revocation.partitions),
            };
            match (&mut answer).now_or_never() {
                Some(outcome) => self.release(revocation, outcome),
                None => self.revoking.push(Revocation { committing: Some(answer), ..revocation }),
            }
        }
    }

    fn still_drains(&self, revocation: &Revocation) -> bool {
        revocation.partitions.iter().any(|revoked| self.owned(revoked).is_some_and(|owned| !owned.drained))
    }

    /// The partition, if it is still that of this assignment.
    fn owned(&self, (partition, life): &(TopicPartition, u64)) -> Option<&Partition> {
        self.partitions.get(partition).filter(|owned| owned.shared.life == *life)
    }

    fn commit_revoked(&mut self, partitions: &[(TopicPartition, u64)]) -> CommitAnswer {
        let mut mine = Vec::with_capacity(partitions.len());
        for revoked in partitions {
            if let Some(owned) = self.owned(revoked) {
                owned.shared.give_back();
                mine.push(revoked.0.clone());
            }
        }
        let progress = self.progress(|partition| mine.contains(partition));
        if progress.is_empty() {
            Box::pin(std::future::ready(Ok(())))
        } else {
            self.group.commit_told(&progress)
        }
    }

    fn release(&mut self, revocation: Revocation, outcome: Result<(), LogError>) {
        if let Err(error) = outcome {
            // The next owner repeats what this commit would have told it; ids make that safe.
            tracing::warn!(stage = %F::NAME, %error, "the last commit of revoked partitions failed");
        }
        for revoked in &revocation.partitions {
            if self.owned(revoked).is_some() {
                self.partitions.remove(&revoked.0);
            }
        }
        self.group.release(revocation.id);
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
            self.answer();
            self.finish_revocations();
        }
        for mut revocation in std::mem::take(&mut self.revoking) {
            if let Some(answer) = revocation.committing.take() {
                let outcome = answer.await;
                self.release(revocation, outcome);
            }
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
