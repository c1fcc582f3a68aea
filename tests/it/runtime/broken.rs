//! A log that refuses appends to one topic, for good or for a while; all else is the log's inside.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use millrace::domain::time::Timestamp;
use millrace::log::embedded::EmbeddedLog;
use millrace::log::{
    Committed, Group, Log, LogError, Outgoing, Position, Reader, Subscription, TopicName, TopicPartition,
    TopicSpec,
};

/// How an append is refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// Trying again can't help.
    ForGood,
    /// The next so many.
    Busy(u32),
}

#[derive(Debug)]
pub(super) struct Broken {
    inside: Arc<EmbeddedLog>,
    refused: Mutex<Option<(&'static str, Refusal)>>,
}

impl Broken {
    pub(super) fn new(inside: Arc<EmbeddedLog>) -> Arc<Self> {
        Arc::new(Self { inside, refused: Mutex::default() })
    }

    /// Refuses appends to this topic from now on.
    pub(super) fn refuse(&self, topic: &'static str, how: Refusal) {
        *self.refused.lock().unwrap() = Some((topic, how));
    }

    /// Takes everything again.
    pub(super) fn heal(&self) {
        *self.refused.lock().unwrap() = None;
    }

    fn verdict(&self, batch: &[Outgoing]) -> Result<(), LogError> {
        let mut refused = self.refused.lock().unwrap();
        let Some((topic, how)) = &mut *refused else { return Ok(()) };
        if !batch.iter().any(|record| record.topic.as_str() == *topic) {
            return Ok(());
        }
        match how {
            Refusal::ForGood => Err(LogError::Closed(format!("{topic} takes nothing"))),
            Refusal::Busy(0) => Ok(()),
            Refusal::Busy(left) => {
                *left -= 1;
                Err(LogError::Busy(format!("{topic} takes nothing now")))
            }
        }
    }
}

#[async_trait]
impl Log for Broken {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        self.verdict(batch)?;
        self.inside.append(batch).await
    }

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.inside.ensure_topics(topics).await
    }

    async fn check_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.inside.check_topics(topics).await
    }

    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError> {
        self.inside.join(group, reads, gather).await
    }

    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError> {
        self.inside.reader(prefetch).await
    }

    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        self.inside.partitions(topic).await
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        self.inside.range(partition).await
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        self.inside.offset_at(partition, at).await
    }

    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        self.inside.committed(group, topic).await
    }

    fn log_id(&self) -> &str {
        self.inside.log_id()
    }

    async fn close(&self) {
        self.inside.close().await;
    }
}
