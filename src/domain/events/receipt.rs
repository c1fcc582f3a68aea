//! `receipt.received.v1`: what a provider says of a part later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::channel::ChannelKind;
use crate::domain::event::Event;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// A delivery status of a message that we sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptReceived {
    /// The provider.
    pub channel: ChannelKind,
    /// The account that sent.
    pub account: AccountId,
    /// The provider's chat id.
    pub chat: String,
    /// The provider's id of the message; empty where `upto` says which ones it is about.
    pub message_id: String,
    /// Every message of the chat that was sent up to then: Messenger's watermark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<Timestamp>,
    /// What became of it.
    pub status: ReceiptStatus,
    /// When, by the provider's clock.
    pub at: Timestamp,
    /// The provider's error codes, when it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<i64>,
    /// Our own id as it came back (`biz_opaque_callback_data`): settles a send whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
}

impl Event for ReceiptReceived {
    const TYPE: &'static str = "receipt.received.v1";
}

/// Monotone: a later one in this order replaces an earlier one, never the other way; `failed` ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptStatus {
    /// Accepted by the provider's network.
    Sent,
    /// On the device.
    Delivered,
    /// Seen.
    Read,
    /// Heard.
    Played,
    /// It will never arrive.
    Failed,
}

impl ReceiptStatus {
    /// The word in JSON and in the timeline.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}
