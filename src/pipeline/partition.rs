//! The contract of a stage that owns a partition's state: ingest, dispatch, journal.
//!
//! One value per assigned partition, driven by one task, so its state needs no lock. It is built fresh at every
//! assignment, also when the same partition returns.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::StageError;
use super::stage::Emission;
use crate::domain::failure::{Class, Classify};
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, Timestamp};
use crate::log::{Log, LogError, Outgoing, Position, Record, TopicName, TopicPartition};

/// Makes the stage's value for a partition.
pub trait StageFactory: Send + Sync + 'static {
    /// The stage's name.
    const NAME: StageName;
    /// Every output's name, for the pipeline file's check.
    const PORTS: &'static [&'static str];
    /// The value.
    type Stage: PartitionStage;
    /// True where it does what nobody can take back, so that it must know that the partition is its own: progress is
    /// committed every few seconds even when there is none, which keeps the lease.
    const LEASED: bool = false;

    /// Called at each assignment, before [`PartitionStage::restore`].
    fn create(&self, partition: &TopicPartition) -> Self::Stage;
}

/// A partition's state machine. Methods other than `restore` never wait: what takes time is given to
/// [`PartitionCx::spawn`] and comes back through [`PartitionStage::done`].
#[async_trait]
pub trait PartitionStage: Send + 'static {
    /// What a spawned future gives back.
    type Effect: Send + 'static;

    /// Rebuilds state before the first record.
    async fn restore(&mut self, cx: &mut PartitionCx<Self::Effect>) -> Result<Restored, StageError>;

    /// Takes records in offset order: none where all that was read is finished already, see
    /// [`PartitionCx::position`]. Each offset must later be finished with [`PartitionCx::finish`], after its effect is
    /// durable, or given up with [`PartitionCx::dead_letter`].
    fn admit(&mut self, cx: &mut PartitionCx<Self::Effect>, records: Vec<Record>);

    /// A spawned future is done.
    fn done(&mut self, cx: &mut PartitionCx<Self::Effect>, effect: Self::Effect);

    /// The moment set by [`PartitionCx::wake_at`] has come.
    fn tick(&mut self, cx: &mut PartitionCx<Self::Effect>);

    /// All that had come is taken in: what can be done now is begun. Called after each run of the three above, so that what
    /// came together goes on together.
    fn turn(&mut self, _cx: &mut PartitionCx<Self::Effect>) {}

    /// The partition is to be given back: start nothing new. What is in flight may still come back through `done`;
    /// when [`PartitionCx::idle`] holds or the drain's time is over, the value is dropped.
    fn release(&mut self, cx: &mut PartitionCx<Self::Effect>);
}

/// What a restore found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Where to begin reading; `None` = at the group's committed offset.
    pub from: Option<u64>,
}

/// What proves that a partition is this process's. Made by the runtime.
#[async_trait]
pub trait Ownership: Send + Sync + fmt::Debug + 'static {
    /// Commits the group's progress of the partition as it is, with this epoch.
    ///
    /// # Errors
    /// When the group does not take it; [`LogError::Fenced`] when the partition has another owner.
    async fn claim(&self, epoch: u64) -> Result<(), LogError>;

    /// The [uptime](Clock::uptime) until which nobody else can own it.
    fn lease(&self) -> Duration;
}

/// For whoever drives a stage by hand: nobody else owns anything.
#[derive(Debug, Clone, Copy)]
pub struct Undisputed;

#[async_trait]
impl Ownership for Undisputed {
    async fn claim(&self, _epoch: u64) -> Result<(), LogError> {
        Ok(())
    }

    fn lease(&self) -> Duration {
        // Far away, and still to be added to.
        Duration::MAX / 4
    }
}

/// What a [`PartitionStage`] may do. Made by the runtime, one per partition.
pub struct PartitionCx<E> {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Which partition this is.
    pub partition: TopicPartition,
    /// Rises with every owner of the partition; raised by [`PartitionCx::claim`].
    pub epoch: u64,
    /// What the group had committed when the partition was assigned; the first kept offset where nothing.
    pub start: u64,
    /// The lowest position of its ledger that a next owner needs; as committed, then as the stage says. Committed
    /// together with what is finished.
    pub low: u64,
    /// Behind the last record that was read, also of those that were finished already.
    pub position: u64,
    /// What proves that the partition is ours.
    pub ownership: Arc<dyn Ownership>,
    /// For restores: readers, ranges, offsets by time.
    pub log: Arc<dyn Log>,
    /// Cancelled when the partition is lost or the process ends at once.
    pub cancel: CancellationToken,
    /// Topics of the named outputs.
    pub outputs: Arc<Outputs>,
    /// Futures that were spawned and are not done. Polled by the runtime.
    pub in_flight: FuturesUnordered<BoxFuture<'static, E>>,
    /// Offsets to finish, taken by the runtime after each call.
    pub finished: Vec<u64>,
    /// Offsets given up, with the reason, taken by the runtime after each call.
    pub dead: Vec<(u64, StageError)>,
    /// Set when the loop has to stop; taken by the runtime after each call.
    pub failed: Option<LogError>,
    /// When to call [`PartitionStage::tick`].
    pub wake: Option<Instant>,
}

