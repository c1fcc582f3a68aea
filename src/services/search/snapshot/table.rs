//! What stands beside the text index: for each document which one it was, and where its passages stand in it.
//!
//! Guarantee: a document is known by the hash of all of it, so passages are only ever read from the very text that they were
//! made of.

use serde::{Deserialize, Serialize};

use super::super::analysis::Language;
use super::super::passages::{Piece, Place};
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

/// A passage: `[begin, end]` in the text, or `[n]` of the pairs, and its headings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredPiece(Vec<usize>, Box<str>);

impl Row {
    /// Of a document and its passages.
    pub(in crate::services::search) fn new(
        document: &Document,
        (whole, language, tokens): (bool, Language, [u64; 2]),
        pieces: &[Piece],
    ) -> Self {
        let store = |piece: &Piece| {
            let place = match &piece.place {
                Place::Text(range) => vec![range.start, range.end],
                Place::Pair(n) => vec![*n],
            };
            StoredPiece(place, piece.headings.clone())
        };
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
        let one = |stored: &StoredPiece| {
            let place = match *stored.0.as_slice() {
                [start, end] if document.text.get(start..end).is_some_and(|text| !text.is_empty()) => {
                    Place::Text(start..end)
                }
                [pair] if pair < document.qa.len() => Place::Pair(pair),
                _ => return None,
            };
            Some(Piece { document: n, place, headings: stored.1.clone() })
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
    serde_json::from_slice(bytes).map_err(damaged)
}
