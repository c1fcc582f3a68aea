//! Full-text search over all documents, in this process.
//!
//! A corpus is indexed when it is first asked for, and again when its version differs. What was
//! longest unused goes when there is no more room; it comes back when it is asked for. A search waits for nothing else.

mod distribution;
mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::builder::{Builder, Room};
use super::count::{Cells, count};
use super::found::Found;
use super::ground::{Ground, Only, only};
use super::resident::Resident;
use super::semantic::{Asked, Meaning, Semantic};
use super::shard::{Fields, Key, Shard, View};
use super::snapshot::{Shelf, ShelfConfig};
use super::{Grounding, Search, SearchError, query};
use crate::config::Problems;
use crate::domain::events::WordsOnly;
use crate::domain::knowledge::Corpus;

/// How bots' documents are searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Indexes that bots are spread over.
    pub shards: usize,
    /// Passages that are kept indexed, of all bots together: about 0.2 KB of memory each. Long texts and large indexes stand in
    /// files under `scratch` in the data folder; short ones come on top.
    pub max_passages: usize,
    /// Passages of one bot; more are not found, and the log says so.
    pub max_passages_per_bot: usize,
    /// Bots kept in memory.
    pub max_bots: usize,
    /// Indexes being written at once; each takes a thread and 20 MB while it works.
    pub builders: usize,
    /// Snapshots of knowledge bases: what one process indexed, others open instead of indexing it.
    pub snapshots: ShelfConfig,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            shards: 8,
            max_passages: 200_000,
            max_passages_per_bot: 20_000,
            max_bots: 10_000,
            builders: 2,
            snapshots: ShelfConfig::default(),
        }
    }
}

impl SearchConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        for (key, value) in [
            ("shards", self.shards),
            ("max_passages", self.max_passages),
            ("max_passages_per_bot", self.max_passages_per_bot),
            ("max_bots", self.max_bots),
            ("builders", self.builders),
        ] {
            if value == 0 {
                problems.add(format!("{at}.{key}"), "is zero", "use 1 or more");
            }
        }
        if self.shards > 256 {
            problems.add(format!("{at}.shards"), format!("{} are too many", self.shards), "use at most 256");
        }
        self.snapshots.validate(&format!("{at}.snapshots"), problems);
    }
}

/// What a bot's documents became.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// How many.
    pub passages: usize,
    /// Documents by the code of their language.
    pub languages: BTreeMap<String, usize>,
}

/// How far the vectors of a corpus are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vectored {
    /// It is searched by words: there is no model, or none that speaks a language of it.
    Never,
    /// They are made, or nobody asked for them yet.
    Coming,
    /// All of them are there, so many bytes on the disk.
    Ready(u64),
}

/// Looking whether a file has the vectors of so many passages hashes each of them: more would hold up others.
const HASHED_INLINE: usize = 200;

/// A larger bot is searched on a thread of its own: inline it would hold up others by milliseconds.
const INLINE: usize = 5_000;

/// Passages that are looked at for a turn: what is wanted may stand behind many of one document.
const DEPTH: usize = 100;

/// The search.
#[derive(Debug)]
pub struct TextSearch {
    shards: Vec<(Arc<Shard>, Arc<Builder>)>,
    cells: Arc<Cells>,
    semantic: Option<Arc<Semantic>>,
    shelf: Option<Arc<Shelf>>,
    per_bot: usize,
}

impl TextSearch {
    /// Empty indexes; without `meaning` words alone are searched.
    ///
    /// # Errors
    /// When an index can't be made.
    pub fn new(config: SearchConfig, meaning: Option<Meaning>) -> Result<Self, SearchError> {
        let count = config.shards.max(1);
        let room = Room {
            passages: config.max_passages.div_ceil(count),
            bots: config.max_bots.div_ceil(count),
            per_bot: config.max_passages_per_bot,
        };
        let open = Arc::new(Semaphore::new(config.builders.max(1)));
        let shard = |_| -> tantivy::Result<_> {
            Ok((Arc::new(Shard::new(None)?), Arc::new(Builder::new(room, Arc::clone(&open)))))
        };
        let shards = (0..count).map(shard).collect::<Result<_, _>>().map_err(failed)?;
        let semantic = meaning.map(Semantic::start).transpose()?.map(Arc::new);
        let cells = Arc::new(Cells::new());
        Ok(Self { shards, cells, semantic, shelf: None, per_bot: config.max_passages_per_bot })
    }

    /// Opens snapshots of knowledge bases instead of indexing them, where there are any.
    #[must_use]
    pub fn with_snapshots(self, shelf: Arc<Shelf>) -> Self {
        Self { shelf: Some(shelf), ..self }
    }

