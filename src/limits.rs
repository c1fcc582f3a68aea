//! Nested limits: some are counted, some are learned.
//!
//! Quotas on governor's GCRA are counted: bot, number, chat, group, number-recipient pair. Pauses are learned from what a
//! provider says: of a chat, a number, a bot, an app, a business account, our address. Time is given, never read.
//!
//! Guarantees:
//! 1. In any window of length `w` a key takes at most `burst + w / every` sends of each of its rates.
//! 2. A send takes from all of its limits or from none.
//! 3. What a key's earlier owner sent counts: a key that was [seen](Limits::seen) starts with its burst spent.
//! 4. Memory follows the keys that are not full again: idle ones are dropped.
//!
//! A moment is a [`Duration`] since an origin that the owner chooses. One value belongs to one owner, so there are no
//! locks: every bot, and with it its accounts and chats, has one dispatcher at a time.

mod config;
mod keys;
mod pauses;
mod quota;
#[cfg(test)]
mod tests;

pub use config::{LimitsConfig, PageLimits, TelegramLimits, WebchatLimits, WhatsappLimits};
pub use keys::{Keys, Wide, Wider};
pub use pauses::Pause;

use std::collections::HashMap;
use std::hash::RandomState;
use std::time::Duration;

use crate::domain::bot::BotLimits;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, ConversationId};
use crate::domain::units::Rate;
use keys::{Scope, WideKeys};
use pauses::Pauses;
use quota::Quota;

/// The limits of one dispatcher.
#[derive(Debug)]
pub struct Limits {
    config: LimitsConfig,
    hasher: RandomState,
    quotas: Vec<Quota>,
    pauses: Pauses,
    seen: HashMap<u64, Duration>,
    /// Earliest moments at which limits of the send in question let it through, kept to save an allocation.
    staged: Vec<(usize, u64, u64)>,
}

/// Which limits hold for a bot's account. Made by [`Limits::plan`], good for the same [`Limits`] only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    rules: Vec<Rule>,
    wide: WideKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    scope: Scope,
    quota: usize,
}

/// What wants to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The first message of a reply. `WhatsApp` counts what a number hears together with what it says, so this one
    /// takes two of the number: itself and the message that it answers.
    Answer,
    /// Any other message.
    Message,
    /// A message of a campaign. Of what all chats of an account share it leaves a quarter of the burst to replies, which
    /// so find room at once however long a campaign is.
    Bulk,
    /// A sign of life. It is no message: it takes from the bot and the number, and only pauses of its chat hold it.
    Signal,
}

/// May it go out?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and it has been counted.
    Ready,
    /// No, and nothing has been counted.
    NotBefore {
        /// The earliest moment at which asking again can help.
        at: Duration,
        /// True when what holds it back holds back every chat of the account: ask again for any of them at `at`.
        shared: bool,
    },
}

impl Limits {
    /// Limits that nobody has used.
    #[must_use]
    pub fn new(config: LimitsConfig) -> Self {
        Self {
            config,
            hasher: RandomState::new(),
            quotas: Vec::new(),
            pauses: Pauses::default(),
            seen: HashMap::new(),
            staged: Vec::new(),
        }
    }

    /// The limits of a bot's account on a channel: the channel's and the bot's own, all of which hold, and the pauses of
    /// what it stands behind together with others.
    #[must_use]
    pub fn plan(&mut self, channel: ChannelKind, own: &BotLimits, wider: &Wider) -> Plan {
        let rules = [
            (Scope::Bot, own.bot),
            (Scope::Number, own.number),
            (Scope::Private, own.chat),
            (Scope::Group, own.group),
            (Scope::Pair, own.pair),
        ];
        let own = rules.into_iter().filter_map(|(scope, rate)| Some((scope, rate?)));
        let rules: Vec<_> = self.config.of(channel).into_iter().chain(own).collect();
        let rules = rules.into_iter().map(|(scope, rate)| Rule { scope, quota: self.quota(scope, rate) });
        Plan { rules: rules.collect(), wide: WideKeys::new(&self.hasher, channel, wider) }
    }

    /// The keys under which a conversation's sends are counted.
    #[must_use]
    pub fn keys(&self, bot: &BotId, conversation: &ConversationId, group: bool) -> Keys {
        Keys::new(&self.hasher, bot, conversation, group)
    }

    /// Notes that an earlier owner sent under `keys` at `at`: its bursts count as spent then.
    pub fn seen(&mut self, keys: &Keys, at: Duration) {
        for key in [keys.bot, keys.number, keys.chat] {
            let last = self.seen.entry(key).or_insert(at);
            *last = at.max(*last);
        }
    }

