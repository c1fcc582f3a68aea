//! A reply on its way out.

use super::error::DispatchError;
use super::ledger::Begin;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ChatKind, Part, ReplyReady};
use crate::domain::time::Timestamp;
use crate::services::channel::Channel;

/// A reply, how far it has come, and what will become of its record. It moves into the send and comes back with the
/// outcome: nobody else can touch it meanwhile.
#[derive(Debug)]
pub struct Job {
    /// The record's offset.
    pub(super) offset: u64,
    /// The reply; its parts have moved to `messages`.
    pub(super) reply: Envelope<ReplyReady>,
    /// The parts as the provider takes them.
    pub(super) messages: Vec<Part>,
    /// The first message without a RESULT.
    pub(super) next: u32,
    /// Calls made for that message.
    pub(super) tries: u32,
    /// Those that were refused for the moment, without a time.
    pub(super) refusals: u32,
    /// Those without a clear answer.
    pub(super) unknown: u32,
    /// Why the record goes to the dead letters in the end, and after how many tries; the first reason stays.
    pub(super) failure: Option<(DispatchError, u32)>,
}

impl Job {
    /// Splits the reply for its channel; the web chat takes its parts as they are.
    pub(super) fn new(
        offset: u64,
        mut reply: Envelope<ReplyReady>,
        begin: Begin,
        channel: Option<&dyn Channel>,
    ) -> Box<Self> {
        let parts = std::mem::take(&mut reply.data.parts);
        let messages = match channel {
            Some(channel) => parts.iter().flat_map(|part| channel.split(part)).collect(),
            None => parts,
        };
        let failure = begin.failure.map(|error| (error, 0));
        Box::new(Self {
            offset,
            reply,
            messages,
            next: begin.next,
            tries: 0,
            refusals: 0,
            unknown: 0,
            failure,
        })
    }

    /// How many RESULTs the reply gets; a reply without any message gets one.
    pub(super) fn of(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX).max(1)
    }

    /// The message to send now.
    pub(super) fn message(&self) -> Option<&Part> {
        self.messages.get(self.next as usize)
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.reply.data.chat_kind, ChatKind::Group)
    }

    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.reply.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// True when nothing of it will be sent, whatever a provider would say.
    pub(super) fn is_foregone(&self, now: Timestamp) -> bool {
        self.reply.runid.is_some() || self.messages.is_empty() || self.is_late(now)
    }

    /// Goes on behind `next` messages that have a RESULT.
    pub(super) fn go_on(&mut self, next: u32) {
        self.next = next;
        (self.tries, self.refusals, self.unknown) = (0, 0, 0);
    }

    /// Notes the first failure.
    pub(super) fn fail(&mut self, error: DispatchError) {
        self.failure.get_or_insert((error, self.tries));
    }
}
