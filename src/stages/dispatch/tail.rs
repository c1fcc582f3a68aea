//! Reads on at the end of a topic that is not the stage's input: signals, receipts.
//!
//! Guarantee: a tail never ends by itself; where the log fails it begins again where its caller says: behind what it gave
//! last, so that nothing is passed over; at the beginning; or at the end, where what came meanwhile is worth nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::log::{Log, LogError, Reader, Record, TopicPartition};

/// Bytes that the reader may hold.
const PREFETCH: usize = 256 << 10;
/// How long one wait for records takes; then the next begins.
const WAIT: Duration = Duration::from_secs(5);
/// After the log failed.
const REST: Duration = Duration::from_secs(1);

/// Where a tail begins that has no reader, and where it goes on when its log failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// Behind the last record.
    End,
    /// At this offset.
    At(u64),
    /// With the first record that is kept.
    Start,
}

/// Waits for the next records.
pub(super) async fn next(
    log: Arc<dyn Log>,
    partition: TopicPartition,
    mut reader: Option<Box<dyn Reader>>,
    begin: Begin,
) -> (Box<dyn Reader>, Vec<Record>) {
    loop {
        let opened = match reader.take() {
            Some(reader) => Ok(reader),
            None => open(&*log, &partition, begin).await,
        };
        let error = match opened {
            Ok(mut opened) => match opened.next(WAIT).await {
                // Never none: the caller goes on behind the last of them.
                Ok(Some(batch)) if !batch.records.is_empty() => return (opened, batch.records),
                Ok(_) => {
                    reader = Some(opened);
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        tracing::warn!(%partition, %error, ?begin, "can't be read, beginning again");
        tokio::time::sleep(REST).await;
    }
}

async fn open(log: &dyn Log, partition: &TopicPartition, begin: Begin) -> Result<Box<dyn Reader>, LogError> {
    let range = log.range(partition).await?;
    let from = match begin {
        Begin::End => range.end,
        // A log that was repaired may end before it.
        Begin::At(offset) => offset.clamp(range.start, range.end),
        Begin::Start => range.start,
    };
    let mut reader = log.reader(PREFETCH).await?;
    reader.assign(partition, from).await?;
    Ok(reader)
}
