//! What only time brings about: parking by age, deadlines, statuses that did not come, waits that are over.

use super::Machine;
use super::item::{Failure, State};
use super::protocol::{Command, Now};

impl Machine {
    /// Parks what waits long. To be called when a long wait was learned; it costs as much as there is in memory.
    pub(crate) fn park_waiting(&mut self, now: Now) {
        let waits = |item: &super::item::Item| item.state == State::Queued && item.put.is_none();
        let to_park: Vec<u64> = self
            .items
            .iter()
            .filter(|(_, item)| waits(item) && self.must_park(item, now))
            .map(|(offset, _)| *offset)
            .collect();
        to_park.into_iter().for_each(|offset| self.park(offset));
    }

    /// Looks at everything that waits. To be called about once a second.
    pub(crate) fn sweep(&mut self, now: Now) {
        self.park_waiting(now);
        let unclear: Vec<_> = self
            .items
            .iter()
            .filter_map(|(offset, item)| match &item.state {
                State::Checking(until, reason) if *until <= now.moment => Some((*offset, reason.clone())),
                _ => None,
            })
            .collect();
        unclear.into_iter().for_each(|(offset, reason)| self.not_clear(offset, reason));
        self.copy_forward();
        self.expire(now);
        let gone = self.chats.drop_idle(now.moment);
        self.out.extend(gone.into_iter().map(Command::Gone));
        self.drop_waits(now.moment);
    }

    /// Heads whose time is over. What stands behind a head is looked at when it is the head.
    fn expire(&mut self, now: Now) {
        let late = |chat: &super::chats::Chat| {
            let offset = self.head(chat)?;
            let deadline = match self.chats.slot(chat, offset) {
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
