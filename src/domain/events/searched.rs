//! What the search of a turn looked at: from it an author reads why a passage answered, and why another did not.
//!
//! Guarantee: it is at most [`MAX_SEARCHED_BYTES`] long in JSON, and holds names and figures of documents: nothing that a
//! person said, and no text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::turn::Verdict;
use crate::domain::ids::BaseId;

/// The most candidates that a trace names.
pub const MAX_CONSIDERED: usize = 16;

/// The most bytes of a trace in JSON: it travels with its turn.
pub const MAX_SEARCHED_BYTES: usize = 4 << 10;

/// What a search looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Searched {
    /// Whether what was found says enough.
    pub verdict: Verdict,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How much meaning counted against words, 0 to 1.
    pub weight: f32,
    /// Why words alone decided; absent where meaning counted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_only: Option<WordsOnly>,
    /// How long the question took to become a vector, in microseconds; absent where words alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encode_us: Option<u64>,
    /// How many candidates there were.
    pub found: u32,
    /// The ten best, and those behind them that were carried on; best first, at most [`MAX_CONSIDERED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Considered>,
}

/// A passage that might have answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Considered {
    /// Its place among all candidates, from 1.
    pub rank: u32,
    /// The document's name in its bot or its knowledge base.
    pub document: String,
    /// The knowledge base; absent for a document of the bot's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseId>,
    /// The version of the bot or the knowledge base whose index it was found in.
    pub generation: i64,
    /// The page, from 1, on which it begins; absent where there are no pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The bytes of the document's text that it is, first and last plus one; absent for a Q&A pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// Which of the document's Q&A pairs it is, from 1; absent for a piece of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<u32>,
    /// What it is ranked by.
    pub score: f32,
    /// What its words alone scored.
    pub bm25: f32,
    /// The share of the question's IDF mass that it covers, 0 to 1.
    pub coverage: f32,
    /// How near its meaning is to the question's, -1 to 1; absent where words alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It went on with the turn.
    Carried,
    /// It stands beside a better one and went on with it.
    Joined,
    /// A better one says the same.
    Duplicate,
    /// The prompt had no room left for it.
    Budget,
    /// There were enough better ones.
    Rank,
    /// Nothing that was found says enough.
    Unsure,
}

impl Fate {
    /// The word in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Joined => "joined",
            Self::Duplicate => "duplicate",
            Self::Budget => "budget",
            Self::Rank => "rank",
            Self::Unsure => "unsure",
        }
    }
}

/// Why a question was searched by words alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordsOnly {
    /// There is no model.
    NoModel,
    /// Meaning counts nothing in the question's language or the documents'.
    Language,
    /// The documents' vectors are still being made.
    NoVectors,
    /// Other questions were at the model.
    Busy,
    /// The model took too long.
    Slow,
    /// The model failed.
    Failed,
}

impl WordsOnly {
    /// The word in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoModel => "no_model",
            Self::Language => "language",
            Self::NoVectors => "no_vectors",
            Self::Busy => "busy",
            Self::Slow => "slow",
            Self::Failed => "failed",
        }
    }
}
