//! Texts of documents in mapped files.
//!
//! Guarantee: a text reads the same wherever it stands; where a file can't be had it stays in memory.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tantivy::directory::error::OpenReadError;
use tantivy::directory::{Directory, MmapDirectory, OwnedBytes};
use tempfile::NamedTempFile;

use super::{MOST_SHEETS, Open, Scratch};
use crate::domain::body::{Kept, Sheet, Text, Texts};
use crate::domain::bot::Document;

/// Documents with fewer bytes of text together stay in memory: a mapping takes pages, and a process may have so many.
const LEAST: usize = 128 << 10;

/// A file is closed when it has so many bytes: until then its texts are in memory too.
const FULL: usize = 8 << 20;

/// A mapped file that has no name any more: no other process can change it or make it shorter.
#[derive(Debug)]
struct Mapped {
    bytes: OwnedBytes,
    /// All that are mapped.
    count: Arc<AtomicUsize>,
}

impl Kept for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Texts for Scratch {
    fn lay(&self, documents: &mut [Document]) {
        let own = |document: &Document| document.title.own_bytes() + document.text.own_bytes();
        if documents.iter().map(own).sum::<usize>() < LEAST {
            return;
        }
        let mut rest = documents;
        while !rest.is_empty() {
            let (mut bytes, mut count) = (0, 0);
            while bytes < FULL && count < rest.len() {
                bytes += own(&rest[count]);
                count += 1;
            }
            let (some, others) = rest.split_at_mut(count);
            rest = others;
            // The last few may be less than a file is worth.
            if bytes < LEAST {
                return;
            }
            if let Err(error) = self.lay_some(some) {
                return self.refused(&error);
            }
        }
    }
}

impl Scratch {
    /// Moves the texts of some documents into one file.
    fn lay_some(&self, documents: &mut [Document]) -> io::Result<()> {
        // A full disk is not filled again with each bot that is loaded.
        let Some(open) = self.open().filter(|_| !self.has_refused()) else { return Ok(()) };
        if self.sheets.load(Ordering::Relaxed) >= MOST_SHEETS {
            return Ok(());
        }
        let mut file = NamedTempFile::new_in(open.folder.path())?;
        let mut places = Vec::with_capacity(documents.len());
        let mut out = BufWriter::new(file.as_file_mut());
        let mut end = 0;
        let mut put = |text: &Text| -> io::Result<Range<usize>> {
            out.write_all(text.bytes())?;
            end += text.len();
            Ok(end - text.len()..end)
        };
        for document in documents.iter() {
            places.push([put(&document.title)?, put(&document.text)?]);
        }
        out.flush()?;
        drop(out);
        // A page that is not on the disk yet would count as this process's own.
        file.as_file().sync_data()?;
        let bytes = map(open, file.path())?;
        self.sheets.fetch_add(1, Ordering::Relaxed);
        let sheet = Sheet::new(Mapped { bytes, count: Arc::clone(&self.sheets) });
        for (document, [title, text]) in documents.iter_mut().zip(places) {
            // Both or none: what can't be read back stays as it is.
            if let (Some(title), Some(text)) = (sheet.text(title), sheet.text(text)) {
                (document.title, document.text) = (title, text);
            }
        }
        Ok(())
    }
}

/// The file's bytes; its name goes with the caller's value.
///
/// By a directory of its own: one that is used again knows mappings by name, and a name may be drawn again.
fn map(open: &Open, path: &Path) -> io::Result<OwnedBytes> {
    let name = path.file_name().ok_or_else(|| io::Error::other("a file without a name"))?;
    let directory = MmapDirectory::open(open.folder.path()).map_err(io::Error::other)?;
    match directory.open_read(Path::new(name)) {
        Ok(file) => file.read_bytes(),
        Err(OpenReadError::IoError { io_error, .. }) => Err(io::Error::new(io_error.kind(), io_error)),
        Err(error) => Err(io::Error::other(error)),
    }
}
