//! Vectors that were made and stand in no corpus's file yet.
//!
//! Guarantee: however many there are, at most [`FRESH`] of them stand in memory; the others lie in files without names, which
//! go with the process, and take what a hash and a place take.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::services::embed::ModelVersion;
use crate::services::search::vectors::{Row, Source, TextHash, Vectors};

/// So many become a file: 2 MB with 384 numbers each.
const FRESH: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Made {
    fresh: HashMap<TextHash, Row>,
    files: Vec<Vectors>,
    /// Which file and which row of it.
    places: HashMap<TextHash, (u32, u32)>,
}

impl Made {
    /// Adds one. Where the disk refuses it stays in memory.
    pub(super) fn add(&mut self, hash: TextHash, row: Row, folder: &Path, model: &ModelVersion) {
        self.fresh.insert(hash, row);
        // Tried again after as many more, should it have failed.
        if self.fresh.len().is_multiple_of(FRESH)
            && let Err(error) = self.spill(folder, model)
        {
            tracing::warn!(%error, "vectors stay in memory until all of their corpus are made");
        }
    }

    fn spill(&mut self, folder: &Path, model: &ModelVersion) -> io::Result<()> {
        let rows: Vec<_> = self.fresh.iter().map(|(hash, row)| (*hash, Source::Made(row))).collect();
        let file = Vectors::write_unnamed(folder, model, &rows)?;
        let hashes: Vec<TextHash> = rows.into_iter().map(|(hash, _)| hash).collect();
        let at = narrow(self.files.len());
        self.places.extend((0..).zip(hashes).map(|(row, hash)| (hash, (at, row))));
        self.files.push(file);
        self.fresh = HashMap::new();
        Ok(())
    }

    /// Takes over all of another.
    pub(super) fn extend(&mut self, other: Self) {
        let first = narrow(self.files.len());
        self.places.extend(other.places.into_iter().map(|(hash, (file, row))| (hash, (first + file, row))));
        self.files.extend(other.files);
        self.fresh.extend(other.fresh);
    }

    /// The vector of a text.
    pub(super) fn get(&self, hash: &TextHash) -> Option<Source<'_>> {
        if let Some(row) = self.fresh.get(hash) {
            return Some(Source::Made(row));
        }
        let (file, row) = self.places.get(hash)?;
        Some(Source::Stored(self.files.get(*file as usize)?, *row as usize))
    }

    /// Every text that has one.
    pub(super) fn hashes(&self) -> impl Iterator<Item = TextHash> {
        self.fresh.keys().chain(self.places.keys()).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.places.is_empty()
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::search::vectors::hash;

    fn model() -> ModelVersion {
        ModelVersion { name: "m".into(), hash: [1; 16], dimension: 8 }
    }

    fn row(n: usize) -> Row {
        Row::of(&std::array::from_fn::<f32, 8, _>(|at| ((n * 7 + at) % 13) as f32 - 6.5))
    }

    #[test]
    fn many_take_no_memory_and_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let text = |n: usize| hash(&n.to_string());
        let (mut made, mut more) = (Made::default(), Made::default());
        for n in 0..2 * FRESH + 10 {
            made.add(text(n), row(n), folder.path(), &model());
        }
        for n in 3 * FRESH..4 * FRESH + 10 {
            more.add(text(n), row(n), folder.path(), &model());
        }
        assert_eq!((made.fresh.len(), made.files.len()), (10, 2));
        made.extend(more);
        assert_eq!((made.hashes().count(), made.fresh.len()), (3 * FRESH + 20, 20));
        for n in [0, FRESH, 2 * FRESH + 9, 3 * FRESH, 4 * FRESH + 9] {
            assert_eq!(made.get(&text(n)).unwrap().row(), Some(row(n)), "{n}");
        }
        assert!(made.get(&text(5 * FRESH)).is_none() && !made.is_empty() && Made::default().is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing has a name");
    }

    #[test]
    fn a_disk_that_refuses_costs_memory_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "in the way").unwrap();
        let mut made = Made::default();
        (0..=FRESH).for_each(|n| made.add(hash(&n.to_string()), row(n), &file, &model()));
        assert_eq!((made.fresh.len(), made.hashes().count()), (FRESH + 1, FRESH + 1));
    }
}
