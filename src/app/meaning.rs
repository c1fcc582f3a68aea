//! The embedding model of this process, where there is one.
//!
//! Guarantee: without a library or a model the process goes on with words alone and says so, once in the log and in `/readyz` for as long
//! as it runs.

use std::sync::{Arc, OnceLock};

use super::settings::Settings;
use crate::services::embed::{EmbedError, OnnxEmbed};
use crate::services::search::Meaning;

/// Questions whose vectors are remembered.
const REMEMBERED: u64 = 2_000;

/// Why documents are searched by words alone in this process.
static MISSING: OnceLock<String> = OnceLock::new();

/// Why documents are searched by words alone in this process; `None` where they are not, or where nothing is searched.
#[must_use]
pub fn missing() -> Option<String> {
    MISSING.get().cloned()
}

/// What a search needs to find by meaning; `None` without a model.
#[must_use]
pub fn open(settings: &Settings) -> Option<Meaning> {
    match OnnxEmbed::open(&settings.embed.place(&settings.data)) {
        Ok(embed) => Some(Meaning {
            embed: Arc::new(embed),
            folder: settings.data.join("vectors"),
            weights: settings.embed.weights.clone(),
            remembered: REMEMBERED,
        }),
        Err(error) => {
            MISSING.get_or_init(|| {
                match &error {
                    EmbedError::Missing(_) => {
                        tracing::info!(%error, "documents are searched by words alone: there is no embedding model");
                    }
                    EmbedError::Open(_) | EmbedError::Run(_) => {
                        tracing::warn!(%error, "documents are searched by words alone");
                    }
                }
                format!("documents are searched by words alone: {error}")
            });
            None
        }
    }
}
