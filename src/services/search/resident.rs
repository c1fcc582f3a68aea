//! A corpus that is in the index, and what becomes of it when it changes.
//!
//! Guarantee: a change costs what changed. A document that stayed as it was keeps its passages where they stand in the
//! index; what is found is the same as if the corpus had been indexed anew.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwapOption;

use super::analysis::Language;
use super::ground::Only;
use super::passages::{Piece, pieces};
use super::snapshot::{NUMBERS, Opened, document_hash};
use super::vectors::Vectors;
use crate::domain::bot::Document;
use crate::domain::knowledge::Corpus;

/// A question is analysed once for each: more would cost more than they find.
pub(super) const MAX_LANGUAGES: usize = 3;

/// A corpus that is in the index.
#[derive(Debug)]
pub(super) struct Resident {
    /// Given to this corpus when it came into the shard and never again: no passage of another has it.
    pub(super) owner: u64,
    /// What was indexed: passages are read from its documents.
    pub(super) corpus: Corpus,
    /// Every passage, by number.
    pub(super) pieces: Vec<Piece>,
    /// The languages of its passages, the commonest first, at most [`MAX_LANGUAGES`].
    pub(super) languages: Vec<Language>,
    /// Every language of its passages, with how many it has.
    pub(super) spoken: BTreeMap<Language, usize>,
    /// Documents by language.
    pub(super) documents: BTreeMap<Language, usize>,
    /// Terms in all titles and in all bodies: scores rest on its own figures, never on its neighbours'.
    pub(super) tokens: [u64; 2],
    /// A vector for each passage, once all of them are made.
    pub(super) vectors: ArcSwapOption<Vectors>,
    /// True once its vectors were asked for.
    pub(super) seen_to: AtomicBool,
    /// The shard's clock at the last use.
    pub(super) used: AtomicU64,
    /// What was not indexed here but stands in a snapshot.
    pub(super) snapshot: Option<Arc<Opened>>,
    /// Which of the snapshot's passages are the corpus's still; absent where all are.
    pub(super) alive: Option<Arc<[bool]>>,
    /// True once there is a snapshot that serves better: the next one who asks opens that.
    pub(super) outdone: AtomicBool,
    /// Its documents as the index knows them, in their order.
    entries: Vec<Entry>,
    /// The first passage of each document, by the number that it has in the index; sorted.
    places: Vec<(u64, usize)>,
}

/// A document in the index.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Given to this state of this document and never again in the shard.
    pub(super) number: u64,
    /// Its passages, among those of the corpus.
    pub(super) first: usize,
    pub(super) count: usize,
    /// False when there was no room for all of them.
    pub(super) whole: bool,
    pub(super) language: Language,
    /// Terms in its titles and in its bodies.
    pub(super) tokens: [u64; 2],
}

impl Resident {
    /// The number of a passage that the index knows by its document and its place in it; `None` when it is no more.
    pub(super) fn piece(&self, document: u64, place: u64) -> Option<usize> {
        let at = self.places.binary_search_by_key(&document, |(number, _)| *number).ok()?;
        let piece = self.places[at].1.checked_add(usize::try_from(place).ok()?)?;
        (piece < self.pieces.len()).then_some(piece)
    }

    /// How many of its passages are in each language, of those that may answer.
    pub(super) fn spoken(&self, only: &Only) -> BTreeMap<Language, usize> {
        let Some(only) = only else { return self.spoken.clone() };
        let mut spoken = BTreeMap::new();
        for entry in &self.entries {
            let passages = only.get(entry.first..entry.first + entry.count).unwrap_or_default();
            let count = passages.iter().filter(|may| **may).count();
            if count > 0 {
                *spoken.entry(entry.language).or_default() += count;
            }
        }
        spoken
    }

    /// True when some of its passages stand in the shard itself.
    pub(super) fn in_shard(&self) -> bool {
        self.entries.iter().any(|entry| entry.number < NUMBERS && entry.count > 0)
    }

    /// A document that stayed the same, as document `n` of the corpus's next version.
    fn keep(&self, at: usize, n: u32) -> (Entry, Vec<Piece>) {
        let entry = &self.entries[at];
        let pieces = &self.pieces[entry.first..entry.first + entry.count];
        (entry.clone(), pieces.iter().map(|piece| Piece { document: n, ..piece.clone() }).collect())
    }

    /// Where a document stands, when it is the very same.
    fn find(&self, by_name: &HashMap<&str, usize>, document: &Document) -> Option<usize> {
        let at = *by_name.get(document.name.as_str())?;
        (self.corpus.documents()[at] == *document).then_some(at)
    }
}

/// What of a corpus is indexed already.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    /// Nothing.
    Nothing,
    /// An earlier version of it.
    Resident(&'a Resident),
    /// What stands in a snapshot.
    Snapshot(&'a Arc<Opened>),
}

impl<'a> From<Option<&'a Resident>> for Known<'a> {
    fn from(old: Option<&'a Resident>) -> Self {
        old.map_or(Self::Nothing, Self::Resident)
    }
}

/// A document as a snapshot has it, as document `n` of a corpus.
fn stored(snapshot: &Opened, document: &Document, n: u32) -> Option<(Entry, Vec<Piece>)> {
    let at = snapshot.find(&document_hash(document))?;
    let row = &snapshot.rows[at];
    let pieces = row.pieces(n, document)?;
    let (number, count) = (NUMBERS + at as u64, pieces.len());
    let (whole, language, tokens) = (row.whole, row.language, row.tokens);
    Some((Entry { number, first: 0, count, whole, language, tokens }, pieces))
}

