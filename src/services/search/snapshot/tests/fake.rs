//! A store of snapshots in a folder, and what says which of them count.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::services::objects::Objects;

/// See the module.
#[derive(Debug)]
pub(super) struct Depot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: tempfile::TempDir,
    objects: Objects,
    newest: Mutex<BTreeMap<(String, String), Snapshot>>,
    fetched: AtomicUsize,
    cut_off: AtomicBool,
    doubted: AtomicUsize,
    gate: tokio::sync::RwLock<()>,
}

impl Depot {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).unwrap();
        Self::over(folder, objects)
    }

    /// The same over a bucket.
    pub(super) fn of(objects: Objects) -> Self {
        Self::over(tempfile::tempdir().unwrap(), objects)
    }

    fn over(folder: tempfile::TempDir, objects: Objects) -> Self {
        let (newest, fetched, cut_off, doubted, gate) = Default::default();
        Self(Arc::new(Inner { folder, objects, newest, fetched, cut_off, doubted, gate }))
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    pub(super) fn shelf(&self, name: &str, most: u64) -> Arc<Shelf> {
        Arc::new(Shelf::new(self.folder(name), most, Arc::clone(&self.0) as _))
    }

    /// Has a process write a snapshot, which counts from then on.
    pub(super) async fn write(&self, search: &TextSearch, base: &Arc<KnowledgeBase>) {
        let folder = tempfile::tempdir().unwrap();
        let Written { manifest, .. } = search.write_snapshot(base, folder.path()).await.unwrap();
        let id = SnapshotId::random().unwrap();
        for part in &manifest.parts {
            let content = std::fs::read(folder.path().join(&part.name)).unwrap();
            self.0.objects.put_part(&base.tenant, id, &part.name, content.into()).await.unwrap();
        }
        let key = (base.tenant.to_string(), base.base.to_string());
        self.0.newest.lock().unwrap().insert(key, Snapshot { id, manifest });
    }

    pub(super) fn id(&self, base: &KnowledgeBase) -> SnapshotId {
        self.0.newest.lock().unwrap()[&(base.tenant.to_string(), base.base.to_string())].id
    }

    pub(super) fn parts(&self, base: &KnowledgeBase) -> usize {
        self.0.newest.lock().unwrap()[&(base.tenant.to_string(), base.base.to_string())].manifest.parts.len()
    }

    pub(super) fn fetched(&self) -> usize {
        self.0.fetched.load(Ordering::Relaxed)
    }

    pub(super) fn doubted(&self) -> usize {
        self.0.doubted.load(Ordering::Relaxed)
    }

    pub(super) fn cut_off(&self, away: bool) {
        self.0.cut_off.store(away, Ordering::Relaxed);
    }

    /// Files that are asked for don't come while this is held.
    pub(super) async fn hold(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.0.gate.write().await
    }

    pub(super) fn reformat(&self, format: i64) {
        self.0.newest.lock().unwrap().values_mut().for_each(|snapshot| snapshot.manifest.format = format);
    }

    /// Changes a byte of a file in the store.
    pub(super) fn spoil(&self) {
        let file = self.files().pop().unwrap();
        let mut content = std::fs::read(&file).unwrap();
        content[0] ^= 1;
        std::fs::write(file, content).unwrap();
    }

    pub(super) fn lose(&self) {
        std::fs::remove_file(self.files().pop().unwrap()).unwrap();
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let root = self.folder("objects");
        let relative = |file: &PathBuf| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        self.files().iter().map(relative).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder("objects")];
        let mut out = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { out.push(path) }
            }
        }
        out.sort();
        out
    }
}

impl Inner {
    fn here(&self) -> Result<(), SnapshotError> {
        let away = self.cut_off.load(Ordering::Relaxed);
        if away { Err(SnapshotError::Reach("the store is away".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Snapshots for Inner {
    async fn newest(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Snapshot>, SnapshotError> {
        Ok(self.newest.lock().unwrap().get(&(tenant.to_string(), base.to_string())).cloned())
    }

    async fn part(&self, tenant: &TenantId, id: SnapshotId, part: &Part) -> Result<Bytes, SnapshotError> {
        self.here()?;
        self.fetched.fetch_add(1, Ordering::Relaxed);
        drop(self.gate.read().await);
        let found = self.objects.part(tenant, id, (&part.name, part.bytes)).await.map_err(damaged)?;
        found.ok_or_else(|| damaged("no such file"))
    }

    async fn gone(&self, ids: &[SnapshotId]) -> Result<Vec<SnapshotId>, SnapshotError> {
        let current: HashSet<_> = self.newest.lock().unwrap().values().map(|snapshot| snapshot.id).collect();
        Ok(ids.iter().copied().filter(|id| !current.contains(id)).collect())
    }

    async fn doubt(&self, _id: SnapshotId) -> Result<(), SnapshotError> {
        self.doubted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn reach(&self) -> Result<(), SnapshotError> {
        self.here()
    }
}
