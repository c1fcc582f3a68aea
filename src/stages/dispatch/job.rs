//! A reply at hand: what it says and its record.

use bytes::Bytes;
use smol_str::SmolStr;

use crate::domain::envelope::{CONTENT_TYPE, DecodeError, Envelope};
use crate::domain::events::{ChatKind, Content, Parked, Part, ReplyReady, Route};
use crate::domain::modes::Standing;
use crate::domain::time::Timestamp;
use crate::domain::window::{self, Refusal, Wording};
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
    /// It has to say that a person wrote it.
    pub(super) human_agent: bool,
}

impl Job {
    /// Splits the reply for its channel; the web chat takes its parts as they are.
    pub(super) fn new(record: Record, mut reply: Reply, channel: Option<&dyn Channel>) -> Box<Self> {
        let parts = std::mem::take(&mut reply.data.parts);
        // The trace is for the timeline; here it would only take memory for as long as the reply waits.
        reply.data.hops = Vec::new();
        let messages = match channel {
            Some(channel) => parts.iter().flat_map(|part| channel.split(part)).collect(),
            None => parts,
        };
        Box::new(Self { record, reply, messages, human_agent: false })
    }

    /// How many RESULTs the reply gets; a reply without any message gets one.
    pub(super) fn of(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Whether a message of it is a template.
    pub(super) fn is_template(&self, part: u32) -> bool {
        let message = self.messages.get(part as usize);
        message.is_some_and(|part| matches!(part.content.as_deref(), Some(Content::Template(_))))
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.reply.data.chat_kind, ChatKind::Group)
    }

    /// Why nothing of it will be sent, whatever a provider would say. `standing` says who answers in its conversation.
    pub(super) fn is_foregone(&self, standing: Option<Standing>, now: Timestamp) -> Option<Foregone> {
        let overtaken = |standing: Standing| standing.overtakes(self.reply.data.epoch, now);
        if self.reply.runid.is_some() {
            Some(Foregone::Replay)
        } else if self.reply.data.route != Route::Person && standing.is_some_and(overtaken) {
            Some(Foregone::Human)
        } else if self.messages.is_empty() {
            Some(Foregone::Empty)
        } else {
            None
        }
    }
}

impl Job {
    /// Whether the channel's window lets this message go now; it then knows how it has to be sent.
    pub(super) fn pass(&mut self, part: u32, now: Timestamp) -> Result<(), Refusal> {
        let data = &self.reply.data;
        let wording = match data.route {
            _ if self.is_template(part) => Wording::Template,
            Route::Person => Wording::Person,
            _ => Wording::Free,
        };
        let heard = data.heard_at.unwrap_or(self.reply.roottime);
        self.human_agent = window::in_window(data.channel, Some(heard), wording, now)?.human_agent;
        Ok(())
    }
}

/// Why nothing is sent, and nobody needs to hear of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Foregone {
    /// A replay is never sent.
    Replay,
    /// People have taken the conversation over since.
    Human,
    /// The channel would refuse it.
    Window(Refusal),
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

/// The reply that was kept under an offset, with its record: as it was in its lane, whoever kept it.
pub(super) fn revive(offset: u64, kept: Bytes) -> Result<(Record, Reply), DecodeError> {
    let unquoted = Parked::unquote(&kept);
    let unquoted = unquoted.map_err(|source| DecodeError::Shape { expected: Parked::TYPE, source })?;
    let value = unquoted.map_or(kept, Bytes::from);
    let reply = Reply::decode(&value)?;
    Ok((record(offset, reply.bot.as_str(), value), reply))
}
