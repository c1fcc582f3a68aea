//! `bot.backlog.v1`: from dispatch to the answer stage of this process.
//!
//! Guarantee: while it can't be read nobody is kept from anything; what was told before the start is read first.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::domain::envelope::Envelope;
use crate::domain::events::BotBacklog;
use crate::domain::topics::BOT_BACKLOG;
use crate::log::{Log, LogError, TopicPartition};
use crate::stages::answer::Backlogs;

/// Memory for what is read ahead.
const PREFETCH: usize = 256 << 10;
/// How long one wait lasts; bounds how late a stop is noticed.
const WAIT: Duration = Duration::from_millis(500);
/// After the log failed.
const REST: Duration = Duration::from_secs(5);

/// What dispatch says, kept up to date until the process ends.
pub fn follow(parts: &Parts) -> Arc<Backlogs> {
    let backlogs = Arc::<Backlogs>::default();
    let (log, told, stop) = (Arc::clone(&parts.log), Arc::clone(&backlogs), parts.stop.clone());
    parts.tasks.spawn(async move {
        while !stop.is_cancelled() {
            if let Err(error) = read(&*log, &told, &stop).await {
                tracing::warn!(%error, "backlogs can't be read: models are asked whatever waits");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(REST) => {}
                }
            }
        }
    });
    backlogs
}

async fn read(log: &dyn Log, told: &Backlogs, stop: &CancellationToken) -> Result<(), LogError> {
    let partition = TopicPartition::new(BOT_BACKLOG, 0);
    let start = log.range(&partition).await?.start;
    let mut reader = log.reader(PREFETCH).await?;
    reader.assign(&partition, start).await?;
    while !stop.is_cancelled() {
        let Some(batch) = reader.next(WAIT).await? else { continue };
        for record in batch.records.iter().filter(|record| !record.value.is_empty()) {
            match Envelope::<BotBacklog>::decode(&record.value) {
                Ok(event) => told.note(&event.tenant, &event.bot, event.time, event.data.seconds),
                Err(error) => tracing::error!(offset = record.offset, %error, "a backlog can't be read"),
            }
        }
    }
    Ok(())
}
