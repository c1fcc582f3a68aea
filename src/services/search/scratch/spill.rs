//! The folder of a text index that stands in memory as far as it is small.
//!
//! Guarantee: what is written is read back the same, wherever it stands; files that are replaced (the list of segments) are
//! always in memory, so a mapped one is written once and never again.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, RamDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use super::Scratch;

/// A smaller file stays in memory: a shard has a few dozen, and each mapping and each wait for the disk has its price.
const SMALL: usize = 256 << 10;

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::services::search) struct Spill {
    small: RamDirectory,
    /// Segments have names that are drawn: all indexes of the process may lie side by side. Absent = all in memory.
    large: Option<Arc<Scratch>>,
}

impl Spill {
    pub(in crate::services::search) fn new(large: Option<Arc<Scratch>>) -> Self {
        Self { small: RamDirectory::create(), large }
    }

    /// What stands in memory.
    pub(in crate::services::search) fn own_bytes(&self) -> usize {
        self.small.total_mem_usage()
    }

    /// A file that ends half written, as when the disk is full: whoever writes it tries again, in memory then.
    fn failed(&self, error: io::Error) -> io::Result<()> {
        self.large.iter().for_each(|large| large.refused(&error));
        Err(error)
    }

    /// The large files, where there are any yet.
    fn mapped(&self) -> Option<&MmapDirectory> {
        let open = self.large.as_ref()?.open.get()?;
        open.as_ref().map(|open| &open.directory)
    }
}

impl Directory for Spill {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match (self.small.get_file_handle(path), self.mapped()) {
            (Err(OpenReadError::FileDoesNotExist(_)), Some(large)) => large.get_file_handle(path),
            (found, _) => found,
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        match (self.small.delete(path), self.mapped()) {
            (Err(DeleteError::FileDoesNotExist(_)), Some(large)) => {
                // It remembers each file that it mapped until it is asked about them.
                drop(large.get_cache_info());
                large.delete(path)
            }
            (done, _) => done,
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let in_memory = self.small.exists(path)?;
        match self.mapped() {
            Some(large) if !in_memory => large.exists(path),
            _ => Ok(in_memory),
        }
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        if self.exists(path).unwrap_or(false) {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        let writer = Writer { to: self.clone(), path: path.to_owned(), small: Vec::new(), large: None };
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.small.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.small.atomic_write(path, data)
    }

    /// Nothing of it outlives the process.
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.small.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.small.watch(callback)
    }
}

/// A file that is being written: nobody reads it before it is ended.
struct Writer {
    to: Spill,
    path: PathBuf,
    /// What was written while it was small, or all of it where the disk refuses.
    small: Vec<u8>,
    large: Option<WritePtr>,
}

impl Writer {
    /// Goes on in a file; stays in memory where there can be none.
    fn spill(&mut self) -> io::Result<()> {
        let Some(large) = self.to.large.as_ref().filter(|large| !large.has_refused()) else { return Ok(()) };
        let Some(directory) = large.directory() else { return Ok(()) };
        match directory.open_write(&self.path) {
            Ok(mut file) => {
                file.write_all(&self.small).inspect_err(|error| large.refused(error))?;
                self.small = Vec::new();
                self.large = Some(file);
            }
            Err(OpenWriteError::IoError { io_error, .. }) => large.refused(&io_error),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.large.is_none() && self.small.len() + bytes.len() > SMALL {
            self.spill()?;
        }
        match &mut self.large {
            Some(file) => file.write_all(bytes).or_else(|error| self.to.failed(error))?,
            None => self.small.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.large.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl TerminatingWrite for Writer {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        match self.large.take() {
            // Waits for the disk: a page that is not there yet would count as the process's own.
            Some(file) => file.terminate().or_else(|error| self.to.failed(error)),
            None => self.to.small.atomic_write(&self.path, &std::mem::take(&mut self.small)),
        }
    }
}
