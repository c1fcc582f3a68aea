//! Records that wait for minutes or hours: bots take turns, keys keep their order, nobody else is held.
//!
//! Guarantees (pure; property tests say so):
//! 1. Of a key at most one record is out, and its records come out in the order of their offsets.
//! 2. A bot whose last try failed has one record out at a time, and none before its wait is over: whatever fails for all of
//!    its conversations is asked once in a while, not once for each. Every success doubles what it may have out.
//! 3. At most `width` are out in all, and bots that may go take turns.
//! 4. A bot keeps at most [`Delay::most_per_bot`]; what is above it is the caller's to give up.
//!
//! Moments are [uptimes](crate::domain::time::Clock::uptime), so a clock that jumps wakes nobody; how long a record has
//! waited is told by the wall, since another owner may have begun it.

pub mod shelf;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::domain::ids::{BotId, EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::log::Place;
use crate::pipeline::topology::Delay;

/// What a bot that works again may have out at most: enough to drain, too few to be a surge.
const WINDOW: usize = 16;

/// Whose records fail together.
pub type Whose = (TenantId, BotId);

/// A record that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its offset: its place behind its key.
    pub offset: u64,
    /// Its event's id.
    pub id: EventId,
    /// When it began to wait.
    pub since: Timestamp,
    /// Where it lies; `None` until that is durable, and until then its key waits.
    pub place: Option<Place>,
}

/// A bot keeps as many as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Everything of a partition that waits.
#[derive(Debug)]
pub struct Delayed {
    policy: Delay,
    width: usize,
    out: usize,
    bots: HashMap<Whose, Bot>,
    keys: HashMap<Bytes, Line>,
    /// Bots that may have a record out, in turn.
    turns: VecDeque<Whose>,
    /// Bots that wait, and until when.
    timers: BTreeSet<(Duration, Whose)>,
}

#[derive(Debug, Default)]
struct Bot {
    count: usize,
    out: usize,
    window: usize,
    /// Tries that failed since the last success.
    round: u32,
    until: Duration,
    /// Keys whose head may go, in turn.
    ready: VecDeque<Bytes>,
    /// In `turns` or `timers`.
    listed: bool,
}

#[derive(Debug)]
struct Line {
    whose: Whose,
    waiting: VecDeque<Waiting>,
    out: bool,
    /// In its bot's `ready`.
    listed: bool,
}

impl Delayed {
    /// Nothing waits. At most `width` are out at once.
    #[must_use]
    pub fn new(policy: Delay, width: usize) -> Self {
        let (bots, keys) = (HashMap::new(), HashMap::new());
        let (turns, timers) = (VecDeque::new(), BTreeSet::new());
        Self { policy, width: width.max(1), out: 0, bots, keys, turns, timers }
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// True when a record of this key waits: later ones belong behind it.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    /// Whose a key is that waits.
    #[must_use]
    pub fn whose(&self, key: &[u8]) -> Option<&Whose> {
        self.keys.get(key).map(|line| &line.whose)
    }

    /// The offsets of all that wait.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        self.keys.values().flat_map(|line| line.waiting.iter().map(|waiting| waiting.offset))
    }

    /// True when the bot's last try failed.
    #[must_use]
    pub fn fails(&self, whose: &Whose) -> bool {
        self.bots.get(whose).is_some_and(|bot| bot.round > 0)
    }

    /// Puts a record behind its key.
    ///
    /// # Errors
    /// When its bot keeps as many as it may; nothing has changed then.
    pub fn park(&mut self, key: &Bytes, whose: &Whose, waiting: Waiting) -> Result<(), Full> {
        // A conversation that changes its bot meanwhile stays the first one's until nothing of it waits.
        let whose = self.keys.get(key).map_or(whose, |line| &line.whose);
        if self.bots.get(whose).is_some_and(|bot| bot.count >= self.policy.most_per_bot as usize) {
            return Err(Full);
        }
        self.take_up(key, &whose.clone(), waiting);
        Ok(())
    }

    /// Puts a record behind its key that waited before this owner came: however many there are.
    pub fn take_up(&mut self, key: &Bytes, whose: &Whose, waiting: Waiting) {
        let whose = &self.keys.get(key).map_or(whose, |line| &line.whose).clone();
        let bot = self.bots.entry(whose.clone()).or_insert_with(|| Bot { window: 1, ..Bot::default() });
        bot.count += 1;
        let line = self.keys.entry(key.clone()).or_insert_with(|| Line {
            whose: whose.clone(),
            waiting: VecDeque::new(),
            out: false,
            listed: false,
        });
        let at = line.waiting.partition_point(|before| before.offset < waiting.offset);
        line.waiting.insert(at, waiting);
        self.list_key(key);
    }

    /// A record is durable where it waits.
    pub fn durable(&mut self, key: &Bytes, offset: u64, place: Place) {
        if let Some(line) = self.keys.get_mut(key)
            && let Some(waiting) = line.waiting.iter_mut().find(|waiting| waiting.offset == offset)
        {
            waiting.place = Some(place);
        }
        self.list_key(key);
    }

