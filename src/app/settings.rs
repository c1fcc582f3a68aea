//! The settings of a process: every section's own struct, assembled.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All sections.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder that holds the embedded log, the SQLite file and `admin.json`.
    pub data: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { data: PathBuf::from("data") }
    }
}
