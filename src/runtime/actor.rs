//! One partition's task: drives a [`PartitionStage`], keeps its offsets, writes its dead letters.
//!
//! Guarantee: an offset is completed in the tracker only after the stage finished it or its dead letter was
//! acknowledged; records are taken only while the span and the bytes have room.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::brake::Brake;
use super::careful::{Careful, Step, Turns};
use super::metadata::{Fate, Metadata};
use super::open::OpenRecords;
use super::progress::Shared;
use super::tracker::Tracker;
use crate::domain::failure::{Class, Origin};
use crate::domain::stage::StageName;
use crate::log::{Committed, LogError, Outgoing, Record, TopicPartition};
use crate::pipeline::dead::{self, Cause};
use crate::pipeline::{PartitionCx, PartitionStage, StageError};

/// Batches between the loop and a partition's task: two being read ahead of the two at work.
pub const QUEUE: usize = 4;

/// Effects of one turn at most: whoever leaves a partition waits no longer for it.
const TOGETHER: usize = 256;

/// By how much a timer may be late rather than be set anew: the clock of timers ticks no finer.
const EARLY: Duration = Duration::from_millis(1);

/// What a partition's task tells the loop.
#[derive(Debug)]
pub struct Notice {
    /// Which partition.
    pub partition: TopicPartition,
    /// In which assignment: an older one's word is ignored.
    pub life: u64,
    /// What happened.
    pub what: What,
}

/// What happened to a partition's task.
#[derive(Debug)]
pub enum What {
    /// State is rebuilt: read from here.
    Restored(u64),
    /// Its progress is to be committed now.
    Commit(oneshot::Sender<Result<(), LogError>>),
    /// Nothing is in flight any more.
    Drained,
    /// The loop has to stop.
    Failed(Failure),
}

/// Why a loop has to stop.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A partition's state could not be rebuilt.
    #[error("{0} could not be restored: {1}")]
    Restore(TopicPartition, StageError),
    /// Too many dead letters in a row.
    #[error(
        "the brake stopped the group at {0} offset {1}: every record fails, the last with: {2}; offsets are kept"
    )]
    Brake(TopicPartition, u64, String),
    /// The stage's state machine panicked; a restart rebuilds it.
    #[error("{0} panicked: {1}")]
    Panic(TopicPartition, String),
    /// Commit metadata that this program can't read.
    #[error("{0}: {1}")]
    Metadata(TopicPartition, super::metadata::MetadataError),
}

/// A dead letter's offset, and whether it is durable.
type Letter = (u64, Result<(), LogError>);

/// A partition's task, before it runs.
pub struct Actor<S: PartitionStage> {
    /// The stage's state.
    pub stage: S,
    /// What it may do.
    pub cx: PartitionCx<S::Effect>,
    /// The stage's name, for dead letters.
    pub name: StageName,
    /// What the group had committed; `None` = nothing.
    pub committed: Option<Committed>,
    /// How the last owner fared; `None` = there was none.
    pub before: Option<Fate>,
    /// Shared with the loop.
    pub shared: Arc<Shared>,
    /// Records to admit.
    pub records: mpsc::Receiver<Vec<Record>>,
    /// Fires when the partition is to be given back.
    pub release: CancellationToken,
    /// The loop's ear.
    pub notices: mpsc::UnboundedSender<Notice>,
    /// The group's brake.
    pub brake: Arc<Brake>,
    /// The most bytes of unfinished records.
    pub max_bytes: usize,
    /// Shared by all partitions of the process. `None` = a stage that sends: it holds its record as long as a limit says,
    /// and nobody waits for that.
    pub turns: Option<Turns>,
}

impl<S: PartitionStage> fmt::Debug for Actor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("name", &self.name).field("cx", &self.cx).finish_non_exhaustive()
    }
}

