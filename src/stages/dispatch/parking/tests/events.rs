//! What happens to an owner, one event a tick.

use std::rc::Rc;
use std::time::Duration;

use super::super::*;
use super::crash::Fault;
use super::world::{CALL, LEASE, Never, RECORDS, SPAN, World};
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::{Parked, Settled, SettledStatus};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;

impl World {
    /// Reads a record of the lane.
    pub(super) fn poll(&mut self) {
        let owner = &mut self.owner;
        if owner.read >= RECORDS || owner.read >= owner.tracker.watermark() + SPAN {
            return;
        }
        let rec = self.scene.lane[owner.read as usize];
        owner.read += 1;
        // The watermark may have jumped over recovered offsets that were not read again.
        let passed = rec.offset < owner.tracker.watermark();
        let open = owner.tracker.admit(rec.offset);
        let again = passed && self.fault == Some(Fault::NoSkip);
        if !open && !again {
            owner.machine.passed(owner.tracker.position());
            return self.obey();
        }
        let born = *self.born[rec.root as usize].get_or_insert(self.tick);
        let first = rec.offset == rec.root;
        let arrival = Arrival {
            offset: rec.offset,
            id: Self::id(rec.root),
            bot: self.scene.bots[Self::bot(rec.chat)].clone(),
            chat: self.scene.chats[rec.chat].clone(),
            of: rec.of,
            bytes: 100,
            roottime: Timestamp::from_millis(if first && self.scene.young { i64::MAX } else { born as i64 }),
            deadline: rec.deadline.map(|at| Timestamp::from_millis(at as i64)),
            predicted: Duration::ZERO,
        };
        let now = self.now();
        let root_open = self.owner.machine.open_ids().get(&arrival.id).copied();
        if root_open
            .and_then(|root| self.owner.machine.items.get(&root))
            .is_some_and(|item| item.put.is_none())
        {
            self.count("dup_in_memory");
        }
        self.owner.machine.admit(&arrival, now);
        self.obey();
        let machine = &self.owner.machine;
        // What is looked up, or only waits for its last acknowledgements, may not be parked.
        let ends = |item: &&item::Item| {
            item.closing || matches!(item.state, item::State::Asked | item::State::Failing(_))
        };
        let held = machine.items.values().filter(|item| item.put.is_none() && !ends(item));
        if held.count() > machine.bounds.memory {
            self.bad("memory");
        }
    }

    pub(super) fn sweep(&mut self) {
        self.owner.machine.sweep(self.now());
        self.obey();
    }

    /// A chat's turn.
    pub(super) fn send(&mut self) {
        let now = self.now();
        let mut heads = Vec::new();
        for (chat, name) in self.scene.chats.iter().enumerate() {
            match self.owner.machine.may_send(name, now) {
                May::Send(_) => heads.push(chat),
                May::Busy | May::Empty => drop(self.owner.ready.remove(&chat)),
                May::NotBefore(_) | May::NoLease | May::Late => {}
            }
        }
        if self.fault.is_none() && heads.iter().any(|chat| !self.owner.ready.contains(chat)) {
            self.bad("not_announced");
        }
        if heads.is_empty() {
            return;
        }
        let chat = heads[self.rng.usize(..heads.len())];
        self.owner.ready.remove(&chat);
        let policy = self.policy(chat);
        if !self.owner.machine.send(&self.scene.chats[chat], policy, now) {
            self.bad("not_begun");
        }
        self.obey();
    }

