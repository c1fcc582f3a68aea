//! Vectors of knowledge bases: made before somebody asks, and deleted when nobody can ask any more.
//!
//! Guarantee: a document is said to be found by meaning only after its vectors were there, and one that has none because the
//! model speaks no language of its knowledge base says so; a file is deleted only when its
//! bot or knowledge base was gone a while after it was written.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::DocumentChanged;
use crate::domain::ids::{BaseId, EventId, TenantId};
use crate::domain::knowledge::DocumentStatus;
use crate::domain::time::Timestamp;
use crate::domain::topics::{DOCUMENT_CHANGED, partition_of};
use crate::log::{Outgoing, TopicName};
use crate::services::search::{TextSearch, Vectored};
use crate::store::{BaseDocument, Directory};

use super::owned::Owned;
use super::parts::Parts;

/// How often is looked for documents without vectors.
const LOOK: Duration = Duration::from_secs(1);
/// How often is cleaned up, in looks.
const CLEAN: u32 = 600;
/// A younger file stays.
const YOUNG: Duration = Duration::from_secs(3600);
/// Documents in one append.
const RECORDS: usize = 256;
/// Knowledge bases at a look.
const BATCH: i64 = 100;

/// What a document says that has no vectors.
const UNSPOKEN: &str = "by words alone: the embedding model speaks no language of its knowledge base";

/// With snapshots, whoever writes them makes the vectors; what has none after so long is made by every process that searches.
const OVERDUE: Duration = Duration::from_secs(1800);

/// Looks after vectors until the process ends; without a model there is nothing to do. Whoever writes snapshots sees to the
/// knowledge bases that are its own, `owned`.
pub fn watch(parts: &Parts, search: &Arc<TextSearch>, owned: Option<&Owned>) {
    if !search.has_meaning() {
        return;
    }
    let (parts, search, owned) = (parts.clone(), Arc::clone(search), owned.cloned());
    parts.tasks.clone().spawn(async move {
        // What said once that the model doesn't speak it is looked at again by a new process: it may have another model.
        let (mut after, mut again) = (None, true);
        for round in 0_u32.. {
            match look(&parts, &search, owned.as_ref(), (after.take(), again)).await {
                Ok(last) => {
                    again &= last.is_some();
                    after = last;
                }
                Err(error) => tracing::warn!(%error, "documents wait to be found by meaning"),
            }
            if round.is_multiple_of(CLEAN)
                && let Err(error) = clean(&parts, &search).await
            {
                tracing::warn!(%error, "vectors that nobody needs are left");
            }
            tokio::select! {
                () = parts.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    });
}

/// Has knowledge bases indexed that changed, and notes those whose vectors are there. Gives the last one, where more come
/// behind it.
async fn look(
    parts: &Parts,
    search: &TextSearch,
    owned: Option<&Owned>,
    (after, again): (Option<(TenantId, BaseId)>, bool),
) -> anyhow::Result<Option<(TenantId, BaseId)>> {
    let others_do = owned.is_none() && parts.settings.search.snapshots.enabled;
    let wait = if others_do { OVERDUE } else { Duration::ZERO };
    let since = parts.clock.now().millis().saturating_sub(i64::try_from(wait.as_millis())?);
    let since = Timestamp::from_millis(since);
    let shards = super::parts::shards(&parts.settings);
    let found = parts.store.bases_without_meaning(since, after.as_ref(), again, BATCH).await?;
    let last = found.last().cloned().filter(|_| found.len() as i64 == BATCH);
    for (tenant, base) in found {
        let partition = partition_of(format!("{tenant}/{base}").as_bytes(), shards);
        if owned.is_some_and(|owned| !owned.has(partition)) {
            continue;
        }
        let Some(found) = parts.directory.base(&tenant, &base).await? else { continue };
        let (version, corpus) = (found.version, crate::domain::knowledge::Corpus::Base(found));
        match search.vectors(corpus.clone()) {
            Vectored::Ready(_) => {
                tell(parts, (&tenant, &base), version, shards).await?;
                parts.store.base_semantic_ready(&tenant, &base, version).await?
            }
            Vectored::Never => parts.store.base_by_words(&tenant, &base, version, UNSPOKEN).await?,
            Vectored::Coming => {
                search.prepare(&corpus).await?;
                0
            }
        };
    }
    Ok(last)
}

/// Says of each document that it is found by its meaning from now on; said twice, where the process ends before that is
/// noted, under the same id.
async fn tell(
    parts: &Parts,
    (tenant, base): (&TenantId, &BaseId),
    version: i64,
    shards: u32,
) -> anyhow::Result<()> {
    let documents = parts.store.base_by_words_alone(tenant, base, version).await?;
    let records: Vec<Outgoing> = documents
        .into_iter()
        .map(|document| record((tenant, base), document, parts.clock.now(), shards))
        .collect();
    for some in records.chunks(RECORDS) {
        parts.log.append(some).await?;
    }
    Ok(())
}

fn record(
    (tenant, base): (&TenantId, &BaseId),
    document: BaseDocument,
    at: Timestamp,
    shards: u32,
) -> Outgoing {
    let home = format!("{tenant}/{base}");
    let key = format!("{home}/{}", document.name);
    let status = DocumentStatus::SemanticReady;
    let id = EventId::root(ChannelKind::Webchat, &key, &format!("{}/{status}", document.submission));
    let data = DocumentChanged {
        base: base.clone(),
        name: document.name,
        submission: document.submission,
        status,
        reason: None,
        pages: document.pages,
        passages: document.passages,
    };
    let mut event = Envelope::root(id, key.as_str(), at, at, data);
    event.source = "/index".into();
    event.tenant = tenant.clone();
    let topic = TopicName::from(DOCUMENT_CHANGED);
    Outgoing::event(topic, key, event.encode()).at(partition_of(home.as_bytes(), shards))
}

async fn clean(parts: &Parts, search: &Arc<TextSearch>) -> anyhow::Result<()> {
    let known = parts.store.corpora().await?;
    let search = Arc::clone(search);
    let gone = tokio::task::spawn_blocking(move || search.keep_vectors_of(&known, YOUNG)).await??;
    if gone > 0 {
        tracing::info!(files = gone, "vectors of what was removed are deleted");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_beside_what_index_says() {
        let document = BaseDocument {
            name: "prices.md".into(),
            address: String::new(),
            hash: "h".into(),
            kind: "md".into(),
            title: String::new(),
            tags: Vec::new(),
            bytes: 1,
            status: DocumentStatus::Searchable,
            reason: String::new(),
            pages: 2,
            passages: 3,
            language: "en".into(),
            submission: 7,
            submitted_at: Timestamp::from_millis(1),
            changed_at: Timestamp::from_millis(2),
        };
        let (tenant, base) = (TenantId::from("acme"), BaseId::from("faq"));
        let record = |at| record((&tenant, &base), document.clone(), Timestamp::from_millis(at), 8);
        let decode = |record: &Outgoing| Envelope::<DocumentChanged>::decode(&record.value).unwrap();
        let (one, again) = (decode(&record(5)), decode(&record(9)));
        assert_eq!(one.id, again.id, "said twice it is the same");
        assert_eq!((one.data.status, one.data.submission), (DocumentStatus::SemanticReady, 7));
        assert_eq!(record(5).partition, Some(partition_of(b"acme/faq", 8)), "as index writes it");
        assert_eq!(record(5).key.as_ref(), b"acme/faq/prices.md", "the newest word of a document is kept");
    }
}
