//! What goes into the machine and what comes out.
//!
//! Appends to one log are made, and acknowledged to the machine, in the order in which their commands came out.

use std::time::Duration;

use crate::domain::events::{Limited, Settled, SettledStatus};
use crate::domain::ids::{BotId, ConversationId, EventId};
use crate::domain::time::Timestamp;
use crate::log::Place;
use crate::stages::dispatch::arena::Ix;

/// The present, as the caller knows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Now {
    /// Since an origin of the caller's choice, by a clock that never jumps and goes on while the machine sleeps.
    pub(crate) moment: Duration,
    /// By the wall clock: for deadlines and for what is compared with records, and nothing else.
    pub(crate) wall: Timestamp,
    /// When the owner's lease ends, as a moment.
    pub(crate) lease: Duration,
}

/// A reply that was read from its lane and is not finished.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Its record's offset.
    pub(crate) offset: u64,
    /// Its id.
    pub(crate) id: EventId,
    /// Which bot's.
    pub(crate) bot: BotId,
    /// Which conversation's.
    pub(crate) chat: ConversationId,
    /// How many messages it is split into; 1 where there is nothing to send.
    pub(crate) of: u32,
    /// The size of its record.
    pub(crate) bytes: u32,
    /// When the message that it answers was written.
    pub(crate) roottime: Timestamp,
    /// The last moment at which it may be sent.
    pub(crate) deadline: Option<Timestamp>,
    /// How long it will wait for rate limits, all parts included, as far as the caller can tell.
    pub(crate) predicted: Duration,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The provider took it.
    Sent {
        /// Its id of the message.
        provider_id: Option<String>,
    },
    /// It was certainly not taken; how long to wait is said by `park_wait`.
    Refused,
    /// It was certainly not taken and never will be.
    Rejected {
        /// The provider's code and words.
        reason: String,
    },
    /// No request was written after all; when to try again is said by `park_wait`.
    Unwritten,
    /// No request was written and none will be: the bot or its account is gone or switched off.
    Barred {
        /// Why, as a fixed word that operators filter by.
        word: &'static str,
        /// Why, in words.
        reason: String,
    },
    /// The request was written and no clear answer came.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// The part that a chat sends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The reply's offset.
    pub(crate) offset: u64,
    /// The reply's id.
    pub(crate) id: EventId,
    /// Which part, from 0.
    pub(crate) part: u32,
    /// Of how many.
    pub(crate) of: u32,
    /// Calls made for this part.
    pub(crate) attempt: u32,
    /// Where the record lies; `None` = the caller has it in memory.
    pub(crate) place: Option<Place>,
}

/// Whether a chat's head may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// Yes.
    Send(Head),
    /// Not before this moment: its chat or its bot waits.
    NotBefore(Duration),
    /// Not under this lease: a call could outlive it.
    NoLease,
    /// Its time is over; the next sweep settles it.
    Late,
    /// Not yet: it is in flight, or an acknowledgement, a look-up or older records are waited for. `Command::Ready` will
    /// say when.
    Busy,
    /// The chat has nothing to send.
    Empty,
}

/// What the caller has to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Append to the ledger. Answered by `ledger_acked`.
    Ledger(Entry),
    /// Append to the parked topic. Answered by `parked_acked`.
    Parked(Change),
    /// Append the reply's record to the dead letters. Answered by `dead_lettered`.
    DeadLetter(DeadLetter),
    /// The offset's effect is durable: finish it. What is held in memory for it is not needed any more, unless it is
    /// being sent.
    Complete(u64),
    /// Write the request, now: the lease was checked for this moment. Answered by `outcome`.
    Send(Head),
    /// Look these ids up in the whole ledger, in one scan. Answered by `looked_up`.
    LookUp(Vec<EventId>),
    /// The chat's head may have become free to send: ask `may_send` when it is the chat's turn.
    Ready(ConversationId),
    /// The same of many chats at once, which a restore found.
    Crowd(Crowd),
    /// A chat that had nothing to send is forgotten.
    Gone(ConversationId),
    /// Nobody will ask for what lies here any more.
    Free(Place),
}

/// Chats of one account whose heads may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// What their names begin with.
    pub(crate) account: ConversationId,
    /// Which bot's.
    pub(crate) bot: BotId,
    /// Ask [`Machine::name`](super::Machine::name) when it is a chat's turn.
    pub(crate) chats: Vec<Ix>,
}

/// A record for the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A RESULT; the caller adds what the reply's envelope says.
    Result(Verdict),
    /// SENDING, UNSENT or a copy, complete.
    Mark(Settled),
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The reply's offset.
    pub(crate) offset: u64,
    /// The reply's id.
    pub(crate) id: EventId,
    /// Which part, from 0.
    pub(crate) part: u32,
    /// Of how many.
    pub(crate) of: u32,
    /// What became of it.
    pub(crate) status: SettledStatus,
    /// Calls made for it.
    pub(crate) attempt: u32,
    /// The provider's id of the message.
    pub(crate) provider_id: Option<String>,
    /// Why it was not sent.
    pub(crate) reason: Option<String>,
    /// Where the record lies; `None` = the caller has it in memory.
    pub(crate) place: Option<Place>,
}

/// A record for the parked topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// PUT: the caller adds the record and what its envelope says.
    Put {
        /// The reply's offset.
        offset: u64,
        /// The reply's id.
        id: EventId,
        /// How many parts.
        of: u32,
        /// Calls made for the part that is next.
        attempt: u32,
    },
    /// DEL: the key without a value.
    Del(EventId),
    /// An older owner's marker: its key without a value.
    DelEpoch(u64),
    /// How long a provider wants nothing.
    Limit {
        /// What it is about.
        of: Limited,
        /// Until when.
        until: Timestamp,
        /// When it was learned.
        at: Timestamp,
    },
    /// A limit that is over: its key without a value.
    DelLimit(Limited),
}

/// A reply that was not sent, or not surely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    /// The reply's offset.
    pub(crate) offset: u64,
    /// The reply's id.
    pub(crate) id: EventId,
    /// The part that failed; what follows from it for the later parts is in their RESULTs.
    pub(crate) part: u32,
    /// Calls made for it.
    pub(crate) attempt: u32,
    /// Why, as a fixed word that operators filter by.
    pub(crate) word: &'static str,
    /// Why, in words.
    pub(crate) detail: Option<String>,
    /// Where the record lies; `None` = the caller has it in memory.
    pub(crate) place: Option<Place>,
}
