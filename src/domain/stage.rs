//! The names of the stages: file name, YAML name, consumer group suffix, metric label.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stage of the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// The HTTP role; not a consumer group.
    Edge,
    /// Webhooks become turns and receipts.
    Ingest,
    /// Scripts answer.
    Match,
    /// Passages are found.
    Retrieve,
    /// A model answers.
    Answer,
    /// Replies are sent.
    Dispatch,
    /// The timeline is written.
    Journal,
    /// Documents are read.
    Index,
    /// Files that people sent are fetched.
    Media,
}

impl StageName {
    /// The stages that are consumer groups, in flow order.
    pub const WORKERS: [Self; 8] = [
        Self::Ingest,
        Self::Match,
        Self::Retrieve,
        Self::Answer,
        Self::Dispatch,
        Self::Journal,
        Self::Index,
        Self::Media,
    ];

    /// The lower case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Ingest => "ingest",
            Self::Match => "match",
            Self::Retrieve => "retrieve",
            Self::Answer => "answer",
            Self::Dispatch => "dispatch",
            Self::Journal => "journal",
            Self::Index => "index",
            Self::Media => "media",
        }
    }

    /// The consumer group, before the installation's prefix.
    #[must_use]
    pub fn group(self) -> String {
        format!("millrace.{}", self.as_str())
    }

    /// The `CloudEvents` source of what this stage writes.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Edge => "/edge",
            Self::Ingest => "/stages/ingest",
            Self::Match => "/stages/match",
            Self::Retrieve => "/stages/retrieve",
            Self::Answer => "/stages/answer",
            Self::Dispatch => "/stages/dispatch",
            Self::Journal => "/stages/journal",
            Self::Index => "/stages/index",
            Self::Media => "/stages/media",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::WORKERS.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| {
            let known = Self::WORKERS.map(Self::as_str).join(", ");
            format!("unknown stage `{text}`: use one of {known}")
        })
    }
}
