//! One inbound event in the words of all channels: what ingest acts on and what `millrace inspect` prints.
//!
//! Guarantee: [`normalise`] is pure, and no input panics. It reads what it knows and passes over the rest; only an item
//! that is no JSON is an error.

use serde::Serialize;
use thiserror::Error;

use super::json::Json;
use super::people::Spoke;
use super::{instagram, messenger, telegram, webchat, whatsapp};
use crate::domain::business::BusinessNews;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{
    Attachment, AttachmentKind, ChatKind, Consent, ConsentBy, Referral, TurnKind, WebhookReceived,
};
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::template::TemplateNews;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Content that a person sent.
    Message,
    /// A message that was changed afterwards.
    Edit,
    /// A pressed button, a chosen row.
    Callback,
    /// A person came by a link or gave consent.
    Referral,
    /// A reaction to a message.
    Reaction,
    /// What became of a message that we sent.
    Receipt,
    /// Someone came or went, or blocked the bot.
    Membership,
    /// A person or a group has another id now.
    IdentityChange,
    /// A message that our own side sent, or that another app handles.
    Echo,
    /// News about the account, its numbers or templates.
    Account,
    /// Everything else: acknowledged and counted.
    #[default]
    Ignored,
}

/// One inbound event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalised {
    /// What it is.
    pub kind: Kind,
    /// What the provider calls it.
    pub raw_kind: String,
    /// Who it is from.
    pub sender: Option<String>,
    /// The sender's name, handle and language, where the provider tells.
    pub name: Option<String>,
    /// The handle.
    pub username: Option<String>,
    /// IETF language tag.
    pub language: Option<String>,
    /// The provider's chat id, without the topic.
    pub chat: Option<String>,
    /// One person or many.
    pub chat_kind: ChatKind,
    /// The forum topic.
    pub thread: Option<String>,
    /// The account that heard it, where the payload tells.
    pub account: Option<String>,
    /// The text, the caption, the pressed button's payload or row id, or a word for what has no text.
    pub text: Option<String>,
    /// True when `text` is such a word: coordinates, a number, a title. It is shown, but nobody said it.
    pub text_is_summary: bool,
    /// The title of what was pressed.
    pub title: Option<String>,
    /// The provider's id of the message.
    pub message_id: Option<String>,
    /// The message that a reaction or a receipt is about.
    pub on: Option<String>,
    /// Further messages that a receipt is about.
    pub also_on: Vec<String>,
    /// Files and other content by the provider's id.
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// Telegram's callback query, to be answered at once.
    pub callback_id: Option<String>,
    /// The status of a receipt in the provider's word.
    pub status: Option<String>,
    /// The provider's error codes.
    pub errors: Vec<i64>,
    /// Other ids of the same person or group.
    pub aliases: Vec<String>,
    /// The number that a person has from now on instead of the one that the event came from.
    pub moved_to: Option<String>,
    /// Our own id as it came back in a receipt.
    pub opaque: Option<String>,
    /// The link, code or advertisement that the person came by.
    pub referral: Option<Referral>,
    /// The album that it is one item of.
    pub album: Option<String>,
    /// Handles that the text mentions, without the sign.
    pub mentions: Vec<String>,
    /// Who wrote the message that it answers.
    pub reply_to_sender: Option<String>,
    /// A bot as the payload shows it: id and handle. It may be the one that heard the event.
    pub shown_bot: Option<(String, String)>,
    /// People whose wish to be written to changed: by the provider's id.
    pub consents: Vec<(String, Consent, ConsentBy)>,
    /// That somebody spoke for the account: we ourselves, another app or a person.
    pub spoke: Option<Spoke>,
    /// What the provider says of a template.
    pub template: Option<TemplateNews>,
    /// What the provider says of a business account and its numbers, as of an unknown moment.
    pub business: Vec<BusinessNews>,
    /// What sort of turn it opens; `None` = none.
    pub turn: Option<TurnKind>,
}

impl Kind {
    /// The word in JSON, in metrics and in drops.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Edit => "edit",
            Self::Callback => "callback",
            Self::Referral => "referral",
            Self::Reaction => "reaction",
            Self::Receipt => "receipt",
            Self::Membership => "membership",
            Self::IdentityChange => "identity_change",
            Self::Echo => "echo",
            Self::Account => "account",
            Self::Ignored => "ignored",
        }
    }
}

