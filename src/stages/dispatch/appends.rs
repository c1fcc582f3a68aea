//! Appends to one log, one after the other, so that they are acknowledged in the order in which they were asked for.
//!
//! Guarantee: at most one batch is under way; nothing is left out and nothing overtakes.

use std::collections::VecDeque;

/// Entries in one batch: far below any engine's bound, enough to make a sync cheap.
const MOST: usize = 1024;
/// Bytes in one batch; a single larger entry goes alone.
const MOST_BYTES: usize = 1 << 20;

/// What is to be appended and what is on its way.
#[derive(Debug)]
pub(super) struct Appends<T> {
    queued: VecDeque<(T, usize)>,
    under_way: bool,
}

impl<T> Default for Appends<T> {
    fn default() -> Self {
        Self { queued: VecDeque::new(), under_way: false }
    }
}

impl<T> Appends<T> {
    /// Adds an entry of about so many bytes.
    pub(super) fn push(&mut self, entry: T, bytes: usize) {
        self.queued.push_back((entry, bytes));
    }

    /// The next batch, if there is one and none is under way.
    pub(super) fn depart(&mut self) -> Option<Vec<T>> {
        if self.under_way || self.queued.is_empty() {
            return None;
        }
        self.under_way = true;
        let (mut taken, mut bytes) = (0, 0);
        for (_, size) in self.queued.iter().take(MOST) {
            bytes += size;
            if taken > 0 && bytes > MOST_BYTES {
                break;
            }
            taken += 1;
        }
        Some(self.queued.drain(..taken).map(|(entry, _)| entry).collect())
    }

    /// The batch under way is acknowledged.
    pub(super) fn landed(&mut self) {
        self.under_way = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_batch_at_a_time_in_order_and_bounded() {
        let mut appends = Appends::default();
        (0..MOST + 1).for_each(|n| appends.push(n, 10));
        let first = appends.depart().unwrap();
        assert_eq!((first.len(), first[0]), (MOST, 0));
        assert_eq!(appends.depart(), None);
        appends.landed();
        assert_eq!(appends.depart(), Some(vec![MOST]));
        appends.landed();
        for n in 0..3 {
            appends.push(n, MOST_BYTES);
        }
        assert_eq!(appends.depart(), Some(vec![0]));
    }
}
