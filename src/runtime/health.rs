//! Whether the loops of a process tick and are ready.
//!
//! Guarantee: lag or one broken bot changes neither answer; a loop that has not ticked for [`STALE`] makes the process
//! unhealthy, a loop that restores, drains or has stopped makes it unready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A loop that is silent for so long hangs: it ticks at least every 50 ms, and the longest wait inside it is bounded
/// by the revoke timeout.
pub const STALE: Duration = Duration::from_secs(30);

/// The loops of a process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health {
    loops: Arc<Mutex<BTreeMap<String, Beat>>>,
}

#[derive(Debug, Clone)]
struct Beat {
    at: Instant,
    state: LoopState,
}

/// What a loop is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoopState {
    /// Joining its group or rebuilding state.
    Restoring,
    /// Working.
    Running,
    /// Finishing what is in flight before it goes.
    Draining,
    /// Stopped, with the reason.
    Stopped(String),
}

impl Health {
    /// The loop is alive and in this state.
    pub fn beat(&self, name: &str, state: LoopState) {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        match loops.get_mut(name) {
            Some(beat) => *beat = Beat { at, state },
            None => {
                loops.insert(name.to_owned(), Beat { at, state });
            }
        }
    }

    /// What keeps the process from being healthy; empty = healthy.
    #[must_use]
    pub fn unhealthy(&self) -> Vec<String> {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |beat: &Beat| beat.at.elapsed() > STALE && !matches!(beat.state, LoopState::Stopped(_));
        loops.iter().filter(|(_, beat)| silent(beat)).map(|(name, _)| format!("{name} hangs")).collect()
    }

    /// What keeps the process from being ready; empty = ready.
    #[must_use]
    pub fn unready(&self) -> Vec<String> {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let why = |(name, beat): (&String, &Beat)| match &beat.state {
            LoopState::Running => None,
            LoopState::Restoring => Some(format!("{name} restores")),
            LoopState::Draining => Some(format!("{name} drains")),
            LoopState::Stopped(reason) => Some(format!("{name} stopped: {reason}")),
        };
        loops.iter().filter_map(why).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_loop_is_unhealthy_and_a_restoring_one_unready() {
        let health = Health::default();
        health.beat("match", LoopState::Restoring);
        assert_eq!((health.unhealthy().len(), health.unready().len()), (0, 1));
        health.beat("match", LoopState::Running);
        assert!(health.unready().is_empty());
        tokio::time::advance(STALE + Duration::from_secs(1)).await;
        assert_eq!(health.unhealthy(), ["match hangs"]);
    }
}
