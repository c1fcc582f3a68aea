//! `conversation.mode.v1`: who answers in a conversation, the bot or people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::event::Event;
use crate::domain::time::Timestamp;

/// Who answers from now on; the newest of each conversation is kept. Key: conversation; partition by bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationMode {
    /// Who answers.
    pub mode: Mode,
    /// Rises with every change: the moment of the change in milliseconds since 1970, by the clock of whoever wrote it.
    /// A bot's reply of an older epoch is never sent.
    pub epoch: u64,
    /// When the bot answers again by itself; absent with `bot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What brought the change about.
    pub by: TakenBy,
}

impl Event for ConversationMode {
    const TYPE: &'static str = "conversation.mode.v1";
}

/// Who answers in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The bot.
    #[default]
    Bot,
    /// People: what comes in goes to the timeline only.
    Human,
}

impl Mode {
    /// The word in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Human => "human",
        }
    }
}

/// What changed a conversation's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TakenBy {
    /// Somebody else wrote for the account, as the provider's echo shows.
    Echo,
    /// Another app holds the thread.
    Standby,
    /// The business wrote from its own phone.
    Phone,
    /// A command or a call of the API.
    Api,
}
