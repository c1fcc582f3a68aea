//! A reply comes in: known already, to be looked up, to be parked, or the last of its chat.
//!
//! Guarantee: a record is complete at once when its reply is settled, or is open here: its original has a lower offset
//! in the same tracker, or a PUT.

use std::collections::hash_map::Entry as MapEntry;
use std::time::Duration;

use super::faults::Mutant;
use super::item::{Failure, Item, State};
use super::known::Search;
use super::protocol::{Arrival, Command, Now};
use super::{Machine, Verdict};

impl Machine {
    /// Takes a record that the tracker says is not finished. Records come in the order of their offsets.
    pub(crate) fn admit(&mut self, arrival: &Arrival, now: Now) {
        let offset = arrival.offset;
        self.passed(offset + 1);
        if self.knows(arrival) {
            return self.complete(offset);
        }
        let chat = self.chats.chat(&arrival.chat, &arrival.bot);
        let mut item = Item::new(arrival.id, chat, arrival.of.max(1), now.moment, arrival.deadline);
        item.bytes = arrival.bytes;
        let age = now.wall.since(arrival.roottime);
        // Also when some parts are known to be settled: the RESULTs before them may be forgotten.
        let ask = arrival.roottime <= self.known.forgotten().plus(self.bounds.skew)
            && !self.faults.has(Mutant::NoLookBack);
        self.enqueue(offset, item);
        if age > self.bounds.ledger {
            self.fail(offset, Failure::expired("too_old"));
        } else if ask {
            self.set_state(offset, State::Asked);
            self.to_ask.push((arrival.id, offset));
        } else {
            self.settle_in(offset, arrival.predicted, now);
        }
    }

    /// The whole ledger was searched for what [`Command::LookUp`] asked.
    pub(crate) fn looked_up(&mut self, search: &Search, now: Now) {
        for (id, offset) in std::mem::take(&mut self.asked) {
            let Some(progress) = search.get(id) else {
                self.set_state(offset, State::Queued);
                self.settle_in(offset, Duration::ZERO, now);
                continue;
            };
            if progress.is_whole() {
                self.known.settle(id, progress.of, now.wall);
                self.discard(offset);
                continue;
            }
            if let Some(item) = self.items.get_mut(&offset) {
                item.state = State::Queued;
                (item.next, item.of) = (progress.next, progress.of);
            }
            let held = self.holds.get(offset).unwrap_or(progress.first);
            self.holds.set(offset, held.min(progress.first));
            self.known.learn(id, progress);
            self.settle_in(offset, Duration::ZERO, now);
        }
    }

    /// True when the record adds nothing: its reply is settled, or open here.
    fn knows(&mut self, arrival: &Arrival) -> bool {
        if self.known.is_whole(arrival.id, arrival.of) {
            return true;
        }
        let parked = || self.chats.slots().find(arrival.id).map(super::item::Slot::offset);
        let Some(original) = self.open.get(&arrival.id).copied().or_else(parked) else { return false };
        let in_memory = self.items.get(&original).is_some_and(|item| item.put.is_none());
        if in_memory && self.faults.has(Mutant::CompletedById) {
            self.complete(original);
        }
        !(in_memory && self.faults.has(Mutant::MemoryUnknown))
    }

    /// Adds an item to its chat. Goes on at the first part without a RESULT.
    pub(super) fn enqueue(&mut self, offset: u64, mut item: Item) {
        if let Some(progress) = self.known.progress(item.id) {
            item.next = progress.next;
            if !self.faults.has(Mutant::OwnCount) {
                item.of = progress.of;
            }
        }
        if item.next > 0 && !self.faults.has(Mutant::PartsDoNotHold) {
            // Its RESULTs stand in what was read of the ledger.
            self.holds.set(offset, self.pin.low);
        } else if item.put.is_none() {
            self.holds.keep(offset);
        }
        if let Some(chat) = self.chats.get_mut(item.chat) {
            chat.add(offset);
        }
        self.count_in(&item);
        self.open.insert(item.id, offset);
        self.items.insert(offset, item);
    }

    /// An item is in its place: it is parked if it would wait long, and its chat may go if it is the first.
    fn settle_in(&mut self, offset: u64, predicted: Duration, now: Now) {
        if self.close_rest(offset) {
            return;
        }
        let Some(item) = self.items.get(&offset) else { return };
        let chat = item.chat;
        let crowded = self.is_crowded(item);
        if crowded || predicted > self.bounds.long_wait || self.must_park(item, now) {
            self.park(offset);
        }
        self.announce(chat);
    }

    /// A reply of which an earlier owner gave up the rest: what is open gets its RESULT, and nothing is sent.
    pub(super) fn close_rest(&mut self, offset: u64) -> bool {
        let Some(item) = self.items.get(&offset) else { return false };
        let Some(rest) = self.known.progress(item.id).and_then(|progress| progress.rest) else {
            return false;
        };
        let verdict = Verdict {
            offset,
            id: item.id,
            part: item.next,
            of: item.of,
            status: rest,
            attempt: 0,
            provider_id: None,
            reason: None,
            place: item.place(),
        };
        self.settle(verdict, Some(rest));
        true
    }

    /// The reply turned out to be settled.
    fn discard(&mut self, offset: u64) {
        let Some(item) = self.items.remove(&offset) else { return };
        if let MapEntry::Occupied(entry) = self.open.entry(item.id)
            && *entry.get() == offset
        {
            entry.remove();
        }
        self.count_out(&item);
        self.holds.release(offset);
        if let Some(chat) = self.chats.get_mut(item.chat) {
            chat.remove(offset);
        }
        self.out.push(Command::Complete(offset));
        self.announce(item.chat);
    }

    pub(super) fn set_state(&mut self, offset: u64, state: State) {
        if let Some(item) = self.items.get_mut(&offset) {
            item.state = state;
        }
    }
}
