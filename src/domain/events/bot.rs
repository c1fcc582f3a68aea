//! `bot.changed.v1`: that a bot changed, never how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::event::Event;

/// A cache entry of this bot that is older than `version` is not used any more. Tenant and bot stand in the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BotChanged {
    /// Counts up with every change of the bot, its scripts, documents, accounts or keys.
    pub version: i64,
    /// True when the bot was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl Event for BotChanged {
    const TYPE: &'static str = "bot.changed.v1";
}
