//! Raw files of tenants, kept by the hash of their content: uploads, pages, media. A folder, or any store that speaks S3.
//!
//! Guarantees: a key is `TENANT/HASH` and is made here alone, so no name that a person chose is ever part of a path, and
//! no tenant's key leads to another's file; the same file of a tenant is stored once; what is read is checked against
//! its hash, so a file that was damaged or swapped is an error and never an answer.

mod config;
mod refused;
mod snapshots;

pub use config::{ObjectStoreConfig, S3Config};
pub use snapshots::SnapshotId;

use std::fmt;
use std::path::Path as FilePath;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use thiserror::Error;

use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::TenantId;

/// The BLAKE3 hash of a file, in hexadecimal where it is text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(blake3::Hash);

/// Where raw files are. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Where they lie; `None` for a bucket.
    folder: Option<Arc<FilePath>>,
    /// What the settings call the bucket; empty for a folder.
    bucket: Arc<str>,
}

/// Why a file could not be kept or read.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The tenant has no such file.
    #[error("there is no stored file {0}")]
    Missing(ContentHash),
    /// The store holds something else under the file's hash.
    #[error("the stored file {0} is damaged: store it again")]
    Damaged(ContentHash),
    /// It is larger than the caller takes.
    #[error("the stored file {hash} has {bytes} bytes, {most} at most")]
    TooLarge {
        /// Which.
        hash: ContentHash,
        /// Its size.
        bytes: u64,
        /// What was asked for.
        most: u64,
    },
    /// The settings name no store that can be used.
    #[error("object_store: {0}")]
    Config(String),
    /// There is no such bucket.
    #[error(
        "the bucket `{bucket}` does not exist there: create it, or name another in object_store.s3.bucket, \
         object_store.s3.region or object_store.s3.endpoint"
    )]
    Bucket {
        /// As the settings call it.
        bucket: String,
    },
    /// The store knows the key not, or the key may not do this.
    #[error(
        "the bucket `{bucket}` refuses the key ({why}): check access_key_id, secret_access_key and region in \
         object_store.s3, and that the key may read, write, list and delete"
    )]
    Refused {
        /// As the settings call it.
        bucket: String,
        /// The store's own code, for example `SignatureDoesNotMatch`.
        why: String,
    },
    /// The store failed or can't be reached.
    #[error("the object store failed: {0}")]
    Store(#[source] object_store::Error),
}

impl Classify for ObjectError {
    fn class(&self) -> Class {
        match self {
            Self::Missing(_) | Self::Damaged(_) | Self::TooLarge { .. } | Self::Config(_) => Class::Permanent,
            // Who has set it up can mend these without a change of what waits.
            Self::Store(_) | Self::Bucket { .. } | Self::Refused { .. } => Class::TRANSIENT,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::TooLarge { .. } => Origin::Tenant,
            Self::Missing(_)
            | Self::Damaged(_)
            | Self::Config(_)
            | Self::Bucket { .. }
            | Self::Refused { .. }
            | Self::Store(_) => Origin::Platform,
        }
    }
}

impl ObjectError {
    /// True where the store is at fault, or its settings, and the file may well be there.
    #[must_use]
    pub const fn is_stores(&self) -> bool {
        match self {
            Self::Store(_) | Self::Config(_) | Self::Bucket { .. } | Self::Refused { .. } => true,
            Self::Missing(_) | Self::Damaged(_) | Self::TooLarge { .. } => false,
        }
    }
}

impl Objects {
    /// The store that the settings name; a folder is made when it is missing. No network is touched.
    ///
    /// # Errors
    /// `Config` when there can be no such store.
    pub fn open(config: &ObjectStoreConfig, data: &FilePath) -> Result<Self, ObjectError> {
        let Some(s3) = &config.s3 else { return Self::folder(&config.folder_under(data)) };
        let prefix = s3.prefix.trim_matches('/');
        let store = config::connect(s3)?;
        Ok(Self {
            store: if prefix.is_empty() {
                Arc::new(store)
            } else {
                Arc::new(PrefixStore::new(store, Path::from(prefix)))
            },
            folder: None,
            bucket: s3.bucket.as_str().into(),
        })
    }

