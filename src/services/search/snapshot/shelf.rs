//! Snapshots on the local disk: fetched when they are first asked for, bounded in bytes.
//!
//! Guarantees: a file is checked against the manifest each time it is opened, also one that lay there; a snapshot that
//! somebody reads is not evicted; one that counts no more leaves the disk at the next look, read or not (what is mapped
//! stays readable until its last reader is done); many that ask for one snapshot fetch it once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::opened::Opened;
use super::{FORMAT, Manifest, Snapshot, SnapshotError, Snapshots, damaged, local};
use crate::domain::ids::{BaseId, TenantId};
use crate::services::objects::SnapshotId;
use crate::telemetry;

/// A turn waits so long for a snapshot; after that its documents are indexed here.
const PATIENCE: Duration = Duration::from_secs(5);

/// Snapshots that are fetched at once, and files of one of them.
const FETCHES: usize = 4;

/// Snapshots that may be open at once. Each takes about eight mappings, and a process has 65,530 by default.
const OPEN: usize = 4_000;

/// Snapshots on the disk whose fate is asked for at once.
const ASKED: usize = 500;

/// See the module.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    most: u64,
    source: Arc<dyn Snapshots>,
    fetches: Semaphore,
    state: Mutex<State>,
    /// The knowledge base that was last looked for a better snapshot of.
    pub(in crate::services::search) looked_for: Mutex<Option<(TenantId, BaseId)>>,
}

#[derive(Debug, Default)]
struct State {
    /// What lies on the disk or is about to.
    entries: HashMap<SnapshotId, Entry>,
    clock: u64,
    fetching: usize,
    /// Why the last look at the store failed; `None` after one that did not.
    unreachable: Option<String>,
}

#[derive(Debug, Default)]
struct Entry {
    /// What it takes; 0 while nothing of it is there.
    bytes: u64,
    used: u64,
    opened: Weak<Opened>,
    /// Held while it is fetched and opened.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Shelf {
    /// A shelf over a folder, with what lies there from before.
    #[must_use]
    pub fn new(folder: PathBuf, most: u64, source: Arc<dyn Snapshots>) -> Self {
        let state = Mutex::new(State { entries: lying(&folder), ..State::default() });
        Self { folder, most, source, fetches: Semaphore::new(FETCHES), state, looked_for: Mutex::default() }
    }

