//! Since when knowledge bases wait for their vectors in this process.
//!
//! Guarantee: one that is due look after look keeps the moment it was first seen at, however often it changes; one that is
//! not, begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{BaseId, TenantId};
use crate::domain::time::Timestamp;

/// Knowledge bases that are noted; more are noted when others have left.
const MOST: usize = 10_000;

/// See the module. When a knowledge base changed says nothing of how long somebody was at work on it.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<HashMap<(TenantId, BaseId), Waits>>);

#[derive(Debug)]
struct Waits {
    since: Timestamp,
    seen: Timestamp,
}

impl Waiting {
    /// Since when one waits, which is now where it is new.
    pub(super) fn since(&self, tenant: &TenantId, base: &BaseId, now: Timestamp) -> Timestamp {
        let mut all = self.lock();
        let key = (tenant.clone(), base.clone());
        if let Some(one) = all.get_mut(&key) {
            one.seen = now;
            return one.since;
        }
        if all.len() < MOST {
            all.insert(key, Waits { since: now, seen: now });
        }
        now
    }

    /// One that waits no more.
    pub(super) fn done(&self, tenant: &TenantId, base: &BaseId) {
        self.lock().remove(&(tenant.clone(), base.clone()));
    }

    /// Lets go of those that were not seen since: they are due no more, or another process's.
    pub(super) fn keep_seen(&self, since: Timestamp) {
        self.lock().retain(|_, one| one.seen >= since);
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, BaseId), Waits>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
