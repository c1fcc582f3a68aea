//! Chats and bots: which replies wait in which order, until when, and how much of a bot's is held.
//!
//! Guarantee: a chat's replies are ordered by the offsets of their records, wherever they are kept and whenever they
//! were parked. A chat whose replies are all parked and only wait costs 60 bytes and what its name has beyond its
//! account's; a parked reply costs its slot.

mod account;
mod chat;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hashbrown::HashTable;
use smol_str::SmolStr;

#[cfg(test)]
use super::faults::{Faults, Mutant};
use super::item::Slot;
use super::slots::Slots;
use crate::domain::ids::{BotId, ConversationId};
use crate::stages::dispatch::arena::{Arena, Ix};
use account::{Account, cut};
pub(super) use chat::Chat;
use chat::List;

/// A bot with chats, or with a wait.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) name: BotId,
    /// Nothing goes out before.
    pub(super) until: Duration,
    pub(super) memory: u32,
    pub(super) memory_bytes: u64,
    pub(super) parked: u32,
    pub(super) parked_bytes: u64,
    accounts: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Chats {
    chats: Arena<Chat>,
    accounts: Arena<Account>,
    bots: Arena<Bot>,
    /// By the hash of the whole name.
    chat_of: HashTable<u32>,
    account_of: HashMap<(SmolStr, Ix), u32>,
    bot_of: HashMap<BotId, Ix>,
    hasher: RandomState,
    /// All chats' parked replies that only wait.
    parked: Slots<Slot>,
    #[cfg(test)]
    pub(super) faults: Faults,
}

impl Chats {
    /// A chat's oldest reply.
    pub(super) fn head(&self, chat: &Chat) -> Option<u64> {
        #[cfg(test)]
        if let Some(arrived) = chat.busy.as_ref().and_then(|busy| busy.arrived.as_ref()) {
            let here = |at: &&u64| chat.live().any(|live| live == **at) || self.slot(chat, **at).is_some();
            return arrived.iter().find(here).copied();
        }
        match (chat.live().next(), self.first_parked(chat)) {
            (Some(live), Some(parked)) => Some(live.min(parked)),
            (live, parked) => live.or(parked),
        }
    }

    /// The offset of a chat's oldest parked reply that only waits.
    pub(super) fn first_parked(&self, chat: &Chat) -> Option<u64> {
        let first = self.parked.get(chat.parked.first).map(Slot::offset);
        let between = chat.busy.as_ref().and_then(|busy| busy.between.keys().next().copied());
        match (first, between) {
            (Some(first), Some(between)) => Some(first.min(between)),
            (first, between) => first.or(between),
        }
    }

    /// A chat's parked reply that only waits; the oldest is found at once.
    pub(super) fn slot(&self, chat: &Chat, offset: u64) -> Option<&Slot> {
        if let Some(at) = chat.busy.as_ref().and_then(|busy| busy.between.get(&offset)) {
            return self.parked.get(*at);
        }
        let (_, at) = self.seek(&chat.parked, offset)?;
        self.parked.get(at)
    }

    /// A parked reply of a chat only waits from now on.
    pub(super) fn rest(&mut self, chat: Ix, slot: Slot) {
        let Some(found) = self.chats.get_mut(chat) else { return };
        found.remove(slot.offset());
        let at = self.parked.insert(slot);
        self.link(chat, at);
    }

    /// The slots that a restore found, each linked with its chat's number.
    pub(super) fn restore(&mut self, parked: Slots<Slot>) {
        self.parked = parked;
    }

    /// A restored reply only waits. Those of a chat come in the order of their offsets.
    pub(super) fn restored(&mut self, chat: Ix, at: u32) {
        #[cfg(test)]
        if let (Some(found), Some(slot)) = (self.chats.get_mut(chat), self.parked.get(at)) {
            found.arrives(slot.offset());
        }
        self.link(chat, at);
    }

    /// A restored reply does not only wait.
    pub(super) fn withdraw(&mut self, slot: &Slot) {
        self.parked.remove(slot.id());
    }

