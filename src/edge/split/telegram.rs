//! A Telegram update: always one event, and the body is its bytes.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::{Item, SplitError, diagnose, hash, text};
use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;
use crate::edge::lenient::{Fields, Scalar, Sketch};

/// The one event of an update. `account` is the bot's id, which only the webhook's address tells.
///
/// # Errors
/// When the body is not a JSON object.
pub fn telegram<'a>(body: &'a [u8], account: &'a str) -> Result<Item<'a>, SplitError> {
    let json = text(body)?;
    if !json.starts_with('{') {
        let any = serde_json::from_str::<serde::de::IgnoredAny>(json);
        return Err(any.map_or_else(SplitError::Syntax, |_| SplitError::NotObject));
    }
    let Sketch(update) = serde_json::from_str::<Sketch<Update<'a>>>(json).map_err(|e| diagnose(json, e))?;
    Ok(Item {
        channel: ChannelKind::Telegram,
        account: Cow::Borrowed(account),
        chat: update.chat.unwrap_or_default(),
        event: update.id.0.unwrap_or_else(|| Cow::Owned(hash(json))),
        at: update.at,
        object: None,
        entry: None,
        place: None,
        metadata: None,
        contacts: None,
        json,
    })
}

/// An update's number, and from its one kind, whatever its name: chat and time.
#[derive(Debug, Default)]
struct Update<'a> {
    id: Scalar<'a>,
    chat: Option<Cow<'a, str>>,
    at: Option<Timestamp>,
}

impl<'de> Fields<'de> for Update<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "update_id" {
            self.id = map.next_value()?;
            return Ok(true);
        }
        let Sketch(kind) = map.next_value::<Sketch<Kind<'de>>>()?;
        let chat = kind.chat.or(kind.message_chat).or(kind.person);
        self.chat = self.chat.take().or(chat);
        self.at = self.at.or(kind.edited).or(kind.date);
        Ok(true)
    }
}

/// What a message, a query or a membership change says of where and when.
#[derive(Debug, Default)]
struct Kind<'a> {
    chat: Option<Cow<'a, str>>,
    message_chat: Option<Cow<'a, str>>,
    person: Option<Cow<'a, str>>,
    date: Option<Timestamp>,
    edited: Option<Timestamp>,
}

impl<'de> Fields<'de> for Kind<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let time = |scalar: Scalar<'_>| scalar.number().and_then(Timestamp::from_provider);
        match key {
            "chat" => self.chat = map.next_value::<Sketch<Peer<'de>>>()?.0.id.0,
            "from" | "user" => self.person = map.next_value::<Sketch<Peer<'de>>>()?.0.id.0,
            "message" => self.message_chat = map.next_value::<Sketch<Inner<'de>>>()?.0.chat.0.id.0,
            "date" => self.date = time(map.next_value()?),
            "edit_date" => self.edited = time(map.next_value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The message that a callback query is about.
#[derive(Debug, Default)]
struct Inner<'a> {
    chat: Sketch<Peer<'a>>,
}

impl<'de> Fields<'de> for Inner<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "chat" {
            self.chat = map.next_value()?;
        }
        Ok(key == "chat")
    }
}

/// A chat or a person.
#[derive(Debug, Default)]
struct Peer<'a> {
    id: Scalar<'a>,
}

impl<'de> Fields<'de> for Peer<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "id" {
            self.id = map.next_value()?;
        }
        Ok(key == "id")
    }
}
