//! `reply.settled.v1`, the ledger: what became of each part of each reply.
//!
//! Small JSON objects with a `type`, about 200 B, not full envelopes: one is written for every send. Guarantee: a part
//! with a RESULT here is never sent again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// One record of the ledger. Only `result` says what became of a part; the others serve the next owner's restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Settled {
    /// The part is settled.
    Result {
        /// The reply's id.
        id: EventId,
        /// Which part, from 0.
        part: u32,
        /// How many parts the reply was split into.
        of: u32,
        /// What became of it.
        status: SettledStatus,
        /// The provider's id of the message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
        /// The provider's error code or our reason, when it was not sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// How many tries it took, from 1; 0 = never tried.
        attempt: u32,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane the reply came by.
        lane: Lane,
        /// Whose.
        tenant: TenantId,
        /// Which bot's.
        bot: BotId,
        /// Which conversation's.
        conversation: ConversationId,
        /// The inbound event that it answers.
        root: EventId,
        /// When it was settled.
        at: Timestamp,
        /// The offset of the reply's record in its lane; absent in records of programs that did not park.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
    },
    /// The part may be on its way: the request is written when this record is acknowledged, never before. Found by a
    /// restore without a RESULT, it puts the part in doubt.
    Sending {
        /// The reply's id.
        id: EventId,
        /// The offset of the reply's record in its lane.
        offset: u64,
        /// Which part, from 0.
        part: u32,
        /// How many parts the reply was split into.
        of: u32,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane the reply came by.
        lane: Lane,
    },
    /// The part was certainly not sent: takes back the `sending` of the same epoch, and of no other.
    Unsent {
        /// The reply's id.
        id: EventId,
        /// Which part, from 0.
        part: u32,
        /// How many parts the reply was split into.
        of: u32,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane the reply came by.
        lane: Lane,
    },
    /// Repeats that the part has a RESULT, so that a restore need not read as far back as that one.
    Copied {
        /// The reply's id.
        id: EventId,
        /// The offset of the reply's record in its lane.
        offset: u64,
        /// Which part, from 0.
        part: u32,
        /// How many parts the reply was split into.
        of: u32,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane the reply came by.
        lane: Lane,
    },
}

impl Settled {
    /// The topic's name.
    pub const TYPE: &'static str = "reply.settled.v1";
}

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettledStatus {
    /// The provider took it.
    Sent,
    /// The provider refused it for good.
    Rejected,
    /// Its deadline passed.
    Expired,
    /// It may have been sent; nobody can tell.
    InDoubt,
    /// An earlier part was refused, so this one was not tried.
    Skipped,
    /// Not sent by design, for example a replay.
    Dropped,
}

impl SettledStatus {
    /// The word in JSON and in the timeline.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
        }
    }
}

/// Which topic a reply came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// `reply.ready.v1`.
    #[default]
    Ready,
    /// `reply.bulk.v1`.
    Bulk,
}

impl Lane {
    /// The word in JSON and in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Bulk => "bulk",
        }
    }
}

impl std::str::FromStr for Lane {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ready" => Ok(Self::Ready),
            "bulk" => Ok(Self::Bulk),
            _ => Err("a lane is `ready` or `bulk`"),
        }
    }
}
