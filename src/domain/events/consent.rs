//! Whether people want to be written to, as they said or as their provider tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::ConversationId;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Nothing that they did not ask for.
    Out,
    /// To be written to again.
    In,
}

/// How it became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentBy {
    /// They wrote one of the bot's words for it.
    Word,
    /// They chose it at the provider.
    Provider,
    /// They blocked the account, or no longer do.
    Block,
}

impl ConsentBy {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Provider => "provider",
            Self::Block => "block",
        }
    }
}

/// What an event tells of somebody's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentNews {
    /// The person's conversation.
    pub conversation: ConversationId,
    /// What they want.
    pub consent: Consent,
    /// How it became known.
    pub by: ConsentBy,
}
