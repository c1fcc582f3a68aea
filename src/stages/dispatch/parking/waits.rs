//! Long waits that a provider asked for stand in the parked topic, so that a new owner does not try at once.
//!
//! Guarantee: each is written when it is learned and when it grows, and deleted when it is over. How the owner itself keeps
//! to it is the caller's, but for a bot's and for a chat's that has replies here.

use std::time::Duration;

use super::protocol::{Change, Now};
use super::{Machine, ToParked};
use crate::domain::events::Limited;

/// The most that one lane of a partition writes down; a further one ends with its owner.
const MOST: usize = 4096;

impl Machine {
    /// A provider wants nothing of this before `until`.
    pub(crate) fn write_down(&mut self, of: Limited, until: Duration, now: Now) {
        let wait = until.saturating_sub(now.moment);
        let known = self.waits.get(&of).copied();
        let grows = known.is_none_or(|known| until > known + self.bounds.long_wait);
        if wait > self.bounds.long_wait && grows && (known.is_some() || self.waits.len() < MOST) {
            self.waits.insert(of.clone(), until);
            let (until, at) = (now.wall.plus(wait), now.wall);
            self.push_parked(ToParked::Other, Change::Limit { of, until, at });
        }
    }

    /// What an earlier owner wrote down in this lane, or the other lane's, lasts until this moment.
    pub(super) fn wait_on(&mut self, of: &Limited, until: Duration) {
        match of {
            Limited::Bot(bot) => {
                let ix = self.chats.bot(bot);
                if let Some(bot) = self.chats.bot_mut(ix) {
                    bot.until = bot.until.max(until);
                }
            }
            Limited::Chat(chat) => self.park_wait_chat(chat, until),
            // Whoever has the limits is told of all of them.
            Limited::Number(_) | Limited::App(_) | Limited::Business(_) | Limited::Address(_) => {}
        }
    }

    /// Takes back what is over.
    pub(super) fn drop_waits(&mut self, now: Duration) {
        let over: Vec<Limited> =
            self.waits.iter().filter(|(_, until)| **until <= now).map(|(of, _)| of.clone()).collect();
        for of in over {
            self.waits.remove(&of);
            self.push_parked(ToParked::Other, Change::DelLimit(of));
        }
    }
}