    /// What is missing at the moment that work goes on without.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let state = self.lock();
        let mut out = Vec::new();
        if let Some(reason) = &state.unreachable {
            out.push(format!("snapshots: {reason}; knowledge bases are indexed from the database"));
        }
        if state.fetching > 0 {
            out.push(format!("snapshots: {} being fetched", state.fetching));
        }
        out
    }

    /// The snapshot of a knowledge base, opened; `None` where there is none that can be used, which is counted and, unless
    /// there is none at all, said.
    pub(in crate::services::search) async fn open(
        self: &Arc<Self>,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Option<Arc<Opened>> {
        let opened = tokio::time::timeout(PATIENCE, self.look(tenant, base)).await;
        let late = || SnapshotError::Reach(format!("not here within {PATIENCE:?}"));
        match opened.map_err(|_| late()).flatten() {
            Ok(None) => {
                telemetry::snapshot_opened("none");
                None
            }
            Ok(Some(opened)) => {
                self.lock().unreachable = None;
                Some(opened)
            }
            Err(error) => {
                telemetry::snapshot_opened(error.as_str());
                tracing::warn!(%tenant, %base, %error, "a snapshot can't be used; the knowledge base is indexed from the database");
                if let SnapshotError::Reach(_) = error {
                    self.lock().unreachable = Some(error.to_string());
                }
                None
            }
        }
    }

    /// True when a newer snapshot of a knowledge base than this one could be opened.
    pub(in crate::services::search) async fn has_other(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        (than, model): (Option<SnapshotId>, &str),
    ) -> bool {
        let newest = self.source.newest(tenant, base).await.ok().flatten();
        newest.is_some_and(|newest| {
            newest.manifest.format == FORMAT && newest.manifest.model == model && Some(newest.id) != than
        })
    }

    /// Takes what counts no more off the disk and looks whether the store can be reached. Gives the ids of what went.
    pub(in crate::services::search) async fn tidy(&self) -> Vec<SnapshotId> {
        let reached = tokio::time::timeout(PATIENCE, self.source.reach()).await;
        let reached =
            reached.unwrap_or_else(|_| Err(SnapshotError::Reach(format!("no answer within {PATIENCE:?}"))));
        self.lock().unreachable = reached.err().map(|error| error.to_string());
        let all: Vec<SnapshotId> = self.lock().entries.keys().copied().collect();
        let mut gone = Vec::new();
        for some in all.chunks(ASKED) {
            match self.source.gone(some).await {
                Ok(some) => gone.extend(some),
                Err(error) => tracing::debug!(%error, "snapshots on the disk are looked at later"),
            }
        }
        for id in &gone {
            // Who fetches it at this moment would put it back: that one goes next time.
            let Ok(_turn) = self.entry(*id).try_lock_owned() else { continue };
            self.remove(*id);
        }
        gone
    }

    /// Bytes on the disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.lock().entries.values().map(|entry| entry.bytes).sum()
    }

    async fn look(
        self: &Arc<Self>,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<Option<Arc<Opened>>, SnapshotError> {
        let Some(Snapshot { id, manifest }) = self.source.newest(tenant, base).await? else {
            return Ok(None);
        };
        if manifest.format != FORMAT {
            return Err(SnapshotError::Format(manifest.format));
        }
        if !manifest.is_plain() {
            return Err(damaged("its manifest names files that can't be"));
        }
        let turn = self.entry(id).lock_owned().await;
        if let Some(opened) = self.used(id) {
            return Ok(Some(opened));
        }
        let open_now = self.lock().entries.values().filter(|entry| entry.opened.strong_count() > 0).count();
        if open_now >= OPEN {
            return Err(SnapshotError::Crowd(open_now));
        }
        // Whoever asked may lose patience: what was begun for it is there for the next.
        let (shelf, tenant) = (Arc::clone(self), tenant.clone());
        let brought = tokio::spawn(async move {
            let _turn = turn;
            shelf.bring(&tenant, id, manifest).await
        });
        brought.await.map_err(local)?.map(Some)
    }

    /// Opens what lies on the disk, or fetches it first; who calls it has its turn.
    async fn bring(
        &self,
        tenant: &TenantId,
        id: SnapshotId,
        manifest: Manifest,
    ) -> Result<Arc<Opened>, SnapshotError> {
        let (place, bytes) = (self.folder.join(id.to_string()), manifest.bytes());
        if place.is_dir() {
            let (local_place, listed) = (place.clone(), manifest.clone());
            let opened = tokio::task::spawn_blocking(move || open(id, &local_place, &listed)).await;
            match opened.map_err(local).flatten() {
                Ok(opened) => return Ok(self.keep(opened, bytes, "local")),
                Err(error @ SnapshotError::Reach(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%id, %error, "a snapshot on the local disk is damaged; it is fetched again");
                    self.remove(id);
                }
            }
        }
        let fetched = match self.make_room(id, bytes) {
            Ok(()) => self.fetch(tenant, id, &manifest, &place).await,
            Err(error) => Err(error),
        };
        if let Err(error) = fetched {
            self.remove(id);
            if let SnapshotError::Damaged(_) = error {
                self.source.doubt(id).await?;
            }
            return Err(error);
        }
        let opened = tokio::task::spawn_blocking(move || open(id, &place, &manifest)).await;
        match opened.map_err(local).flatten() {
            Ok(opened) => Ok(self.keep(opened, bytes, "fetched")),
            // It lies there whole, and opens once the machine can map it.
            Err(error @ SnapshotError::Reach(_)) => Err(error),
            // Every file came as it was written, so this is no reason to doubt the store.
            Err(error) => {
                self.remove(id);
                Err(error)
            }
        }
    }

    /// Brings every file into a folder of its own, which gets its name when all of them are there.
    async fn fetch(
        &self,
        tenant: &TenantId,
        id: SnapshotId,
        manifest: &Manifest,
        place: &Path,
    ) -> Result<(), SnapshotError> {
        let _permit = self.fetches.acquire().await.map_err(damaged)?;
        let _counted = Counted::new(self);
        let draft = draft(&self.folder).map_err(local)?;
        let parts = stream::iter(manifest.parts.clone()).map(|part| {
            let file = draft.path().join(&part.name);
            async move {
                let content = self.source.part(tenant, id, &part).await?;
                Manifest::check(&part, &content)?;
                tokio::fs::write(file, content).await.map_err(local)
            }
        });
        parts.buffer_unordered(FETCHES).try_collect::<()>().await?;
        // Another process of this machine may have brought it meanwhile: its files are the same.
        match std::fs::rename(draft.path(), place) {
            Err(error) if !place.is_dir() => Err(local(error)),
            _ => Ok(()),
        }
    }

    /// Evicts what was longest unused and is in nobody's use, until this one fits; its room is taken from then on.
    fn make_room(&self, id: SnapshotId, bytes: u64) -> Result<(), SnapshotError> {
        let none = Err(SnapshotError::Room { bytes });
        if bytes > self.most {
            return none;
        }
        loop {
            let oldest = {
                let mut state = self.lock();
                let taken: u64 = state.entries.values().map(|entry| entry.bytes).sum();
                if taken.saturating_add(bytes) <= self.most {
                    state.entries.entry(id).or_default().bytes = bytes;
                    return Ok(());
                }
                let free = |entry: &Entry| entry.bytes > 0 && entry.opened.strong_count() == 0;
                let mut unused: Vec<_> = state.entries.iter().filter(|(_, entry)| free(entry)).collect();
                unused.sort_unstable_by_key(|(_, entry)| entry.used);
                // Its turn is held until its files are gone: nobody opens them meanwhile.
                let turn = |entry: &Entry| Arc::clone(&entry.turn).try_lock_owned().ok();
                unused.into_iter().find_map(|(id, entry)| Some((*id, turn(entry)?)))
            };
            let Some((oldest, _turn)) = oldest else { return none };
            self.remove(oldest);
        }
    }

    /// Takes one off the disk; who calls it has its turn.
    fn remove(&self, id: SnapshotId) {
        match std::fs::remove_dir_all(self.folder.join(id.to_string())) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%id, %error, "a snapshot can't be taken off the local disk"),
        }
        {
            let mut state = self.lock();
            // Beside the map and the caller somebody waits for this turn: who comes later has to wait for the same.
            let awaited = |entry: &&mut Entry| Arc::strong_count(&entry.turn) > 2;
            match state.entries.get_mut(&id).filter(awaited) {
                Some(entry) => (entry.bytes, entry.opened) = (0, Weak::new()),
                None => drop(state.entries.remove(&id)),
            }
        }
        telemetry::snapshot_disk(self.bytes());
    }

    fn keep(&self, opened: Opened, bytes: u64, how: &'static str) -> Arc<Opened> {
        let opened = Arc::new(opened);
        {
            let mut state = self.lock();
            state.clock += 1;
            let now = state.clock;
            let entry = state.entries.entry(opened.id).or_default();
            (entry.bytes, entry.used, entry.opened) = (bytes, now, Arc::downgrade(&opened));
        }
        telemetry::snapshot_opened(how);
        telemetry::snapshot_disk(self.bytes());
        opened
    }

    fn entry(&self, id: SnapshotId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.lock().entries.entry(id).or_default().turn)
    }

    /// One that somebody has open.
    fn used(&self, id: SnapshotId) -> Option<Arc<Opened>> {
        let mut state = self.lock();
        state.clock += 1;
        let now = state.clock;
        let entry = state.entries.get_mut(&id)?;
        entry.used = now;
        entry.opened.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder for files that are no snapshot yet, beside those that are; it goes with the value, or with a later start.
///
/// # Errors
/// When it can't be made.
pub fn draft(folder: &Path) -> std::io::Result<tempfile::TempDir> {
    std::fs::create_dir_all(folder)?;
    tempfile::Builder::new().prefix(DRAFT).tempdir_in(folder)
}

/// What the names of such folders begin with.
const DRAFT: &str = ".draft-";

/// One that is being fetched, for as long as this lives.
struct Counted<'a>(&'a Shelf);

