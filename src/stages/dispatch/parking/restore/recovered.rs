//! From what was read to a machine: doubts first, then replies in their chats, then what is cleaned up.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::Restore;
use crate::domain::events::Limited;
use crate::domain::ids::EventId;
use crate::log::Place;
use crate::stages::dispatch::parking::faults::Mutant;
use crate::stages::dispatch::parking::holds::Holds;
use crate::stages::dispatch::parking::item::{Item, Slot};
use crate::stages::dispatch::parking::known::Search;
use crate::stages::dispatch::parking::protocol::{Change, Command, Now};
use crate::stages::dispatch::parking::{Machine, Pin, ToParked};

/// Everything is read and searched.
#[derive(Debug)]
pub(crate) struct Recovered {
    restore: Restore,
    ledger_end: u64,
    doubts: Vec<Doubt>,
}

/// A part that an earlier owner may have sent, and that must not be sent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// The reply's offset in its lane, where its record can be read.
    pub(crate) offset: u64,
    /// The reply's id.
    pub(crate) id: EventId,
    /// Which part, from 0.
    pub(crate) part: u32,
    /// Of how many.
    pub(crate) of: u32,
    /// Where the record lies if the reply is parked.
    pub(crate) place: Option<Place>,
}

impl Recovered {
    pub(super) fn new(mut restore: Restore, ledger_end: u64, found: &Search) -> Self {
        for id in restore.questions() {
            if let Some(progress) = found.get(id) {
                restore.known.learn(id, progress);
            }
        }
        // What is in doubt is asked again, now with what the search found.
        let doubts: Vec<Doubt> = restore
            .open_marks()
            .map(|(id, part, of, offset)| {
                let place = restore.live.find(id).map(Slot::place);
                Doubt { offset, id, part, of, place }
            })
            .collect();
        Self { restore, ledger_end, doubts }
    }

    /// Parts in doubt: each reply goes to the dead letters as `in_doubt` first, then the part gets its RESULT; all of
    /// that is acknowledged before [`Recovered::machine`].
    pub(crate) fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// What providers want to wait, as either lane learned it, and until when.
    pub(crate) fn waits(&self, now: Now) -> impl Iterator<Item = (&Limited, Duration)> {
        let all = self.restore.limits.iter().chain(&self.restore.others);
        all.map(move |(of, told)| (of, now.moment + told.left(now.wall)))
    }

    /// All doubts are durable: the machine, with what it has to do first.
    pub(crate) fn machine(self, now: Now) -> Machine {
        let Self { mut restore, ledger_end, doubts } = self;
        for doubt in doubts {
            restore.saw(doubt.offset);
            restore.known.doubt(ledger_end, (doubt.id, doubt.part, doubt.of), now.wall);
        }
        let live = std::mem::take(&mut restore.live);
        let late = std::mem::take(&mut restore.late);
        let mut all: Vec<u32> = live.numbers().collect();
        let offset = |at: &u32| live.get(*at).map(Slot::offset);
        // They come nearly in this order, of which this sort makes use.
        all.sort_by_key(offset);
        let last = all.last().and_then(offset).max(restore.last);
        restore.chats.restore(live);
        let from = restore.from;
        let (markers, faults) = (std::mem::take(&mut restore.markers), restore.faults);
        let limits = std::mem::take(&mut restore.limits);
        let others = std::mem::take(&mut restore.others);
        let mut machine = Machine {
            bounds: restore.bounds,
            lane: from.lane,
            epoch: from.epoch,
            faults,
            chats: restore.chats,
            items: BTreeMap::new(),
            open: HashMap::new(),
            known: restore.known,
            holds: Holds::new(ledger_end),
            memory: 0,
            position: from.watermark,
            end: from.end,
            waits: BTreeMap::new(),
            unread: BTreeMap::new(),
            pin: Pin { last, low: from.low },
            to_ledger: VecDeque::new(),
            to_parked: VecDeque::new(),
            asked: Vec::new(),
            to_ask: Vec::new(),
            out: Vec::new(),
        };
        let delete_markers = |machine: &mut Machine| {
            for epoch in markers.range(..from.epoch) {
                machine.push_parked(ToParked::Other, Change::DelEpoch(*epoch));
            }
        };
        if faults.has(Mutant::MarkersFirst) {
            delete_markers(&mut machine);
        }
        for (of, told) in limits.iter().chain(&others) {
            machine.wait_on(of, now.moment + told.left(now.wall));
        }
        machine.waits = limits.into_iter().map(|(of, told)| (of, now.moment + told.left(now.wall))).collect();
        all.into_iter().for_each(|at| machine.take_over(at, &late));
        if !faults.has(Mutant::MarkersFirst) {
            delete_markers(&mut machine);
        }
        drop(machine.chats.drop_idle(Duration::ZERO));
        machine.chats.fit();
        machine.announce_all();
        machine
    }
}

impl Machine {
    /// A PUT without a DEL: settled meanwhile, or a reply that waits. `late` = one of its PUTs came late, and whether
    /// another did not.
    fn take_over(&mut self, at: u32, late: &HashMap<EventId, bool>) {
        let Some(slot) = self.chats.slots().get(at).copied() else { return };
        let Some(chat) = self.chats.at(slot.link()) else { return };
        let (id, offset, late) = (slot.id(), slot.offset(), late.get(&slot.id()).copied());
        if self.known.is_whole(id, slot.of()) {
            self.chats.withdraw(&slot);
            self.holds.set(offset, self.pin.low);
            return self.push_parked(ToParked::Del(offset), Change::Del(id));
        }
        if late.is_some() && self.faults.has(Mutant::LateIsVoid) {
            self.push_parked(ToParked::Other, Change::Del(id));
            if late == Some(false) {
                return self.chats.withdraw(&slot);
            }
        }
        let item = slot.item(chat);
        if self.known.progress(id).is_none() {
            // Nearly all of them: nothing of it was ever sent.
            self.count_in(&item);
            return self.chats.restored(chat, at);
        }
        self.chats.withdraw(&slot);
        self.enqueue(offset, item);
        if !self.close_rest(offset) {
            self.rest(offset);
        }
    }

    /// Every chat whose head may go; the others when their head was read.
    fn announce_all(&mut self) {
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for (ix, chat) in self.chats.iter() {
            match self.head(chat).filter(|offset| self.items.get(offset).is_none_or(Item::is_free)) {
                Some(offset) if self.is_read(offset) => read.push(ix),
                Some(offset) => unread.push((offset, ix)),
                None => {}
            }
        }
        self.unread.extend(unread);
        let crowds = self.chats.crowds(read);
        self.out.extend(crowds.into_iter().map(Command::Crowd));
    }
}
