//! What a provider calls a file of ours that was uploaded for an account, so that it is uploaded once.

use sqlx::Row;

use crate::domain::channel::ChannelKind;
use crate::domain::events::MediaKind;
use crate::domain::ids::{AccountId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;

/// Which file, for which account. A provider's id holds for one account and one kind only.
#[derive(Debug, Clone, Copy)]
pub struct UploadKey<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account.
    pub account: &'a AccountId,
    /// The hash of the file's content.
    pub hash: &'a str,
    /// What it is sent as.
    pub kind: MediaKind,
}

/// The provider's id of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id.
    pub id: String,
    /// When the provider forgets it; `None` = never.
    pub until: Option<Timestamp>,
}

impl Store {
    /// The provider's id of a file, while it holds.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn upload(&self, key: UploadKey<'_>) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT id FROM uploads WHERE tenant = $1 AND channel = $2 AND account = $3 AND hash = $4 AND kind = $5 \
             AND (expires_at = 0 OR expires_at > $6)",
        )
        .bind(key.tenant.as_str())
        .bind(key.channel.as_str())
        .bind(key.account.as_str())
        .bind(key.hash)
        .bind(key.kind.as_str())
        .bind(self.now())
        .fetch_optional(self.db.read())
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Notes the provider's id of a file; a newer one takes the place of an older one.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn upload_note(&self, key: UploadKey<'_>, upload: &Upload) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO uploads (tenant, channel, account, hash, kind, id, expires_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, channel, account, hash, kind) \
             DO UPDATE SET id = EXCLUDED.id, expires_at = EXCLUDED.expires_at, created_at = EXCLUDED.created_at",
        )
        .bind(key.tenant.as_str())
        .bind(key.channel.as_str())
        .bind(key.account.as_str())
        .bind(key.hash)
        .bind(key.kind.as_str())
        .bind(upload.id.as_str())
        .bind(upload.until.map_or(0, Timestamp::millis))
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// Forgets an id that the provider does not know any more; a newer one stays.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn upload_forget(&self, key: UploadKey<'_>, id: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "DELETE FROM uploads WHERE tenant = $1 AND channel = $2 AND account = $3 AND hash = $4 AND kind = $5 \
             AND id = $6",
        )
        .bind(key.tenant.as_str())
        .bind(key.channel.as_str())
        .bind(key.account.as_str())
        .bind(key.hash)
        .bind(key.kind.as_str())
        .bind(id)
        .execute(tx.on())
        .await?;
        tx.commit().await
    }
}
