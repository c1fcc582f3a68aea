//! Files of tenants as channels and web-chat pages want them: bytes from the object store, the rest from the database.
//!
//! Guarantee: whose file it is follows from the account that sends it, or from the sealed link, so no hash leads to another
//! tenant's file.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::ids::TenantId;
use crate::domain::media::label;
use crate::edge::{Shelf, ShelfError, Shelved};
use crate::services::channel::{FileAt, FileTrouble, Files};
use crate::services::media::type_of;
use crate::services::objects::{ContentHash, Objects};
use crate::store::{Directory, Store, Upload, UploadKey};

/// The largest file that any provider takes from us.
const LARGEST: u64 = 100 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct TenantFiles {
    /// Providers' ids.
    pub(super) store: Arc<Store>,
    /// Whose account it is.
    pub(super) directory: Arc<dyn Directory>,
    /// The bytes.
    pub(super) objects: Objects,
}

impl TenantFiles {
    async fn tenant(&self, at: FileAt<'_>) -> Result<TenantId, FileTrouble> {
        let account = self.directory.account(at.channel, at.account).await;
        let account = account.map_err(|error| FileTrouble::Later(error.to_string()))?;
        let gone = || FileTrouble::Missing("the account is not connected any more".to_owned());
        account.map(|account| account.tenant.clone()).ok_or_else(gone)
    }
}

fn key<'a>(tenant: &'a TenantId, at: FileAt<'a>) -> UploadKey<'a> {
    let FileAt { channel, account, hash, kind } = at;
    UploadKey { tenant, channel, account, hash, kind }
}

/// How long a page's link to a bot's file holds: a page that comes back is shown what was said a while ago.
const LINK_HOLDS: Duration = Duration::from_secs(7 * 86_400);

/// The same for web-chat pages.
#[derive(Debug)]
pub(super) struct TenantShelf {
    /// What files there are, and the key that seals links.
    pub(super) store: Arc<Store>,
    /// The bytes.
    pub(super) objects: Objects,
}

#[async_trait]
impl Shelf for TenantShelf {
    fn link(&self, tenant: &TenantId, hash: &str, name: &str) -> Option<String> {
        let until = self.store.now_at().plus(LINK_HOLDS);
        self.store.file_link(tenant, (hash, &label(name)), until).ok()
    }

    async fn find(&self, link: &str) -> Result<Option<Shelved>, ShelfError> {
        let Some((tenant, hash, name)) = self.store.file_linked(link) else { return Ok(None) };
        let bytes = self.store.file_bytes(&tenant, &hash).await;
        let bytes = bytes.map_err(|error| ShelfError(error.to_string()))?;
        Ok(bytes.map(|bytes| Shelved { tenant, hash, name, bytes }))
    }

    async fn read(&self, file: &Shelved) -> Result<Option<Bytes>, ShelfError> {
        let Ok(hash) = file.hash.parse::<ContentHash>() else { return Ok(None) };
        match self.objects.get(&file.tenant, hash, file.bytes).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.is_stores() => Err(ShelfError(error.to_string())),
            Err(error) => {
                tracing::warn!(%error, tenant = %file.tenant, "a bot's file is not there");
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Files for TenantFiles {
    async fn known(&self, at: FileAt<'_>) -> Result<Option<String>, FileTrouble> {
        let tenant = self.tenant(at).await?;
        self.store.upload(key(&tenant, at)).await.map_err(|error| FileTrouble::Later(error.to_string()))
    }

    async fn size(&self, at: FileAt<'_>) -> Result<u64, FileTrouble> {
        let tenant = self.tenant(at).await?;
        let known = self.store.file_bytes(&tenant, at.hash).await;
        Ok(known.map_err(|error| FileTrouble::Later(error.to_string()))?.unwrap_or(LARGEST))
    }

    async fn content(&self, at: FileAt<'_>) -> Result<(Bytes, String), FileTrouble> {
        let tenant = self.tenant(at).await?;
        let hash: ContentHash = at.hash.parse().map_err(FileTrouble::Missing)?;
        match self.objects.get(&tenant, hash, LARGEST).await {
            Ok(content) => {
                let mime = type_of(&content).to_owned();
                Ok((content, mime))
            }
            Err(error) if error.is_stores() => Err(FileTrouble::Later(error.to_string())),
            Err(error) => Err(FileTrouble::Missing(format!("{error}: apply the bot's file again"))),
        }
    }

    async fn note(&self, at: FileAt<'_>, id: &str, holds: Option<Duration>) {
        let until = holds.map(|holds| self.store.now_at().plus(holds));
        let noted = match self.tenant(at).await {
            Ok(tenant) => {
                self.store.upload_note(key(&tenant, at), &Upload { id: id.to_owned(), until }).await
            }
            Err(_) => return,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "a provider's id of a file is not kept: it is uploaded once more");
        }
    }

    async fn forget(&self, at: FileAt<'_>, id: &str) {
        let Ok(tenant) = self.tenant(at).await else { return };
        if let Err(error) = self.store.upload_forget(key(&tenant, at), id).await {
            tracing::warn!(%error, "a provider's old id of a file is still known");
        }
    }
}
