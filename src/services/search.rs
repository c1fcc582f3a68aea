//! Finding passages in a bot's documents.
//!
//! Guarantee: tenant and bot stand in every query; no passage of another ever comes back. The real one is
//! [`TextSearch`]: a few shared Tantivy indexes in memory, filled with a bot's documents when they are first asked for.

mod analysis;
mod builder;
pub mod fake;
mod passages;
mod query;
mod shard;
mod text_search;

pub use text_search::{SearchConfig, TextSearch};

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::bot::Bot;
use crate::domain::events::Passage;
use crate::domain::failure::{Class, Classify, Origin};

/// A text index over bots' documents.
#[async_trait]
pub trait Search: Send + Sync + fmt::Debug + 'static {
    /// The best passages for a question, best first, at most `top`. Indexes the bot's documents first when this
    /// version of the bot is not indexed yet.
    async fn find(&self, bot: &Arc<Bot>, question: &str, top: usize) -> Result<Vec<Passage>, SearchError>;
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
