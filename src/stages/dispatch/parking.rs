//! The heart of dispatch: which reply of a chat may be sent, what has to be durable first, and what is finished then.
//!
//! A [`Machine`] stands for one lane of one partition in one epoch. It knows no clock, no log and no provider: what
//! happens comes in through its methods, what is to be done comes out of [`Machine::commands`]. Whose turn it is and how
//! fast a bot may send is the caller's.
//!
//! Guarantees, each tried by a crash test that breaks the rule behind it:
//! 1. First deliveries in a chat follow the offsets of its replies, parked or not, and wait until all older records
//!    were read.
//! 2. A part with a RESULT is not sent again. After a crash only the last part of a chat can be, once; a part that was
//!    marked by SENDING never is.
//! 3. An offset is complete when its reply has a RESULT for every part, or an acknowledged PUT. A PUT gets its DEL when
//!    every part has a durable RESULT, by whoever.
//! 4. [`Machine::low`] and the ledger behind it tell the next owner all of this. It follows the ledger's end: nothing
//!    that waits for a limit holds it back for long.
//! 5. Nothing is sent when the call could outlive the owner's lease.
//! 6. A reply that waits long is parked, so it holds neither memory nor the watermark. Where a bot has too many, the
//!    dead letters say so.
//!
//! What an owner that lost its partition still appends is harmless: see [`Restore`].

mod admit;
mod bounds;
mod chats;
mod copies;
mod faults;
mod holds;
mod ids;
mod item;
mod known;
mod outcome;
mod park;
mod protocol;
mod restore;
mod send;
mod slots;
mod sweep;
#[cfg(test)]
mod tests;
mod waits;

use crate::log::Place;
pub(crate) use bounds::Bounds;
pub(super) use known::Search;
pub(super) use protocol::Head;
pub(crate) use protocol::{Arrival, Change, Command, Crowd, DeadLetter, Entry, May, Now, Outcome, Verdict};
#[cfg(test)]
pub(crate) use restore::Recovered;
pub(crate) use restore::{Doubt, From, Restore, next_epoch};

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use crate::domain::events::{Lane, Limited};
use crate::domain::ids::{BotId, ConversationId, EventId};
use crate::stages::dispatch::arena::Ix;
use chats::Chats;
use faults::{Faults, Mutant};
use holds::Holds;
use item::Item;
use known::Known;

/// The replies of one lane's partition in one epoch. Made by [`Restore`].
#[derive(Debug)]
pub(crate) struct Machine {
    bounds: Bounds,
    lane: Lane,
    epoch: u64,
    faults: Faults,
    chats: Chats,
    /// By offset: what is in memory, and what is parked and something is done with.
    items: BTreeMap<u64, Item>,
    /// Offsets of the items by their ids.
    open: HashMap<EventId, u64>,
    known: Known,
    holds: Holds,
    /// Items that are not parked.
    memory: usize,
    /// Everything below was read.
    position: u64,
    /// Where the lane ended at the restore: an offset at or past it, in a log that was repaired, counts as read.
    end: u64,
    /// Until when what waits that stands in the parked topic.
    waits: BTreeMap<Limited, Duration>,
    /// Chats whose head is parked and was not read yet, by its offset.
    unread: BTreeMap<u64, Ix>,
    pin: Pin,
    /// Appends that are not acknowledged, oldest first.
    to_ledger: VecDeque<ToLedger>,
    to_parked: VecDeque<ToParked>,
    /// Replies whose ids are being looked up, and those that wait for the next look-up.
    asked: Vec<(EventId, u64)>,
    to_ask: Vec<(EventId, u64)>,
    out: Vec<Command>,
}

/// `low` stays where the restore found it until the largest offset that was recovered is read: a record below it may
/// come again, and only what was read of the ledger tells that it is settled.
#[derive(Debug, Clone, Copy)]
struct Pin {
    last: Option<u64>,
    low: u64,
}

/// What an append to the ledger was for.
#[derive(Debug, Clone, Copy)]
enum ToLedger {
    /// A RESULT of the item at this offset: offset, part.
    Result(u64, u32),
    Sending(u64),
    Unsent,
    Copied(u64),
}

/// What an append to the parked topic was for.
#[derive(Debug, Clone, Copy)]
enum ToParked {
    Put(u64),
    Del(u64),
    Other,
}

impl Machine {
    /// What is to be done, in this order. Take it after every call.
    pub(crate) fn commands(&mut self) -> Vec<Command> {
        if self.asked.is_empty() && !self.to_ask.is_empty() {
            self.asked = std::mem::take(&mut self.to_ask);
            self.out.push(Command::LookUp(self.asked.iter().map(|(id, _)| *id).collect()));
        }
        std::mem::take(&mut self.out)
    }

    /// Where the next owner has to begin to read the ledger: to be committed together with the watermark.
    pub(crate) fn low(&self) -> u64 {
        if self.faults.has(Mutant::LowIsEnd) {
            return self.holds.end();
        }
        let low = self.holds.low();
        if self.is_pinned() && !self.faults.has(Mutant::NoPin) { low.min(self.pin.low) } else { low }
    }

