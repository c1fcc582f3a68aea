//! How long to wait where the provider does not say: growing, with full jitter, so that chats do not return in step.

use std::time::Duration;

/// No wait of ours is longer: the reply's deadline is a few minutes away.
const MOST: Duration = Duration::from_secs(60);

/// After the `tries`th try, from 1, of a message that was refused for the moment.
pub(super) fn message(tries: u32) -> Duration {
    jittered(doubled(Duration::from_secs(1), tries))
}

/// After the `tries`th failure in a row of an account.
pub(super) fn account(tries: u32) -> Duration {
    jittered(doubled(Duration::from_millis(500), tries))
}

/// After the `tries`th "too fast" about a chat. `WhatsApp` advises 4^X seconds, X = 0, 1, 2...
pub(super) fn chat(tries: u32) -> Duration {
    Duration::from_secs(4_u64.saturating_pow(tries.saturating_sub(1))).min(MOST)
}

/// After "too fast" about an app or a business account: such windows are minutes long.
pub(super) fn app() -> Duration {
    MOST + jittered(MOST)
}

/// Before the second try of a message whose first got no clear answer.
pub(super) fn unknown() -> Duration {
    jittered(Duration::from_secs(2))
}

fn doubled(first: Duration, tries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(MOST)
}

fn jittered(span: Duration) -> Duration {
    /// Never at once: a wait of nothing would be no wait.
    const LEAST: Duration = Duration::from_millis(10);
    span.mul_f64(fastrand::f64()).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        for tries in 0..1_000 {
            assert!(message(tries) <= MOST && account(tries) <= MOST && chat(tries) <= MOST);
        }
        assert_eq!([1, 2, 3, 4].map(|tries| chat(tries).as_secs()), [1, 4, 16, 60]);
        assert!(app() >= MOST);
    }
}
