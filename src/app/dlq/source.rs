//! What dead letters are read from: an open log, or the files of the embedded one.
//!
//! Guarantee: reading the files changes nothing and needs no lock, so it works beside a running `millrace up`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use crate::app::parts;
use crate::app::settings::Settings;
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::{TopicSpec, partition_of};
use crate::log::embedded::tool::{self, Wanted};
use crate::log::{Log, LogError, Record, TopicName, TopicPartition};

/// Bytes that a reader may hold: one dead letter may be 8 MiB.
const PREFETCH: usize = 16 << 20;
/// A partition that gives nothing for so long can't be read to its end.
const STALLED: Duration = Duration::from_secs(30);

/// Where records come from.
#[derive(Debug)]
pub enum Source {
    /// A log that is open.
    Log(Arc<dyn Log>),
    /// The folder of an embedded log, and the topics in it.
    Files(PathBuf, Vec<TopicSpec>),
}

/// Which records of a topic.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// All of them.
    First,
    /// Those that were written at or after a moment; some before it may come, too.
    Since(Timestamp),
    /// From an offset of one partition on, or its first kept record, and no other partition.
    At(u32, u64),
    /// Those of one partition since a moment; some before it may come, too.
    Part(u32, Timestamp),
}

impl Source {
    /// For reading alone: the brokers, or the folder's files as they stand.
    ///
    /// # Errors
    /// When the brokers can't be reached, or the folder holds no log.
    pub async fn open(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        if !settings.kafka.brokers.is_empty() {
            return Ok(Self::Log(parts::open_log(settings, clock).await?));
        }
        let folder = settings.log.clone().under(&settings.data).folder;
        if !folder.is_dir() {
            bail!("{} holds no log: name the data folder with --data", folder.display());
        }
        Ok(Self::Files(folder, parts::topics(settings)))
    }

    /// For writing, too.
    ///
    /// # Errors
    /// As [`Source::open`], and when another process has the folder open.
    pub async fn open_to_write(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Log>> {
        // Opening a folder without a log would make one.
        drop(Self::open(settings, clock).await?);
        parts::open_log(settings, clock).await.map_err(|error| match error.downcast_ref() {
            Some(LogError::Locked(folder)) => anyhow::anyhow!(
                "{} is open in another process that has no admin API in this data folder: stop it, redrive, and start it again; \
                 `dlq list`, `dlq show` and `dlq redrive --dry-run` work beside it",
                folder.display()
            ),
            _ => error,
        })
    }

    /// Which partition of a topic a key belongs to.
    ///
    /// # Errors
    /// When the topic doesn't exist.
    pub async fn partition(&self, topic: &str, key: &str) -> Result<u32, LogError> {
        let count = match self {
            Self::Log(log) => log.partitions(&TopicName::from(topic)).await?,
            Self::Files(_, topics) => {
                let spec = topics.iter().find(|spec| spec.name == topic);
                spec.ok_or_else(|| LogError::Unknown(format!("topic {topic}")))?.partitions
            }
        };
        Ok(partition_of(key.as_bytes(), count))
    }

    /// Shows records up to the end as it is at the start of the call, each partition in order. `see` says whether to go on.
    /// A partition or an offset that isn't there shows nothing.
    ///
    /// # Errors
    /// When the topic doesn't exist or can't be read.
    pub async fn scan(
        &self,
        topic: &str,
        start: Start,
        see: &mut (dyn FnMut(u32, Record) -> bool + Send),
    ) -> Result<(), LogError> {
        match self {
            Self::Log(log) => scan_log(&**log, &TopicName::from(topic), start, see).await,
            // Nothing else runs in this process that could wait for the disk.
            Self::Files(folder, _) => {
                let (partition, from) = match start {
                    Start::First | Start::Since(_) => (None, 0),
                    Start::At(partition, from) => (Some(partition), from),
                    Start::Part(partition, _) => (Some(partition), 0),
                };
                let wanted = Wanted { topic: topic.to_owned(), partition, from, limit: usize::MAX };
                tool::dump(folder, &wanted, &mut |at, record| see(at.partition, record))
            }
        }
    }
}

async fn scan_log(
    log: &dyn Log,
    topic: &TopicName,
    start: Start,
    see: &mut (dyn FnMut(u32, Record) -> bool + Send),
) -> Result<(), LogError> {
    let count = log.partitions(topic).await?;
    let parts = match start {
        Start::At(partition, _) | Start::Part(partition, _) => {
            partition..partition.saturating_add(1).min(count)
        }
        Start::First | Start::Since(_) => 0..count,
    };
    let mut reader = log.reader(PREFETCH).await?;
    // The end of each partition that is not read to it.
    let mut open = std::collections::HashMap::new();
    for partition in parts {
        let at = TopicPartition { topic: topic.clone(), partition };
        let range = log.range(&at).await?;
        let from = match start {
            Start::First => range.start,
            Start::At(_, from) => from,
            Start::Since(since) | Start::Part(_, since) => log.offset_at(&at, since).await?,
        };
        let from = from.max(range.start);
        if from < range.end {
            reader.assign(&at, from).await?;
            open.insert(partition, range.end);
        }
    }
    while !open.is_empty() {
        let Some(batch) = reader.next(STALLED).await? else {
            let what = format!("{topic} gave nothing for {STALLED:?}, partitions {:?}", open.keys());
            return Err(LogError::Busy(what));
        };
        let partition = batch.partition.partition;
        for record in batch.records {
            let Some(end) = open.get(&partition).copied() else { break };
            if record.offset + 1 >= end {
                open.remove(&partition);
            }
            if record.offset < end && !see(partition, record) {
                return Ok(());
            }
        }
    }
    Ok(())
}
