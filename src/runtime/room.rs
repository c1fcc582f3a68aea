//! The lanes of a stage in one process: its partitions share them, and owners take turns.
//!
//! Guarantee: at most `width` places are out. Who has less than a quarter of them goes before who has more; who has a
//! quarter takes a further one only while nobody with less waits, and never of the last quarter, which is there for who
//! comes next: so one with a large backlog holds nobody up. A place that is dropped is free. Who takes which is pure; a
//! property test says so.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Of the lanes one owner may have one in so many while others wait, and as many are kept for who comes next.
const SHARE: usize = 4;

/// Whose a place may be.
pub trait Party: Eq + Hash + Clone + Debug + Send + 'static {}

impl<K: Eq + Hash + Clone + Debug + Send + 'static> Party for K {}

/// The places. Clones are the same room.
#[derive(Debug)]
pub struct Room<K: Party>(Arc<Mutex<Turns<K, oneshot::Sender<Permit<K>>>>>);

impl<K: Party> Clone for Room<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Permit<K: Party> {
    room: Room<K>,
    owner: K,
}

impl<K: Party> Room<K> {
    /// With so many places.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self(Arc::new(Mutex::new(Turns::new(width))))
    }

    /// A place for this owner now, or what will give one.
    ///
    /// # Errors
    /// With the latter; whoever drops it wants none any more.
    pub fn take(&self, owner: &K) -> Result<Permit<K>, oneshot::Receiver<Permit<K>>> {
        let mut turns = self.turns();
        if turns.take(owner) {
            return Ok(self.place(owner.clone()));
        }
        let (waiter, permit) = oneshot::channel();
        turns.wait(owner.clone(), waiter);
        Err(permit)
    }

    fn place(&self, owner: K) -> Permit<K> {
        Permit { room: self.clone(), owner }
    }

    fn turns(&self) -> MutexGuard<'_, Turns<K, oneshot::Sender<Permit<K>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those who wait.
    fn give(&self) {
        loop {
            let next = {
                let mut turns = self.turns();
                match turns.next() {
                    // Nobody waits for it any more.
                    Some((owner, waiter)) if waiter.is_closed() => {
                        turns.done(&owner);
                        continue;
                    }
                    next => next,
                }
            };
            let Some((owner, waiter)) = next else { return };
            // Who has gone in this very moment gives it back by dropping it.
            drop(waiter.send(self.place(owner)));
        }
    }
}

impl<K: Party> Drop for Permit<K> {
    fn drop(&mut self) {
        self.room.turns().done(&self.owner);
        self.room.give();
    }
}

/// Whose turn it is. `W` is what waits.
#[derive(Debug)]
struct Turns<K, W> {
    width: usize,
    out: usize,
    owners: HashMap<K, Own<W>>,
    /// Owners with something waiting, in turn.
    turns: VecDeque<K>,
}

#[derive(Debug)]
struct Own<W> {
    out: usize,
    waiting: VecDeque<W>,
}

impl<W> Default for Own<W> {
    fn default() -> Self {
        Self { out: 0, waiting: VecDeque::new() }
    }
}

impl<K: Party, W> Turns<K, W> {
    fn new(width: usize) -> Self {
        Self { width: width.max(1), out: 0, owners: HashMap::new(), turns: VecDeque::new() }
    }

    /// Takes a place, if the owner may have one now. Whoever waits may not, or would have one.
    fn take(&mut self, owner: &K) -> bool {
        let free = self.width - self.out;
        let may = if self.has_little(owner) { free > 0 } else { free > self.kept() };
        if may {
            self.owners.entry(owner.clone()).or_default().out += 1;
            self.out += 1;
        }
        may
    }

    fn wait(&mut self, owner: K, waiter: W) {
        let own = self.owners.entry(owner.clone()).or_default();
        own.waiting.push_back(waiter);
        if own.waiting.len() == 1 {
            self.turns.push_back(owner);
        }
    }

    fn done(&mut self, owner: &K) {
        let Some(own) = self.owners.get_mut(owner) else { return };
        own.out = own.out.saturating_sub(1);
        self.out = self.out.saturating_sub(1);
        if own.out == 0 && own.waiting.is_empty() {
            self.owners.remove(owner);
        }
    }