impl<E> fmt::Debug for PartitionCx<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionCx")
            .field("partition", &self.partition)
            .field("epoch", &self.epoch)
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}

impl<E: Send + 'static> PartitionCx<E> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs a future; its result comes to [`PartitionStage::done`].
    pub fn spawn(&mut self, work: impl Future<Output = E> + Send + 'static) {
        self.in_flight.push(Box::pin(work));
    }

    /// The offset's effect is durable.
    pub fn finish(&mut self, offset: u64) {
        self.finished.push(offset);
    }

    /// The record can't be processed: the runtime writes it to the dead letters untouched, with the reason, and finishes
    /// the offset when that is acknowledged.
    pub fn dead_letter(&mut self, offset: u64, error: StageError) {
        self.dead.push((offset, error));
    }

    /// The log can't be written and trying again won't help: the loop stops with its offsets kept.
    pub fn fail(&mut self, error: LogError) {
        self.failed = Some(error);
    }

    /// Asks for a tick at `at`, if none is asked for earlier.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// True when nothing that was spawned is under way.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Makes `epoch` the partition's, under the group's protection: whoever had it before can't commit any more, and
    /// whoever comes next takes a higher one.
    ///
    /// # Errors
    /// [`LogError::Fenced`] when another member owns the partition by now.
    pub async fn claim(&mut self, epoch: u64) -> Result<(), LogError> {
        self.ownership.claim(epoch).await?;
        self.epoch = epoch;
        Ok(())
    }

    /// The [uptime](Clock::uptime) until which nobody else can own the partition.
    #[must_use]
    pub fn lease(&self) -> Duration {
        if self.cancel.is_cancelled() { Duration::ZERO } else { self.ownership.lease() }
    }

    /// Appends outputs through the pipeline's binding and gives their positions in the same order; to be awaited inside
    /// a spawned future: `let append = cx.append(emissions); cx.spawn(async move { Effect::Appended(append.await) })`.
    /// It tries again with backoff while the log is busy, until the partition is cancelled.
    pub fn append(
        &self,
        emissions: Vec<Emission>,
    ) -> impl Future<Output = Result<Vec<Position>, LogError>> + Send + 'static + use<E> {
        let (log, outputs, cancel) = (Arc::clone(&self.log), Arc::clone(&self.outputs), self.cancel.clone());
        async move { outputs.append(&*log, emissions, &cancel).await }
    }
}

/// The topics of a stage's named outputs, as its pipeline file binds them.
#[derive(Debug, Clone, Default)]
pub struct Outputs(pub Vec<(&'static str, TopicName)>);

impl Outputs {
    /// The topic of a named output. Bindings are checked at start, so a missing one is a defect.
    ///
    /// # Panics
    /// When the name is not bound.
    #[must_use]
    pub fn topic(&self, port: &str) -> TopicName {
        match self.0.iter().find(|(name, _)| *name == port) {
            Some((_, topic)) => topic.clone(),
            None => panic!("output `{port}` is not bound to a topic"),
        }
    }

    /// Turns emissions into records and appends them, trying again while the log says it is busy.
    ///
    /// # Errors
    /// When trying again can't help, or `cancel` fired.
    pub async fn append(
        &self,
        log: &dyn Log,
        emissions: Vec<Emission>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Position>, LogError> {
        let records = emissions
            .into_iter()
            .map(|emission| Outgoing {
                partition: emission.partition,
                ..Outgoing::event(self.topic(emission.port), emission.key, emission.value)
            })
            .collect();
        append_until_acked(log, records, cancel).await
    }
}

/// Appends, trying again with backoff while the log says it is busy; the positions in the order given.
///
/// # Errors
/// When trying again can't help, or `cancel` fired.
pub async fn append_until_acked(
    log: &dyn Log,
    records: Vec<Outgoing>,
    cancel: &CancellationToken,
) -> Result<Vec<Position>, LogError> {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(5);
    let mut wait = FIRST;
    loop {
        let error = match log.append(&records).await {
            Ok(positions) => return Ok(positions),
            Err(error) if matches!(error.class(), Class::Transient { .. }) => error,
            Err(error) => return Err(error),
        };
        tracing::warn!(%error, wait_ms = wait.as_millis(), "append failed, trying again");
        tokio::select! {
            () = cancel.cancelled() => return Err(error),
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST),
        }
    }
}
