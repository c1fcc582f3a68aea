//! The embedded log: one folder, one process, all partitions, groups, committed offsets. What everything local stands on.
//!
//! Guarantees, beside those of [`Log`]:
//! 1. **One append is one frame**, and a frame is on the disk wholly or not at all. What is left after a power cut is a
//!    prefix of what was written, so what was derived can be derived again.
//! 2. What [`Log::append`] acknowledged survives `kill -9`; for topics that ask for it, and for those kept apart, also a
//!    power cut (with `sync = group`).
//! 3. Nothing is dropped in silence: only the unfinished end of the last segment is cut when the log is opened. Damage
//!    anywhere else is a refusal that names file, position and remedy.
//! 4. Memory is bounded: a ring of the newest records, a cache, the index of the last segment.
//!
//! ```text
//! FOLDER/lock                          one process at a time
//! FOLDER/topics.json, topics.copy.json the log's id and its topics
//! FOLDER/main/0000000001.seg, .idx     all topics kept for up to 8 days, and what groups commit
//! FOLDER/keep/TOPIC/...                each topic that is compacted or kept for longer
//! ```
//! Order of reading: `frame`, `body`, `walk`, `index`, `sequence`, `sync`, `recover`, `read`, `group`.

mod balance;
mod body;
mod compact;
mod config;
mod core;
mod frame;
mod group;
mod index;
mod offsets;
mod read;
mod reader;
mod recover;
mod saved;
mod seat;
mod segment;
mod sequence;
mod sync;
mod table;
pub mod tool;
mod topics;
mod upkeep;
mod walk;
mod wire;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use self::body::{Encoded, Part};
use self::core::{Core, joined};
use self::topics::{Topic, Topics, is_kept};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::{TopicSpec, partition_of};
use crate::log::types::{Committed, LogError, Outgoing, Position, Subscription, TopicName, TopicPartition};
use crate::log::{Group, Log, Reader};

pub use self::config::{EmbeddedConfig, SyncMode};

/// An open embedded log. When the last reference is dropped without [`Log::close`], what was appended stays as it would
/// after a crash of the process.
#[derive(Debug)]
pub struct EmbeddedLog {
    core: Arc<Core>,
}

impl EmbeddedLog {
    /// Opens the log in `config.folder`, or makes one. Blocks on the disk: call it at start.
    ///
    /// # Errors
    /// [`LogError::Locked`] when another process has it open, [`LogError::Damaged`] when something was lost that must not be,
    /// [`LogError::Io`] when the folder can't be written.
    pub fn open(config: EmbeddedConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, LogError> {
        Ok(Arc::new(Self { core: Core::open(config, clock)? }))
    }

    /// Removes what is past its time, compacts, and saves indexes: what happens every `upkeep` anyway.
    ///
    /// # Errors
    /// When the disk refuses; nothing is lost by it.
    pub async fn upkeep(&self) -> Result<(), LogError> {
        self.core.check_open()?;
        let core = Arc::clone(&self.core);
        joined(spawn_blocking(move || upkeep::pass(&core)).await)
    }

    /// What an append needs to know of its topics.
    fn route(&self, topics: &Topics, batch: &[Outgoing]) -> Result<Route, LogError> {
        let mut route = Route { parts: Vec::with_capacity(batch.len()), keep: None, synced: false };
        let mut first: Option<&Arc<Topic>> = None;
        for record in batch {
            let topic = topics.topic(&record.topic)?;
            let bytes = body::record_len(record);
            if bytes > topic.spec.max_bytes {
                return Err(LogError::TooLarge {
                    topic: topic.name.clone(),
                    bytes,
                    max: topic.spec.max_bytes,
                });
            }
            let count = topic.spec.partitions;
            let partition = record.partition.unwrap_or_else(|| partition_of(&record.key, count));
            if partition >= count {
                let at = TopicPartition { topic: topic.name.clone(), partition };
                return Err(LogError::Unknown(format!("partition {at}")));
            }
            let kept = is_kept(topic.spec.keep);
            match first {
                None => {
                    first = Some(topic);
                    route.keep = kept.then(|| Arc::clone(topic));
                }
                Some(first) if first.id != topic.id && (kept || route.keep.is_some()) => {
                    return Err(LogError::Mixed(first.name.clone(), topic.name.clone()));
                }
                Some(_) => {}
            }
            route.synced |= topic.spec.synced || kept;
            route
                .parts
                .push(Part { topic: topic.id, partition: u16::try_from(partition).unwrap_or(u16::MAX) });
        }
        Ok(route)
    }

    /// Counts the bytes of an append that will wait for the disk.
    fn wait_in_line(&self, bytes: u64) -> Result<Waiting<'_>, LogError> {
        let waiting = Waiting { total: &self.core.waiting, bytes };
        let before = waiting.total.fetch_add(bytes, Ordering::AcqRel);
        let most = self.core.config.waiting_max.bytes();
        if before.saturating_add(bytes) > most {
            return Err(LogError::Busy(format!(
                "{before} bytes wait for the disk, which is slow (log.waiting_max)"
            )));
        }
        Ok(waiting)
    }

    async fn append_kept(&self, topics: &Topics, topic: &Topic, route: &Route, encoded: Encoded) -> Appended {
        let core = Arc::clone(&self.core);
        let sequence = match core.home(topic) {
            Some(sequence) => sequence,
            None => {
                // Made once in a topic's life: several syncs.
                let topic = topic.with(topic.spec.clone());
                joined(spawn_blocking(move || core.keep_of(&topic)).await)?
            }
        };
        if self.core.waits() {
            // What is kept apart may name offsets of the main sequence: a power cut must not take those back.
            self.core.main.sync.wait(self.core.main.sync.written()).await?;
        }
        let (at, positions) = sequence.append(topics, encoded, &route.parts, self.core.clock.now())?;
        if self.core.waits() {
            sequence.sync.wait(at).await?;
        }
        Ok(positions)
    }
}

