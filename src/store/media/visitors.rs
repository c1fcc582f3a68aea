//! Files that visitors of web chat sent, until a message names them.
//!
//! Guarantees: a name that a visitor got for a file is sealed: it leads to that file, at that account, for that visitor and for
//! a day, and nobody else can make or use one. What an account's visitors sent within two days stays within its room, but for
//! what is sent at the same moment. What no message named by then goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::Row;

use crate::config::Secret;
use crate::domain::events::AttachmentKind;
use crate::domain::ids::{AccountId, TenantId};
use crate::domain::units::Size;
use crate::store::Store;
use crate::store::bots::json;
use crate::store::error::StoreError;
use crate::store::seal::Place;

/// How long a message may name a file.
const NAMED_WITHIN: Duration = Duration::from_secs(86_400);
/// How long the file then has to be fetched: messages may wait, and `media: on_view` fetches when somebody looks.
const KEPT: Duration = Duration::from_secs(2 * 86_400);
/// Files that go at once.
const BATCH: i64 = 64;

/// Sealed for this use alone.
const PLACE: Place<'static> = Place { tenant: "", column: "visitor_files.id", row: "" };

/// A file that a visitor sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorFile {
    /// Whose bot it was sent to.
    pub tenant: TenantId,
    /// The web-chat account.
    pub account: AccountId,
    /// Who sent it.
    pub visitor: String,
    /// The hash of its content.
    pub hash: String,
    /// What it is, by its bytes.
    pub kind: AttachmentKind,
    /// The same as a media type.
    pub mime: String,
    /// A label; may be empty.
    pub name: String,
}

#[derive(Serialize, Deserialize)]
struct Named {
    file: VisitorFile,
    until: i64,
}

impl Store {
    /// Notes a file that a visitor sends; false when the account's visitors would have sent more than `room` then.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn visitor_file_note(
        &self,
        file: &VisitorFile,
        bytes: u64,
        room: Size,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let used = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN visitor = $3 AND hash = $4 THEN 0 ELSE bytes END), 0) AS BIGINT) \
             FROM visitor_files WHERE tenant = $1 AND account = $2",
        )
        .bind(file.tenant.as_str())
        .bind(file.account.as_str())
        .bind(file.visitor.as_str())
        .bind(file.hash.as_str())
        .fetch_one(tx.on())
        .await?;
        let used = u64::try_from(used.try_get::<i64, _>(0)?).unwrap_or_default();
        if used.saturating_add(bytes) > room.bytes() {
            tx.rollback().await?;
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO visitor_files (tenant, account, visitor, hash, bytes, at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (tenant, account, visitor, hash) DO UPDATE SET at = EXCLUDED.at",
        )
        .bind(file.tenant.as_str())
        .bind(file.account.as_str())
        .bind(file.visitor.as_str())
        .bind(file.hash.as_str())
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What the visitor calls the file in a message.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn visitor_file_id(&self, file: &VisitorFile) -> Result<String, StoreError> {
        let until = self.now_at().plus(NAMED_WITHIN).millis();
        let named = Named { file: file.clone(), until };
        self.sealer.seal(PLACE, &Secret::new(json("visitor_files", &named)?))
    }

    /// The file that a visitor of this account names; `None` for a name that is too old, another's or none of ours.
    #[must_use]
    pub fn visitor_file(
        &self,
        (tenant, account): (&TenantId, &AccountId),
        visitor: &str,
        id: &str,
    ) -> Option<VisitorFile> {
        let opened = self.sealer.open(PLACE, id).ok()?;
        let Named { file, until } = serde_json::from_str(opened.expose()).ok()?;
        let theirs = file.tenant == *tenant && file.account == *account && file.visitor == visitor;
        (theirs && self.now() < until).then_some(file)
    }

    /// Lets go of files that were sent too long ago, a few at a time, and gives their hashes: whoever asked deletes those that
    /// nothing else has, then says [`Store::file_gone`]. One that is left behind goes with the tenant's unused files.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn visitor_files_over(&self) -> Result<Vec<(TenantId, String)>, StoreError> {
        let now = self.now();
        let before = now - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        let rows = sqlx::query(
            "SELECT tenant, account, visitor, hash FROM visitor_files WHERE at <= $1 ORDER BY at LIMIT $2",
        )
        .bind(before)
        .bind(BATCH)
        .fetch_all(tx.on())
        .await?;
        let mut over = Vec::new();
        for row in rows {
            let [tenant, account, visitor, hash]: [String; 4] =
                [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?];
            let gone = sqlx::query(
                "DELETE FROM visitor_files WHERE tenant = $1 AND account = $2 AND visitor = $3 AND hash = $4 AND at <= $5",
            )
            .bind(tenant.as_str())
            .bind(account.as_str())
            .bind(visitor.as_str())
            .bind(hash.as_str())
            .bind(before)
            .execute(tx.on())
            .await?;
            if gone.rows_affected() == 0 {
                continue;
            }
            sqlx::query(
                "INSERT INTO files (tenant, hash, bytes, created_at, used_at, state) VALUES ($1, $2, 0, $3, $3, 'going') \
                 ON CONFLICT (tenant, hash) DO NOTHING",
            )
            .bind(tenant.as_str())
            .bind(hash.as_str())
            .bind(now)
            .execute(tx.on())
            .await?;
            over.push((TenantId::from(tenant), hash));
        }
        tx.commit().await?;
        Ok(over)
    }
}
