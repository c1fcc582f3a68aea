//! Texts become vectors that lie near one another when they mean the same.
//!
//! Guarantees: one text at a time, so that a text has the same vector whoever stands beside it; the same model and
//! version give the same vectors; a live question goes before documents. Without a library or a model there is no
//! embedder, and whoever needs one says so.

mod config;
pub mod download;
pub mod fake;
pub mod fetch;
mod onnx;
mod remembered;

pub use config::{EmbedConfig, ModelSource, Pinned, Wheel};
pub use onnx::OnnxEmbed;
pub use remembered::Remembered;

use std::fmt;

use thiserror::Error;

use crate::domain::ids::TenantId;

/// A model and its version; vectors of two are never mixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    /// Its name, for example `minilm`.
    pub name: String,
    /// BLAKE3 of its weights and its tokenizer.
    pub hash: [u8; 16],
    /// Numbers in a vector.
    pub dimension: usize,
}

/// An embedding model. Every call takes milliseconds of a processor: call it where blocking is allowed.
pub trait Embed: Send + Sync + fmt::Debug + 'static {
    /// Which model.
    fn model(&self) -> &ModelVersion;

    /// The vector of what a person asks, of length one. Goes before passages.
    ///
    /// # Errors
    /// When the model fails.
    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError>;

    /// The same for somebody at this tenant: where vectors are remembered, each tenant has its own, and nobody can tell by
    /// the time that it takes what is asked at another.
    ///
    /// # Errors
    /// When the model fails.
    fn question_of(&self, _tenant: &TenantId, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.question(text)
    }

    /// The vector of a piece of a document, of length one. Waits while questions are at work.
    ///
    /// # Errors
    /// When the model fails.
    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError>;
}

/// Why there are no vectors.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// A file that should be in the folder of models.
    #[error("{0}: run `millrace models fetch`")]
    Missing(String),
    /// The library or the model could not be opened.
    #[error("the embedding model can't be opened: {0}")]
    Open(String),
    /// A text that the model failed on.
    #[error("the embedding model failed: {0}")]
    Run(String),
}
