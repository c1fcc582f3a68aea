//! The crash test: random histories of crashes, zombies, refusals, silence and duplicates, and every rule broken once.
//!
//! The machine as it is must pass all seeds; with one rule broken, a seed must show it.

use std::collections::BTreeMap;

use super::super::faults::Mutant;
use super::world::{LEASE, Never, RECORDS, STEPS, World};

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A rule of the machine.
    Machine(Mutant),
    /// Records between the position and a watermark that jumped are admitted again.
    NoSkip,
    /// Ids that were open in the last epoch still count as known.
    StaleIds,
    /// The EPOCH marker is appended after the parked topic was read.
    MarkerLate,
    /// All EPOCH markers share one key.
    OneMarkerKey,
    /// The epoch is counted per process.
    LocalEpoch,
    /// What a restore puts in doubt is not written down.
    DoubtVolatile,
}

const SEEDS: u64 = 1500;

const FAULTS: [Fault; 42] = [
    Fault::NoSkip,
    Fault::Machine(Mutant::NoBarrier),
    Fault::Machine(Mutant::NoPin),
    Fault::Machine(Mutant::ByArrival),
    Fault::Machine(Mutant::Early),
    Fault::Machine(Mutant::LowIsEnd),
    Fault::Machine(Mutant::ResultNotAwaited),
    Fault::Machine(Mutant::MemoryUnknown),
    Fault::Machine(Mutant::PartsWhole),
    Fault::Machine(Mutant::BotOnlyParks),
    Fault::Machine(Mutant::LateNotLookedUp),
    Fault::Machine(Mutant::NoLookBack),
    Fault::Machine(Mutant::ResentForever),
    Fault::Machine(Mutant::CompletedById),
    Fault::StaleIds,
    Fault::Machine(Mutant::OwnCount),
    Fault::Machine(Mutant::PartsDoNotHold),
    Fault::Machine(Mutant::HeldToResult),
    Fault::Machine(Mutant::RefusedHolds),
    Fault::Machine(Mutant::NoCopy),
    Fault::Machine(Mutant::NoAge),
    Fault::Machine(Mutant::PendingSkipped),
    Fault::Machine(Mutant::DelEarly),
    Fault::Machine(Mutant::LateIsVoid),
    Fault::MarkerLate,
    Fault::OneMarkerKey,
    Fault::Machine(Mutant::MarkersFirst),
    Fault::LocalEpoch,
    Fault::Machine(Mutant::Unmarked),
    Fault::Machine(Mutant::MarkNotAwaited),
    Fault::Machine(Mutant::MarkIgnored),
    Fault::Machine(Mutant::MarkNotHeld),
    Fault::DoubtVolatile,
    Fault::Machine(Mutant::DoubtNotLookedUp),
    Fault::Machine(Mutant::UnsentAnyEpoch),
    Fault::Machine(Mutant::UnknownIsRefusal),
    Fault::Machine(Mutant::NoLease),
    Fault::Machine(Mutant::LeaseWithoutCall),
    Fault::Machine(Mutant::LeaseBeforeMark),
    Fault::Machine(Mutant::BulkUnmarked),
    Fault::Machine(Mutant::OthersPut),
    Fault::Machine(Mutant::OthersMark),
];

#[test]
fn every_history_is_right() {
    let mut n: BTreeMap<&str, u64> = BTreeMap::new();
    let mut longest = [0; 3];
    let mut wrong = Vec::new();
    for seed in 0..SEEDS {
        let (world, ticks) = history(seed, None);
        if !world.violations.is_empty() {
            wrong.push((seed, world.tick, world.violations));
        }
        for (what, count) in &world.n {
            *n.entry(what).or_default() += count;
        }
        longest[world.never_why as usize] = ticks.max(longest[world.never_why as usize]);
    }
    assert!(
        wrong.is_empty(),
        "{} seeds are wrong (seed, tick, what): {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    eprintln!(
        "seeds={SEEDS} violations={{}}\n  {n:?}\n  longest drain (none, bot, chat limited): {longest:?}"
    );
}

