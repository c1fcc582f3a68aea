//! `webhook.received.v1`: what came in, as it came.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::channel::ChannelKind;
use crate::domain::event::Event;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// One inbound item of a verified body, its bytes untouched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WebhookReceived {
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account that it was sent to.
    pub account: AccountId,
    /// When the edge had it.
    pub received: Timestamp,
    /// Meta's `object`, for example `whatsapp_business_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Meta's `entry[].id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Where in the body the item stood: Meta's `changes[].field` and the array in its value (`messages`, `statuses`),
    /// or `messaging`, `standby`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// `WhatsApp`'s `metadata` beside the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub metadata: Option<Box<RawValue>>,
    /// `WhatsApp`'s `contacts` beside the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub contacts: Option<Box<RawValue>>,
    /// The item: a Telegram update, a `WhatsApp` message or status, a messaging entry, a web-chat message.
    #[schemars(with = "serde_json::Value")]
    pub item: Box<RawValue>,
}

impl PartialEq for WebhookReceived {
    fn eq(&self, other: &Self) -> bool {
        let raw = |value: &Option<Box<RawValue>>| value.as_ref().map(|raw| raw.get().to_owned());
        self.channel == other.channel
            && self.account == other.account
            && self.received == other.received
            && (&self.object, &self.entry, &self.place) == (&other.object, &other.entry, &other.place)
            && raw(&self.metadata) == raw(&other.metadata)
            && raw(&self.contacts) == raw(&other.contacts)
            && self.item.get() == other.item.get()
    }
}

impl Eq for WebhookReceived {}

impl Event for WebhookReceived {
    const TYPE: &'static str = "webhook.received.v1";
}
