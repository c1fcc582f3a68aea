//! What was just looked up, in front of the cache: one look into a table, without its bookkeeping.
//!
//! Guarantee: after [`Recent::forget`] returns, nothing that was put before it is found any more, and neither is what is put
//! later but was read before it. It holds so many values at most, whatever is asked for.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

/// Values of a table at most. Each key has one place, so that two of them may push each other out.
const PLACES: usize = 4096;

/// See the module.
pub(in crate::store) struct Recent<K, V> {
    places: Box<[ArcSwapOption<Entry<K, V>>]>,
    hasher: RandomState,
    /// Counts the news: they may concern any key, and are rare beside lookups.
    news: AtomicU64,
}

struct Entry<K, V> {
    key: K,
    /// The news that were known before the value was read.
    as_of: AsOf,
    value: Arc<V>,
}

/// A moment between two news, to be taken before a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct AsOf(u64);

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    pub(in crate::store) fn new() -> Self {
        let places = (0..PLACES).map(|_| ArcSwapOption::empty()).collect();
        Self { places, hasher: RandomState::new(), news: AtomicU64::new(0) }
    }

    pub(in crate::store) fn now(&self) -> AsOf {
        AsOf(self.news.load(Ordering::Acquire))
    }

    /// The value of a key, where it was put since the last news.
    pub(in crate::store) fn get(&self, key: &K) -> Option<Arc<V>> {
        let now = self.now();
        let place = self.place(key);
        let held = place.load();
        let held = held.as_ref()?;
        if held.as_of != now {
            // Nobody will find it any more, and it may hold secrets.
            drop(place.compare_and_swap(held, None));
            return None;
        }
        (held.key == *key).then(|| Arc::clone(&held.value))
    }

    /// Keeps a value that was read after `as_of`.
    pub(in crate::store) fn put(&self, key: K, as_of: AsOf, value: &Arc<V>) {
        let entry = Entry { as_of, value: Arc::clone(value), key };
        self.place(&entry.key).store(Some(Arc::new(entry)));
    }

    /// News: to be called when what is read from now on knows of them.
    pub(in crate::store) fn forget(&self) {
        self.news.fetch_add(1, Ordering::AcqRel);
    }

    fn place(&self, key: &K) -> &ArcSwapOption<Entry<K, V>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % PLACES as u64).unwrap_or_default();
        &self.places[hash]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_end_what_was_put_and_what_was_read_before_them() {
        let recent = Recent::<u32, &str>::new();
        let before = recent.now();
        recent.put(1, before, &Arc::new("old"));
        assert_eq!(recent.get(&1).as_deref(), Some(&"old"));
        assert_eq!(recent.get(&2), None);
        recent.forget();
        assert_eq!(recent.get(&1), None);
        recent.put(1, before, &Arc::new("old"));
        assert_eq!(recent.get(&1), None, "it was read before the news");
        recent.put(1, recent.now(), &Arc::new("new"));
        assert_eq!(recent.get(&1).as_deref(), Some(&"new"));
    }

    #[test]
    fn it_holds_no_more_than_it_has_places() {
        let recent = Recent::<u32, u32>::new();
        let value = Arc::new(7);
        for key in 0..20_000 {
            recent.put(key, recent.now(), &value);
        }
        let found = (0..20_000).filter(|key| recent.get(key).is_some()).count();
        assert!(found <= PLACES && found > PLACES / 2, "{found}");
        assert_eq!(Arc::strong_count(&value), found + 1);
    }
}
