//! What a case gets, and short words for what every case does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use millrace::domain::topics::{Keep, TopicSpec};
use millrace::log::{
    Batch, Committed, Group, Log, Outgoing, Record, Signal, Subscription, TopicName, TopicPartition,
};

/// An engine with nothing in it that the case did not put there.
#[async_trait]
pub(crate) trait World: Send + Sync {
    /// The log.
    fn log(&self) -> Arc<dyn Log>;

    /// A name for a topic or a group that no other case uses.
    fn name(&self, base: &str) -> String;

    /// Makes everything in `topic` older than it is kept and lets the engine act. False when it can't be made to.
    async fn expire(&self, topic: &TopicName) -> bool;

    /// Makes the engine compact `topic`. False when it can't be made to.
    async fn compact(&self, topic: &TopicName) -> bool;
}

/// Longer than a broker takes to rebalance a small group.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// One wait of a loop that goes on until [`PATIENCE`] ends.
pub(crate) const SHORT: Duration = Duration::from_millis(50);
/// The largest record of a test's topic.
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// A specification; what a case doesn't care for has a plain value.
pub(crate) fn spec(name: &str, partitions: u32, keep: Keep) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, keep, max_bytes: MAX_BYTES, synced: false }
}

/// Kept for a week.
pub(crate) const WEEK: Keep = Keep::For(Duration::from_secs(7 * 86_400));

/// Makes a topic that is kept for a week.
pub(crate) async fn topic(world: &dyn World, base: &str, partitions: u32) -> TopicName {
    topic_kept(world, base, partitions, WEEK).await
}

/// Makes a topic.
pub(crate) async fn topic_kept(world: &dyn World, base: &str, partitions: u32, keep: Keep) -> TopicName {
    let name = world.name(base);
    world.log().ensure_topics(&[spec(&name, partitions, keep)]).await.unwrap();
    TopicName::from(name.as_str())
}

/// A record to a fixed partition.
pub(crate) fn record(topic: &TopicName, partition: u32, key: &str, value: &str) -> Outgoing {
    let (key, value) = (Bytes::from(key.to_owned()), Bytes::from(value.to_owned()));
    Outgoing { topic: topic.clone(), partition: Some(partition), key, value, headers: Vec::new() }
}

/// Appends one record for each value, one after the other.
pub(crate) async fn append_all(log: &dyn Log, topic: &TopicName, partition: u32, values: &[&str]) {
    for value in values {
        log.append(&[record(topic, partition, "k", value)]).await.unwrap();
    }
}

/// The value as text.
pub(crate) fn text(record: &Record) -> &str {
    std::str::from_utf8(&record.value).unwrap()
}

/// Everything that a partition holds now.
pub(crate) async fn read_all(log: &dyn Log, topic: &TopicName, partition: u32) -> Vec<Record> {
    let at = TopicPartition::new(topic.clone(), partition);
    let range = log.range(&at).await.unwrap();
    let mut reader = log.reader(1 << 20).await.unwrap();
    reader.assign(&at, range.start).await.unwrap();
    let mut all = Vec::new();
    let until = tokio::time::Instant::now() + PATIENCE;
    while all.last().map_or(range.start, |last: &Record| last.offset + 1) < range.end {
        match reader.next(SHORT).await.unwrap() {
            Some(batch) => all.extend(batch.records),
            // The last offsets may have been compacted away.
            None => assert!(tokio::time::Instant::now() < until, "only {} of {range:?}", all.len()),
        }
    }
    all
}

/// A member that does what it is told at once, and takes note.
pub(crate) struct Member {
    pub(crate) group: Box<dyn Group>,
    /// Its partitions, with what was committed when they came.
    pub(crate) owned: BTreeMap<TopicPartition, Option<Committed>>,
    pub(crate) read: Vec<(TopicPartition, Record)>,
    /// Whether it starts what it gets and releases what it loses by itself.
    pub(crate) obeys: bool,
    pub(crate) revoked: Vec<(u64, Vec<TopicPartition>)>,
}

impl Member {
    pub(crate) async fn join(log: &dyn Log, group: &str, topics: &[TopicName]) -> Self {
        Self::subscribe(log, group, &topics.into()).await
    }

    pub(crate) async fn subscribe(log: &dyn Log, group: &str, reads: &Subscription) -> Self {
        let group = log.join(group, reads, Duration::ZERO).await.unwrap();
        Self { group, owned: BTreeMap::new(), read: Vec::new(), obeys: true, revoked: Vec::new() }
    }

    /// One call of `next`. True when something happened.
    pub(crate) async fn step(&mut self) -> bool {
        match self.group.next(SHORT).await.unwrap() {
            Signal::Records(Batch { partition, records }) => {
                assert!(!records.is_empty(), "a batch is never empty");
                self.read.extend(records.into_iter().map(|record| (partition.clone(), record)));
            }
            Signal::Assigned(partitions) => {
                for (partition, committed) in partitions {
                    if self.obeys {
                        let from = committed.as_ref().map_or(0, |committed| committed.offset);
                        self.group.start(&partition, from).unwrap();
                    }
                    self.owned.insert(partition, committed);
                }
            }
            Signal::Revoked { id, partitions } => {
                if self.obeys {
                    self.owned.retain(|partition, _| !partitions.contains(partition));
                    self.group.release(id);
                } else {
                    self.revoked.push((id, partitions));
                }
            }
            Signal::Lost(partitions) => self.owned.retain(|partition, _| !partitions.contains(partition)),
            Signal::Idle => return false,
        }
        true
    }

    /// Goes on until `done`.
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !done(self) {
            self.step().await;
            assert!(tokio::time::Instant::now() < until, "waited in vain for: {what}");
        }
    }

    /// What was read, as text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.read.iter().map(|(_, record)| text(record)).collect()
    }
}
