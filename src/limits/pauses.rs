//! Pauses that a provider asked for: limits that are not counted but learned.

use std::collections::HashMap;
use std::time::Duration;

use super::keys::{Keys, WideKeys};

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
    /// The app behind the account; the account alone where its app is not known.
    App,
    /// The business account that the number belongs to; the number alone where that is not known.
    Business,
    /// This account or the address that we call from: what stands before a provider does not say. It is taken for the
    /// account's; when a second account hears one during the first pause, it is the address's.
    NumberOrAddress,
    /// The address that we call from.
    Address,
}

#[derive(Debug, Default)]
pub(super) struct Pauses {
    until: HashMap<u64, Duration>,
    /// By what is wider, a bot or an address: which chat or account heard the last "wait" of an unstated scope, and until when.
    unstated: HashMap<u64, (u64, Duration)>,
    sweep_at: usize,
}

impl Pauses {
    /// Until when everything of the account is paused, and until when this chat is; zero where it is not.
    pub(super) fn until(&self, wide: &WideKeys, keys: &Keys, now: Duration) -> (Duration, Duration) {
        if self.until.is_empty() {
            return (Duration::ZERO, Duration::ZERO);
        }
        let of = |key| self.until.get(&key).copied().filter(|until| *until > now).unwrap_or_default();
        let account = of(keys.bot).max(of(keys.number));
        (wide.all().map(of).fold(account, Duration::max), of(keys.chat))
    }

    /// What is paused in the end: never [`Pause::ChatOrBot`] or [`Pause::NumberOrAddress`].
    pub(super) fn add(
        &mut self,
        what: Pause,
        (wide, keys): (&WideKeys, &Keys),
        until: Duration,
        now: Duration,
    ) -> Pause {
        let (paused, key) = match what {
            Pause::Chat => (Pause::Chat, keys.chat),
            Pause::ChatOrBot => {
                if self.second(keys.bot, keys.chat, until, now) {
                    self.put(keys.bot, until, now);
                }
                (Pause::Chat, keys.chat)
            }
            Pause::Bot => (Pause::Bot, keys.bot),
            Pause::Number => (Pause::Number, keys.number),
            Pause::App => wide.app.map_or((Pause::Number, keys.number), |key| (Pause::App, key)),
            Pause::Business => {
                wide.business.map_or((Pause::Number, keys.number), |key| (Pause::Business, key))
            }
            Pause::Address => wide.address.map_or((Pause::Number, keys.number), |key| (Pause::Address, key)),
            Pause::NumberOrAddress => match wide.address {
                Some(address) if self.second(address, keys.number, until, now) => (Pause::Address, address),
                _ => (Pause::Number, keys.number),
            },
        };
        self.put(key, until, now);
        paused
    }

    /// Nothing goes out under this key until then.
    pub(super) fn put(&mut self, key: u64, until: Duration, now: Duration) {
        if until <= now {
            return;
        }
        let at = self.until.entry(key).or_insert(until);
        *at = until.max(*at);
        if self.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.until.retain(|_, until| *until > now);
            self.unstated.retain(|_, (_, until)| *until > now);
            self.sweep_at = self.len() * 2;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.until.len() + self.unstated.len()
    }

    /// Another `one` of `all` heard such a "wait", and has to wait still.
    fn second(&mut self, all: u64, one: u64, until: Duration, now: Duration) -> bool {
        let last = (until > now).then(|| self.unstated.insert(all, (one, until))).flatten();
        last.is_some_and(|(other, until)| other != one && until > now)
    }
}
