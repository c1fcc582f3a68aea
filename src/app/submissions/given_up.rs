//! Submissions that became dead letters: their documents say so, rather than wait for ever.
//!
//! Guarantee: whatever made a dead letter of a submission, a panic, a crash or a database that was away, its document is `failed`
//! with the reason a little later; who was read or replaced meanwhile stays as it is. The dead letters are read only while a
//! submission is overdue. `dlq redrive` and `kb refresh` have it read again.

use std::sync::Arc;
use std::time::Duration;

use crate::app::dlq::letter::Letter;
use crate::app::dlq::source::{Source, Start};
use crate::app::parts::Parts;
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{DocumentChanged, DocumentSubmitted};
use crate::domain::knowledge::DocumentStatus;
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::{DEAD_LETTER, partition_of};
use crate::log::{Log, Outgoing, TopicName};
use crate::store::{Store, StoreError, given_up_reason};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(30);
/// A submission that nobody has read for so long may have been given up.
const OVERDUE: Duration = Duration::from_secs(60);
/// Letters that are kept in memory at once.
const PAGE: usize = 1_000;

/// Looks for them until the process ends.
pub(super) fn watch(parts: &Parts) {
    let watch = Watch {
        store: Arc::clone(&parts.store),
        log: Arc::clone(&parts.log),
        clock: Arc::clone(&parts.clock),
        shards: crate::app::parts::shards(&parts.settings),
        page: PAGE,
    };
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        let mut seen = Timestamp::from_millis(0);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match watch.look(seen).await {
                Ok(until) => seen = until,
                Err(error) => tracing::warn!(%error, "submissions that were given up can't be looked for"),
            }
        }
    });
}

/// What a look needs.
#[derive(Debug)]
pub struct Watch {
    /// Where documents and their status are.
    pub store: Arc<Store>,
    /// Where the dead letters are.
    pub log: Arc<dyn Log>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Partitions of the topics that are keyed by knowledge base.
    pub shards: u32,
    /// Letters that are kept in memory at once.
    pub page: usize,
}

impl Watch {
    /// Marks what was given up since `seen`. Gives the moment up to which everything was looked at.
    ///
    /// # Errors
    /// When the log or the database can't be reached; what was marked stays so.
    pub async fn look(&self, seen: Timestamp) -> anyhow::Result<Timestamp> {
        let now = self.clock.now();
        let ago = i64::try_from(OVERDUE.as_millis()).unwrap_or(i64::MAX);
        let Some(oldest) = self.store.base_overdue(Timestamp::from_millis(now.millis() - ago)).await? else {
            return Ok(seen);
        };
        let since = seen.max(oldest);
        for partition in 0..self.log.partitions(&TopicName::from(DEAD_LETTER)).await? {
            let mut from = Some(Start::Part(partition, since));
            while let Some(start) = from {
                from = self.page(partition, start).await?;
            }
        }
        // What was written while this looked is the next one's: it begins before.
        Ok(Timestamp::from_millis(now.millis() - ago))
    }

    /// Marks what was given up from here on, so many letters at most; where to go on, if there are more.
    async fn page(&self, partition: u32, start: Start) -> anyhow::Result<Option<Start>> {
        let (mut found, mut next) = (Vec::new(), None);
        let source = Source::Log(Arc::clone(&self.log));
        source
            .scan(DEAD_LETTER, start, &mut |partition, record| {
                let letter = Letter::read(partition, &record);
                if letter.stage == StageName::Index.as_str()
                    && let Ok(event) = Envelope::<DocumentSubmitted>::decode(&record.value)
                {
                    found.push((event, format!("{}: {}", letter.reason, letter.error)));
                }
                next = (found.len() >= self.page).then(|| record.offset + 1);
                next.is_none()
            })
            .await?;
        for (event, why) in &found {
            self.give_up(event, why).await?;
        }
        Ok(next.map(|offset| Start::At(partition, offset)))
    }

    /// The news go first: they have the same id when this is repeated, and what is marked is never looked at again.
    async fn give_up(&self, event: &Envelope<DocumentSubmitted>, why: &str) -> anyhow::Result<()> {
        let DocumentSubmitted { base, name, submission, .. } = &event.data;
        let document = match self.store.base_document(&event.tenant, base, name).await {
            Ok(document) => document,
            Err(StoreError::Missing { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if document.submission != *submission || document.status != DocumentStatus::Submitted {
            return Ok(());
        }
        let data = DocumentChanged {
            base: base.clone(),
            name: name.clone(),
            submission: *submission,
            status: DocumentStatus::Failed,
            reason: Some(given_up_reason(why)),
            pages: document.pages,
            passages: document.passages,
        };
        let changed = event.follow(StageName::Index, self.clock.now(), 1, data);
        let partition = partition_of(format!("{}/{base}", event.tenant).as_bytes(), self.shards);
        let key = changed.subject.as_str().to_owned();
        let record = Outgoing::event(TopicName::from(DocumentChanged::TYPE), key, changed.encode());
        self.log.append(&[record.at(partition)]).await?;
        self.store.base_given_up(&event.tenant, base, (name, *submission), why).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
