//! Where delayed records are kept: the parked topic, and files of this process that are rebuilt from it.
//!
//! Guarantees: a record's own offset is finished only after its PUT is acknowledged; its DEL is written only after what
//! came of it is. A crash in between makes it come out again, which derived ids make safe; so does a PUT that an owner
//! appends after it lost the partition.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Delayed, Waiting, Whose};
use crate::domain::events::ParkedTurn;
use crate::domain::ids::EventId;
use crate::log::{Log, LogError, Outgoing, Payloads, Place, Record, Scan, TopicPartition};
use crate::pipeline::topology::PARKED;
use crate::pipeline::{Emission, PartitionCx};

/// The key of the record up to which an owner reads.
const MARK: &[u8] = b"mark";

/// A record on its way to the shelf.
#[derive(Debug, Clone)]
pub struct Put {
    /// Behind which key.
    pub key: Bytes,
    /// Whose.
    pub whose: Whose,
    /// What and since when.
    pub waiting: Waiting,
    /// The record's value.
    pub value: Bytes,
}

/// The shelf of one partition.
#[derive(Debug, Clone)]
pub struct Shelf {
    partition: u32,
    payloads: Arc<Payloads>,
}

impl Shelf {
    /// Keeps what it holds in `folder`.
    #[must_use]
    pub fn new(partition: u32, folder: &Path) -> Self {
        Self { partition, payloads: Arc::new(Payloads::new(folder)) }
    }

    /// The PUTs, and where each lies once that is on disk.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub async fn store(&self, puts: Vec<Put>) -> Result<(Vec<Emission>, Vec<Place>), LogError> {
        let values = puts.iter().map(|put| put.value.clone()).collect();
        let emissions = puts.into_iter().map(|put| self.put(put)).collect();
        Ok((emissions, self.keep(values).await?))
    }

    /// The record that says that a turn waits no more.
    #[must_use]
    pub fn del(&self, id: EventId) -> Emission {
        self.emission(id.to_string().into(), Bytes::new())
    }

    /// A record as it stood.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn load(&self, key: Bytes, offset: u64, place: Place) -> Result<Record, LogError> {
        let payloads = Arc::clone(&self.payloads);
        let value = blocking(move || payloads.load(place)).await??;
        let Outgoing { key, value, headers, .. } = Outgoing::event("".into(), key, value);
        Ok(Record { offset, at: crate::domain::time::Timestamp::default(), key, value, headers })
    }

    /// What lay there is not wanted any more.
    pub async fn free(&self, place: Place) {
        let payloads = Arc::clone(&self.payloads);
        // It only gives space back.
        drop(blocking(move || payloads.free(place)).await);
    }

    /// Puts everything that the parked topic holds back into `delayed`.
    ///
    /// # Errors
    /// When the log or the disk can't be read.
    pub async fn restore<E: Send + 'static>(
        &self,
        cx: &mut PartitionCx<E>,
        delayed: &mut Delayed,
    ) -> Result<(), LogError> {
        let partition = TopicPartition::new(cx.outputs.topic(PARKED), self.partition);
        let first = cx.log.range(&partition).await?.start;
        // A DEL of nothing: the record up to which to read must exist, and compaction takes old DELs away.
        let mark = self.emission(Bytes::from_static(MARK), Bytes::new());
        let end = cx.append(vec![mark]).await?.first().map_or(first, |position| position.offset + 1);
        let found = self.read(&*cx.log, partition, first..end).await?;
        self.payloads.keep(found.iter().filter_map(|put| put.waiting.place));
        let count = found.len();
        for put in found {
            delayed.take_up(&put.key, &put.whose, put.waiting);
        }
        if count > 0 {
            tracing::info!(partition = %cx.partition, waiting = count, "delayed records are taken up");
        }
        Ok(())
    }

    /// What is on the shelf, by offset.
    async fn read(
        &self,
        log: &dyn Log,
        partition: TopicPartition,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<Put>, LogError> {
        let mut found: HashMap<EventId, Put> = HashMap::new();
        let mut scan = Scan::new(log, partition, range.start).await?;
        while let Some(batch) = scan.batch(range.end).await? {
            // The last word on each of the batch.
            let mut latest: HashMap<EventId, Option<ParkedTurn>> = HashMap::new();
            for record in batch.iter().filter(|record| record.key != MARK) {
                let id = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
                match (id, serde_json::from_slice(&record.value)) {
                    (Some(id), _) if record.value.is_empty() => drop(latest.insert(id, None)),
                    (Some(id), Ok(turn)) => drop(latest.insert(id, Some(turn))),
                    _ => tracing::warn!(
                        offset = record.offset,
                        "a parked turn of an unknown kind is passed over"
                    ),
                }
            }
            latest.keys().for_each(|id| drop(found.remove(id)));
            let mut puts: Vec<ParkedTurn> = latest.into_values().flatten().collect();
            let values = puts.iter_mut().map(|turn| Bytes::from(std::mem::take(&mut turn.turn))).collect();
            let places = self.keep(values).await?;
            for (turn, place) in puts.into_iter().zip(places) {
                let ParkedTurn { id, offset, tenant, bot, key, since, turn: _ } = turn;
                let waiting = Waiting { offset, id, since, place: Some(place) };
                let put = Put { key: key.into(), whose: (tenant, bot), waiting, value: Bytes::new() };
                found.insert(id, put);
            }
        }
        let mut found: Vec<Put> = found.into_values().collect();
        found.sort_by_key(|put| put.waiting.offset);
        Ok(found)
    }

    async fn keep(&self, values: Vec<Bytes>) -> Result<Vec<Place>, LogError> {
        let payloads = Arc::clone(&self.payloads);
        blocking(move || payloads.store(&values)).await?
    }

    fn put(&self, put: Put) -> Emission {
        let Put { key, whose: (tenant, bot), waiting: Waiting { offset, id, since, .. }, value } = put;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let turn = ParkedTurn { id, offset, tenant, bot, key: text(&key), since, turn: text(&value) };
        match serde_json::to_vec(&turn) {
            Ok(value) => self.emission(id.to_string().into(), value.into()),
            Err(error) => unreachable!("a record of strings and numbers did not serialise: {error}"),
        }
    }

    fn emission(&self, key: Bytes, value: Bytes) -> Emission {
        Emission { port: PARKED, key, partition: Some(self.partition), value }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.map_err(|gone| LogError::Closed(gone.to_string()))
}
