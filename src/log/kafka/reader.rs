//! A reader of positions without a group.
//!
//! Guarantee: records come from the position that was asked for and on, each partition in order; a position that is not
//! there (any more) is an error that names the range, never a jump; memory is bounded by `prefetch`, half of it in the
//! client and half on the way to the caller.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::arena::Arena;
use super::config::KafkaConfig;
use super::errors::{Listener, Trouble, is_retriable};
use super::lookup::{Lookup, is_unknown};
use super::{producer, settings};
use crate::log::{Batch, LogError, Reader, TopicName, TopicPartition};

/// A reader.
pub(super) struct KafkaReader {
    shared: Arc<Shared>,
    /// Sleeps parked while it has nothing to read or no room.
    thread: std::thread::Thread,
    lookup: Lookup,
    closed: CancellationToken,
}

struct Shared {
    state: Mutex<State>,
    news: Notify,
    trouble: Trouble,
    prefix: String,
    /// What may wait for the caller, in bytes.
    room: usize,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Batch>,
    bytes: usize,
    /// Where each partition is to be read from, not yet told to the client.
    seeks: Vec<(TopicPartition, u64)>,
    /// The position that comes next, per partition: what lies before it was read before a seek.
    next: HashMap<TopicPartition, u64>,
    failed: Option<Failure>,
    ended: bool,
}

/// Why reading can't go on.
enum Failure {
    /// The partition's position is not there.
    Range(TopicPartition),
    /// Anything else.
    Other(LogError),
}

const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// How long the thread sleeps in the client: how late it sees a seek or the end.
const POLL: Duration = Duration::from_millis(50);

impl KafkaReader {
    pub(super) fn new(
        config: &KafkaConfig,
        prefetch: usize,
        lookup: Lookup,
        closed: CancellationToken,
    ) -> Result<Self, LogError> {
        let listener = Listener::default();
        let trouble = listener.0.clone();
        let client: BaseConsumer<Listener> = settings::reader(config, prefetch / 2)
            .create_with_context(listener)
            .map_err(|error| trouble.error("make a reader", &error))?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            news: Notify::new(),
            trouble,
            prefix: config.prefix.clone(),
            room: (prefetch / 2).max(BATCH_BYTES),
        });
        let mut thread = Thread { client, shared: Arc::clone(&shared), assigned: HashMap::new() };
        let thread = std::thread::Builder::new()
            .name("kafka-reader".to_owned())
            .spawn(move || thread.run())
            .map_err(|source| LogError::Io { what: "start a reader's thread".to_owned(), source })?;
        Ok(Self { shared, thread: thread.thread().clone(), lookup, closed })
    }

    fn poll(&self) -> Result<Option<Batch>, Failure> {
        if self.closed.is_cancelled() {
            return Err(Failure::Other(producer::closed()));
        }
        let mut state = self.shared.lock();
        if let Some(batch) = state.ready.pop_front() {
            state.bytes = state.bytes.saturating_sub(size(&batch));
            drop(state);
            self.thread.unpark();
            return Ok(Some(batch));
        }
        state.failed.take().map_or(Ok(None), Err)
    }

    async fn explain(&self, failure: Failure) -> LogError {
        match failure {
            Failure::Other(error) => error,
            Failure::Range(partition) => {
                let asked = self.shared.lock().next.get(&partition).copied().unwrap_or_default();
                match self.lookup.range(&partition).await {
                    Ok(range) => {
                        LogError::OutOfRange { partition, first: range.start, end: range.end, asked }
                    }
                    Err(error) => error,
                }
            }
        }
    }
}

#[async_trait]
impl Reader for KafkaReader {
    async fn assign(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        let range = self.lookup.range(partition).await?;
        if from < range.start || from > range.end {
            let partition = partition.clone();
            return Err(LogError::OutOfRange { partition, first: range.start, end: range.end, asked: from });
        }
        let mut state = self.shared.lock();
        let State { ready, bytes, seeks, next, .. } = &mut *state;
        ready.retain(|batch| {
            batch.partition != *partition || {
                *bytes = bytes.saturating_sub(size(batch));
                false
            }
        });
        next.insert(partition.clone(), from);
        seeks.push((partition.clone(), from));
        drop(state);
        self.thread.unpark();
        Ok(())
    }

    async fn next(&mut self, wait: Duration) -> Result<Option<Batch>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let news = self.shared.news.notified();
            match self.poll() {
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => {}
                Err(failure) => return Err(self.explain(failure).await),
            }
            tokio::select! {
                waited = timeout_at(deadline, news) => if waited.is_err() {
                    return match self.poll() {
                        Ok(batch) => Ok(batch),
                        Err(failure) => Err(self.explain(failure).await),
                    };
                },
                () = self.closed.cancelled() => {}
            }
        }
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.thread.unpark();
    }
}

