//! A log that refuses appends to one topic, for good or for a while, or answers no commit; all else is the log's inside.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use millrace::domain::time::Timestamp;
use millrace::log::embedded::EmbeddedLog;
use millrace::log::{
    CommitAnswer, Committed, Group, Lease, Log, LogError, Outgoing, Position, Progress, Reader, Signal,
    Subscription, TopicName, TopicPartition, TopicSpec,
};
use tokio::sync::watch;

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
    /// True while commits are taken and not answered.
    silent: watch::Sender<bool>,
}

impl Broken {
    pub(super) fn new(inside: Arc<EmbeddedLog>) -> Arc<Self> {
        Arc::new(Self { inside, refused: Mutex::default(), silent: watch::Sender::new(false) })
    }

    /// Refuses appends to this topic from now on.
    pub(super) fn refuse(&self, topic: &'static str, how: Refusal) {
        *self.refused.lock().unwrap() = Some((topic, how));
    }

    /// Takes everything again.
    pub(super) fn heal(&self) {
        *self.refused.lock().unwrap() = None;
    }

    /// Answers no commit that is waited for, until told otherwise.
    pub(super) fn keep_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
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
        let inside = self.inside.join(group, reads, gather).await?;
        Ok(Box::new(Silent { inside, silent: self.silent.subscribe() }))
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

/// A member that may keep the answers to its commits to itself.
#[derive(Debug)]
struct Silent {
    inside: Box<dyn Group>,
    silent: watch::Receiver<bool>,
}

#[async_trait]
impl Group for Silent {
    async fn next(&mut self, wait: Duration) -> Result<Signal, LogError> {
        self.inside.next(wait).await
    }

    fn start(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        self.inside.start(partition, from)
    }

    fn hold(&mut self, partition: &TopicPartition, held: bool) {
        self.inside.hold(partition, held);
    }

    fn commit(&mut self, upto: &[Progress]) -> Result<(), LogError> {
        self.inside.commit(upto)
    }

    fn commit_told(&mut self, upto: &[Progress]) -> CommitAnswer {
        let (answer, mut silent) = (self.inside.commit_told(upto), self.silent.clone());
        Box::pin(async move {
            silent.wait_for(|silent| !silent).await.unwrap();
            answer.await
        })
    }

    fn release(&mut self, id: u64) {
        self.inside.release(id);
    }

    fn lease(&self) -> Lease {
        self.inside.lease()
    }

    fn overlap(&self) -> Duration {
        self.inside.overlap()
    }

    async fn leave(self: Box<Self>) {
        self.inside.leave().await;
    }
}
