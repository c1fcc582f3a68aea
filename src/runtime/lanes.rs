//! Order per key, concurrency across keys.
//!
//! Guarantee: of one key at most one item is out, items of a key come out in the order they went in, and at most
//! `width` are out in all. Pure; a property test says so.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items waiting behind their keys.
#[derive(Debug)]
pub struct Lanes<K, T> {
    width: usize,
    running: usize,
    /// What waits behind each key that has an item out or waiting.
    queues: HashMap<K, VecDeque<T>>,
    /// Keys that have none out, in order of arrival.
    waiting: VecDeque<K>,
}

impl<K: Eq + Hash + Clone, T> Lanes<K, T> {
    /// At most `width` items out at once.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width: width.max(1), running: 0, queues: HashMap::new(), waiting: VecDeque::new() }
    }

    /// Puts an item behind its key.
    pub fn push(&mut self, key: K, item: T) {
        let waiting = &mut self.waiting;
        let queue = self.queues.entry(key).or_insert_with_key(|key| {
            waiting.push_back(key.clone());
            VecDeque::new()
        });
        queue.push_back(item);
    }

    /// The next item that may start, if any; its key is busy until [`Lanes::done`].
    pub fn start(&mut self) -> Option<(K, T)> {
        if self.running >= self.width {
            return None;
        }
        let key = self.waiting.pop_front()?;
        let item = self.queues.get_mut(&key)?.pop_front()?;
        self.running += 1;
        Some((key, item))
    }

    /// The key's item is over; gives the next one of the same key, which is out at once.
    pub fn done(&mut self, key: &K) -> Option<T> {
        let next = self.queues.get_mut(key)?.pop_front();
        if next.is_none() {
            self.queues.remove(key);
            self.running -= 1;
        }
        next
    }

    /// How many are out.
    #[must_use]
    pub const fn running(&self) -> usize {
        self.running
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_holds_in_a_key_and_the_width_over_all(
            width in 1usize..5,
            steps in prop::collection::vec((0u8..6, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let mut lanes = Lanes::new(width);
            let (mut out, mut sent, mut seen) = (Vec::new(), HashMap::new(), HashMap::new());
            let mut note = |key: u8, n: u32| {
                let last = seen.insert(key, n);
                last.is_none_or(|last| last + 1 == n)
            };
            let mut pushed = 0;
            for (key, finish, pick) in steps {
                if finish && !out.is_empty() {
                    let key = out.swap_remove(pick.index(out.len()));
                    if let Some(n) = lanes.done(&key) {
                        prop_assert!(note(key, n));
                        out.push(key);
                    }
                } else {
                    let n = sent.entry(key).or_insert(0);
                    *n += 1;
                    lanes.push(key, *n);
                    pushed += 1;
                }
                while let Some((key, n)) = lanes.start() {
                    prop_assert!(note(key, n));
                    prop_assert!(!out.contains(&key));
                    out.push(key);
                }
                prop_assert!(out.len() <= width);
                prop_assert_eq!(out.len(), lanes.running());
            }
            // Everything comes out in the end.
            while let Some(key) = out.pop() {
                if let Some(n) = lanes.done(&key) {
                    prop_assert!(note(key, n));
                    out.push(key);
                }
                while let Some((key, n)) = lanes.start() {
                    prop_assert!(note(key, n));
                    out.push(key);
                }
            }
            prop_assert_eq!(seen.values().sum::<u32>(), pushed);
        }
    }
}
