//! After crashes in a row: one record at a time, and its offset committed before it is begun.
//!
//! Guarantee: a record that ends the process is found out and goes to the dead letters as `crash_loop`, whatever stands
//! beside it; one crash, or one after something was finished, slows nothing down: a record that ends its owners lets none
//! of them past it. Care ends behind the [`WINDOW`], however many owners that takes, so processes that are killed again and
//! again from outside are not slow for ever. A process that ends takes all its partitions with it, so their suspects have
//! their [`Turns`].

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metadata::Fate;
use crate::log::Record;

/// So many owners in a row that were gone before anything could be finished are no accident.
const CRASHES: u32 = 2;
/// Behind the first unfinished offset: what was at work together when the process ended.
const WINDOW: u64 = 64;
/// A record that was alone at work so often when its owner was gone is the one.
const TIMES: u32 = 3;

/// Of all partitions of a process that are careful, one has its suspect at work: were there two when the process ends, an
/// innocent one would be counted with the other.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turns {
    /// Waits until it is a partition's turn, which lasts as long as what is returned.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// One partition's care.
#[derive(Debug)]
pub(super) struct Careful {
    /// What this owner commits of itself.
    fate: Fate,
    /// What the last one said.
    suspect: Option<(u64, u32)>,
    start: u64,
    waiting: VecDeque<Record>,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Step {
    /// Take these.
    Admit(Vec<Record>),
    /// Commit what [`Careful::fate`] says, then take these.
    Begin(Vec<Record>),
    /// Commit what [`Careful::fate`] says, then take this one.
    Alone(Record),
    /// Give this one up: it has ended its owner so many times.
    GiveUp(Record, u32),
    /// Nothing, until what is at work is finished.
    Wait,
}

impl Careful {
    /// The last owner fared so; `None` = there was none. Reading begins at `start`.
    pub(super) fn new(before: Option<Fate>, start: u64) -> Self {
        // The first of a row did not say whether it had begun; one that had not was not ended by a record.
        let crashes = before.filter(|fate| !fate.released).map_or(0, |fate| match fate {
            Fate { crashes: 1.., begun: false, .. } => fate.crashes,
            _ => fate.crashes.saturating_add(1),
        });
        let suspect = before.and_then(|fate| fate.suspect);
        let until = match before.and_then(|fate| fate.until) {
            None if crashes >= CRASHES => Some(start + WINDOW),
            // All of it was finished when the last owner was gone.
            until => until.filter(|until| *until > start),
        };
        let fate = Fate { released: false, crashes, begun: false, until, suspect };
        Self { fate, suspect, start, waiting: VecDeque::new() }
    }

    /// To be committed.
    pub(super) const fn fate(&self) -> Fate {
        self.fate
    }

    /// True when records go one by one.
    pub(super) const fn is_on(&self) -> bool {
        self.fate.until.is_some()
    }

    /// True when more records may come.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many records wait here.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The first record that waits here.
    pub(super) fn next(&self) -> Option<u64> {
        self.waiting.front().map(|record| record.offset)
    }

    /// Records came in.
    pub(super) fn push(&mut self, records: Vec<Record>) {
        self.waiting.extend(records);
    }

    /// The next step. `idle` = nothing is at work.
    pub(super) fn step(&mut self, idle: bool) -> Step {
        let Some(first) = self.waiting.front() else { return Step::Wait };
        if self.fate.until.is_none_or(|until| first.offset >= until) {
            let all = std::mem::take(&mut self.waiting).into();
            let silent = self.fate.crashes > 0 && !self.fate.begun;
            self.fate.begun |= silent;
            return if silent { Step::Begin(all) } else { Step::Admit(all) };
        }
        if !idle {
            return Step::Wait;
        }
        let Some(record) = self.waiting.pop_front() else { return Step::Wait };
        let before =
            self.suspect.filter(|(offset, _)| *offset == record.offset).map_or(0, |(_, times)| times);
        if before >= TIMES {
            return Step::GiveUp(record, before);
        }
        (self.fate.suspect, self.fate.begun) = (Some((record.offset, before + 1)), true);
        Step::Alone(record)
    }

    /// True while the last owner's end is not made up for.
    pub(super) fn is_worried(&self) -> bool {
        self.fate != Fate::default()
    }