type Appended = Result<Vec<Position>, LogError>;

/// Where an append goes.
#[derive(Debug)]
struct Route {
    parts: Vec<Part>,
    /// The topic, when it has a sequence of its own.
    keep: Option<Arc<Topic>>,
    /// Whether one of its topics waits for the disk.
    synced: bool,
}

/// Bytes that wait for the disk, until dropped.
#[derive(Debug)]
struct Waiting<'a> {
    total: &'a AtomicU64,
    bytes: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        self.core.check_open()?;
        let topics = self.core.registry.load_full();
        let route = self.route(&topics, batch)?;
        let encoded = Encoded::records(batch, &route.parts);
        let (bytes, most) = (encoded.frame.len(), self.core.config.frame_max.bytes());
        if bytes as u64 > most {
            let max = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(LogError::TooLarge { topic: first.topic.clone(), bytes, max });
        }
        let waits = route.synced && self.core.waits();
        let waiting = if waits { Some(self.wait_in_line(bytes as u64)?) } else { None };
        let positions = match &route.keep {
            Some(topic) => self.append_kept(&topics, topic, &route, encoded).await?,
            None => {
                let now = self.core.clock.now();
                let (at, positions) = self.core.main.append(&topics, encoded, &route.parts, now)?;
                if waits {
                    self.core.main.sync.wait(at).await?;
                }
                positions
            }
        };
        drop(waiting);
        Ok(positions)
    }

    async fn ensure_topics(&self, wanted: &[TopicSpec]) -> Result<(), LogError> {
        self.core.check_open()?;
        let mut table = lock(&self.core.table);
        let mut topics = self.core.registry.load().as_ref().clone();
        for spec in wanted {
            match topics.by_name.get(&TopicName::from(spec.name.as_str())).cloned() {
                None => topics.push(spec.clone()),
                Some(topic) if topic.spec == *spec => {}
                Some(topic) => {
                    differs(&topic.spec, spec)?;
                    topics.replace(&topic, spec.clone());
                }
            }
        }
        if topics.by_id.iter().map(|topic| &topic.spec).ne(table.specs().iter()) {
            table.save(&self.core.config.folder, topics.by_id.iter().map(|topic| &topic.spec))?;
            self.core.registry.store(Arc::new(topics));
        }
        Ok(())
    }

    async fn check_topics(&self, wanted: &[TopicSpec]) -> Result<(), LogError> {
        let topics = self.core.registry.load();
        let wrong =
            wanted.iter().filter_map(|spec| match topics.by_name.get(&TopicName::from(spec.name.as_str())) {
                None => Some(format!("topic {} does not exist", spec.name)),
                Some(topic) => differs(&topic.spec, spec).err().map(|error| error.to_string()),
            });
        let wrong: Vec<_> = wrong.collect();
        if wrong.is_empty() { Ok(()) } else { Err(LogError::Mismatch(wrong.join("; "))) }
    }

    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError> {
        self.core.check_open()?;
        Ok(Box::new(group::Member::join(&self.core, group, reads, gather)?))
    }

    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError> {
        self.core.check_open()?;
        Ok(Box::new(reader::Positions::new(Arc::clone(&self.core), prefetch)))
    }

    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        Ok(self.core.registry.load().topic(topic)?.spec.partitions)
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        Ok(self.core.registry.load().partition(partition)?.1.range())
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        self.core.check_open()?;
        let (topic, partition) = {
            let topics = self.core.registry.load();
            let (topic, partition) = topics.partition(partition)?;
            (Arc::clone(topic), Arc::clone(partition))
        };
        let range = partition.range();
        let Some(sequence) = self.core.home(&topic) else { return Ok(range.end) };
        let core = Arc::clone(&self.core);
        let find = move || sequence.offset_at(&core.cache, partition.part, at.millis());
        let found = joined(spawn_blocking(find).await)?;
        Ok(found.unwrap_or(range.end).clamp(range.start, range.end))
    }

    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        let topics = self.core.registry.load();
        let partitions = topics.topic(topic)?.partitions.iter();
        Ok(partitions.map(|partition| self.core.offsets.get(group, partition.part)).collect())
    }

    fn log_id(&self) -> &str {
        &self.core.log_id
    }

    async fn close(&self) {
        let core = Arc::clone(&self.core);
        if spawn_blocking(move || core.close(true)).await.is_err() {
            tracing::error!("closing the log was interrupted");
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.core.close(false);
    }
}

/// What can't be changed in place.
fn differs(have: &TopicSpec, want: &TopicSpec) -> Result<(), LogError> {
    let name = &want.name;
    if have.partitions != want.partitions {
        let (have, want) = (have.partitions, want.partitions);
        return Err(LogError::Mismatch(format!(
            "topic {name} has {have} partitions, the configuration wants {want}: counts never change in place, so set it back \
             to {have} or begin with a new data folder"
        )));
    }
    if is_kept(have.keep) != is_kept(want.keep) {
        return Err(LogError::Mismatch(format!(
            "topic {name} is stored as {:?}, the configuration wants {:?}: these are stored apart, so set it back or begin \
             with a new data folder",
            have.keep, want.keep
        )));
    }
    Ok(())
}

/// Locks; a panic of another holder leaves nothing half done that the next one could not go on from.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading.
fn read_lock<T>(rwlock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    rwlock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing.
fn write_lock<T>(rwlock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    rwlock.write().unwrap_or_else(PoisonError::into_inner)
}
