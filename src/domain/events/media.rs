//! `media.wanted.v1`: a file that a person sent is to be fetched from the provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::turn::Attachment;
use crate::domain::channel::ChannelKind;
use crate::domain::event::Event;
use crate::domain::ids::{AccountId, EventId};

/// A file is to be fetched, or only noted. It travels by the provider's id or address; never its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaWanted {
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account that heard it, whose token the provider wants to see.
    pub account: AccountId,
    /// The turn that it came with.
    pub turn: EventId,
    /// Which of the turn's attachments, from 0.
    pub n: u32,
    /// What the provider tells of it.
    pub attachment: Attachment,
    /// False: it is fetched only when somebody asks for it.
    pub now: bool,
}

impl Event for MediaWanted {
    const TYPE: &'static str = "media.wanted.v1";
}
