//! Many small values, found by a reply's id: what a million parked replies are kept in.
//!
//! Guarantee: a value costs its own size and about ten bytes for its id's entry. Nothing is ever copied to grow, and the
//! memory is given back when the last value is gone.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::domain::ids::EventId;

/// Values that are allocated together.
const CHUNK: usize = 4096;

/// Something that belongs to a reply.
pub(super) trait Keyed: Copy {
    /// The reply's id.
    fn id(&self) -> EventId;
}

/// Values by number and by id. Numbers of removed values are used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), by_id: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<T: Keyed> Slots<T> {
    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Adds a value, whose id has none; its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let at = self.place(value);
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        let hash = |at: &u32| hash_of(chunks, hasher, *at);
        self.by_id.insert_unique(hasher.hash_one(value.id()), at, hash);
        at
    }

    /// The value with this number.
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        look(&self.chunks, at)
    }

    /// The value of a reply.
    pub(super) fn find(&self, id: EventId) -> Option<&T> {
        let at = self.by_id.find(self.hasher.hash_one(id), |at| self.is(*at, id))?;
        self.get(*at)
    }

    /// The same, to change it; its id stays.
    pub(super) fn find_mut(&mut self, id: EventId) -> Option<&mut T> {
        let at = *self.by_id.find(self.hasher.hash_one(id), |at| self.is(*at, id))? as usize;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// Takes a reply's value away.
    pub(super) fn remove(&mut self, id: EventId) -> Option<T> {
        let (chunks, hash) = (&self.chunks, self.hasher.hash_one(id));
        let is = |at: &u32| look(chunks, *at).is_some_and(|value| value.id() == id);
        let (at, _) = self.by_id.find_entry(hash, is).ok()?.remove();
        let value = self.get(at).copied();
        self.free.push(at);
        if self.by_id.is_empty() {
            (self.chunks, self.free, self.by_id) = (Vec::new(), Vec::new(), HashTable::new());
        }
        value
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_id.iter().filter_map(|at| self.get(*at))
    }

    fn is(&self, at: u32, id: EventId) -> bool {
        self.get(at).is_some_and(|value| value.id() == id)
    }

    fn place(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            let place =
                self.chunks.get_mut(at as usize / CHUNK).and_then(|chunk| chunk.get_mut(at as usize % CHUNK));
            if let Some(place) = place {
                *place = value;
                return at;
            }
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let Some(chunk) = self.chunks.last_mut() else { return u32::MAX };
        chunk.push(value);
        // A partition parks fewer than four billion replies: its bots have a bound.
        u32::try_from(before + chunk.len() - 1).unwrap_or(u32::MAX)
    }
}

fn look<T>(chunks: &[Vec<T>], at: u32) -> Option<&T> {
    chunks.get(at as usize / CHUNK)?.get(at as usize % CHUNK)
}

fn hash_of<T: Keyed>(chunks: &[Vec<T>], hasher: &RandomState, at: u32) -> u64 {
    // Every number in the table has its value.
    look(chunks, at).map_or(0, |value| hasher.hash_one(value.id()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::channel::ChannelKind;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Value(EventId, u32);

    impl Keyed for Value {
        fn id(&self) -> EventId {
            self.0
        }
    }

    fn id(n: u32) -> EventId {
        EventId::root(ChannelKind::Telegram, "1", &n.to_string())
    }

    proptest! {
        /// As a map would: whatever comes and goes.
        #[test]
        fn what_is_kept_is_found(steps in prop::collection::vec((0..40_u32, any::<bool>()), 0..400)) {
            let (mut slots, mut map) = (Slots::default(), HashMap::new());
            for (step, (n, add)) in (0..).zip(steps) {
                if add && !map.contains_key(&n) {
                    let at = slots.insert(Value(id(n), step));
                    prop_assert_eq!(slots.get(at), Some(&Value(id(n), step)));
                    map.insert(n, step);
                } else if !add {
                    prop_assert_eq!(slots.remove(id(n)), map.remove(&n).map(|step| Value(id(n), step)));
                }
                prop_assert_eq!(slots.len(), map.len());
                for n in 0..40 {
                    prop_assert_eq!(slots.find(id(n)).map(|value| value.1), map.get(&n).copied());
                }
            }
            prop_assert_eq!(slots.iter().count(), map.len());
        }
    }

    #[test]
    fn more_than_one_chunk_is_given_back() {
        let mut slots = Slots::default();
        let all = u32::try_from(CHUNK * 2 + 10).unwrap();
        for n in 0..all {
            slots.insert(Value(id(n), n));
        }
        assert_eq!((slots.chunks.len(), slots.find(id(all - 1)).unwrap().1), (3, all - 1));
        slots.find_mut(id(CHUNK as u32)).unwrap().1 = 7;
        assert_eq!(slots.remove(id(CHUNK as u32)).unwrap().1, 7);
        for n in 0..all {
            slots.remove(id(n));
        }
        assert_eq!((slots.len(), slots.chunks.capacity(), slots.by_id.capacity()), (0, 0, 0));
    }
}
