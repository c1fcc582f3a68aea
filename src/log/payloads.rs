//! Records that wait, in files that nobody else sees: memory keeps only where they lie.
//!
//! Guarantees: what was stored is read back byte for byte; a file is given back to the system when nothing in it is
//! wanted any more, and all of them when the owner or the process is gone, however it went. A parked topic is the
//! truth; this is rebuilt from it at every assignment.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::LogError;

/// Bytes after which the next file is begun.
const SEGMENT: u64 = 32 << 20;
/// Bits of a position that say where in its file, below [`SEGMENT`]; the ones above say which file.
const OFFSET_BITS: u32 = SEGMENT.trailing_zeros();
/// Files at once, with their numbers; beyond them, a TiB in all, nothing more is taken.
const FILES: u64 = 1 << 15;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Its position, in 5 bytes.
    pub(crate) position: u64,
    /// Its length.
    pub(crate) len: u32,
}

/// The store of one partition. Its calls wait for the disk: they belong on the blocking pool.
#[derive(Debug)]
pub struct Payloads {
    folder: PathBuf,
    segments: Mutex<Segments>,
}

#[derive(Debug, Default)]
struct Segments {
    files: BTreeMap<u64, Segment>,
    /// The file that is written.
    last: u64,
}

#[derive(Debug)]
struct Segment {
    /// Without a name: it is gone when it is closed.
    file: File,
    len: u64,
    /// Records that are wanted.
    live: u64,
}

impl Payloads {
    /// A store with its files in `folder`, which is made when the first is.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), segments: Mutex::default() }
    }

    /// Stores records; where each lies.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn store(&self, records: &[impl AsRef<[u8]>]) -> Result<Vec<Place>, LogError> {
        let mut segments = self.lock();
        let mut places = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            let taken = segments.store(&self.folder, rest, &mut places)?;
            rest = &rest[taken..];
        }
        Ok(places)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn load(&self, place: Place) -> Result<Bytes, LogError> {
        let segments = self.lock();
        let (number, at) = (place.position >> OFFSET_BITS, place.position & ((1 << OFFSET_BITS) - 1));
        let mut buffer = vec![0; place.len as usize];
        let read = match segments.files.get(&number) {
            Some(segment) => segment.file.read_exact_at(&mut buffer, at),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "its file was given back")),
        };
        read.map_err(|source| self.trouble("read a parked record", source))?;
        Ok(buffer.into())
    }

    /// A record is not wanted any more.
    pub fn free(&self, place: Place) {
        let mut segments = self.lock();
        if let Some(segment) = segments.files.get_mut(&(place.position >> OFFSET_BITS)) {
            segment.live = segment.live.saturating_sub(1);
        }
        segments.drop_dead();
    }

    /// Only these records are wanted.
    pub fn keep(&self, places: impl Iterator<Item = Place>) {
        let mut segments = self.lock();
        segments.files.values_mut().for_each(|segment| segment.live = 0);
        for place in places {
            if let Some(segment) = segments.files.get_mut(&(place.position >> OFFSET_BITS)) {
                segment.live += 1;
            }
        }
        segments.drop_dead();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, what: &str, source: io::Error) -> LogError {
        LogError::Io { what: format!("{what} in {}", self.folder.display()), source }
    }
}

impl Segments {
    /// Stores as many as the file has room for, at least one, in one write; how many.
    fn store(
        &mut self,
        folder: &Path,
        records: &[impl AsRef<[u8]>],
        places: &mut Vec<Place>,
    ) -> Result<usize, LogError> {
        let trouble =
            |source| LogError::Io { what: format!("store a parked record in {}", folder.display()), source };
        if self.files.get(&self.last).is_none_or(|segment| segment.len >= SEGMENT) {
            let mut next = (1..=FILES).map(|step| (self.last + step) % FILES);
            let unused = next.find(|number| !self.files.contains_key(number));
            let full = || trouble(io::Error::new(io::ErrorKind::StorageFull, "it has too many files"));
            let number = unused.ok_or_else(full)?;
            std::fs::create_dir_all(folder).map_err(trouble)?;
            let file = tempfile::tempfile_in(folder).map_err(trouble)?;
            self.last = number;
            self.files.insert(self.last, Segment { file, len: 0, live: 0 });
            self.drop_dead();
        }
        let number = self.last;
        let Some(segment) = self.files.get_mut(&number) else {
            return Err(trouble(io::Error::other("it has no file to write to")));
        };
        let together = records.iter().map(|record| record.as_ref().len()).sum();
        let (mut end, mut together, first) = (segment.len, Vec::with_capacity(together), places.len());
        for record in records.iter().map(AsRef::as_ref) {
            if end >= SEGMENT {
                break;
            }
            let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
            places.push(Place { position: number << OFFSET_BITS | end, len });
            end += record.len() as u64;
            together.extend_from_slice(record);
        }
        let taken = places.len() - first;
        if let Err(source) = segment.file.write_all_at(&together, segment.len) {
            places.truncate(first);
            return Err(trouble(source));
        }
        (segment.len, segment.live) = (end, segment.live + taken as u64);
        Ok(taken)
    }

    /// Gives files back of which nothing is wanted; not the one that is written.
    fn drop_dead(&mut self) {
        let last = self.last;
        self.files.retain(|number, segment| segment.live > 0 || *number == last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_files_go() {
        let folder = tempfile::tempdir().unwrap();
        let payloads = Payloads::new(&folder.path().join("parked"));
        let big = Bytes::from(vec![7; usize::try_from(SEGMENT).unwrap()]);
        let places = payloads.store(&[Bytes::from_static(b"one"), big.clone(), "two".into()]).unwrap();
        assert_eq!(payloads.load(places[0]).unwrap(), "one");
        assert_eq!(payloads.load(places[1]).unwrap(), big);
        assert_eq!(payloads.load(places[2]).unwrap(), "two");
        assert_eq!(payloads.lock().files.len(), 2);
        assert_eq!(FILES << OFFSET_BITS, 1 << 40, "five bytes");
        payloads.free(places[0]);
        assert_eq!(payloads.lock().files.len(), 2);
        payloads.free(places[1]);
        assert_eq!(payloads.lock().files.len(), 1);
        assert!(payloads.load(places[0]).is_err(), "nobody asks for what was freed");
        payloads.keep(std::iter::empty());
        assert_eq!(payloads.load(places[2]).unwrap(), "two", "the file that is written stays");
        assert_eq!(std::fs::read_dir(folder.path().join("parked")).unwrap().count(), 0, "no names");
        // Numbers of files come again, those in use are passed over.
        payloads.lock().last = FILES - 1;
        let again = payloads.store(&["three"]).unwrap()[0];
        assert_eq!((again.position >> OFFSET_BITS, payloads.load(again).unwrap()), (0, "three".into()));
    }
}
