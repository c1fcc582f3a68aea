//! A cache that knows how new its entries have to be.
//!
//! Guarantees:
//! 1. After `seen(key, version)` returns, no call that begins later gets a value that was loaded before it and is older.
//! 2. That holds also when the value was being loaded while the news came, and when the entry was thrown out meanwhile.
//! 3. Calls for one key share one load. Entries are bounded by weight or number; what does not exist is remembered apart,
//!    briefly and bounded, so that guessed names push nothing out.
//!
//! Each key has a slot. News raises the slot's `newest`; a value is used only if it covers `newest`. A key without a slot
//! needs no news: its first load begins after them.

mod absent;
mod recent;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use moka::ops::compute::Op;
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::error::StoreError;
use crate::domain::time::Clock;

pub(super) use absent::Absent;
pub(super) use recent::Recent;

/// How often a load is repeated because news came while it ran; after that its caller gets what it got, and the next
/// caller loads again.
const LOADS: usize = 3;
/// What an empty slot takes, about.
const SLOT_BYTES: u32 = 256;

/// See the module.
pub(super) struct Versioned<K, V> {
    slots: Cache<K, Arc<Slot<V>>>,
    absent: Absent<K>,
    /// For small values: it is bounded by number.
    recent: Option<Recent<K, V>>,
}

impl<K, V> fmt::Debug for Versioned<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versioned").finish_non_exhaustive()
    }
}

struct Slot<V> {
    /// The newest version that news told of; 0 = none.
    newest: AtomicI64,
    value: ArcSwapOption<Held<V>>,
    /// Held while loading: who comes meanwhile waits here and then finds the value.
    load: Mutex<()>,
    weight: AtomicU32,
}

struct Held<V> {
    /// The news that this value can't be older than.
    covers: i64,
    value: Arc<V>,
}

/// A value as it was loaded.
pub(super) struct Loaded<V> {
    pub(super) version: i64,
    pub(super) bytes: usize,
    pub(super) value: V,
}

impl<V> Slot<V> {
    fn new() -> Self {
        Self {
            newest: AtomicI64::new(0),
            value: ArcSwapOption::empty(),
            load: Mutex::new(()),
            weight: AtomicU32::new(SLOT_BYTES),
        }
    }

    fn current(&self) -> Option<Arc<V>> {
        let held = self.value.load();
        let held = held.as_ref()?;
        (held.covers >= self.newest.load(Ordering::Acquire)).then(|| Arc::clone(&held.value))
    }
}

impl<K, V> Versioned<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A cache of at most `most_bytes`, whose entries leave after `idle` without use.
    pub(super) fn new(
        most_bytes: u64,
        idle: Duration,
        believe_absent: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            slots: Cache::builder()
                .max_capacity(most_bytes)
                .weigher(|_, slot: &Arc<Slot<V>>| slot.weight.load(Ordering::Relaxed))
                .time_to_idle(idle)
                .build(),
            absent: Absent::new(believe_absent, clock),
            recent: None,
        }
    }

    /// The same for values that are small and asked for with every request: a few thousand are also kept where looking one up
    /// costs next to nothing, until the next news of any key.
    pub(super) fn with_recent(self) -> Self {
        Self { recent: Some(Recent::new()), ..self }
    }

    /// The value of a key, loaded when there is none that is new enough.
    pub(super) async fn get<F>(
        &self,
        key: &K,
        load: impl Fn() -> F + Send,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        F: Future<Output = Result<Option<Loaded<V>>, StoreError>> + Send,
    {
        if let Some(value) = self.recent.as_ref().and_then(|recent| recent.get(key)) {
            return Ok(Some(value));
        }
        let recent = self.recent.as_ref().map(|recent| (recent, recent.now()));
        if let Some(slot) = self.slots.get(key) {
            if let Some(value) = slot.current() {
                if let Some((recent, as_of)) = recent {
                    recent.put(key.clone(), as_of, &value);
                }
                return Ok(Some(value));
            }
        } else if self.absent.holds(key) {
            return Ok(None);
        }
        let slot = self.slots.get_with_by_ref(key, || Arc::new(Slot::new()));
        let _loading = slot.load.lock().await;
        if let Some(value) = slot.current() {
            return Ok(Some(value));
        }
        if self.absent.holds(key) {
            return Ok(None);
        }
        for last in (0..LOADS).rev() {
            let newest = slot.newest.load(Ordering::Acquire);
            let news = self.absent.news();
            let Some(loaded) = load().await? else {
                slot.value.store(None);
                self.absent.note(key, news);
                self.discard(key, &slot);
                return Ok(None);
            };
            // The database was asked after the news, so what it says is no older, whatever number it bears.
            let covers = loaded.version.max(newest);
            if covers < slot.newest.load(Ordering::Acquire) && last > 0 {
                continue;
            }
            let value = Arc::new(loaded.value);
            slot.value.store(Some(Arc::new(Held { covers, value: Arc::clone(&value) })));
            self.weigh(key, &slot, loaded.bytes);
            return Ok(Some(value));
        }
        unreachable!("the last load returns")
    }

    /// News: the key has reached `version`.
    pub(super) fn seen(&self, key: &K, version: i64) {
        self.absent.forget(key);
        if let Some(slot) = self.slots.get(key) {
            slot.newest.fetch_max(version, Ordering::AcqRel);
        }
        // Last: what is kept from here on was read with the news.
        self.recent.iter().for_each(Recent::forget);
    }

    /// News: what the key named is gone. What comes after it under the same name may begin to count anew.
    pub(super) fn removed(&self, key: &K) {
        self.absent.forget(key);
        self.slots.invalidate(key);
        self.recent.iter().for_each(Recent::forget);
    }

    /// Gives the slot its weight, unless it was thrown out meanwhile: putting it back could hide news that came when it
    /// was gone.
    fn weigh(&self, key: &K, slot: &Arc<Slot<V>>, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(SLOT_BYTES);
        if slot.weight.swap(bytes, Ordering::Relaxed) == bytes {
            return;
        }
        self.slots.entry_by_ref(key).and_compute_with(|entry| match entry {
            Some(entry) if Arc::ptr_eq(entry.value(), slot) => Op::Put(Arc::clone(slot)),
            _ => Op::Nop,
        });
    }

    fn discard(&self, key: &K, slot: &Arc<Slot<V>>) {
        self.slots.entry_by_ref(key).and_compute_with(|entry| match entry {
            Some(entry) if Arc::ptr_eq(entry.value(), slot) => Op::Remove,
            _ => Op::Nop,
        });
    }

    /// How many entries there are, about.
    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.slots.run_pending_tasks();
        self.slots.entry_count()
    }
}

#[cfg(test)]
mod tests;