    /// A try for a bot failed: it waits, at least for what the other side asked for. `dice` is in 0..1.
    pub fn fail(&mut self, whose: &Whose, asked: Option<Duration>, now: Duration, dice: f64) {
        let Some(bot) = self.bots.get_mut(whose) else { return };
        // Those that were out together failed together: that is one try.
        if bot.until <= now {
            let doubled = 1_u32.checked_shl(bot.round).unwrap_or(u32::MAX);
            let wait = self.policy.first.get().saturating_mul(doubled).min(self.policy.cap.get());
            bot.round = bot.round.saturating_add(1);
            bot.until = now + wait.mul_f64(0.5 + dice / 2.0);
        }
        bot.until = bot.until.max(now + asked.unwrap_or_default());
        bot.window = 1;
    }

    /// The next record that may be tried, if any; its key is busy until [`Delayed::over`] or [`Delayed::again`].
    pub fn next(&mut self, now: Duration) -> Option<(Bytes, Waiting)> {
        while let Some((at, _)) = self.timers.first()
            && *at <= now
        {
            let Some((_, whose)) = self.timers.pop_first() else { break };
            self.turns.push_back(whose);
        }
        while self.out < self.width {
            let whose = self.turns.pop_front()?;
            let Some(bot) = self.bots.get_mut(&whose) else { continue };
            bot.listed = false;
            if bot.until > now || bot.out >= bot.window {
                self.list_bot(&whose);
                continue;
            }
            let Some(key) = bot.ready.pop_front() else { continue };
            let Some(line) = self.keys.get_mut(&key) else { continue };
            line.listed = false;
            // What came in front of the head since it was listed may not be durable yet.
            let head = line.waiting.front().filter(|head| head.place.is_some()).copied();
            if head.is_some() {
                line.out = true;
                bot.out += 1;
                self.out += 1;
            }
            self.list_bot(&whose);
            if let Some(head) = head {
                return Some((key, head));
            }
        }
        None
    }

    /// The key's record that was out is dealt with. `well` = what failed before went well now.
    pub fn over(&mut self, key: &Bytes, well: bool) -> Option<Waiting> {
        let whose = self.back(key)?;
        let line = self.keys.get_mut(key)?;
        let head = line.waiting.pop_front();
        if line.waiting.is_empty() {
            self.keys.remove(key);
        }
        let bot = self.bots.get_mut(&whose)?;
        bot.count = bot.count.saturating_sub(1);
        if well {
            (bot.round, bot.until, bot.window) = (0, Duration::ZERO, (bot.window * 2).min(WINDOW));
        }
        if bot.count == 0 {
            self.bots.remove(&whose);
        }
        self.list_key(key);
        self.list_bot(&whose);
        head
    }

    /// The key's record that was out failed again; its bot waits. False when it has waited as long as it may by the
    /// time of the next try: then it is still out, for the caller to give up.
    pub fn again(
        &mut self,
        key: &Bytes,
        asked: Option<Duration>,
        (now, wall): (Duration, Timestamp),
        dice: f64,
    ) -> bool {
        let Some(whose) = self.keys.get(key).map(|line| line.whose.clone()) else { return false };
        self.fail(&whose, asked, now, dice);
        let next = self.bots.get(&whose).map_or(now, |bot| bot.until);
        let waited =
            self.keys.get(key).and_then(|line| line.waiting.front()).map(|head| wall.since(head.since));
        if waited.is_none_or(|waited| waited + next.saturating_sub(now) > self.policy.longest.get()) {
            return false;
        }
        self.back(key);
        // Behind the bot's others: should it be this conversation alone that fails, they are not held by it.
        self.list_key(key);
        self.list_bot(&whose);
        true
    }

    /// When [`Delayed::next`] may have more to give, where nothing happens before.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The key's record is not out any more.
    fn back(&mut self, key: &Bytes) -> Option<Whose> {
        let line = self.keys.get_mut(key).filter(|line| line.out)?;
        line.out = false;
        self.out = self.out.saturating_sub(1);
        if let Some(bot) = self.bots.get_mut(&line.whose) {
            bot.out = bot.out.saturating_sub(1);
        }
        Some(line.whose.clone())
    }

    fn list_key(&mut self, key: &Bytes) {
        let Some(line) = self.keys.get_mut(key) else { return };
        let ready = line.waiting.front().is_some_and(|head| head.place.is_some());
        if line.out || line.listed || !ready {
            return;
        }
        line.listed = true;
        let whose = line.whose.clone();
        if let Some(bot) = self.bots.get_mut(&whose) {
            bot.ready.push_back(key.clone());
        }
        self.list_bot(&whose);
    }

    fn list_bot(&mut self, whose: &Whose) {
        let Some(bot) = self.bots.get_mut(whose) else { return };
        if bot.listed || bot.ready.is_empty() || bot.out >= bot.window {
            return;
        }
        bot.listed = true;
        if bot.until.is_zero() {
            self.turns.push_back(whose.clone());
        } else {
            self.timers.insert((bot.until, whose.clone()));
        }
    }
}