/// A corpus on its way into the index.
pub(super) struct Draft {
    owner: u64,
    snapshot: Option<Arc<Opened>>,
    corpus: Corpus,
    pub(super) pieces: Vec<Piece>,
    entries: Vec<Entry>,
    /// Documents that are not in the index yet: their places among the entries.
    pub(super) fresh: Vec<usize>,
    /// Numbers of documents that are no more.
    pub(super) gone: Vec<u64>,
    /// True when it has more passages than it may have; the rest is not found.
    pub(super) cut: bool,
}

impl Draft {
    /// What a corpus becomes, at most so many passages, beside what of it is indexed; `number` gives numbers that were
    /// never given.
    pub(super) fn new<'a>(
        known: impl Into<Known<'a>>,
        corpus: Corpus,
        most: usize,
        number: impl Fn() -> u64,
    ) -> Self {
        let known = known.into();
        let (owner, snapshot) = match known {
            Known::Nothing => (number(), None),
            Known::Resident(old) => (old.owner, old.snapshot.clone()),
            Known::Snapshot(opened) => (number(), Some(Arc::clone(opened))),
        };
        let mut draft = Self {
            owner,
            snapshot,
            pieces: Vec::new(),
            entries: Vec::with_capacity(corpus.documents().len()),
            fresh: Vec::new(),
            gone: Vec::new(),
            cut: false,
            corpus,
        };
        let old: Option<&Resident> = match known {
            Known::Resident(old) => Some(old),
            Known::Nothing | Known::Snapshot(_) => None,
        };
        let names = old.iter().flat_map(|old| old.corpus.documents().iter().enumerate());
        let by_name: HashMap<&str, usize> =
            names.map(|(at, document)| (document.name.as_str(), at)).collect();
        let mut kept = HashSet::new();
        for (n, document) in (0..).zip(draft.corpus.documents()) {
            let first = draft.pieces.len();
            let same = match known {
                Known::Nothing => None,
                Known::Resident(old) => old.find(&by_name, document).map(|at| old.keep(at, n)),
                Known::Snapshot(opened) => stored(opened, document, n),
            };
            let fits = |(entry, _): &(Entry, _)| {
                first + entry.count <= most && entry.whole && !kept.contains(&entry.number)
            };
            if let Some((entry, pieces)) = same.filter(fits) {
                kept.insert(entry.number);
                draft.pieces.extend(pieces);
                draft.entries.push(Entry { first, ..entry });
                continue;
            }
            let mut pieces = pieces(n, document);
            let room = most - first;
            let cut = pieces.len() > room;
            pieces.truncate(room);
            let count = pieces.len();
            draft.cut |= cut;
            draft.pieces.append(&mut pieces);
            draft.fresh.push(draft.entries.len());
            let language = Language::of_document(document);
            draft.entries.push(Entry {
                number: number(),
                first,
                count,
                whole: !cut,
                language,
                tokens: [0; 2],
            });
        }
        let entries = old.iter().flat_map(|old| &old.entries).map(|entry| entry.number);
        draft.gone = entries.filter(|number| *number < NUMBERS && !kept.contains(number)).collect();
        draft
    }

    /// Whose passages they are in the index.
    pub(super) const fn owner(&self) -> u64 {
        self.owner
    }

    /// What it is made of.
    pub(super) const fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// A document of it.
    pub(super) fn entry(&self, at: usize) -> &Entry {
        &self.entries[at]
    }

    /// Notes how many terms a document has in its titles and its bodies.
    pub(super) fn note(&mut self, at: usize, tokens: [u64; 2]) {
        self.entries[at].tokens = tokens;
    }

    /// Once all of it is in the index.
    pub(super) fn finish(self) -> Resident {
        let Self { owner, snapshot, corpus, pieces, entries, .. } = self;
        let mut documents = BTreeMap::new();
        let mut spoken: BTreeMap<Language, usize> = BTreeMap::new();
        let mut tokens = [0; 2];
        for entry in &entries {
            *documents.entry(entry.language).or_default() += 1;
            *spoken.entry(entry.language).or_default() += entry.count;
            tokens = [tokens[0] + entry.tokens[0], tokens[1] + entry.tokens[1]];
        }
        spoken.retain(|_, count| *count > 0);
        let mut languages: Vec<Language> = spoken.keys().copied().collect();
        languages.sort_unstable_by_key(|language| (Reverse(spoken[language]), *language));
        languages.truncate(MAX_LANGUAGES);
        let mut places: Vec<(u64, usize)> = entries.iter().map(|entry| (entry.number, entry.first)).collect();
        places.sort_unstable();
        let kept: HashSet<u64> =
            entries.iter().map(|entry| entry.number).filter(|number| *number >= NUMBERS).collect();
        let snapshot = snapshot.filter(|_| !kept.is_empty());
        let missing = snapshot.as_ref().filter(|snapshot| kept.len() < snapshot.rows.len());
        let alive = missing.map(|snapshot| snapshot.alive(|number| kept.contains(&number)));
        Resident {
            owner,
            snapshot,
            alive,
            outdone: AtomicBool::new(false),
            corpus,
            pieces,
            languages,
            spoken,
            documents,
            tokens,
            vectors: ArcSwapOption::empty(),
            seen_to: AtomicBool::new(false),
            used: AtomicU64::new(0),
            entries,
            places,
        }
    }
}

#[cfg(test)]
mod tests;
