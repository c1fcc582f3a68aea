//! Telegram's limits on sending: 30 messages a second per bot, about one a second per chat, 20 a minute per group.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::sim::bucket::{Buckets, Pace, retry_after};

/// "Short bursts are tolerated": how short is not published; three is what a reply in parts needs.
const CHAT: Pace = Pace::new(3, Duration::from_secs(1));
const GROUP: Pace = Pace::new(20, Duration::from_secs(3));
const BOT: Pace = Pace::new(30, Duration::from_millis(33));

/// Bots that the server has not loaded yet, of one address: so many within so long.
const NEW: [(usize, Duration); 2] = [(20, Duration::from_secs(60)), (600, Duration::from_secs(3600))];

/// How many new bots an address may bring.
#[derive(Debug, Default)]
pub(super) struct Valve {
    /// When the last ones came, 600 at most.
    came: VecDeque<Timestamp>,
}

impl Valve {
    /// Lets a new bot in, or says after how many seconds to try again.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<(), u64> {
        let waits = NEW.iter().filter_map(|(most, within)| {
            // The one that has to be old enough for one more.
            let first = self.came.len().checked_sub(*most).and_then(|at| self.came.get(at))?;
            Some(within.saturating_sub(now.since(*first)))
        });
        let wait = waits.max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(retry_after(wait));
        }
        let [.., (most, _)] = NEW;
        if self.came.len() >= most {
            self.came.pop_front();
        }
        self.came.push_back(now);
        Ok(())
    }
}

/// The buckets of one bot.
#[derive(Debug)]
pub(super) struct Limiter {
    bot: Buckets<()>,
    chats: Buckets<String>,
    groups: Buckets<String>,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self { bot: Buckets::new(BOT), chats: Buckets::new(CHAT), groups: Buckets::new(GROUP) }
    }

    /// Takes a send, or says after how many seconds to try again. A refused send costs nothing.
    pub(super) fn admit(&mut self, chat: &str, group: bool, paid: bool, now: Timestamp) -> Result<(), u64> {
        let chat = chat.to_owned();
        let mut wait = self.chats.wait(&chat, now);
        if group {
            wait = wait.max(self.groups.wait(&chat, now));
        }
        if !paid {
            wait = wait.max(self.bot.wait(&(), now));
        }
        if !wait.is_zero() {
            return Err(retry_after(wait));
        }
        if !paid {
            self.bot.take((), now);
        }
        if group {
            self.groups.take(chat.clone(), now);
        }
        self.chats.take(chat, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_address_brings_twenty_new_bots_a_minute_and_six_hundred_an_hour() {
        let mut valve = Valve::default();
        let at_once = (0..100).filter(|_| valve.admit(at(0)).is_ok()).count();
        assert_eq!((at_once, valve.admit(at(10_000))), (20, Err(50)));
        let mut valve = Valve::default();
        let came: Vec<_> = (0..7200).filter(|second| valve.admit(at(second * 1000)).is_ok()).collect();
        let within = |from: i64, to: i64| came.iter().filter(|second| (from..to).contains(*second)).count();
        assert_eq!((within(0, 60), within(60, 120), within(0, 3600), within(3600, 7200)), (20, 20, 600, 600));
    }

    #[test]
    fn a_chat_takes_three_and_then_one_a_second() {
        let mut limiter = Limiter::new();
        for _ in 0..3 {
            assert_eq!(limiter.admit("1", false, false, at(0)), Ok(()));
        }
        assert_eq!(limiter.admit("1", false, false, at(0)), Err(1));
        assert_eq!(limiter.admit("2", false, false, at(0)), Ok(()), "another chat goes on");
        assert_eq!(limiter.admit("1", false, false, at(1000)), Ok(()));
    }

    #[test]
    fn a_bot_takes_thirty_a_second_unless_it_pays() {
        let mut limiter = Limiter::new();
        for chat in 0..30 {
            assert_eq!(limiter.admit(&chat.to_string(), false, false, at(0)), Ok(()));
        }
        assert_eq!(limiter.admit("30", false, false, at(0)), Err(1));
        assert_eq!(limiter.admit("30", false, true, at(0)), Ok(()));
        assert_eq!(limiter.admit("31", false, false, at(33)), Ok(()));
    }

    #[test]
    fn a_group_takes_twenty_and_then_twenty_a_minute() {
        let mut limiter = Limiter::new();
        let mut taken = (0..120).filter(|second| limiter.admit("-1", true, false, at(second * 1000)).is_ok());
        // The burst lasts while it is spent faster than it comes back.
        assert_eq!(taken.nth(28), Some(28));
        assert_eq!(taken.collect::<Vec<_>>(), (10..40).map(|n| n * 3).collect::<Vec<_>>());
    }
}
