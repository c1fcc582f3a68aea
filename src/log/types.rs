//! What goes through the log: records, positions, errors.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;
use thiserror::Error;

use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::time::Timestamp;

/// A topic's name, without the installation's prefix. Clones by reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TopicName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the members of a group read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Topics whose partitions are shared out among the members.
    pub topics: Vec<TopicName>,
    /// Topics whose partitions go with those of another, first the other: whoever is given a partition of it is given the
    /// same of these, told behind it, and commits both under the group's protection. They have as many partitions.
    pub beside: Vec<(TopicName, TopicName)>,
}

impl Subscription {
    /// These partitions, each with those that go with it behind it.
    #[must_use]
    pub fn with_beside(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let beside = |leader: &TopicPartition| {
            let leader = leader.clone();
            let mine = self.beside.iter().filter(move |(topic, _)| *topic == leader.topic);
            mine.map(move |(_, topic)| TopicPartition { topic: topic.clone(), partition: leader.partition })
        };
        partitions.iter().flat_map(|one| std::iter::once(one.clone()).chain(beside(one))).collect()
    }

    /// Whether a topic can go with another, by how many partitions they have.
    ///
    /// # Errors
    /// Names both when they differ.
    pub fn check_beside(
        (leader, leads): (&TopicName, u32),
        (topic, goes): (&TopicName, u32),
    ) -> Result<(), LogError> {
        if leads == goes {
            return Ok(());
        }
        Err(LogError::Mismatch(format!(
            "{topic} has {goes} partitions and {leader}, with which it is read, has {leads}: they must be equal"
        )))
    }

    /// Every topic.
    pub fn all(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.iter().chain(self.beside.iter().map(|(_, topic)| topic))
    }
}

impl From<TopicName> for Subscription {
    /// That topic alone.
    fn from(topic: TopicName) -> Self {
        Self { topics: vec![topic], beside: Vec::new() }
    }
}

impl From<&[TopicName]> for Subscription {
    /// Nothing goes with anything.
    fn from(topics: &[TopicName]) -> Self {
        Self { topics: topics.to_vec(), beside: Vec::new() }
    }
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// The partition, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// A partition of a topic.
    #[must_use]
    pub fn new(topic: impl Into<TopicName>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)
    }
}

/// A record to append.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub topic: TopicName,
    /// A fixed partition ("the same partition as ..."); `None` = by the key's hash.
    pub partition: Option<u32>,
    /// The key.
    pub key: Bytes,
    /// The value; empty = the key is deleted (compacted topics).
    pub value: Bytes,
    /// Few: each is an allocation on Kafka.
    pub headers: Vec<(SmolStr, Bytes)>,
}

impl Outgoing {
    /// An envelope: the one header that says so, partition by key.
    #[must_use]
    pub fn event(topic: TopicName, key: impl Into<Bytes>, value: Bytes) -> Self {
        let content_type = Bytes::from_static(crate::domain::envelope::CONTENT_TYPE.as_bytes());
        Self {
            topic,
            partition: None,
            key: key.into(),
            value,
            headers: vec![(SmolStr::new_static("content-type"), content_type)],
        }
    }

    /// The same, to a fixed partition.
    #[must_use]
    pub fn at(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }
}

/// Where an appended record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
}

/// A record as it was read.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its offset; rises within a partition, with gaps after compaction.
    pub offset: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The headers.
    pub headers: Vec<(SmolStr, Bytes)>,
}

impl Record {
    /// What the record takes in memory, about: what bounds are counted in.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.len() + headers + 64
    }
}

/// Records of one partition in order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where they come from.
    pub partition: TopicPartition,
    /// Never empty.
    pub records: Vec<Record>,
}

/// What a group has committed of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// The next offset to read.
    pub offset: u64,
    /// At most 4096 bytes: the done-bitmap above the offset, the epoch.
    pub metadata: String,
}

/// What to commit of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: TopicPartition,
    /// What to commit.
    pub committed: Committed,
}

/// What can go wrong with a log. It is about the log or the group, never about one record's content: it stops or
/// reconnects a loop.
#[derive(Debug, Error)]
pub enum LogError {
    /// The log was closed, or closed itself for writing after a failed sync.
    #[error("the log is closed: {0}")]
    Closed(String),
    /// No such topic or partition.
    #[error("{0} does not exist: create the topics with `millrace topics apply`")]
    Unknown(String),
    /// A topic is not as the configuration says.
    #[error("{0}")]
    Mismatch(String),
    /// A record is larger than its topic takes.
    #[error("a record of {bytes} bytes is too large for {topic}, which takes {max}")]
    TooLarge {
        /// The topic.
        topic: TopicName,
        /// The record's size.
        bytes: usize,
        /// The topic's bound.
        max: usize,
    },
    /// An append that names topics of different kinds of keeping, which can't be one atomic frame.
    #[error("one append mixes {0} and {1}, which are kept apart: append them one after the other")]
    Mixed(TopicName, TopicName),
    /// An offset that is not there any more, or not yet.
    #[error("{partition} has offsets {first} to {end}, not {asked}")]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The first kept offset.
        first: u64,
        /// The next offset.
        end: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A damaged file.
    #[error("{file} is damaged at byte {at}: {what}; run `millrace log verify`, then `millrace log repair`", file = file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The position of the bad frame.
        at: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Another process has the folder open.
    #[error("{0} is in use by another process: stop it, or give this one another folder with --data")]
    Locked(PathBuf),
    /// The disk or the broker took too long or its queue is full.
    #[error("the log is busy: {0}")]
    Busy(String),
    /// This member doesn't own the partition any more.
    #[error("this member does not own {0} any more")]
    Fenced(TopicPartition),
    /// The disk.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The broker.
    #[error("kafka: {what}: {reason}")]
    Broker {
        /// What was being done.
        what: String,
        /// What the broker or the client said.
        reason: String,
        /// Whether trying again may help.
        retriable: bool,
    },
}

impl Classify for LogError {
    fn class(&self) -> Class {
        match self {
            Self::Busy(_) | Self::Io { .. } | Self::Broker { retriable: true, .. } => Class::TRANSIENT,
            Self::TooLarge { .. } => Class::Permanent,
            Self::Closed(_)
            | Self::Unknown(_)
            | Self::Mismatch(_)
            | Self::Mixed(..)
            | Self::OutOfRange { .. }
            | Self::Damaged { .. }
            | Self::Locked(_)
            | Self::Fenced(_)
            | Self::Broker { retriable: false, .. } => Class::Bug,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }
}