    /// Passages that were analysed and indexed since the beginning.
    #[must_use]
    pub fn built(&self) -> u64 {
        self.shards.iter().map(|(_, builder)| builder.written()).sum()
    }

    /// Passages in memory, of all bots.
    #[must_use]
    pub fn passages(&self) -> u64 {
        self.shards.iter().map(|(shard, _)| shard.view().searcher.num_docs()).sum()
    }

    fn place(&self, key: &Key) -> &(Arc<Shard>, Arc<Builder>) {
        let hash = blake3::hash(super::shard::name(key).as_bytes());
        let hash = u64::from_le_bytes(std::array::from_fn(|n| hash.as_bytes()[n]));
        &self.shards[usize::try_from(hash % self.shards.len() as u64).unwrap_or(0)]
    }
}

impl TextSearch {
    /// What a corpus became. Indexes them first when this version is not indexed yet.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn profile(&self, corpus: impl Into<Corpus> + Send) -> Result<Profile, SearchError> {
        let corpus = corpus.into();
        let key = key(&corpus);
        let (shard, builder) = self.place(&key);
        let view = builder.index(shard, key.clone(), corpus, None).await?;
        self.see_to(&view, &key);
        let resident = view.residents.get(&key);
        Ok(resident.map_or_else(Profile::default, |resident| Profile {
            passages: resident.pieces.len(),
            languages: resident
                .documents()
                .into_iter()
                .map(|(l, count)| (l.code().to_owned(), count))
                .collect(),
        }))
    }

    /// Indexes a corpus when this version of it is not indexed yet, and asks for its vectors, again when they failed.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn prepare(&self, corpus: &Corpus) -> Result<(), SearchError> {
        if let Some(open) = self.open(corpus).await? {
            self.see_to(&open.view, &key(corpus));
        }
        Ok(())
    }

    /// Asks for a bot's vectors where there is a model, once for each version: many may have waited for the same view.
    fn see_to(&self, view: &View, key: &Key) {
        if let (Some(semantic), Some(resident)) = (&self.semantic, view.residents.get(key))
            && !resident.seen_to.swap(true, Ordering::Relaxed)
        {
            let (semantic, resident) = (Arc::clone(semantic), Arc::clone(resident));
            if resident.pieces.len() <= HASHED_INLINE {
                semantic.see_to(&resident);
            } else {
                drop(tokio::task::spawn_blocking(move || semantic.see_to(&resident)));
            }
        }
    }

    /// True when there is a model: what is searched by words is found by meaning a little later.
    #[must_use]
    pub const fn has_meaning(&self) -> bool {
        self.semantic.is_some()
    }

    /// Deletes the vectors of every corpus but these; how many files that were. Files that were written within `young`
    /// stay, whoever's they are: their corpus may be newer than the list.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn keep_vectors_of(&self, known: &[Key], young: Duration) -> Result<usize, SearchError> {
        let Some(semantic) = &self.semantic else { return Ok(0) };
        semantic.keep(known, young).map_err(|error| SearchError::Index(error.to_string()))
    }

    /// How far the vectors of a corpus are, in the version that is asked for.
    #[must_use]
    pub fn vectors(&self, corpus: impl Into<Corpus>) -> Vectored {
        let corpus = corpus.into();
        let key = key(&corpus);
        let Some(semantic) = &self.semantic else { return Vectored::Never };
        let view = self.place(&key).0.view();
        let resident = view.residents.get(&key).filter(|r| r.corpus.version() == corpus.version());
        match resident {
            None => Vectored::Coming,
            Some(resident) if resident.pieces.is_empty() => Vectored::Ready(0),
            Some(resident) if !semantic.speaks(resident) => Vectored::Never,
            Some(resident) => match resident.vectors.load().as_ref() {
                Some(vectors) => Vectored::Ready(vectors.bytes()),
                None => Vectored::Coming,
            },
        }
    }

    /// Vectors of a bot's passages on the disk, in bytes; `None` where they are not all there.
    #[must_use]
    pub fn vector_bytes(&self, corpus: impl Into<Corpus>) -> Option<u64> {
        match self.vectors(corpus) {
            Vectored::Ready(bytes) => Some(bytes),
            Vectored::Never | Vectored::Coming => None,
        }
    }

    /// How long it takes to compare one question with every vector of a bot and nothing else; the best of some.
    #[must_use]
    pub fn raw_scan(&self, corpus: impl Into<Corpus>) -> Option<Duration> {
        const TIMES: usize = 20;
        let key = key(&corpus.into());
        let view = self.place(&key).0.view();
        let vectors = view.residents.get(&key)?.vectors.load_full()?;
        let question = vectors.row(0)?;
        let once = || {
            let start = Instant::now();
            std::hint::black_box(vectors.scan(&question));
            start.elapsed()
        };
        (0..TIMES).map(|_| once()).min()
    }

    /// What is found for a question, `depth` deep, with every score.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn explore(
        &self,
        corpora: &[Corpus],
        question: &str,
        depth: usize,
    ) -> Result<Found, SearchError> {
        let mut open = Vec::with_capacity(corpora.len());
        for corpus in corpora.iter().filter(|corpus| !corpus.documents().is_empty() && depth > 0) {
            open.extend(self.open(corpus).await?);
        }
        if open.is_empty() {
            return Ok(Found::nothing());
        }
        let residents: Vec<_> =
            open.iter().map(|open| (Arc::clone(&open.resident), open.only.clone())).collect();
        let asked = match &self.semantic {
            Some(semantic) => semantic.ask(&residents, question).await,
            None => Err(WordsOnly::NoModel),
        };
        let (cells, question) = (Arc::clone(&self.cells), question.to_owned());
        let large = residents.iter().map(|(resident, _)| resident.pieces.len()).sum::<usize>() > INLINE;
        let work = move || search(open, &question, asked.as_ref(), depth, &cells);
        if !large {
            return work();
        }
        tokio::task::spawn_blocking(work).await.map_err(|error| SearchError::Index(error.to_string()))?
    }

    /// A corpus as it is indexed; it is indexed first when this version is not.
    async fn open(&self, corpus: &Corpus) -> Result<Option<Open>, SearchError> {
        let key = key(corpus);
        let (shard, builder) = self.place(&key);
        let mut view = shard.view();
        let present = view.residents.get(&key).map(Arc::clone);
        let present = present.as_ref();
        let is_new = present.is_none_or(|resident| resident.outdone.swap(false, Ordering::Relaxed));
        if is_new || present.is_none_or(|resident| !corpus.is_like(&resident.corpus)) {
            let snapshot = if is_new { self.snapshot_of(corpus).await } else { None };
            if let Some(present) = present.filter(|_| is_new && snapshot.is_none()) {
                // What it has open is outdone all the same: asked again, not kept for ever.
                present.outdone.store(true, Ordering::Relaxed);
            }
            view = builder.index(shard, key.clone(), corpus.clone(), snapshot).await?;
            self.see_to(&view, &key);
        }
        // A view that `index` gave holds the corpus; one that was at hand was looked at before.
        let Some(resident) = view.residents.get(&key).map(Arc::clone) else { return Ok(None) };
        shard.touch(&resident);
        let only = only(corpus, &resident);
        Ok(Some(Open { fields: shard.fields, view, resident, only }))
    }
}

