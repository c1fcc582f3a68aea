//! A snapshot on the local disk, mapped.
//!
//! Guarantees: it holds passages of one knowledge base only, and their numbers are those of its table; a machine that has no
//! more mappings, memory or open files is never taken for a damaged file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use tantivy::directory::MmapDirectory;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError};
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, TantivyError};

use super::super::shard::Fields;
use super::table::{self, DocumentHash, Row};
use super::{NUMBERS, SnapshotError, TABLE, damaged, is_systems, local};
use crate::services::objects::SnapshotId;

/// Whose all its passages are: shards begin with 1.
pub(in crate::services::search) const OWNER: u64 = 0;

/// See the module.
pub(in crate::services::search) struct Opened {
    pub(in crate::services::search) id: SnapshotId,
    pub(in crate::services::search) searcher: Searcher,
    pub(in crate::services::search) fields: Fields,
    /// Its documents: the one at `n` has the number [`NUMBERS`]` + n`.
    pub(in crate::services::search) rows: Vec<Row>,
    /// Where its files are.
    pub(in crate::services::search) folder: PathBuf,
    /// Places among the rows, sorted by the documents' hashes.
    by_hash: Vec<u32>,
    /// Each passage's document, as a place among the rows.
    documents: Vec<u32>,
    /// Keeps the searcher's files open.
    _reader: IndexReader,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("id", &self.id)
            .field("documents", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// Maps the files of a folder.
    pub(super) fn open(id: SnapshotId, folder: &Path) -> Result<Self, SnapshotError> {
        let table = std::fs::read(folder.join(TABLE)).map_err(|error| of_file(&error))?;
        let rows = table::decode(&table)?;
        let (schema, fields) = Fields::schema();
        let directory = MmapDirectory::open(folder).map_err(|error| of_index(&error.into()))?;
        let index = Index::open(directory).map_err(|error| of_index(&error))?;
        if index.schema() != schema {
            return Err(damaged("its index has other fields"));
        }
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(|error| of_index(&error))?;
        let searcher = reader.searcher();
        let [segment] = searcher.segment_readers() else { return Err(damaged("its index is in pieces")) };
        let column = fields.documents(segment).map_err(|error| of_index(&error))?;
        let mut counts = vec![0_usize; rows.len()];
        let mut documents = Vec::with_capacity(segment.max_doc() as usize);
        for passage in 0..segment.max_doc() {
            let number = column.first(passage).unwrap_or_default();
            let at = number.checked_sub(NUMBERS).and_then(|at| u32::try_from(at).ok());
            let at = at.filter(|at| (*at as usize) < counts.len());
            let at = at.ok_or_else(|| damaged("its index and its table differ"))?;
            counts[at as usize] += 1;
            documents.push(at);
        }
        if rows.iter().map(Row::len).ne(counts) {
            return Err(damaged("its index and its table differ"));
        }
        let count = u32::try_from(rows.len()).map_err(damaged)?;
        let mut by_hash: Vec<u32> = (0..count).collect();
        by_hash.sort_unstable_by_key(|at| rows[*at as usize].hash);
        Ok(Self {
            id,
            searcher,
            fields,
            rows,
            folder: folder.to_owned(),
            by_hash,
            documents,
            _reader: reader,
        })
    }

    /// Where in the table a document stands.
    pub(in crate::services::search) fn find(&self, document: &DocumentHash) -> Option<usize> {
        let at = self.by_hash.binary_search_by_key(document, |at| self.rows[*at as usize].hash).ok()?;
        Some(self.by_hash[at] as usize)
    }

    /// For each passage whether its document is among those that `keep` keeps.
    pub(in crate::services::search) fn alive(&self, keep: impl Fn(u64) -> bool) -> Arc<[bool]> {
        self.documents.iter().map(|at| keep(NUMBERS + u64::from(*at))).collect()
    }
}

/// Whose fault a file is that can't be read.
fn of_file(error: &io::Error) -> SnapshotError {
    if is_systems(error) { local(error) } else { damaged(error) }
}

/// The same for an index that can't be opened.
fn of_index(error: &TantivyError) -> SnapshotError {
    let system = match error {
        TantivyError::IoError(io)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
        | TantivyError::LockFailure(LockError::IoError(io), _) => is_systems(io),
        // A thread that can't be had.
        TantivyError::SystemError(_) => true,
        _ => false,
    };
    if system { local(error) } else { damaged(error) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_machine_that_has_no_more_is_no_damage() {
        const ENOMEM: i32 = 12;
        const EMFILE: i32 = 24;
        const ENODEV: i32 = 19;
        for code in [ENOMEM, EMFILE, ENODEV] {
            let io = || Arc::new(io::Error::from_raw_os_error(code));
            let opening = OpenReadError::IoError { io_error: io(), filepath: PathBuf::from("x.term") };
            let folder = OpenDirectoryError::IoError { io_error: io(), directory_path: PathBuf::from("x") };
            let all: [TantivyError; 4] =
                [TantivyError::IoError(io()), opening.into(), folder.into(), LockError::IoError(io()).into()];
            for error in &all {
                assert!(matches!(of_index(error), SnapshotError::Reach(_)), "{error:?}");
            }
            assert!(matches!(of_file(&io()), SnapshotError::Reach(_)), "{code}");
        }
    }

    #[test]
    fn what_is_cut_off_or_missing_is() {
        let cut = Arc::new(io::Error::from(io::ErrorKind::UnexpectedEof));
        let gone = OpenReadError::FileDoesNotExist(PathBuf::from("x.term"));
        for error in [TantivyError::IoError(cut), gone.into(), TantivyError::SchemaError("x".into())] {
            assert!(matches!(of_index(&error), SnapshotError::Damaged(_)), "{error:?}");
        }
        const ENOENT: i32 = 2;
        assert!(matches!(of_file(&io::Error::from_raw_os_error(ENOENT)), SnapshotError::Damaged(_)));
    }
}
