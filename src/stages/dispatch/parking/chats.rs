//! Chats and bots: which replies wait in which order, until when, and how much of a bot's is held.
//!
//! Guarantee: a chat's replies are ordered by the offsets of their records, wherever they are kept and whenever they
//! were parked.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

#[cfg(test)]
use super::faults::{Faults, Mutant};
use super::item::Slot;
use super::slots::Slots;
use crate::domain::ids::{BotId, ConversationId};
use crate::stages::dispatch::arena::{Arena, Ix};

/// A conversation with replies to send, or with a wait.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) name: ConversationId,
    pub(super) bot: Ix,
    /// Nothing goes out before.
    pub(super) until: Duration,
    /// Offsets of its items.
    pub(super) live: BTreeSet<u64>,
    /// Its parked replies that only wait: their numbers, by their offsets.
    parked: VecDeque<u32>,
    /// Set where the order is broken on purpose.
    #[cfg(test)]
    arrived: Option<Vec<u64>>,
}

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
    chats: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Chats {
    chats: Arena<Chat>,
    bots: Arena<Bot>,
    chat_of: HashMap<ConversationId, Ix>,
    bot_of: HashMap<BotId, Ix>,
    /// All chats' parked replies that only wait.
    parked: Slots<Slot>,
    #[cfg(test)]
    pub(super) faults: Faults,
}

impl Chat {
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.parked.is_empty()
    }

    /// How many replies it has.
    pub(super) fn len(&self) -> usize {
        self.live.len() + self.parked.len()
    }

    /// A reply comes for the first time.
    pub(super) fn add(&mut self, offset: u64) {
        self.live.insert(offset);
        #[cfg(test)]
        self.arrives(offset);
    }

    #[cfg(test)]
    fn arrives(&mut self, offset: u64) {
        if let Some(arrived) = &mut self.arrived {
            arrived.push(offset);
        }
    }
}

impl Chats {
    /// A chat's oldest reply.
    pub(super) fn head(&self, chat: &Chat) -> Option<u64> {
        #[cfg(test)]
        if let Some(arrived) = &chat.arrived {
            let here = |offset: &&u64| chat.live.contains(*offset) || self.slot(chat, **offset).is_some();
            return arrived.iter().find(here).copied();
        }
        match (chat.live.first().copied(), self.first_parked(chat)) {
            (Some(live), Some(parked)) => Some(live.min(parked)),
            (live, parked) => live.or(parked),
        }
    }

    /// The offset of a chat's oldest parked reply that only waits.
    pub(super) fn first_parked(&self, chat: &Chat) -> Option<u64> {
        chat.parked.front().and_then(|at| self.parked.get(*at)).map(|slot| slot.offset)
    }

    /// A chat's parked reply that only waits.
    pub(super) fn slot(&self, chat: &Chat, offset: u64) -> Option<&Slot> {
        let at = chat.parked.binary_search_by_key(&offset, |at| self.offset(*at)).ok()?;
        self.parked.get(*chat.parked.get(at)?)
    }

    /// A parked reply of a chat only waits from now on.
    pub(super) fn rest(&mut self, chat: Ix, slot: Slot) {
        let Some(found) = self.chats.get_mut(chat) else { return };
        found.live.remove(&slot.offset);
        let parked = &self.parked;
        let offset = |at: &u32| parked.get(*at).map_or(u64::MAX, |slot| slot.offset);
        // Nearly always behind all others, or before them: it was the head.
        let behind = found.parked.partition_point(|at| offset(at) < slot.offset);
        found.parked.insert(behind, self.parked.insert(slot));
    }

    /// The same, of a reply that a restore found.
    pub(super) fn restore(&mut self, chat: Ix, slot: Slot) {
        #[cfg(test)]
        if let Some(found) = self.chats.get_mut(chat) {
            found.arrives(slot.offset);
        }
        self.rest(chat, slot);
    }

