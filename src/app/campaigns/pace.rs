//! How many messages of a campaign may go now. Pure: moments come in.
//!
//! Guarantee: no more than the rate in any second beyond a second's burst, and no more on the lane than went out of it in
//! the last [`LOOK`] (twice), so that what dispatch would have to park stays with the campaign.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back it is looked at what went out.
const LOOK: Duration = Duration::from_secs(2);
/// The least and the most on the lane.
const LANE: (u64, u64) = (64, 2000);

#[derive(Debug)]
pub(super) struct Pace {
    /// What went out of late, and when.
    ended: VecDeque<(Duration, u64)>,
    /// How many may go by the rate, in thousandths.
    allowed: u64,
    counted: Duration,
}

impl Pace {
    pub(super) fn new(now: Duration) -> Self {
        Self { ended: VecDeque::new(), allowed: 0, counted: now.saturating_sub(Duration::from_secs(1)) }
    }

    /// So many ended since it was asked last.
    pub(super) fn settled(&mut self, ended: u64, now: Duration) {
        self.ended.push_back((now, ended));
        while self.ended.front().is_some_and(|(at, _)| now.saturating_sub(*at) > LOOK) {
            self.ended.pop_front();
        }
    }

    /// How many may go, with `open` on the lane; they are counted as gone.
    pub(super) fn room(&mut self, rate: Option<u32>, open: u64, now: Duration) -> u32 {
        let of_late: u64 = self.ended.iter().map(|(_, ended)| ended).sum();
        let lane = (2 * of_late).clamp(LANE.0, LANE.1).saturating_sub(open);
        let room = match rate {
            None => lane,
            Some(rate) => {
                let rate = u64::from(rate);
                let since = u64::try_from(now.saturating_sub(self.counted).as_millis()).unwrap_or(u64::MAX);
                self.allowed = self.allowed.saturating_add(since.saturating_mul(rate)).min(rate * 1000);
                let room = lane.min(self.allowed / 1000);
                self.allowed -= room * 1000;
                room
            }
        };
        self.counted = now;
        u32::try_from(room).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lane_holds_about_what_goes_out_of_it() {
        let at = Duration::from_millis;
        let mut pace = Pace::new(at(10_000));
        assert_eq!(pace.room(None, 0, at(10_000)), 64);
        pace.settled(400, at(10_500));
        assert_eq!(pace.room(None, 100, at(10_500)), 700);
        pace.settled(0, at(13_000));
        assert_eq!(pace.room(None, 64, at(13_000)), 0, "nothing goes out any more");
    }

    proptest! {
        #[test]
        fn the_rate_is_kept(rate in 1_u32..500, steps in proptest::collection::vec(1_u64..2000, 1..60)) {
            let begun = Duration::from_secs(100);
            let (mut pace, mut now, mut gone) = (Pace::new(begun), begun, 0_u64);
            for step in steps {
                pace.settled(10_000, now);
                gone += u64::from(pace.room(Some(rate), 0, now));
                now += Duration::from_millis(step);
                let most = u64::from(rate) * (1 + (now.saturating_sub(begun)).as_millis() as u64 / 1000 + 1);
                prop_assert!(gone <= most, "{gone} of {most}");
            }
        }
    }
}