    /// Everything below `position` was read: the tracker's position, after records that were finished already.
    pub(crate) fn passed(&mut self, position: u64) {
        self.position = self.position.max(position);
        if !self.is_pinned() {
            self.known.replayed();
        }
        while let Some(entry) = self.unread.first_entry().filter(|entry| *entry.key() < self.position) {
            let chat = entry.remove();
            self.announce(chat);
        }
    }

    /// How many replies of a bot are parked, and their size in bytes.
    #[cfg(test)]
    pub(crate) fn backlog(&self, bot: &BotId) -> (u32, u64) {
        self.chats.find_bot(bot).map_or((0, 0), |bot| (bot.parked, bot.parked_bytes))
    }

    /// A chat's name; `None` = it is forgotten.
    pub(crate) fn name(&self, chat: Ix) -> Option<ConversationId> {
        self.chats.name(chat)
    }

    /// Which bot's a chat is.
    pub(crate) fn bot_of(&self, chat: &ConversationId) -> Option<&BotId> {
        let (ix, _) = self.chats.find(chat)?;
        self.chats.bot_of(ix).map(|bot| &bot.name)
    }

    /// True when a chat has nothing to send.
    pub(crate) fn is_empty(&self, chat: &ConversationId) -> bool {
        self.chats.find(chat).is_none_or(|(_, chat)| chat.is_empty())
    }

    /// Until when nothing of a chat's bot goes out.
    pub(crate) fn bot_until(&self, chat: &ConversationId) -> Duration {
        let bot = self.chats.find(chat).and_then(|(ix, _)| self.chats.bot_of(ix));
        bot.map_or(Duration::ZERO, |bot| bot.until)
    }

    /// How many replies go before a further one of a bot and of a chat: of the whole bot, and of the chat.
    pub(crate) fn ahead(&self, bot: &BotId, chat: &ConversationId) -> (u32, u32) {
        let of_bot = self.chats.find_bot(bot).map_or(0, |bot| bot.memory.saturating_add(bot.parked));
        let of_chat = self.chats.find(chat).map_or(0, |(_, chat)| chat.len());
        (of_bot, u32::try_from(of_chat).unwrap_or(u32::MAX))
    }

    /// Where the parked replies lie that wait or that something is done with.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let waiting = self.chats.slots().iter().map(item::Slot::place);
        waiting.chain(self.items.values().filter_map(Item::place))
    }

    /// How many parked replies only wait.
    pub(crate) fn parked(&self) -> usize {
        self.chats.slots().len()
    }

    /// What everything that waits takes, in bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.chats.bytes() + self.open.capacity() * size_of::<(EventId, u64)>()
    }

    /// True when nothing waits and nothing is under way: no call, no append, no look-up.
    #[cfg(test)]
    pub(crate) fn is_done(&self) -> bool {
        self.is_idle() && self.open.is_empty() && self.chats.slots().len() == 0
    }

    /// Offsets of all open replies, parked ones too.
    #[cfg(test)]
    pub(crate) fn open_ids(&self) -> HashMap<EventId, u64> {
        let parked = self.chats.slots().iter().map(|slot| (slot.id(), slot.offset()));
        self.open.iter().map(|(id, offset)| (*id, *offset)).chain(parked).collect()
    }

    /// The same, whatever waits.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.to_ledger.is_empty()
            && self.to_parked.is_empty()
            && self.asked.is_empty()
            && self.items.values().all(|item| item.state == item::State::Queued)
    }

    /// What the last owner had read was not read again yet.
    fn is_pinned(&self) -> bool {
        self.pin.last.is_some_and(|last| self.position <= last)
    }

    fn complete(&mut self, offset: u64) {
        self.out.push(Command::Complete(offset));
    }

    /// Says that a chat's head may be asked for, if it may; where it was not read yet, when it is.
    fn announce(&mut self, chat: Ix) {
        let Some(found) = self.chats.get(chat) else { return };
        let Some(offset) = self.head(found) else { return };
        if !self.items.get(&offset).is_none_or(Item::is_free) {
            return;
        }
        if self.is_read(offset) {
            self.out.extend(self.chats.name(chat).map(Command::Ready));
        } else {
            self.unread.insert(offset, chat);
        }
    }

    /// A chat's oldest reply.
    fn head(&self, chat: &chats::Chat) -> Option<u64> {
        if self.faults.has(Mutant::PendingSkipped) {
            let sure = |offset: &u64| self.items.get(offset).is_some_and(|item| !item.is_pending());
            return chat.live().filter(sure).chain(self.chats.first_parked(chat)).min();
        }
        self.chats.head(chat)
    }

    /// The replay barrier: everything older than this offset has been read.
    fn is_read(&self, offset: u64) -> bool {
        offset < self.position || offset >= self.end || self.faults.has(Mutant::NoBarrier)
    }
}
