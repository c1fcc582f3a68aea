//! An embedder without a model: words become directions, so that texts with the same words lie near one another.

use super::{Embed, EmbedError, ModelVersion};

/// Words, hashed.
#[derive(Debug)]
pub struct FakeEmbed {
    model: ModelVersion,
}

impl FakeEmbed {
    /// A model of this version: other versions give other vectors.
    #[must_use]
    pub fn new(version: u8) -> Self {
        Self { model: ModelVersion { name: "fake".to_owned(), hash: [version; 16], dimension: 384 } }
    }
}

impl Default for FakeEmbed {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Embed for FakeEmbed {
    fn model(&self) -> &ModelVersion {
        &self.model
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let mut vector = vec![0.0_f32; self.model.dimension];
        for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
        {
            let mut hasher = blake3::Hasher::new();
            let mut bytes = vec![0; self.model.dimension];
            hasher.update(&self.model.hash).update(word.as_bytes()).finalize_xof().fill(&mut bytes);
            for (sum, byte) in vector.iter_mut().zip(bytes) {
                *sum += f32::from(byte) - 127.5;
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
        }
        Ok(vector)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.question(text)
    }
}
