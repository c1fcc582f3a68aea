//! The dead letters that a filter means.
//!
//! Guarantee: letters are held without their values, and no more than were asked for; of the rest there are counts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::filter::Filter;
use super::letter::Letter;
use super::mark::Mark;
use super::marks::Marks;
use super::source::{Source, Start};
use crate::domain::time::Timestamp;
use crate::domain::topics::DEAD_LETTER;
use crate::log::{LogError, Record};

/// Which of the letters that are meant are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest.
    Newest(usize),
    /// The oldest that were not driven again.
    OldestWaiting(usize),
}

/// What was found.
#[derive(Debug)]
pub struct Shelf {
    filter: Filter,
    keep: Keep,
    /// What is kept, oldest first once all is read.
    pub letters: Vec<Letter>,
    /// Letters that were looked at.
    pub seen: u64,
    /// Letters that are meant.
    pub matched: u64,
    /// Letters that are meant and were driven again.
    pub redriven: u64,
    /// Letters that are meant, by stage and reason.
    pub kinds: BTreeMap<(String, String), Kind>,
}

/// Dead letters of one stage and reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// How many.
    pub letters: u64,
    /// How many of them were driven again since.
    pub redriven: u64,
    /// When the first was written.
    pub first: Timestamp,
    /// When the last was.
    pub last: Timestamp,
}

impl Shelf {
    /// Reads the dead letters.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn read(source: &Source, marks: &Marks, filter: Filter, keep: Keep) -> Result<Self, LogError> {
        let start = start(&filter);
        let mut shelf = Self::new(filter, keep);
        source
            .scan(DEAD_LETTER, start, &mut |partition, record| {
                shelf.take(marks, partition, &record);
                true
            })
            .await?;
        shelf.trim();
        Ok(shelf)
    }

    fn new(filter: Filter, keep: Keep) -> Self {
        let (letters, kinds) = (Vec::new(), BTreeMap::new());
        Self { filter, keep, letters, seen: 0, matched: 0, redriven: 0, kinds }
    }

    fn take(&mut self, marks: &Marks, partition: u32, record: &Record) {
        if Mark::read(record).is_some() {
            return;
        }
        self.seen += 1;
        let mut letter = Letter::read(partition, record);
        if !self.filter.matches(&letter) {
            return;
        }
        letter.redriven = marks.is_done(letter.position);
        self.matched += 1;
        self.redriven += u64::from(letter.redriven);
        let kind = self.kinds.entry((letter.stage.clone(), letter.reason.clone())).or_default();
        kind.first = if kind.letters == 0 { letter.time } else { kind.first.min(letter.time) };
        kind.last = kind.last.max(letter.time);
        kind.letters += 1;
        kind.redriven += u64::from(letter.redriven);
        let (limit, wanted) = match self.keep {
            Keep::Newest(limit) => (limit, true),
            Keep::OldestWaiting(limit) => (limit, !letter.redriven),
        };
        if wanted && limit > 0 {
            self.letters.push(letter);
            if self.letters.len() >= limit.saturating_mul(2).max(1024) {
                self.trim();
            }
        }
    }

    /// Sorts, and lets go of what is too much.
    fn trim(&mut self) {
        self.letters.sort_unstable_by_key(|letter| (letter.time, letter.position));
        match self.keep {
            Keep::Newest(limit) => drop(self.letters.drain(..self.letters.len().saturating_sub(limit))),
            Keep::OldestWaiting(limit) => self.letters.truncate(limit),
        }
    }
}

/// Where reading for a filter begins.
#[must_use]
pub fn start(filter: &Filter) -> Start {
    match (filter.since, filter.places.as_slice()) {
        (_, [one]) => Start::At(one.partition, one.offset),
        (Some(since), _) => Start::Since(since),
        (None, _) => Start::First,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(offset: u64, reason: &'static str) -> Record {
        let headers = vec![("millrace-reason".into(), Bytes::from_static(reason.as_bytes()))];
        let at = Timestamp::from_millis(i64::try_from(offset).unwrap() * 1000);
        Record { offset, at, key: Bytes::new(), value: Bytes::new(), headers }
    }

    fn filled(keep: Keep) -> Shelf {
        let mut marks = Marks::default();
        let done = Mark::Done(vec![0, 5]).record(0).unwrap();
        let done = Record { value: done.value, headers: done.headers, ..record(9_999, "") };
        marks.take(0, &done);
        let filter = Filter { reason: Some("bug".into()), ..Filter::default() };
        let mut shelf = Shelf::new(filter, keep);
        for n in 0..4000 {
            shelf.take(&marks, 0, &record(n, if n % 5 == 0 { "bug" } else { "rejected" }));
        }
        shelf.take(&marks, 0, &done);
        shelf.trim();
        shelf
    }

    #[test]
    fn only_what_was_asked_for_is_kept_and_all_is_counted() {
        let offsets =
            |shelf: &Shelf| -> Vec<u64> { shelf.letters.iter().map(|l| l.position.offset).collect() };
        let newest = filled(Keep::Newest(3));
        assert_eq!(offsets(&newest), [3985, 3990, 3995]);
        assert_eq!((newest.seen, newest.matched, newest.redriven), (4000, 800, 2));
        let kind = &newest.kinds[&(String::new(), "bug".to_owned())];
        assert_eq!(
            (kind.letters, kind.redriven, kind.first.millis(), kind.last.millis()),
            (800, 2, 0, 3_995_000)
        );
        assert_eq!(offsets(&filled(Keep::OldestWaiting(3))), [10, 15, 20]);
        assert_eq!(offsets(&filled(Keep::Newest(0))), [0_u64; 0]);
    }
}
