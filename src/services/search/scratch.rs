//! Files that hold what would else be the process's own memory: texts of documents, and large parts of text indexes.
//!
//! They are mapped: the system keeps of them what is read and takes back what is not. Nothing here outlives the process, so
//! nothing is written for a crash. Guarantees: a folder belongs to one process, which holds a lock in it for as long as it
//! lives; what a process that ended has left is deleted by the next one; a disk that refuses costs memory and
//! a second try at most, never an answer;
//! a mapped file has no name any more or is never written again, so it can't become shorter under its readers.

mod sheets;
mod spill;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tantivy::directory::MmapDirectory;
use tempfile::TempDir;

pub(super) use spill::Spill;

/// What the names of the folders begin with; one for each process.
const PREFIX: &str = "search-";

/// Held by whoever makes or deletes such a folder.
const DOOR: &str = "search.lock";

/// In each folder, held by its process.
const LOCK: &str = "lock";

/// Files that are mapped at once, of texts: a process may map 65,530 by default, and others need some too.
const MOST_SHEETS: usize = 16_384;

/// See the module. Nothing is made before something is put there.
#[derive(Debug)]
pub struct Scratch {
    parent: PathBuf,
    open: OnceLock<Option<Open>>,
    /// Sheets that are mapped.
    sheets: Arc<AtomicUsize>,
    /// True once somebody was told that the disk refuses.
    told: AtomicBool,
}

/// A folder in use. It goes with the value; the lock is let go of last.
#[derive(Debug)]
struct Open {
    directory: MmapDirectory,
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// A folder of its own in `parent`, made when it is needed.
    #[must_use]
    pub fn new(parent: impl Into<PathBuf>) -> Self {
        Self {
            parent: parent.into(),
            open: OnceLock::new(),
            sheets: Arc::default(),
            told: AtomicBool::new(false),
        }
    }

    /// The folder's files; `None` where there can be none, which is said once.
    fn directory(&self) -> Option<&MmapDirectory> {
        self.open().map(|open| &open.directory)
    }

    fn open(&self) -> Option<&Open> {
        let open = self.open.get_or_init(|| match open(&self.parent) {
            Ok(open) => Some(open),
            Err(error) => {
                self.refused(&error);
                None
            }
        });
        open.as_ref()
    }

    /// True once the disk refused: what is large is in memory from then on.
    fn has_refused(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Says once that what should stand in files stands in memory.
    fn refused(&self, error: &io::Error) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let folder = self.parent.display();
            tracing::warn!(%error, %folder, "no scratch files can be written here: texts and indexes stay in memory");
        }
    }
}

fn open(parent: &Path) -> io::Result<Open> {
    std::fs::create_dir_all(parent)?;
    // Nobody deletes a folder whose owner has not come to lock it.
    let door = File::create(parent.join(DOOR))?;
    door.lock()?;
    clean(parent);
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
    let lock = File::create(folder.path().join(LOCK))?;
    lock.lock()?;
    let directory = MmapDirectory::open(folder.path()).map_err(io::Error::other)?;
    Ok(Open { directory, folder, _lock: lock })
}

/// Deletes the folders of processes that are no more.
fn clean(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let in_use = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => lock.try_lock().is_err(),
            // What can't be looked at may be somebody's.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if !in_use && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(%error, "scratch files of an earlier process are left");
        }
    }
}

#[cfg(test)]
mod tests;
