//! A corpus that is in the index, and what becomes of it when it changes.
//!
//! Guarantee: a change costs what changed. A document that stayed as it was keeps its passages where they stand in the
//! index; what is found is the same as if the corpus had been indexed anew.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
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
    /// Places among the entries, sorted by their numbers; empty where the entries are.
    by_number: Vec<u32>,
}

/// A document in the index. There are as many as documents in memory: 32 bytes each.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Given to this state of this document and never again in the shard.
    pub(super) number: u64,
    /// Its first passage, among those of the corpus.
    first: u32,
    /// How many follow.
    count: u32,
    /// Terms in its titles and in its bodies; what is more is not counted.
    tokens: [u32; 2],
    /// False when there was no room for all of its passages.
    pub(super) whole: bool,
    pub(super) language: Language,
}

impl Entry {
    /// A document with so many passages from the first on.
    fn new(number: u64, passages: Range<usize>, whole: bool, language: Language) -> Self {
        let (first, count) = (narrow(passages.start as u64), narrow(passages.len() as u64));
        Self { number, first, count, tokens: [0; 2], whole, language }
    }

    /// Its passages, among those of the corpus.
    pub(super) const fn passages(&self) -> Range<usize> {
        let first = self.first as usize;
        first..first + self.count as usize
    }

    /// Terms in its titles and in its bodies.
    fn tokens(&self) -> [u64; 2] {
        self.tokens.map(u64::from)
    }
}

/// A number of 32 bits; a corpus has fewer of everything.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Resident {
    /// The number of a passage that the index knows by its document and its place in it; `None` when it is no more.
    pub(super) fn piece(&self, document: u64, place: u64) -> Option<usize> {
        let at = match self.by_number.as_slice() {
            [] => self.entries.binary_search_by_key(&document, |entry| entry.number).ok()?,
            order => {
                let of = |at: &u32| self.entries[*at as usize].number;
                order[order.binary_search_by_key(&document, of).ok()?] as usize
            }
        };
        let piece = (self.entries[at].first as usize).checked_add(usize::try_from(place).ok()?)?;
        (piece < self.pieces.len()).then_some(piece)
    }

    /// How many of its passages are in each language, of those that may answer.
    pub(super) fn spoken(&self, only: &Only) -> BTreeMap<Language, usize> {
        let Some(only) = only else { return self.spoken.clone() };
        let mut spoken = BTreeMap::new();
        for entry in &self.entries {
            let passages = only.get(entry.passages()).unwrap_or_default();
            let count = passages.iter().filter(|may| **may).count();
            if count > 0 {
                *spoken.entry(entry.language).or_default() += count;
            }
        }
        spoken
    }

    /// Documents by language.
    pub(super) fn documents(&self) -> BTreeMap<Language, usize> {
        let mut documents = BTreeMap::new();
        for entry in &self.entries {
            *documents.entry(entry.language).or_default() += 1;
        }
        documents
    }

    /// What it takes of the process's own memory, about, in bytes: documents, places of passages, figures. What stands in
    /// mapped files is not counted.
    pub(super) fn own_bytes(&self) -> usize {
        // Passages of one section lie side by side and share their headings.
        let headings = self.pieces.chunk_by(|a, b| a.headings.is_same(&b.headings));
        let headings: usize =
            headings.filter_map(|same| same.first()).map(|piece| piece.headings.own_bytes()).sum();
        let corpus = self.corpus.documents().iter().map(Document::own_bytes).sum::<usize>();
        // Keys and counters of its maps and of those that it stands in, and the corpus itself.
        const BOOKS: usize = 450;
        size_of::<Self>()
            + BOOKS
            + corpus
            + headings
            + self.pieces.capacity() * size_of::<Piece>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.by_number.capacity() * size_of::<u32>()
            + self.alive.as_ref().map_or(0, |alive| alive.len())
    }

    /// True when some of its passages stand in the shard itself.
    pub(super) fn in_shard(&self) -> bool {
        self.entries.iter().any(|entry| entry.number < NUMBERS && entry.count > 0)
    }

    /// A document that stayed the same, as document `n` of the corpus's next version.
    fn keep(&self, at: usize, n: u32) -> (Entry, Vec<Piece>) {
        let entry = &self.entries[at];
        let pieces = &self.pieces[entry.passages()];
        (entry.clone(), pieces.iter().map(|piece| piece.of_document(n)).collect())
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
    let entry = Entry::new(NUMBERS + at as u64, 0..pieces.len(), row.whole, row.language);
    Some((Entry { tokens: row.tokens.map(narrow), ..entry }, pieces))
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
                first + entry.count as usize <= most && entry.whole && !kept.contains(&entry.number)
            };
            if let Some((entry, pieces)) = same.filter(fits) {
                kept.insert(entry.number);
                draft.pieces.extend(pieces);
                draft.entries.push(Entry { first: narrow(first as u64), ..entry });
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
            draft.entries.push(Entry::new(number(), first..first + count, !cut, language));
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
        self.entries[at].tokens = tokens.map(narrow);
    }

    /// Once all of it is in the index.
    pub(super) fn finish(self) -> Resident {
        let Self { owner, snapshot, corpus, mut pieces, entries, .. } = self;
        pieces.shrink_to_fit();
        let mut spoken: BTreeMap<Language, usize> = BTreeMap::new();
        let mut tokens = [0; 2];
        for entry in &entries {
            *spoken.entry(entry.language).or_default() += entry.count as usize;
            let of_entry = entry.tokens();
            tokens = [tokens[0] + of_entry[0], tokens[1] + of_entry[1]];
        }
        spoken.retain(|_, count| *count > 0);
        let mut languages: Vec<Language> = spoken.keys().copied().collect();
        languages.sort_unstable_by_key(|language| (Reverse(spoken[language]), *language));
        languages.truncate(MAX_LANGUAGES);
        let by_number = if entries.is_sorted_by_key(|entry| entry.number) {
            Vec::new()
        } else {
            let mut order: Vec<u32> = (0..narrow(entries.len() as u64)).collect();
            order.sort_unstable_by_key(|at| entries[*at as usize].number);
            order
        };
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
            tokens,
            vectors: ArcSwapOption::empty(),
            seen_to: AtomicBool::new(false),
            used: AtomicU64::new(0),
            entries,
            by_number,
        }
    }
}

#[cfg(test)]
mod tests;
