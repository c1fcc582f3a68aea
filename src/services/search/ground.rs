//! What one question is searched in: the corpora that a bot may answer from, each at one moment of its index.
//!
//! Guarantee: passages of all of them are counted with the same figures, so a score in one means what it means in another.

use std::sync::Arc;

use tantivy::DocId;

use super::part::{In, Part};
use super::passages::Piece;
use super::resident::Resident;
use super::shard::{Fields, View};
use crate::domain::knowledge::Corpus;

/// A corpus at one moment.
pub(super) struct Ground {
    pub(super) resident: Arc<Resident>,
    /// Where its passages stand.
    pub(super) parts: Vec<Part>,
    /// Which of its passages may answer; absent where all may.
    only: Only,
}

/// For each passage of a corpus whether it may answer; absent where all may.
pub(super) type Only = Option<Arc<[bool]>>;

impl Ground {
    /// Where a corpus stands in a view that holds it.
    pub(super) fn new(
        view: &View,
        fields: &Fields,
        resident: Arc<Resident>,
        only: Only,
    ) -> tantivy::Result<Self> {
        let mut parts = match &resident.snapshot {
            Some(snapshot) => Part::of(snapshot, resident.alive.as_ref())?,
            None => Vec::new(),
        };
        parts.extend(Part::all(&view.searcher, fields, resident.owner)?);
        Ok(Self { resident, parts, only })
    }

    /// The number that a passage of a part has in its corpus; `None` for one that may not answer.
    pub(super) fn piece(&self, part: &Part, passage: DocId) -> Option<usize> {
        let (document, place) = part.place(passage)?;
        self.resident.piece(document, place).filter(|piece| allows(&self.only, *piece))
    }

    /// How many passages there are in all of them.
    pub(super) fn passages(grounds: &[Self]) -> usize {
        grounds.iter().map(|ground| ground.resident.pieces.len()).sum()
    }

    /// How many terms a passage has on average, in all of them.
    pub(super) fn average(grounds: &[Self], place: In) -> f32 {
        let tokens: u64 = grounds.iter().map(|ground| ground.resident.tokens[place as usize]).sum();
        tokens as f32 / Self::passages(grounds).max(1) as f32
    }
}

/// Which of a resident's passages may answer for a bot that is limited to some documents.
pub(super) fn only(corpus: &Corpus, resident: &Resident) -> Only {
    // The version that is indexed may be newer than the one that was asked for: its own documents are judged.
    let Corpus::Tagged(_, tags) = corpus else { return None };
    let allowed = match &resident.corpus {
        Corpus::Base(base) | Corpus::Tagged(base, _) => Corpus::tagged(Arc::clone(base), tags).allowed()?,
        Corpus::Own(_) => return None,
    };
    let one = |piece: &Piece| allowed.get(piece.document as usize).copied().unwrap_or(false);
    Some(resident.pieces.iter().map(one).collect())
}

/// Whether a passage may answer.
pub(super) fn allows(only: &Only, piece: usize) -> bool {
    only.as_ref().is_none_or(|only| only.get(piece).copied().unwrap_or(false))
}
