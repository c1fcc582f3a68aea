//! `conversation.mode.v1`: who answers where, in the memory of this process.
//!
//! Guarantee: what was durable before the process started is known before anything is read or served; later changes are
//! read as they come. While they can't be read, the stages go on with what is known: dispatch, which reads them for
//! itself, has the last word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::envelope::Envelope;
use crate::domain::events::ConversationMode;
use crate::domain::modes::Modes;
use crate::domain::topics::CONVERSATION_MODE;
use crate::log::{Batch, Log, LogError, Reader, TopicName, TopicPartition};

/// Memory for what is read ahead.
const PREFETCH: usize = 1 << 20;
/// How long one wait lasts; bounds how late a stop is noticed.
const WAIT: Duration = Duration::from_millis(500);
/// A log that gives nothing for so long can't be read to its end.
const STALLED: Duration = Duration::from_secs(30);
/// After the log failed.
const REST: Duration = Duration::from_secs(5);

/// Reads everything there is; the reader then stands at the end.
///
/// # Errors
/// When the log can't be read.
pub async fn load(log: &dyn Log, modes: &Modes) -> Result<Box<dyn Reader>, LogError> {
    let topic = TopicName::from(CONVERSATION_MODE);
    let mut reader = log.reader(PREFETCH).await?;
    let mut ends = HashMap::new();
    for partition in 0..log.partitions(&topic).await? {
        let partition = TopicPartition::new(CONVERSATION_MODE, partition);
        let range = log.range(&partition).await?;
        reader.assign(&partition, range.start).await?;
        if !range.is_empty() {
            ends.insert(partition, range.end);
        }
    }
    while !ends.is_empty() {
        let Some(batch) = reader.next(STALLED).await? else {
            let what = format!("{CONVERSATION_MODE} gave nothing of {} partitions", ends.len());
            return Err(LogError::Busy(what));
        };
        note(&batch, modes);
        let next = batch.records.last().map_or(0, |record| record.offset + 1);
        if ends.get(&batch.partition).is_some_and(|end| next >= *end) {
            ends.remove(&batch.partition);
        }
    }
    Ok(reader)
}

/// Reads on until `stop` fires; after a failure everything again, which changes nothing.
pub async fn follow(
    log: Arc<dyn Log>,
    modes: Arc<Modes>,
    mut reader: Box<dyn Reader>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let error = match reader.next(WAIT).await {
            Ok(Some(batch)) => {
                note(&batch, &modes);
                continue;
            }
            Ok(None) => continue,
            Err(error) => error,
        };
        tracing::warn!(%error, "who answers where can't be read, beginning again");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(REST) => {
                if let Ok(again) = load(&*log, &modes).await {
                    reader = again;
                }
            }
        }
    }
}

fn note(batch: &Batch, modes: &Modes) {
    for record in batch.records.iter().filter(|record| !record.value.is_empty()) {
        match Envelope::<ConversationMode>::decode(&record.value) {
            Ok(change) => modes.note(&change.conversation, &change.data),
            Err(error) => tracing::error!(offset = record.offset, %error, "a mode can't be read"),
        }
    }
}
