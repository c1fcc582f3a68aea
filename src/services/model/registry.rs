//! The models that bots can name.

use std::collections::HashMap;
use std::sync::Arc;

use super::anthropic::Anthropic;
use super::config::{ModelKind, ModelsConfig};
use super::openai::OpenAi;
use super::{Model, ModelError};
use crate::domain::bot::Bot;
use crate::services::http::Http;

/// The provider that needs no model: the best passage as it stands.
pub const EXTRACTIVE: &str = "extractive";

/// Every configured provider. Pools of keys and fallbacks between providers will stand behind the same names.
#[derive(Debug, Default)]
pub struct Models {
    by_name: HashMap<String, Arc<dyn Model>>,
}

/// What answers a bot's turns.
#[derive(Debug, Clone)]
pub enum Chosen {
    /// The best passage.
    Extractive,
    /// A model.
    Model(Arc<dyn Model>),
}

impl Models {
    /// A client for each entry. No network is touched.
    #[must_use]
    pub fn new(config: ModelsConfig, http: &Http) -> Self {
        let client = |(name, entry): (String, super::ModelEntry)| {
            let model: Arc<dyn Model> = match entry.kind {
                ModelKind::Openai | ModelKind::Azure => Arc::new(OpenAi::new(entry, http.clone())),
                ModelKind::Anthropic => Arc::new(Anthropic::new(entry, http.clone())),
            };
            (name, model)
        };
        Self { by_name: config.0.into_iter().map(client).collect() }
    }

    /// Adds or replaces a provider: fakes, and whatever an installation brings itself.
    #[must_use]
    pub fn with(mut self, name: &str, model: Arc<dyn Model>) -> Self {
        self.by_name.insert(name.to_owned(), model);
        self
    }

    /// What answers a bot. A bot that names none answers from its documents.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] when the config doesn't have the provider that the bot names.
    pub fn of(&self, bot: &Bot) -> Result<Chosen, ModelError> {
        match &bot.spec.model {
            None => Ok(Chosen::Extractive),
            Some(choice) if choice.provider == EXTRACTIVE => Ok(Chosen::Extractive),
            Some(choice) => match self.by_name.get(&choice.provider) {
                Some(model) => Ok(Chosen::Model(Arc::clone(model))),
                None => Err(ModelError::Unknown(choice.provider.clone())),
            },
        }
    }
}
