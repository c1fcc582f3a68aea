//! Concurrency without order, of which each owner has a share.
//!
//! Guarantee: at most `width` items are out in all, of one owner at most its share of them and of the places to wait; owners
//! take turns, and items of an owner come out in the order they went in. An item that finds its owner's places taken comes
//! out as *late* before its time, in a share of its own, so that an owner who brings more than is ever done holds nobody
//! up. Pure; a property test says so.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items that wait, by owner.
#[derive(Debug)]
pub struct Shares<K, T> {
    width: usize,
    share: usize,
    waiting: usize,
    running: usize,
    owners: HashMap<Owner<K>, Own<T>>,
    /// Owners who have an item waiting and room in their share, in turn.
    turns: VecDeque<Owner<K>>,
}

/// Whose an item is: somebody's, or one of those that are late.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner<K> {
    /// One who has a share.
    Known(K),
    /// All who brought too much, together.
    Late,
}

#[derive(Debug)]
struct Own<T> {
    running: usize,
    waiting: VecDeque<T>,
    /// Stands in `turns`.
    listed: bool,
}

impl<K: Eq + Hash + Clone, T> Shares<K, T> {
    /// At most `width` items out at once, `share` of them one owner's, of which further `waiting` wait.
    #[must_use]
    pub fn new(width: usize, share: usize, waiting: usize) -> Self {
        let (owners, turns) = (HashMap::new(), VecDeque::new());
        Self { width: width.max(1), share: share.max(1), waiting, running: 0, owners, turns }
    }

    /// Puts an item behind the others of its owner.
    pub fn push(&mut self, owner: K, item: T) {
        let known = Owner::Known(owner);
        let full = self.owners.get(&known).is_some_and(|own| own.waiting.len() >= self.waiting.max(1));
        let owner = if full { Owner::Late } else { known };
        let own = self.owners.entry(owner.clone()).or_insert_with(|| Own {
            running: 0,
            waiting: VecDeque::new(),
            listed: false,
        });
        own.waiting.push_back(item);
        self.list(owner);
    }

    /// True when [`Shares::start`] would give one.
    #[must_use]
    pub fn may_start(&self) -> bool {
        self.running < self.width && !self.turns.is_empty()
    }

    /// The next item that may start, if any, and whose it is; see [`Shares::done`].
    pub fn start(&mut self) -> Option<(Owner<K>, T)> {
        if self.running >= self.width {
            return None;
        }
        let owner = self.turns.pop_front()?;
        let own = self.owners.get_mut(&owner)?;
        own.listed = false;
        let item = own.waiting.pop_front()?;
        own.running += 1;
        self.running += 1;
        self.list(owner.clone());
        Some((owner, item))
    }

    /// An item of this owner is over.
    pub fn done(&mut self, owner: &Owner<K>) {
        let Some(own) = self.owners.get_mut(owner) else { return };
        own.running -= 1;
        self.running -= 1;
        if own.running == 0 && own.waiting.is_empty() {
            self.owners.remove(owner);
        } else {
            self.list(owner.clone());
        }
    }

    /// Gives an owner a turn, if it has something waiting and room for it.
    fn list(&mut self, owner: Owner<K>) {
        let share = self.share;
        if let Some(own) = self.owners.get_mut(&owner)
            && !own.listed
            && own.running < share
            && !own.waiting.is_empty()
        {
            own.listed = true;
            self.turns.push_back(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_who_brings_much_takes_a_share_and_the_rest_is_late() {
        let mut shares = Shares::new(8, 2, 3);
        for n in 0..9 {
            shares.push("slow", n);
        }
        shares.push("other", 100);
        let out: Vec<_> = std::iter::from_fn(|| shares.start()).collect();
        let of = |owner| out.iter().filter(|(o, _)| *o == owner).map(|(_, n)| *n).collect::<Vec<_>>();
        assert_eq!(of(Owner::Known("slow")), [0, 1]);
        assert_eq!(of(Owner::Late), [3, 4], "six found no place to wait");
        assert_eq!(of(Owner::Known("other")), [100]);
        shares.done(&Owner::Known("slow"));
        assert_eq!(shares.start(), Some((Owner::Known("slow"), 2)));
        assert_eq!(shares.start(), None);
    }

    proptest! {
        #[test]
        fn bounds_and_order_hold_and_everything_comes_out(
            (width, share, waiting) in (1usize..6, 1usize..4, 0usize..4),
            steps in prop::collection::vec((0u8..4, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let mut shares = Shares::new(width, share, waiting);
            let (mut out, mut seen) = (Vec::new(), HashMap::new());
            let (mut pushed, mut came) = (0u32, 0u32);
            let mut steps = steps.into_iter();
            loop {
                let step = steps.next();
                match step {
                    Some((owner, false, _)) => {
                        pushed += 1;
                        shares.push(owner, pushed);
                    }
                    Some((_, true, pick)) if !out.is_empty() => {
                        let owner: Owner<u8> = out.swap_remove(pick.index(out.len()));
                        shares.done(&owner);
                    }
                    Some(_) => {}
                    None => match out.pop() {
                        Some(owner) => shares.done(&owner),
                        None => break,
                    },
                }
                while let Some((owner, n)) = shares.start() {
                    came += 1;
                    let last = seen.insert(owner.clone(), n);
                    prop_assert!(last.is_none_or(|last| last < n), "in order");
                    out.push(owner);
                }
                prop_assert!(out.len() <= width);
                for owner in &out {
                    prop_assert!(out.iter().filter(|other| *other == owner).count() <= share);
                }
            }
            prop_assert_eq!(came, pushed);
            prop_assert!(shares.owners.is_empty() && shares.turns.is_empty());
        }
    }
}
