//! How long appends take, which partitions change hands, how commits end.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::log::{
    CommitAnswer, Committed, Group, Lease, Log, LogError, Outgoing, Position, Progress, Reader, Signal,
    Subscription, TopicName, TopicPartition, TopicSpec,
};
use crate::telemetry;

/// A log whose appends and groups are counted.
#[derive(Debug)]
pub struct ObservedLog(Arc<dyn Log>);

impl ObservedLog {
    /// Passes everything on to `log`.
    #[must_use]
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self(log)
    }
}

#[async_trait]
impl Log for ObservedLog {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        // A batch of several topics is counted under its first: the label has to be one word.
        let Some(topic) = batch.first().map(|record| record.topic.clone()) else {
            return self.0.append(batch).await;
        };
        let (records, began) = (batch.len(), Instant::now());
        let outcome = self.0.append(batch).await;
        match &outcome {
            Ok(_) => telemetry::appended(topic.as_str(), records, began.elapsed()),
            Err(error) => telemetry::append_failed(topic.as_str(), error),
        }
        outcome
    }

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.0.ensure_topics(topics).await
    }

    async fn check_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.0.check_topics(topics).await
    }

    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError> {
        let inner = self.0.join(group, reads, gather).await?;
        let stage = StageName::WORKERS.into_iter().find(|stage| stage.group() == group);
        Ok(match stage {
            Some(stage) => Box::new(ObservedGroup { inner, stage }),
            None => inner,
        })
    }

    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError> {
        self.0.reader(prefetch).await
    }

    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        self.0.partitions(topic).await
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        self.0.range(partition).await
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        self.0.offset_at(partition, at).await
    }

    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        self.0.committed(group, topic).await
    }

    fn log_id(&self) -> &str {
        self.0.log_id()
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// A member of a stage's group.
struct ObservedGroup {
    inner: Box<dyn Group>,
    stage: StageName,
}

impl fmt::Debug for ObservedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Group for ObservedGroup {
    async fn next(&mut self, wait: Duration) -> Result<Signal, LogError> {
        let signal = self.inner.next(wait).await?;
        match &signal {
            Signal::Assigned(partitions) => telemetry::rebalanced(self.stage, "assigned", partitions.len()),
            Signal::Revoked { partitions, .. } => {
                telemetry::rebalanced(self.stage, "revoked", partitions.len());
            }
            Signal::Lost(partitions) => telemetry::rebalanced(self.stage, "lost", partitions.len()),
            Signal::Records(_) | Signal::Idle => {}
        }
        Ok(signal)
    }

    fn start(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        self.inner.start(partition, from)
    }

    fn hold(&mut self, partition: &TopicPartition, held: bool) {
        self.inner.hold(partition, held);
    }

    fn commit(&mut self, upto: &[Progress]) -> Result<(), LogError> {
        let outcome = self.inner.commit(upto);
        telemetry::committed(self.stage, outcome.is_ok());
        outcome
    }

    fn commit_told(&mut self, upto: &[Progress]) -> CommitAnswer {
        let (answer, stage) = (self.inner.commit_told(upto), self.stage);
        Box::pin(async move {
            let outcome = answer.await;
            telemetry::committed(stage, outcome.is_ok());
            outcome
        })
    }

    fn release(&mut self, id: u64) {
        self.inner.release(id);
    }

    fn lease(&self) -> Lease {
        self.inner.lease()
    }

    fn overlap(&self) -> std::time::Duration {
        self.inner.overlap()
    }

    async fn leave(self: Box<Self>) {
        self.inner.leave().await;
    }
}
