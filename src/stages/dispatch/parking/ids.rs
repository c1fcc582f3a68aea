//! Where the value of an id stands: a table of numbers that holds no key and grows by half.
//!
//! Guarantee: a number costs 5.7 to 8.6 bytes, and at most 5.9 after [`Ids::fit`]; a table that doubles would take up to
//! twice that. Who asks compares the keys: the table knows one byte of their hash.

/// Of so many places at most [`FULL`] are taken: beyond that a look-up would pass over too many.
const OF: usize = 8;
/// See [`OF`].
const FULL: usize = 7;
/// Places of the first table.
const FIRST: usize = 64;

/// Numbers by hash: open addressing, with what follows moved up when one is removed.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// A byte of the hash, never 0; 0 = nothing stands here.
    tags: Vec<u8>,
    numbers: Vec<u32>,
    len: usize,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number with this hash that is the one.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is).and_then(|place| self.numbers.get(place)).copied()
    }

    /// Adds a number, which is not there. `hash_of` tells the hash of each number that is.
    pub(super) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.len + 1) * OF > self.tags.len() * FULL {
            self.resize((self.tags.len() + self.tags.len() / 2).max(FIRST), hash_of);
        }
        self.put(hash, number);
    }

    /// Takes a number away.
    pub(super) fn remove(
        &mut self,
        hash: u64,
        is: impl Fn(u32) -> bool,
        hash_of: impl Fn(u32) -> u64,
    ) -> Option<u32> {
        let mut hole = self.place(hash, is)?;
        let found = self.numbers[hole];
        let places = self.tags.len();
        let mut at = hole;
        loop {
            at = (at + 1) % places;
            if self.tags[at] == 0 {
                break;
            }
            // Moved up unless that would bring it before its home.
            let home = self.home(hash_of(self.numbers[at]));
            if (at + places - home) % places >= (at + places - hole) % places {
                (self.tags[hole], self.numbers[hole]) = (self.tags[at], self.numbers[at]);
                hole = at;
            }
        }
        self.tags[hole] = 0;
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
        }
        Some(found)
    }

    /// All numbers, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.tags.iter().zip(&self.numbers).filter(|(tag, _)| **tag != 0).map(|(_, number)| *number)
    }

    /// Gives memory back that it does not need soon.
    pub(super) fn fit(&mut self, hash_of: impl Fn(u32) -> u64) {
        let places = (self.len + self.len / 6).max(FIRST);
        if places < self.tags.len() {
            self.resize(places, hash_of);
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.tags.capacity() + self.numbers.capacity() * size_of::<u32>()
    }

    fn resize(&mut self, places: usize, hash_of: impl Fn(u32) -> u64) {
        let new = Self { tags: vec![0; places], numbers: vec![0; places], len: 0 };
        let old = std::mem::replace(self, new);
        old.iter().for_each(|number| self.put(hash_of(number), number));
    }

    fn put(&mut self, hash: u64, number: u32) {
        let mut at = self.home(hash);
        while self.tags[at] != 0 {
            at = (at + 1) % self.tags.len();
        }
        (self.tags[at], self.numbers[at]) = (tag(hash), number);
        self.len += 1;
    }

    fn place(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let (mut at, tag) = (self.home(hash), tag(hash));
        // Some place is free, so this ends.
        while self.tags[at] != 0 {
            if self.tags[at] == tag && is(self.numbers[at]) {
                return Some(at);
            }
            at += 1;
            if at == self.tags.len() {
                at = 0;
            }
        }
        None
    }

    /// Where the numbers of a hash begin: by its upper bits, for any number of places.
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.tags.len() as u128) >> 64) as usize
    }
}

/// By the hash's lower bits.
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a map would, also where hashes meet and where the table ends.
        #[test]
        fn what_is_kept_is_found(
            hashes in prop::collection::vec(prop_oneof![Just(u64::MAX), Just(0), any::<u64>()], 1..200),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..600),
        ) {
            let (mut ids, mut map) = (Ids::default(), BTreeMap::new());
            let hash_of = |number: u32| hashes[number as usize];
            for (step, (number, add)) in steps.into_iter().enumerate() {
                let number = number.index(hashes.len()) as u32;
                let hash = hash_of(number);
                if add && !map.contains_key(&number) {
                    ids.insert(hash, number, hash_of);
                    map.insert(number, ());
                } else if !add {
                    let removed = ids.remove(hash, |at| at == number, hash_of);
                    prop_assert_eq!(removed.is_some(), map.remove(&number).is_some());
                }
                if step % 50 == 49 {
                    ids.fit(hash_of);
                }
                prop_assert_eq!(ids.len(), map.len());
                for number in 0..hashes.len() as u32 {
                    let found = ids.find(hash_of(number), |at| at == number);
                    prop_assert_eq!(found.is_some(), map.contains_key(&number));
                }
                prop_assert_eq!(ids.iter().count(), map.len());
            }
        }
    }

    #[test]
    fn an_empty_table_takes_nothing_and_a_full_one_little() {
        let mut ids = Ids::default();
        let hash_of = |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let all = 100_000;
        (0..all).for_each(|number| ids.insert(hash_of(number), number, hash_of));
        ids.fit(hash_of);
        assert!(ids.bytes() < all as usize * 59 / 10, "{}", ids.bytes());
        for number in 0..all {
            assert_eq!(ids.remove(hash_of(number), |at| at == number, hash_of), Some(number));
        }
        assert_eq!((ids.len(), ids.bytes()), (0, 0));
    }
}
