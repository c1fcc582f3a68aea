//! A crash, and what the process that lost the partition still does.
//!
//! An arbitrary beginning of what was not acknowledged is durable. The rest may land later, in order, or never; the old
//! machine hears of it and goes on by its own rules, which is what is tried. Its last durable record may be appended
//! again. Its commits are fenced.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::super::*;
use super::owner::{Owner, ParkedRecord};
use super::world::{CALL, World};
use crate::domain::events::Settled;

/// What may still land.
#[derive(Debug)]
pub(super) enum Late {
    /// Records of a process that died in its restore.
    Parked(VecDeque<ParkedRecord>),
    Ledger(VecDeque<Rc<Settled>>),
    /// A request that a provider takes late.
    Request(Head),
    /// An owner that lost the partition.
    Zombie(Box<Zombie>),
}

/// An owner that lost the partition and does not know.
#[derive(Debug)]
pub(super) struct Zombie {
    owner: Owner,
    lease: u64,
    /// How many of its oldest appends are durable already, and whether the last of them is appended again.
    parked: (usize, bool),
    ledger: (usize, bool),
}

impl World {
    /// The owner dies, or loses the partition.
    pub(super) fn crash(&mut self) {
        self.count("crash");
        self.count_done_duplicates();
        for (head, written) in self.owner.calls.values().copied().collect::<Vec<_>>() {
            // The provider takes it or not.
            if self.rng.bool() {
                continue;
            }
            if written + self.rng.u64(1..=CALL) <= self.tick.max(self.lease) {
                self.deliver(&head);
            } else {
                self.late.push(Late::Request(head));
            }
        }
        let mut owner = std::mem::replace(&mut self.owner, Owner::none(Rc::clone(&self.scene)));
        owner.calls.clear();
        let parked = self.rng.usize(..=owner.to_parked.len());
        for record in owner.to_parked.iter().take(parked).cloned().collect::<Vec<_>>() {
            self.append_parked(record);
        }
        let ledger = self.rng.usize(..=owner.to_ledger.len());
        let first = self.ledger.len() as u64;
        for record in owner.to_ledger.iter().take(ledger).cloned().collect::<Vec<_>>() {
            self.append_ledger(record);
        }
        // Some acknowledgements still arrive within the lease.
        let heard = if self.chance(0.3) { self.rng.usize(..=ledger) } else { 0 };
        for position in first..first + heard as u64 {
            owner.to_ledger.pop_front();
            for head in owner.ledger_acked(position, self.now()) {
                self.deliver(&head);
            }
        }
        for letter in owner.letters.iter().cloned().collect::<Vec<_>>() {
            if self.rng.bool() {
                self.letters.insert((Self::root(letter.id), letter.part));
            }
        }
        let again = (self.rng.bool(), self.rng.bool());
        let mut zombie =
            Zombie { owner, lease: self.lease, parked: (parked, again.0), ledger: (ledger - heard, again.1) };
        self.park_memory(&mut zombie);
        if !zombie.is_done() {
            self.late.push(Late::Zombie(Box::new(zombie)));
        }
        // Only the last delivery of a chat may be in doubt.
        for key in self.last.values().copied().collect::<Vec<_>>() {
            if !self.has_sent(key) {
                self.by_crash.insert(key);
            }
        }
        // The next owner is built from what is durable, but a defect may remember this one.
        if self.is(super::crash::Fault::StaleIds) {
            let open = match self.late.last() {
                Some(Late::Zombie(zombie)) => zombie.owner.machine.open_ids(),
                _ => Default::default(),
            };
            self.owner.machine.open = open;
        }
        self.take_over();
    }

    /// The zombie parks some of what it holds in memory.
    fn park_memory(&mut self, zombie: &mut Zombie) {
        for chat in 0..self.scene.chats.len() {
            if self.chance(0.3) {
                let until = Duration::from_millis(self.tick + 1000);
                zombie.owner.machine.park_wait_chat(&self.scene.chats[chat], until);
            }
        }
        zombie.owner.machine.sweep(World::moment(self.tick, zombie.lease));
        zombie.owner.obey(self.tick);
    }

    /// Late appends, each with this chance, in the order of their process.
    pub(super) fn land(&mut self, p: f64) {
        let late = std::mem::take(&mut self.late);
        for mut one in late {
            let done = match &mut one {
                Late::Parked(records) => {
                    while !records.is_empty() && self.chance(p) {
                        if let Some(record) = records.pop_front() {
                            self.append_parked(record);
                            self.count("late_parked");
                        }
                    }
                    records.is_empty()
                }
                Late::Ledger(records) => {
                    while !records.is_empty() && self.chance(p) {
                        if let Some(record) = records.pop_front() {
                            self.append_ledger(record);
                            self.count("late_ledger");
                        }
                    }
                    records.is_empty()
                }
                Late::Request(head) => {
                    let taken = self.chance(p);
                    if taken {
                        self.deliver(&head.clone());
                    }
                    taken
                }
                Late::Zombie(zombie) => {
                    self.land_zombie(zombie, p);
                    zombie.is_done()
                }
            };
            if !done {
                self.late.push(one);
            }
        }
    }

    fn land_zombie(&mut self, zombie: &mut Zombie, p: f64) {
        while !zombie.owner.to_ledger.is_empty() && self.chance(p) {
            let Some(record) = zombie.owner.to_ledger.pop_front() else { return };
            if durable(&mut zombie.ledger) {
                self.append_ledger(record);
                self.count("late_ledger");
            }
            let position = self.ledger.len() as u64 - 1;
            // Its lease is over: a mark that is acknowledged only now sends nothing.
            for head in zombie.owner.ledger_acked(position, World::moment(self.tick, zombie.lease)) {
                self.deliver(&head);
            }
        }
        while !zombie.owner.to_parked.is_empty() && self.chance(p) {
            let Some(record) = zombie.owner.to_parked.pop_front() else { return };
            if durable(&mut zombie.parked) {
                self.append_parked(record);
                self.count("late_parked");
            }
            zombie.owner.parked_acked(self.tick);
        }
        while !zombie.owner.letters.is_empty() && self.chance(p) {
            let Some(letter) = zombie.owner.letters.pop_front() else { return };
            self.letters.insert((Self::root(letter.id), letter.part));
            zombie.owner.dead_lettered(letter.offset, self.tick);
        }
    }

    fn count_done_duplicates(&mut self) {
        let machine = &self.owner.machine;
        let done = |offset: u64| {
            let at = offset.checked_sub(self.commit.watermark);
            at.is_some_and(|at| self.commit.done.get(at as usize).copied().unwrap_or(false))
        };
        let in_memory = |root: u64| {
            let item = machine.open.get(&Self::id(root)).and_then(|offset| machine.items.get(offset));
            item.is_some_and(|item| item.put.is_none())
        };
        let count = self
            .scene
            .lane
            .iter()
            .filter(|rec| rec.offset != rec.root && done(rec.offset) && in_memory(rec.root));
        let count = count.count() as u64;
        *self.n.entry("crash_dup_done_root_open").or_default() += count;
    }
}

impl Zombie {
    fn is_done(&self) -> bool {
        self.owner.to_ledger.is_empty() && self.owner.to_parked.is_empty() && self.owner.letters.is_empty()
    }
}

/// The oldest append lands: true when it is a record that was not durable, or the last durable one again.
fn durable((left, again): &mut (usize, bool)) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    *left == 0 && *again
}
