//! A new owner takes over: all state is built fresh from what is durable.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::faults::Faults;
use super::super::*;
use super::crash::Fault;
use super::owner::{Owner, ParkedRecord};
use super::tracker::Tracker;
use super::world::{LEASE, RECORDS, World};
use super::zombie::Late;
use crate::domain::events::{Parked, ParkedKey, SettledStatus};
use crate::domain::time::Timestamp;

impl World {
    /// The partition has a new owner, after the lease of the last one.
    pub(super) fn take_over(&mut self) {
        while !self.try_to_take_over() {}
    }

    /// False when the new owner died before it was one.
    fn try_to_take_over(&mut self) -> bool {
        self.tick = self.tick.max(self.lease);
        self.lease = self.tick + LEASE;
        self.claim();
        if self.chance(0.15) {
            // A process that died between its commit and its marker.
            let marker = self.marker(self.commit.epoch);
            self.late.push(Late::Parked([marker].into()));
            self.claim();
        }
        let local = self.is(Fault::LocalEpoch) && self.rng.bool();
        let epoch = if local { 1 } else { self.commit.epoch };
        self.land(0.3);
        let marker = self.marker(epoch);
        if !self.is(Fault::MarkerLate) {
            self.append_parked(marker.clone());
        }
        self.land(0.3);
        if self.chance(0.4) {
            self.compact();
        }
        let faults = Faults {
            mutant: match self.fault {
                Some(Fault::Machine(mutant)) => Some(mutant),
                _ => None,
            },
        };
        let mut restore = Restore::with(self.from(epoch), self.bounds(), faults);
        for (key, value) in &self.parked {
            restore.parked(key, value.as_deref(), Place { position: 0, len: 100 });
        }
        self.land(0.3);
        if self.is(Fault::MarkerLate) {
            self.append_parked(marker);
        }
        for (position, (record, _)) in self.ledger.iter().enumerate().skip(self.commit.low as usize) {
            restore.ledger(position as u64, record);
        }
        if self.is(Fault::StaleIds) {
            for id in self.owner.machine.open_ids().keys() {
                restore.known.settle(*id, 1, Timestamp::from_millis(self.tick as i64));
            }
        }
        let ledger_end = self.ledger.len() as u64;
        let search = self.search(restore.questions());
        self.count_late(&restore);
        let recovered = restore.answer(ledger_end, &search);
        if recovered.doubts().iter().any(|doubt| !Self::is_own(doubt.id)) {
            self.bad("foreign_doubt");
            return true;
        }
        if !self.write_doubts(recovered.doubts(), epoch) {
            return false;
        }
        let machine = recovered.machine(self.now());
        if machine.open_ids().keys().any(|id| !Self::is_own(*id)) {
            self.bad("foreign_item");
            return true;
        }
        let tracker = Tracker::new(self.commit.watermark, &self.commit.done);
        let read = self.commit.watermark;
        self.owner = Owner::new(Rc::clone(&self.scene), machine, tracker, epoch);
        self.owner.read = read;
        self.owner.obey(self.tick);
        true
    }

    /// Commits a new epoch, which only the group's present member can.
    fn claim(&mut self) {
        let mut markers = BTreeSet::new();
        for (_, value) in &self.parked {
            if let Some(Parked::Epoch { epoch, lane }) = value.as_deref()
                && *lane == self.scene.kind
            {
                markers.insert(*epoch);
            }
        }
        self.commit.epoch = next_epoch(self.commit.epoch, markers.last().copied().unwrap_or(0));
    }

    fn marker(&self, epoch: u64) -> ParkedRecord {
        let lane = self.scene.kind;
        let key = if self.is(Fault::OneMarkerKey) { 0 } else { epoch };
        (ParkedKey::Epoch(lane, key), Some(Rc::new(Parked::Epoch { epoch, lane })))
    }

    fn from(&self, epoch: u64) -> From {
        let before = self.commit.low.checked_sub(1).map(|last| self.ledger[last as usize].1 as i64);
        From {
            lane: self.scene.kind,
            epoch,
            low: self.commit.low,
            watermark: self.commit.watermark,
            end: RECORDS,
            since: Timestamp::from_millis(before.unwrap_or(i64::MIN)),
        }
    }

    fn count_late(&mut self, restore: &Restore) {
        for id in restore.late.keys().filter(|id| Self::is_own(**id)) {
            let settled = self.is_settled(Self::root(*id));
            *self.n.entry(if settled { "late_settled" } else { "late_live" }).or_default() += 1;
        }
    }

    /// Each doubt's dead letter, then its RESULT, all durable. False when the process dies on the way.
    fn write_doubts(&mut self, doubts: &[Doubt], epoch: u64) -> bool {
        let chat = |doubt: &Doubt| self.scene.lane[Self::root(doubt.id) as usize].chat;
        if doubts.iter().map(chat).collect::<BTreeSet<_>>().len() < doubts.len() {
            self.bad("in_doubt_chat");
        }
        let records: Vec<_> = doubts.iter().map(|doubt| self.doubt_result(doubt, epoch)).collect();
        for (at, doubt) in doubts.iter().enumerate() {
            let key = (Self::root(doubt.id), doubt.part);
            self.letters.insert(key);
            if self.chance(0.1) {
                let rest = doubts[at..].iter().map(|doubt| (Self::root(doubt.id), doubt.part));
                self.letters.extend(rest);
                self.late.push(Late::Ledger(records[at..].iter().cloned().collect()));
                return false;
            }
            if self.has_result(key) {
                self.bad("in_doubt_settled");
            }
            if !self.is(Fault::DoubtVolatile) {
                self.append_ledger(Rc::clone(&records[at]));
            }
            self.count("in_doubt_crash");
            if !self.was_seen(key) {
                self.count("in_doubt_crash_not_sent");
            }
        }
        true
    }

    fn doubt_result(&self, doubt: &Doubt, epoch: u64) -> Rc<crate::domain::events::Settled> {
        let verdict = Verdict {
            offset: doubt.offset,
            id: doubt.id,
            part: doubt.part,
            of: doubt.of,
            status: SettledStatus::InDoubt,
            attempt: 1,
            provider_id: None,
            reason: None,
            place: None,
        };
        let chat = self.scene.lane[Self::root(doubt.id) as usize].chat;
        Rc::new(self.scene.result(&verdict, chat, epoch, self.tick))
    }
}
