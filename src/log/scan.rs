//! Reads a stretch of a partition, batch by batch.
//!
//! Guarantee: every kept record of it is seen, in order, or there is an error that says where it stopped.

use std::time::Duration;

use super::{Log, LogError, Reader, Record, TopicPartition};

/// Bytes that the reader may hold.
const PREFETCH: usize = 4 << 20;
/// A log that gives nothing for so long can't be read to its end.
const STALLED: Duration = Duration::from_secs(30);

/// A stretch that is being read.
#[derive(Debug)]
pub struct Scan {
    partition: TopicPartition,
    reader: Box<dyn Reader>,
    /// Behind the last record that was seen.
    pub next: u64,
}

impl Scan {
    /// Begins at `from`.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn new(log: &dyn Log, partition: TopicPartition, from: u64) -> Result<Self, LogError> {
        let mut reader = log.reader(PREFETCH).await?;
        reader.assign(&partition, from).await?;
        Ok(Self { partition, reader, next: from })
    }

    /// The next records, until the one before `end` was seen; that one must exist. What lies behind it may come with it.
    ///
    /// # Errors
    /// [`LogError::Busy`] when the log gives nothing for half a minute; else as [`Reader::next`].
    pub async fn batch(&mut self, end: u64) -> Result<Option<Vec<Record>>, LogError> {
        if self.next >= end {
            return Ok(None);
        }
        let Some(batch) = self.reader.next(STALLED).await? else {
            let what = format!("{} gave nothing from offset {} on before {end}", self.partition, self.next);
            return Err(LogError::Busy(what));
        };
        if let Some(last) = batch.records.last() {
            self.next = last.offset + 1;
        }
        Ok(Some(batch.records))
    }
}
