//! Scripts: rules that answer without a model, as an author writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::{Button, Part};

/// One rule. Rules are tried by `priority` (highest first), then by how exact their match is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique in its bot; shown in traces.
    pub name: String,
    /// Wins over rules with a lower one.
    #[serde(default)]
    pub priority: i32,
    /// When the rule applies: any of these.
    pub when: Vec<Trigger>,
    /// What goes out, one message each.
    pub reply: Vec<ReplyText>,
}

/// A condition on what a person said. Text is compared after normalisation: NFKC, case folded, Arabic and Persian
/// letters unified, spaces collapsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// The whole text; also the title or payload of a pressed button.
    Exact(String),
    /// A command without its slash, with or without arguments and `@bot`.
    Command(String),
    /// Every one of these words or phrases, at word borders, in any order.
    All(Vec<String>),
    /// One of these words or phrases, at word borders.
    Any(Vec<String>),
    /// This piece of text anywhere.
    Contains(String),
    /// A regular expression (linear time; <https://docs.rs/regex>), on the normalised text.
    Regex(String),
}

/// A message of a reply: a plain string, or a text with quick replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReplyText {
    /// Only text.
    Plain(String),
    /// Text and quick replies.
    Rich {
        /// The text.
        text: String,
        /// Quick replies: a title, or a title with a payload.
        #[serde(default)]
        buttons: Vec<ButtonText>,
    },
}

/// A quick reply: a plain title, or a title with what comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ButtonText {
    /// The title is also what comes back.
    Title(String),
    /// Title and payload.
    Full(Button),
}

impl ReplyText {
    /// As a part of a reply.
    #[must_use]
    pub fn to_part(&self) -> Part {
        match self {
            Self::Plain(text) => Part { text: text.clone(), ..Part::default() },
            Self::Rich { text, buttons } => Part {
                text: text.clone(),
                buttons: buttons
                    .iter()
                    .map(|button| match button {
                        ButtonText::Title(title) => Button { title: title.clone(), payload: None },
                        ButtonText::Full(button) => button.clone(),
                    })
                    .collect(),
                cites: Vec::new(),
            },
        }
    }
}
