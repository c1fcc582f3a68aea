//! `turn.*.v1`: one inbound message and what is known about it on its way to a reply.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::consent::{Consent, ConsentNews};
use super::reply::{Part, Route};
use super::searched::Searched;
use crate::domain::channel::ChannelKind;
use crate::domain::event::Event;
use crate::domain::ids::{AccountId, BaseId};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;

/// A turn's text is cut here, with a flag: 64 KiB.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// `turn.opened.v1`: what a person said, the same for every channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnOpened {
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account that heard it.
    pub account: AccountId,
    /// The provider's chat id: where a reply goes.
    pub chat: String,
    /// The forum topic in the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// One person or many.
    pub chat_kind: ChatKind,
    /// Who said it.
    pub contact: Contact,
    /// What sort of message it is.
    pub kind: TurnKind,
    /// The text, the caption, or the title of what was pressed; empty where there is none.
    #[serde(default)]
    pub text: String,
    /// True when `text` was cut at [`MAX_TEXT_BYTES`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_cut: bool,
    /// What a pressed button stands for: callback data, a button or row id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Photos, voice notes and the like, by the provider's id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The provider's id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The provider's id of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Telegram's callback query id, to be answered at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_id: Option<String>,
    /// The link, code or advertisement that the person came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// What the person wants from now on, where they wrote one of the bot's words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The conversation's epoch when the turn was opened: 0 where nobody ever took it over, absent in records of programs
    /// that did not know. See `conversation.mode.v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What each stage did and how long it took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
}

impl Event for TurnOpened {
    const TYPE: &'static str = "turn.opened.v1";
}

/// `turn.routed.v1`: a turn of a bot with knowledge or a model. With a script's reply when one hit: it then passes
/// through in its conversation's lane, so that order holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnRouted {
    /// The turn.
    pub turn: TurnOpened,
    /// The script's reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Scripted>,
}

impl Event for TurnRouted {
    const TYPE: &'static str = "turn.routed.v1";
}

/// `turn.grounded.v1`: the same with the passages that were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnGrounded {
    /// The turn.
    pub turn: TurnOpened,
    /// The script's reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Scripted>,
    /// Best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passages: Vec<Passage>,
    /// Whether the passages say enough; absent where nothing was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Event for TurnGrounded {
    const TYPE: &'static str = "turn.grounded.v1";
}

/// `turn.dropped.v1`: an accepted event that ends without a reply, so that every one can be accounted for from the
/// topics alone. A duplicate is only counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnDropped {
    /// Who dropped it.
    pub stage: StageName,
    /// Why: a fixed word such as `late`, `ignored`, `unknown_account`, `no_reply`.
    pub reason: String,
    /// More, for a person: the raw kind of an ignored update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the event was about, where it is worth showing: an edit, a reaction, a membership change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted: Option<Noted>,
    /// What each stage did with the turn until then, where that explains why nobody was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
}

impl Event for TurnDropped {
    const TYPE: &'static str = "turn.dropped.v1";
}

/// What an event that opens no turn tells the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Noted {
    /// Who did it, by the provider's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The provider's id of the message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// The new text, the emoji, `member->kicked`, the new id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What people want from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentNews>,
}

/// How a person came: kept on the contact, and a script can match its code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Referral {
    /// What the link says: Telegram's `/start PAYLOAD`, Messenger's `ref`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where from, in the provider's word: `start`, `SHORTLINK`, `ADS`, `ad`, `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The advertisement's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad: Option<String>,
    /// Where the advertisement or post stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What match made of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scripted {
    /// How it was found.
    pub route: Route,
    /// The reply's parts.
    pub parts: Vec<Part>,
}

/// One person or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person.
    #[default]
    Private,
    /// A group, supergroup or channel: the group limits hold.
    Group,
}

/// What sort of message a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TurnKind {
    /// Typed text.
    Text,
    /// A pressed button, a chosen row.
    Press,
    /// Anything with an attachment; `text` is the caption.
    Attachment,
    /// The person came by a link and said nothing yet.
    Referral,
}

impl TurnKind {
    /// The word in JSON and in the timeline.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Press => "press",
            Self::Attachment => "attachment",
            Self::Referral => "referral",
        }
    }
}

/// A person as one channel account sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// The provider's id.
    pub id: String,
    /// The name shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// IETF language tag, where the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A file or other content by the provider's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// The provider's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The provider's address; dies within minutes and is fetched by nobody but the media worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The MIME type as the provider tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The file name as the sender chose it: a label, never a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A recorded voice note.
    Voice,
    /// A sound file.
    Audio,
    /// A film.
    Video,
    /// A round video message.
    VideoNote,
    /// A silent loop.
    Animation,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
    /// A point on the map.
    Location,
    /// A place with a name.
    Venue,
    /// A contact card.
    Contact,
    /// Anything else.
    Other,
}

impl AttachmentKind {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::VideoNote => "video_note",
            Self::Animation => "animation",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Venue => "venue",
            Self::Contact => "contact",
            Self::Other => "other",
        }
    }
}

/// A piece of a document that may answer the turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passage {
    /// The document's name in its bot or its knowledge base.
    pub document: String,
    /// The knowledge base that it is in; absent for a document of the bot's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseId>,
    /// Its title.
    pub title: String,
    /// The passage; for a Q&A pair, the answer.
    pub text: String,
    /// What it is ranked by: BM25, or BM25 and meaning together where there is a model for it.
    pub score: f32,
    /// The share of the question's IDF mass that the passage covers, 0 to 1.
    pub coverage: f32,
    /// How near its meaning is to the question's, -1 to 1; absent without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    /// The bytes of the document's text that it is, first and last plus one; absent for a Q&A pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The same stretch in characters (Unicode scalar values), which every language can count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chars: Option<(u64, u64)>,
    /// The page, from 1, on which it begins; absent where there are no pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The version of the bot or the knowledge base whose index it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// Whether what was found says enough to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The documents speak of what is asked.
    Answer,
    /// They may.
    Hedge,
    /// They don't.
    Abstain,
}

impl Verdict {
    /// The word in JSON and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Hedge => "hedge",
            Self::Abstain => "abstain",
        }
    }
}

/// What a stage did with a turn: the trace that `up --demo` and `kb explain --turn` show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// Who.
    pub stage: StageName,
    /// When it was done.
    pub at: Timestamp,
    /// How long the stage itself took, in microseconds.
    pub took_us: u64,
    /// What is worth knowing, for example `history: store` or `3 passages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What its search looked at, where it searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Box<Searched>>,
}
