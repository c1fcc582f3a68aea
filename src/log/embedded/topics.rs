//! Topics and partitions as they stand in memory: ends, the newest records, who waits for more.
//!
//! Guarantee: what a reader sees of a partition is below its published end, and grows record by record in order.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::Notify;

use super::body::{self, Part};
use super::lock;
use crate::domain::topics::{Keep, TopicSpec};
use crate::log::types::{LogError, Record, TopicName, TopicPartition};

/// All topics. Replaced as a whole when topics are made; partitions live on.
#[derive(Debug, Default)]
pub(super) struct Topics {
    pub(super) by_name: HashMap<TopicName, Arc<Topic>>,
    pub(super) by_id: Vec<Arc<Topic>>,
}

/// The present [`Topics`].
pub(super) type Registry = ArcSwap<Topics>;

/// One topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: u16,
    pub(super) name: TopicName,
    pub(super) spec: TopicSpec,
    pub(super) partitions: Arc<[Arc<Partition>]>,
    pub(super) listeners: Arc<Listeners>,
}

impl Topic {
    /// A topic without records.
    pub(super) fn new(id: u16, spec: TopicSpec) -> Self {
        let partitions = (0..spec.partitions)
            .map(|partition| {
                let partition = u16::try_from(partition).unwrap_or(u16::MAX);
                Arc::new(Partition::new(Part { topic: id, partition }))
            })
            .collect();
        let name = TopicName::from(spec.name.as_str());
        Self { id, name, spec, partitions, listeners: Arc::default() }
    }

    /// The same with changed settings.
    pub(super) fn with(&self, spec: TopicSpec) -> Self {
        Self {
            id: self.id,
            name: self.name.clone(),
            spec,
            partitions: Arc::clone(&self.partitions),
            listeners: Arc::clone(&self.listeners),
        }
    }
}

impl Topics {
    /// From specifications; a topic's number is its place.
    pub(super) fn from_specs(specs: Vec<TopicSpec>) -> Self {
        let mut topics = Self::default();
        for spec in specs {
            topics.push(spec);
        }
        topics
    }

    /// Adds a topic.
    pub(super) fn push(&mut self, spec: TopicSpec) {
        let id = u16::try_from(self.by_id.len()).unwrap_or(u16::MAX);
        let topic = Arc::new(Topic::new(id, spec));
        self.by_name.insert(topic.name.clone(), Arc::clone(&topic));
        self.by_id.push(topic);
    }

    /// Puts changed settings in the place of a topic.
    pub(super) fn replace(&mut self, topic: &Topic, spec: TopicSpec) {
        let id = usize::from(topic.id);
        let topic = Arc::new(topic.with(spec));
        self.by_name.insert(topic.name.clone(), Arc::clone(&topic));
        self.by_id[id] = topic;
    }

    /// The topic of a name.
    pub(super) fn topic(&self, name: &TopicName) -> Result<&Arc<Topic>, LogError> {
        self.by_name.get(name).ok_or_else(|| LogError::Unknown(format!("topic {name}")))
    }

    /// The partition of a name.
    pub(super) fn partition(&self, of: &TopicPartition) -> Result<(&Arc<Topic>, &Arc<Partition>), LogError> {
        let topic = self.topic(&of.topic)?;
        match topic.partitions.get(of.partition as usize) {
            Some(partition) => Ok((topic, partition)),
            None => Err(LogError::Unknown(format!("partition {of}"))),
        }
    }

    /// The partition of a frame's record.
    pub(super) fn part(&self, part: Part) -> Option<&Arc<Partition>> {
        self.by_id.get(usize::from(part.topic))?.partitions.get(usize::from(part.partition))
    }
}

impl Clone for Topics {
    fn clone(&self) -> Self {
        Self { by_name: self.by_name.clone(), by_id: self.by_id.clone() }
    }
}

/// The longest time for which a topic lives in the main sequence: longer ones would keep everyone's segments.
const MAIN_DAYS: u64 = 8;

/// True for topics that have a sequence of their own.
pub(super) fn is_kept(keep: Keep) -> bool {
    match keep {
        Keep::For(time) => time > std::time::Duration::from_secs(MAIN_DAYS * 86_400),
        Keep::Compact => true,
    }
}

