//! Documents that were submitted, on their way to the log.
//!
//! Guarantee: a submission is noted as announced only after the log has it, so it may be announced twice and never is
//! forgotten; who submits needs no log.

pub mod given_up;

use std::time::Duration;

use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::DocumentSubmitted;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::domain::topics::{DOCUMENT_SUBMITTED, partition_of};
use crate::log::{Outgoing, TopicName};
use crate::store::Waiting;

use super::parts::Parts;

/// Submissions in one append.
const BATCH: i64 = 256;
/// How often is looked: a person who adds a document waits for it.
const EVERY: Duration = Duration::from_millis(250);
/// After log or database failed.
const REST: Duration = Duration::from_secs(5);

/// Announces submissions until the process ends, and looks for those that were given up.
pub fn announce(parts: &Parts) {
    given_up::watch(parts);
    let (store, log, stop) = (parts.store.clone(), parts.log.clone(), parts.stop.clone());
    let (clock, shards) = (parts.clock.clone(), super::parts::shards(&parts.settings));
    parts.tasks.spawn(async move {
        while !stop.is_cancelled() {
            let step = async {
                let waiting = store.base_waiting(BATCH).await.map_err(|error| error.to_string())?;
                if waiting.is_empty() {
                    return Ok(EVERY);
                }
                let records = waiting.iter().map(|one| record(one, clock.now(), shards)).collect::<Vec<_>>();
                log.append(&records).await.map_err(|error| error.to_string())?;
                store.base_announced(&waiting).await.map_err(|error| error.to_string())?;
                Ok::<_, String>(Duration::ZERO)
            };
            let rest = step.await.unwrap_or_else(|error| {
                tracing::warn!(error, "documents wait to be read: they can't be announced");
                REST
            });
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    });
}

/// The record of a submission, in the partition of its knowledge base.
fn record(waiting: &Waiting, at: Timestamp, shards: u32) -> Outgoing {
    let Waiting { tenant, base, name, hash, submission, .. } = waiting;
    let home = format!("{tenant}/{base}");
    let key = format!("{home}/{name}");
    let id = EventId::root(ChannelKind::Webchat, &key, &format!("{submission}/{hash}"));
    let data = DocumentSubmitted {
        base: base.clone(),
        name: name.clone(),
        hash: hash.clone(),
        submission: *submission,
    };
    let mut event = Envelope::root(id, key.as_str(), at, waiting.at, data);
    event.source = "/store".into();
    event.tenant = tenant.clone();
    let topic = TopicName::from(DOCUMENT_SUBMITTED);
    Outgoing::event(topic, key, event.encode()).at(partition_of(home.as_bytes(), shards))
}
