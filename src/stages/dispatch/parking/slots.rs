//! Many small values, found by a reply's id: what a million parked replies are kept in.
//!
//! Guarantee: a value costs its own size and about six bytes for its id's entry ([`Ids`]). No value is ever copied to
//! grow, and the memory is given back when the last one is gone.

use std::hash::{BuildHasher, RandomState};

use super::ids::Ids;
use crate::domain::ids::EventId;

/// Bytes that are allocated together.
const CHUNK: usize = 256 << 10;

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
    ids: Ids,
    hasher: RandomState,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), ids: Ids::default(), hasher: RandomState::new() }
    }
}

impl<T: Keyed> Slots<T> {
    /// Values of one chunk.
    const EACH: usize = CHUNK / size_of::<T>();

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Adds a value, whose id has none; its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let at = self.place(value);
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        self.ids.insert(hasher.hash_one(value.id()), at, |at| hash_of(chunks, hasher, at));
        at
    }

    /// The value with this number.
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        look(&self.chunks, at)
    }

    /// The same, to change it; its id stays.
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.chunks.get_mut(at as usize / Self::EACH)?.get_mut(at as usize % Self::EACH)
    }

    /// The number of a reply's value.
    pub(super) fn number(&self, id: EventId) -> Option<u32> {
        let is = |at: u32| self.get(at).is_some_and(|value| value.id() == id);
        self.ids.find(self.hasher.hash_one(id), is)
    }

    /// The value of a reply.
    pub(super) fn find(&self, id: EventId) -> Option<&T> {
        self.get(self.number(id)?)
    }

    /// Takes a reply's value away.
    pub(super) fn remove(&mut self, id: EventId) -> Option<T> {
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        let is = |at: u32| look(chunks, at).is_some_and(|value| value.id() == id);
        let at = self.ids.remove(hasher.hash_one(id), is, |at| hash_of(chunks, hasher, at))?;
        let value = self.get(at).copied();
        self.free.push(at);
        if self.ids.len() == 0 {
            (self.chunks, self.free) = (Vec::new(), Vec::new());
        }
        value
    }

    /// The numbers of all of them, in the order in which they lie in memory: as they came, where none was removed.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let mut free = self.free.clone();
        free.sort_unstable();
        let mut free = free.into_iter().peekable();
        let all = self.chunks.iter().map(Vec::len).sum::<usize>();
        (0..u32::try_from(all).unwrap_or(u32::MAX)).filter(move |at| free.next_if_eq(at).is_none())
    }

    /// All of them, likewise.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.numbers().filter_map(|at| self.get(at))
    }

    /// Gives memory back that it does not need soon.
    pub(super) fn fit(&mut self) {
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        self.ids.fit(|at| hash_of(chunks, hasher, at));
        self.free.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<T>()).sum();
        chunks + self.free.capacity() * size_of::<u32>() + self.ids.bytes()
    }

    fn place(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(place) = self.get_mut(at)
        {
            *place = value;
            return at;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == Self::EACH) {
            self.chunks.push(Vec::with_capacity(Self::EACH));
        }
        let before = (self.chunks.len() - 1) * Self::EACH;
        let Some(chunk) = self.chunks.last_mut() else { return u32::MAX };
        chunk.push(value);
        // A partition parks fewer than four billion replies: its bots have a bound.
        u32::try_from(before + chunk.len() - 1).unwrap_or(u32::MAX)
    }
}

fn look<T: Keyed>(chunks: &[Vec<T>], at: u32) -> Option<&T> {
    chunks.get(at as usize / Slots::<T>::EACH)?.get(at as usize % Slots::<T>::EACH)
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
        let each = u32::try_from(Slots::<Value>::EACH).unwrap();
        let all = each * 2 + 10;
        for n in 0..all {
            slots.insert(Value(id(n), n));
        }
        assert_eq!((slots.chunks.len(), slots.find(id(all - 1)).unwrap().1), (3, all - 1));
        let at = slots.number(id(each)).unwrap();
        slots.get_mut(at).unwrap().1 = 7;
        assert_eq!(slots.remove(id(each)).unwrap().1, 7);
        for n in 0..all {
            slots.remove(id(n));
        }
        assert_eq!((slots.len(), slots.bytes()), (0, 0));
    }
}
