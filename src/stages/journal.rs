//! journal: everything worth showing becomes rows of the timeline.
//!
//! Reads `turn.opened`, `turn.dropped`, `reply.ready`, `reply.settled`, `receipt.received`; writes SQL and no topic.
//! Guarantees:
//! 1. Rows and position are one transaction; reading begins where the database says, so no record is left out. It begins
//!    lower where the group has not committed as far: a dead letter that was not acknowledged is then written again.
//! 2. Safe to repeat: each row stands under its event's id, and a record below the position is not written again.
//! 3. Two owners of a partition can't both write: a step is taken only from where its writer believes the partition to
//!    stand; who is wrong reads again from what the database says.
//!    The same where records are left out on the way here, so the timeline has no hole that the log could fill.
//! 4. An unreadable record goes to the dead letters, alone. A replay (`runid`) leaves no row.
//!
//! One step of a partition is under way at a time; what is admitted meanwhile waits for the next.

mod catch_up;
mod rows;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::failure::{Class, Classify};
use crate::domain::stage::StageName;
use crate::log::{Log, Record, TopicName, TopicPartition};
use crate::pipeline::{PartitionCx, PartitionStage, Restored, StageError, StageFactory};
use crate::store::{Advance, JournalError, JournalRow, JournalWriter, LogRange, Moved, Store, StoreError};

use catch_up::Gap;
use rows::Source;

/// Records of one step: a transaction of this size takes some 20 ms, and a step is held in memory.
const MOST_RECORDS: usize = 1_000;
/// The first wait after a failure of the database; it doubles up to [`LAST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Makes the stage's value for each partition. All partitions of a process share one writer.
#[derive(Debug, Clone)]
pub struct JournalFactory {
    store: Arc<Store>,
    writer: JournalWriter,
}

impl JournalFactory {
    /// Starts the writer; it ends when the last factory and stage is dropped.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { writer: JournalWriter::start(Arc::clone(&store)), store }
    }
}

/// Compares the journal's positions with the log and says what it sets back; to be called before any stage writes.
///
/// # Errors
/// When the database holds another log's positions, or either side can't be reached.
pub async fn check_log(store: &Store, log: &dyn Log) -> Result<Vec<Moved>, StageError> {
    let mut ranges = Vec::new();
    for topic in rows::TOPICS {
        for part in 0..log.partitions(&TopicName::from(topic)).await? {
            let range = log.range(&TopicPartition::new(topic, part)).await?;
            ranges.push(LogRange { topic: topic.to_owned(), part, range });
        }
    }
    let moved = store.check_log(log.log_id(), &ranges).await?;
    for one in &moved {
        tracing::warn!("{one}");
    }
    Ok(moved)
}

impl StageFactory for JournalFactory {
    const NAME: StageName = StageName::Journal;
    const PORTS: &'static [&'static str] = &[];
    type Stage = Journal;

    fn create(&self, partition: &TopicPartition) -> Journal {
        Journal {
            store: Arc::clone(&self.store),
            writer: self.writer.clone(),
            source: Source::of(partition.topic.as_str()),
            log_id: Arc::from(""),
            topic: Arc::from(partition.topic.as_str()),
            part: partition.partition,
            next: 0,
            waiting: VecDeque::new(),
            under_way: Vec::new(),
            nothing_before: None,
            most: MOST_RECORDS,
            wait: FIRST_WAIT,
            not_before: None,
            busy: false,
            released: false,
        }
    }
}

/// The journal of one partition.
#[derive(Debug)]
pub struct Journal {
    store: Arc<Store>,
    writer: JournalWriter,
    /// What the topic holds; `None` = the pipeline file names a topic that the journal doesn't know.
    source: Option<Source>,
    log_id: Arc<str>,
    topic: Arc<str>,
    part: u32,
    /// Where the database stands, as far as this owner knows.
    next: u64,
    /// Admitted, in offset order, not handed to the writer.
    waiting: VecDeque<Item>,
    /// Handed to the writer; kept until it answers.
    under_way: Vec<Item>,
    /// The first waiting offset, when the log holds nothing between it and `next`.
    nothing_before: Option<u64>,
    /// How many records the next step may hold: less while a bad row is looked for.
    most: usize,
    wait: Duration,
    not_before: Option<Instant>,
    /// A spawned future has not come back.
    busy: bool,
    released: bool,
}

/// A record on its way into the database.
#[derive(Debug, Clone)]
struct Item {
    offset: u64,
    rows: Arc<[JournalRow]>,
    /// Given to the dead letters: the runtime finishes it.
    dead: bool,
}

/// What a spawned future gives back.
#[derive(Debug)]
pub enum Written {
    /// The writer's answer to the step under way.
    Step(Result<(), JournalError>),
    /// Where the database stands, after what lay below the step was written again.
    Position(Result<u64, StageError>),
}

#[async_trait]
impl PartitionStage for Journal {
    type Effect = Written;

    async fn restore(&mut self, cx: &mut PartitionCx<Written>) -> Result<Restored, StageError> {
        if self.source.is_none() {
            let what = format!("the journal can't read {}: take it out of the pipeline file", self.topic);
            return Err(StoreError::Invalid(what).into());
        }
        self.log_id = Arc::from(cx.log.log_id());
        let range = cx.log.range(&cx.partition).await?;
        let next = self.store.journal_position(&self.log_id, &self.topic, self.part, range.start).await?;
        if next < range.start {
            tracing::error!(
                partition = %cx.partition, next, first = range.start,
                "records were deleted before the journal wrote them: the timeline lacks them"
            );
        }
        self.next = next;
        let from = next.min(cx.start).max(range.start);
        Ok(Restored { from: Some(from) })
    }

