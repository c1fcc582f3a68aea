//! Pauses that a provider asked for: limits that are not counted but learned.

use std::collections::HashMap;
use std::time::Duration;

use super::keys::Keys;

/// Below this many pauses nothing is swept.
const SWEEP_FROM: usize = 1024;

/// What a provider's "wait" is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// This chat.
    Chat,
    /// This chat or the whole bot: Telegram does not say. It is taken for the chat's; when a second chat of the bot
    /// hears one during the first pause, it is the bot's.
    ChatOrBot,
    /// The account: a number, a page.
    Number,
    /// The bot.
    Bot,
    /// The app behind the account: all of the tenant's bots on the channel.
    App,
}

#[derive(Debug, Default)]
pub(super) struct Pauses {
    until: HashMap<u64, Duration>,
    /// By bot: the chat that heard the last "wait" of an unstated scope, and until when.
    unstated: HashMap<u64, (u64, Duration)>,
    sweep_at: usize,
}

impl Pauses {
    /// Until when everything of the account is paused, and until when this chat is; zero where it is not.
    pub(super) fn until(&self, keys: &Keys, now: Duration) -> (Duration, Duration) {
        if self.until.is_empty() {
            return (Duration::ZERO, Duration::ZERO);
        }
        let of = |key| self.until.get(&key).copied().filter(|until| *until > now).unwrap_or_default();
        (of(keys.app).max(of(keys.bot)).max(of(keys.number)), of(keys.chat))
    }

    pub(super) fn add(&mut self, what: Pause, keys: &Keys, until: Duration, now: Duration) {
        if until <= now {
            return;
        }
        match what {
            Pause::Chat => self.put(keys.chat, until),
            Pause::Number => self.put(keys.number, until),
            Pause::Bot => self.put(keys.bot, until),
            Pause::App => self.put(keys.app, until),
            Pause::ChatOrBot => {
                self.put(keys.chat, until);
                let last = self.unstated.insert(keys.bot, (keys.chat, until));
                if last.is_some_and(|(chat, until)| chat != keys.chat && until > now) {
                    self.put(keys.bot, until);
                }
            }
        }
        if self.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.until.retain(|_, until| *until > now);
            self.unstated.retain(|_, (_, until)| *until > now);
            self.sweep_at = self.len() * 2;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.until.len() + self.unstated.len()
    }

    fn put(&mut self, key: u64, until: Duration) {
        let at = self.until.entry(key).or_insert(until);
        *at = until.max(*at);
    }
}
