//! A reply at hand: what it says and its record.

use bytes::Bytes;
use smol_str::SmolStr;

use crate::domain::envelope::{CONTENT_TYPE, DecodeError, Envelope};
use crate::domain::events::{ChatKind, Part, ReplyReady};
use crate::domain::modes::Standing;
use crate::domain::time::Timestamp;
use crate::log::Record;
use crate::services::channel::Channel;

/// A reply's envelope.
pub(super) type Reply = Envelope<ReplyReady>;

/// A reply that waits in memory, or was loaded since its turn has come. It moves into the send and comes back with the
/// outcome: nobody else can touch it meanwhile.
#[derive(Debug)]
pub struct Job {
    /// Its record, for the parked topic and the dead letters.
    pub(super) record: Record,
    /// The reply; its parts have moved to `messages`.
    pub(super) reply: Reply,
    /// The parts as the provider takes them.
    pub(super) messages: Vec<Part>,
}

impl Job {
    /// Splits the reply for its channel; the web chat takes its parts as they are.
    pub(super) fn new(record: Record, mut reply: Reply, channel: Option<&dyn Channel>) -> Box<Self> {
        let parts = std::mem::take(&mut reply.data.parts);
        let messages = match channel {
            Some(channel) => parts.iter().flat_map(|part| channel.split(part)).collect(),
            None => parts,
        };
        Box::new(Self { record, reply, messages })
    }

    /// How many RESULTs the reply gets; a reply without any message gets one.
    pub(super) fn of(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX).max(1)
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.reply.data.chat_kind, ChatKind::Group)
    }

    /// Why nothing of it will be sent, whatever a provider would say. `standing` says who answers in its conversation.
    pub(super) fn is_foregone(&self, standing: Option<Standing>, now: Timestamp) -> Option<Foregone> {
        let overtaken = |standing: Standing| standing.overtakes(self.reply.data.epoch, now);
        if self.reply.runid.is_some() {
            Some(Foregone::Replay)
        } else if standing.is_some_and(overtaken) {
            Some(Foregone::Human)
        } else if self.messages.is_empty() {
            Some(Foregone::Empty)
        } else {
            None
        }
    }
}

/// Why nothing is sent, and nobody needs to hear of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Foregone {
    /// A replay is never sent.
    Replay,
    /// People have taken the conversation over since.
    Human,
    /// There is nothing to send.
    Empty,
}

/// A record of the lane from what was kept of it: all but its time.
pub(super) fn record(offset: u64, bot: &str, value: Bytes) -> Record {
    let content_type = Bytes::from_static(CONTENT_TYPE.as_bytes());
    Record {
        offset,
        at: Timestamp::default(),
        key: Bytes::copy_from_slice(bot.as_bytes()),
        value,
        headers: vec![(SmolStr::new_static("content-type"), content_type)],
    }
}

/// The reply that was kept under an offset, with its record.
pub(super) fn revive(offset: u64, value: Bytes) -> Result<(Record, Reply), DecodeError> {
    let reply = Reply::decode(&value)?;
    Ok((record(offset, reply.bot.as_str(), value), reply))
}