    /// A call ends.
    pub(super) fn result(&mut self) {
        if self.owner.calls.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.owner.calls.len());
        let Some((_, (head, written))) = self.owner.calls.iter().nth(at).map(|(o, call)| (*o, *call)) else {
            return;
        };
        let chat = self.scene.lane[Self::root(head.id) as usize].chat;
        let x = self.rng.f64();
        if self.tick >= self.never_from && self.never.contains(&chat) {
            self.refuse(head, chat, self.never_why == Never::Bot, self.never_wait);
        } else if self.tick - written > CALL {
            self.silence(head, chat);
        } else if x < self.refuses {
            let bot = self.rng.bool();
            let wait = [3, 10, 60, 200][self.rng.usize(..4)];
            self.refuse(head, chat, bot, wait);
        } else if x < self.refuses + self.silent || self.hole == Some(chat) {
            self.silence(head, chat);
        } else if self.scene.rich && x > 0.97 {
            self.end(head, Outcome::Rejected { reason: String::from("blocked") });
        } else if self.scene.rich && x > 0.96 {
            self.end(head, Outcome::Barred { word: "bot_disabled", reason: String::from("switched off") });
        } else if self.scene.rich && x > 0.95 {
            self.end(head, Outcome::Unwritten);
        } else {
            self.deliver(&head);
            self.end(head, Outcome::Sent { provider_id: None });
        }
    }

    fn refuse(&mut self, head: Head, chat: usize, bot: bool, wait: u64) {
        let until = Duration::from_millis(self.tick + wait);
        if bot {
            let now = self.now();
            self.owner.machine.park_wait_bot(&self.scene.bots[Self::bot(chat)], until, now);
        } else {
            self.owner.machine.park_wait_chat(&self.scene.chats[chat], until);
        }
        self.end(head, Outcome::Refused);
    }

    fn silence(&mut self, head: Head, chat: usize) {
        let key = (Self::root(head.id), head.part);
        self.count("unknown");
        let tried = self.tried.entry((self.owner.epoch, key.0, key.1)).or_default();
        *tried += 1;
        let tried = *tried;
        let most = if self.is_never_twice(chat) { 1 } else { 2 };
        if tried > most {
            self.bad("tries");
        }
        if self.hole == Some(chat) || self.rng.bool() {
            self.deliver(&head);
            *self.by_unknown.entry(key).or_default() += 1;
            if self.policy(chat) == UnknownPolicy::Reconcile && self.chance(0.6) {
                self.receipts.push(key);
            }
        }
        self.end(head, Outcome::Unknown { reason: String::from("no answer") });
    }

    fn end(&mut self, head: Head, outcome: Outcome) {
        self.owner.calls.remove(&head.offset);
        let now = self.now();
        self.owner.machine.outcome(head.offset, outcome, now);
        self.obey();
    }

    /// An append to the ledger is acknowledged.
    pub(super) fn ack_ledger(&mut self) {
        let Some(record) = self.owner.to_ledger.pop_front() else { return };
        if let Settled::Result { id, part, status, .. } = &*record {
            // From here on no repeat is allowed.
            let key = (Self::root(*id), *part);
            self.by_crash.remove(&key);
            self.by_unknown.remove(&key);
            if !matches!(status, SettledStatus::Sent | SettledStatus::InDoubt) {
                self.over.insert(key.0);
            }
        }
        let position = self.append_ledger(Rc::clone(&record));
        let now = self.now();
        let begun = self.owner.ledger_acked(position, now);
        self.check_begun(&begun);
    }

    /// An append to the parked topic is acknowledged.
    pub(super) fn ack_parked(&mut self) {
        let Some(record) = self.owner.to_parked.pop_front() else { return };
        if record.1.as_ref().is_some_and(|value| matches!(**value, Parked::Put { .. })) {
            self.count("parked");
        }
        self.append_parked(record);
        self.owner.parked_acked(self.tick);
    }

    /// A dead letter is acknowledged.
    pub(super) fn ack_letter(&mut self) {
        let Some(letter) = self.owner.letters.pop_front() else { return };
        self.letters.insert((Self::root(letter.id), letter.part));
        self.owner.dead_lettered(letter.offset, self.tick);
    }

    /// A status arrives, or the whole ledger was searched.
    pub(super) fn answer(&mut self) {
        if let Some((root, part)) = self.receipts.pop() {
            self.owner.machine.receipt(Self::id(root), part, String::from("m"));
            self.obey();
        }
        let Some(ids) = self.owner.asked.take() else { return };
        self.n.entry("lookback").and_modify(|n| *n += ids.len() as u64).or_insert(ids.len() as u64);
        let search = self.search(ids);
        let now = self.now();
        self.owner.machine.looked_up(&search, now);
        self.obey();
    }

    pub(super) fn search(&self, ids: impl IntoIterator<Item = EventId>) -> Search {
        let mut search = Search::new(self.scene.kind, ids);
        for (position, (record, _)) in self.ledger.iter().enumerate() {
            search.note(position as u64, record);
        }
        search
    }

    /// Does what the machine says.
    fn obey(&mut self) {
        let begun = self.owner.obey(self.tick);
        self.check_begun(&begun);
    }

    /// No call begins that could outlive the lease, or after its deadline. A broken rule is to be noticed by its effects.
    fn check_begun(&mut self, begun: &[Head]) {
        let late = |head: &Head| {
            let deadline = self.scene.lane[Self::root(head.id) as usize].deadline;
            self.tick + CALL >= self.lease || deadline.is_some_and(|at| at <= self.tick)
        };
        if self.fault.is_none() && begun.iter().any(late) {
            self.bad("begun_late");
        }
    }

    /// A commit succeeds, and renews the lease.
    pub(super) fn do_commit(&mut self) {
        let owner = &self.owner;
        let low = owner.machine.low();
        self.lag = self.ledger.len() as u64 - low;
        self.commit.watermark = owner.tracker.watermark();
        self.commit.done = owner.tracker.done_above();
        self.commit.low = low;
        self.lease = self.tick + LEASE;
        self.check_commit();
    }
}