    fn admit(&mut self, cx: &mut PartitionCx<Written>, records: Vec<Record>) {
        let Some(source) = self.source else { return };
        for record in records {
            let item = match source.rows(&record) {
                Ok(rows) => Item { offset: record.offset, rows: rows.into(), dead: false },
                Err(error) => {
                    cx.dead_letter(record.offset, error);
                    Item { offset: record.offset, rows: Arc::default(), dead: true }
                }
            };
            if item.offset >= self.next {
                self.waiting.push_back(item);
            } else if !item.dead {
                cx.finish(item.offset);
            }
        }
        self.step(cx);
    }

    fn done(&mut self, cx: &mut PartitionCx<Written>, effect: Written) {
        self.busy = false;
        match effect {
            Written::Step(Ok(())) => self.taken(cx),
            Written::Step(Err(error)) => {
                self.put_back();
                self.failed(cx, error);
            }
            Written::Position(Ok(next)) => self.moved(cx, next),
            Written::Position(Err(error)) => {
                tracing::warn!(partition = %cx.partition, %error, "the journal's position can't be read, trying again");
                self.later(cx);
            }
        }
        self.step(cx);
    }

    fn tick(&mut self, cx: &mut PartitionCx<Written>) {
        self.step(cx);
    }

    fn release(&mut self, _: &mut PartitionCx<Written>) {
        self.released = true;
    }
}

impl Journal {
    /// Hands the next step to the writer, if none is under way.
    fn step(&mut self, cx: &mut PartitionCx<Written>) {
        if self.busy || self.released || self.waiting.is_empty() {
            return;
        }
        if let Some(at) = self.not_before {
            if Instant::now() < at {
                cx.wake_at(at);
                return;
            }
            self.not_before = None;
        }
        let Some(first) = self.waiting.front().map(|item| item.offset) else { return };
        if first > self.next && self.nothing_before != Some(first) {
            return self.find_position(cx);
        }
        let in_order = |(item, expected): (&Item, u64)| item.offset == expected;
        let count =
            self.waiting.iter().zip(first..).take(self.most).take_while(|pair| in_order(*pair)).count();
        self.under_way = self.waiting.drain(..count).collect();
        let Some(last) = self.under_way.last() else { return };
        let advance = Advance {
            log_id: Arc::clone(&self.log_id),
            topic: Arc::clone(&self.topic),
            part: self.part,
            old: self.next,
            new: last.offset + 1,
            rows: self.under_way.iter().map(|item| Arc::clone(&item.rows)).collect(),
            more: !self.waiting.is_empty(),
        };
        let writer = self.writer.clone();
        self.busy = true;
        cx.spawn(async move { Written::Step(writer.write(advance).await) });
    }

    /// The step is committed.
    fn taken(&mut self, cx: &mut PartitionCx<Written>) {
        for item in std::mem::take(&mut self.under_way) {
            self.next = item.offset + 1;
            if !item.dead {
                cx.finish(item.offset);
            }
        }
        self.wait = FIRST_WAIT;
        self.most = (self.most * 2).min(MOST_RECORDS);
    }

    /// Nothing of the step was written.
    fn failed(&mut self, cx: &mut PartitionCx<Written>, error: JournalError) {
        let error = match error {
            JournalError::Moved(_) => return self.find_position(cx),
            JournalError::Store(error) => error,
        };
        if matches!(error.class(), Class::Transient { .. } | Class::Throttled { .. }) {
            tracing::warn!(partition = %cx.partition, %error, "the journal can't write, trying again");
            return self.later(cx);
        }
        // The database refuses a row: halve the step until it is alone, then give that record up.
        if self.most > 1 {
            self.most = (self.most / 2).min(self.waiting.len()).max(1);
        } else if let Some(item) = self.waiting.front_mut() {
            item.rows = Arc::default();
            item.dead = true;
            cx.dead_letter(item.offset, error.into());
        }
    }

    /// Asks the database where the partition stands. Where that is below the waiting records, what lies between is read
    /// and written again first.
    fn find_position(&mut self, cx: &mut PartitionCx<Written>) {
        let (Some(source), Some(first)) = (self.source, self.waiting.front()) else { return };
        let gap = Gap {
            store: Arc::clone(&self.store),
            writer: self.writer.clone(),
            log: Arc::clone(&cx.log),
            partition: cx.partition.clone(),
            log_id: Arc::clone(&self.log_id),
            topic: Arc::clone(&self.topic),
            source,
            upto: first.offset,
        };
        tracing::warn!(
            partition = %cx.partition, believed = self.next, first = first.offset,
            "the journal reads again from what the database says"
        );
        self.busy = true;
        cx.spawn(async move { Written::Position(gap.close().await) });
    }

    /// The database stands at `next`: what lies below is written, by whomever.
    fn moved(&mut self, cx: &mut PartitionCx<Written>, next: u64) {
        self.next = next;
        while let Some(item) = self.waiting.pop_front_if(|item| item.offset < next) {
            if !item.dead {
                cx.finish(item.offset);
            }
        }
        self.nothing_before = self.waiting.front().map(|item| item.offset);
    }

    fn put_back(&mut self) {
        for item in std::mem::take(&mut self.under_way).into_iter().rev() {
            self.waiting.push_front(item);
        }
    }

    fn later(&mut self, cx: &mut PartitionCx<Written>) {
        let at = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(LAST_WAIT);
        self.not_before = Some(at);
        cx.wake_at(at);
    }
}

#[cfg(test)]
mod tests;
