//! A segment file: its name, its place on the disk, its index.
//!
//! Guarantee: a segment's space is taken before its first frame is written, and its name is durable by then, so a full disk
//! is noticed between frames and never inside one.
//!
//! Names are `0000000007.seg`, and `0000000001-0000000006.seg` for what a compaction made of six: it stands for each of
//! them, so the rename that makes it appear is the moment at which they are gone.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FallocateFlags;

use super::index::Index;
use crate::log::types::LogError;

/// The numbers that a segment's name holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ordinals {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Ordinals {
    /// One segment.
    pub(super) fn one(ordinal: u64) -> Self {
        Self { first: ordinal, last: ordinal }
    }

    /// The file's name.
    pub(super) fn name(self) -> String {
        if self.first == self.last {
            format!("{:010}.seg", self.first)
        } else {
            format!("{:010}-{:010}.seg", self.first, self.last)
        }
    }

    /// The numbers in a file's name; `None` for another file.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".seg")?;
        let (first, last) = stem.split_once('-').unwrap_or((stem, stem));
        let ordinals = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        (ordinals.first <= ordinals.last && ordinals.name() == name).then_some(ordinals)
    }

    /// True when what `other` holds is in here.
    pub(super) fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// A segment that was begun.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) ordinals: Ordinals,
    pub(super) path: PathBuf,
    /// For reading and writing.
    pub(super) file: File,
    /// For syncing: of its own, so that a failed sync is reported to it whatever the other one is used for.
    pub(super) sync: File,
    /// The sequence of its first frame.
    pub(super) sequence: u64,
    /// Grows with the frames while the segment is the last one.
    pub(super) index: Mutex<Index>,
    /// Tells segments apart in the cache.
    pub(super) id: u64,
}

impl Segment {
    /// True for what a compaction has made.
    pub(super) fn is_compacted(&self) -> bool {
        self.ordinals.first != self.ordinals.last
    }

    /// Opens a file.
    pub(super) fn open(folder: &Path, ordinals: Ordinals) -> Result<Unbegun, LogError> {
        let path = folder.join(ordinals.name());
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        let (file, sync) = open().and_then(|file| Ok((file, open()?))).map_err(failed("opening", &path))?;
        Ok(Unbegun { ordinals, path, file, sync })
    }

    /// Makes a file of `size` bytes. When it returns, neither the name nor the space can be lost.
    pub(super) fn create(folder: &Path, ordinal: u64, size: u64) -> Result<Unbegun, LogError> {
        let path = folder.join(Ordinals::one(ordinal).name());
        let made = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
        let file = made.map_err(failed("creating", &path))?;
        let taken = allocate(&file, size).and_then(|()| file.sync_all());
        if let Err(error) = taken {
            // What is left of it is in nobody's way: an empty successor counts as not begun.
            let removed = std::fs::remove_file(&path);
            tracing::debug!(path = %path.display(), ?removed, "a segment that could not be made was removed");
            return Err(failed("taking space for", &path)(error));
        }
        sync_folder(folder)?;
        Self::open(folder, Ordinals::one(ordinal))
    }
}

/// A segment file without a first frame.
#[derive(Debug)]
pub(super) struct Unbegun {
    pub(super) ordinals: Ordinals,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) sync: File,
}

impl Unbegun {
    /// Opens a file for reading only.
    pub(super) fn read_only(folder: &Path, ordinals: Ordinals) -> Result<Self, LogError> {
        let path = folder.join(ordinals.name());
        let opened = File::open(&path).and_then(|file| Ok((file.try_clone()?, file)));
        let (file, sync) = opened.map_err(failed("opening", &path))?;
        Ok(Self { ordinals, path, file, sync })
    }

    /// The segment, once its first frame is there.
    pub(super) fn begin(self, sequence: u64, index: Index) -> Segment {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Self { ordinals, path, file, sync } = self;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Segment { ordinals, path, file, sync, sequence, index: Mutex::new(index), id }
    }
}

/// Takes space for `size` bytes.
pub(super) fn allocate(file: &File, size: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        // A file system without reservation: the length alone still saves metadata writes.
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(size),
        Err(error) => Err(error.into()),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("syncing", folder))
}

/// Says what was being done to what.
pub(super) fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let what = format!("{doing} {}", path.display());
    move |source| {
        let remedy = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                " (free some space; nothing is lost)"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                " (the log's folder must be writable: change its rights or choose another with --data)"
            }
            _ => "",
        };
        LogError::Io { what: format!("{what}{remedy}"), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for ordinals in [Ordinals::one(7), Ordinals { first: 1, last: 6 }] {
            assert_eq!(Ordinals::parse(&ordinals.name()), Some(ordinals));
        }
        for other in ["7.seg", "0000000007.idx", "0000000006-0000000001.seg", "x.seg"] {
            assert_eq!(Ordinals::parse(other), None, "{other}");
        }
    }
}
