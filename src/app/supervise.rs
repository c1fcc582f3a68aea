//! Keeps a loop running: a failure of the log or a lost group is joined again with backoff; a brake stays stopped.
//!
//! Guarantee: a restart repeats a little and loses nothing, since offsets are as they were last committed; a loop that
//! stops for good says so in readiness and leaves the others alone.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::runtime::Health;
use crate::runtime::actor::Failure;
use crate::runtime::health::LoopState;

/// The first wait before a loop is joined again; doubles.
const FIRST: Duration = Duration::from_millis(200);
/// The longest wait.
const LAST: Duration = Duration::from_secs(30);
/// A loop that ran for so long starts again with the first wait.
const STEADY: Duration = Duration::from_secs(60);

/// Runs `work` until it ends well, `stop` fires, or the failure is one that a restart can't mend.
pub async fn supervise<W, F>(name: &str, health: &Health, stop: &CancellationToken, work: W)
where
    W: Fn() -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let mut wait = FIRST;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let failure = match work().await {
            Ok(()) => return,
            Err(failure) => failure,
        };
        if !mendable(&failure) {
            tracing::error!(stage = name, %failure, "stopped for good");
            health.beat(name, LoopState::Stopped(failure.to_string()));
            return;
        }
        if began.elapsed() > STEADY {
            wait = FIRST;
        }
        tracing::error!(stage = name, %failure, wait_ms = wait.as_millis(), "stopped, joins again");
        health.beat(name, LoopState::Restoring);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST),
        }
    }
}

/// True when joining again may help.
const fn mendable(failure: &Failure) -> bool {
    match failure {
        Failure::Log(_) | Failure::Restore(..) | Failure::Panic(..) => true,
        Failure::Brake(..) | Failure::Metadata(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::log::{LogError, TopicPartition};

    async fn runs(failure: impl Fn() -> Failure) -> (u32, Health) {
        let (health, stop, count) = (Health::default(), CancellationToken::new(), AtomicU32::new(0));
        supervise("match", &health, &stop, || async {
            match count.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(failure()),
                _ => Ok(()),
            }
        })
        .await;
        (count.load(Ordering::Relaxed), health)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_group_is_joined_again() {
        let (count, health) = runs(|| Failure::Log(LogError::Busy("gone".into()))).await;
        assert_eq!(count, 3);
        assert_eq!(health.unready(), ["match restores"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_brake_stays_stopped_and_says_so() {
        let partition = TopicPartition::new("turn.opened.v1", 0);
        let (count, health) = runs(|| Failure::Brake(partition.clone(), 7, "bad".into())).await;
        assert_eq!(count, 1);
        assert!(health.unready()[0].starts_with("match stopped: the brake"));
    }
}
