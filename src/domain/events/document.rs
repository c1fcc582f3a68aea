//! `document.submitted.v1` and `document.changed.v1`: a document's way from a file to an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::event::Event;
use crate::domain::ids::BaseId;
use crate::domain::knowledge::DocumentStatus;

/// A file is to be read. The file itself lies in the object store under its hash; never in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentSubmitted {
    /// The knowledge base.
    pub base: BaseId,
    /// The document's name in it.
    pub name: String,
    /// The hash of the raw file.
    pub hash: String,
    /// Counts up with every file under this name.
    pub submission: i64,
}

impl Event for DocumentSubmitted {
    const TYPE: &'static str = "document.submitted.v1";
}

/// A document as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentChanged {
    /// The knowledge base.
    pub base: BaseId,
    /// The document's name in it.
    pub name: String,
    /// Which file under this name it is about.
    pub submission: i64,
    /// How far it is.
    pub status: DocumentStatus,
    /// Why it can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its pages; 0 where there are none.
    pub pages: u64,
    /// The passages that it became.
    pub passages: u64,
}

impl Event for DocumentChanged {
    const TYPE: &'static str = "document.changed.v1";
}
