//! What only time brings about: parking by age, deadlines, statuses that did not come, waits that are over.

use super::item::{Failure, State};
use super::protocol::{Change, Now};
use super::{Machine, ToParked};

impl Machine {
    /// Looks at what waits. To be called about once a second, and when a long wait was learned.
    pub(crate) fn sweep(&mut self, now: Now) {
        let mut to_park = Vec::new();
        let mut unclear = Vec::new();
        for (offset, item) in &self.items {
            match &item.state {
                State::Queued if item.put.is_none() && self.must_park(item, now) => to_park.push(*offset),
                State::Checking(until, reason) if *until <= now.moment => {
                    unclear.push((*offset, reason.clone()));
                }
                _ => {}
            }
        }
        to_park.into_iter().for_each(|offset| self.park(offset));
        unclear.into_iter().for_each(|(offset, reason)| self.not_clear(offset, reason));
        self.copy_forward();
        self.expire(now);
        for bot in self.chats.drop_idle(now.moment) {
            self.push_parked(ToParked::Other, Change::DelLimit(bot));
        }
    }

    /// Heads whose time is over. What stands behind a head is looked at when it is the head.
    fn expire(&mut self, now: Now) {
        let late = |chat: &super::chats::Chat| {
            let offset = self.head(chat)?;
            let deadline = match chat.parked.get(&offset) {
                Some(slot) => slot.deadline(),
                None => self.items.get(&offset).filter(|item| item.is_free())?.deadline,
            };
            (deadline <= now.wall).then_some(offset)
        };
        let late: Vec<_> = self.chats.iter().filter_map(|(ix, chat)| Some((ix, late(chat)?))).collect();
        for (chat, offset) in late {
            if self.rouse(chat, offset).is_some() {
                self.fail(offset, Failure::expired("expired"));
            }
        }
    }
}
