//! A provider that takes nothing more from an account until a person acts: its token, a policy, its payment.
//!
//! Guarantee: a refusal is one account's. Its bot and the bot's other accounts go on.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// What of an account's messages a provider refuses; of two the later one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// What has to be paid for: templates and campaigns. Answers within the channel's window go out.
    Templates,
    /// Everything.
    All,
}

impl Refused {
    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Templates => "templates",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Refused {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Templates, Self::All].into_iter().find(|what| what.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is nothing that a provider refuses"))
    }
}

/// A refusal that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What is refused.
    pub what: Refused,
    /// The provider's code and words.
    pub reason: String,
    /// Since when it is known.
    pub at: Timestamp,
}

impl Refusal {
    /// Whether a message is refused.
    #[must_use]
    pub fn bars(&self, template: bool) -> bool {
        template || self.what == Refused::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpaid_account_still_answers() {
        let refusal = |what| Refusal { what, reason: String::new(), at: Timestamp::default() };
        assert!(refusal(Refused::Templates).bars(true));
        assert!(!refusal(Refused::Templates).bars(false));
        assert!(refusal(Refused::All).bars(false));
        for what in [Refused::Templates, Refused::All] {
            assert_eq!(what.as_str().parse(), Ok(what));
            assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
        }
    }
}
