//! What happened: all that a verdict is made of.
//!
//! Guarantee: plain data. Who accepted what, what the topics hold, what reached the provider, what was committed when,
//! and what was done to the processes. The checkers read nothing else. Moments are milliseconds since 1970.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::channel::ChannelKind;
use crate::domain::events::{Lane, SettledStatus};
use crate::domain::ids::EventId;

/// A run, as it was seen from outside.
#[derive(Debug, Default)]
pub struct History {
    /// Webhooks that the edge answered with 200.
    pub accepted: Vec<Accepted>,
    /// Calls that reached the providers, in the order in which they did.
    pub sends: Vec<Send>,
    /// Crashes and pauses of those who send, and of brokers.
    pub crashes: Vec<Crash>,
    /// Accounts that the provider never lets through.
    pub limited: HashSet<String>,
    /// Accounts of bots that never want a message sent twice.
    pub never_twice: HashSet<String>,
    /// Records that nobody can read, by their bytes.
    pub poison: Vec<Vec<u8>>,
    /// What dispatch had committed of its two lanes, again and again.
    pub commits: Vec<Commit>,
    /// Messages of campaigns that the log has acknowledged.
    pub told: Vec<Told>,
    /// The topics.
    pub topics: Topics,
}

/// A message of a campaign. Its text is its alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its id on the lane.
    pub id: EventId,
    /// Where to.
    pub chat: ChatKey,
    /// What it says.
    pub text: String,
}

/// An event that the edge vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The root id.
    pub root: EventId,
    /// Which chat it was said in.
    pub chat: ChatKey,
    /// The reason for which it must be in the dead letters, where a stage can't bear it.
    pub harm: Option<&'static str>,
}

/// A chat of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatKey {
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id of the account.
    pub account: String,
    /// The provider's id of the chat.
    pub chat: String,
}

/// A message at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// When it came.
    pub at: i64,
    /// Where to.
    pub chat: ChatKey,
    /// What it says.
    pub text: String,
    /// True when the provider took it.
    pub taken: bool,
    /// True when the provider took it and the sender was not told.
    pub hidden: bool,
    /// True when the run's plan decided the answer, not the provider's own rules.
    pub planned: bool,
    /// For how many seconds the answer asked its sender to wait.
    pub wait_s: Option<u64>,
}

/// Something that may make a sender forget what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// From when.
    pub from: i64,
    /// Until when; the same for a kill.
    pub to: i64,
    /// What, for people.
    pub what: &'static str,
}

/// A look at what dispatch has committed of one partition of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// When the answer was there.
    pub at: i64,
    /// Which lane.
    pub lane: Lane,
    /// Which partition.
    pub partition: u32,
    /// The next offset.
    pub offset: u64,
    /// Bit i: the offset plus i is finished.
    pub done: Vec<bool>,
}

/// What the topics hold.
#[derive(Debug, Default)]
pub struct Topics {
    /// The last topic of the flow in which an event was seen, by its root.
    pub trace: HashMap<EventId, &'static str>,
    /// Where each event stands in `webhook.received` first: partition and offset.
    pub received: HashMap<EventId, (u32, u64)>,
    /// `reply.ready`, in order, by partition.
    pub replies: BTreeMap<u32, Vec<Reply>>,
    /// `reply.bulk`, in order, by partition.
    pub bulk_replies: BTreeMap<u32, Vec<Reply>>,
    /// RESULTs of replies in the ledger, in order, by partition.
    pub results: BTreeMap<u32, Vec<PartResult>>,
    /// Those of campaigns' messages, in order.
    pub bulk_results: Vec<PartResult>,
    /// How the messages of campaigns ended.
    pub bulk: HashMap<EventId, SettledStatus>,
    /// `reply.parked`, in order, by partition.
    pub parked: BTreeMap<u32, Vec<ParkedRecord>>,
    /// Roots in `turn.dropped`.
    pub dropped: HashMap<EventId, String>,
    /// `dead.letter`.
    pub dead: Vec<DeadLetter>,
}

/// A record of `reply.ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its offset.
    pub offset: u64,
    /// Its id; absent where the record can't be read.
    pub body: Option<ReplyBody>,
}

/// A reply that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyBody {
    /// Its id.
    pub id: EventId,
    /// The event that it answers.
    pub root: EventId,
    /// Where it goes.
    pub chat: ChatKey,
    /// True for a group.
    pub group: bool,
    /// The text of each part.
    pub texts: Vec<String>,
}

/// A RESULT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartResult {
    /// When its record was written.
    pub at: i64,
    /// The reply.
    pub id: EventId,
    /// The event that it answers.
    pub root: EventId,
    /// Which part.
    pub part: u32,
    /// Of how many.
    pub of: u32,
    /// What became of it.
    pub status: SettledStatus,
    /// How many tries it took.
    pub attempt: u32,
    /// The epoch of who wrote it.
    pub epoch: u64,
}

/// A record of `reply.parked`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedRecord {
    /// When it was written.
    pub at: i64,
    /// What it says.
    pub kind: ParkedKind,
}

/// What a record of `reply.parked` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkedKind {
    /// The reply waits here.
    Put(EventId),
    /// It waits no more.
    Delete(EventId),
    /// A new owner of the ready lane.
    Epoch(u64),
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// When it was written.
    pub at: i64,
    /// The root of the record, where it can be read.
    pub root: Option<EventId>,
    /// The reply's id, where the record is one.
    pub reply: Option<EventId>,
    /// Where the record came from.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Why.
    pub reason: String,
    /// The record's bytes, where it can't be read.
    pub bytes: Vec<u8>,
}

impl Topics {
    /// Every readable reply with its partition and offset; duplicates included.
    pub fn reply_bodies(&self) -> impl Iterator<Item = (u32, u64, &ReplyBody)> {
        self.replies.iter().flat_map(|(partition, replies)| {
            replies.iter().filter_map(|reply| Some((*partition, reply.offset, reply.body.as_ref()?)))
        })
    }

    /// Replies with a PUT that nothing took back.
    #[must_use]
    pub fn parked_now(&self) -> HashSet<EventId> {
        let mut live = HashSet::new();
        for record in self.parked.values().flatten() {
            match record.kind {
                ParkedKind::Put(id) => drop(live.insert(id)),
                ParkedKind::Delete(id) => drop(live.remove(&id)),
                ParkedKind::Epoch(_) => {}
            }
        }
        live
    }
}
