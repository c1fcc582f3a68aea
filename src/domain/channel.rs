//! The channels a person can write through.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A provider of messages. The name is the same in topics, metrics, addresses and command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Telegram Bot API.
    Telegram,
    /// WhatsApp Cloud API.
    Whatsapp,
    /// Facebook Messenger.
    Messenger,
    /// Instagram messaging.
    Instagram,
    /// Our own web chat.
    Webchat,
}

impl ChannelKind {
    /// Every channel, in the order used in lists.
    pub const ALL: [Self; 5] =
        [Self::Telegram, Self::Whatsapp, Self::Messenger, Self::Instagram, Self::Webchat];

    /// The lower case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Whatsapp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Instagram => "instagram",
            Self::Webchat => "webchat",
        }
    }

    /// Whose machines answer a send; `None` = the web chat's page calls us.
    #[must_use]
    pub const fn provider(self) -> Option<&'static str> {
        match self {
            Self::Telegram => Some("telegram"),
            Self::Whatsapp | Self::Messenger | Self::Instagram => Some("meta"),
            Self::Webchat => None,
        }
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChannelKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            format!("unknown channel `{text}`: use telegram, whatsapp, messenger, instagram or webchat")
        })
    }
}
