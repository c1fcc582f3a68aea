//! Copies of RESULTs: a half sent parked reply must not hold a restore at its first part for as long as it waits.
//!
//! Guarantee: the hold moves up only when all copies are acknowledged, and to where they begin.

use super::Machine;
use super::ToLedger;
use super::faults::Mutant;
use super::item::State;
use super::protocol::Entry;
use crate::domain::events::Settled;

/// With many half sent replies each waits longer for its copies, so that copying stays a small part of the ledger.
const SPREAD: u64 = 4;

impl Machine {
    /// Copies the RESULTs of replies that hold `low` back too far.
    pub(super) fn copy_forward(&mut self) {
        let half: Vec<u64> = self
            .items
            .iter()
            .filter(|(_, item)| {
                item.state == State::Queued && item.put.is_some() && !item.is_pending() && item.next > 0
            })
            .map(|(offset, _)| *offset)
            .collect();
        let end = self.holds.end();
        let far = self.bounds.hold + SPREAD * half.len() as u64;
        for offset in half {
            let held = self.holds.get(offset).unwrap_or(end);
            if end - held > far && !self.faults.has(Mutant::NoCopy) {
                self.copy(offset, end);
            }
        }
    }

    fn copy(&mut self, offset: u64, end: u64) {
        let (epoch, lane) = (self.epoch, self.lane);
        let Some(item) = self.items.get_mut(&offset).filter(|item| item.copying.is_none()) else { return };
        item.copying = Some((item.next, end));
        let (id, next, of) = (item.id, item.next, item.of);
        for part in 0..next {
            let copied = Settled::Copied { id, offset, part, of, epoch, lane };
            self.push_ledger(ToLedger::Copied(offset), Entry::Mark(copied));
        }
    }

    pub(super) fn copy_acked(&mut self, offset: u64) {
        let Some(item) = self.items.get_mut(&offset) else { return };
        let Some((left, begin)) = item.copying else { return };
        item.copying = (left > 1).then_some((left - 1, begin));
        if left == 1 && self.holds.get(offset).is_some() {
            self.holds.set(offset, begin);
        }
    }
}
