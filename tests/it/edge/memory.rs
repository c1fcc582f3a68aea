//! A log in memory that does as it is told: for tests of who stands on a log, not of the log.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use millrace::domain::time::Timestamp;
use millrace::domain::topics::{TopicSpec, partition_of};
use millrace::log::{
    Batch, Committed, Group, Log, LogError, Outgoing, Position, Reader, Record, Subscription, TopicName,
    TopicPartition,
};
use tokio::sync::{Semaphore, watch};

const PARTITIONS: u32 = 4;

/// How the next appends go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    #[default]
    Well,
    /// Every append fails.
    Failing,
    /// No append comes back.
    Hanging,
}

#[derive(Debug)]
pub struct MemoryLog {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    hanging: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    records: HashMap<(String, u32), Vec<Record>>,
}

impl MemoryLog {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { state: Arc::default(), changed: watch::Sender::new(0), hanging: Semaphore::new(0) })
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Returns when an append hangs.
    pub async fn hangs(&self) {
        self.hanging.acquire().await.unwrap().forget();
    }

    /// All records of a topic, partition by partition.
    pub fn all(&self, topic: &str) -> Vec<Record> {
        let state = self.state.lock().unwrap();
        let of = |number| state.records.get(&(topic.to_owned(), number)).cloned().unwrap_or_default();
        (0..PARTITIONS).flat_map(of).collect()
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        let mood = self.state.lock().unwrap().mood;
        match mood {
            Mood::Well => {}
            Mood::Failing => return Err(LogError::Busy("told to fail".into())),
            Mood::Hanging => {
                self.hanging.add_permits(1);
                std::future::pending().await
            }
        }
        let mut state = self.state.lock().unwrap();
        let positions = batch.iter().map(|out| {
            let partition = out.partition.unwrap_or_else(|| partition_of(&out.key, PARTITIONS));
            let records = state.records.entry((out.topic.as_str().to_owned(), partition)).or_default();
            let offset = records.len() as u64;
            let Outgoing { key, value, headers, .. } = out.clone();
            records.push(Record { offset, at: Timestamp::from_millis(0), key, value, headers });
            Position { partition, offset }
        });
        let positions = positions.collect();
        drop(state);
        self.changed.send_modify(|n| *n += 1);
        Ok(positions)
    }

    async fn ensure_topics(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Ok(())
    }

    async fn check_topics(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Ok(())
    }

    async fn join(&self, _: &str, _: &Subscription, _: Duration) -> Result<Box<dyn Group>, LogError> {
        Err(LogError::Closed("no groups here".into()))
    }

    async fn reader(&self, _: usize) -> Result<Box<dyn Reader>, LogError> {
        let changed = self.changed.subscribe();
        Ok(Box::new(MemoryReader { state: Arc::clone(&self.state), changed, at: Vec::new() }))
    }

    async fn partitions(&self, _: &TopicName) -> Result<u32, LogError> {
        Ok(PARTITIONS)
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        let state = self.state.lock().unwrap();
        let key = (partition.topic.as_str().to_owned(), partition.partition);
        Ok(0..state.records.get(&key).map_or(0, |records| records.len() as u64))
    }

    async fn offset_at(&self, _: &TopicPartition, _: Timestamp) -> Result<u64, LogError> {
        Ok(0)
    }

    async fn committed(&self, _: &str, _: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        Ok(vec![None; PARTITIONS as usize])
    }

    fn log_id(&self) -> &'static str {
        "memory"
    }

    async fn close(&self) {}
}

#[derive(Debug)]
struct MemoryReader {
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    at: Vec<(TopicPartition, u64)>,
}

impl MemoryReader {
    fn take(&mut self) -> Option<Batch> {
        let state = self.state.lock().unwrap();
        for (partition, at) in &mut self.at {
            let key = (partition.topic.as_str().to_owned(), partition.partition);
            let records: Vec<_> =
                state.records.get(&key).into_iter().flatten().filter(|r| r.offset >= *at).cloned().collect();
            if let Some(last) = records.last() {
                *at = last.offset + 1;
                return Some(Batch { partition: partition.clone(), records });
            }
        }
        None
    }
}

#[async_trait]
impl Reader for MemoryReader {
    async fn assign(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        self.at.retain(|(held, _)| held != partition);
        self.at.push((partition.clone(), from));
        Ok(())
    }

    async fn next(&mut self, wait: Duration) -> Result<Option<Batch>, LogError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            self.changed.borrow_and_update();
            if let Some(batch) = self.take() {
                return Ok(Some(batch));
            }
            if tokio::time::timeout_at(deadline, self.changed.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }
}
