//! `bot.changed.v1`: from the outbox to the log, and from the log to this process's caches.
//!
//! Guarantee: a row leaves the outbox after its record is acknowledged; a cache reads every change from before the moment
//! it began to fill.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::BotChanged;
use crate::domain::ids::EventId;
use crate::domain::time::Clock;
use crate::domain::topics::BOT_CHANGED;
use crate::log::{Log, LogError, Outgoing, Reader, TopicName, TopicPartition};
use crate::store::{CachedDirectory, Change, Store};

/// Memory for changes that are read ahead: they are small and few.
const PREFETCH: usize = 256 << 10;
/// How long one wait for the next change lasts; bounds how late a stop is noticed.
const WAIT: Duration = Duration::from_millis(500);

/// Publishes the outbox until `stop` fires.
pub async fn publish(store: Arc<Store>, log: Arc<dyn Log>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let append = |changes: Vec<Change>| {
        let (log, at) = (Arc::clone(&log), clock.now());
        async move {
            let records = changes.iter().map(|change| record(change, at)).collect::<Vec<_>>();
            log.append(&records).await.map(drop)
        }
    };
    store.outbox_run(stop, append).await;
}

/// The record of a change: tenant, bot, version; never the content.
fn record(change: &Change, at: crate::domain::time::Timestamp) -> Outgoing {
    let id = EventId::root(ChannelKind::Webchat, change.bot.as_str(), &change.version.to_string());
    let data = BotChanged { version: change.version, deleted: change.deleted };
    let mut event = Envelope::root(id, change.bot.as_str(), at, at, data);
    event.source = "/store".into();
    event.tenant = change.tenant.clone();
    event.bot = change.bot.clone();
    Outgoing::event(TopicName::from(BOT_CHANGED), change.bot.as_str().to_owned(), event.encode())
}

/// A reader that stands at the end of the changes. Made before the cache is used, so that no change falls between.
///
/// # Errors
/// When the log can't be read.
pub async fn tail(log: &dyn Log) -> Result<Box<dyn Reader>, LogError> {
    let partition = TopicPartition::new(BOT_CHANGED, 0);
    let end = log.range(&partition).await?.end;
    let mut reader = log.reader(PREFETCH).await?;
    reader.assign(&partition, end).await?;
    Ok(reader)
}

/// Tells the cache of every change until `stop` fires.
///
/// # Errors
/// When the log can't be read any more: the caches would grow old, so the process has to stop.
pub async fn follow(
    mut reader: Box<dyn Reader>,
    directory: Arc<CachedDirectory>,
    stop: CancellationToken,
) -> Result<(), LogError> {
    while !stop.is_cancelled() {
        let Some(batch) = reader.next(WAIT).await? else { continue };
        for record in batch.records.iter().filter(|record| !record.value.is_empty()) {
            match Envelope::<BotChanged>::decode(&record.value) {
                Ok(change) => {
                    directory.seen(&change.tenant, &change.bot, change.data.version);
                    if change.data.deleted {
                        directory.removed(&change.tenant, &change.bot);
                    }
                }
                Err(error) => tracing::error!(offset = record.offset, %error, "a change can't be read"),
            }
        }
    }
    Ok(())
}
