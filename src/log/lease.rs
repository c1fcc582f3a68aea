//! Until when a member's partitions are its own.
//!
//! Guarantee: while [`Lease::until`] lies ahead, the engine has given nothing of the member to anybody else. It is
//! counted from before the request that renewed it, in [uptime](crate::domain::time::uptime), so a process that was
//! stopped, or slept with its machine, finds it over when it wakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A member's lease. Clones share it.
#[derive(Debug, Clone)]
pub struct Lease(Arc<AtomicU64>);

impl Lease {
    /// One that is over.
    #[must_use]
    pub fn over() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// One that never ends: nobody outside of this process can own anything.
    #[must_use]
    pub fn for_ever() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// It ends at this uptime, or later if it did so before.
    pub fn renew(&self, until: Duration) {
        self.0.fetch_max(u64::try_from(until.as_micros()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// The uptime at which it ends.
    #[must_use]
    pub fn until(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Acquire))
    }
}
