//! Reads on at the end of a topic that is not the stage's input: signals, receipts.
//!
//! Guarantee: a tail never ends by itself; where the log fails it begins again: at the end, and what came meanwhile is
//! passed over, or at the beginning where every record counts.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::log::{Log, LogError, Reader, Record, TopicPartition};

/// Bytes that the reader may hold.
const PREFETCH: usize = 256 << 10;
/// How long one wait for records takes; then the next begins.
const WAIT: Duration = Duration::from_secs(5);
/// After the log failed.
const REST: Duration = Duration::from_secs(1);

/// Where a tail begins that has no reader yet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// Behind the last record.
    End,
    /// With the first record since.
    Since(Timestamp),
    /// At this offset.
    At(u64),
    /// With the first record that is kept.
    Start,
}

impl Begin {
    /// Where a tail goes on whose log failed: where every record counts, with the first one again.
    const fn again(self) -> Self {
        match self {
            Self::End | Self::Since(_) => Self::End,
            Self::At(_) | Self::Start => Self::Start,
        }
    }
}

/// Waits for the next records.
pub(super) async fn next(
    log: Arc<dyn Log>,
    partition: TopicPartition,
    mut reader: Option<Box<dyn Reader>>,
    mut begin: Begin,
) -> (Box<dyn Reader>, Vec<Record>) {
    loop {
        let opened = match reader.take() {
            Some(reader) => Ok(reader),
            None => open(&*log, &partition, begin).await,
        };
        let error = match opened {
            Ok(mut opened) => match opened.next(WAIT).await {
                Ok(Some(batch)) => return (opened, batch.records),
                Ok(None) => {
                    reader = Some(opened);
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        begin = begin.again();
        tracing::warn!(%partition, %error, ?begin, "can't be read, beginning again");
        tokio::time::sleep(REST).await;
    }
}

async fn open(log: &dyn Log, partition: &TopicPartition, begin: Begin) -> Result<Box<dyn Reader>, LogError> {
    let range = log.range(partition).await?;
    let from = match begin {
        Begin::End => range.end,
        Begin::At(offset) => offset.max(range.start),
        Begin::Start => range.start,
        Begin::Since(at) => log.offset_at(partition, at).await?.max(range.start),
    };
    let mut reader = log.reader(PREFETCH).await?;
    reader.assign(partition, from).await?;
    Ok(reader)
}
