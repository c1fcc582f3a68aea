//! A model that says what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Completion, Model, ModelError, Prompt};

/// Answers in order; when nothing is left, it repeats the question.
#[derive(Debug, Default)]
pub struct FakeModel {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Result<String, ModelError>>,
    asked: Vec<(Prompt, Duration)>,
}

impl FakeModel {
    /// Adds an answer.
    pub fn say(&self, text: &str) {
        self.lock().script.push_back(Ok(text.to_owned()));
    }

    /// Adds a failure.
    pub fn fail(&self, error: ModelError) {
        self.lock().script.push_back(Err(error));
    }

    /// What it was asked, with the time that it was given.
    pub fn asked(&self) -> Vec<(Prompt, Duration)> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Model for FakeModel {
    async fn complete(&self, prompt: &Prompt, limit: Duration) -> Result<Completion, ModelError> {
        let mut state = self.lock();
        state.asked.push((prompt.clone(), limit));
        let echo = || Ok(prompt.messages.last().map(|m| m.text.clone()).unwrap_or_default());
        let text = state.script.pop_front().unwrap_or_else(echo)?;
        Ok(Completion { text, cut: false, input_tokens: 1, output_tokens: 1 })
    }
}
