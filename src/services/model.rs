//! Language models: one call, one answer, one verdict on what went wrong.

mod anthropic;
mod config;
pub mod fake;
mod openai;
mod registry;
#[cfg(test)]
mod tests;
mod verdict;

pub use config::{ModelEntry, ModelKind, ModelsConfig};
pub use registry::{Chosen, EXTRACTIVE, Models};

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::failure::{Class, Classify, Origin};

/// A model provider's client. One value serves all bots that name its entry in the config.
#[async_trait]
pub trait Model: Send + Sync + fmt::Debug + 'static {
    /// Asks for one answer. Ends within `limit`. Never tries again by itself: there is one owner of retries, and it is
    /// the runtime.
    async fn complete(&self, prompt: &Prompt, limit: Duration) -> Result<Completion, ModelError>;
}

/// What a model is asked, stable part first so that providers can cache it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// The provider's name of the model.
    pub model: String,
    /// Policy and persona.
    pub system: String,
    /// Earlier turns, oldest first, then the question.
    pub messages: Vec<Message>,
    /// The most tokens of the answer.
    pub max_tokens: u32,
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who speaks in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person, or the passages given with a question.
    User,
    /// The bot.
    Assistant,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// True when it ended at the token limit.
    pub cut: bool,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// Why a model did not answer.
#[derive(Debug, Error)]
pub enum ModelError {
    /// 429 of a rate limit.
    #[error("the model provider is limiting: {reason}")]
    Limited {
        /// What it asked for.
        retry_after: Option<Duration>,
        /// Its words.
        reason: String,
    },
    /// No money or quota left: trying again won't help.
    #[error("the model account has no quota left: {0}")]
    Quota(String),
    /// A 5xx, 408, 409, 529, a lost connection.
    #[error("the model provider failed: {0}")]
    Unavailable(String),
    /// No answer in time.
    #[error("the model did not answer within {0:?}")]
    Timeout(Duration),
    /// The key was refused.
    #[error("the model key was refused: {0}")]
    Key(String),
    /// The request was refused: too long, filtered, an unknown model.
    #[error("the model refused the request: {0}")]
    Refused(String),
    /// The answer can't be read.
    #[error("the model's answer can't be read: {0}")]
    Garbled(String),
    /// The bot names a provider that the config doesn't have.
    #[error("no model provider `{0}` is configured: add models.{0} to the config")]
    Unknown(String),
}

impl Classify for ModelError {
    fn class(&self) -> Class {
        match self {
            Self::Limited { retry_after, .. } => Class::Throttled { retry_after: *retry_after },
            Self::Unavailable(_) | Self::Timeout(_) | Self::Garbled(_) => Class::TRANSIENT,
            Self::Quota(_) | Self::Key(_) | Self::Refused(_) | Self::Unknown(_) => Class::Permanent,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Limited { .. } | Self::Unavailable(_) | Self::Timeout(_) | Self::Garbled(_) => {
                Origin::Upstream
            }
            Self::Quota(_) | Self::Key(_) | Self::Refused(_) | Self::Unknown(_) => Origin::Tenant,
        }
    }
}
