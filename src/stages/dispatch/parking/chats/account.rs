//! Accounts: what the names of their chats begin with, kept once.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use smol_str::SmolStr;

use super::{Bot, Chat, Chats};
use crate::domain::ids::{BotId, ConversationId};
use crate::stages::dispatch::arena::{Arena, Ix};
use crate::stages::dispatch::parking::protocol::Crowd;

/// Slashes of `tenant/channel/account/`.
const PARTS: usize = 3;

/// An account with chats, or what stands for it: a bot's.
#[derive(Debug)]
pub(super) struct Account {
    /// `tenant/channel/account/`.
    prefix: SmolStr,
    bot: Ix,
    chats: u32,
}

/// A chat's name as its account's part and the rest; a name of another form is all rest.
pub(super) fn cut(name: &ConversationId) -> (&str, &str) {
    let name = name.as_str();
    let end = name.match_indices('/').map(|(at, _)| at + 1).nth(PARTS - 1);
    name.split_at(end.unwrap_or(0))
}

/// The name of the chat with this number, as [`cut`] gave it.
pub(super) fn parts<'a>(chats: &'a Arena<Chat>, accounts: &'a Arena<Account>, at: u32) -> (&'a str, &'a str) {
    let Some(chat) = chats.at(at).and_then(|ix| chats.get(ix)) else { return ("", "") };
    let account = accounts.at(chat.account).and_then(|ix| accounts.get(ix));
    (account.map_or("", |account| &account.prefix), &chat.rest)
}

/// The whole name.
pub(super) fn whole(prefix: &str, rest: &str) -> ConversationId {
    let mut name = String::with_capacity(prefix.len() + rest.len());
    name.push_str(prefix);
    name.push_str(rest);
    ConversationId::from(name)
}

impl Chats {
    /// A bot's account, made when it is new; one chat more has it.
    pub(super) fn account(&mut self, prefix: &str, bot: &BotId) -> u32 {
        let bot = self.bot(bot);
        let key = (SmolStr::new(prefix), bot);
        if let Some(at) = self.account_of.get(&key)
            && let Some(account) = self.accounts.at(*at).and_then(|ix| self.accounts.get_mut(ix))
        {
            account.chats += 1;
            return *at;
        }
        if let Some(bot) = self.bots.get_mut(bot) {
            bot.accounts += 1;
        }
        let at = self.accounts.insert(Account { prefix: key.0.clone(), bot, chats: 1 }).place();
        self.account_of.insert(key, at);
        at
    }

    /// A chat's bot.
    pub(super) fn owner(&self, chat: &Chat) -> Option<Ix> {
        self.of(chat).map(|account| account.bot)
    }

    /// Chats, by their accounts.
    pub(in crate::stages::dispatch::parking) fn crowds(&self, chats: Vec<Ix>) -> Vec<Crowd> {
        let mut crowds: BTreeMap<u32, Vec<Ix>> = BTreeMap::new();
        for ix in chats {
            if let Some(chat) = self.chats.get(ix) {
                crowds.entry(chat.account).or_default().push(ix);
            }
        }
        let named = |(at, mut chats): (u32, Vec<Ix>)| {
            chats.shrink_to_fit();
            let account = self.accounts.get(self.accounts.at(at)?)?;
            let bot = self.bots.get(account.bot)?.name.clone();
            Some(Crowd { account: ConversationId::from(account.prefix.as_str()), bot, chats })
        };
        crowds.into_iter().filter_map(named).collect()
    }

    /// Forgets a chat, and its account with the last; its name.
    pub(super) fn drop_chat(&mut self, ix: Ix) -> Option<ConversationId> {
        let name = self.name(ix)?;
        let hash = self.hasher.hash_one(cut(&name));
        if let Ok(entry) = self.chat_of.find_entry(hash, |at| *at == ix.place()) {
            entry.remove();
        }
        let chat = self.chats.remove(ix)?;
        let at = self.accounts.at(chat.account)?;
        let account = self.accounts.get_mut(at)?;
        account.chats -= 1;
        if account.chats == 0
            && let Some(Account { prefix, bot, .. }) = self.accounts.remove(at)
        {
            self.account_of.remove(&(prefix, bot));
            if let Some(Bot { accounts, .. }) = self.bots.get_mut(bot) {
                *accounts -= 1;
            }
        }
        Some(name)
    }

    fn of(&self, chat: &Chat) -> Option<&Account> {
        self.accounts.at(chat.account).and_then(|ix| self.accounts.get(ix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_behind_its_account_and_put_together_again() {
        let names = ["t/telegram/1/2", "t/webchat/a%2Fb/c/7", "c5", "t/telegram/1", "t/telegram/1/"];
        let mut chats = Chats::default();
        let bots = [BotId::from("a"), BotId::from("b")];
        let made: Vec<Ix> = names
            .iter()
            .enumerate()
            .map(|(n, name)| chats.chat(&ConversationId::from(*name), &bots[n % 2]))
            .collect();
        for (name, ix) in names.iter().zip(&made) {
            let name = ConversationId::from(*name);
            assert_eq!(chats.name(*ix), Some(name.clone()));
            assert_eq!(chats.find(&name).map(|(found, _)| found), Some(*ix));
        }
        assert_eq!(cut(&ConversationId::from(names[1])), ("t/webchat/a%2Fb/", "c/7"));
        assert!(chats.find(&ConversationId::from("t/telegram/1/3")).is_none());
        // Whatever ends takes its account and its bot with it.
        assert_eq!(chats.drop_idle(std::time::Duration::ZERO).len(), names.len());
        assert_eq!((chats.accounts.len(), chats.bots.len(), chats.account_of.len()), (0, 0, 0));
        assert!(made.iter().all(|ix| chats.name(*ix).is_none()));
    }
}