    /// Something is done with a reply that only waited.
    pub(super) fn rouse(&mut self, chat: Ix, offset: u64) -> Option<Slot> {
        let found = self.chats.get(chat)?;
        let (before, at) = match found.busy.as_ref().and_then(|busy| busy.between.get(&offset)) {
            Some(at) => (None, *at),
            None => {
                let (before, at) = self.seek(&found.parked, offset)?;
                (Some(before), at)
            }
        };
        let slot = *self.parked.get(at)?;
        if let Some(before) = before.filter(|before| *before != Slot::NONE) {
            self.parked.get_mut(before)?.set_link(slot.link());
        }
        let found = self.chats.get_mut(chat)?;
        if let Some(before) = before {
            let list = &mut found.parked;
            list.len -= 1;
            if list.first == at {
                list.first = slot.link();
            }
            if list.last == at {
                list.last = before;
            }
        } else {
            found.busy().between.remove(&offset);
        }
        found.busy().live.insert(offset);
        self.parked.remove(slot.id())
    }

    /// All parked replies that only wait.
    pub(super) fn slots(&self) -> &Slots<Slot> {
        &self.parked
    }

    /// A slot's number in a list, and the one before it. Only the first is ever asked for: those before are passed over.
    fn seek(&self, list: &List, offset: u64) -> Option<(u32, u32)> {
        let (mut before, mut at) = (Slot::NONE, list.first);
        loop {
            let slot = self.parked.get(at)?;
            match slot.offset().cmp(&offset) {
                std::cmp::Ordering::Equal => return Some((before, at)),
                std::cmp::Ordering::Less => (before, at) = (at, slot.link()),
                std::cmp::Ordering::Greater => return None,
            }
        }
    }

    /// Puts a slot into its chat: nearly always behind all others, or before them, since it was the head.
    fn link(&mut self, chat: Ix, at: u32) {
        let (Some(chat), Some(offset)) = (self.chats.get_mut(chat), self.parked.get(at).map(Slot::offset))
        else {
            return;
        };
        let ends = (self.parked.get(chat.parked.first), self.parked.get(chat.parked.last));
        let (link, list) = (Slot::NONE, &mut chat.parked);
        let link = match ends {
            (Some(first), _) if offset < first.offset() => std::mem::replace(&mut list.first, at),
            (_, Some(last)) if offset > last.offset() => {
                let last = std::mem::replace(&mut list.last, at);
                if let Some(last) = self.parked.get_mut(last) {
                    last.set_link(at);
                }
                link
            }
            (None, None) => {
                (list.first, list.last) = (at, at);
                link
            }
            _ => {
                chat.busy().between.insert(offset, at);
                return;
            }
        };
        list.len += 1;
        if let Some(slot) = self.parked.get_mut(at) {
            slot.set_link(link);
        }
    }

    /// A chat, made when it is new.
    pub(super) fn chat(&mut self, name: &ConversationId, bot: &BotId) -> Ix {
        if let Some((chat, _)) = self.find(name) {
            return chat;
        }
        let (prefix, rest) = cut(name);
        let account = self.account(prefix, bot);
        let chat =
            self.chats.insert(Chat { rest: SmolStr::new(rest), account, parked: List::EMPTY, busy: None });
        #[cfg(test)]
        if self.faults.has(Mutant::ByArrival)
            && let Some(found) = self.chats.get_mut(chat)
        {
            found.busy().arrived = Some(Vec::new());
        }
        let (chats, accounts, hasher) = (&self.chats, &self.accounts, &self.hasher);
        let hash_of = |at: &u32| hasher.hash_one(account::parts(chats, accounts, *at));
        self.chat_of.insert_unique(hasher.hash_one((prefix, rest)), chat.place(), hash_of);
        chat
    }

