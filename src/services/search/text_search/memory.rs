//! Where the search keeps what it holds, and how much that is.
//!
//! Guarantee: with [`Scratch`] what is found is the same; where its disk refuses, everything stands in memory.

use std::sync::Arc;

use super::{TextSearch, failed};
use crate::services::search::SearchError;
use crate::services::search::builder::Builder;
use crate::services::search::scratch::Scratch;
use crate::services::search::shard::Shard;

impl TextSearch {
    /// Has the large parts of its indexes stand in files there instead of in memory. To be called before anything is indexed.
    ///
    /// # Errors
    /// When an index can't be made.
    pub fn with_scratch(self, scratch: &Arc<Scratch>) -> Result<Self, SearchError> {
        let again = |(_, builder): (Arc<Shard>, Arc<Builder>)| -> tantivy::Result<_> {
            Ok((Arc::new(Shard::new(Some(Arc::clone(scratch)))?), builder))
        };
        let shards = self.shards.into_iter().map(again).collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { shards, ..self })
    }

    /// What the documents that are indexed take of the process's own memory, about, in bytes: names, places of passages,
    /// figures, small parts of the indexes. Mapped files are not counted.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        self.shards.iter().map(|(shard, _)| shard.own_bytes()).sum()
    }

    /// What the indexes take, in bytes.
    ///
    /// # Errors
    /// When an index can't say.
    pub fn bytes(&self) -> Result<u64, SearchError> {
        self.shards.iter().map(|(shard, _)| shard.bytes().map_err(failed)).sum()
    }
}
