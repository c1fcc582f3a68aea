//! index: reads documents that were submitted to a knowledge base.
//!
//! Reads `document.submitted.v1`, writes `document.changed.v1`: that it was parsed, and what became of it. Takes the raw file from the object store, has it read in
//! a process of its own, and writes what came of it to the database, from where every searching process takes it. Never
//! fetches an address. Safe to repeat: only the newest submission's reading counts, and counts once. A file that can't be
//! read is no failure of the stage: its document says why. One that became a dead letter and is driven again is read anew.

use std::sync::Arc;

use crate::domain::bot::Document;
use crate::domain::envelope::Envelope;
use crate::domain::events::{DocumentChanged, DocumentSubmitted};
use crate::domain::knowledge::DocumentStatus;
use crate::domain::stage::StageName;
use crate::domain::topics::partition_of;
use crate::pipeline::{Cx, Emission, Outcome, Ports, Stage, StageError};
use crate::services::objects::{ContentHash, Objects};
use crate::services::parse::{MAX_INPUT, Parse, ParseError, Parsed};
use crate::services::search::preview::outline;
use crate::store::{BaseDocument, GIVEN_UP, Reading, Store, StoreError};

/// What index needs.
#[derive(Debug, Clone)]
pub struct IndexDeps {
    /// Where documents and their status are.
    pub store: Arc<Store>,
    /// The raw files.
    pub objects: Objects,
    /// Who reads them.
    pub parse: Arc<dyn Parse>,
    /// Partitions of the topics that are keyed by knowledge base.
    pub shards: u32,
    /// Passages of one knowledge base that are searched.
    pub most_passages: u64,
}

/// Which of a submission's events says that it was parsed; the one that says what became of it is the first, and the one of a
/// submission that was given up the second: each has an id of its own.
const PARSED: u32 = 2;

/// The stage.
#[derive(Debug)]
pub struct Index {
    deps: IndexDeps,
}

/// Its outputs.
#[derive(Debug)]
pub enum IndexOut {
    /// The document as it stands, and the partition of its knowledge base.
    Changed(Box<Envelope<DocumentChanged>>, u32),
}

impl Ports for IndexOut {
    const NAMES: &'static [&'static str] = &["changed"];

    fn into_emission(self) -> Emission {
        match self {
            Self::Changed(event, partition) => Emission {
                port: "changed",
                key: event.subject.as_str().to_owned().into(),
                partition: Some(partition),
                value: event.encode(),
            },
        }
    }
}

impl Index {
    /// The stage.
    #[must_use]
    pub const fn new(deps: IndexDeps) -> Self {
        Self { deps }
    }

    /// What comes of reading a file.
    async fn read(
        &self,
        input: &Envelope<DocumentSubmitted>,
        listed: &BaseDocument,
    ) -> Result<Reading, StageError> {
        let damaged = |reason: String| Ok(Reading::Failed(reason));
        let Ok(hash) = input.data.hash.parse::<ContentHash>() else {
            return damaged("its file is not known by a hash: submit it again".to_owned());
        };
        let file = match self.deps.objects.get(&input.tenant, hash, MAX_INPUT as u64).await {
            Ok(file) => file,
            Err(error) if error.is_stores() => return Err(error.into()),
            Err(error) => return damaged(error.to_string()),
        };
        match self.deps.parse.parse(&input.tenant, &listed.kind, file).await {
            Ok(parsed) => {
                let DocumentSubmitted { base, name, submission, .. } = &input.data;
                self.deps.store.base_parsed(&input.tenant, base, (name, *submission)).await?;
                self.bounded(input, reading(parsed, listed.clone()).await).await
            }
            Err(ParseError::Unreadable(reason)) => damaged(reason),
            Err(error @ ParseError::NoChild(_)) => Err(error.into()),
        }
    }
}

impl Index {
    /// Refuses what would not be searched: a knowledge base has room for so many passages.
    async fn bounded(
        &self,
        input: &Envelope<DocumentSubmitted>,
        reading: Reading,
    ) -> Result<Reading, StageError> {
        let Reading::Read { passages, .. } = &reading else { return Ok(reading) };
        let DocumentSubmitted { base, name, .. } = &input.data;
        let others = self.deps.store.base_passages(&input.tenant, base, name).await?;
        let (all, most) = (others + passages, self.deps.most_passages);
        Ok(if all <= most {
            reading
        } else {
            Reading::Failed(format!(
                "the knowledge base would have {all} passages and {most} are searched: put it in another one, or raise \
                 search.max_passages_per_bot"
            ))
        })
    }
}

