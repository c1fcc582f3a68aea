//! What the loop and a partition's task share: progress to commit, bytes in memory, questions to the group.
//!
//! Guarantee: one look gives the watermark, what is finished above it and the low position as they belong together; a low
//! position is never ahead of what is finished.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::actor::{Notice, What};
use super::metadata::{Fate, Metadata};
use super::tracker::Tracker;
use crate::domain::failure::{Class, Classify};
use crate::domain::time::Clock;
use crate::log::{Committed, Lease, LogError, TopicPartition};
use crate::pipeline::partition::Ownership;

/// Progress of one partition in one assignment.
#[derive(Debug)]
pub struct Shared {
    /// Tells this assignment of the partition from every other in the process.
    pub life: u64,
    state: Mutex<State>,
    /// Bytes of admitted records that are not finished.
    bytes: AtomicUsize,
    /// The same over the whole process.
    pub process_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    tracker: Tracker,
    epoch: u64,
    low: u64,
    fate: Fate,
    begun: bool,
}

impl Shared {
    /// A partition as the group has committed it; `None` = it is to be read from `start` on.
    #[must_use]
    pub fn new(
        life: u64,
        metadata: &Metadata,
        committed: Option<&Committed>,
        bytes: Arc<AtomicUsize>,
    ) -> Self {
        let tracker = Tracker::new(committed.map_or(0, |committed| committed.offset), &metadata.done);
        let Metadata { epoch, low, .. } = *metadata;
        let state = State { tracker, epoch, low, fate: Fate::default(), begun: false };
        Self { life, state: Mutex::new(state), bytes: AtomicUsize::new(0), process_bytes: bytes }
    }

    /// What may be committed now.
    #[must_use]
    pub fn committed(&self) -> Committed {
        let State { tracker, epoch, low, fate, begun: _ } = &*self.state();
        let metadata = Metadata { epoch: *epoch, low: *low, fate: *fate, done: tracker.done_above() };
        Committed { offset: tracker.watermark(), metadata: metadata.encode() }
    }

    /// What the next owner is to know.
    pub fn set_fate(&self, fate: Fate) {
        self.state().fate = fate;
    }

    /// The partition is given back by an owner that is alive: whatever it had not finished did not end it.
    pub(super) fn give_back(&self) {
        self.state().fate.released = true;
    }

    /// True from when it is known where reading begins.
    pub(super) fn is_begun(&self) -> bool {
        self.state().begun
    }

    pub(super) fn set_epoch(&self, epoch: u64) {
        self.state().epoch = epoch;
    }

    /// To be called when what it rests on is finished in the tracker.
    pub(super) fn set_low(&self, low: u64) {
        self.state().low = low;
    }

    /// Reading begins here.
    pub(super) fn begin(&self, tracker: Tracker) {
        let mut state = self.state();
        (state.tracker, state.begun) = (tracker, true);
    }

    /// Looks at the tracker, or changes it.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut Tracker) -> R) -> R {
        look(&mut self.state().tracker)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.process_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub_bytes(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.process_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// What was never finished is not in memory any more.
    fn drop(&mut self) {
        self.process_bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

/// Between two tries to commit.
const AGAIN: Duration = Duration::from_millis(200);
/// A partition that was lost to the group is dropped within this time.
const GONE: Duration = Duration::from_secs(60);

/// The group's word on one assignment.
#[derive(Debug)]
pub struct Owned {
    /// Which partition.
    pub partition: TopicPartition,
    /// Its progress.
    pub shared: Arc<Shared>,
    /// The loop's ear.
    pub notices: mpsc::UnboundedSender<Notice>,
    /// The member's.
    pub lease: Lease,
    /// Before this uptime a predecessor may hold one too.
    pub since: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Fires when the partition is to be given back.
    pub release: CancellationToken,
}

impl Owned {
    /// Has the loop commit the partition's progress now, again and again while the group is busy with a rebalance.
    ///
    /// # Errors
    /// When the group does not take it. A partition that another member owns is dropped before that is said.
    async fn commit(&self) -> Result<(), LogError> {
        loop {
            match self.commit_once().await {
                Err(error) if matches!(error.class(), Class::Transient { .. }) => {
                    tracing::debug!(partition = %self.partition, %error, "the commit is tried again");
                    if self.release.is_cancelled() {
                        return Err(error);
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error @ LogError::Fenced(_)) => {
                    // We are about to be told, and dropped.
                    tracing::info!(partition = %self.partition, "the group has given the partition to another member");
                    tokio::select! {
                        () = self.release.cancelled() => {}
                        () = tokio::time::sleep(GONE) => {}
                    }
                    return Err(error);
                }
                answer => return answer,
            }
        }
    }

    async fn commit_once(&self) -> Result<(), LogError> {
        let (answer, answered) = oneshot::channel();
        let (partition, life) = (self.partition.clone(), self.shared.life);
        let gone = || LogError::Fenced(self.partition.clone());
        self.notices
            .send(Notice { partition, life, what: What::Commit(answer) })
            .map_err(|_closed| gone())?;
        answered.await.map_err(|_dropped| gone())?
    }
}

#[async_trait]
impl Ownership for Owned {
    async fn claim(&self, epoch: u64) -> Result<(), LogError> {
        self.shared.set_epoch(epoch);
        self.commit().await
    }

    fn lease(&self) -> Duration {
        if self.clock.uptime() < self.since { Duration::ZERO } else { self.lease.until() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{ManualClock, Timestamp};

    #[test]
    fn nothing_is_leased_while_a_predecessor_may_hold_a_lease() {
        let clock = ManualClock::at(Timestamp::from_millis(100_000));
        let metadata = Metadata::default();
        let owned = Owned {
            partition: TopicPartition::new("reply.ready.v1", 0),
            shared: Arc::new(Shared::new(1, &metadata, None, Arc::default())),
            notices: mpsc::unbounded_channel().0,
            lease: Lease::over(),
            since: clock.uptime() + Duration::from_secs(13),
            clock: Arc::new(clock.clone()),
            release: CancellationToken::new(),
        };
        let until = clock.uptime() + Duration::from_secs(20);
        owned.lease.renew(until);
        assert_eq!(owned.lease(), Duration::ZERO);
        clock.advance(Duration::from_millis(12_999));
        assert_eq!(owned.lease(), Duration::ZERO);
        clock.advance(Duration::from_millis(1));
        assert_eq!(owned.lease(), until);
    }
}
