//! What a search found, before anything is left out: the trace of a turn, and what a turn carries on.
//!
//! Guarantee: candidates stand best first, equal ones in the order of their documents, so the same documents always give
//! the same list.

use std::sync::Arc;
use std::time::Duration;

use super::Grounding;
use super::count::Hit;
use super::shard::Resident;
use crate::domain::events::{Passage, Verdict};

/// From this coverage on, the documents speak of what is asked.
const ANSWER: f32 = 0.5;

/// Below it, they don't.
const ABSTAIN: f32 = 0.4;

/// What a search found.
#[derive(Debug)]
pub struct Found {
    from: Option<Arc<Resident>>,
    candidates: Vec<Candidate>,
}

/// A passage that may answer the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its number in its bot.
    pub piece: usize,
    /// What it is ranked by.
    pub score: f32,
    /// BM25.
    pub text: f32,
    /// The share of the question's IDF mass that it covers, 0 to 1.
    pub coverage: f32,
}

impl Found {
    /// Nothing.
    pub(super) const fn nothing() -> Self {
        Self { from: None, candidates: Vec::new() }
    }

    pub(super) fn new(from: Arc<Resident>, hits: Vec<Hit>) -> Self {
        let candidate = |hit: Hit| Candidate {
            piece: hit.piece,
            score: hit.score,
            text: hit.score,
            coverage: hit.coverage,
        };
        Self { from: Some(from), candidates: hits.into_iter().map(candidate).collect() }
    }

    /// Every candidate, best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The name of the document that a candidate is a piece of.
    #[must_use]
    pub fn document(&self, candidate: &Candidate) -> Option<&str> {
        let from = self.from.as_ref()?;
        Some(&from.pieces.get(candidate.piece)?.document(&from.bot).name)
    }

    /// How sure it is that the bot's documents say something about the question, 0 to 1: the share of the question's
    /// IDF mass that the best passage covers.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        self.candidates.iter().map(|candidate| candidate.coverage).fold(0.0, f32::max)
    }

    /// Whether that is enough.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.confidence() {
            sure if sure >= ANSWER => Verdict::Answer,
            sure if sure >= ABSTAIN => Verdict::Hedge,
            _ => Verdict::Abstain,
        }
    }

    /// What a turn carries on: the best passages, at most `top`.
    #[must_use]
    pub fn grounding(&self, top: usize) -> Grounding {
        let passages = self.candidates.iter().take(top).filter_map(|candidate| self.passage(candidate));
        Grounding {
            passages: passages.collect(),
            verdict: self.verdict(),
            confidence: self.confidence(),
            encode: Duration::ZERO,
        }
    }

    fn passage(&self, candidate: &Candidate) -> Option<Passage> {
        let from = self.from.as_ref()?;
        let piece = from.pieces.get(candidate.piece)?;
        Some(Passage {
            document: piece.document(&from.bot).name.clone(),
            title: piece.title(&from.bot),
            text: piece.text(&from.bot).to_owned(),
            score: candidate.score,
            coverage: candidate.coverage,
            cosine: None,
            range: piece.range(),
        })
    }
}