/// A partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) part: Part,
    /// The offset of the next record to append. Changed under the writer's lock only.
    pub(super) next: AtomicU64,
    tail: Mutex<Tail>,
}

/// What is published of a partition.
#[derive(Debug, Default)]
struct Tail {
    start: u64,
    end: u64,
    /// The newest records, without a gap up to `end`.
    ring: VecDeque<Newest>,
}

/// A record in the ring: its frame, shared with the records that came with it, and where it begins there.
#[derive(Debug)]
struct Newest {
    offset: u64,
    frame: Bytes,
    at: u32,
}

/// What [`Partition::newest`] found.
#[derive(Debug)]
pub(super) enum Newer {
    /// Records, or none at the end.
    Records(Vec<Record>),
    /// They have left the ring: read the segments, below this end.
    Older(u64),
    /// Before the first kept offset or after the end.
    Outside(std::ops::Range<u64>),
}

/// How much one read brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Partition {
    fn new(part: Part) -> Self {
        Self { part, next: AtomicU64::new(0), tail: Mutex::default() }
    }

    /// First kept offset and published end.
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        let tail = lock(&self.tail);
        tail.start..tail.end
    }

    /// Sets what recovery found.
    pub(super) fn restore(&self, start: u64, end: u64) {
        let mut tail = lock(&self.tail);
        self.next.store(end, Ordering::Relaxed);
        (tail.start, tail.end) = (start.min(end), end);
        tail.ring.clear();
    }

    /// Drops what lies before `start`.
    pub(super) fn advance_start(&self, start: u64) {
        let mut tail = lock(&self.tail);
        tail.start = tail.start.max(start.min(tail.end));
    }

    /// Publishes a record.
    pub(super) fn push(&self, offset: u64, frame: Bytes, at: u32) {
        let mut tail = lock(&self.tail);
        tail.ring.push_back(Newest { offset, frame, at });
        tail.end = offset + 1;
    }

    /// Drops the oldest record of the ring.
    pub(super) fn evict(&self) {
        lock(&self.tail).ring.pop_front();
    }

    /// The records from `from` on, if they are in the ring.
    pub(super) fn newest(&self, from: u64, limit: Limit) -> Newer {
        let tail = lock(&self.tail);
        if from < tail.start || from > tail.end {
            return Newer::Outside(tail.start..tail.end);
        }
        if from == tail.end {
            return Newer::Records(Vec::new());
        }
        let Some(skip) = tail.ring.front().and_then(|oldest| from.checked_sub(oldest.offset)) else {
            return Newer::Older(tail.end);
        };
        let (mut records, mut bytes) = (Vec::new(), 0);
        for newest in tail.ring.range(usize::try_from(skip).unwrap_or(usize::MAX).min(tail.ring.len())..) {
            if records.len() >= limit.records || bytes >= limit.bytes {
                break;
            }
            // What was encoded by this process decodes.
            let Some(record) = body::record(&newest.frame, 0, newest.at) else { break };
            bytes += record.bytes();
            records.push(record);
        }
        Newer::Records(records)
    }
}

/// Who waits for records of a topic.
#[derive(Debug, Default)]
pub(super) struct Listeners(ArcSwap<Vec<Arc<Notify>>>);

impl Listeners {
    /// Wakes everyone.
    pub(super) fn wake(&self) {
        for listener in self.0.load().iter() {
            listener.notify_one();
        }
    }

    /// Adds one, once.
    pub(super) fn add(&self, listener: &Arc<Notify>) {
        self.0.rcu(|all| {
            let mut all = all.as_ref().clone();
            if !all.iter().any(|known| Arc::ptr_eq(known, listener)) {
                all.push(Arc::clone(listener));
            }
            all
        });
    }

    /// Takes one away.
    pub(super) fn remove(&self, listener: &Arc<Notify>) {
        self.0
            .rcu(|all| all.iter().filter(|known| !Arc::ptr_eq(known, listener)).cloned().collect::<Vec<_>>());
    }
}
