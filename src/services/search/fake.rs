//! A search that finds what a test put in.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Search, SearchError};
use crate::domain::bot::Bot;
use crate::domain::events::Passage;

/// Answers every question with the same passages.
#[derive(Debug, Default)]
pub struct FakeSearch {
    passages: Mutex<Vec<Passage>>,
    asked: Mutex<Vec<String>>,
}

impl FakeSearch {
    /// Finds these passages.
    #[must_use]
    pub fn with(passages: Vec<Passage>) -> Self {
        Self { passages: Mutex::new(passages), asked: Mutex::default() }
    }

    /// The questions that were asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Search for FakeSearch {
    async fn find(&self, _: &Arc<Bot>, question: &str, top: usize) -> Result<Vec<Passage>, SearchError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.to_owned());
        let passages = self.passages.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(passages.iter().take(top).cloned().collect())
    }
}
