//! *ingest*: reads `webhook.received`, writes `turn.opened`, `receipt.received`, `signal.ready`, `turn.dropped`, and
//! `conversation.mode` where somebody else spoke for the account.
//!
//! It normalises each event, passes over what it has seen, and finds the bot and the conversation. It never calls a
//! provider and never changes what a person said. Safe to repeat: ids come from the root, so a second run writes the
//! same records, which dispatch and journal know by their ids; the filter of seen ids only saves work.
//!
//! Order: batches of a partition run one after the other, and a batch's outputs are one append in the order of its
//! events. An offset is finished after that append. The items of an album are one turn; what follows in its chat waits
//! for it.

mod account;
mod address;
mod albums;
mod batch;
mod emit;
mod instagram;
mod json;
mod messenger;
mod normalised;
mod people;
mod seen;
mod telegram;
mod webchat;
mod whatsapp;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use batch::Done;
pub use normalised::{Kind, Normalised, Unreadable, normalise};
pub use people::Spoke;

use crate::config::Problems;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebhookReceived;
use crate::domain::ids::EventId;
use crate::domain::modes::Modes;
use crate::domain::redrive;
use crate::domain::stage::StageName;
use crate::domain::units::Span;
use crate::log::{Record, TopicPartition};
use crate::pipeline::{PartitionCx, PartitionStage, Restored, StageError, StageFactory};
use crate::store::Directory;
use crate::telemetry;
use albums::{Albums, Group, Held};
use batch::{Admitted, People, Worker};
use seen::Seen;

/// What ingest remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// How long an event's id is remembered, so that a redelivery is passed over.
    pub remember: Span,
    /// How many ids a partition remembers at most; each takes about 20 bytes.
    pub remember_max: u32,
    /// Ids of Meta's apps in which people answer for a business. On Instagram, where our own messages can't be told from
    /// other apps', an echo of these or of no app hands the conversation to people. The default is said to be Meta's
    /// Business Suite; no document of Meta's names it.
    pub inbox_apps: Vec<String>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            remember: Span::secs(30 * 60),
            remember_max: 1_000_000,
            inbox_apps: vec!["263902037430900".to_owned()],
        }
    }
}

impl IngestConfig {
    /// Adds every mistake of the section at `at` to `problems`.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.remember.get() > Duration::from_secs(24 * 3600) {
            let what = format!("{} can't be", self.remember);
            problems.add(format!("{at}.remember"), what, "set at most 24h: restores read that much back");
        }
        if self.remember_max > 16_000_000 {
            let what = format!("{} can't be", self.remember_max);
            problems.add(
                format!("{at}.remember_max"),
                what,
                "set at most 16000000: that is 320 MB a partition",
            );
        }
    }
}

/// Makes the stage of each partition.
#[derive(Debug, Clone)]
pub struct IngestFactory {
    config: IngestConfig,
    directory: Arc<dyn Directory>,
    modes: Arc<Modes>,
}

impl IngestFactory {
    /// `directory` knows the bots, `modes` who answers where.
    #[must_use]
    pub fn new(config: IngestConfig, directory: Arc<dyn Directory>, modes: Arc<Modes>) -> Self {
        Self { config, directory, modes }
    }
}

impl StageFactory for IngestFactory {
    const NAME: StageName = StageName::Ingest;
    const PORTS: &'static [&'static str] = &emit::PORTS;
    type Stage = Ingest;

    fn create(&self, _: &TopicPartition) -> Ingest {
        Ingest {
            seen: Seen::new(self.config.remember.get(), self.config.remember_max as usize),
            config: self.config.clone(),
            directory: Arc::clone(&self.directory),
            people: People {
                modes: Arc::clone(&self.modes),
                inboxes: self.config.inbox_apps.clone().into(),
                partitions: 1,
            },
            waiting: VecDeque::new(),
            albums: Albums::default(),
            whole: VecDeque::new(),
            busy: false,
        }
    }
}

/// A partition's state.
#[derive(Debug)]
pub struct Ingest {
    config: IngestConfig,
    directory: Arc<dyn Directory>,
    people: People,
    /// What was admitted here before.
    seen: Seen,
    /// Admitted and not begun; the runtime bounds how much is admitted and not finished.
    waiting: VecDeque<Record>,
    /// Items of albums that are not whole yet, and what came behind them in their chats.
    albums: Albums,
    /// Albums that are whole, and what waited for them.
    whole: VecDeque<Group>,
    /// A batch is on its way.
    busy: bool,
}

/// Records of one batch: enough that an append is shared by many, few enough that it is not long under way.
const BATCH_RECORDS: usize = 1024;
/// The bytes of a batch, about.
const BATCH_BYTES: usize = 4 << 20;
/// What a restore may hold in memory while it reads back.
const RESTORE_PREFETCH: usize = 4 << 20;
/// How long a restore waits for records that should be there.
const RESTORE_WAIT: Duration = Duration::from_secs(2);

#[async_trait]
impl PartitionStage for Ingest {
    type Effect = Done;

