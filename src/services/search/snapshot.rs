//! What one process made of a knowledge base, for all others: its text index and its vectors, as files in the object store.
//!
//! A snapshot is written once under an id of its own and never changed. What is read is checked against the manifest, which
//! the database holds: it alone says which snapshot of a knowledge base counts. A snapshot answers nothing by itself: a
//! document counts as far as the knowledge base still has exactly it, whatever else the files hold.
//! Guarantee: whoever can't use one (none there, damaged, of another format, out of reach) indexes the documents itself,
//! and says so.

mod config;
mod opened;
mod shelf;
mod table;
mod write;

pub use config::ShelfConfig;
pub(super) use opened::{OWNER, Opened};
pub use shelf::{Shelf, draft};
pub(super) use table::document_hash;
pub use write::Written;
pub(super) use write::write;

use std::{fmt, io};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::ids::{BaseId, TenantId};
use crate::services::objects::SnapshotId;

/// Counts up whenever the same documents give other files: splitting, analysis, fields, the table. Older files are then made
/// anew and never read.
pub const FORMAT: i64 = 2;

/// Numbers of documents from here on stand in a snapshot, lower ones in a shard.
pub(super) const NUMBERS: u64 = 1 << 63;

/// Where a passage's text stands and what its document is.
pub(super) const TABLE: &str = "table.json";
/// The vectors; absent where there was no model.
pub(super) const VECTORS: &str = "vectors.vec";

/// What stands in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: i64,
    /// The hash of the model that made the vectors, in hexadecimal; empty where there are none.
    pub model: String,
    /// Its files.
    pub parts: Vec<Part>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Unique in its snapshot.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its BLAKE3 hash in hexadecimal.
    pub hash: String,
}

impl Manifest {
    /// All files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Checks a file.
    ///
    /// # Errors
    /// `Damaged` where it is not what was written.
    pub fn check(part: &Part, content: &[u8]) -> Result<(), SnapshotError> {
        let same = content.len() as u64 == part.bytes && blake3::hash(content).to_hex().as_str() == part.hash;
        if same {
            Ok(())
        } else {
            Err(SnapshotError::Damaged(format!("{} is not what was written", part.name)))
        }
    }

    /// True when every part's name can be a file's: letters, digits, dots within.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let one =
            |name: &str| (1..=80).contains(&name.len()) && !name.starts_with('.') && name.chars().all(plain);
        self.parts.len() <= 64 && self.parts.iter().all(|part| one(&part.name))
    }
}

/// The snapshot of a knowledge base that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where its files are.
    pub id: SnapshotId,
    /// What stands in it.
    pub manifest: Manifest,
}

/// Where snapshots come from.
#[async_trait]
pub trait Snapshots: Send + Sync + fmt::Debug + 'static {
    /// The snapshot of a knowledge base that counts; `None` where there is none.
    async fn newest(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<Snapshot>, SnapshotError>;

    /// A file of it.
    async fn part(&self, tenant: &TenantId, id: SnapshotId, part: &Part) -> Result<Bytes, SnapshotError>;

    /// Of these, the ones that count no more.
    async fn gone(&self, ids: &[SnapshotId]) -> Result<Vec<SnapshotId>, SnapshotError>;

    /// Says that the snapshot could not be used, so that whoever wrote it looks after it.
    async fn doubt(&self, id: SnapshotId) -> Result<(), SnapshotError>;

    /// Whether files can be had at the moment.
    async fn reach(&self) -> Result<(), SnapshotError>;
}

/// Why a snapshot can't be used.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The store or the database.
    #[error("out of reach: {0}")]
    Reach(String),
    /// A file is not what the manifest says, or can't be read as what it should be.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The files are for another version of this program.
    #[error("of format {0}, this process reads {FORMAT}")]
    Format(i64),
    /// So many are open that more would use up what a process may map.
    #[error("{0} are open already")]
    Crowd(usize),
    /// No room on the local disk.
    #[error("{bytes} bytes have no room in search.snapshots.disk beside what is in use")]
    Room {
        /// What it takes.
        bytes: u64,
    },
}

impl SnapshotError {
    /// For a metric.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reach(_) => "unreachable",
            Self::Damaged(_) => "damaged",
            Self::Format(_) => "other_format",
            Self::Crowd(_) => "crowd",
            Self::Room { .. } => "no_room",
        }
    }
}

/// An error of files or of the index, as damage.
pub(super) fn damaged(error: impl fmt::Display) -> SnapshotError {
    SnapshotError::Damaged(error.to_string())
}

/// This machine failed (its disk, its memory, its table of open files), which says nothing of the snapshot.
pub(super) fn local(error: impl fmt::Display) -> SnapshotError {
    SnapshotError::Reach(format!("the local disk: {error}"))
}

/// True where the system refused, so that the same bytes may well be read later. What is missing, cut off or no such file at
/// all is the file's fault.
pub(super) fn is_systems(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && error.kind() != io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests;
