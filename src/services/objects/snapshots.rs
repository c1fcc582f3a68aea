//! Files of snapshots of knowledge bases, beside a tenant's raw files.
//!
//! Guarantee: a key is `TENANT/snapshots/ID/NAME`; the id is drawn at random for every snapshot, so nothing that was written
//! is ever written again, and who deletes one touches no other.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::{ObjectError, Objects};
use crate::domain::ids::TenantId;

/// Names a snapshot: 128 random bits, in hexadecimal where it is text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId([u8; 16]);

impl SnapshotId {
    /// One that was never there.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(bits))
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SnapshotId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no snapshot's id");
        let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(plain) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong())?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl Objects {
    /// Keeps a file of a snapshot.
    ///
    /// # Errors
    /// `Store` when it could not be written.
    pub async fn put_part(
        &self,
        tenant: &TenantId,
        id: SnapshotId,
        name: &str,
        content: Bytes,
    ) -> Result<(), ObjectError> {
        self.store
            .put(&part_key(tenant, id, name), content.into())
            .await
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    /// A file of a snapshot, of exactly `bytes` bytes; `None` when there is no such file, or one of another size.
    ///
    /// # Errors
    /// `Store` when it could not be read.
    pub async fn part(
        &self,
        tenant: &TenantId,
        id: SnapshotId,
        (name, bytes): (&str, u64),
    ) -> Result<Option<Bytes>, ObjectError> {
        let found = match self.store.get(&part_key(tenant, id, name)).await {
            Ok(found) if found.meta.size == bytes => found,
            Ok(_) => return Ok(None),
            Err(error) if self.is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        found.bytes().await.map(Some).map_err(|error| self.failed(error))
    }

    /// Deletes every file of a snapshot; how many that were.
    ///
    /// # Errors
    /// `Store` when they could not be listed or deleted.
    pub async fn delete_snapshot(&self, tenant: &TenantId, id: SnapshotId) -> Result<usize, ObjectError> {
        let folder = Path::from_iter([tenant.as_str(), FOLDER, &id.to_string()]);
        let listed = self.store.list(Some(&folder)).map_ok(|object| object.location).boxed();
        let deleted = self.store.delete_stream(listed).filter_map(|deleted| async {
            match deleted {
                Err(error) if self.is_absent(&error) => None,
                other => Some(other),
            }
        });
        let deleted: Vec<Path> = deleted.try_collect().await.map_err(|error| self.failed(error))?;
        if let Some(root) = &self.folder {
            // A folder keeps what is empty, and what a writer that died had not finished, which is never listed.
            let folder = root.join(folder.as_ref());
            match tokio::fs::remove_dir_all(&folder).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ObjectError::Config(format!("{}: {error}", folder.display())));
                }
                _ => {}
            }
        }
        Ok(deleted.len())
    }

    /// Whether the store answers at all.
    ///
    /// # Errors
    /// `Store` when it does not, `Bucket` and `Refused` where it does and there is nothing to be had, `Config` for a folder that
    /// can't be read.
    pub async fn reach(&self) -> Result<(), ObjectError> {
        // In a folder that is gone nothing is found, which is what is asked of one that is there.
        if let Some(folder) = &self.folder {
            let found = tokio::fs::read_dir(folder).await.map(drop);
            return found.map_err(|error| ObjectError::Config(format!("{}: {error}", folder.display())));
        }
        // Asked for one file, a store says that it has none, whether it has the bucket or not; a list says which.
        match self.store.list(Some(&Path::from("reach"))).next().await {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(self.failed(error)),
        }
    }
}

/// No hash of a raw file is called so.
const FOLDER: &str = "snapshots";

fn part_key(tenant: &TenantId, id: SnapshotId, name: &str) -> Path {
    Path::from_iter([tenant.as_str(), FOLDER, &id.to_string(), name])
}
