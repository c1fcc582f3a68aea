//! Reading again from what the database says, when it stands elsewhere than its writer believed, or when records between
//! were left out.
//!
//! Guarantee: when [`Gap::close`] returns `next`, everything below `next` is written, and `next` is at least where the
//! waiting records begin, unless the log has kept nothing between.

use std::sync::Arc;
use std::time::Duration;

use super::rows::Source;
use crate::log::{Log, TopicPartition};
use crate::pipeline::StageError;
use crate::store::{Advance, JournalWriter, Store};

/// What the reader holds in memory.
const PREFETCH: usize = 4 << 20;
/// How long one wait for records takes; they are there already, so it only bounds a stalled broker.
const WAIT: Duration = Duration::from_secs(1);

/// The records between the database's position and the first one that waits.
pub(super) struct Gap {
    pub(super) store: Arc<Store>,
    pub(super) writer: JournalWriter,
    pub(super) log: Arc<dyn Log>,
    pub(super) partition: TopicPartition,
    pub(super) log_id: Arc<str>,
    pub(super) topic: Arc<str>,
    pub(super) source: Source,
    /// The first waiting offset.
    pub(super) upto: u64,
}

impl Gap {
    /// Writes what is missing; returns where the database then stands.
    pub(super) async fn close(self) -> Result<u64, StageError> {
        let range = self.log.range(&self.partition).await?;
        let part = self.partition.partition;
        let mut next = self.store.journal_position(&self.log_id, &self.topic, part, range.start).await?;
        if next.max(range.start) >= self.upto {
            return Ok(next);
        }
        tracing::warn!(partition = %self.partition, from = next, upto = self.upto, "the journal writes records again");
        let mut reader = self.log.reader(PREFETCH).await?;
        reader.assign(&self.partition, next.max(range.start)).await?;
        while next < self.upto {
            let Some(batch) = reader.next(WAIT).await? else { break };
            let records: Vec<_> = batch.records.into_iter().filter(|r| r.offset < self.upto).collect();
            let Some(last) = records.last() else { break };
            let new = last.offset + 1;
            // An unreadable one went to the dead letters when it was read first.
            let rows = records.iter().filter_map(|record| self.source.rows(record).ok());
            let rows = rows.map(Arc::from).collect();
            let (log_id, topic) = (Arc::clone(&self.log_id), Arc::clone(&self.topic));
            self.writer.write(Advance { log_id, topic, part, old: next, new, rows, more: true }).await?;
            next = new;
        }
        Ok(next)
    }
}
