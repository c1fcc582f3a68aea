//! One member of a stage's consumer group: gives records to partitions' tasks, commits, hands partitions over.
//!
//! Guarantee: it never waits for user code or for the answer to a commit, so rebalances are answered in time and a slow
//! coordinator holds up no partition but those whose commit it is; a partition that is revoked is drained and
//! committed before it is released, one that is lost is dropped at once; state is built fresh at every assignment.

mod commits;
mod leave;
mod memory;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Failure, Notice, QUEUE, What};
use super::brake::Brake;
use super::careful::Turns;
use super::config::RuntimeConfig;
use super::health::{Health, LoopState};
use super::metadata::{Fate, Metadata};
use super::progress::{Owned, Shared};
use crate::domain::time::Clock;
use crate::log::{
    Batch, Committed, Group, Log, LogError, Progress, Record, Signal, Subscription, TopicPartition,
};
use crate::pipeline::partition::Outputs;
use crate::pipeline::{PartitionCx, StageFactory};
use commits::Asked;

/// The most records that an engine gives at once; a partition with room has room for one more batch.
pub const BATCH: u64 = 1024;
/// The longest wait in one turn of the loop: how late a commit or a resumed partition may be.
const TURN: Duration = Duration::from_millis(50);
/// The same while a partition is held: it resumes as soon as its task has caught up.
const TURN_HELD: Duration = Duration::from_millis(2);

/// How old the last commit may be where a lease hangs on it.
const RENEW: Duration = Duration::from_secs(3);
/// How long a member may wait for its first partitions before it counts as ready without any.
const JOIN: Duration = Duration::from_secs(10);

/// What a worker runs on.
#[derive(Debug, Clone)]
pub struct WorkerSpec {
    /// What the group reads.
    pub reads: Subscription,
    /// The topics of the stage's outputs.
    pub outputs: Outputs,
    /// How often progress is committed.
    pub commit: Duration,
    /// How long records may gather before they are handed on together; zero = each at once.
    pub gather: Duration,
    /// How long a stop may take.
    pub drain: Duration,
    /// Bounds.
    pub config: RuntimeConfig,
    /// Bytes of records in memory over the whole process; shared by all workers.
    pub process_bytes: Arc<AtomicUsize>,
    /// Whose turn it is after crashes; shared by all workers of the process.
    pub turns: Turns,
    /// Where the loop reports.
    pub health: Health,
}

/// A member of a stage's group.
pub struct Worker<F: StageFactory> {
    factory: Arc<F>,
    spec: WorkerSpec,
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    group: Box<dyn Group>,
    partitions: HashMap<TopicPartition, Partition>,
    /// Revocations under way: their id, what has not drained, and when patience ends.
    revoking: Vec<leave::Revocation>,
    notices: (mpsc::UnboundedSender<Notice>, mpsc::UnboundedReceiver<Notice>),
    brake: Arc<Brake>,
    outputs: Arc<Outputs>,
    committed_at: Instant,
    /// When a commit was last sent.
    renewed_at: Instant,
    /// Partitions that wait for a commit.
    asked: Vec<Asked>,
    /// Commits that are not answered, of partitions that wait for them.
    told: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Until the group has spoken for the first time, or this moment, the loop is not ready: a member may get nothing when
    /// there are more members than partitions.
    joining_until: Option<Instant>,
}

impl<F: StageFactory> std::fmt::Debug for Worker<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("stage", &F::NAME).field("partitions", &self.partitions.len()).finish()
    }
}

/// A partition that this member owns.
struct Partition {
    shared: Arc<Shared>,
    records: mpsc::Sender<Vec<Record>>,
    /// A batch that found the queue full; the partition is held until it fits.
    stuck: Option<Vec<Record>>,
    release: CancellationToken,
    cancel: CancellationToken,
    /// Reading has begun, so there is progress to commit.
    started: bool,
    drained: bool,
    last: Option<Committed>,
}

