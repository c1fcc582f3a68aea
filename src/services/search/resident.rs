//! A corpus that is in the index, and what becomes of it when it changes.
//!
//! Guarantee: a change costs what changed. A document that stayed as it was keeps its passages where they stand in the
//! index; what is found is the same as if the corpus had been indexed anew.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwapOption;

use super::analysis::Language;
use super::passages::{Piece, pieces};
use super::vectors::Vectors;
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
    whole: bool,
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

    fn whole(&self, document: usize) -> bool {
        self.entries[document].whole
    }
}

/// A corpus on its way into the index.
pub(super) struct Draft {
    owner: u64,
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
    /// What a corpus becomes, at most so many passages, beside what of it is in the index; `number` gives numbers that were
    /// never given.
    pub(super) fn new(old: Option<&Resident>, corpus: Corpus, most: usize, number: impl Fn() -> u64) -> Self {
        let owner = old.map_or_else(&number, |old| old.owner);
        let mut draft = Self {
            owner,
            pieces: Vec::new(),
            entries: Vec::with_capacity(corpus.documents().len()),
            fresh: Vec::new(),
            gone: Vec::new(),
            cut: false,
            corpus,
        };
        let mut before: HashMap<&str, (usize, &Resident)> = HashMap::new();
        if let Some(old) = old {
            let names = old.corpus.documents().iter().map(|document| document.name.as_str());
            before.extend(names.enumerate().map(|(at, name)| (name, (at, old))));
        }
        let mut kept = HashSet::new();
        for (n, document) in (0..).zip(draft.corpus.documents()) {
            let first = draft.pieces.len();
            let same = before.remove(document.name.as_str());
            let same = same.filter(|(at, old)| old.corpus.documents()[*at] == *document);
            if let Some((at, old)) =
                same.filter(|(at, old)| first + old.entries[*at].count <= most && old.whole(*at))
            {
                let entry = &old.entries[at];
                let pieces = &old.pieces[entry.first..entry.first + entry.count];
                draft.pieces.extend(pieces.iter().map(|piece| Piece { document: n, ..piece.clone() }));
                draft.entries.push(Entry { first, ..entry.clone() });
                kept.insert(entry.number);
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
        let entries = old.iter().flat_map(|old| &old.entries);
        draft.gone = entries.map(|entry| entry.number).filter(|number| !kept.contains(number)).collect();
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
        let Self { owner, corpus, pieces, entries, .. } = self;
        let mut documents = BTreeMap::new();
        let mut passages: HashMap<Language, usize> = HashMap::new();
        let mut tokens = [0; 2];
        for entry in &entries {
            *documents.entry(entry.language).or_default() += 1;
            *passages.entry(entry.language).or_default() += entry.count;
            tokens = [tokens[0] + entry.tokens[0], tokens[1] + entry.tokens[1]];
        }
        passages.retain(|_, count| *count > 0);
        let mut languages: Vec<Language> = passages.keys().copied().collect();
        languages.sort_unstable_by_key(|language| (Reverse(passages[language]), *language));
        languages.truncate(MAX_LANGUAGES);
        let mut places: Vec<(u64, usize)> = entries.iter().map(|entry| (entry.number, entry.first)).collect();
        places.sort_unstable();
        Resident {
            owner,
            corpus,
            pieces,
            languages,
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
