//! Snapshots of knowledge bases: written by the process that the index stage's partition belongs to, read by every other.
//!
//! Guarantees: files are written before the database says that they count, and deleted a good while after it says that they
//! don't; a writer that is late, or was thought dead, changes nothing (see [`BaseSnapshot::outdoes`]). The documents in the
//! database stay the truth: without any snapshot everything is found, only later.

mod waiting;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::owned::Owned;
use super::parts::Parts;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::knowledge::{Corpus, KnowledgeBase};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::partition_of;
use crate::services::objects::{Objects, SnapshotId};
use crate::services::search::snapshot::{
    FORMAT, Manifest, Part, ShelfConfig, Snapshot, SnapshotError, Snapshots, draft,
};
use crate::services::search::{TextSearch, Vectored};
use crate::store::{BaseSnapshot, Directory, DueSnapshot, Store, StoreError};
use crate::telemetry;
use waiting::Waiting;

/// How often is looked for knowledge bases that changed.
const LOOK: Duration = Duration::from_secs(5);
/// How often is cleaned up, in looks.
const CLEAN: u32 = 12;
/// Files of a snapshot that counts no more stay so long: whoever was told of it before has fetched it by then.
const GRACE: Duration = Duration::from_secs(3600);
/// Knowledge bases at a look, and old snapshots.
const BATCH: i64 = 100;
/// A knowledge base waits for its vectors, so many times the quiet that it waits for anyway; then it is written without.
const PATIENT: u32 = 6;
/// It waits so long where the snapshot that counts has vectors: what is written without would take them from every reader.
const OVERDUE: Duration = Duration::from_secs(1800);
/// One that changes all the time is written after so many times the quiet.
const LATE: u32 = 30;
/// Files that are written at once.
const WRITES: usize = 4;

/// Where this process's searches find snapshots.
#[derive(Debug)]
pub struct FromStore {
    /// Says which one counts.
    pub store: Arc<Store>,
    /// Has the files.
    pub objects: Objects,
}

#[async_trait]
impl Snapshots for FromStore {
    async fn newest(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Snapshot>, SnapshotError> {
        let found = self.store.base_snapshot(tenant, base).await.map_err(out_of_reach)?;
        let Some(found) = found.filter(|found| !found.snapshot.is_empty()) else { return Ok(None) };
        let id = found.snapshot.parse().map_err(SnapshotError::Damaged)?;
        if found.format != FORMAT {
            return Err(SnapshotError::Format(found.format));
        }
        let manifest: Manifest = serde_json::from_str(&found.manifest)
            .map_err(|error| SnapshotError::Damaged(format!("its manifest: {error}")))?;
        Ok(Some(Snapshot { id, manifest }))
    }

    async fn part(&self, tenant: &TenantId, id: SnapshotId, part: &Part) -> Result<Bytes, SnapshotError> {
        let found = self.objects.part(tenant, id, (&part.name, part.bytes)).await.map_err(out_of_reach)?;
        found.ok_or_else(|| SnapshotError::Damaged(format!("{} is not there, or cut off", part.name)))
    }

    async fn gone(&self, ids: &[SnapshotId]) -> Result<Vec<SnapshotId>, SnapshotError> {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let counting = self.store.base_snapshots_counting(&names).await.map_err(out_of_reach)?;
        let gone = ids.iter().zip(&names).filter(|(_, name)| !counting.contains(name));
        Ok(gone.map(|(id, _)| *id).collect())
    }

    async fn doubt(&self, id: SnapshotId) -> Result<(), SnapshotError> {
        self.store.base_snapshot_doubt(&id.to_string(), true).await.map_err(out_of_reach)
    }

    async fn reach(&self) -> Result<(), SnapshotError> {
        self.objects.reach().await.map_err(out_of_reach)
    }
}

fn out_of_reach(error: impl std::fmt::Display) -> SnapshotError {
    SnapshotError::Reach(error.to_string())
}

/// Writes snapshots, and deletes those that count no more.
#[derive(Debug)]
pub struct Scribe {
    /// Says what is due and what counts.
    pub store: Arc<Store>,
    /// The knowledge bases.
    pub directory: Arc<dyn Directory>,
    /// Takes the files.
    pub objects: Objects,
    /// Has the vectors.
    pub search: Arc<TextSearch>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub config: ShelfConfig,
    /// Where files are written before they go to the store.
    pub folder: std::path::PathBuf,
    /// Whose knowledge bases are written here.
    pub owned: Owned,
    /// Partitions of the topics that are keyed by knowledge base.
    pub shards: u32,
    /// Those that are due and wait for their vectors.
    pub waiting: Waiting,
}

/// Writes snapshots until the process ends, and deletes those that count no more. Without `search` it only deletes.
pub fn write(parts: &Parts, search: Option<&Arc<TextSearch>>, owned: &Owned) {
    let scribe = search.map(|search| {
        let config = parts.settings.search.snapshots.clone();
        Scribe {
            store: Arc::clone(&parts.store),
            directory: Arc::clone(&parts.directory) as _,
            objects: parts.objects.clone(),
            search: Arc::clone(search),
            clock: Arc::clone(&parts.clock),
            folder: config.place(&parts.settings.data),
            config,
            owned: owned.clone(),
            shards: super::parts::shards(&parts.settings),
            waiting: Waiting::default(),
        }
    });
    let (store, objects, clock) = (parts.store.clone(), parts.objects.clone(), parts.clock.clone());
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        for round in 0_u32.. {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let work = async {
                if round.is_multiple_of(CLEAN)
                    && let Err(error) = clean(&store, &objects, &*clock).await
                {
                    tracing::warn!(%error, "snapshots of knowledge bases wait to be deleted");
                }
                match &scribe {
                    Some(scribe) => scribe.look().await,
                    None => Ok(()),
                }
            };
            // What is cut off is begun again by the next process; what it left is deleted.
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = work => done,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "snapshots of knowledge bases wait to be written");
            }
        }
    });
}

