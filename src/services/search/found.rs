//! What a search found, before anything is left out, and what a turn carries on of it.
//!
//! Guarantee: candidates stand best first, equal ones in the order of their documents, so the same documents always give
//! the same list.

use std::sync::Arc;
use std::time::Duration;

use super::count::Hit;
use super::fusion::{BY_MEANING, BY_WORDS, by_chance, fuse, named};
use super::ground::Only;
use super::passages::Piece;
use super::resident::Resident;
use super::semantic::Asked;
use super::{Grounding, carry, trace};
use crate::domain::events::{Fate, Passage, Verdict, WordsOnly};

/// From this confidence on, the documents speak of what is asked.
const ANSWER: f32 = 0.7;

/// Below it, they don't.
const ABSTAIN: f32 = 0.3;

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The corpora that were searched.
    from: Vec<Arc<Resident>>,
    candidates: Vec<Candidate>,
    confidence: f32,
    /// What the question's words weigh together, in words that nobody wrote.
    weighs: f32,
    encode: Duration,
    weight: f32,
    words_only: Option<WordsOnly>,
}

/// A passage that may answer the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Which of the searched corpora it is in, in the order in which they were given.
    pub corpus: usize,
    /// Its number in its corpus.
    pub piece: usize,
    /// What it is ranked by.
    pub score: f32,
    /// BM25.
    pub text: f32,
    /// The share of the question's IDF mass that it covers, 0 to 1.
    pub coverage: f32,
    /// How near its meaning is to the question's, -1 to 1; absent when words alone decide.
    pub cosine: Option<f32>,
}

impl Found {
    /// Nothing.
    pub(super) const fn nothing() -> Self {
        Self {
            from: Vec::new(),
            candidates: Vec::new(),
            confidence: 0.0,
            weighs: 0.0,
            encode: Duration::ZERO,
            weight: 0.0,
            words_only: None,
        }
    }

    /// By words alone, and why so.
    pub(super) fn by_words(from: Vec<Arc<Resident>>, hits: &[Hit], weighs: f32, why: WordsOnly) -> Self {
        let candidate = |hit: &Hit| Candidate {
            corpus: hit.corpus,
            piece: hit.piece,
            score: hit.score,
            text: hit.score,
            coverage: hit.coverage,
            cosine: None,
        };
        let candidates: Vec<_> = hits.iter().map(candidate).collect();
        let covered = candidates.iter().map(|candidate| candidate.coverage).fold(0.0, f32::max);
        let passages = from.iter().map(|resident| resident.pieces.len()).sum();
        let measure = by_chance(covered, weighs, passages);
        let confidence = if candidates.is_empty() { 0.0 } else { BY_WORDS.at(measure) };
        let words_only = Some(why);
        Self { from, candidates, confidence, weighs, encode: Duration::ZERO, weight: 0.0, words_only }
    }

    /// By words and meaning together.
    pub(super) fn by_both(
        (from, only): (Vec<Arc<Resident>>, &[Only]),
        (hits, weighs): (&[Hit], f32),
        question: &Asked,
        depth: usize,
    ) -> Self {
        let of = |(resident, only): (&Arc<Resident>, &Only)| (resident.vectors.load_full(), only.clone());
        let vectors: Vec<_> = from.iter().zip(only).map(of).collect();
        let candidates = fuse(hits, &vectors, &question.row, question.weight, depth);
        let nearest = candidates.iter().filter_map(|candidate| candidate.cosine).fold(0.0, f32::max);
        let covered = hits.iter().map(|hit| hit.coverage).fold(0.0, f32::max);
        let passages = from.iter().map(|resident| resident.pieces.len()).sum();
        // A model has no idea of part numbers and names: who asks for one that stands there gets it.
        let named = named(covered, weighs, passages);
        let confidence = if candidates.is_empty() { 0.0 } else { BY_MEANING.at(nearest).max(named) };
        let (encode, weight) = (question.took, question.weight);
        Self { from, candidates, confidence, weighs, encode, weight, words_only: None }
    }

    /// What the question's words weigh together, in words that nobody wrote.
    #[must_use]
    pub const fn weighs(&self) -> f32 {
        self.weighs
    }

    /// How much meaning counted against words, 0 to 1.
    #[must_use]
    pub const fn weight(&self) -> f32 {
        self.weight
    }

    /// Why words alone decided; `None` where meaning counted too, and where nothing was searched.
    #[must_use]
    pub const fn words_only(&self) -> Option<WordsOnly> {
        self.words_only
    }

    /// How long the question took to become a vector, in microseconds; `None` where words alone decided.
    pub(super) fn encode_us(&self) -> Option<u64> {
        (self.weight > 0.0).then(|| u64::try_from(self.encode.as_micros()).unwrap_or(u64::MAX))
    }

    /// The passage that a candidate is.
    pub(super) fn place(&self, candidate: &Candidate) -> Option<(&Resident, &Piece)> {
        carry::place(&self.from, candidate)
    }

    /// Every candidate, best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The name of the document that a candidate is a piece of.
    #[must_use]
    pub fn document(&self, candidate: &Candidate) -> Option<&str> {
        let (resident, piece) = self.place(candidate)?;
        Some(&piece.document(&resident.corpus).name)
    }

    /// How sure it is that the bot's documents say something about the question, 0 to 1. It rests on the nearest
    /// cosine, or on a passage that has every word of it and rare ones; without a model on the share of the question's IDF
    /// mass that the best passage covers.
    #[must_use]
    pub const fn confidence(&self) -> f32 {
        self.confidence
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

    /// What a turn carries on: the best passages, at most `top`, each text once, neighbours joined, within a prompt's
    /// share of tokens. When nothing says enough, nothing is carried.
    #[must_use]
    pub fn grounding(&self, top: usize) -> Grounding {
        let (verdict, confidence) = (self.verdict(), self.confidence);
        let (passages, fates) = match verdict {
            Verdict::Answer | Verdict::Hedge => {
                carry::passages(&self.from, &self.candidates, top, self.weight > 0.0)
            }
            Verdict::Abstain => (Vec::new(), vec![Fate::Unsure; self.candidates.len()]),
        };
        let searched = trace::searched(self, &fates);
        Grounding { passages, verdict, confidence, encode: self.encode, searched }
    }

    /// A candidate as a turn would carry it, alone.
    #[must_use]
    pub fn passage(&self, candidate: &Candidate) -> Option<Passage> {
        carry::one(&self.from, candidate)
    }
}
