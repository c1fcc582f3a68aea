//! A passage as a place in its document: small, since a process holds as many as there are passages.

use std::ops::{Deref, Range};
use std::sync::Arc;

use super::short;
use crate::domain::bot::Document;
use crate::domain::knowledge::Corpus;

/// A passage, as a place in its corpus's documents. There are as many as passages in memory: 24 bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::services::search) struct Piece {
    /// Which document.
    pub(in crate::services::search) document: u32,
    /// The first byte; of a pair, its number.
    start: u32,
    /// The last byte plus one; [`PAIR`] for a pair.
    end: u32,
    /// The headings above it.
    pub(in crate::services::search) headings: Headings,
}

/// What no stretch of a text ends at: it would have to begin before it, and a text ends there at the latest.
const PAIR: u32 = u32::MAX;

/// The headings above a passage, outermost first, joined by ` > `; empty where there is none. Passages under the same ones
/// share them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::services::search) struct Headings(Option<Arc<Box<str>>>);

impl Headings {
    /// True when both are the same ones in memory.
    pub(in crate::services::search) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// What they take beside the passages that share them, in bytes.
    pub(in crate::services::search) fn own_bytes(&self) -> usize {
        /// Two counters, and where the text is.
        const HEAD: usize = 4 * size_of::<usize>();
        self.0.as_ref().map_or(0, |text| text.len() + HEAD)
    }
}

impl From<&str> for Headings {
    fn from(text: &str) -> Self {
        Self((!text.is_empty()).then(|| Arc::new(text.into())))
    }
}

impl Deref for Headings {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_ref().map_or("", |text| text)
    }
}

/// Where in a document a passage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::services::search) enum Place {
    /// These bytes of the text.
    Text(Range<usize>),
    /// This pair of question and answer.
    Pair(usize),
}

impl Piece {
    /// A place in a document; `None` where it has no number of 32 bits.
    pub(in crate::services::search) fn new(document: u32, place: &Place, headings: Headings) -> Option<Self> {
        let (start, end) = match place {
            Place::Text(range) => (range.start, u32::try_from(range.end).ok().filter(|end| *end < PAIR)?),
            Place::Pair(n) => (*n, PAIR),
        };
        Some(Self { document, start: u32::try_from(start).ok()?, end, headings })
    }

    /// The same place in a document with another number.
    pub(in crate::services::search) fn of_document(&self, document: u32) -> Self {
        Self { document, ..self.clone() }
    }

    /// Where in its document.
    pub(in crate::services::search) const fn place(&self) -> Place {
        match self.end {
            PAIR => Place::Pair(self.start as usize),
            end => Place::Text(self.start as usize..end as usize),
        }
    }

    /// The document's title, its name where it has none, and the headings.
    pub(in crate::services::search) fn title(&self, corpus: &Corpus) -> String {
        let document = self.document(corpus);
        let title = if document.title.is_empty() { document.name.as_str() } else { document.title.as_str() };
        let title = short(title);
        match &*self.headings {
            "" => title.to_owned(),
            // A document's first heading usually repeats its title.
            headings if headings == title || headings.starts_with(&format!("{title} > ")) => {
                headings.to_owned()
            }
            headings => format!("{title} > {headings}"),
        }
    }

    /// What is shown: the passage itself; of a pair, the answer.
    pub(in crate::services::search) fn text<'a>(&self, corpus: &'a Corpus) -> &'a str {
        let document = self.document(corpus);
        match self.place() {
            // Of a file that the disk lost a part of there is nothing left to show.
            Place::Text(range) => document.text.get(range).unwrap_or_default(),
            Place::Pair(n) => document.qa[n].a.trim(),
        }
    }

    /// The same as bytes: whoever only compares does not have them looked through.
    pub(in crate::services::search) fn bytes<'a>(&self, corpus: &'a Corpus) -> &'a [u8] {
        match self.place() {
            Place::Text(range) => self.document(corpus).text.bytes().get(range).unwrap_or_default(),
            Place::Pair(_) => self.text(corpus).as_bytes(),
        }
    }

    /// The question of a pair: it is searched like a title.
    pub(in crate::services::search) fn question<'a>(&self, corpus: &'a Corpus) -> Option<&'a str> {
        match self.place() {
            Place::Text(_) => None,
            Place::Pair(n) => Some(&self.document(corpus).qa[n].q),
        }
    }

    /// The page on which it begins.
    pub(in crate::services::search) fn page(&self, corpus: &Corpus) -> Option<u32> {
        match self.place() {
            Place::Text(range) => self.document(corpus).page(range.start),
            Place::Pair(_) => None,
        }
    }

    /// The document.
    pub(in crate::services::search) fn document<'a>(&self, corpus: &'a Corpus) -> &'a Document {
        &corpus.documents()[self.document as usize]
    }
}
