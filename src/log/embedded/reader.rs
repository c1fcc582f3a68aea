//! Reads positions without a group.
//!
//! Guarantee: partitions take turns, each is read in order without a gap, and at most `prefetch` bytes (one record, should
//! it be larger) are in memory for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::core::Core;
use super::topics::{Limit, Partition, Topic};
use crate::log::Reader;
use crate::log::types::{Batch, LogError, TopicPartition};

/// A reader of the embedded log.
#[derive(Debug)]
pub(super) struct Positions {
    core: Arc<Core>,
    wake: Arc<Notify>,
    limit: Limit,
    assigned: Vec<Assigned>,
    /// Whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Assigned {
    name: TopicPartition,
    topic: Arc<Topic>,
    partition: Arc<Partition>,
    next: u64,
}

/// The most records of one batch: enough that what a batch costs does not count.
const RECORDS: usize = 4096;

impl Positions {
    /// A reader without partitions.
    pub(super) fn new(core: Arc<Core>, prefetch: usize) -> Self {
        let limit = Limit { records: RECORDS, bytes: prefetch };
        Self { core, wake: Arc::default(), limit, assigned: Vec::new(), turn: 0 }
    }

    /// One round over all partitions.
    async fn round(&mut self) -> Result<Option<Batch>, LogError> {
        for _ in 0..self.assigned.len() {
            self.turn = (self.turn + 1) % self.assigned.len();
            let one = &self.assigned[self.turn];
            let fetched = self.core.fetch(&one.topic, &one.partition, one.next, self.limit).await?;
            let one = &mut self.assigned[self.turn];
            one.next = fetched.next;
            if !fetched.records.is_empty() {
                return Ok(Some(Batch { partition: one.name.clone(), records: fetched.records }));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Reader for Positions {
    async fn assign(&mut self, name: &TopicPartition, from: u64) -> Result<(), LogError> {
        self.core.check_open()?;
        let (topic, partition) = {
            let topics = self.core.registry.load();
            let (topic, partition) = topics.partition(name)?;
            (Arc::clone(topic), Arc::clone(partition))
        };
        let range = partition.range();
        if from < range.start || from > range.end {
            let (first, end) = (range.start, range.end);
            return Err(LogError::OutOfRange { partition: name.clone(), first, end, asked: from });
        }
        topic.listeners.add(&self.wake);
        match self.assigned.iter_mut().find(|one| one.name == *name) {
            Some(one) => one.next = from,
            None => self.assigned.push(Assigned { name: name.clone(), topic, partition, next: from }),
        }
        Ok(())
    }

    async fn next(&mut self, wait: Duration) -> Result<Option<Batch>, LogError> {
        let until = Instant::now() + wait;
        loop {
            self.core.check_open()?;
            if let Some(batch) = self.round().await? {
                return Ok(Some(batch));
            }
            if timeout_at(until, self.wake.notified()).await.is_err() {
                return Ok(None);
            }
        }
    }
}

impl Drop for Positions {
    fn drop(&mut self) {
        for one in &self.assigned {
            one.topic.listeners.remove(&self.wake);
        }
    }
}
