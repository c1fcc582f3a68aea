//! What an answer means, and what follows from it: dead letter, RESULT, the next part, the next reply.
//!
//! Guarantee: a chat goes on only when the RESULT is acknowledged, and a part that was not surely sent gets its RESULT
//! only when its dead letter is: a crash between the two repeats the dead letter, the other way round would lose it.

use super::faults::Mutant;
use super::item::{Failure, State};
use super::protocol::{Change, Command, DeadLetter, Entry, Now, Outcome, Verdict};
use super::{Machine, ToLedger, ToParked};
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::SettledStatus;
use crate::domain::ids::{ConversationId, EventId};

/// Calls of one part that may end without a clear answer: the first, and one more.
const MAX_UNKNOWN: u32 = 2;

impl Machine {
    /// A call is over.
    pub(crate) fn outcome(&mut self, offset: u64, outcome: Outcome, now: Now) {
        let Some(item) = self.items.get_mut(&offset).filter(|item| item.state == State::Calling) else {
            return;
        };
        match outcome {
            Outcome::Sent { provider_id } => self.sent(offset, provider_id),
            Outcome::Refused => self.refused(offset),
            Outcome::Rejected { reason } => self.fail(offset, Failure::rejected("rejected", reason)),
            Outcome::Unwritten => {
                item.attempt -= 1;
                self.refused(offset);
            }
            Outcome::Barred { word, reason } => {
                item.attempt -= 1;
                self.fail(offset, Failure::rejected(word, reason));
            }
            Outcome::Unknown { reason } => {
                item.unknown += 1;
                if let Some(provider_id) = item.receipt.take() {
                    self.sent(offset, Some(provider_id));
                } else if item.policy == UnknownPolicy::Reconcile {
                    item.state = State::Checking(now.moment + self.bounds.receipt, reason);
                } else {
                    self.not_clear(offset, reason);
                }
            }
        }
    }

    /// A status says that the provider took a part. False when that is news: the part is still to be sent, or not known.
    pub(crate) fn receipt(&mut self, id: EventId, part: u32, provider_id: String) -> bool {
        if self.known.is_whole(id, part + 1) || self.known.progress(id).is_some_and(|found| found.has(part)) {
            return true;
        }
        let Some(offset) = self.open.get(&id).copied() else { return false };
        let Some(item) = self.items.get_mut(&offset) else { return false };
        if item.next != part {
            return item.next > part;
        }
        match item.state {
            State::Checking(..) => self.sent(offset, Some(provider_id)),
            State::Calling => item.receipt = Some(provider_id),
            State::Settling | State::Failing(_) => {}
            State::Queued | State::Asked | State::Marking => return false,
        }
        true
    }

    /// A status says that the head of a chat arrived, sent by an earlier owner or by a call that was given up: it gets its
    /// RESULT without a call. False when something is being done with it.
    pub(crate) fn reached(&mut self, chat: &ConversationId, provider_id: String) -> bool {
        let Some(offset) = self.free_head(chat) else { return false };
        let Some(item) = self.items.get_mut(&offset) else { return false };
        // Somebody called once at least.
        item.attempt = item.attempt.max(1);
        self.sent(offset, Some(provider_id));
        true
    }

    /// A chat's head will not be sent whatever the provider would say, and nobody needs to hear of it: a replay, a reply
    /// without any text. False when something is being done with it.
    pub(crate) fn forgo(&mut self, chat: &ConversationId, status: SettledStatus, reason: &str) -> bool {
        let Some(offset) = self.free_head(chat) else { return false };
        let Some(item) = self.items.get(&offset) else { return false };
        let verdict = Verdict {
            offset,
            id: item.id,
            part: item.next,
            of: item.of,
            status,
            attempt: item.attempt,
            provider_id: None,
            reason: Some(reason.to_owned()),
            place: item.place(),
        };
        self.settle(verdict, Some(status));
        true
    }

    /// A chat's head, as an item, if nothing is done with it.
    fn free_head(&mut self, chat: &ConversationId) -> Option<u64> {
        let (ix, chat) = self.chats.find(chat)?;
        let offset = self.head(chat)?;
        self.rouse(ix, offset).filter(|item| item.is_free())?;
        Some(offset)
    }

    /// The dead letter of this offset is durable.
    pub(crate) fn dead_lettered(&mut self, offset: u64) {
        let Some(item) = self.items.get(&offset) else { return };
        let State::Failing(failure) = item.state.clone() else { return };
        let verdict = Verdict {
            offset,
            id: item.id,
            part: item.next,
            of: item.of,
            status: failure.status,
            attempt: item.attempt,
            provider_id: None,
            reason: Some(failure.detail.unwrap_or_else(|| failure.word.to_owned())),
            place: item.place(),
        };
        self.settle(verdict, failure.rest);
    }

