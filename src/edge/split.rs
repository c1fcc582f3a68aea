//! One verified body becomes one item per event, each with its own bytes.
//!
//! Guarantee: pure, and no input panics. No more is parsed than the split, the record's key and the event's id need.
//! An item of an unexpected shape is still an item: ingest judges it. Only a body that has no items to find is an
//! error, and then nothing of it is lost either: the caller keeps it whole.

mod meta;
mod telegram;

use std::borrow::Cow;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::domain::channel::ChannelKind;
use crate::domain::events::WebhookReceived;
use crate::domain::ids::{AccountId, EventId};
use crate::domain::time::Timestamp;

pub use meta::meta;
pub use telegram::telegram;

/// One event of a body, borrowed from it.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The provider.
    pub channel: ChannelKind,
    /// The account it was sent to; empty for a Telegram update, which doesn't name its bot.
    pub account: Cow<'a, str>,
    /// The provider's chat id, or the person's where there is no chat; empty where there is neither.
    pub chat: Cow<'a, str>,
    /// The provider's own id of the event, or a hash that a redelivery repeats.
    pub event: Cow<'a, str>,
    /// The provider's time of the event, where it has one that can be read.
    pub at: Option<Timestamp>,
    /// Meta's `object`.
    pub object: Option<Cow<'a, str>>,
    /// Meta's `entry[].id`.
    pub entry: Option<Cow<'a, str>>,
    /// Where in the body it stood; see [`WebhookReceived::place`].
    pub place: Option<Cow<'a, str>>,
    /// `WhatsApp`'s `metadata` beside it.
    pub metadata: Option<&'a RawValue>,
    /// What `contacts` says of the people in it.
    pub contacts: Option<Cow<'a, str>>,
    /// Its JSON text as it came.
    pub json: &'a str,
}

impl Item<'_> {
    /// The root id: the same for every delivery of the event.
    #[must_use]
    pub fn id(&self) -> EventId {
        EventId::root(self.channel, &self.account, &self.event)
    }

    /// The item as ingest gets it.
    ///
    /// # Errors
    /// When a part of it is not JSON, which the splitters rule out.
    pub fn to_received(&self, received: Timestamp) -> Result<WebhookReceived, serde_json::Error> {
        let raw = |text: &str| RawValue::from_string(text.to_owned());
        let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.clone().into_owned());
        Ok(WebhookReceived {
            channel: self.channel,
            account: AccountId::from(&*self.account),
            received,
            object: owned(&self.object),
            entry: owned(&self.entry),
            place: owned(&self.place),
            metadata: self.metadata.map(ToOwned::to_owned),
            contacts: self.contacts.as_deref().map(raw).transpose()?,
            item: raw(self.json)?,
        })
    }
}

/// Why a body has no items to find.
#[derive(Debug, Error)]
pub enum SplitError {
    /// Not UTF-8, so not JSON.
    #[error("the body is not UTF-8 from byte {0} on")]
    Encoding(usize),
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// JSON, but no object.
    #[error("the body is not a JSON object")]
    NotObject,
    /// An object in which the items can't be found.
    #[error("the body is not shaped like a webhook: {0}")]
    Shape(serde_json::Error),
    /// An object of another product.
    #[error("`object` names no channel: it has to be whatsapp_business_account, page or instagram")]
    Object,
    /// Its items would take more room than one batch has.
    #[error("the records of the body's items would take more than 32 MiB")]
    TooMany,
}

impl SplitError {
    /// True when the body is at least a JSON object.
    #[must_use]
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Shape(_) | Self::Object | Self::TooMany)
    }

    /// The fixed word in dead letters and metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Encoding(_) => "not_utf8",
            Self::Syntax(_) => "not_json",
            Self::NotObject => "not_object",
            Self::Shape(_) => "not_a_webhook",
            Self::Object => "unknown_object",
            Self::TooMany => "too_many_items",
        }
    }
}

/// The body as text without the space around it.
fn text(body: &[u8]) -> Result<&str, SplitError> {
    let text = std::str::from_utf8(body).map_err(|error| SplitError::Encoding(error.valid_up_to()))?;
    Ok(text.trim_matches([' ', '\t', '\n', '\r']))
}

/// Tells text that is not JSON from JSON that is no object, and from an object of the wrong shape.
fn diagnose(text: &str, shape: serde_json::Error) -> SplitError {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(syntax) => SplitError::Syntax(syntax),
        Ok(_) if !text.starts_with('{') => SplitError::NotObject,
        Ok(_) => SplitError::Shape(shape),
    }
}

/// An id for an event that has none: a hash of its bytes, which a redelivery repeats.
fn hash(json: &str) -> String {
    blake3::hash(json.as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests;