    /// Reads the input back from half an hour before the end of what is finished. A filter that is not whole costs work
    /// and nothing else, so a read that fails ends it.
    async fn restore(&mut self, cx: &mut PartitionCx<Done>) -> Result<Restored, StageError> {
        self.people.partitions = cx.log.partitions(&cx.outputs.topic(people::PORT)).await?;
        let read_back = async {
            let range = cx.log.range(&cx.partition).await?;
            let now = cx.clock.now();
            let span = i64::try_from(self.config.remember.get().as_millis()).unwrap_or(i64::MAX);
            let since = crate::domain::time::Timestamp::from_millis(now.millis().saturating_sub(span));
            let most = cx.start.saturating_sub(u64::from(self.config.remember_max));
            let mut at = cx.log.offset_at(&cx.partition, since).await?.max(most).max(range.start);
            let end = cx.start.min(range.end);
            if at >= end {
                return Ok(());
            }
            let mut reader = cx.log.reader(RESTORE_PREFETCH).await?;
            reader.assign(&cx.partition, at).await?;
            while at < end {
                let Some(batch) = reader.next(RESTORE_WAIT).await? else { break };
                for record in batch.records.iter().filter(|record| record.offset < end) {
                    if let Some(id) = id_of(&record.value) {
                        self.seen.insert(seen_as(id, record), record.at);
                    }
                }
                at = batch.records.last().map_or(end, |record| record.offset + 1);
            }
            Ok::<(), crate::log::LogError>(())
        };
        if let Err(error) = read_back.await {
            tracing::warn!(%error, partition = %cx.partition, "seen events can't be read back: redeliveries will cost work");
        }
        Ok(Restored::default())
    }

    fn admit(&mut self, cx: &mut PartitionCx<Done>, records: Vec<Record>) {
        self.waiting.extend(records);
        self.begin(cx);
    }

    fn done(&mut self, cx: &mut PartitionCx<Done>, done: Done) {
        self.busy = false;
        done.finished.into_iter().for_each(|offset| cx.finish(offset));
        for (offset, id, error) in done.dead {
            // It had no effect: when it comes again, by the provider or by hand, it is no duplicate.
            id.into_iter().for_each(|id| self.seen.forget(id));
            cx.dead_letter(offset, error);
        }
        match done.failed {
            Some(error) => cx.fail(error),
            None => self.begin(cx),
        }
    }

    /// An album may be whole now.
    fn tick(&mut self, cx: &mut PartitionCx<Done>) {
        self.begin(cx);
    }

    /// What waits is not begun: the next owner reads it again.
    fn release(&mut self, _: &mut PartitionCx<Done>) {
        self.waiting.clear();
        self.albums = Albums::default();
        self.whole.clear();
    }
}

impl Ingest {
    /// Begins the next batch, if none is on its way.
    fn begin(&mut self, cx: &mut PartitionCx<Done>) {
        if self.busy {
            return;
        }
        let now = Instant::now();
        self.whole.extend(self.albums.due(now));
        let (mut batch, mut bytes, mut duplicates) = (Vec::new(), 0, 0);
        while let Some(group) = self.whole.pop_front() {
            bytes += group.bytes();
            batch.push(Admitted::of(group));
        }
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(record) = self.waiting.pop_front() else { break };
            bytes += record.bytes();
            match Envelope::<WebhookReceived>::decode(&record.value) {
                Ok(event) if self.seen.insert(seen_as(event.id, &record), record.at) => {
                    let held = Held::new(record.offset, Box::new(event));
                    batch.extend(self.albums.admit(record.key, held, now).map(Admitted::of));
                }
                Ok(_) => {
                    duplicates += 1;
                    batch.push(Admitted::duplicate(record.offset));
                }
                Err(error) => cx.dead_letter(record.offset, error.into()),
            }
        }
        if let Some(at) = self.albums.next() {
            cx.wake_at(at);
        }
        if duplicates > 0 {
            telemetry::duplicate_dropped(StageName::Ingest, duplicates);
        }
        if batch.is_empty() {
            return;
        }
        let worker = Worker {
            directory: Arc::clone(&self.directory),
            people: self.people.clone(),
            clock: Arc::clone(&cx.clock),
            log: Arc::clone(&cx.log),
            outputs: Arc::clone(&cx.outputs),
            cancel: cx.cancel.clone(),
        };
        self.busy = true;
        cx.spawn(worker.run(batch));
    }
}

/// What the filter knows a record by. One that was driven again after it had become a dead letter is no duplicate of its
/// first coming, which a restore reads back; a second append of the same redrive is one.
fn seen_as(id: EventId, record: &Record) -> EventId {
    redrive::id(id, redrive::count(&record.headers))
}

/// The id of a record, without the rest of it.
fn id_of(value: &[u8]) -> Option<EventId> {
    #[derive(Deserialize)]
    struct Id {
        id: EventId,
    }
    serde_json::from_slice::<Id>(value).ok().map(|found| found.id)
}

#[cfg(test)]
mod tests;