    /// Drops what [`Limits::seen`] noted, when it can't matter any more.
    pub fn forget_seen(&mut self) {
        self.seen = HashMap::new();
    }

    /// Asks every limit and takes from all of them or from none.
    pub fn take(&mut self, plan: &Plan, keys: &Keys, ask: Ask, now: Duration) -> Verdict {
        let verdict = self.ask(plan, keys, ask, now);
        if verdict == Verdict::Ready {
            for (quota, key, state) in self.staged.drain(..) {
                self.quotas[quota].set(key, state, now);
            }
        }
        verdict
    }

    /// What [`Limits::take`] would say. Takes nothing.
    pub fn ask(&mut self, plan: &Plan, keys: &Keys, ask: Ask, now: Duration) -> Verdict {
        let (mut shared, mut own) = self.pauses.until(&plan.wide, keys, now);
        self.staged.clear();
        for rule in plan.rules.iter().filter(|rule| rule.scope.counts(ask, keys.group)) {
            let key = rule.scope.key(keys);
            let cost = if rule.scope == Scope::Number && ask == Ask::Answer { 2 } else { 1 };
            let (quota, seen) = (&self.quotas[rule.quota], self.seen.get(&key).copied());
            let left = if ask == Ask::Bulk && rule.scope.shared() { quota.burst() / 4 } else { 0 };
            match quota.ask(key, seen, cost + left, now).and_then(|all| match left {
                0 => Ok(all),
                _ => quota.ask(key, seen, cost, now),
            }) {
                Ok(state) => self.staged.push((rule.quota, key, state)),
                Err(at) if rule.scope.shared() => shared = shared.max(at),
                Err(at) => own = own.max(at),
            }
        }
        if shared > now {
            return Verdict::NotBefore { at: shared, shared: true };
        }
        if own > now {
            return Verdict::NotBefore { at: own, shared: false };
        }
        Verdict::Ready
    }

    /// A message was answered: it may have reached the provider as late as now. Its chat's limits count from here, since a
    /// chat has one message under way and the next one may be faster on its way.
    pub fn answered(&mut self, plan: &Plan, keys: &Keys, now: Duration) {
        let counts = |rule: &&Rule| !rule.scope.shared() && rule.scope.counts(Ask::Message, keys.group);
        let rules = plan.rules.iter().filter(counts);
        for rule in rules {
            self.quotas[rule.quota].delay(rule.scope.key(keys), now);
        }
    }

    /// How long a message waits if `shared` messages of its account go before it, itself counted, and `own` of its chat.
    /// Asks, and takes nothing.
    #[must_use]
    pub fn wait(&self, plan: &Plan, keys: &Keys, shared: u32, own: u32, now: Duration) -> Duration {
        let (account, chat) = self.pauses.until(&plan.wide, keys, now);
        let paused = account.max(chat).saturating_sub(now);
        let rules = plan.rules.iter().filter(|rule| rule.scope.counts(Ask::Message, keys.group));
        rules.fold(paused, |wait, rule| {
            let key = rule.scope.key(keys);
            let ahead = if rule.scope.shared() { shared } else { own };
            wait.max(self.quotas[rule.quota].wait(key, self.seen.get(&key).copied(), ahead, now))
        })
    }

    /// Until when the provider wants nothing of a conversation's bot, its account or what that stands behind; zero where it
    /// does not say.
    #[must_use]
    pub fn paused(&self, plan: &Plan, keys: &Keys, now: Duration) -> Duration {
        self.pauses.until(&plan.wide, keys, now).0
    }

    /// Learns that nothing may go out under a key until `until`, and says which of them that is in the end.
    pub fn pause(&mut self, what: Pause, plan: &Plan, keys: &Keys, until: Duration, now: Duration) -> Pause {
        self.pauses.add(what, (&plan.wide, keys), until, now)
    }

    /// The same of what is wider than an account, by its name.
    pub fn pause_wide(&mut self, what: Wide, name: &str, until: Duration, now: Duration) {
        self.pauses.put(what.key(&self.hasher, name), until, now);
    }

    /// How many keys are held, for tests and metrics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quotas.iter().map(Quota::len).sum::<usize>() + self.pauses.len() + self.seen.len()
    }

    /// True when no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One quota serves every plan with that rate: there are few rates and many bots.
    fn quota(&mut self, scope: Scope, rate: Rate) -> usize {
        let found = self.quotas.iter().position(|quota| quota.is(scope, rate));
        found.unwrap_or_else(|| {
            self.quotas.push(Quota::new(scope, rate));
            self.quotas.len() - 1
        })
    }
}
