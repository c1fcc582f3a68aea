//! How far back a restore has to read the ledger: `low`, the smallest position that an open item needs.
//!
//! Guarantee: [`Holds::low`] never exceeds a held position, nor the ledger's end as this owner knows it. An append made
//! from now on lands at or behind that end, so holding it covers every later record of an item.

use std::collections::{BTreeMap, HashMap};

/// Positions that are held, by the offset of the item that holds them.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// Behind the last record that was read or acknowledged.
    end: u64,
    held: HashMap<u64, u64>,
    /// How many items hold a position.
    count: BTreeMap<u64, u32>,
}

impl Holds {
    /// A ledger that ends at `end`.
    pub(super) fn new(end: u64) -> Self {
        Self { end, ..Self::default() }
    }

    /// Where a restore may begin.
    pub(super) fn low(&self) -> u64 {
        self.count.keys().next().map_or(self.end, |low| self.end.min(*low))
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// A record at `position` is durable.
    pub(super) fn reached(&mut self, position: u64) {
        self.end = self.end.max(position + 1);
    }

    pub(super) fn get(&self, offset: u64) -> Option<u64> {
        self.held.get(&offset).copied()
    }

    /// Moves an item's hold.
    pub(super) fn set(&mut self, offset: u64, position: u64) {
        self.release(offset);
        self.held.insert(offset, position);
        *self.count.entry(position).or_default() += 1;
    }

    /// Holds what comes from now on, unless the item holds more already.
    pub(super) fn keep(&mut self, offset: u64) {
        if !self.held.contains_key(&offset) {
            self.set(offset, self.end);
        }
    }

    pub(super) fn release(&mut self, offset: u64) {
        let Some(position) = self.held.remove(&offset) else { return };
        if let Some(count) = self.count.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.count.remove(&position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_is_the_smallest_hold_or_the_end() {
        let mut holds = Holds::new(10);
        assert_eq!(holds.low(), 10);
        holds.keep(1);
        holds.reached(14);
        holds.keep(2);
        holds.keep(1);
        assert_eq!((holds.low(), holds.get(1), holds.get(2)), (10, Some(10), Some(15)));
        holds.set(1, 20);
        assert_eq!(holds.low(), 15);
        holds.release(2);
        holds.release(2);
        // Never past the end.
        assert_eq!(holds.low(), 15);
        holds.release(1);
        assert_eq!(holds.low(), 15);
    }
}
