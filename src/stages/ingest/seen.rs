//! Which events a partition has seen: saves the work on redeliveries. It is not the guarantee against duplicates.
//!
//! Guarantee: bounded. Ids are kept in four generations; each ends after a third of the time or a quarter of the number,
//! and the oldest is forgotten when a fifth begins. So an id is remembered for the whole time, unless more arrive than
//! the number allows: then for at least the last three quarters of that number.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;

const GENERATIONS: usize = 4;

/// The ids of a while.
#[derive(Debug)]
pub(super) struct Seen {
    generations: VecDeque<Generation>,
    span: Duration,
    most: usize,
}

#[derive(Debug)]
struct Generation {
    began: Timestamp,
    ids: HashSet<u128, BuildHasherDefault<LowHalf>>,
}

impl Seen {
    /// Remembers ids for `span`, at most `most`.
    pub(super) fn new(span: Duration, most: usize) -> Self {
        Self { generations: VecDeque::new(), span: span / 3, most: (most / GENERATIONS).max(1) }
    }

    /// True when the id was not seen before. `at` never falls: it is the log's own time.
    pub(super) fn insert(&mut self, id: EventId, at: Timestamp) -> bool {
        let over = |newest: &Generation| at.since(newest.began) >= self.span || newest.ids.len() >= self.most;
        if self.generations.back().is_none_or(over) {
            self.generations.push_back(Generation { began: at, ids: HashSet::default() });
            if self.generations.len() > GENERATIONS {
                self.generations.pop_front();
            }
        }
        let id = u128::from_le_bytes(*id.as_bytes());
        if self.generations.iter().any(|generation| generation.ids.contains(&id)) {
            return false;
        }
        if let Some(newest) = self.generations.back_mut() {
            newest.ids.insert(id);
        }
        true
    }

    /// Makes the id new again.
    pub(super) fn forget(&mut self, id: EventId) {
        let id = u128::from_le_bytes(*id.as_bytes());
        self.generations.iter_mut().for_each(|generation| {
            generation.ids.remove(&id);
        });
    }
}

/// An id is a hash already: half of it is as good as a hash of it.
#[derive(Debug, Default)]
struct LowHalf(u64);

impl Hasher for LowHalf {
    #[expect(clippy::cast_possible_truncation, reason = "the half that is cut off is not needed")]
    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    fn id(n: u64) -> EventId {
        EventId::root(ChannelKind::Telegram, "1", &n.to_string())
    }

    #[test]
    fn a_repeated_id_is_known_for_the_whole_span() {
        let span = Duration::from_secs(1800);
        let mut seen = Seen::new(span, 1000);
        let began = Timestamp::from_millis(0);
        assert!(seen.insert(id(0), began));
        // Others come every minute.
        for minute in 1..=30 {
            let at = began.plus(Duration::from_secs(60 * minute));
            assert!(seen.insert(id(minute), at));
            assert!(!seen.insert(id(0), at), "minute {minute}");
        }
        let later = began.plus(span * 3);
        (100..105).for_each(|n| {
            seen.insert(id(n), later.plus(span * u32::try_from(n).unwrap()));
        });
        assert!(seen.insert(id(0), later.plus(span * 200)), "forgotten in the end");
    }

    #[test]
    fn no_more_than_the_number_is_kept() {
        let mut seen = Seen::new(Duration::from_secs(1800), 1000);
        let at = Timestamp::from_millis(0);
        (0..10_000).for_each(|n| assert!(seen.insert(id(n), at)));
        let kept: usize = seen.generations.iter().map(|generation| generation.ids.len()).sum();
        assert!((750..=1000).contains(&kept), "{kept}");
        assert!((9_250..10_000).all(|n| !seen.insert(id(n), at)));
    }
}