impl Normalised {
    /// An event of which no more than its name is known.
    pub(super) fn ignored(raw_kind: impl Into<String>) -> Self {
        Self { raw_kind: raw_kind.into(), ..Self::default() }
    }

    /// True where the chat may be known under another id: a person of `WhatsApp`, a group of Telegram.
    pub(super) fn may_have_aliases(&self, channel: ChannelKind) -> bool {
        match channel {
            ChannelKind::Whatsapp => self.chat_kind == ChatKind::Private,
            ChannelKind::Telegram => self.chat_kind == ChatKind::Group || self.kind == Kind::IdentityChange,
            ChannelKind::Messenger | ChannelKind::Instagram | ChannelKind::Webchat => false,
        }
    }

    /// The id that the conversation was first known by, as far as the event tells, and the other ids of the same person
    /// or group. A group that tells what it was migrated from had that id first.
    pub(super) fn identity<'a>(&'a self, chat: &'a str) -> (&'a str, Vec<String>) {
        match self.aliases.first() {
            Some(former) if self.raw_kind.ends_with("migrate_from_chat_id") => {
                (former, vec![chat.to_owned()])
            }
            _ => (chat, self.aliases.clone()),
        }
    }

    /// True where its codes say why something was not sent, so that they may be about the account.
    pub(super) fn is_failure(&self) -> bool {
        let of_the_account = self.kind == Kind::Ignored && self.raw_kind == "errors";
        (self.kind == Kind::Receipt || of_the_account) && !self.errors.is_empty()
    }

    /// True where it matters what the bot is called: it may be mentioned, or a command may name another.
    pub(super) fn may_name_a_bot(&self) -> bool {
        let command = || self.text.as_deref().is_some_and(|text| text.starts_with('/') && text.contains('@'));
        self.turn.is_some() && (self.chat_kind == ChatKind::Group || command())
    }

    /// Adds an id of the same person, once and only if it is another than the sender's.
    pub(super) fn alias(&mut self, id: Option<String>) {
        if let Some(id) = id.filter(|id| Some(id) != self.sender.as_ref() && !self.aliases.contains(id)) {
            self.aliases.push(id);
        }
    }
}

/// Why an item can't be read.
#[derive(Debug, Error)]
#[error("the {channel} item is not JSON: {source}")]
pub struct Unreadable {
    channel: ChannelKind,
    source: serde_json::Error,
}

impl Classify for Unreadable {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn origin(&self) -> Origin {
        Origin::Upstream
    }
}

/// Reads an event of any channel.
///
/// # Errors
/// When the item is not JSON or is nested absurdly deep.
pub fn normalise(event: &WebhookReceived) -> Result<Normalised, Unreadable> {
    let channel = event.channel;
    let mut room = String::new();
    let item = Json::read(event.item.get(), &mut room).map_err(|source| Unreadable { channel, source })?;
    let mut normalised = match channel {
        ChannelKind::Telegram => telegram::normalise(&item),
        ChannelKind::Whatsapp => whatsapp::normalise(event, &item),
        ChannelKind::Messenger => messenger::normalise(event, &item),
        ChannelKind::Instagram => instagram::normalise(event, &item),
        ChannelKind::Webchat => webchat::normalise(&item),
    };
    if normalised.chat.is_none() {
        normalised.turn = None;
    }
    Ok(normalised)
}

/// An attachment by id.
pub(super) fn attachment(kind: AttachmentKind, id: Option<String>) -> Attachment {
    Attachment { kind, id, url: None, mime: None, name: None }
}

/// A point on the map: its address is a `geo:` URI (RFC 5870), its summary `latitude,longitude`.
pub(super) fn point(
    kind: AttachmentKind,
    latitude: &Json<'_>,
    longitude: &Json<'_>,
) -> Option<(Attachment, String)> {
    let summary = format!("{},{}", latitude.id()?, longitude.id()?);
    let url = Some(format!("geo:{summary}"));
    Some((Attachment { url, ..attachment(kind, None) }, summary))
}

#[cfg(test)]
mod tests;
