//! Follows `webchat.out.v1` for the pages that are connected here, and reads it back for pages that return.
//!
//! Guarantee: every edge reads every partition without a group, so a page may be connected to any of them. A failed
//! read starts again where it stopped; what a page missed is brought by its next `Last-Event-ID`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::files::Links;
use super::hub::{Hub, RING, Shown};
use super::show;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebchatOut;
use crate::domain::ids::ConversationId;
use crate::domain::topics::{WEBCHAT_OUT, partition_of};
use crate::log::{Log, LogError, Record, TopicName, TopicPartition};

/// How long a reader waits before it looks again.
const WAIT: Duration = Duration::from_secs(1);
/// What the tail may hold in memory.
const PREFETCH: usize = 4 << 20;
/// First and last wait after a failed read.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How far back a returning page's past is looked for: a visitor who was away longer sees less of it.
const READ_BACK_RECORDS: u64 = 50_000;
/// How long that may take; what was found until then is shown.
const READ_BACK_TIME: Duration = Duration::from_secs(2);

/// Shows what is appended from now on, until `shutdown`.
pub(in crate::edge) async fn tail(log: Arc<dyn Log>, hub: Arc<Hub>, shutdown: CancellationToken) {
    let (mut next, mut wait) = (HashMap::new(), AGAIN.0);
    loop {
        let before = next.clone();
        let error = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = follow(&*log, &hub, &mut next) => match ended {
                Ok(never) => match never {},
                Err(error) => error,
            },
        };
        wait = if next == before { (wait * 2).min(AGAIN.1) } else { AGAIN.0 };
        tracing::warn!(%error, wait_ms = wait.as_millis(), "web chat's answers can't be read, trying again");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn follow(log: &dyn Log, hub: &Hub, next: &mut HashMap<u32, u64>) -> Result<Infallible, LogError> {
    let topic = TopicName::from(WEBCHAT_OUT);
    let mut reader = log.reader(PREFETCH).await?;
    for number in 0..log.partitions(&topic).await? {
        let partition = TopicPartition::new(topic.clone(), number);
        let range = log.range(&partition).await?;
        let from = next.get(&number).map_or(range.end, |from| (*from).clamp(range.start, range.end));
        next.insert(number, from);
        reader.assign(&partition, from).await?;
    }
    loop {
        let Some(batch) = reader.next(WAIT).await? else { continue };
        for record in &batch.records {
            if let Some((conversation, shown)) = show(record, &hub.links) {
                hub.publish(conversation, Arc::new(shown));
            }
            next.insert(batch.partition.partition, record.offset + 1);
        }
    }
}

/// The conversation's newest events in the log, oldest first, at most 50.
pub(super) async fn read_back(log: &dyn Log, hub: &Hub, conversation: &ConversationId) -> Vec<Arc<Shown>> {
    let mut found = std::collections::VecDeque::new();
    let search = async {
        let _turn = hub.reads_back.acquire().await;
        let topic = TopicName::from(WEBCHAT_OUT);
        let number = partition_of(conversation.as_str().as_bytes(), log.partitions(&topic).await?);
        let partition = TopicPartition::new(topic, number);
        let range = log.range(&partition).await?;
        let mut at = range.start.max(range.end.saturating_sub(READ_BACK_RECORDS));
        let mut reader = log.reader(PREFETCH).await?;
        reader.assign(&partition, at).await?;
        while at < range.end {
            let Some(batch) = reader.next(WAIT).await? else { break };
            for record in &batch.records {
                at = record.offset + 1;
                let shown = (record.key == conversation.as_str().as_bytes())
                    .then(|| show(record, &hub.links))
                    .flatten();
                if let Some((_, shown)) = shown {
                    if found.len() == RING {
                        found.pop_front();
                    }
                    found.push_back(Arc::new(shown));
                }
            }
        }
        Ok::<(), LogError>(())
    };
    match tokio::time::timeout(READ_BACK_TIME, search).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a conversation's past can't be read"),
        Err(_) => tracing::debug!("a conversation's past takes too long to read"),
    }
    found.into()
}

fn show(record: &Record, links: &Links) -> Option<(ConversationId, Shown)> {
    let out = Envelope::<WebchatOut>::decode(&record.value)
        .inspect_err(|error| tracing::warn!(%error, offset = record.offset, "an answer can't be shown"))
        .ok()?;
    let shown = show::message(record.offset, out.id, &out.tenant, &out.data, links)?;
    Some((out.conversation, shown))
}
