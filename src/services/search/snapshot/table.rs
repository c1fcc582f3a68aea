//! What stands beside the text index: for each document which one it was, and where its passages stand in it.
//!
//! Guarantee: a document is known by the hash of all of it, so passages are only ever read from the very text that they were
//! made of.

use serde::{Deserialize, Serialize};

use super::super::analysis::Language;
use super::super::passages::{Headings, Piece, Place};
use super::{SnapshotError, damaged};
use crate::domain::bot::Document;

/// What a document is known by.
pub(in crate::services::search) type DocumentHash = [u8; 32];

/// The hash of a document, with its name, its texts and its tags.
pub(in crate::services::search) fn document_hash(document: &Document) -> DocumentHash {
    let mut hasher = blake3::Hasher::new();
    // Writing into a hasher does not fail, and a document has nothing that is no JSON.
    if serde_json::to_writer(&mut hasher, document).is_err() {
        hasher.update(document.name.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// A document in the index, in the order of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::services::search) struct Row {
    pub(in crate::services::search) hash: DocumentHash,
    /// False when there was no room for all of it.
    pub(in crate::services::search) whole: bool,
    pub(in crate::services::search) language: Language,
    /// Terms in its titles and in its bodies.
    pub(in crate::services::search) tokens: [u64; 2],
    pieces: Vec<StoredPiece>,
}

/// A passage, of the document that has the number 0 here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
struct StoredPiece(Piece);

/// A passage in the file: `[begin, end]` in the text, or `[n]` of the pairs, and its headings.
#[derive(Serialize, Deserialize)]
struct Wire(Vec<usize>, Box<str>);

impl From<StoredPiece> for Wire {
    fn from(StoredPiece(piece): StoredPiece) -> Self {
        let place = match piece.place() {
            Place::Text(range) => vec![range.start, range.end],
            Place::Pair(n) => vec![n],
        };
        Self(place, (*piece.headings).into())
    }
}

impl TryFrom<Wire> for StoredPiece {
    type Error = &'static str;

    fn try_from(Wire(place, headings): Wire) -> Result<Self, Self::Error> {
        let place = match *place.as_slice() {
            [start, end] => Place::Text(start..end),
            [pair] => Place::Pair(pair),
            _ => return Err("a passage stands nowhere"),
        };
        let piece = Piece::new(0, &place, Headings::from(&*headings));
        piece.map(Self).ok_or("a passage stands where no document has a place")
    }
}

impl Row {
    /// Of a document and its passages.
    pub(in crate::services::search) fn new(
        document: &Document,
        (whole, language, tokens): (bool, Language, [u64; 2]),
        pieces: &[Piece],
    ) -> Self {
        let store = |piece: &Piece| StoredPiece(piece.of_document(0));
        Self {
            hash: document_hash(document),
            whole,
            language,
            tokens,
            pieces: pieces.iter().map(store).collect(),
        }
    }

    /// How many passages.
    pub(in crate::services::search) const fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The passages as those of document `n` of a corpus; `None` when they don't stand in it, which only a damaged table
    /// says.
    pub(in crate::services::search) fn pieces(&self, n: u32, document: &Document) -> Option<Vec<Piece>> {
        let one = |StoredPiece(piece): &StoredPiece| {
            let is_there = match piece.place() {
                Place::Text(range) => document.text.get(range).is_some_and(|text| !text.is_empty()),
                Place::Pair(pair) => pair < document.qa.len(),
            };
            is_there.then(|| piece.of_document(n))
        };
        self.pieces.iter().map(one).collect()
    }
}

/// As a file.
pub(super) fn encode(rows: &[Row]) -> Result<Vec<u8>, SnapshotError> {
    serde_json::to_vec(rows).map_err(damaged)
}

/// From a file.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Row>, SnapshotError> {
    let mut rows: Vec<Row> = serde_json::from_slice(bytes).map_err(damaged)?;
    rows.shrink_to_fit();
    for row in &mut rows {
        row.pieces.shrink_to_fit();
        // Passages of one section share their headings in memory.
        for n in 1..row.pieces.len() {
            if row.pieces[n].0.headings == row.pieces[n - 1].0.headings {
                row.pieces[n].0.headings = row.pieces[n - 1].0.headings.clone();
            }
        }
    }
    Ok(rows)
}