    /// The next who gets a place, if any; it is taken then.
    fn next(&mut self) -> Option<(K, W)> {
        let free = self.width - self.out;
        if free == 0 {
            return None;
        }
        // Few have much: a quarter each.
        let little = self.turns.iter().position(|owner| self.has_little(owner));
        let at = little.or_else(|| (free > self.kept() && !self.turns.is_empty()).then_some(0))?;
        let owner = self.turns.remove(at)?;
        let own = self.owners.get_mut(&owner)?;
        let waiter = own.waiting.pop_front()?;
        own.out += 1;
        self.out += 1;
        if !own.waiting.is_empty() {
            self.turns.push_back(owner.clone());
        }
        Some((owner, waiter))
    }

    fn has_little(&self, owner: &K) -> bool {
        self.owners.get(owner).map_or(0, |own| own.out) < (self.width / SHARE).max(1)
    }

    /// How many are kept for those who have little.
    const fn kept(&self) -> usize {
        self.width / SHARE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_that_is_dropped_goes_to_who_waits_and_never_to_who_has_gone() {
        let room = Room::new(1);
        let first = room.take(&"a").unwrap();
        let (gone, mut next) = (room.take(&"a").unwrap_err(), room.take(&"b").unwrap_err());
        drop(gone);
        assert!(next.try_recv().is_err());
        drop(first);
        let place = next.try_recv().unwrap();
        drop(place);
        assert!(room.take(&"c").is_ok());
        assert!(room.turns().owners.is_empty());
    }

    #[test]
    fn one_with_a_backlog_leaves_room_and_gives_way() {
        let mut turns = Turns::new(8);
        assert_eq!((0..9).filter(|_| turns.take(&"much")).count(), 6, "a quarter is kept");
        turns.wait("much", 1);
        assert!(turns.take(&"new") && turns.take(&"new"), "and there at once");
        turns.wait("new", 2);
        turns.wait("other", 3);
        turns.done(&"much");
        assert_eq!(turns.next(), Some(("other", 3)), "who has least");
        turns.done(&"much");
        assert_eq!(turns.next(), None, "both have their quarter, and what is free is kept");
        turns.done(&"much");
        turns.done(&"much");
        assert_eq!(turns.next(), Some(("much", 1)));
    }

    proptest! {
        #[test]
        fn bounds_hold_nobody_with_little_waits_beside_a_free_place_and_all_get_one(
            width in 1usize..13,
            steps in prop::collection::vec((0u8..5, any::<bool>(), any::<prop::sample::Index>()), 1..300),
        ) {
            let mut turns = Turns::new(width);
            let (mut out, mut wanted, mut got): (Vec<u8>, _, _) = (Vec::new(), 0, 0);
            let mut steps = steps.into_iter();
            loop {
                match steps.next() {
                    Some((owner, false, _)) => {
                        wanted += 1;
                        if turns.take(&owner) {
                            got += 1;
                            out.push(owner);
                        } else {
                            turns.wait(owner, wanted);
                        }
                    }
                    Some((_, true, pick)) if !out.is_empty() => {
                        turns.done(&out.swap_remove(pick.index(out.len())));
                    }
                    Some(_) => {}
                    None => match out.pop() {
                        Some(owner) => turns.done(&owner),
                        None => break,
                    },
                }
                while let Some((owner, _)) = turns.next() {
                    got += 1;
                    out.push(owner);
                }
                prop_assert!(out.len() <= width && out.len() == turns.out);
                let count = |owner: u8| out.iter().filter(|other| **other == owner).count();
                for owner in 0..5 {
                    prop_assert!(count(owner) <= (width - width / SHARE).max(1));
                    let waits = turns.owners.get(&owner).is_some_and(|own| !own.waiting.is_empty());
                    prop_assert!(!waits || out.len() == width || count(owner) >= (width / SHARE).max(1));
                }
            }
            prop_assert_eq!(wanted, got);
            prop_assert!(turns.owners.is_empty() && turns.turns.is_empty());
        }
    }
}
