//! The embedding model of this process, where there is one.
//!
//! Guarantee: without a library or a model the process goes on with words alone and says so, once in the log and in `/readyz` for as long
//! as it runs. Whoever needs the model shares the one that is open.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::settings::Settings;
use crate::services::embed::{Embed, EmbedError, OnnxEmbed, Remembered};
use crate::services::search::Meaning;

/// Questions whose vectors are remembered.
const REMEMBERED: u64 = 2_000;

/// What a model is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Searching documents.
    Documents,
    /// Matching the example sentences of scripts.
    Examples,
}

/// What goes on without a model in this process.
static WITHOUT: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];

/// The model that is open, and the folder that it came from.
static OPEN: Mutex<Option<(PathBuf, Weak<Remembered>)>> = Mutex::new(None);

/// What goes on without a model in this process, and why; nothing where there is one, or where none is needed.
#[must_use]
pub fn missing() -> Vec<String> {
    WITHOUT.iter().filter_map(|said| said.get().cloned()).collect()
}

/// What a search needs to find by meaning; `None` without a model.
#[must_use]
pub fn open(settings: &Settings) -> Option<Meaning> {
    let embed = embed(settings, Need::Documents)?;
    Some(Meaning {
        weights: settings.embed.weights_of(&embed.model().name).clone(),
        embed,
        folder: settings.data.join("vectors"),
        remembered: REMEMBERED,
    })
}

/// The model; `None` where there is none, which is said.
#[must_use]
pub fn embed(settings: &Settings, need: Need) -> Option<Arc<dyn Embed>> {
    match shared(settings) {
        Ok(embed) => Some(embed),
        Err(error) => {
            need.say(&error);
            None
        }
    }
}

fn shared(settings: &Settings) -> Result<Arc<Remembered>, EmbedError> {
    let folder = settings.embed.place(&settings.data);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((from, model)) = open.as_ref()
        && *from == folder
        && let Some(model) = model.upgrade()
    {
        return Ok(model);
    }
    let model = Arc::new(Remembered::new(Arc::new(OnnxEmbed::open(&folder)?), REMEMBERED));
    *open = Some((folder, Arc::downgrade(&model)));
    Ok(model)
}

impl Need {
    const fn without(self) -> &'static str {
        match self {
            Self::Documents => "documents are searched by words alone",
            Self::Examples => "example sentences of scripts match word for word alone",
        }
    }

    /// Once in the life of the process.
    fn say(self, error: &EmbedError) {
        let without = self.without();
        WITHOUT[self as usize].get_or_init(|| {
            match error {
                EmbedError::Missing(_) => {
                    tracing::info!(%error, "there is no embedding model: {without}");
                }
                EmbedError::Open(_) | EmbedError::Run(_) => tracing::warn!(%error, "{without}"),
            }
            format!("{without}: {error}")
        });
    }
}