impl Drop for Partition {
    /// Whoever forgets a partition ends its task.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Counts assignments, all partitions' together.
static LIVES: AtomicU64 = AtomicU64::new(1);

impl<F: StageFactory> Worker<F> {
    /// Joins the stage's group.
    ///
    /// # Errors
    /// When the engine can't be reached or a topic is missing.
    pub async fn join(
        factory: Arc<F>,
        spec: WorkerSpec,
        log: Arc<dyn Log>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LogError> {
        spec.health.beat(F::NAME.as_str(), LoopState::Restoring);
        let group = log.join(&F::NAME.group(), &spec.reads, spec.gather).await?;
        Ok(Self {
            brake: Arc::new(Brake::new(spec.config.brake)),
            outputs: Arc::new(spec.outputs.clone()),
            factory,
            spec,
            log,
            clock,
            group,
            partitions: HashMap::new(),
            revoking: Vec::new(),
            notices: mpsc::unbounded_channel(),
            committed_at: Instant::now(),
            renewed_at: Instant::now(),
            asked: Vec::new(),
            told: FuturesUnordered::new(),
            joining_until: Some(Instant::now() + JOIN),
        })
    }

    /// Runs until `stop` fires, then drains and leaves.
    ///
    /// # Errors
    /// When the loop can't go on; offsets are as they were last committed, so a new member repeats a little and loses
    /// nothing.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            self.turn().await?;
        }
        self.drain().await
    }

    async fn turn(&mut self) -> Result<(), Failure> {
        let held = self.partitions.values().any(|partition| partition.stuck.is_some());
        let restoring = self.partitions.values().any(|partition| !partition.started);
        let joining = self.joining_until.is_some_and(|until| Instant::now() < until);
        let state = if restoring || joining { LoopState::Restoring } else { LoopState::Running };
        self.spec.health.beat(F::NAME.as_str(), state);
        let busy = held || restoring || !self.revoking.is_empty() || !self.told.is_empty();
        let wait = if busy { TURN_HELD } else { TURN };
        match self.group.next(wait).await? {
            Signal::Records(batch) => self.hand_over(batch),
            Signal::Assigned(partitions) => self.assign(partitions)?,
            Signal::Revoked { id, partitions } => self.revoke(id, partitions),
            Signal::Lost(partitions) => {
                tracing::warn!(stage = %F::NAME, ?partitions, "partitions lost");
                partitions.iter().for_each(|partition| drop(self.partitions.remove(partition)));
            }
            Signal::Idle => {}
        }
        self.hear()?;
        self.answer();
        self.resume();
        self.finish_revocations();
        self.commit()
    }

    /// Commits what has changed, and where a lease hangs on it from time to time also what has not.
    fn commit(&mut self) -> Result<(), Failure> {
        if self.committed_at.elapsed() < self.spec.commit {
            return Ok(());
        }
        self.committed_at = Instant::now();
        if F::LEASED && self.renewed_at.elapsed() >= RENEW {
            self.partitions.values_mut().for_each(|owned| owned.last = None);
        }
        let progress = self.progress(|_| true);
        if !progress.is_empty() {
            self.renewed_at = Instant::now();
            self.group.commit(&progress)?;
        }
        Ok(())
    }