    /// The partition came so far: true when there is something new to commit.
    pub(super) fn came(&mut self, watermark: u64, position: u64) -> bool {
        let calm = match self.fate.until {
            None => watermark > self.start,
            Some(until) => {
                let caught_up = watermark > self.start && watermark == position && self.waiting.is_empty();
                watermark >= until || caught_up
            }
        };
        let over = calm && self.is_worried();
        if over {
            self.fate = Fate::default();
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::time::Timestamp;

    fn records(offsets: std::ops::Range<u64>) -> Vec<Record> {
        let at = Timestamp::default();
        let record =
            |offset| Record { offset, at, key: Bytes::new(), value: Bytes::new(), headers: Vec::new() };
        offsets.map(record).collect()
    }

    fn crashed(fate: Fate) -> Careful {
        Careful::new(Some(Fate { begun: true, ..fate }), 10)
    }

    #[test]
    fn one_crash_slows_nothing_down() {
        for before in [None, Some(Fate { released: true, ..Fate::default() }), Some(Fate::default())] {
            let mut careful = Careful::new(before, 10);
            careful.push(records(10..40));
            let all = match careful.step(false) {
                Step::Admit(all) | Step::Begin(all) => all,
                step => panic!("{step:?}"),
            };
            assert_eq!(all.len(), 30);
        }
    }

    #[test]
    fn the_record_that_ends_its_owner_is_found_out() {
        let mut fate = Fate::default();
        for crash in 1..=4 {
            let mut careful = crashed(fate);
            careful.push(records(10..13));
            fate = match careful.step(true) {
                // The owner is gone at offset 10, with all that was beside it.
                Step::Admit(_) | Step::Begin(_) => careful.fate(),
                Step::Alone(record) => {
                    assert_eq!(record.offset, 10);
                    assert!(matches!(careful.step(false), Step::Wait), "alone");
                    careful.fate()
                }
                step => panic!("{step:?}"),
            };
            assert_eq!(fate.crashes, crash);
        }
        let mut careful = crashed(fate);
        careful.push(records(10..13));
        assert!(matches!(careful.step(true), Step::GiveUp(record, 3) if record.offset == 10));
        assert!(matches!(careful.step(true), Step::Alone(record) if record.offset == 11));
        assert!(careful.fate().suspect == Some((11, 1)) && !careful.has_room());
    }

    #[test]
    fn what_goes_well_is_forgotten() {
        let mut careful = crashed(Fate { crashes: 7, ..Fate::default() });
        careful.push(records(73..75));
        assert!(matches!(careful.step(true), Step::Alone(_)));
        assert!(matches!(careful.step(true), Step::Admit(rest) if rest.len() == 1), "behind the window");
        assert!(!careful.came(73, 75), "something is at work");
        assert!(careful.came(75, 75) && careful.fate() == Fate::default());
        assert!(!careful.came(76, 76), "said once");
    }

    #[test]
    fn an_owner_that_finishes_something_is_no_crash() {
        let mut careful = crashed(Fate::default());
        assert!(!careful.is_on() && careful.is_worried());
        assert!(!careful.came(10, 40), "nothing is finished yet");
        assert!(careful.came(11, 40));
        assert_eq!(Careful::new(Some(careful.fate()), 11).fate().crashes, 1);
    }

    #[test]
    fn an_owner_that_is_gone_before_it_began_is_no_crash() {
        let mut fate = Careful::new(Some(Fate::default()), 10).fate();
        for _ in 0..5 {
            // Killed while it restored.
            fate = Careful::new(Some(fate), 10).fate();
            assert_eq!((fate.crashes, fate.until), (1, None));
        }
        let mut careful = Careful::new(Some(fate), 10);
        careful.push(records(10..12));
        assert!(matches!(careful.step(true), Step::Begin(all) if all.len() == 2), "said before");
        assert!(careful.fate().begun);
        careful.push(records(12..14));
        assert!(matches!(careful.step(true), Step::Admit(_)), "said once");
        assert!(Careful::new(Some(careful.fate()), 10).is_on());
    }

    #[test]
    fn care_ends_behind_its_window_however_many_owners_that_takes() {
        let (mut fate, mut start, mut alone) = (Fate { crashes: 1, begun: true, ..Fate::default() }, 10, 0);
        // Each is killed from outside when it has finished two records and has the third at work.
        for owner in 1..40 {
            let mut careful = Careful::new(Some(fate), start);
            if !careful.is_on() {
                assert_eq!((alone, owner), (WINDOW, 33));
                return;
            }
            careful.push(records(start..start + 100));
            for done in 1..=3 {
                match careful.step(true) {
                    Step::Alone(record) => {
                        assert_eq!(record.offset, start + done - 1);
                        alone += u64::from(done < 3);
                    }
                    Step::Admit(rest) | Step::Begin(rest) => {
                        assert_eq!(rest[0].offset, 10 + WINDOW);
                        break;
                    }
                    step => panic!("{step:?}"),
                }
                assert!(!careful.came(start + done - 1, start + 100));
            }
            (fate, start) = (careful.fate(), (start + 2).min(10 + WINDOW));
        }
        panic!("care never ends");
    }
}
