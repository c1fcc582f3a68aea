//! The embedding model of this process, where there is one.
//!
//! Guarantee: without a library or a model the process goes on with words alone and says so, once.

use std::sync::{Arc, OnceLock};

use super::settings::Settings;
use crate::services::embed::{EmbedError, OnnxEmbed};
use crate::services::search::Meaning;

/// Questions whose vectors are remembered.
const REMEMBERED: u64 = 2_000;

/// What a search needs to find by meaning; `None` without a model.
#[must_use]
pub fn open(settings: &Settings) -> Option<Meaning> {
    static SAID: OnceLock<()> = OnceLock::new();
    match OnnxEmbed::open(&settings.embed.place(&settings.data)) {
        Ok(embed) => Some(Meaning {
            embed: Arc::new(embed),
            folder: settings.data.join("vectors"),
            weights: settings.embed.weights.clone(),
            remembered: REMEMBERED,
        }),
        Err(error) => {
            SAID.get_or_init(|| match &error {
                EmbedError::Missing(_) => {
                    tracing::info!(%error, "documents are searched by words alone: there is no embedding model");
                }
                EmbedError::Open(_) | EmbedError::Run(_) => {
                    tracing::warn!(%error, "documents are searched by words alone");
                }
            });
            None
        }
    }
}