/// A corpus at one moment of its index.
struct Open {
    fields: Fields,
    view: Arc<View>,
    resident: Arc<Resident>,
    only: Only,
}

fn key(corpus: &Corpus) -> Key {
    (corpus.tenant().clone(), corpus.id())
}

#[async_trait]
impl Search for TextSearch {
    async fn ground(&self, corpora: &[Corpus], question: &str, top: usize) -> Result<Grounding, SearchError> {
        Ok(self.explore(corpora, question, DEPTH).await?.grounding(top))
    }
}

fn search(
    open: Vec<Open>,
    question: &str,
    asked: Result<&Asked, &WordsOnly>,
    depth: usize,
    cells: &Cells,
) -> Result<Found, SearchError> {
    let found = || -> tantivy::Result<_> {
        let grounds =
            open.iter().map(|o| Ground::new(&o.view, &o.fields, Arc::clone(&o.resident), o.only.clone()));
        let grounds = grounds.collect::<tantivy::Result<Vec<_>>>()?;
        let words = query::words(&grounds, question)?;
        let hits = if words.is_empty() { Vec::new() } else { count(&grounds, &words, depth, cells)? };
        Ok((hits, query::weighs(&words, Ground::passages(&grounds))))
    };
    let (hits, weighs) = found().map_err(failed)?;
    let (residents, only): (Vec<_>, Vec<_>) = open.into_iter().map(|open| (open.resident, open.only)).unzip();
    Ok(match asked {
        Ok(asked) => Found::by_both((residents, &only), (&hits, weighs), asked, depth),
        Err(why) => Found::by_words(residents, &hits, weighs, *why),
    })
}

fn failed(error: tantivy::TantivyError) -> SearchError {
    SearchError::Index(error.to_string())
}

#[cfg(test)]
mod tests;
