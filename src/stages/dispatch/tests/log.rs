//! A log in memory that can be slow or refuse: as much of the contract as dispatch uses.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::time::{Clock, Timestamp};
use crate::log::{
    Batch, Committed, Group, Log, LogError, Outgoing, Position, Reader, Record, Subscription, TopicName,
    TopicPartition, TopicSpec,
};

type Partitions = HashMap<TopicPartition, Vec<Record>>;

#[derive(Debug)]
pub(super) struct MemoryLog {
    pub(super) clock: Arc<dyn Clock>,
    partitions: Arc<Mutex<Partitions>>,
    changed: Arc<Notify>,
    /// How long an append takes.
    pub(super) latency: Duration,
    /// Appends take until then at least.
    pub(super) stalled: Mutex<Option<Instant>>,
    /// So many reads fail, as when a broker goes.
    pub(super) fail_reads: Arc<AtomicU32>,
    /// So many appends are refused for good.
    pub(super) refuse: Mutex<u32>,
    pub(super) appends: Mutex<u32>,
}

impl MemoryLog {
    pub(super) fn new(clock: Arc<dyn Clock>, latency: Duration) -> Self {
        Self {
            clock,
            partitions: Arc::default(),
            changed: Arc::default(),
            latency,
            stalled: Mutex::default(),
            fail_reads: Arc::default(),
            refuse: Mutex::default(),
            appends: Mutex::default(),
        }
    }

    pub(super) fn records(&self, topic: &str, partition: u32) -> Vec<Record> {
        let partition = TopicPartition::new(topic, partition);
        lock(&self.partitions).get(&partition).cloned().unwrap_or_default()
    }

    pub(super) fn end(&self, topic: &str, partition: u32) -> u64 {
        let partition = TopicPartition::new(topic, partition);
        lock(&self.partitions).get(&partition).map_or(0, |records| records.len() as u64)
    }

    pub(super) fn put(&self, record: Outgoing) -> u64 {
        let partition = TopicPartition { topic: record.topic, partition: record.partition.unwrap_or(0) };
        let mut partitions = lock(&self.partitions);
        let records = partitions.entry(partition).or_default();
        let offset = records.len() as u64;
        let at = self.clock.now();
        records.push(Record { offset, at, key: record.key, value: record.value, headers: record.headers });
        self.changed.notify_waiters();
        offset
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed<T>() -> Result<T, LogError> {
    Err(LogError::Closed("not part of this test".to_owned()))
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let stalled = *lock(&self.stalled);
        if let Some(until) = stalled {
            tokio::time::sleep_until(until).await;
        }
        {
            let mut refuse = lock(&self.refuse);
            if *refuse > 0 {
                *refuse -= 1;
                return closed();
            }
        }
        *lock(&self.appends) += 1;
        Ok(batch
            .iter()
            .map(|record| Position {
                partition: record.partition.unwrap_or(0),
                offset: self.put(record.clone()),
            })
            .collect())
    }

    async fn ensure_topics(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Ok(())
    }

    async fn check_topics(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Ok(())
    }

    async fn join(&self, _: &str, _: &Subscription, _: Duration) -> Result<Box<dyn Group>, LogError> {
        closed()
    }

    async fn reader(&self, _: usize) -> Result<Box<dyn Reader>, LogError> {
        let (partitions, changed) = (Arc::clone(&self.partitions), Arc::clone(&self.changed));
        let fail = Arc::clone(&self.fail_reads);
        Ok(Box::new(MemoryReader { partitions, changed, fail, at: None }))
    }

    async fn partitions(&self, _: &TopicName) -> Result<u32, LogError> {
        Ok(1)
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        Ok(0..lock(&self.partitions).get(partition).map_or(0, |records| records.len() as u64))
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        let partitions = lock(&self.partitions);
        Ok(partitions.get(partition).map_or(0, |records| {
            records.iter().position(|record| record.at >= at).unwrap_or(records.len()) as u64
        }))
    }

    async fn committed(&self, _: &str, _: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        closed()
    }

    fn log_id(&self) -> &'static str {
        "memory"
    }

    async fn close(&self) {}
}

#[derive(Debug)]
struct MemoryReader {
    partitions: Arc<Mutex<Partitions>>,
    changed: Arc<Notify>,
    fail: Arc<AtomicU32>,
    at: Option<(TopicPartition, usize)>,
}

#[async_trait]
impl Reader for MemoryReader {
    async fn assign(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        self.at = Some((partition.clone(), usize::try_from(from).unwrap()));
        Ok(())
    }

    async fn next(&mut self, wait: Duration) -> Result<Option<Batch>, LogError> {
        let Some((partition, at)) = &mut self.at else { return closed() };
        let until = tokio::time::Instant::now() + wait;
        loop {
            let changed = self.changed.notified();
            let fails = |left: u32| left.checked_sub(1);
            if self.fail.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
                return Err(LogError::Busy("a broker is gone".to_owned()));
            }
            let records: Vec<Record> = {
                let partitions = lock(&self.partitions);
                // Small batches, so that whoever reads has to come back.
                let records = partitions.get(partition).map_or(&[][..], |records| &records[*at..]);
                records.iter().take(100).cloned().collect()
            };
            if !records.is_empty() {
                *at += records.len();
                return Ok(Some(Batch { partition: partition.clone(), records }));
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Ok(None);
            }
        }
    }
}
