//! Finding passages in what a bot may answer from: its own documents and the knowledge bases that it is attached to.
//!
//! Guarantee: tenant and corpus stand in every query; no passage of another ever comes back. The real one is
//! [`TextSearch`]: a few shared Tantivy indexes, filled with a corpus when it is first asked for. Texts and large parts of
//! the indexes stand in mapped files, see [`Scratch`].

mod analysis;
mod builder;
mod carry;
pub mod classifier;
mod count;
pub mod fake;
pub mod follow_up;
mod found;
mod fusion;
mod ground;
pub mod intents;
mod part;
mod passages;
pub mod preview;
mod query;
mod resident;
mod scratch;
mod semantic;
mod shard;
pub mod snapshot;
mod text_search;
mod trace;
mod vectors;

pub use found::{Candidate, Found};
pub use scratch::Scratch;
pub use semantic::Meaning;
pub use text_search::{Profile, SearchConfig, TextSearch, Vectored};

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

pub use crate::domain::events::Verdict;
use crate::domain::events::{Passage, Searched};
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::knowledge::Corpus;

/// A text index over documents.
#[async_trait]
pub trait Search: Send + Sync + fmt::Debug + 'static {
    /// The best passages for a question, at most `top`, and whether they say enough. Indexes a corpus first when this
    /// version of it is not indexed yet. All of them are one tenant's.
    async fn ground(&self, corpora: &[Corpus], question: &str, top: usize) -> Result<Grounding, SearchError>;
}

/// What a turn carries on.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounding {
    /// Best first.
    pub passages: Vec<Passage>,
    /// Whether they say enough.
    pub verdict: Verdict,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How long the question took to become a vector; zero without a model.
    pub encode: Duration,
    /// What was looked at, for the turn's trace.
    pub searched: Searched,
}

/// Why nothing could be searched.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The index.
    #[error("the text index failed: {0}")]
    Index(String),
}

impl Classify for SearchError {
    fn class(&self) -> Class {
        match self {
            Self::Index(_) => Class::TRANSIENT,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Index(_) => Origin::Platform,
        }
    }
}