    fn assign(&mut self, assigned: Vec<(TopicPartition, Option<Committed>)>) -> Result<(), Failure> {
        self.joining_until = None;
        for (partition, committed) in assigned {
            let metadata =
                committed.as_ref().map_or(Ok(Metadata::default()), |c| Metadata::decode(&c.metadata));
            let metadata = metadata.map_err(|error| Failure::Metadata(partition.clone(), error))?;
            let life = LIVES.fetch_add(1, Ordering::Relaxed);
            let bytes = Arc::clone(&self.spec.process_bytes);
            let shared = Arc::new(Shared::new(life, &metadata, committed.as_ref(), bytes));
            shared.set_epoch(metadata.epoch + 1);
            let (release, cancel) = (CancellationToken::new(), CancellationToken::new());
            // An owner that gave it back sends nothing any more.
            let alone = committed.is_none() || metadata.fate.released;
            let overlap = if alone { Duration::ZERO } else { self.group.overlap() };
            if F::LEASED && !overlap.is_zero() {
                tracing::info!(stage = %F::NAME, %partition, ?overlap, "the last owner said no goodbye: waiting for its lease to end");
            }
            let owned = Owned {
                partition: partition.clone(),
                shared: Arc::clone(&shared),
                notices: self.notices.0.clone(),
                lease: self.group.lease(),
                since: self.clock.uptime() + overlap,
                clock: Arc::clone(&self.clock),
                release: release.clone(),
            };
            let (sender, records) = mpsc::channel(QUEUE);
            let cx = PartitionCx {
                clock: Arc::clone(&self.clock),
                partition: partition.clone(),
                epoch: metadata.epoch + 1,
                start: committed.as_ref().map_or(0, |committed| committed.offset),
                low: metadata.low,
                position: committed.as_ref().map_or(0, |committed| committed.offset),
                ownership: Arc::new(owned),
                log: Arc::clone(&self.log),
                cancel: cancel.clone(),
                outputs: Arc::clone(&self.outputs),
                in_flight: futures_util::stream::FuturesUnordered::new(),
                finished: Vec::new(),
                dead: Vec::new(),
                failed: None,
                wake: None,
            };
            let actor = Actor {
                stage: self.factory.create(&partition),
                cx,
                name: F::NAME,
                before: committed.as_ref().map(|_| metadata.fate),
                committed,
                shared: Arc::clone(&shared),
                records,
                release: release.clone(),
                notices: self.notices.0.clone(),
                brake: Arc::clone(&self.brake),
                max_bytes: usize::try_from(self.spec.config.partition_bytes.bytes()).unwrap_or(usize::MAX),
                turns: (!F::LEASED).then(|| self.spec.turns.clone()),
            };
            tokio::spawn(actor.run());
            let owned = Partition {
                shared,
                records: sender,
                stuck: None,
                release,
                cancel,
                started: false,
                drained: false,
                last: None,
            };
            self.partitions.insert(partition, owned);
        }
        Ok(())
    }

    /// Gives a batch to its partition's task, or holds the partition until there is room.
    fn hand_over(&mut self, batch: Batch) {
        let full = self.is_full();
        let Some(owned) = self.partitions.get_mut(&batch.partition) else { return };
        if owned.release.is_cancelled() {
            return;
        }
        if owned.stuck.is_none() && (!full || owned.holds_nothing()) {
            match owned.records.try_send(batch.records) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(records)) => owned.stuck = Some(records),
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        } else {
            owned.stuck.get_or_insert_with(Vec::new).extend(batch.records);
        }
        self.group.hold(&batch.partition, true);
    }

    /// Lets held partitions go on that have room again.
    fn resume(&mut self) {
        let full = self.is_full();
        for (partition, owned) in &mut self.partitions {
            if full && !owned.holds_nothing() {
                continue;
            }
            let Some(records) = owned.stuck.take() else { continue };
            match owned.records.try_send(records) {
                Ok(()) => self.group.hold(partition, false),
                Err(mpsc::error::TrySendError::Full(records)) => owned.stuck = Some(records),
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
    }

    fn hear(&mut self) -> Result<(), Failure> {
        while let Ok(notice) = self.notices.1.try_recv() {
            let Some(owned) = self.partitions.get_mut(&notice.partition) else { continue };
            if owned.shared.life != notice.life {
                continue;
            }
            match notice.what {
                What::Restored(from) => {
                    owned.started = true;
                    if !owned.release.is_cancelled() {
                        match self.group.start(&notice.partition, from) {
                            // It is revoked or lost, and we are about to be told.
                            Err(LogError::Fenced(_)) => {}
                            answer => answer?,
                        }
                    }
                }
                What::Commit(answer) => self.asked.push((notice.partition, answer)),
                What::Drained => {
                    owned.drained = true;
                    let fate = Fate { released: true, ..Fate::default() };
                    owned.shared.set_fate(fate);
                }
                What::Failed(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// What has changed since the last commit, of partitions that `of` chooses.
    fn progress(&mut self, of: impl Fn(&TopicPartition) -> bool) -> Vec<Progress> {
        let started =
            self.partitions.iter_mut().filter(|(partition, owned)| owned.shared.is_begun() && of(partition));
        started
            .filter_map(|(partition, owned)| {
                let committed = owned.shared.committed();
                if owned.last.as_ref() == Some(&committed) {
                    return None;
                }
                owned.last = Some(committed.clone());
                Some(Progress { partition: partition.clone(), committed })
            })
            .collect()
    }
}