/// A file that was read, under its document's name, with the title and the tags that its author gave it. A large one takes
/// a while.
async fn reading(parsed: Parsed, listed: BaseDocument) -> Reading {
    match tokio::task::spawn_blocking(move || reading_now(parsed, listed)).await {
        Ok(reading) => reading,
        // The runtime knows what to do with a record that makes a stage panic.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn reading_now(parsed: Parsed, listed: BaseDocument) -> Reading {
    let Parsed { document, pages, .. } = parsed;
    let title = if listed.title.is_empty() { document.title.clone() } else { listed.title.into() };
    let document = Document { name: listed.name.into(), title, tags: listed.tags.into(), ..document };
    let (language, passages) = outline(&document);
    let (document, language) = (Box::new(document), language.to_owned());
    Reading::Read { document, pages, passages: passages as u64, language }
}

/// Nobody waits for a word of it: what is dropped of a conversation is told on its timeline, and this is of none.
fn nothing(why: &'static str) -> Outcome<IndexOut> {
    tracing::debug!(why, "a submission is not read");
    Outcome::EmitAll(Vec::new())
}

impl Stage for Index {
    const NAME: StageName = StageName::Index;
    type In = DocumentSubmitted;
    type Out = IndexOut;

    async fn handle(
        &self,
        cx: &Cx,
        input: &Envelope<DocumentSubmitted>,
    ) -> Result<Outcome<IndexOut>, StageError> {
        let DocumentSubmitted { base, name, submission, .. } = &input.data;
        let store = &self.deps.store;
        let listed = match store.base_document(&input.tenant, base, name).await {
            Ok(listed) => listed,
            Err(StoreError::Missing { .. }) => return Ok(nothing("the document was removed")),
            Err(error) => return Err(error.into()),
        };
        if listed.submission != *submission {
            return Ok(nothing("a newer file was submitted"));
        }
        let given_up = listed.status == DocumentStatus::Failed && listed.reason.starts_with(GIVEN_UP);
        // One that was parsed and no more lost its reader before it was searchable.
        let is_unread = matches!(listed.status, DocumentStatus::Submitted | DocumentStatus::Parsed);
        let reading = if is_unread || given_up {
            Some(self.read(input, &listed).await?)
        } else {
            // It was read before: only the word of it may be missing.
            None
        };
        let mut was_parsed = matches!(reading, Some(Reading::Read { .. }));
        if let Some(reading) = reading {
            let written = store.base_read(&input.tenant, base, (name, *submission), &reading).await;
            if let Err(StoreError::Invalid(reason)) = written {
                let failed = Reading::Failed(reason);
                store.base_read(&input.tenant, base, (name, *submission), &failed).await?;
            } else {
                written?;
            }
        }
        let listed = match store.base_document(&input.tenant, base, name).await {
            Ok(listed) => listed,
            Err(StoreError::Missing { .. }) => return Ok(nothing("the document was removed")),
            Err(error) => return Err(error.into()),
        };
        // A repeat says it again, under the same id: the one before may have been lost with its process.
        was_parsed |= matches!(listed.status, DocumentStatus::Searchable | DocumentStatus::SemanticReady);
        let partition = partition_of(format!("{}/{base}", input.tenant).as_bytes(), self.deps.shards);
        let event = |ordinal, status, reason: &str| {
            let data = DocumentChanged {
                base: base.clone(),
                name: name.clone(),
                submission: *submission,
                status,
                reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
                pages: listed.pages,
                passages: listed.passages,
            };
            let event = input.follow(Self::NAME, cx.now(), ordinal, data);
            IndexOut::Changed(Box::new(event), partition)
        };
        let parsed = was_parsed.then(|| event(PARSED, DocumentStatus::Parsed, ""));
        let now = event(0, listed.status, &listed.reason);
        Ok(Outcome::EmitAll(parsed.into_iter().chain([now]).collect()))
    }
}

#[cfg(test)]
mod tests;