impl<'a> Counted<'a> {
    fn new(shelf: &'a Shelf) -> Self {
        shelf.lock().fetching += 1;
        Self(shelf)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.lock().fetching -= 1;
    }
}

/// What lies in a folder from before, the longest unused first; what was begun and not finished goes.
fn lying(folder: &Path) -> HashMap<SnapshotId, Entry> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_str().unwrap_or_default().to_owned();
        let modified = entry.metadata().and_then(|folder| folder.modified()).ok();
        let age = modified.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        // A younger one may be what another process of this machine is at.
        if name.starts_with(DRAFT) && age > PATIENCE * 10 {
            drop(std::fs::remove_dir_all(entry.path()));
        }
        let Ok(id) = name.parse::<SnapshotId>() else { continue };
        let files = std::fs::read_dir(entry.path()).into_iter().flatten().flatten();
        let bytes = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        found.push((modified, id, bytes));
    }
    found.sort_unstable();
    let entry = |(used, (_, id, bytes))| (id, Entry { bytes, used, ..Entry::default() });
    (0..).zip(found).map(entry).collect()
}

/// Checks every file of a folder, then maps them.
fn open(id: SnapshotId, folder: &Path, manifest: &Manifest) -> Result<Opened, SnapshotError> {
    for part in &manifest.parts {
        let content = std::fs::read(folder.join(&part.name)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => damaged(error),
            _ => local(error),
        })?;
        Manifest::check(part, &content)?;
    }
    Opened::open(id, folder)
}
