//! The text search of this process: one, however many of its roles need it.
//!
//! Guarantee: a knowledge base that one role indexed is not indexed again by another of the same process.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::meaning;
use super::parts::Parts;
use super::snapshots::FromStore;
use crate::services::search::TextSearch;
use crate::services::search::snapshot::Shelf;

/// How often is looked which snapshots count no more: a removed document leaves the local disk that much later than the
/// store; it answers nothing before.
const REFRESH: Duration = Duration::from_secs(30);

/// What is open.
#[derive(Debug, Default)]
pub struct Searching(Mutex<Weak<TextSearch>>);

impl Searching {
    /// What searches go on without at the moment.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        open.map(|search| search.notes()).unwrap_or_default()
    }
}

/// The search of this process, opened by the first role that needs it.
///
/// # Errors
/// When its index can't be made.
pub fn open(parts: &Parts) -> anyhow::Result<Arc<TextSearch>> {
    let mut open = parts.searching.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(search) = open.upgrade() {
        return Ok(search);
    }
    let settings = &parts.settings;
    let search = TextSearch::new(settings.search.clone(), meaning::open(settings))?;
    let search = search.with_scratch(&parts.scratch)?;
    let config = &settings.search.snapshots;
    let search = if config.enabled {
        let source = FromStore { store: Arc::clone(&parts.store), objects: parts.objects.clone() };
        let shelf = Shelf::new(config.place(&settings.data), config.disk.bytes(), Arc::new(source));
        search.with_snapshots(Arc::new(shelf))
    } else {
        search
    };
    let search = Arc::new(search);
    *open = Arc::downgrade(&search);
    if config.enabled {
        refresh(parts, &search);
    }
    Ok(search)
}

fn refresh(parts: &Parts, search: &Arc<TextSearch>) {
    let (search, stop) = (Arc::clone(search), parts.stop.clone());
    parts.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(REFRESH) => search.refresh().await,
            }
        }
    });
}
