//! `reply.ready.v1`, `signal.ready.v1`, `webchat.out.v1`: what goes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::{Content, Span};
use super::turn::{ChatKind, Hop, Passage};
use crate::domain::channel::ChannelKind;
use crate::domain::event::Event;
use crate::domain::ids::{AccountId, BaseId};
use crate::domain::time::Timestamp;

/// A reply is at most this large when encoded: 256 KiB.
pub const MAX_REPLY_BYTES: usize = 256 << 10;

/// `reply.ready.v1`: everything that one turn makes go out, in one record, so that two runs of a model can never be
/// mixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyReady {
    /// The provider.
    pub channel: ChannelKind,
    /// The account that speaks.
    pub account: AccountId,
    /// The provider's chat id.
    pub chat: String,
    /// The forum topic in the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// One person or many: decides which limits hold.
    #[serde(default)]
    pub chat_kind: ChatKind,
    /// How the reply came about.
    pub route: Route,
    /// What to send, in order; dispatch splits each to the channel's limits.
    pub parts: Vec<Part>,
    /// When the person wrote last, for a message that answers no turn; absent = at the envelope's `roottime`. What the
    /// channel allows after that time is over is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// The conversation's epoch when its turn was opened: a reply is dropped when people took over since. Absent where it
    /// answers no turn; then it is dropped only while people have the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What each stage did and how long it took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
}

impl Event for ReplyReady {
    const TYPE: &'static str = "reply.ready.v1";
}

/// How a reply came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Route {
    /// A rule of the bot's scripts.
    Script {
        /// The rule's name.
        rule: String,
    },
    /// A person of the business.
    Person,
    /// The best passage, as it stands.
    Extractive,
    /// A campaign: nobody asked for it.
    Campaign {
        /// Its id.
        campaign: String,
    },
    /// A model.
    Model {
        /// Its name.
        model: String,
    },
    /// The bot's own text, since nothing could answer.
    Fallback {
        /// Why, for example `no_passage`, `model_timeout`.
        reason: String,
    },
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Script { rule } => write!(f, "script:{rule}"),
            Self::Person => f.write_str("person"),
            Self::Extractive => f.write_str("extractive"),
            Self::Campaign { campaign } => write!(f, "campaign:{campaign}"),
            Self::Model { model } => write!(f, "model:{model}"),
            Self::Fallback { reason } => write!(f, "fallback:{reason}"),
        }
    }
}

/// One message of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Quick replies under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// Where the text comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<Citation>,
    /// How stretches of the text look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// A line above a text with buttons, where the channel has one; elsewhere it opens the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A line below it; elsewhere it ends the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// What it holds beside the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
}

/// A quick reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct Button {
    /// What the person reads.
    pub title: String,
    /// What comes back when it is pressed; the title where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// An address that it opens; nothing comes back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it asks the person to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// What a button asks a person to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Where they are.
    Location,
    /// Their phone number.
    Contact,
}

/// A source of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The number in the text, from 1.
    pub n: u32,
    /// The document's name.
    pub document: String,
    /// Its title.
    pub title: String,
    /// The knowledge base that it is in; absent for a document of the bot's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseId>,
    /// The page, from 1; absent where there are no pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The bytes of the document's text, first and last plus one; absent for a Q&A pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The same stretch in characters (Unicode scalar values), which every language can count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chars: Option<(u64, u64)>,
    /// Why it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The version of the bot or the knowledge base whose index it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// How well a passage fits a question, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scores {
    /// What it is ranked by.
    pub rank: i32,
    /// The share of the question's weight that it covers.
    pub coverage: i32,
    /// How near its meaning is to the question's; absent where words alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<i32>,
}

impl Citation {
    /// The `n`th source of a text.
    #[must_use]
    pub fn of(n: u32, passage: &Passage) -> Self {
        let thousandths = |score: f32| (score * 1000.0).round() as i32;
        Self {
            n,
            document: passage.document.clone(),
            title: passage.title.clone(),
            base: passage.base.clone(),
            page: passage.page,
            range: passage.range,
            chars: passage.chars,
            scores: Some(Scores {
                rank: thousandths(passage.score),
                coverage: thousandths(passage.coverage),
                cosine: passage.cosine.map(thousandths),
            }),
            generation: passage.generation,
        }
    }
}

/// `signal.ready.v1`: what goes out at once and is worth nothing later. Dropped after 5 s (a callback answer: 15 s).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalReady {
    /// The provider.
    pub channel: ChannelKind,
    /// The account that speaks.
    pub account: AccountId,
    /// The provider's chat id.
    pub chat: String,
    /// What to signal.
    pub signal: Signal,
    /// When it was made; its age decides whether it still goes out.
    pub at: Timestamp,
}

impl Event for SignalReady {
    const TYPE: &'static str = "signal.ready.v1";
}

/// A sign of life that is no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// "is typing"; on `WhatsApp` it also marks `message_id` as read.
    Typing {
        /// The provider's id of the message that is being answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
    },
    /// Marks `message_id` as read without "is typing".
    Read {
        /// The provider's id of the message that was read.
        message_id: String,
    },
    /// Answers a Telegram callback query, so that the button stops spinning.
    AnswerCallback {
        /// The query's id.
        callback_id: String,
    },
}

/// `webchat.out.v1`: what a web-chat page shows. The envelope's id is the SSE id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebchatOut {
    /// The visitor.
    pub chat: String,
    /// The site.
    pub account: AccountId,
    /// Which part of how many.
    pub part: u32,
    /// How many.
    pub of: u32,
    /// The message.
    pub message: Part,
}

impl Event for WebchatOut {
    const TYPE: &'static str = "webchat.out.v1";
}