/// Deletes the files of snapshots that count no more; one that can't be deleted keeps no other from it.
///
/// # Errors
/// When database or store can't be reached; the rest goes next time.
pub async fn clean(store: &Store, objects: &Objects, clock: &dyn Clock) -> anyhow::Result<()> {
    for (tenant, name) in store.base_snapshots_take_old(before(clock, GRACE), BATCH).await? {
        if let Ok(id) = name.parse()
            && let Err(error) = objects.delete_snapshot(&tenant, id).await
        {
            tracing::warn!(%tenant, snapshot = name, %error, "a snapshot can't be deleted; it is tried again");
            objects.reach().await?;
            continue;
        }
        store.base_snapshot_forget(&name).await?;
    }
    Ok(())
}

fn before(clock: &dyn Clock, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(clock.now().millis().saturating_sub(span))
}

/// What came of one knowledge base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Its snapshot counts.
    Written,
    /// It is too small for one.
    Small,
    /// Another one counts that is as good, or it is gone.
    Outdone,
    /// Its vectors are awaited.
    Later,
}

impl Came {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Small => "small",
            Self::Outdone => "outdone",
            Self::Later => "later",
        }
    }
}

impl Scribe {
    /// Writes what is due and this process's; one that fails keeps no other from it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn look(&self) -> anyhow::Result<()> {
        let (began, quiet) = (self.clock.now(), self.config.quiet.get());
        let model = self.search.model();
        let mut after: Option<(TenantId, BaseId)> = None;
        loop {
            let due = DueSnapshot {
                format: FORMAT,
                model: &model,
                settled: before(&*self.clock, quiet),
                late: before(&*self.clock, quiet * LATE),
            };
            let found = self.store.base_snapshots_due(due, after.as_ref(), BATCH).await?;
            for (tenant, base) in &found {
                let home = format!("{tenant}/{base}");
                if !self.owned.has(partition_of(home.as_bytes(), self.shards)) {
                    continue;
                }
                match self.one(tenant, base).await {
                    Ok(Came::Later) => {}
                    Ok(came) => {
                        self.waiting.done(tenant, base);
                        telemetry::snapshot_written(came.as_str());
                    }
                    Err(error) => {
                        telemetry::snapshot_written("failed");
                        tracing::warn!(%tenant, %base, error = format!("{error:#}"), "a snapshot could not be written");
                    }
                }
            }
            match found.last() {
                Some(last) if found.len() as i64 == BATCH => after = Some(last.clone()),
                _ => break,
            }
        }
        self.waiting.keep_seen(began);
        Ok(())
    }

    /// Writes one knowledge base.
    ///
    /// # Errors
    /// When its files can't be written; nothing counts then that did not before.
    pub async fn one(&self, tenant: &TenantId, base: &BaseId) -> anyhow::Result<Came> {
        let Some(found) = self.present(tenant, base).await? else { return Ok(Came::Outdone) };
        let version = found.version;
        let counting = self.store.base_snapshot(tenant, base).await?;
        if let Some(doubted) = counting.as_ref().filter(|counting| counting.doubted)
            && self.is_sound(tenant, doubted).await?
        {
            self.store.base_snapshot_doubt(&doubted.snapshot, false).await?;
            tracing::warn!(%tenant, %base, "a snapshot that a process could not use is sound: do all of them have the same object store?");
            return Ok(Came::Outdone);
        }
        let of = |snapshot, model, manifest| BaseSnapshot {
            snapshot,
            version,
            format: FORMAT,
            model,
            manifest,
            doubted: false,
        };
        if self.store.base_passages(tenant, base, "").await? < self.config.least_passages {
            let nothing = of(String::new(), String::new(), String::new());
            let counts = self.store.base_snapshot_publish(tenant, base, &nothing).await?;
            return Ok(if counts { Came::Small } else { Came::Outdone });
        }
        let corpus = Corpus::Base(Arc::clone(&found));
        if self.search.has_meaning() {
            self.search.prepare(&corpus).await?;
            let current = |old: &BaseSnapshot| (old.version, old.format) >= (version, FORMAT) && !old.doubted;
            if self.search.vectors(corpus.clone()) == Vectored::Coming
                && (counting.as_ref().is_some_and(current) || !self.has_waited(&found, counting.as_ref()))
            {
                return Ok(Came::Later);
            }
        }
        // Empty while a better one may come. What the model doesn't speak has no vectors, and none will come.
        let model = match self.search.vectors(corpus) {
            Vectored::Coming => String::new(),
            Vectored::Never | Vectored::Ready(_) => self.search.model(),
        };
        let hoped = of(String::new(), model, String::new());
        if counting.is_some_and(|counting| !hoped.outdoes(&counting)) {
            return Ok(Came::Outdone);
        }
        let folder = draft(&self.folder).context("no folder for a snapshot")?;
        let written = self.search.write_snapshot(&found, folder.path()).await?;
        let id = SnapshotId::random()?;
        let is_final = !hoped.model.is_empty() && self.search.vectors(Corpus::Base(found)) == Vectored::Never;
        let model = if is_final { hoped.model } else { written.manifest.model.clone() };
        let new = of(id.to_string(), model, serde_json::to_string(&written.manifest)?);
        self.store.base_snapshot_begin(tenant, &new.snapshot).await?;
        let parts = stream::iter(written.manifest.parts).map(|part| {
            let file = folder.path().join(&part.name);
            async move {
                let content = tokio::fs::read(file).await?;
                self.objects.put_part(tenant, id, &part.name, content.into()).await?;
                anyhow::Ok(())
            }
        });
        parts.buffer_unordered(WRITES).try_collect::<()>().await?;
        let counts = self.store.base_snapshot_publish(tenant, base, &new).await?;
        tracing::debug!(%tenant, %base, version, passages = written.passages, counts, "snapshot written");
        Ok(if counts { Came::Written } else { Came::Outdone })
    }

    /// A knowledge base as it is in the database: what the directory remembers may be older, and outdone.
    async fn present(&self, tenant: &TenantId, base: &BaseId) -> anyhow::Result<Option<Arc<KnowledgeBase>>> {
        let version = match self.store.base_info(tenant, base).await {
            Ok(info) => info.version,
            Err(StoreError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match self.directory.base(tenant, base).await? {
            Some(found) if found.version >= version => Ok(Some(found)),
            _ => Ok(self.store.base(tenant, base).await?.map(Arc::new)),
        }
    }

    /// True when a knowledge base has waited for its vectors long enough to be written without them. However often it
    /// changes, it has one day: a newer version waits on.
    fn has_waited(&self, base: &KnowledgeBase, counting: Option<&BaseSnapshot>) -> bool {
        let since = self.waiting.since(&base.tenant, &base.base, self.clock.now());
        let usable = |old: &&BaseSnapshot| old.format == FORMAT && !old.doubted;
        let loses = counting.filter(usable).is_some_and(|old| old.model == self.search.model());
        let patience = self.config.quiet.get() * PATIENT;
        since <= before(&*self.clock, if loses { patience.max(OVERDUE) } else { patience })
    }

    /// True when every file of a snapshot is there as it was written.
    async fn is_sound(&self, tenant: &TenantId, snapshot: &BaseSnapshot) -> anyhow::Result<bool> {
        let (Ok(id), Ok(manifest)) =
            (snapshot.snapshot.parse(), serde_json::from_str::<Manifest>(&snapshot.manifest))
        else {
            return Ok(false);
        };
        for part in &manifest.parts {
            let found = self.objects.part(tenant, id, (&part.name, part.bytes)).await?;
            if found.is_none_or(|content| Manifest::check(part, &content).is_err()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
