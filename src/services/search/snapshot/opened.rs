//! A snapshot on the local disk, mapped.
//!
//! Guarantee: it holds passages of one knowledge base only, and their numbers are those of its table.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher};

use super::super::shard::Fields;
use super::table::{self, DocumentHash, Row};
use super::{NUMBERS, SnapshotError, TABLE, damaged};
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
    by_hash: HashMap<DocumentHash, usize>,
    /// Each passage's document.
    documents: Vec<u64>,
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
        let rows = table::decode(&std::fs::read(folder.join(TABLE)).map_err(damaged)?)?;
        let (schema, fields) = Fields::schema();
        let index = Index::open(MmapDirectory::open(folder).map_err(damaged)?).map_err(damaged)?;
        if index.schema() != schema {
            return Err(damaged("its index has other fields"));
        }
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(damaged)?;
        let searcher = reader.searcher();
        let [segment] = searcher.segment_readers() else { return Err(damaged("its index is in pieces")) };
        let column = fields.documents(segment).map_err(damaged)?;
        let documents: Vec<u64> =
            (0..segment.max_doc()).map(|passage| column.first(passage).unwrap_or_default()).collect();
        let mut counts = vec![0_usize; rows.len()];
        for number in &documents {
            let at = number.checked_sub(NUMBERS).and_then(|at| usize::try_from(at).ok());
            let count = at.and_then(|at| counts.get_mut(at));
            *count.ok_or_else(|| damaged("its index and its table differ"))? += 1;
        }
        if rows.iter().map(Row::len).ne(counts) {
            return Err(damaged("its index and its table differ"));
        }
        let by_hash = rows.iter().enumerate().map(|(at, row)| (row.hash, at)).collect();
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
        self.by_hash.get(document).copied()
    }

    /// For each passage whether its document is among those that `keep` keeps.
    pub(in crate::services::search) fn alive(&self, keep: impl Fn(u64) -> bool) -> Arc<[bool]> {
        self.documents.iter().map(|number| keep(*number)).collect()
    }
}
