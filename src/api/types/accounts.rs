//! What goes over the API about channel accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::channel::ChannelKind;
use crate::domain::refusal::{Refusal, Refused};

data! {
    /// An account as it is listed: without its secrets.
    AccountLine {
        /// The channel.
        channel: ChannelKind,
        /// The provider's id.
        account: String,
        /// The Meta app that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<String>,
        /// Web pages that may open a chat.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        origins: Vec<String>,
        /// True when updates are asked for rather than posted to us.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        polling: bool,
        /// What the provider refuses of it until its owner acts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<AccountRefused>,
    }

    /// A provider's refusal of an account. It ends when the account is connected or registered again, or the bot is enabled.
    AccountRefused {
        /// `all`: nothing goes out. `templates`: answers within the channel's window do.
        what: Refused,
        /// The provider's code and words.
        reason: String,
        /// Since when.
        at_ms: i64,
    }

    /// A bot's accounts.
    AccountList {
        /// By channel.
        accounts: Vec<AccountLine>,
    }
}

impl From<Refusal> for AccountRefused {
    fn from(Refusal { what, reason, at }: Refusal) -> Self {
        Self { what, reason, at_ms: at.millis() }
    }
}

impl AccountRefused {
    /// For people to read.
    #[must_use]
    pub fn words(&self) -> String {
        let what = match self.what {
            Refused::All => "nothing is sent",
            Refused::Templates => "no template is sent",
        };
        format!("{what}, the provider refuses it: {}", self.reason)
    }
}
