//! Names that do not exist: believed for a short time, bounded in number.
//!
//! Guarantee: an answer "there is none" that was asked for before the last news is not remembered.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::time::{Clock, Timestamp};

/// Names remembered at most: about 1 MB, so that guessing names costs a database query each and nothing else.
const MOST: u64 = 10_000;

pub(in crate::store) struct Absent<K> {
    /// Until when each is believed.
    names: Cache<K, Timestamp>,
    news: AtomicU64,
    believe: Duration,
    clock: Arc<dyn Clock>,
}

/// The news of a moment, to be taken before the database is asked.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct News(u64);

impl<K> fmt::Debug for Absent<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Absent").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Absent<K> {
    pub(in crate::store) fn new(believe: Duration, clock: Arc<dyn Clock>) -> Self {
        let names = Cache::builder().max_capacity(MOST).build();
        Self { names, news: AtomicU64::new(0), believe, clock }
    }

    pub(in crate::store) fn holds(&self, key: &K) -> bool {
        self.names.get(key).is_some_and(|until| self.clock.now() < until)
    }

    pub(in crate::store) fn news(&self) -> News {
        News(self.news.load(Ordering::Acquire))
    }

    /// Remembers that there was none, unless news came since.
    pub(in crate::store) fn note(&self, key: &K, since: News) {
        if self.news.load(Ordering::Acquire) == since.0 {
            self.names.insert(key.clone(), self.clock.now().plus(self.believe));
        }
    }

    /// News of one name.
    pub(in crate::store) fn forget(&self, key: &K) {
        self.news.fetch_add(1, Ordering::AcqRel);
        self.names.invalidate(key);
    }

    /// News that may concern any name.
    pub(in crate::store) fn forget_all(&self) {
        self.news.fetch_add(1, Ordering::AcqRel);
        self.names.invalidate_all();
    }
}
