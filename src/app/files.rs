//! Files of tenants as channels and web-chat pages want them: bytes from the object store, the rest from the database.
//!
//! Guarantee: whose file it is follows from the account that sends it, or from the sealed link, so no hash leads to another
//! tenant's file; what a visitor sent and no message named goes after two days.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::parts::Parts;
use crate::domain::events::AttachmentKind;
use crate::domain::ids::TenantId;
use crate::domain::media::label;
use crate::domain::units::Size;
use crate::edge::{Kept, KeptFile, Sender, Shelf, ShelfError, Shelved};
use crate::services::channel::{FileAt, FileTrouble, Files};
use crate::services::media::{MediaConfig, is_taken, type_of};
use crate::services::objects::{ContentHash, Objects};
use crate::store::{Directory, Store, StoreError, Upload, UploadKey, VisitorFile};

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
    /// Which files of people are taken.
    pub(super) media: MediaConfig,
    /// What the visitors of a bot may send.
    pub(super) room: Size,
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

    fn largest(&self) -> u64 {
        self.media.max_size.bytes()
    }

    async fn keep(&self, from: Sender<'_>, name: &str, content: Bytes) -> Result<Kept, ShelfError> {
        let mime = type_of(&content);
        if !is_taken(&self.media.types, mime) {
            return Ok(Kept::Type);
        }
        let (hash, bytes) = (ContentHash::of(&content).to_string(), content.len() as u64);
        let file = VisitorFile {
            tenant: from.tenant.clone(),
            account: from.account.clone(),
            visitor: from.visitor.to_owned(),
            hash: hash.clone(),
            kind: kind(mime),
            mime: mime.to_owned(),
            name: label(name),
        };
        let failed = |error: &dyn std::fmt::Display| ShelfError(error.to_string());
        // The row first: the room is asked before anything is written, and a file without a name is only room.
        let keep = async {
            if !self.store.visitor_file_note(&file, bytes, self.room).await.map_err(|error| failed(&error))? {
                return Ok(false);
            }
            self.objects.put(from.tenant, content).await.map_err(|error| failed(&error))?;
            Ok(true)
        };
        if !self.store.file_held(from.tenant, &hash, keep).await.map_err(|error| failed(&error))?? {
            return Ok(Kept::Full);
        }
        let id = self.store.visitor_file_id(&file).map_err(|error| failed(&error))?;
        Ok(Kept::Here { id, file: known(file) })
    }

    fn named(&self, from: Sender<'_>, id: &str) -> Option<KeptFile> {
        self.store.visitor_file((from.tenant, from.account), from.visitor, id).map(known)
    }
}

fn known(file: VisitorFile) -> KeptFile {
    KeptFile { hash: file.hash, kind: file.kind, mime: file.mime, name: file.name }
}

/// What a file of this type is to a script (`on: image`).
fn kind(mime: &str) -> AttachmentKind {
    match mime.split('/').next() {
        Some("image") => AttachmentKind::Image,
        Some("audio") => AttachmentKind::Audio,
        Some("video") => AttachmentKind::Video,
        _ => AttachmentKind::Document,
    }
}

/// How often is looked for visitors' files that nobody had kept.
const LOOK: Duration = Duration::from_secs(600);

/// Removes them until the process ends. Any number of processes may.
pub(super) fn forget_visitors(parts: &Parts) {
    let (store, objects, stop) = (Arc::clone(&parts.store), parts.objects.clone(), parts.stop.clone());
    parts.tasks.spawn(async move {
        loop {
            if let Err(error) = forget_over(&store, &objects).await {
                tracing::warn!(%error, "visitors' files that nobody had kept are still there");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    });
}

async fn forget_over(store: &Store, objects: &Objects) -> Result<(), StoreError> {
    loop {
        let over = store.visitor_files_over().await?;
        if over.is_empty() {
            return Ok(());
        }
        for (tenant, hash) in over {
            let delete = objects.delete_named(&tenant, &hash);
            // One that can't be deleted now goes with the tenant's unused files.
            if store.file_drop_unused(&tenant, &hash, delete).await.is_ok() {
                store.file_gone(&tenant, &hash).await?;
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
