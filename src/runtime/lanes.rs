//! Order per key, concurrency across keys, turns between owners.
//!
//! Guarantee: of one key at most one item is out, items of a key come out in the order they went in, and owners whose keys
//! wait take turns. How many are out in all is the caller's to bound: it asks whose turn it is, and starts a key of theirs
//! when it has a place for one. Pure; a property test says so.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items waiting behind their keys, keys behind their owners.
#[derive(Debug)]
pub struct Lanes<O, K, T> {
    /// What waits behind each key that has an item out or waiting. A key that changes its owner meanwhile stays the first
    /// one's.
    keys: HashMap<K, VecDeque<T>>,
    /// Owners of keys that wait.
    owners: HashMap<O, Own<K>>,
    /// Owners whose turn was not given out yet, in turn.
    turns: VecDeque<O>,
}

#[derive(Debug)]
struct Own<K> {
    /// Keys that have none out, in order of arrival.
    waiting: VecDeque<K>,
    /// Stands in `turns`, or has its turn.
    listed: bool,
}

impl<O: Eq + Hash + Clone, K: Eq + Hash + Clone, T> Default for Lanes<O, K, T> {
    fn default() -> Self {
        Self { keys: HashMap::new(), owners: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<O: Eq + Hash + Clone, K: Eq + Hash + Clone, T> Lanes<O, K, T> {
    /// Puts an item behind its key.
    pub fn push(&mut self, owner: O, key: K, item: T) {
        if let Some(items) = self.keys.get_mut(&key) {
            return items.push_back(item);
        }
        self.keys.insert(key.clone(), VecDeque::from([item]));
        let own = self
            .owners
            .entry(owner.clone())
            .or_insert_with(|| Own { waiting: VecDeque::new(), listed: false });
        own.waiting.push_back(key);
        self.list(owner);
    }

    /// Whose turn it is, if anybody's: answered by [`Lanes::start`] or [`Lanes::pass`].
    pub fn turn(&mut self) -> Option<O> {
        self.turns.pop_front()
    }

    /// The next item of the owner whose turn it was; its key is busy until [`Lanes::done`].
    pub fn start(&mut self, owner: &O) -> Option<(K, T)> {
        let key = self.owners.get_mut(owner)?.waiting.pop_front()?;
        self.pass(owner);
        let item = self.keys.get_mut(&key)?.pop_front()?;
        Some((key, item))
    }

    /// The owner had its turn.
    pub fn pass(&mut self, owner: &O) {
        let Some(own) = self.owners.get_mut(owner) else { return };
        own.listed = false;
        if own.waiting.is_empty() {
            self.owners.remove(owner);
        } else {
            self.list(owner.clone());
        }
    }

    /// The key's item is over; gives the next one of the same key, which is out at once.
    pub fn done(&mut self, key: &K) -> Option<T> {
        let next = self.keys.get_mut(key)?.pop_front();
        if next.is_none() {
            self.keys.remove(key);
        }
        next
    }

    fn list(&mut self, owner: O) {
        if let Some(own) = self.owners.get_mut(&owner)
            && !std::mem::replace(&mut own.listed, true)
        {
            self.turns.push_back(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn owners_take_turns_however_many_keys_one_brings() {
        let mut lanes = Lanes::default();
        (0..100).for_each(|key| lanes.push("much", key, key));
        lanes.push("little", 1_000, 1_000);
        let mut out = Vec::new();
        while let Some(owner) = lanes.turn() {
            out.extend(lanes.start(&owner).map(|(key, _)| key));
        }
        assert_eq!((out.len(), out[1]), (101, 1_000), "{out:?}");
        // A turn that nobody had a place for comes again.
        (0..100).for_each(|key| assert_eq!(lanes.done(&key), None));
        lanes.push("much", 1, 1);
        let owner = lanes.turn().unwrap();
        assert_eq!(lanes.turn(), None);
        lanes.pass(&owner);
        assert_eq!(lanes.turn(), Some("much"));
    }

    proptest! {
        #[test]
        fn order_holds_in_a_key_whoever_owns_it(
            width in 1usize..5,
            steps in prop::collection::vec((0u8..6, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let mut lanes = Lanes::default();
            let (mut out, mut sent, mut seen) = (Vec::new(), HashMap::new(), HashMap::new());
            let mut note = |key: u8, n: u32| {
                let last = seen.insert(key, n);
                last.is_none_or(|last| last + 1 == n)
            };
            let mut pushed = 0;
            let mut steps = steps.into_iter();
            loop {
                match steps.next() {
                    Some((key, false, _)) => {
                        let n = sent.entry(key).or_insert(0);
                        *n += 1;
                        // Its owner changes now and then.
                        lanes.push((u32::from(key) + *n / 3) % 3, key, *n);
                        pushed += 1;
                    }
                    Some((_, true, pick)) if !out.is_empty() => {
                        let key = out.swap_remove(pick.index(out.len()));
                        if let Some(n) = lanes.done(&key) {
                            prop_assert!(note(key, n));
                            out.push(key);
                        }
                    }
                    Some(_) => {}
                    // Everything comes out in the end.
                    None => match out.pop() {
                        Some(key) => {
                            if let Some(n) = lanes.done(&key) {
                                prop_assert!(note(key, n));
                                out.push(key);
                            }
                        }
                        None => break,
                    },
                }
                while out.len() < width
                    && let Some(owner) = lanes.turn()
                {
                    if let Some((key, n)) = lanes.start(&owner) {
                        prop_assert!(note(key, n));
                        prop_assert!(!out.contains(&key));
                        out.push(key);
                    }
                }
            }
            prop_assert_eq!(seen.values().sum::<u32>(), pushed);
            prop_assert!(lanes.keys.is_empty() && lanes.owners.is_empty() && lanes.turns.is_empty());
        }
    }
}
