//! What a stage may know about the moment it runs in.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::time::{Clock, Timestamp};

/// The context of one call of a stage. No topic name, no broker, no SQL.
#[derive(Debug, Clone)]
pub struct Cx {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The moment at which this call has to be over: the stage's budget, from when the record was admitted.
    pub until: tokio::time::Instant,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// What fails here with a class that may pass is tried again later, for minutes or hours and without holding anybody:
    /// see [`Delay`](super::topology::Delay).
    pub waits: bool,
    /// This try is the only one for now: the record has waited, and what fails waits again.
    pub once: bool,
    /// The record came when its bot had no place left for it: see [`Share`](super::topology::Share).
    pub late: bool,
    /// Cancelled when the partition is lost or the process ends.
    pub cancel: CancellationToken,
}

impl Cx {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How much of the budget is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(tokio::time::Instant::now())
    }
}
