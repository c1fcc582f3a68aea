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
    /// It may pass, but not in time: the record waits for longer, at least for what the other side asked for.
    Later(Option<Duration>),
    /// To the dead letters, with this reason.
    Dead(&'static str),
}

/// A panic is tried this often before it is a dead letter: it may have been bad luck, but not three times.
const PANIC_TRIES: u32 = 3;

/// A try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// How.
    pub class: Class,
    /// By a panic.
    pub panicked: bool,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// What remains of the record's budget.
    pub left: Duration,
    /// The stage's records may wait for longer than that.
    pub waits: bool,
}

/// Judges a failed try. `dice` is in 0..1.
#[must_use]
pub fn judge(policy: &Retry, failed: Failed, dice: f64) -> Verdict {
    let Failed { class, panicked, attempt, left, waits } = failed;
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
    let asked = match class {
        Class::Transient { retry_after } | Class::Throttled { retry_after } if waits => Some(retry_after),
        _ => None,
    };
    if let Some(asked) = asked.filter(|_| spent || wait >= left) {
        Verdict::Later(asked)
    } else if spent {
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

    const FIRST: Failed = Failed {
        class: Class::TRANSIENT,
        panicked: false,
        attempt: 1,
        left: Duration::from_secs(60),
        waits: false,
    };

    fn transient(attempt: u32, left: u64) -> Verdict {
        judge(&POLICY, Failed { attempt, left: Duration::from_secs(left), ..FIRST }, 0.999)
    }

    #[test]
    fn what_may_wait_waits_instead_of_ending() {
        let verdict = |failed: Failed| judge(&POLICY, Failed { waits: true, ..failed }, 0.999);
        assert!(matches!(verdict(FIRST), Verdict::Again(_)));
        assert_eq!(verdict(Failed { attempt: 4, ..FIRST }), Verdict::Later(None));
        let minutes = Some(Duration::from_secs(300));
        let class = Class::Throttled { retry_after: minutes };
        assert_eq!(verdict(Failed { class, ..FIRST }), Verdict::Later(minutes));
        assert_eq!(verdict(Failed { class: Class::Permanent, ..FIRST }), Verdict::Dead("rejected"));
        let panicked = Failed { class: Class::Bug, panicked: true, ..FIRST };
        assert_eq!(verdict(Failed { attempt: 3, ..panicked }), Verdict::Dead("bug"));
        assert_eq!(verdict(Failed { left: Duration::ZERO, ..panicked }), Verdict::Dead("expired"));
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
        let verdict = |attempt, left| {
            judge(&POLICY, Failed { class, attempt, left: Duration::from_secs(left), ..FIRST }, 0.5)
        };
        assert_eq!(verdict(500, 60), Verdict::Again(Duration::from_secs(7)));
        assert_eq!(verdict(1, 7), Verdict::Dead("expired"));
    }

    #[test]
    fn a_panic_is_tried_three_times_and_our_own_defect_never() {
        let bug =
            |panicked, attempt| judge(&POLICY, Failed { class: Class::Bug, panicked, attempt, ..FIRST }, 0.5);
        assert_eq!(bug(true, 2), Verdict::Again(Duration::ZERO));
        assert_eq!(bug(true, 3), Verdict::Dead("bug"));
        assert_eq!(bug(false, 1), Verdict::Dead("bug"));
    }

    proptest! {
        #[test]
        fn a_wait_never_passes_the_cap_or_the_budget(attempt in 1u32..80, left in 0u64..5_000, dice in 0.0f64..1.0) {
            let left = Duration::from_millis(left);
            let policy = Retry { max: u32::MAX, ..POLICY };
            if let Verdict::Again(wait) = judge(&policy, Failed { attempt, left, ..FIRST }, dice) {
                prop_assert!(wait < left && wait <= policy.cap.get());
            }
        }
    }
}
