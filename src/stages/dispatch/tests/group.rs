//! What the runtime gives a stage, as far as a test needs it: a paused clock, a group that says what it is told to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::log::MemoryLog;
use super::rig::{BACKLOG, P, PARKED, SETTLED, WEBCHAT};
use crate::domain::time::{Clock, Timestamp};
use crate::log::{LogError, TopicPartition};
use crate::pipeline::PartitionCx;
use crate::pipeline::partition::{Outputs, Ownership};
use crate::stages::dispatch::Effect;

const NOON: i64 = 1_795_000_000_000;

/// Shows the time of the paused clock. The wall clock beside it may be set to another hour.
#[derive(Debug)]
pub(super) struct TestClock {
    pub(super) origin: Instant,
    /// How far the wall clock was set ahead, in milliseconds.
    pub(super) ahead: Arc<AtomicI64>,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOON + self.ahead.load(Ordering::Relaxed)).plus(self.origin.elapsed())
    }

    fn uptime(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// What the group says: epochs that were claimed, and a lease that a test may end.
#[derive(Debug)]
pub(super) struct TestOwnership {
    pub(super) claimed: Mutex<Vec<u64>>,
    pub(super) lease: Mutex<Duration>,
}

#[async_trait]
impl Ownership for TestOwnership {
    async fn claim(&self, epoch: u64) -> Result<(), LogError> {
        self.claimed.lock().unwrap().push(epoch);
        Ok(())
    }

    fn lease(&self) -> Duration {
        *self.lease.lock().unwrap()
    }
}

/// A partition's context in this epoch.
pub(super) fn context(
    topic: &'static str,
    log: &Arc<MemoryLog>,
    clock: &Arc<dyn Clock>,
    ownership: &Arc<TestOwnership>,
    epoch: u64,
) -> PartitionCx<Effect> {
    PartitionCx {
        clock: Arc::clone(clock),
        partition: TopicPartition::new(topic, P),
        epoch,
        start: 0,
        low: 0,
        position: 0,
        ownership: Arc::<TestOwnership>::clone(ownership),
        log: Arc::<MemoryLog>::clone(log),
        cancel: CancellationToken::new(),
        outputs: Arc::new(Outputs(vec![
            ("settled", SETTLED.into()),
            ("parked", PARKED.into()),
            ("webchat", WEBCHAT.into()),
            ("backlog", BACKLOG.into()),
        ])),
        in_flight: FuturesUnordered::new(),
        finished: Vec::new(),
        dead: Vec::new(),
        failed: None,
        wake: None,
    }
}
