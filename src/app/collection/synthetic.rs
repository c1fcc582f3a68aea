//! Vectors for remixed documents: a real document's vector and some noise, since a model would take an hour for them.
//!
//! Guarantee: the same text has the same vector; questions are encoded by the model itself, so that their time is real.

use std::sync::Arc;

use super::Doc;
use crate::services::embed::{Embed, EmbedError, ModelVersion, OnnxEmbed};

/// Documents whose vectors stand for all others.
const REAL: usize = 100;

/// How far a vector is from the one it was made of, in each direction.
const NOISE: f32 = 0.03;

/// The model, and what passages are made of.
#[derive(Debug)]
pub struct Synthetic {
    model: ModelVersion,
    real: Arc<OnnxEmbed>,
    base: Vec<Vec<f32>>,
}

impl Synthetic {
    /// Embeds the first documents.
    ///
    /// # Errors
    /// When the model fails.
    pub fn new(real: Arc<OnnxEmbed>, docs: &[Doc]) -> Result<Self, EmbedError> {
        let base =
            docs.iter().take(REAL).map(|doc| real.passage(&doc.text)).collect::<Result<Vec<_>, _>>()?;
        let ModelVersion { name, dimension, .. } = real.model().clone();
        // Nobody may take these for the model's own.
        let model = ModelVersion { name: format!("{name} with noise"), hash: [0; 16], dimension };
        Ok(Self { model, real, base })
    }
}

impl Embed for Synthetic {
    fn model(&self) -> &ModelVersion {
        &self.model
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.real.question(text)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let hash = blake3::hash(text.as_bytes());
        let seed = u64::from_le_bytes(std::array::from_fn(|n| hash.as_bytes()[n]));
        let mut random = fastrand::Rng::with_seed(seed);
        let Some(base) = self.base.get(random.usize(..self.base.len().max(1))) else {
            return Err(EmbedError::Run("a collection without documents".to_owned()));
        };
        let mixed: Vec<f32> = base.iter().map(|x| x + (random.f32() - 0.5) * 2.0 * NOISE).collect();
        let length = mixed.iter().map(|x| x * x).sum::<f32>().sqrt();
        Ok(mixed.into_iter().map(|x| x / length).collect())
    }
}