    /// A part ends without having been sent, or surely sent: first the dead letter.
    pub(super) fn fail(&mut self, offset: u64, failure: Failure) {
        let Some(item) = self.items.get_mut(&offset) else { return };
        let (word, detail) = (failure.word, failure.detail.clone());
        let (part, attempt) = (item.next, item.attempt);
        let letter = DeadLetter { offset, id: item.id, part, attempt, word, detail, place: item.place() };
        item.state = State::Failing(failure);
        self.out.push(Command::DeadLetter(letter));
    }

    /// Nobody can tell whether the part was sent.
    pub(super) fn not_clear(&mut self, offset: u64, reason: String) {
        if self.faults.has(Mutant::UnknownIsRefusal) {
            self.refused(offset);
        }
        let Some(item) = self.items.get_mut(&offset) else { return };
        let enough = item.marked || item.unknown >= MAX_UNKNOWN;
        if enough && !self.faults.has(Mutant::ResentForever) {
            return self.fail(offset, Failure::in_doubt(reason));
        }
        item.state = State::Queued;
        let (chat, idle) = (item.chat, item.put.is_some() && item.next == 0);
        if idle {
            // No RESULT of it exists, and it may wait long for its second call.
            self.holds.release(offset);
        }
        self.announce(chat);
    }

    fn sent(&mut self, offset: u64, provider_id: Option<String>) {
        let Some(item) = self.items.get(&offset) else { return };
        let verdict = Verdict {
            offset,
            id: item.id,
            part: item.next,
            of: item.of,
            status: SettledStatus::Sent,
            attempt: item.attempt,
            provider_id,
            reason: None,
            place: item.place(),
        };
        self.settle(verdict, None);
    }

    /// Appends the RESULT of a part, and of those behind it where nothing more is sent.
    pub(super) fn settle(&mut self, verdict: Verdict, rest: Option<SettledStatus>) {
        let (offset, id, of) = (verdict.offset, verdict.id, verdict.of);
        let Some(item) = self.items.get_mut(&offset) else { return };
        item.state = State::Settling;
        item.closing = rest.is_some();
        let (first, parked, place) = (verdict.part, item.put.is_some(), verdict.place);
        // A parked reply that ends without a call did not hold the ledger yet.
        self.holds.keep(offset);
        self.push_ledger(ToLedger::Result(offset, first), Entry::Result(verdict));
        for (part, status) in (first + 1..of).flat_map(|part| rest.map(|status| (part, status))) {
            let (provider_id, reason) = (None, None);
            let rest = Verdict { offset, id, part, of, status, attempt: 0, provider_id, reason, place };
            self.push_ledger(ToLedger::Result(offset, part), Entry::Result(rest));
        }
        if self.faults.has(Mutant::DelEarly) && parked && first + 1 == of {
            self.push_parked(ToParked::Other, Change::Del(id));
        }
        if self.faults.has(Mutant::ResultNotAwaited) {
            self.step(offset);
        }
    }

    /// A RESULT is durable: only now the chat goes on.
    pub(super) fn result_acked(&mut self, offset: u64, part: u32, now: Now) {
        if !self.faults.has(Mutant::ResultNotAwaited) {
            self.step(offset);
        }
        if self.items.get(&offset).is_some_and(|item| part + 1 >= item.of) {
            self.finish(offset, now);
        }
    }

    /// The next part's turn, or the next reply's.
    fn step(&mut self, offset: u64) {
        let Some(item) = self.items.get_mut(&offset) else { return };
        item.next += 1;
        (item.attempt, item.unknown, item.receipt) = (0, 0, None);
        let chat = item.chat;
        if item.next < item.of {
            if !item.closing {
                item.state = State::Queued;
                self.announce(chat);
            }
        } else if let Some(found) = self.chats.get_mut(chat) {
            found.remove(offset);
            self.announce(chat);
        }
    }

    /// Every part has a durable RESULT.
    fn finish(&mut self, offset: u64, now: Now) {
        let Some(item) = self.items.remove(&offset) else { return };
        self.open.remove(&item.id);
        self.count_out(&item);
        self.known.settle(item.id, item.of, now.wall);
        if let Some(put) = item.put {
            self.push_parked(ToParked::Del(offset), Change::Del(item.id));
            self.out.push(Command::Free(put.place));
        } else {
            self.complete(offset);
        }
        if item.put.is_none() || self.faults.has(Mutant::HeldToResult) {
            self.holds.release(offset);
        }
    }
}