    /// Files in a folder, which is made when it is missing.
    ///
    /// # Errors
    /// `Config` when the folder can't be made.
    pub fn folder(folder: &FilePath) -> Result<Self, ObjectError> {
        let failed = |error: &dyn fmt::Display| {
            ObjectError::Config(format!("the folder {} can't be used: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let store =
            LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(&error))?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: Some(folder.into()), bucket: "".into() })
    }

    /// Files in memory.
    #[cfg(test)]
    pub(crate) fn memory() -> Self {
        let store = Arc::new(object_store::memory::InMemory::new());
        Self { store, folder: None, bucket: "memory".into() }
    }

    /// Keeps a file and gives its hash. In a folder one that is there already is not written again; a bucket has it sent
    /// either way, the same bytes take its place, and no store needs to know conditional writes.
    ///
    /// # Errors
    /// `Store`, `Bucket`, `Refused` when it could not be written.
    pub async fn put(&self, tenant: &TenantId, content: Bytes) -> Result<ContentHash, ObjectError> {
        let hash = ContentHash::of(&content);
        let mode = if self.folder.is_some() { PutMode::Create } else { PutMode::Overwrite };
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store.put_opts(&key(tenant, hash), content.into(), options).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(hash),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A tenant's file, when it has at most `most` bytes.
    ///
    /// # Errors
    /// `Missing`, `Damaged`, `TooLarge`; `Store`, `Bucket`, `Refused` when it could not be read.
    pub async fn get(&self, tenant: &TenantId, hash: ContentHash, most: u64) -> Result<Bytes, ObjectError> {
        let found = match self.store.get(&key(tenant, hash)).await {
            Ok(found) => found,
            Err(error) if self.is_absent(&error) => return Err(ObjectError::Missing(hash)),
            Err(error) => return Err(self.failed(error)),
        };
        let bytes = found.meta.size;
        if bytes > most {
            return Err(ObjectError::TooLarge { hash, bytes, most });
        }
        let content = found.bytes().await.map_err(|error| self.failed(error))?;
        if ContentHash::of(&content) == hash { Ok(content) } else { Err(ObjectError::Damaged(hash)) }
    }

    /// Forgets a tenant's file; one that is not there is forgotten already.
    ///
    /// # Errors
    /// `Store` when it could not be deleted.
    pub async fn delete(&self, tenant: &TenantId, hash: ContentHash) -> Result<(), ObjectError> {
        match self.store.delete(&key(tenant, hash)).await {
            Ok(()) => Ok(()),
            Err(error) if self.is_absent(&error) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The same for a hash as rows have it; what is no hash names no file.
    ///
    /// # Errors
    /// `Store` when it could not be deleted.
    pub async fn delete_named(&self, tenant: &TenantId, hash: &str) -> Result<(), ObjectError> {
        match hash.parse() {
            Ok(hash) => self.delete(tenant, hash).await,
            Err(_) => Ok(()),
        }
    }

    /// Every file of a tenant.
    ///
    /// # Errors
    /// `Store` when they could not be listed.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<ContentHash>, ObjectError> {
        let mut listed = self.store.list(Some(&Path::from_iter([tenant.as_str()])));
        let mut out = Vec::new();
        while let Some(object) = listed.next().await {
            let object = object.map_err(|error| self.failed(error))?;
            out.extend(object.location.filename().and_then(|name| name.parse::<ContentHash>().ok()));
        }
        Ok(out)
    }
}

/// `TENANT/HASH`: whatever a tenant is called, its name is one part.
fn key(tenant: &TenantId, hash: ContentHash) -> Path {
    Path::from_iter([tenant.as_str(), &hash.to_string()])
}

impl ContentHash {
    /// The hash of a file.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text)
            .map(Self)
            .map_err(|error| format!("`{text}` is no content hash: {error}"))
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
