//! A token bucket on injected time.
//!
//! Written apart from `limits` on purpose: the fake judges the product's limiter and must not share its mistakes.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::domain::time::Timestamp;

/// So many at once, one more after each interval.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The most tokens.
    pub burst: u32,
    /// How long one token takes to come back.
    pub every: Duration,
}

impl Pace {
    /// `burst` at once, then one per `every`.
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }
}

/// One bucket: the moment at which it will be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at_us: i128,
}

/// A bucket per key, all of one pace.
#[derive(Debug)]
pub struct Buckets<K> {
    pace: Pace,
    map: HashMap<K, Bucket>,
}

/// Beyond this, full buckets are forgotten: they say nothing that a fresh one doesn't.
const SWEEP_AT: usize = 100_000;

impl<K: Hash + Eq> Buckets<K> {
    /// Empty: every key starts with a full bucket.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, map: HashMap::new() }
    }

    /// How long the key must wait before it may take a token; zero = now. Takes nothing.
    #[must_use]
    pub fn wait(&self, key: &K, now: Timestamp) -> Duration {
        let now = i128::from(now.millis()) * 1000;
        let full_at = self.map.get(key).map_or(now, |bucket| bucket.full_at_us);
        // A token is free when the backlog is at most burst - 1 intervals.
        let earliest = full_at - self.interval() * i128::from(self.pace.burst.saturating_sub(1));
        Duration::from_micros(u64::try_from(earliest - now).unwrap_or(0))
    }

    /// Takes a token, whether there is one or not.
    pub fn take(&mut self, key: K, now: Timestamp) {
        let now = i128::from(now.millis()) * 1000;
        if self.map.len() >= SWEEP_AT {
            self.map.retain(|_, bucket| bucket.full_at_us > now);
        }
        let interval = self.interval();
        let bucket = self.map.entry(key).or_insert(Bucket { full_at_us: now });
        bucket.full_at_us = bucket.full_at_us.max(now) + interval;
    }

    fn interval(&self) -> i128 {
        i128::try_from(self.pace.every.as_micros()).unwrap_or(i128::MAX / 1_000_000)
    }
}

/// A wait as a provider says it: whole seconds, at least one.
#[must_use]
pub fn retry_after(wait: Duration) -> u64 {
    (wait.as_micros().div_ceil(1_000_000)).clamp(1, 86_400) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_burst_then_the_pace() {
        let mut buckets = Buckets::new(Pace::new(3, Duration::from_secs(1)));
        for _ in 0..3 {
            assert!(buckets.wait(&7, at(0)).is_zero());
            buckets.take(7, at(0));
        }
        assert_eq!(buckets.wait(&7, at(0)), Duration::from_secs(1));
        assert_eq!(retry_after(buckets.wait(&7, at(400))), 1);
        assert!(buckets.wait(&7, at(1000)).is_zero());
        assert!(buckets.wait(&8, at(0)).is_zero(), "another key has its own bucket");
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_its_share(steps in prop::collection::vec(0_i64..700, 1..200)) {
            let pace = Pace::new(5, Duration::from_millis(200));
            let mut buckets = Buckets::new(pace);
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                if buckets.wait(&(), at(now)).is_zero() {
                    buckets.take((), at(now));
                    taken.push(now);
                }
            }
            for (i, from) in taken.iter().enumerate() {
                for (j, to) in taken.iter().enumerate().skip(i) {
                    prop_assert!((j - i) as i64 <= 5 + (to - from) / 200);
                }
            }
        }
    }
}
