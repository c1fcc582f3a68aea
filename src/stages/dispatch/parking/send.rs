//! A chat's head goes out: who may go, the mark before it, the lease right before the request.
//!
//! Guarantee: `Command::Send` comes out only for the oldest reply of a chat of which nothing is under way, and only when
//! the call ends within the lease. Where a part must never be sent twice, its SENDING is acknowledged by then.

use super::faults::Mutant;
use super::item::{Item, State};
use super::protocol::{Command, Entry, Head, May, Now};
use super::{Machine, ToLedger};
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::{Lane, Settled};
use crate::domain::ids::ConversationId;
use crate::domain::time::Timestamp;

impl Machine {
    /// Whether a chat's head may be sent.
    pub(crate) fn may_send(&self, chat: &ConversationId, now: Now) -> May {
        let Some((_, chat)) = self.chats.find(chat) else { return May::Empty };
        let Some(offset) = self.head(chat) else { return May::Empty };
        let Some((head, deadline)) = self.look(chat, offset) else { return May::Busy };
        let until = self.chats.until(chat);
        if !self.is_read(offset) {
            May::Busy
        } else if deadline <= now.wall {
            May::Late
        } else if until > now.moment {
            May::NotBefore(until)
        } else if !self.is_leased(now) {
            May::NoLease
        } else {
            May::Send(head)
        }
    }

    /// Begins to send a chat's head, if it may: the request is to be written when `Command::Send` comes out, which may
    /// be later or not at all. Tells whether it was begun; with `place` set the caller has loaded the record by then.
    pub(crate) fn send(&mut self, chat: &ConversationId, policy: UnknownPolicy, now: Now) -> bool {
        let May::Send(head) = self.may_send(chat, now) else { return false };
        let Some((ix, _)) = self.chats.find(chat) else { return false };
        let bulk = self.lane == Lane::Bulk && !self.faults.has(Mutant::BulkUnmarked);
        let marked = policy == UnknownPolicy::Drop || bulk;
        let plain = !marked || self.faults.has(Mutant::Unmarked);
        let Some(item) = self.rouse(ix, head.offset) else { return false };
        (item.policy, item.marked) = (policy, marked);
        if plain {
            self.call(head.offset);
            return true;
        }
        item.state = State::Marking;
        let Head { offset, id, part, of, .. } = head;
        if !self.faults.has(Mutant::MarkNotHeld) {
            // Held before the append, so that it covers the SENDING.
            self.holds.keep(offset);
        }
        let (epoch, lane) = (self.epoch, self.lane);
        let mark = Settled::Sending { id, offset, part, of, epoch, lane };
        self.push_ledger(ToLedger::Sending(offset), Entry::Mark(mark));
        if self.faults.has(Mutant::MarkNotAwaited) {
            self.call(offset);
        }
        true
    }

    /// The oldest append to the ledger that was not acknowledged is durable, at `position`.
    pub(crate) fn ledger_acked(&mut self, position: u64, now: Now) {
        self.holds.reached(position);
        match self.to_ledger.pop_front() {
            Some(ToLedger::Result(offset, part)) => self.result_acked(offset, part, now),
            Some(ToLedger::Sending(offset)) => self.mark_acked(offset, now),
            Some(ToLedger::Copied(offset)) => self.copy_acked(offset),
            Some(ToLedger::Unsent) | None => {}
        }
    }

    /// The mark is durable: the request is written, if there is still time for it.
    fn mark_acked(&mut self, offset: u64, now: Now) {
        let Some(item) = self.items.get(&offset).filter(|item| item.state == State::Marking) else { return };
        let in_time = item.deadline > now.wall;
        let leased = self.is_leased(now) || self.faults.has(Mutant::LeaseBeforeMark);
        if in_time && leased { self.call(offset) } else { self.refused(offset) }
    }

    /// The request is to be written.
    fn call(&mut self, offset: u64) {
        let Some(item) = self.items.get_mut(&offset) else { return };
        item.state = State::Calling;
        item.attempt += 1;
        let head = item.head(offset);
        // A parked item holds the ledger from here on: its RESULT will stand behind.
        self.holds.keep(offset);
        self.out.push(Command::Send(head));
    }

    /// The part was certainly not sent: it waits for its turn again.
    pub(super) fn refused(&mut self, offset: u64) {
        let (epoch, lane) = (self.epoch, self.lane);
        let Some(item) = self.items.get_mut(&offset) else { return };
        item.state = State::Queued;
        let (id, part, of, chat) = (item.id, item.next, item.of, item.chat);
        let idle = item.put.is_some() && item.next == 0;
        if item.marked {
            let unsent = Settled::Unsent { id, part, of, epoch, lane };
            self.push_ledger(ToLedger::Unsent, Entry::Mark(unsent));
        }
        if idle && !self.faults.has(Mutant::RefusedHolds) {
            // No RESULT of it exists.
            self.holds.release(offset);
            self.rest(offset);
        }
        self.announce(chat);
    }

    /// A call that begins now ends within the lease.
    fn is_leased(&self, now: Now) -> bool {
        if self.faults.has(Mutant::NoLease) {
            return true;
        }
        let call = if self.faults.has(Mutant::LeaseWithoutCall) { 0 } else { 1 } * self.bounds.call;
        now.moment + call < now.lease
    }

    /// A chat's head if nothing is done with it, and its deadline.
    fn look(&self, chat: &super::chats::Chat, offset: u64) -> Option<(Head, Timestamp)> {
        if let Some(slot) = self.chats.slot(chat, offset) {
            return Some((slot.head(), slot.deadline()));
        }
        let item = self.items.get(&offset).filter(|item: &&Item| item.is_free())?;
        Some((item.head(offset), item.deadline))
    }

    pub(super) fn push_ledger(&mut self, pending: ToLedger, entry: Entry) {
        self.to_ledger.push_back(pending);
        self.out.push(Command::Ledger(entry));
    }
}