impl<S: PartitionStage> Actor<S> {
    /// Runs until the partition is released or cancelled. A panic of the stage's own state machine ends the loop, not
    /// the process: state that was half changed is not used again.
    pub async fn run(self) {
        let (partition, life, notices) = (self.cx.partition.clone(), self.shared.life, self.notices.clone());
        let cancel = self.cx.cancel.clone();
        let work = AssertUnwindSafe(self.live());
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            ended = futures_util::FutureExt::catch_unwind(work) => ended,
        };
        let what = match ended {
            Ok(Ok(())) => What::Drained,
            Ok(Err(failure)) => What::Failed(failure),
            Err(panic) => What::Failed(Failure::Panic(partition.clone(), panic_text(&*panic))),
        };
        // The loop may be gone already: then nobody needs to know.
        let _gone = notices.send(Notice { partition, life, what });
    }

    async fn live(mut self) -> Result<(), Failure> {
        let partition = self.cx.partition.clone();
        let start = self.begin(None).await?;
        (self.cx.start, self.cx.position) = (start, start);
        let mut careful = Careful::new(self.before, start);
        self.shared.set_fate(careful.fate());
        if careful.is_on() {
            tracing::warn!(%partition, fate = ?careful.fate(), "owner after owner is gone, one record at a time");
        }
        let release = self.release.clone();
        // Before anything can end this owner, so that the next one knows of it.
        let restored = match self.cx.ownership.claim(self.cx.epoch).await {
            Ok(()) => self.stage.restore(&mut self.cx).await,
            Err(error) => Err(error.into()),
        };
        // Never broken off: a database does not take it well. Nothing was begun that would have to be finished.
        if release.is_cancelled() {
            return Ok(());
        }
        let restored = restored.map_err(|error| Failure::Restore(partition.clone(), error))?;
        self.shared.set_low(self.cx.low);
        let from = match restored.from {
            Some(from) if from != start => self.begin(Some(from)).await?,
            _ => start,
        };
        let notice =
            Notice { partition: partition.clone(), life: self.shared.life, what: What::Restored(from) };
        let _gone = self.notices.send(notice);

        let mut open = OpenRecords::default();
        let mut letters: FuturesUnordered<_> = FuturesUnordered::new();
        let (mut releasing, mut turn) = (false, None);
        // Made once: to make either anew for each turn would cost as much as what a turn does.
        let mut released = std::pin::pin!(release.cancelled());
        let (mut timer, mut armed) = (std::pin::pin!(tokio::time::sleep(Duration::ZERO)), None);
        loop {
            let room = !releasing && self.shared.bytes() < self.max_bytes;
            let room = room && self.has_room();
            if let Some(at) = self.cx.wake
                && armed.is_none_or(|armed| at + EARLY < armed)
            {
                timer.as_mut().reset(at);
                armed = Some(at);
            }
            let mut came = false;
            tokio::select! {
                biased;
                () = &mut released, if !releasing => {
                    releasing = true;
                    self.records.close();
                    self.stage.release(&mut self.cx);
                }
                Some(effect) = self.cx.in_flight.next(), if !self.cx.in_flight.is_empty() => {
                    self.stage.done(&mut self.cx, effect);
                    self.take_in();
                }
                Some((offset, acked)) = letters.next(), if !letters.is_empty() => {
                    acked?;
                    self.complete(&mut open, offset);
                }
                () = &mut timer, if armed.is_some() => {
                    (self.cx.wake, armed) = (None, None);
                    self.stage.tick(&mut self.cx);
                }
                // The record that was at work alone is finished: the next one's turn.
                () = std::future::ready(()), if !careful.has_room() && open.len() == careful.len() => {}
                Some(records) = self.records.recv(), if room && careful.has_room() => {
                    careful.push(self.note(&mut open, records));
                    came = careful.has_room();
                }
            }
            // Who has a turn gives it up first.
            let step = if turn.is_some() { Step::Wait } else { careful.step(open.len() == careful.len()) };
            // What still waits was not read yet, as far as the stage is concerned.
            let position = careful.next().unwrap_or_else(|| self.shared.with(|tracker| tracker.position()));
            self.cx.position = position;
            match step {
                _ if releasing => {}
                // All that came was finished already.
                Step::Wait if came => self.stage.admit(&mut self.cx, Vec::new()),
                Step::Wait => {}
                Step::Admit(records) => self.stage.admit(&mut self.cx, records),
                Step::Begin(records) => tokio::select! {
                    () = release.cancelled() => {}
                    begun = self.say(careful.fate(), None) => {
                        begun?;
                        self.stage.admit(&mut self.cx, records);
                    }
                },
                Step::Alone(record) => tokio::select! {
                    // What else is under way is still to be drained; this record is left to the next owner.
                    () = release.cancelled() => {}
                    begun = self.say(careful.fate(), self.turns.clone()) => {
                        turn = begun?;
                        self.stage.admit(&mut self.cx, vec![record]);
                    }
                },
                Step::GiveUp(record, times) => letters.push(self.give_up(&record, times)),
            }
            self.stage.turn(&mut self.cx);
            if let Some(error) = self.cx.failed.take() {
                return Err(error.into());
            }
            for offset in std::mem::take(&mut self.cx.finished) {
                self.brake.success();
                self.complete(&mut open, offset);
            }
            // After what it rests on is finished.
            self.shared.set_low(self.cx.low);
            if open.len() == careful.len()
                && let Some(turn) = turn.take()
            {
                // It is innocent: that is committed before another one may end the process.
                let said = self.say(careful.fate(), None);
                tokio::select! {
                    () = release.cancelled() => {}
                    said = said => drop(said?),
                }
                drop(turn);
            }
            for (offset, error) in std::mem::take(&mut self.cx.dead) {
                let Some(record) = open.get(offset) else { continue };
                let cause = Cause::of(&error, error.attempts);
                if self.brake.trips(cause.class) {
                    return Err(Failure::Brake(partition, offset, cause.error));
                }
                tracing::warn!(stage = %self.name, %partition, offset, reason = cause.reason, error = %cause.error, "dead letter");
                let letter = dead::letter(self.name, &partition, record, &cause, self.cx.clock.now());
                letters.push(self.append(offset, letter));
            }
            if careful.is_worried() {
                let (watermark, position) =
                    self.shared.with(|tracker| (tracker.watermark(), tracker.position()));
                if careful.came(watermark, position) {
                    self.shared.set_fate(careful.fate());
                }
            }
            if releasing && self.cx.idle() && letters.is_empty() {
                return Ok(());
            }
        }
    }

    /// What else is done already goes with it: a turn costs the same for one as for many.
    fn take_in(&mut self) {
        for _ in 1..TOGETHER {
            let Some(Some(effect)) = self.cx.in_flight.next().now_or_never() else { return };
            self.stage.done(&mut self.cx, effect);
        }
    }

    /// Where reading begins: where the stage says, else where the group had committed, else at the first kept record.
    async fn begin(&mut self, from: Option<u64>) -> Result<u64, Failure> {
        let partition = &self.cx.partition;
        let (offset, done) = match (&self.committed, from) {
            (Some(committed), from) if from.is_none_or(|from| from == committed.offset) => {
                let metadata = Metadata::decode(&committed.metadata)
                    .map_err(|error| Failure::Metadata(partition.clone(), error))?;
                (committed.offset, metadata.done)
            }
            (_, Some(from)) => (from, Vec::new()),
            (_, None) => (self.cx.log.range(partition).await?.start, Vec::new()),
        };
        self.shared.begin(Tracker::new(offset, &done));
        Ok(offset)
    }

    /// Commits how this owner fares, when it is its turn where there are turns.
    fn say(
        &self,
        fate: Fate,
        turns: Option<Turns>,
    ) -> impl Future<Output = Result<Option<OwnedSemaphorePermit>, LogError>> + use<S> {
        let shared = Arc::clone(&self.shared);
        let (ownership, epoch) = (Arc::clone(&self.cx.ownership), self.cx.epoch);
        async move {
            let turn = match &turns {
                Some(turns) => turns.wait().await,
                None => None,
            };
            shared.set_fate(fate);
            ownership.claim(epoch).await?;
            Ok(turn)
        }
    }

    /// A record that ended its owner every time.
    fn give_up(&self, record: &Record, times: u32) -> BoxFuture<'static, Letter> {
        let partition = &self.cx.partition;
        let cause = Cause {
            reason: "crash_loop",
            error: format!("the process ended {times} times while it was the only record at work"),
            class: Class::Bug,
            origin: Origin::Platform,
            attempts: times,
        };
        tracing::error!(stage = %self.name, %partition, offset = record.offset, reason = cause.reason, "dead letter");
        let letter = dead::letter(self.name, partition, record, &cause, self.cx.clock.now());
        self.append(record.offset, letter)
    }

    fn append(&self, offset: u64, letter: Outgoing) -> BoxFuture<'static, Letter> {
        let (log, cancel) = (Arc::clone(&self.cx.log), self.cx.cancel.clone());
        Box::pin(async move { (offset, dead::append(&*log, letter, &cancel).await) })
    }

    /// True while another batch fits between the first unfinished offset and the bound.
    fn has_room(&self) -> bool {
        self.shared.with(|tracker| tracker.has_room(tracker.position() + super::worker::BATCH))
    }

    /// Takes note of records; gives back those that are not finished already.
    fn note(&self, open: &mut OpenRecords, records: Vec<Record>) -> Vec<Record> {
        let fresh: Vec<Record> = self
            .shared
            .with(|tracker| records.into_iter().filter(|record| tracker.admit(record.offset)).collect());
        let mut bytes = 0;
        for record in &fresh {
            bytes += record.bytes();
            open.push(record.clone());
        }
        self.shared.add_bytes(bytes);
        fresh
    }

    /// The offset's effect is durable.
    fn complete(&self, open: &mut OpenRecords, offset: u64) {
        self.shared.with(|tracker| tracker.complete(offset));
        if let Some(record) = open.take(offset) {
            self.shared.sub_bytes(record.bytes());
        }
    }
}

/// What a panic said.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