    /// Something is done with a reply that only waited.
    pub(super) fn rouse(&mut self, chat: Ix, offset: u64) -> Option<Slot> {
        let found = self.chats.get_mut(chat)?;
        let parked = &self.parked;
        let at = |at: &u32| parked.get(*at).map_or(u64::MAX, |slot| slot.offset);
        let place = found.parked.binary_search_by_key(&offset, at).ok()?;
        let slot = *self.parked.get(found.parked.remove(place)?)?;
        found.live.insert(offset);
        if found.parked.is_empty() {
            found.parked = VecDeque::new();
        }
        self.parked.remove(slot.id)
    }

    /// All parked replies that only wait.
    pub(super) fn slots(&self) -> &Slots<Slot> {
        &self.parked
    }

    fn offset(&self, at: u32) -> u64 {
        self.parked.get(at).map_or(u64::MAX, |slot| slot.offset)
    }

    /// A chat, made when it is new.
    pub(super) fn chat(&mut self, name: &ConversationId, bot: &BotId) -> Ix {
        if let Some(chat) = self.chat_of.get(name) {
            return *chat;
        }
        let bot = self.bot(bot);
        if let Some(bot) = self.bots.get_mut(bot) {
            bot.chats += 1;
        }
        let chat = self.chats.insert(Chat {
            name: name.clone(),
            bot,
            until: Duration::ZERO,
            live: BTreeSet::new(),
            parked: VecDeque::new(),
            #[cfg(test)]
            arrived: self.faults.has(Mutant::ByArrival).then(Vec::new),
        });
        self.chat_of.insert(name.clone(), chat);
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
            chats: 0,
        });
        self.bot_of.insert(name.clone(), bot);
        bot
    }

    pub(super) fn find(&self, name: &ConversationId) -> Option<(Ix, &Chat)> {
        let ix = *self.chat_of.get(name)?;
        Some((ix, self.chats.get(ix)?))
    }

    pub(super) fn find_bot(&self, name: &BotId) -> Option<&Bot> {
        self.bots.get(*self.bot_of.get(name)?)
    }

    pub(super) fn get(&self, chat: Ix) -> Option<&Chat> {
        self.chats.get(chat)
    }

    pub(super) fn get_mut(&mut self, chat: Ix) -> Option<&mut Chat> {
        self.chats.get_mut(chat)
    }

    /// A chat's bot.
    pub(super) fn bot_of(&self, chat: Ix) -> Option<&Bot> {
        self.bots.get(self.chats.get(chat)?.bot)
    }

    /// The same, to change it.
    pub(super) fn bot_of_mut(&mut self, chat: Ix) -> Option<&mut Bot> {
        self.bots.get_mut(self.chats.get(chat)?.bot)
    }

    pub(super) fn bot_mut(&mut self, bot: Ix) -> Option<&mut Bot> {
        self.bots.get_mut(bot)
    }

    /// Nothing of a chat goes out before.
    pub(super) fn until(&self, chat: &Chat) -> Duration {
        self.bots.get(chat.bot).map_or(chat.until, |bot| chat.until.max(bot.until))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ix, &Chat)> {
        self.chats.iter()
    }

    /// Drops chats and bots that hold nothing and wait for nothing.
    pub(super) fn drop_idle(&mut self, now: Duration) {
        let idle = |chat: &Chat| chat.is_empty() && chat.until <= now;
        let chats: Vec<Ix> = self.chats.iter().filter(|(_, chat)| idle(chat)).map(|(ix, _)| ix).collect();
        for ix in chats {
            if let Some(chat) = self.chats.remove(ix) {
                self.chat_of.remove(&chat.name);
                if let Some(bot) = self.bots.get_mut(chat.bot) {
                    bot.chats -= 1;
                }
            }
        }
        let over = |bot: &Bot| bot.until <= now && bot.chats == 0;
        let over: Vec<Ix> = self.bots.iter().filter(|(_, bot)| over(bot)).map(|(ix, _)| ix).collect();
        for ix in over {
            if let Some(bot) = self.bots.remove(ix) {
                self.bot_of.remove(&bot.name);
            }
        }
    }
}