impl fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReader").field("room", &self.shared.room).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: Failure) {
        self.lock().failed.get_or_insert(failure);
        self.news.notify_one();
    }
}

/// The one who talks to the client.
struct Thread {
    client: BaseConsumer<Listener>,
    shared: Arc<Shared>,
    /// By the cluster's name of a topic and partition.
    assigned: HashMap<(String, i32), TopicPartition>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            let (seeks, full) = {
                let mut state = self.shared.lock();
                if state.ended {
                    return;
                }
                (std::mem::take(&mut state.seeks), state.bytes >= self.shared.room)
            };
            if !seeks.is_empty() {
                self.seek(seeks);
            }
            if full || self.assigned.is_empty() {
                std::thread::park_timeout(POLL);
            } else {
                self.gather();
            }
        }
    }

    fn seek(&mut self, seeks: Vec<(TopicPartition, u64)>) {
        // The last one of a partition counts.
        let seeks: HashMap<TopicPartition, u64> = seeks.into_iter().collect();
        let (mut stop, mut start) = (TopicPartitionList::new(), TopicPartitionList::new());
        for (partition, from) in &seeks {
            let place = (
                format!("{}{}", self.shared.prefix, partition.topic),
                i32::try_from(partition.partition).unwrap_or(i32::MAX),
            );
            if self.assigned.contains_key(&place) {
                stop.add_partition(&place.0, place.1);
            }
            let offset = Offset::Offset(i64::try_from(*from).unwrap_or(i64::MAX));
            start.add_partition(&place.0, place.1).set_offset(offset).unwrap_or_default();
            self.assigned.insert(place, partition.clone());
        }
        let stopped = if stop.count() > 0 { self.client.incremental_unassign(&stop) } else { Ok(()) };
        if let Err(error) = stopped.and_then(|()| self.client.incremental_assign(&start)) {
            self.shared.fail(Failure::Other(self.shared.trouble.error("seek", &error)));
        }
    }

    /// What has arrived, up to a batch.
    fn gather(&self) {
        let mut arenas: HashMap<(String, i32), Arena> = HashMap::new();
        let (mut records, mut bytes) = (0, 0);
        while records < BATCH_RECORDS && bytes < BATCH_BYTES {
            match self.client.poll(if records == 0 { POLL } else { Duration::ZERO }) {
                None => break,
                Some(Ok(message)) => {
                    let place = (message.topic().to_owned(), message.partition());
                    bytes += message.payload_len() + message.key_len();
                    arenas.entry(place).or_default().push(&message);
                    records += 1;
                }
                Some(Err(error)) => {
                    self.complain(&error);
                    break;
                }
            }
        }
        if records == 0 {
            return;
        }
        let mut state = self.shared.lock();
        for (place, arena) in arenas {
            let Some(partition) = self.assigned.get(&place) else { continue };
            let mut batch = arena.finish(partition.clone());
            // A seek that came meanwhile has not reached the client: what belongs to the time before it goes.
            if state.seeks.iter().any(|(seeking, _)| seeking == partition) {
                continue;
            }
            let next = state.next.entry(partition.clone()).or_default();
            batch.records.retain(|record| record.offset >= *next);
            let Some(last) = batch.records.last() else { continue };
            *next = last.offset + 1;
            state.bytes += size(&batch);
            state.ready.push_back(batch);
        }
        drop(state);
        self.shared.news.notify_one();
    }

    fn complain(&self, error: &KafkaError) {
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                // The client doesn't say which: the first whose position is out of its range.
                let lost = self.assigned.iter().find(|((name, number), partition)| {
                    let next = self.shared.lock().next.get(partition).copied().unwrap_or_default();
                    self.client.fetch_watermarks(name, *number, Duration::from_secs(5)).is_ok_and(
                        |(first, end)| {
                            u64::try_from(first).is_ok_and(|first| next < first)
                                || u64::try_from(end).is_ok_and(|end| next > end)
                        },
                    )
                });
                match lost {
                    Some((_, partition)) => self.shared.fail(Failure::Range(partition.clone())),
                    None => self.shared.fail(Failure::Other(self.shared.trouble.error("read", error))),
                }
            }
            Some(code) if is_unknown(code) => {
                let topics: Vec<&TopicName> =
                    self.assigned.values().map(|partition| &partition.topic).collect();
                self.shared.fail(Failure::Other(LogError::Unknown(format!("one of {topics:?}"))));
            }
            // A reader joins no group: that it may not is of no matter.
            Some(Code::GroupAuthorizationFailed) => {}
            Some(code) if is_retriable(code) => tracing::warn!(%error, "kafka reader"),
            _ => self.shared.fail(Failure::Other(self.shared.trouble.error("read", error))),
        }
    }
}

fn size(batch: &Batch) -> usize {
    batch.records.iter().map(crate::log::Record::bytes).sum()
}
