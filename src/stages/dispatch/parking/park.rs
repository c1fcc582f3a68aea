//! Parking: what waits long moves to a topic of its own, so that it holds neither memory nor the watermark.
//!
//! Guarantee: an offset is complete only when its PUT is acknowledged, and the chat waits until then.

use std::time::Duration;

use super::faults::Mutant;
use super::item::{Failure, Item, Put};
use super::protocol::{Change, Command, Now};
use super::{Machine, ToParked};
use crate::domain::events::Limited;
use crate::domain::ids::{BotId, ConversationId};
use crate::log::Place;

impl Machine {
    /// Nothing of a bot goes out before `until`.
    pub(crate) fn park_wait_bot(&mut self, bot: &BotId, until: Duration, now: Now) {
        let ix = self.chats.bot(bot);
        let Some(found) = self.chats.bot_mut(ix) else { return };
        found.until = found.until.max(until);
        let until = found.until;
        self.write_down(Limited::Bot(bot.clone()), until, now);
    }

    /// Nothing of a chat goes out before `until`.
    pub(crate) fn park_wait_chat(&mut self, chat: &ConversationId, until: Duration) {
        if let Some((ix, _)) = self.chats.find(chat)
            && let Some(chat) = self.chats.get_mut(ix)
        {
            chat.wait(until);
        }
    }

    /// The oldest append to the parked topic that was not acknowledged is durable. `place` = where the caller keeps
    /// the record, if it is a PUT.
    pub(crate) fn parked_acked(&mut self, place: Place) {
        match self.to_parked.pop_front() {
            Some(ToParked::Put(offset)) => self.put_acked(offset, place),
            // Now nothing can bring the reply back, so nobody needs its RESULTs.
            Some(ToParked::Del(offset)) => self.holds.release(offset),
            Some(ToParked::Other) | None => {}
        }
    }

    fn put_acked(&mut self, offset: u64, place: Place) {
        let Some(mut item) = self.items.remove(&offset) else { return };
        self.count_out(&item);
        item.put = Some(Put { pending: false, place });
        item.bytes = place.len;
        self.count_in(&item);
        let (chat, next) = (item.chat, item.next);
        self.items.insert(offset, item);
        self.complete(offset);
        if next == 0 || self.faults.has(Mutant::PartsDoNotHold) {
            self.holds.release(offset);
        }
        self.rest(offset);
        self.announce(chat);
    }

    /// A parked item that nothing is done with becomes a slot.
    pub(super) fn rest(&mut self, offset: u64) {
        if let Some(item) = self.items.get(&offset)
            && let Some(slot) = item.slot(offset)
        {
            self.chats.rest(item.chat, slot);
            self.open.remove(&slot.id());
            self.items.remove(&offset);
        }
    }

    /// A slot becomes an item, since something is to be done with it.
    pub(super) fn rouse(&mut self, chat: super::Ix, offset: u64) -> Option<&mut Item> {
        if let Some(slot) = self.chats.rouse(chat, offset) {
            self.open.insert(slot.id(), offset);
            self.items.insert(offset, slot.item(chat));
        }
        self.items.get_mut(&offset)
    }

    /// True when an item in memory is to be parked.
    pub(super) fn must_park(&self, item: &Item, now: Now) -> bool {
        let (Some(chat), Some(bot)) = (self.chats.get(item.chat), self.chats.bot_of(item.chat)) else {
            return false;
        };
        let long = now.moment + self.bounds.long_wait;
        if self.faults.has(Mutant::BotOnlyParks) {
            return bot.until > long;
        }
        let old = now.moment.saturating_sub(item.since) > self.bounds.age;
        bot.until.max(chat.until()) > long || (old && !self.faults.has(Mutant::NoAge))
    }

    /// True when memory holds too much, with this item.
    pub(super) fn is_crowded(&self, item: &Item) -> bool {
        let bot = self.chats.bot_of(item.chat);
        self.memory > self.bounds.memory
            || bot.is_some_and(|bot| {
                bot.memory > self.bounds.bot_memory || bot.memory_bytes > self.bounds.bot_memory_bytes
            })
    }

    /// Appends the PUT of an item in memory; where its bot has too many parked, it goes to the dead letters instead.
    pub(super) fn park(&mut self, offset: u64) {
        let Some(item) = self.items.get(&offset) else { return };
        let size = u64::from(item.bytes);
        let full = self.chats.bot_of(item.chat).is_some_and(|bot| {
            bot.parked >= self.bounds.bot_parked || bot.parked_bytes + size > self.bounds.bot_parked_bytes
        });
        if full && item.next == 0 {
            return self.fail(offset, Failure::backlog_full());
        }
        let Some(mut item) = self.items.remove(&offset) else { return };
        self.count_out(&item);
        item.put = Some(Put { pending: true, place: Place::default() });
        self.count_in(&item);
        let put = Change::Put { offset, id: item.id, of: item.of, attempt: item.attempt };
        self.items.insert(offset, item);
        self.push_parked(ToParked::Put(offset), put);
        if self.faults.has(Mutant::Early) {
            self.complete(offset);
        }
    }

    /// Counts an item where it is kept.
    pub(super) fn count_in(&mut self, item: &Item) {
        if item.put.is_none() {
            self.memory += 1;
        }
        let Some(bot) = self.chats.bot_of_mut(item.chat) else { return };
        let size = u64::from(item.bytes);
        if item.put.is_some() {
            bot.parked += 1;
            bot.parked_bytes += size;
        } else {
            bot.memory += 1;
            bot.memory_bytes += size;
        }
    }

    /// Takes back what [`Machine::count_in`] did.
    pub(super) fn count_out(&mut self, item: &Item) {
        if item.put.is_none() {
            self.memory -= 1;
        }
        let Some(bot) = self.chats.bot_of_mut(item.chat) else { return };
        let size = u64::from(item.bytes);
        if item.put.is_some() {
            bot.parked -= 1;
            bot.parked_bytes = bot.parked_bytes.saturating_sub(size);
        } else {
            bot.memory -= 1;
            bot.memory_bytes = bot.memory_bytes.saturating_sub(size);
        }
    }

    pub(super) fn push_parked(&mut self, pending: ToParked, change: Change) {
        self.to_parked.push_back(pending);
        self.out.push(Command::Parked(change));
    }
}
