//! Passages become vectors in the background: text is searchable at once, by meaning a little later.
//!
//! One thread, one text at a time; what misses few goes first, and tenants take turns. Guarantees: a bot's vectors appear at
//! once or not at all; what was embedded before, by this model, is carried over to the next version and never embedded again;
//! a bot that was changed or has left meanwhile is let go.

mod made;
mod turns;
mod worker;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::SearchError;
use super::analysis::Language;
use super::ground::Only;
use super::passages::Piece;
use super::resident::Resident;
use super::shard::Key;
use super::snapshot::VECTORS;
use super::vectors::{Row, TextHash, Vectors, hash};
use crate::domain::events::WordsOnly;
use crate::domain::ids::TenantId;
use crate::domain::knowledge::Corpus;
use crate::domain::text::cut;
use crate::services::embed::Embed;
use worker::Queue;

/// A question that takes longer to encode is searched by words.
const PATIENCE: Duration = Duration::from_millis(500);

/// A language that fewer passages are in than one of so many is not what the documents are in.
const LARGE: usize = 4;

/// What is read of a question, in bytes; a model reads less.
const LONGEST: usize = 2_000;

/// What a search needs to find by meaning.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The model.
    pub embed: Arc<dyn Embed>,
    /// Where vectors are kept.
    pub folder: PathBuf,
    /// How much meaning counts against words, by the code of a language; 0 where absent.
    pub weights: BTreeMap<String, f32>,
    /// Questions whose vectors are remembered, 1.5 KB each: people ask the same.
    pub remembered: u64,
}

/// A question as it is searched by meaning.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its vector.
    pub(super) row: Arc<Row>,
    /// How long that took.
    pub(super) took: Duration,
    /// How much meaning counts in the documents' language.
    pub(super) weight: f32,
}

/// What turns texts into vectors for a search.
#[derive(Debug)]
pub(super) struct Semantic {
    pub(super) embed: Arc<dyn Embed>,
    folder: PathBuf,
    weights: BTreeMap<String, f32>,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    /// By tenant and the hash of the question.
    remembered: Cache<(TenantId, TextHash), Arc<Row>>,
    /// Questions that may be at the model: one at work, and one that waits for it.
    asking: Arc<Semaphore>,
}

/// See [`Semantic::asking`]; a further question is searched by words alone.
const ASKING: usize = 2;

impl Semantic {
    /// Starts the thread; it ends with this.
    pub(super) fn start(meaning: Meaning) -> Result<Self, SearchError> {
        let Meaning { embed, folder, weights, remembered } = meaning;
        let queue = Arc::new(Queue::new());
        let (worker, place, jobs) = (Arc::clone(&embed), folder.clone(), Arc::clone(&queue));
        let thread = std::thread::Builder::new()
            .name("embed".to_owned())
            .spawn(move || worker::run(&jobs, &*worker, &place))
            .map_err(|error| SearchError::Index(format!("no thread for vectors: {error}")))?;
        let (remembered, asking) = (Cache::new(remembered), Arc::new(Semaphore::new(ASKING)));
        Ok(Self { embed, folder, weights, queue, thread: Some(thread), remembered, asking })
    }

    /// True when meaning counts in one of its languages: vectors of others would take their time and harm.
    pub(super) fn speaks(&self, resident: &Resident) -> bool {
        resident.spoken.keys().any(|language| self.weight(*language) > 0.0)
    }

    fn weight(&self, language: Language) -> f32 {
        self.weights.get(language.code()).copied().unwrap_or(0.0)
    }

    /// How much meaning counts for a question among passages of these languages: one question has one weight. Its own
    /// language decides, where that is known and a good part of the passages are in it; else what counts least does, since
    /// nobody knows which of them hold the answer.
    fn weight_among(&self, spoken: &BTreeMap<Language, usize>, own: Option<Language>) -> f32 {
        let all: usize = spoken.values().sum();
        let is_large = |language: &Language| spoken.get(language).is_some_and(|count| count * LARGE >= all);
        if let Some(own) = own.filter(is_large) {
            return self.weight(own);
        }
        let large = spoken.keys().copied().filter(is_large).chain(own);
        large.map(|language| self.weight(language)).reduce(f32::min).unwrap_or(0.0)
    }

    /// Sees to a bot's vectors: at once when its file has them all.
    pub(super) fn see_to(&self, resident: &Arc<Resident>) {
        if !self.speaks(resident) {
            return;
        }
        let texts = resident.pieces.iter().map(|piece| hash(&text_of(piece, &resident.corpus)));
        let hashes: Vec<TextHash> = texts.collect();
        let mut known: HashSet<TextHash> = HashSet::new();
        for (folder, name) in files(&self.folder, resident) {
            let vectors = match Vectors::open(&folder, &name, self.embed.model()) {
                Ok(vectors) => vectors,
                Err(error) => {
                    // They are there: to make them anew would take hours and then fail at the same.
                    resident.seen_to.store(false, Ordering::Relaxed);
                    let corpus = resident.corpus.id();
                    tracing::warn!(%corpus, %error, "vectors can't be read; this one is searched by words");
                    return;
                }
            };
            let Some(vectors) = vectors else { continue };
            if stand_for(&vectors, &hashes) {
                resident.vectors.store(Some(Arc::new(vectors)));
                return;
            }
            known.extend((0..vectors.len()).filter_map(|row| vectors.hash(row)));
        }
        let missing = hashes.iter().filter(|hash| !known.contains(*hash)).count();
        if !self.queue.put(key(&resident.corpus), missing, resident) {
            resident.seen_to.store(false, Ordering::Relaxed);
            let corpus = resident.corpus.id();
            tracing::warn!(%corpus, "too many wait for vectors; this one is searched by words");
        }
    }

