//! A model that remembers what it was asked: people ask the same, and two stages of a process ask it of one turn.

use std::sync::Arc;

use moka::sync::Cache;

use super::{Embed, EmbedError, ModelVersion};
use crate::domain::ids::TenantId;

/// A model with the vectors of its last questions.
#[derive(Debug)]
pub struct Remembered {
    model: Arc<dyn Embed>,
    /// By tenant and the BLAKE3 of the question.
    questions: Cache<(TenantId, [u8; 32]), Arc<[f32]>>,
}

impl Remembered {
    /// Remembers at most `most` questions, 1.5 KB each where vectors have 384 numbers.
    #[must_use]
    pub fn new(model: Arc<dyn Embed>, most: u64) -> Self {
        Self { model, questions: Cache::new(most) }
    }
}

impl Embed for Remembered {
    fn model(&self) -> &ModelVersion {
        self.model.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.model.question(text)
    }

    fn question_of(&self, tenant: &TenantId, text: &str) -> Result<Vec<f32>, EmbedError> {
        let key = (tenant.clone(), *blake3::hash(text.as_bytes()).as_bytes());
        if let Some(vector) = self.questions.get(&key) {
            return Ok(vector.to_vec());
        }
        let vector = self.model.question(text)?;
        self.questions.insert(key, vector.as_slice().into());
        Ok(vector)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.model.passage(text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::services::embed::fake::FakeEmbed;

    #[derive(Debug, Default)]
    struct Counted(FakeEmbed, AtomicUsize);

    impl Embed for Counted {
        fn model(&self) -> &ModelVersion {
            self.0.model()
        }

        fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.question(text)
        }

        fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
            self.0.passage(text)
        }
    }

    #[test]
    fn a_question_is_put_to_the_model_once_for_each_tenant() {
        let model = Arc::new(Counted::default());
        let remembered = Remembered::new(Arc::clone(&model) as _, 10);
        let ask = |tenant: &str, text: &str| remembered.question_of(&tenant.into(), text).unwrap();
        let first = ask("acme", "where is it");
        assert_eq!(ask("acme", "where is it"), first);
        assert_eq!(first, FakeEmbed::default().question("where is it").unwrap());
        assert_ne!(ask("acme", "where is he"), first);
        assert_eq!(model.1.load(Ordering::Relaxed), 2);
        assert_eq!(ask("rival", "where is it"), first);
        assert_eq!(model.1.load(Ordering::Relaxed), 3, "what is asked at one is not known at another");
    }
}
