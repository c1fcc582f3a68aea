//! Meta's limits: per number in and out together, per number and recipient, per page.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::sim::bucket::{Buckets, Pace};

const NUMBER: Pace = Pace::new(80, Duration::from_micros(12_500));
/// A burst of 45 is borrowed from the future: one message in 6 s pays it back.
const PAIR: Pace = Pace::new(45, Duration::from_secs(6));
const PAGE: Pace = Pace::new(300, Duration::from_micros(3_333));

/// The buckets of every number and page.
#[derive(Debug)]
pub(super) struct Limiter {
    numbers: Buckets<String>,
    pairs: Buckets<(String, String)>,
    pages: Buckets<String>,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self { numbers: Buckets::new(NUMBER), pairs: Buckets::new(PAIR), pages: Buckets::new(PAGE) }
    }

    /// An inbound message counts against the number and is never refused.
    pub(super) fn heard(&mut self, number: &str, now: Timestamp) {
        self.numbers.take(number.to_owned(), now);
    }

    /// Takes a send of a number, or gives the error code. A refused send costs nothing.
    pub(super) fn number(&mut self, number: &str, to: &str, now: Timestamp) -> Result<(), u32> {
        let pair = (number.to_owned(), to.to_owned());
        if !self.numbers.wait(&pair.0, now).is_zero() {
            return Err(130_429);
        }
        if !self.pairs.wait(&pair, now).is_zero() {
            return Err(131_056);
        }
        self.numbers.take(pair.0.clone(), now);
        self.pairs.take(pair, now);
        Ok(())
    }

    /// Takes a send of a page, or gives the error code.
    pub(super) fn page(&mut self, page: &str, now: Timestamp) -> Result<(), u32> {
        let page = page.to_owned();
        if !self.pages.wait(&page, now).is_zero() {
            return Err(613);
        }
        self.pages.take(page, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_pair_borrows_45_and_pays_back_slowly() {
        let mut limiter = Limiter::new();
        for second in 0..45 {
            assert_eq!(limiter.number("n", "p", at(second)), Ok(()));
        }
        assert_eq!(limiter.number("n", "p", at(100)), Err(131_056));
        assert_eq!(limiter.number("n", "q", at(100)), Ok(()), "another person is another pair");
        assert_eq!(limiter.number("n", "p", at(6_001)), Ok(()));
        assert_eq!(limiter.number("n", "p", at(6_002)), Err(131_056));
    }

    #[test]
    fn a_number_counts_what_it_hears() {
        let mut limiter = Limiter::new();
        for _ in 0..40 {
            limiter.heard("n", at(0));
        }
        for person in 0..40 {
            assert_eq!(limiter.number("n", &person.to_string(), at(0)), Ok(()));
        }
        assert_eq!(limiter.number("n", "x", at(0)), Err(130_429));
        assert_eq!(limiter.number("n", "x", at(13)), Ok(()));
    }
}
