//! An owner: the machine under test, the tracker of the runtime, and what is under way around them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::super::*;
use super::tracker::Tracker;
use super::world::{Scene, World};
use crate::domain::events::{Parked, ParkedKey, Settled};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;

/// A record of the parked topic.
pub(super) type ParkedRecord = (ParkedKey, Option<Rc<Parked>>);

/// A process that owns the partition, or believes so.
#[derive(Debug)]
pub(super) struct Owner {
    scene: Rc<Scene>,
    pub(super) machine: Machine,
    pub(super) tracker: Tracker,
    pub(super) epoch: u64,
    /// The next offset that it reads.
    pub(super) read: u64,
    /// Appends that are not acknowledged.
    pub(super) to_parked: VecDeque<ParkedRecord>,
    pub(super) to_ledger: VecDeque<Rc<Settled>>,
    pub(super) letters: VecDeque<DeadLetter>,
    /// Calls under way, and when they were written.
    pub(super) calls: BTreeMap<u64, (Head, u64)>,
    pub(super) asked: Option<Vec<EventId>>,
    /// Chats that were announced.
    pub(super) ready: BTreeSet<usize>,
}

impl Owner {
    /// Owns nothing.
    pub(super) fn none(scene: Rc<Scene>) -> Self {
        let since = Timestamp::from_millis(i64::MIN);
        let from = From { lane: scene.kind, epoch: 0, low: 0, watermark: 0, end: 0, since };
        let restore = Restore::new(from, Bounds::default());
        let machine = restore.answer(0, &Search::new(scene.kind, [])).machine(World::moment(0, 0));
        Self::new(scene, machine, Tracker::new(0, &[]), 0)
    }

    pub(super) fn new(scene: Rc<Scene>, machine: Machine, tracker: Tracker, epoch: u64) -> Self {
        Self {
            scene,
            machine,
            read: tracker.watermark(),
            tracker,
            epoch,
            to_parked: VecDeque::new(),
            to_ledger: VecDeque::new(),
            letters: VecDeque::new(),
            calls: BTreeMap::new(),
            asked: None,
            ready: BTreeSet::new(),
        }
    }

    /// Does what the machine says. Gives the calls that begin.
    pub(super) fn obey(&mut self, tick: u64) -> Vec<Head> {
        let mut begun = Vec::new();
        for command in self.machine.commands() {
            match command {
                Command::Ledger(entry) => {
                    let record = self.entry(entry, tick);
                    self.to_ledger.push_back(Rc::new(record));
                }
                Command::Parked(change) => {
                    let record = self.change(change);
                    self.to_parked.push_back(record);
                }
                Command::DeadLetter(letter) => self.letters.push_back(letter),
                Command::Complete(offset) => self.tracker.complete(offset),
                Command::Send(head) => {
                    self.calls.insert(head.offset, (head, tick));
                    begun.push(head);
                }
                Command::LookUp(ids) => self.asked = Some(ids),
                Command::Free(_) | Command::Gone(_) => {}
                Command::Crowd(crowd) => {
                    let names = crowd.chats.into_iter().filter_map(|chat| self.machine.name(chat));
                    self.ready.extend(names.map(|name| name.as_str()[1..].parse::<usize>().unwrap()));
                }
                Command::Ready(chat) => {
                    self.ready.insert(chat.as_str()[1..].parse().unwrap());
                }
            }
        }
        begun
    }

    /// The parked topic's record at the head of the queue was acknowledged.
    pub(super) fn parked_acked(&mut self, tick: u64) -> Vec<Head> {
        self.machine.parked_acked(Place { position: 0, len: 100 });
        self.obey(tick)
    }

    /// The ledger's record at the head of the queue was acknowledged.
    pub(super) fn ledger_acked(&mut self, position: u64, now: Now) -> Vec<Head> {
        self.machine.ledger_acked(position, now);
        self.obey(now.wall.millis() as u64)
    }

    pub(super) fn dead_lettered(&mut self, offset: u64, tick: u64) {
        self.machine.dead_lettered(offset);
        self.obey(tick);
    }

    fn entry(&self, entry: Entry, tick: u64) -> Settled {
        let verdict = match entry {
            Entry::Mark(mark) => return mark,
            Entry::Result(verdict) => verdict,
        };
        let chat = self.scene.lane[World::root(verdict.id) as usize].chat;
        self.scene.result(&verdict, chat, self.epoch, tick)
    }

    fn change(&self, change: Change) -> ParkedRecord {
        let (epoch, lane) = (self.epoch, self.scene.kind);
        let value = match change {
            Change::Del(id) => return (ParkedKey::Reply(id), None),
            Change::DelEpoch(epoch) => return (ParkedKey::Epoch(lane, epoch), None),
            Change::DelLimit(of) => return (ParkedKey::Limit(lane, of), None),
            Change::Limit { of, until, at } => Parked::Limit { of, until, at: Some(at), epoch, lane },
            Change::Put { offset, id, of, attempt } => {
                let super::world::Rec { chat, deadline, .. } = self.scene.lane[World::root(id) as usize];
                Parked::Put {
                    id,
                    offset,
                    of,
                    attempt,
                    epoch,
                    lane,
                    tenant: self.scene.tenant.clone(),
                    bot: self.scene.bots[World::bot(chat)].clone(),
                    conversation: self.scene.chats[chat].clone(),
                    deadline: deadline.map(|at| Timestamp::from_millis(at as i64)),
                    reply: String::new(),
                }
            }
        };
        (value.key(), Some(Rc::new(value)))
    }
}
