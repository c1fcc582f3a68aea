//! A conversation: what of it is parked and only waits, and what something is done with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smol_str::SmolStr;

use crate::stages::dispatch::parking::item::Slot;

/// A conversation with replies to send, or with a wait.
#[derive(Debug)]
pub(in crate::stages::dispatch::parking) struct Chat {
    /// Its name behind its account's.
    pub(super) rest: SmolStr,
    /// Its account's number.
    pub(super) account: u32,
    pub(super) parked: List,
    /// What most chats of a partition that is restored have nothing of.
    pub(super) busy: Option<Box<Busy>>,
}

/// Parked replies of a chat that only wait, by offset: the numbers of the first and the last slot, which are linked.
#[derive(Debug)]
pub(super) struct List {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) len: u32,
}

/// What a chat has with which something is done.
#[derive(Debug, Default)]
pub(super) struct Busy {
    /// Nothing goes out before.
    until: Duration,
    /// Offsets of its items.
    pub(super) live: BTreeSet<u64>,
    /// Parked replies that only wait and were parked after one between which and an older one they belong: their numbers,
    /// by their offsets.
    pub(super) between: BTreeMap<u64, u32>,
    /// Set where the order is broken on purpose.
    #[cfg(test)]
    pub(super) arrived: Option<Vec<u64>>,
}

impl Busy {
    /// Nothing is done with its chat.
    fn is_over(&self, now: Duration) -> bool {
        #[cfg(test)]
        if self.arrived.is_some() {
            return false;
        }
        self.live.is_empty() && self.between.is_empty() && self.until <= now
    }
}

impl List {
    pub(super) const EMPTY: Self = Self { first: Slot::NONE, last: Slot::NONE, len: 0 };
}

impl Chat {
    pub(in crate::stages::dispatch::parking) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many replies it has.
    pub(in crate::stages::dispatch::parking) fn len(&self) -> usize {
        let busy = self.busy.as_ref().map_or(0, |busy| busy.live.len() + busy.between.len());
        self.parked.len as usize + busy
    }

    /// Offsets of its items.
    pub(in crate::stages::dispatch::parking) fn live(&self) -> impl Iterator<Item = u64> {
        self.busy.iter().flat_map(|busy| busy.live.iter().copied())
    }

    /// A reply comes for the first time.
    pub(in crate::stages::dispatch::parking) fn add(&mut self, offset: u64) {
        self.busy().live.insert(offset);
        #[cfg(test)]
        self.arrives(offset);
    }

    /// An item is none any more.
    pub(in crate::stages::dispatch::parking) fn remove(&mut self, offset: u64) {
        if let Some(busy) = &mut self.busy {
            busy.live.remove(&offset);
        }
    }

    /// Nothing of it goes out before.
    pub(in crate::stages::dispatch::parking) fn wait(&mut self, until: Duration) {
        let busy = self.busy();
        busy.until = busy.until.max(until);
    }

    /// Until when nothing of it goes out.
    pub(in crate::stages::dispatch::parking) fn until(&self) -> Duration {
        self.busy.as_ref().map_or(Duration::ZERO, |busy| busy.until)
    }

    pub(super) fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// Gives memory back when nothing is done with it.
    pub(super) fn relax(&mut self, now: Duration) {
        self.busy.take_if(|busy| busy.is_over(now));
    }

    #[cfg(test)]
    pub(super) fn arrives(&mut self, offset: u64) {
        if let Some(arrived) = self.busy.as_mut().and_then(|busy| busy.arrived.as_mut()) {
            arrived.push(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_whose_replies_are_all_parked_is_small() {
        assert_eq!(size_of::<Chat>(), 48);
    }
}
