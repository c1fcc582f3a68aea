//! What to do about a failure: the only place that acts on a class.
//!
//! Guarantee: a try is never repeated past the record's budget, and the wait is jittered over its whole length, so that a
//! thousand records that failed together do not come back together
//! (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).

use std::time::Duration;

use crate::domain::failure::Class;
use crate::pipeline::topology::Retry;

/// What happens to the record next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its lane waits this long, then tries again.
    Again(Duration),
    /// To the dead letters, with this reason.
    Dead(&'static str),
}

/// A panic is tried this often before it is a dead letter: it may have been bad luck, but not three times.
const PANIC_TRIES: u32 = 3;

/// Judges a failed try. `attempt` counts from 1, `left` is what remains of the record's budget, `dice` is in 0..1.
#[must_use]
pub fn judge(
    policy: &Retry,
    class: Class,
    panicked: bool,
    attempt: u32,
    left: Duration,
    dice: f64,
) -> Verdict {
    let backoff = || {
        let doubled = policy.base.get().saturating_mul(1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        doubled.min(policy.cap.get()).mul_f64(dice)
    };
    let (wait, spent) = match class {
        Class::Permanent => return Verdict::Dead("rejected"),
        Class::Bug if panicked && attempt < PANIC_TRIES => (Duration::ZERO, false),
        Class::Bug => return Verdict::Dead("bug"),
        Class::Transient { retry_after } => (retry_after.unwrap_or_else(backoff), attempt > policy.max),
        Class::Throttled { retry_after } => (retry_after.unwrap_or_else(backoff), false),
    };
    if spent {
        Verdict::Dead("exhausted")
    } else if wait >= left {
        Verdict::Dead("expired")
    } else {
        Verdict::Again(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::units::Span;

    const POLICY: Retry = Retry { max: 3, base: Span::millis(100), cap: Span::secs(1) };

    fn transient(attempt: u32, left: u64) -> Verdict {
        judge(&POLICY, Class::TRANSIENT, false, attempt, Duration::from_secs(left), 0.999)
    }

    #[test]
    fn a_transient_failure_spends_its_tries() {
        assert!(matches!(transient(1, 60), Verdict::Again(_)));
        assert!(matches!(transient(3, 60), Verdict::Again(_)));
        assert_eq!(transient(4, 60), Verdict::Dead("exhausted"));
    }

    #[test]
    fn a_throttled_one_waits_for_free_but_not_past_its_budget() {
        let class = Class::Throttled { retry_after: Some(Duration::from_secs(7)) };
        let verdict = |attempt, left| judge(&POLICY, class, false, attempt, Duration::from_secs(left), 0.5);
        assert_eq!(verdict(500, 60), Verdict::Again(Duration::from_secs(7)));
        assert_eq!(verdict(1, 7), Verdict::Dead("expired"));
    }

    #[test]
    fn a_panic_is_tried_three_times_and_our_own_defect_never() {
        let bug =
            |panicked, attempt| judge(&POLICY, Class::Bug, panicked, attempt, Duration::from_secs(9), 0.5);
        assert_eq!(bug(true, 2), Verdict::Again(Duration::ZERO));
        assert_eq!(bug(true, 3), Verdict::Dead("bug"));
        assert_eq!(bug(false, 1), Verdict::Dead("bug"));
    }

    proptest! {
        #[test]
        fn a_wait_never_passes_the_cap_or_the_budget(attempt in 1u32..80, left in 0u64..5_000, dice in 0.0f64..1.0) {
            let left = Duration::from_millis(left);
            let policy = Retry { max: u32::MAX, ..POLICY };
            if let Verdict::Again(wait) = judge(&policy, Class::TRANSIENT, false, attempt, left, dice) {
                prop_assert!(wait < left && wait <= policy.cap.get());
            }
        }
    }
}
