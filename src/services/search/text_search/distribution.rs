//! What the search gives to other processes and takes from them: snapshots of knowledge bases.
//!
//! Guarantee: a snapshot is written of what a knowledge base holds, with its vectors or without them, never with some of
//! them; what is opened is brought up to the version that was asked for before it answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::{TextSearch, key};
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::knowledge::{Corpus, CorpusId, KnowledgeBase};
use crate::services::objects::SnapshotId;
use crate::services::search::SearchError;
use crate::services::search::resident::Resident;
use crate::services::search::snapshot::{Opened, Written, write};

/// Knowledge bases without vectors for which a better snapshot is looked for at once; the others are next.
const LOOKED_FOR: usize = 50;

impl TextSearch {
    /// The hash of the model in hexadecimal; empty without one.
    #[must_use]
    pub fn model(&self) -> String {
        let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.semantic.as_ref().map_or_else(String::new, |semantic| hex(&semantic.embed.model().hash))
    }

    /// Writes a knowledge base into an empty folder, with its vectors where all of them are made. Indexes nothing and
    /// makes no vectors: [`Self::prepare`] does.
    ///
    /// # Errors
    /// When the files can't be written.
    pub async fn write_snapshot(
        &self,
        base: &Arc<KnowledgeBase>,
        folder: &Path,
    ) -> Result<Written, SearchError> {
        let corpus = Corpus::Base(Arc::clone(base));
        let key = key(&corpus);
        let view = self.place(&key).0.view();
        let resident = view.residents.get(&key).filter(|r| r.corpus.version() == corpus.version());
        let vectors = resident.and_then(|resident| resident.vectors.load_full());
        let (model, most, folder) = (self.model(), self.per_bot, folder.to_owned());
        let work = move || write(corpus, most, vectors.as_ref().map(|v| (v, model.as_str())), &folder);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| SearchError::Index(error.to_string()))?
            .map_err(|error| SearchError::Index(error.to_string()))
    }

    /// Takes off the disk what counts no more, and lets go of it; looks for snapshots with vectors of knowledge bases that
    /// have none yet. To be called every now and then.
    pub async fn refresh(&self) {
        let Some(shelf) = &self.shelf else { return };
        let gone = shelf.tidy().await;
        let mut without = BTreeMap::new();
        for (shard, _) in &self.shards {
            for resident in shard.view().residents.values() {
                if resident.snapshot.as_ref().is_some_and(|opened| gone.contains(&opened.id)) {
                    resident.outdone.store(true, Ordering::Relaxed);
                } else if self.wants_vectors(resident)
                    && let Some((tenant, base)) = base_of(&resident.corpus)
                {
                    without.insert((tenant.clone(), base), Arc::clone(resident));
                }
            }
        }
        let model = self.model();
        for ((tenant, base), resident) in in_turn(without, LOOKED_FOR, &shelf.looked_for) {
            let present = resident.snapshot.as_ref().map(|opened| opened.id);
            if shelf.has_other(&tenant, &base, (present, &model)).await {
                resident.outdone.store(true, Ordering::Relaxed);
            }
        }
    }

    /// What searches go on without at the moment.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.shelf.as_ref().map(|shelf| shelf.notes()).unwrap_or_default()
    }

    /// Ids of the snapshots that are open, for tests and for those who look.
    #[must_use]
    pub fn open_snapshots(&self) -> Vec<SnapshotId> {
        let views = self.shards.iter().map(|(shard, _)| shard.view());
        let ids = |view: &super::View| -> Vec<_> {
            view.residents.values().filter_map(|resident| Some(resident.snapshot.as_ref()?.id)).collect()
        };
        views.flat_map(|view| ids(&view)).collect()
    }

    pub(super) async fn snapshot_of(&self, corpus: &Corpus) -> Option<Arc<Opened>> {
        let shelf = self.shelf.as_ref()?;
        let (tenant, base) = base_of(corpus)?;
        shelf.open(tenant, &base).await
    }

    fn wants_vectors(&self, resident: &Resident) -> bool {
        let speaks = self.semantic.as_ref().is_some_and(|semantic| semantic.speaks(resident));
        speaks && resident.vectors.load().is_none()
    }
}

/// Takes at most so many, those first that come behind the last one of before.
fn in_turn<K: Ord + Clone, V>(all: BTreeMap<K, V>, most: usize, last: &Mutex<Option<K>>) -> Vec<(K, V)> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_behind = |(key, _): &(K, V)| last.as_ref().is_none_or(|last| key > last);
    let (mut taken, begin): (Vec<_>, Vec<_>) = all.into_iter().partition(is_behind);
    taken.extend(begin);
    taken.truncate(most);
    *last = taken.last().map(|(key, _)| key.clone());
    taken
}

fn base_of(corpus: &Corpus) -> Option<(&TenantId, BaseId)> {
    match corpus.id() {
        CorpusId::Base(base) => Some((corpus.tenant(), base)),
        CorpusId::Own(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_has_its_turn() {
        let all = || BTreeMap::from([(1, ()), (2, ()), (3, ()), (4, ()), (5, ())]);
        let last = Mutex::new(None);
        let next = |all| in_turn(all, 2, &last).into_iter().map(|(key, ())| key).collect::<Vec<_>>();
        assert_eq!([next(all()), next(all()), next(all())], [[1, 2], [3, 4], [5, 1]]);
        let mut less = all();
        less.remove(&2);
        assert_eq!(next(less), [3, 4]);
        assert_eq!(next(BTreeMap::from([(1, ())])), [1]);
        assert_eq!(next(BTreeMap::new()), Vec::<i32>::new());
    }
}
