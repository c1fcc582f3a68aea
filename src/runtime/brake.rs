//! The brake: a program that fails on everything stops instead of emptying its input into the dead letters.
//!
//! Guarantee: only dead letters of our own making count, and only in a row.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::domain::failure::Class;

/// Counts dead letters of our own making in a row.
#[derive(Debug)]
pub struct Brake {
    limit: u32,
    row: AtomicU32,
}

impl Brake {
    /// Trips at the `limit`-th in a row.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit, row: AtomicU32::new(0) }
    }

    /// A record went well.
    pub fn success(&self) {
        if self.row.load(Ordering::Relaxed) != 0 {
            self.row.store(0, Ordering::Relaxed);
        }
    }

    /// A record is about to be given up; true = stop instead of writing it.
    #[must_use]
    pub fn trips(&self, class: Class) -> bool {
        class == Class::Bug && self.row.fetch_add(1, Ordering::Relaxed) + 1 >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_counts_only_our_own_and_only_in_a_row() {
        let brake = Brake::new(3);
        assert!(!brake.trips(Class::Bug) && !brake.trips(Class::Permanent) && !brake.trips(Class::Bug));
        brake.success();
        assert!(!brake.trips(Class::Bug) && !brake.trips(Class::Bug) && brake.trips(Class::Bug));
    }
}
