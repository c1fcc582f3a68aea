//! What one question is searched in: the corpora that a bot may answer from, each at one moment of its index.
//!
//! Guarantee: passages of all of them are counted with the same figures, so a score in one means what it means in another.

use std::sync::Arc;

use tantivy::DocId;

use super::part::{In, Part};
use super::resident::Resident;
use super::shard::{Fields, View};

/// A corpus at one moment.
pub(super) struct Ground {
    pub(super) resident: Arc<Resident>,
    /// Where its passages stand.
    pub(super) parts: Vec<Part>,
}

impl Ground {
    /// Where a corpus stands in a view that holds it.
    pub(super) fn new(view: &View, fields: &Fields, resident: Arc<Resident>) -> tantivy::Result<Self> {
        let parts = Part::all(&view.searcher, fields, resident.owner)?;
        Ok(Self { resident, parts })
    }

    /// The number that a passage of a part has in its corpus.
    pub(super) fn piece(&self, part: &Part, passage: DocId) -> Option<usize> {
        let (document, place) = part.place(passage)?;
        self.resident.piece(document, place)
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