    /// A bot, made when it is new.
    pub(super) fn bot(&mut self, name: &BotId) -> Ix {
        if let Some(bot) = self.bot_of.get(name) {
            return *bot;
        }
        let bot = self.bots.insert(Bot {
            name: name.clone(),
            until: Duration::ZERO,
            memory: 0,
            memory_bytes: 0,
            parked: 0,
            parked_bytes: 0,
            accounts: 0,
        });
        self.bot_of.insert(name.clone(), bot);
        bot
    }

    pub(super) fn find(&self, name: &ConversationId) -> Option<(Ix, &Chat)> {
        let parts = cut(name);
        let is = |at: &u32| account::parts(&self.chats, &self.accounts, *at) == parts;
        let at = *self.chat_of.find(self.hasher.hash_one(parts), is)?;
        let ix = self.chats.at(at)?;
        Some((ix, self.chats.get(ix)?))
    }

    pub(super) fn find_bot(&self, name: &BotId) -> Option<&Bot> {
        self.bots.get(*self.bot_of.get(name)?)
    }

    /// The chat with this number.
    pub(super) fn at(&self, place: u32) -> Option<Ix> {
        self.chats.at(place)
    }

    pub(super) fn get(&self, chat: Ix) -> Option<&Chat> {
        self.chats.get(chat)
    }

    pub(super) fn get_mut(&mut self, chat: Ix) -> Option<&mut Chat> {
        self.chats.get_mut(chat)
    }

    /// A chat's name.
    pub(super) fn name(&self, chat: Ix) -> Option<ConversationId> {
        self.chats.get(chat)?;
        let (prefix, rest) = account::parts(&self.chats, &self.accounts, chat.place());
        Some(account::whole(prefix, rest))
    }

    /// A chat's bot.
    pub(super) fn bot_of(&self, chat: Ix) -> Option<&Bot> {
        self.bots.get(self.owner(self.chats.get(chat)?)?)
    }

    /// The same, to change it.
    pub(super) fn bot_of_mut(&mut self, chat: Ix) -> Option<&mut Bot> {
        let bot = self.owner(self.chats.get(chat)?)?;
        self.bots.get_mut(bot)
    }

    pub(super) fn bot_mut(&mut self, bot: Ix) -> Option<&mut Bot> {
        self.bots.get_mut(bot)
    }

    /// Nothing of a chat goes out before.
    pub(super) fn until(&self, chat: &Chat) -> Duration {
        let bot = self.owner(chat).and_then(|bot| self.bots.get(bot));
        bot.map_or(chat.until(), |bot| chat.until().max(bot.until))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ix, &Chat)> {
        self.chats.iter()
    }

    /// Drops chats and bots that hold nothing and wait for nothing; the names of the chats.
    pub(super) fn drop_idle(&mut self, now: Duration) -> Vec<ConversationId> {
        let idle = |chat: &Chat| chat.is_empty() && chat.until() <= now;
        let gone: Vec<Ix> = self.chats.iter().filter(|(_, chat)| idle(chat)).map(|(ix, _)| ix).collect();
        let gone = gone.into_iter().filter_map(|ix| self.drop_chat(ix)).collect();
        self.chats.iter_mut().for_each(|chat| chat.relax(now));
        let over = |bot: &Bot| bot.until <= now && bot.accounts == 0;
        let over: Vec<Ix> = self.bots.iter().filter(|(_, bot)| over(bot)).map(|(ix, _)| ix).collect();
        for ix in over {
            if let Some(bot) = self.bots.remove(ix) {
                self.bot_of.remove(&bot.name);
            }
        }
        gone
    }

    /// Gives memory back that it does not need soon.
    pub(super) fn fit(&mut self) {
        self.parked.fit();
        self.chats.fit();
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let table = self.chat_of.allocation_size();
        let rests: usize = self
            .chats
            .iter()
            .filter(|(_, chat)| chat.rest.is_heap_allocated())
            .map(|(_, chat)| chat.rest.len() + 2 * size_of::<usize>())
            .sum();
        let busy =
            self.chats.iter().filter(|(_, chat)| chat.busy.is_some()).count() * size_of::<chat::Busy>();
        self.parked.bytes() + self.chats.bytes() + table + rests + busy
    }
}
