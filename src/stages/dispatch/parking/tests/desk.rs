//! One machine on a desk: a test plays the log and the provider by hand.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::*;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::{Parked, ParkedKey, Settled, SettledStatus};
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// The wall clock at second 0: long after the ledger's beginning.
const NOON: i64 = 1_795_000_000_000;

/// A machine and what it asked for.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) machine: Machine,
    pub(super) ledger: VecDeque<Entry>,
    pub(super) parked: VecDeque<Change>,
    pub(super) letters: Vec<DeadLetter>,
    pub(super) complete: Vec<u64>,
    pub(super) calls: Vec<Head>,
    pub(super) look_ups: Vec<Vec<EventId>>,
    pub(super) ready: Vec<ConversationId>,
    /// Where the next ledger record lands.
    pub(super) end: u64,
    /// The present second, and when the lease ends.
    pub(super) second: u64,
    pub(super) lease: u64,
}

pub(super) fn id(n: u8) -> EventId {
    EventId::from_bytes([n; 16])
}

pub(super) fn chat(n: u8) -> ConversationId {
    ConversationId::from(format!("c{n}"))
}

pub(super) fn bot() -> BotId {
    BotId::from("b")
}

pub(super) fn wall(second: i64) -> Timestamp {
    Timestamp::from_millis(NOON + second * 1000)
}

/// Where a restore of a lane that ends at 1000 begins.
pub(super) fn from() -> From {
    From { lane: Lane::Ready, epoch: 3, low: 10, watermark: 0, end: 1000, since: wall(-900) }
}

pub(super) const PLACE: Place = Place { position: 7, len: 100 };

pub(super) fn put(n: u8, offset: u64, of: u32, epoch: u64) -> (ParkedKey, Parked) {
    let put = Parked::Put {
        id: id(n),
        offset,
        of,
        attempt: 0,
        epoch,
        lane: Lane::Ready,
        tenant: TenantId::from("t"),
        bot: bot(),
        conversation: chat(n),
        deadline: None,
        reply: "{}".to_owned(),
    };
    (put.key(), put)
}

pub(super) fn result(n: u8, offset: u64, part: u32, of: u32, status: SettledStatus) -> Settled {
    Settled::Result {
        id: id(n),
        part,
        of,
        status,
        provider_id: None,
        reason: None,
        attempt: 1,
        epoch: 2,
        lane: Lane::Ready,
        tenant: TenantId::from("t"),
        bot: bot(),
        conversation: chat(n),
        root: id(n),
        at: wall(-60),
        offset: Some(offset),
    }
}

/// A whole ledger, searched for what a restore asks.
pub(super) fn recover(restore: Restore, end: u64, ledger: &[Settled]) -> Recovered {
    let mut search = Search::new(Lane::Ready, restore.questions());
    for (position, record) in ledger.iter().enumerate() {
        search.note(position as u64, record);
    }
    restore.answer(end, &search)
}

impl Desk {
    /// A lane that nobody owned, whose ledger ends at 10.
    pub(super) fn new() -> Self {
        Self::with(Bounds::default())
    }

    pub(super) fn with(bounds: Bounds) -> Self {
        Self::on(recover(Restore::new(from(), bounds), 10, &[]))
    }

    pub(super) fn on(recovered: Recovered) -> Self {
        let now = moment(0, 1000);
        let mut desk = Self {
            machine: recovered.machine(now),
            ledger: VecDeque::new(),
            parked: VecDeque::new(),
            letters: Vec::new(),
            complete: Vec::new(),
            calls: Vec::new(),
            look_ups: Vec::new(),
            ready: Vec::new(),
            end: 10,
            second: 0,
            lease: 1000,
        };
        desk.take();
        desk
    }

    pub(super) fn now(&self) -> Now {
        moment(self.second, self.lease)
    }

    /// Takes what the machine says.
    pub(super) fn take(&mut self) {
        for command in self.machine.commands() {
            match command {
                Command::Ledger(entry) => self.ledger.push_back(entry),
                Command::Parked(change) => self.parked.push_back(change),
                Command::DeadLetter(letter) => self.letters.push(letter),
                Command::Complete(offset) => self.complete.push(offset),
                Command::Send(head) => self.calls.push(head),
                Command::LookUp(ids) => self.look_ups.push(ids),
                Command::Free(_) | Command::Gone(_) => {}
                Command::Crowd(crowd) => {
                    self.ready.extend(crowd.chats.into_iter().filter_map(|chat| self.machine.name(chat)));
                }
                Command::Ready(chat) => self.ready.push(chat),
            }
        }
    }

    /// A reply with this id, in the chat of the same number.
    pub(super) fn reply(&self, n: u8, offset: u64, of: u32) -> Arrival {
        Arrival {
            offset,
            id: id(n),
            bot: bot(),
            chat: chat(n),
            of,
            bytes: 100,
            roottime: wall(self.second as i64),
            deadline: None,
            predicted: Duration::ZERO,
        }
    }

    pub(super) fn admit(&mut self, n: u8, offset: u64, of: u32) {
        let arrival = self.reply(n, offset, of);
        self.admit_as(&arrival);
    }

    pub(super) fn admit_as(&mut self, arrival: &Arrival) {
        self.machine.admit(arrival, self.now());
        self.take();
    }

    pub(super) fn sweep(&mut self) {
        self.machine.sweep(self.now());
        self.take();
    }

    pub(super) fn may(&self, n: u8) -> May {
        self.machine.may_send(&chat(n), self.now())
    }

    /// The chat's turn; gives the call if one begins now.
    pub(super) fn send(&mut self, n: u8, policy: UnknownPolicy) -> Option<Head> {
        let calls = self.calls.len();
        self.machine.send(&chat(n), policy, self.now());
        self.take();
        self.calls.get(calls).copied()
    }

    pub(super) fn end(&mut self, head: Head, outcome: Outcome) {
        self.machine.outcome(head.offset, outcome, self.now());
        self.take();
    }

    /// Sends the head of a chat and has its RESULT acknowledged.
    pub(super) fn send_whole(&mut self, n: u8) {
        let head = self.send(n, UnknownPolicy::Resend).unwrap();
        self.end(head, Outcome::Sent { provider_id: Some("m".to_owned()) });
        self.ack_ledger();
    }

    /// The oldest append to the ledger is durable; gives its position and what it was.
    pub(super) fn ack_ledger(&mut self) -> (u64, Entry) {
        let entry = self.ledger.pop_front().unwrap();
        let position = self.end;
        self.end += 1;
        self.machine.ledger_acked(position, self.now());
        self.take();
        (position, entry)
    }

    pub(super) fn ack_parked(&mut self) -> Change {
        let change = self.parked.pop_front().unwrap();
        self.machine.parked_acked(PLACE);
        self.take();
        change
    }

    pub(super) fn ack_letter(&mut self) -> DeadLetter {
        let letter = self.letters.remove(0);
        self.machine.dead_lettered(letter.offset);
        self.take();
        letter
    }
}

/// A second by both clocks.
pub(super) fn moment(second: u64, lease: u64) -> Now {
    let moment = Duration::from_secs(second);
    Now { moment, wall: wall(second as i64), lease: Duration::from_secs(lease) }
}

/// The status of a RESULT, or `None` of another entry.
pub(super) fn status(entry: &Entry) -> Option<(u32, SettledStatus)> {
    match entry {
        Entry::Result(verdict) => Some((verdict.part, verdict.status)),
        Entry::Mark(_) => None,
    }
}
