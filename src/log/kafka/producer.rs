//! The producer of a process: one client, one polling thread, a bound on what is in flight.
//!
//! Guarantee: an append is answered after all in-sync replicas have all of its records, in the order given within each
//! partition; what is in flight never fills the client's queue, so nothing is ever dropped at its door: beyond the
//! bound appenders wait, for a bounded time, and then get [`LogError::Busy`]. What was taken is flushed before the end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio::sync::Semaphore;

use super::config::KafkaConfig;
use super::deliveries::{Deliveries, Failed, Outcome, tag};
use super::errors::Trouble;
use super::settings;
use super::topics::Topic;
use crate::domain::time::Timestamp;
use crate::log::{LogError, Outgoing, Position};

/// The producer.
pub(super) struct Producer {
    client: Arc<BaseProducer<Reports>>,
    deliveries: Arc<Deliveries>,
    trouble: Trouble,
    /// Bytes that may still be put in flight.
    room: Arc<Semaphore>,
    budget: u32,
    wait: Duration,
    stop: Arc<AtomicBool>,
    poller: Mutex<Option<JoinHandle<()>>>,
}

/// A record with its partition and topic found.
pub(super) struct Addressed<'a> {
    pub(super) topic: &'a Topic,
    pub(super) partition: u32,
    pub(super) record: &'a Outgoing,
}

/// An append is given to the client in pieces of at most this many records and bytes, so that a large one neither holds
/// a worker thread nor the whole bound at once.
const PIECE_RECORDS: usize = 1024;
const PIECE_BYTES: u32 = 4 << 20;
/// What a record costs the client beside its bytes.
const RECORD_OVERHEAD: usize = 96;
/// How long the polling thread sleeps in the client at most: how late a stop is seen.
const POLL: Duration = Duration::from_millis(100);
/// How long an end waits for acknowledgements.
const FLUSH: Duration = Duration::from_secs(15);

impl Producer {
    /// Makes the client; no broker is asked yet.
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, LogError> {
        let trouble = Trouble::default();
        let deliveries = Arc::new(Deliveries::default());
        let reports = Reports { deliveries: Arc::clone(&deliveries), trouble: trouble.clone() };
        let client: BaseProducer<Reports> = settings::producer(config)
            .create_with_context(reports)
            .map_err(|error| trouble.error("make the producer", &error))?;
        let client = Arc::new(client);
        let stop = Arc::new(AtomicBool::new(false));
        let poller = poll_until(Arc::clone(&client), Arc::clone(&stop))?;
        // A part stays free, so that the client's own count never reaches its bound.
        let budget = u32::try_from(config.in_flight.bytes() / 5 * 4).unwrap_or(u32::MAX);
        Ok(Self {
            client,
            deliveries,
            trouble,
            room: Arc::new(Semaphore::new(budget as usize)),
            budget,
            wait: config.append_wait.get(),
            stop,
            poller: Mutex::new(Some(poller)),
        })
    }