    /// Deletes the files of all but these corpora that are older than `young`; how many that were.
    pub(super) fn keep(&self, known: &[Key], young: Duration) -> std::io::Result<usize> {
        let names: std::collections::HashSet<String> = known.iter().map(name).collect();
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut gone = 0;
        for entry in entries {
            let entry = entry?;
            let ours = entry.file_name().to_str().is_some_and(|n| n.ends_with(".vec") && !names.contains(n));
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if ours && age >= young {
                std::fs::remove_file(entry.path())?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// A question's vector.
    ///
    /// # Errors
    /// Why it is searched by words alone.
    pub(super) async fn ask(
        &self,
        residents: &[(Arc<Resident>, Only)],
        text: &str,
    ) -> Result<Asked, WordsOnly> {
        let mut spoken: BTreeMap<Language, usize> = BTreeMap::new();
        for (language, count) in residents.iter().flat_map(|(resident, only)| resident.spoken(only)) {
            *spoken.entry(language).or_default() += count;
        }
        let weight = self.weight_among(&spoken, Language::of_question(cut(text, LONGEST)));
        // One that the model doesn't speak has none. Any other without would lose to those that have them, whatever it says.
        let ready = |(r, _): &(Arc<Resident>, Only)| !self.speaks(r) || r.vectors.load().is_some();
        if weight <= 0.0 {
            return Err(WordsOnly::Language);
        }
        if !residents.iter().all(ready) {
            return Err(WordsOnly::NoVectors);
        }
        // All of them are one tenant's.
        let Some((first, _)) = residents.first() else { return Err(WordsOnly::NoVectors) };
        let start = Instant::now();
        let row = self.question(first.corpus.tenant(), text).await?;
        Ok(Asked { row, took: start.elapsed(), weight })
    }

    async fn question(&self, tenant: &TenantId, text: &str) -> Result<Arc<Row>, WordsOnly> {
        let text = cut(text, LONGEST);
        let key = (tenant.clone(), hash(&text.trim().to_lowercase()));
        if let Some(row) = self.remembered.get(&key) {
            return Ok(row);
        }
        // Given back when the model is done, not when patience ends: what is given up still takes its time.
        let place = Arc::clone(&self.asking).try_acquire_owned().map_err(|_| WordsOnly::Busy)?;
        let (embed, tenant, text) = (Arc::clone(&self.embed), tenant.clone(), text.to_owned());
        let work = tokio::task::spawn_blocking(move || {
            let vector = embed.question_of(&tenant, &text);
            drop(place);
            vector
        });
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(Ok(vector))) => {
                let row = Arc::new(Row::of(&vector));
                self.remembered.insert(key, Arc::clone(&row));
                Ok(row)
            }
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "a question is searched by words alone");
                Err(WordsOnly::Failed)
            }
            Ok(Err(_)) => Err(WordsOnly::Failed),
            Err(_) => Err(WordsOnly::Slow),
        }
    }
}

impl Drop for Semantic {
    /// Waits for the passage that is being embedded: the library may not be torn down under it.
    fn drop(&mut self) {
        self.queue.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that makes vectors panicked");
        }
    }
}

/// What is embedded of a passage: its title and its text, the question of a pair with its answer.
pub(super) fn text_of(piece: &Piece, corpus: &Corpus) -> String {
    let document = piece.document(corpus);
    let heading = if document.title.is_empty() && piece.headings.is_empty() {
        String::new()
    } else {
        piece.title(corpus)
    };
    let question = piece.question(corpus).unwrap_or_default();
    [heading.as_str(), question, piece.text(corpus)]
        .into_iter()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The file of a corpus's vectors: no name of a person stands in it.
fn name(key: &Key) -> String {
    let hash = blake3::hash(super::shard::name(key).as_bytes());
    format!("{}.vec", &hash.to_hex()[..32])
}

fn key(corpus: &Corpus) -> Key {
    (corpus.tenant().clone(), corpus.id())
}

/// The files that may hold vectors of a corpus: its own, and the one of the snapshot that it was opened from.
fn files(folder: &Path, resident: &Resident) -> impl Iterator<Item = (PathBuf, String)> {
    let own = (folder.to_owned(), name(&key(&resident.corpus)));
    let snapshot = resident.snapshot.as_ref().map(|snapshot| (snapshot.folder.clone(), VECTORS.to_owned()));
    std::iter::once(own).chain(snapshot)
}

/// True when the rows are those of these texts, in this order.
fn stand_for(vectors: &Vectors, texts: &[TextHash]) -> bool {
    vectors.len() == texts.len() && texts.iter().enumerate().all(|(n, text)| vectors.hash(n) == Some(*text))
}
