//! How far a group is behind, on any engine.
//!
//! Guarantee: only looks. What was never committed counts from the first kept record, as a new member would begin.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::{Log, LogError, TopicName, TopicPartition};
use crate::domain::time::Timestamp;

/// How far a group is behind on a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Which partition.
    pub partition: u32,
    /// The offset of the first record that is not finished.
    pub committed: u64,
    /// The offset of the next record.
    pub end: u64,
    /// When the first record that is not finished was appended; `None` when there is none, or it could not be read in
    /// time.
    pub oldest: Option<Timestamp>,
}

impl Behind {
    /// Records that are not finished. On a compacted topic some of them are gone.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.end.saturating_sub(self.committed)
    }

    /// How long the first of them has waited, in whole seconds.
    #[must_use]
    pub fn seconds(&self, now: Timestamp) -> u64 {
        self.oldest.map_or(0, |oldest| now.since(oldest).as_secs())
    }
}

/// How long the first records may take to be read, all partitions together.
const PATIENCE: Duration = Duration::from_secs(5);
/// A record of each partition is all that is wanted.
const PREFETCH: usize = 4 << 20;

/// Every partition of a topic, in order.
///
/// # Errors
/// When the topic doesn't exist or the log can't be reached.
pub async fn behind(log: &dyn Log, group: &str, topic: &TopicName) -> Result<Vec<Behind>, LogError> {
    let committed = log.committed(group, topic).await?;
    let ranges = (0u32..).zip(&committed).map(|(partition, _)| {
        let partition = TopicPartition { topic: topic.clone(), partition };
        async move { log.range(&partition).await }
    });
    let ranges = try_join_all(ranges).await?;
    let mut all: Vec<Behind> = (0u32..)
        .zip(ranges)
        .zip(committed)
        .map(|((partition, range), committed)| {
            let committed = committed.map_or(range.start, |found| found.offset.clamp(range.start, range.end));
            Behind { partition, committed, end: range.end, oldest: None }
        })
        .collect();
    let oldest = oldest(log, topic, all.iter().filter(|one| one.records() > 0)).await?;
    for one in &mut all {
        one.oldest = oldest.get(&one.partition).copied();
    }
    Ok(all)
}

/// When the first unfinished record of each partition was appended.
async fn oldest(
    log: &dyn Log,
    topic: &TopicName,
    behind: impl Iterator<Item = &Behind>,
) -> Result<BTreeMap<u32, Timestamp>, LogError> {
    let mut wanted: Vec<(u32, u64)> = behind.map(|one| (one.partition, one.committed)).collect();
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let mut reader = log.reader(PREFETCH).await?;
    // Retention may pass a position between the question and the reading of it: then its age is left out.
    for (partition, from) in std::mem::take(&mut wanted) {
        let place = TopicPartition { topic: topic.clone(), partition };
        match reader.assign(&place, from).await {
            Ok(()) => wanted.push((partition, from)),
            Err(LogError::OutOfRange { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while found.len() < wanted.len() {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            break;
        }
        match reader.next(left).await {
            Ok(Some(batch)) => {
                if let Some(record) = batch.records.first() {
                    found.entry(batch.partition.partition).or_insert(record.at);
                }
            }
            Ok(None) | Err(LogError::OutOfRange { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::domain::time::{Clock, ManualClock};
    use crate::log::embedded::{EmbeddedConfig, EmbeddedLog};
    use crate::log::{Committed, Keep, Outgoing, Progress, Signal, TopicSpec};

    #[tokio::test]
    async fn lag_counts_from_what_was_committed_and_knows_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let config = EmbeddedConfig { folder: folder.path().join("log"), ..EmbeddedConfig::default() };
        let log = EmbeddedLog::open(config, Arc::new(clock.clone())).unwrap();
        let keep = Keep::For(Duration::from_secs(86_400));
        let spec = TopicSpec { name: "t.v1".into(), partitions: 3, keep, max_bytes: 1 << 20, synced: false };
        log.ensure_topics(&[spec]).await.unwrap();
        let topic = TopicName::from("t.v1");
        for _ in 0..3 {
            let record = |partition| Outgoing {
                topic: topic.clone(),
                partition: Some(partition),
                key: Bytes::from_static(b"k"),
                value: Bytes::from_static(b"v"),
                headers: vec![],
            };
            log.append(&[record(0), record(1)]).await.unwrap();
            clock.advance(Duration::from_secs(10));
        }
        let mut group = log.join("g", &topic.clone().into(), std::time::Duration::ZERO).await.unwrap();
        while !matches!(group.next(Duration::from_secs(5)).await.unwrap(), Signal::Assigned(_)) {}
        let committed = Committed { offset: 2, metadata: String::new() };
        let partition = TopicPartition { topic: topic.clone(), partition: 0 };
        group.commit_now(&[Progress { partition, committed }]).await.unwrap();
        let all = behind(&*log, "g", &topic).await.unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.partition, one.committed, one.records(), one.seconds(clock.now())))
            .collect();
        assert_eq!(told, [(0, 2, 1, 10), (1, 0, 3, 30), (2, 0, 0, 0)]);
    }
}