    /// Appends `records` and waits until all of them are acknowledged.
    pub(super) async fn append(
        &self,
        records: &[Addressed<'_>],
        at: Timestamp,
    ) -> Result<Vec<Position>, LogError> {
        let mut pieces = Vec::with_capacity(1);
        let mut from = 0;
        while from < records.len() {
            let (piece, cost) = self.piece(&records[from..]);
            let room = Arc::clone(&self.room).acquire_many_owned(cost);
            let room = match tokio::time::timeout(self.wait, room).await {
                Ok(Ok(room)) => room,
                Ok(Err(_)) => return Err(closed()),
                Err(_) => return Err(self.busy()),
            };
            let (index, outcome) =
                self.deliveries.enter(u32::try_from(piece.len()).unwrap_or(u32::MAX), room);
            self.send(index, piece, at);
            pieces.push((from, outcome));
            from += piece.len();
        }
        let mut positions = Vec::with_capacity(records.len());
        let mut first: Option<LogError> = None;
        for (from, outcome) in pieces {
            let outcome: Outcome = outcome.await.map_err(|_| closed())?;
            match outcome {
                Ok(piece) => positions.extend(piece),
                Err(failed) => {
                    first.get_or_insert_with(|| self.failure(&records[from + failed.ordinal], &failed));
                }
            }
        }
        first.map_or(Ok(positions), Err)
    }

    /// The records that go next, and what they cost of the bound.
    fn piece<'a, 'b>(&self, records: &'a [Addressed<'b>]) -> (&'a [Addressed<'b>], u32) {
        // Many small records would fill the client's queue by number before they fill it by bytes.
        let least = u64::from(self.budget) * 5 / 4 / settings::QUEUE_MESSAGES;
        let mut total: u32 = 0;
        for (i, addressed) in records.iter().enumerate() {
            let cost = (addressed.record.key.len()
                + addressed.record.value.len()
                + headers(addressed.record)
                + RECORD_OVERHEAD) as u64;
            let cost = u32::try_from(cost.max(least)).unwrap_or(u32::MAX);
            if i == PIECE_RECORDS || (i > 0 && total.saturating_add(cost) > PIECE_BYTES) {
                return (&records[..i], total.min(self.budget));
            }
            total = total.saturating_add(cost);
        }
        (records, total.min(self.budget))
    }

    fn send(&self, index: u32, piece: &[Addressed<'_>], at: Timestamp) {
        for (ordinal, addressed) in piece.iter().enumerate() {
            let Addressed { topic, partition, record } = addressed;
            let mut message = BaseRecord::with_opaque_to(&topic.kafka_name, tag(index, ordinal))
                .partition(i32::try_from(*partition).unwrap_or(i32::MAX))
                .key(&record.key[..])
                .timestamp(at.millis());
            // An empty value deletes the key of a compacted topic, which Kafka spells as none.
            if !record.value.is_empty() {
                message = message.payload(&record.value[..]);
            }
            if !record.headers.is_empty() {
                let empty = OwnedHeaders::new_with_capacity(record.headers.len());
                message.headers = Some(record.headers.iter().fold(empty, |headers, (key, value)| {
                    headers.insert(Header { key: key.as_str(), value: Some(&value[..]) })
                }));
            }
            if let Err((error, _)) = self.client.send(message) {
                self.deliveries.refuse(index, ordinal, error);
                return;
            }
        }
    }

    fn failure(&self, addressed: &Addressed<'_>, failed: &Failed) -> LogError {
        let Addressed { topic, partition, record } = addressed;
        match failed.error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge) => {
                LogError::TooLarge {
                    topic: record.topic.clone(),
                    bytes: record.key.len() + record.value.len() + headers(record),
                    max: topic.max_bytes(),
                }
            }
            Some(RDKafkaErrorCode::QueueFull) => self.busy(),
            Some(RDKafkaErrorCode::Fatal) => {
                let reason =
                    self.client.client().fatal_error().map_or_else(String::new, |(_, reason)| reason);
                LogError::Closed(format!("the producer failed for good: {reason}; restart this process"))
            }
            _ => self.trouble.error(format!("append to {}[{partition}]", topic.kafka_name), &failed.error),
        }
    }

    fn busy(&self) -> LogError {
        let waited = self.wait;
        let said = self.trouble.last().map(|line| format!("; the client said: {line}")).unwrap_or_default();
        LogError::Busy(format!(
            "{} MiB wait for the brokers and none left within {waited:?}; they are slow or away{said}",
            self.budget >> 20
        ))
    }

    /// Flushes and ends; later appends are refused. Blocks: call it off the runtime.
    pub(super) fn close(&self) {
        self.room.close();
        if let Err(error) = self.client.flush(FLUSH) {
            tracing::warn!(%error, "the producer could not flush: what was not acknowledged was reported as failed");
        }
        self.stop.store(true, Ordering::Release);
        let poller = self.poller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(poller) = poller
            && poller.join().is_err()
        {
            tracing::error!("the producer's polling thread panicked");
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // The thread holds the client and flushes before it lets go: dropping it purges what is unsent.
        self.stop.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.room.available_permits();
        f.debug_struct("Producer").field("budget", &self.budget).field("free", &free).finish_non_exhaustive()
    }
}

/// Turns delivery reports into answers. Runs on the polling thread.
struct Reports {
    deliveries: Arc<Deliveries>,
    trouble: Trouble,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.trouble.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let result = match result {
            Ok(message) => match (u32::try_from(message.partition()), u64::try_from(message.offset())) {
                (Ok(partition), Ok(offset)) => Ok(Position { partition, offset }),
                // Durable, but the broker no longer knows where: only after a retry of a batch it had long since
                // taken. To append again is safe, to guess a position is not.
                _ => Err(KafkaError::MessageProduction(RDKafkaErrorCode::PurgeInflight)),
            },
            Err((error, _)) => Err(error.clone()),
        };
        self.deliveries.report(tag, result);
    }
}

fn poll_until(client: Arc<BaseProducer<Reports>>, stop: Arc<AtomicBool>) -> Result<JoinHandle<()>, LogError> {
    let run = move || {
        while !stop.load(Ordering::Acquire) {
            client.poll(POLL);
        }
        if client.in_flight_count() > 0 && client.flush(FLUSH).is_err() {
            tracing::warn!("the producer ended before everything was acknowledged");
        }
    };
    std::thread::Builder::new()
        .name("kafka-producer".to_owned())
        .spawn(run)
        .map_err(|source| LogError::Io { what: "start the producer's thread".to_owned(), source })
}

pub(super) fn headers(record: &Outgoing) -> usize {
    record.headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

pub(super) fn closed() -> LogError {
    LogError::Closed("this process is shutting down".to_owned())
}
