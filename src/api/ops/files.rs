//! Files that bots send: kept under the hash of their content, which a bot's file then names.

use bytes::Bytes;
use data_encoding::BASE64;

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{FileUpload, FileUploaded};
use crate::domain::ids::TenantId;
use crate::services::media::type_of;
use crate::services::objects::ContentHash;
use crate::store::StoreError;

/// The largest file: with base64 around it, a little less than the largest body that the API can be set to take.
pub(super) const LARGEST: usize = 100 << 20;

impl Operations {
    pub(in crate::api) async fn file_put(
        &self,
        tenant: &TenantId,
        upload: FileUpload,
    ) -> Result<FileUploaded, ApiError> {
        let refuse = |reason: String| ApiError::new(ErrorCode::BadRequest, reason);
        let content = BASE64
            .decode(upload.content.as_bytes())
            .map_err(|error| refuse(format!("content is no base64: {error}")))?;
        if content.is_empty() || content.len() > LARGEST {
            return Err(refuse(format!("a file has 1 byte to {} MiB", LARGEST >> 20)));
        }
        self.store.tenant(tenant).await?;
        let nowhere = || ApiError::new(ErrorCode::Unavailable, "this process has no object store");
        let objects = self.objects.as_ref().ok_or_else(nowhere)?;
        let (bytes, mime) = (content.len() as u64, type_of(&content).to_owned());
        let content = Bytes::from(content);
        let hash = ContentHash::of(&content).to_string();
        let keep = async {
            self.store.file_claim(tenant, &hash, bytes).await?;
            objects.put(tenant, content).await.map_err(|error| {
                tracing::error!(%error, "the object store failed");
                ApiError::new(ErrorCode::Unavailable, "the file could not be kept: try again")
            })?;
            Ok::<_, ApiError>(self.store.file_stored(tenant, &hash).await?)
        };
        self.store.file_held(tenant, &hash, keep).await??;
        Ok(FileUploaded { hash, mime, bytes })
    }

    /// Removes files that no bot of the tenant names any more. What stays behind is only room, and is met again.
    pub(super) async fn files_sweep(&self, tenant: &TenantId) {
        let Some(objects) = self.objects.as_ref() else { return };
        let sweep = async {
            for hash in self.store.files_unused(tenant).await? {
                let delete = objects.delete_named(tenant, &hash);
                if self.store.file_drop_unused(tenant, &hash, delete).await.is_err() {
                    continue;
                }
                self.store.file_gone(tenant, &hash).await?;
                tracing::info!(%tenant, hash, "a file that no bot sends any more is removed");
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = sweep.await {
            tracing::warn!(%error, %tenant, "files that no bot sends any more are still there");
        }
    }
}
