//! Scripts: rules that answer without a model, as an author writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::{AttachmentKind, Button, Content, Part};
use super::markup;

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
    /// What was sent: a voice note, an image, a location. Conditions on the text beside it go first.
    On(AttachmentKind),
    /// The code of the link that the person came by: Telegram's `/start CODE`, Messenger's `ref`, an advertisement's id.
    /// `*` = any link.
    Referral(String),
    /// Sentences as people would say it: what means the same is answered, by the installation's embedding model. Where there
    /// is none, or it doesn't speak their language, the same words in the same order match and nothing else.
    Examples(Vec<String>),
}

impl Rule {
    /// The sentences that stand for what the rule is about.
    pub fn examples(&self) -> impl Iterator<Item = &str> {
        let sentences = self.when.iter().flat_map(|trigger| match trigger {
            Trigger::Examples(sentences) => sentences.as_slice(),
            _ => &[],
        });
        sentences.map(String::as_str)
    }
}

/// A message of a reply: a plain string, or a text with quick replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReplyText {
    /// Only text.
    Plain(String),
    /// Text and what stands around it. Boxed: most replies are plain, and thousands of bots stand in memory.
    Rich(Box<RichText>),
}

/// A message with quick replies, formatting, or something beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RichText {
    /// The text; may be left out where something else is sent.
    #[serde(default)]
    pub text: String,
    /// Quick replies: a title, or a title with a payload.
    #[serde(default)]
    pub buttons: Vec<ButtonText>,
    /// How the text is written: `plain`, or `markup` for **bold**, _italic_, ~~struck~~, `code` and `[words](https://...)`.
    #[serde(default, skip_serializing_if = "Format::is_plain")]
    pub format: Format,
    /// A line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A line below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// What goes out beside the text: a location, a contact, a file, a template, a reaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Box<Content>>,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Every character is itself.
    #[default]
    Plain,
    /// The portable markup.
    Markup,
}

impl Format {
    fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
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
            Self::Rich(rich) => {
                let (text, spans) = match rich.format {
                    Format::Plain => (rich.text.clone(), Vec::new()),
                    Format::Markup => markup::parse(&rich.text),
                };
                Part {
                    text,
                    spans,
                    buttons: rich.buttons.iter().map(ButtonText::to_button).collect(),
                    header: rich.header.clone(),
                    footer: rich.footer.clone(),
                    content: rich.send.clone(),
                    cites: Vec::new(),
                }
            }
        }
    }
}

impl ButtonText {
    fn to_button(&self) -> Button {
        match self {
            Self::Title(title) => Button { title: title.clone(), ..Button::default() },
            Self::Full(button) => button.clone(),
        }
    }
}