#[test]
fn every_broken_rule_is_noticed() {
    let mut missed = Vec::new();
    for fault in FAULTS {
        let found = (0..SEEDS).find_map(|seed| {
            let violations = history(seed, Some(fault)).0.violations;
            (!violations.is_empty()).then_some((seed, violations))
        });
        match found {
            Some((seed, violations)) => eprintln!("{fault:?}: seeds needed {}, {violations:?}", seed + 1),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not noticed in {SEEDS} seeds: {missed:?}");
}

/// One history, and the ticks of its longest drain.
pub(super) fn history(seed: u64, fault: Option<Fault>) -> (World, u64) {
    let mut world = World::new(seed, fault);
    world.run();
    let mut ticks = 0;
    for again in [false, true, true] {
        if world.violations.is_empty() {
            ticks = world.drain().max(ticks);
        }
        if !world.violations.is_empty() {
            break;
        }
        for _ in 0..3 {
            world.sweep();
            (0..60).for_each(|_| world.acks());
            world.do_commit();
        }
        world.check_end(again);
        // Then every zombie lands, and there are more restarts: nothing is sent again.
        world.land(1.0);
        world.land(1.0);
        world.crash();
        if world.chance(0.7) {
            for _ in 0..world.rng.u64(0..=9) {
                world.poll();
                world.ack_parked();
            }
            world.do_commit();
            world.crash();
        }
    }
    (world, ticks)
}

impl World {
    /// Crashes at random, some of them twice in a row; some commits fail before.
    fn run(&mut self) {
        let mut crashes: Vec<u64> = (0..self.rng.u64(0..=8)).map(|_| self.rng.u64(..STEPS)).collect();
        for at in crashes.clone() {
            if self.rng.bool() {
                crashes.push(at + self.rng.u64(1..=40));
            }
        }
        let mut cut = vec![false; (STEPS + 50) as usize];
        for at in &crashes {
            if self.rng.f64() < 0.3 {
                let from = at.saturating_sub(self.rng.u64(0..=LEASE));
                cut[from as usize..*at as usize].fill(true);
            }
        }
        for step in 0..STEPS {
            self.tick += 1;
            match self.rng.f64() * 39.6 {
                x if x < 6.0 => self.poll(),
                x if x < 13.0 => self.send(),
                x if x < 20.0 => self.result(),
                x if x < 26.0 => self.ack_ledger(),
                x if x < 30.0 => self.ack_parked(),
                x if x < 34.0 => self.ack_letter(),
                x if x < 36.0 => self.answer(),
                x if x < 37.5 => {
                    if !cut[step as usize] {
                        self.do_commit();
                    }
                }
                x if x < 38.5 => self.sweep(),
                x if x < 39.0 => {
                    if self.rng.f64() < 0.9 {
                        self.land(0.4);
                    } else {
                        self.late.clear();
                    }
                }
                x if x < 39.1 => self.compact(),
                _ => self.other_lane(),
            }
            if crashes.contains(&step) {
                self.crash();
            }
            if !self.violations.is_empty() {
                return;
            }
        }
    }

    pub(super) fn acks(&mut self) {
        self.ack_ledger();
        self.ack_parked();
        self.ack_letter();
        self.answer();
    }

    /// No crash: all that is not limited for ever ends, and the watermark reaches the end.
    fn drain(&mut self) -> u64 {
        for tick in 0..5000 {
            self.tick += 1;
            self.poll();
            self.sweep();
            self.send();
            self.result();
            self.acks();
            if self.chance(0.02) {
                self.land(0.4);
            }
            if tick % 10 == 0 {
                self.do_commit();
            }
            if !self.violations.is_empty() || self.is_drained() {
                return tick;
            }
        }
        self.bad("stuck");
        0
    }

    fn is_drained(&self) -> bool {
        let owner = &self.owner;
        let read = owner.read == RECORDS && owner.tracker.watermark() == RECORDS;
        if !read || !owner.to_parked.is_empty() || !owner.to_ledger.is_empty() || !owner.letters.is_empty() {
            return false;
        }
        let chats = self
            .scene
            .chats
            .iter()
            .enumerate()
            .filter(|(chat, _)| !(self.never_why != Never::None && self.never.contains(chat)));
        let empty = |name| owner.machine.chats.find(name).is_none_or(|(_, chat)| chat.is_empty());
        owner.machine.items.values().all(|item| item.put.is_some())
            && chats.into_iter().all(|(_, name)| empty(name))
    }
}
