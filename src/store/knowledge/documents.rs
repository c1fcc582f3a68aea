//! Documents of a knowledge base: submitted, listed, removed.
//!
//! Guarantee: the same file under the same name is submitted once; a submission waits to be announced until the log has
//! it, so none is lost between the two.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::Store;
use super::super::bots::{json, parse};
use super::super::error::StoreError;
use super::super::outbox::Change;
use super::super::tenants::missing;
use crate::domain::bot::Document;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::knowledge::DocumentStatus;
use crate::domain::time::Timestamp;

/// A file that is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submission {
    /// Unique in its knowledge base, for example `prices.pdf`.
    pub name: String,
    /// Where it was read; empty for a file that was uploaded.
    pub address: String,
    /// The hash of the raw file.
    pub hash: String,
    /// What it is said to be: a media type, or what follows the last dot of its name.
    pub kind: String,
    /// Shown in citations; the file's own title where empty.
    pub title: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// The source that it was read for; empty for a file that was uploaded.
    pub source: String,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// Grows with every file under this name, and is never given twice in the knowledge base.
    pub submission: i64,
    /// True when this very file was there already: nothing is to be done.
    pub known: bool,
}

/// A document as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseDocument {
    /// Unique in its knowledge base.
    pub name: String,
    /// Where it was read; empty for a file that was uploaded.
    pub address: String,
    /// The hash of the raw file.
    pub hash: String,
    /// What it is said to be.
    pub kind: String,
    /// Shown in citations.
    pub title: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// The size of its file.
    pub bytes: u64,
    /// How far it is.
    pub status: DocumentStatus,
    /// Why it can't be read; empty where it can.
    pub reason: String,
    /// Its pages; 0 where there are none.
    pub pages: u64,
    /// The passages that it became.
    pub passages: u64,
    /// The language that it is taken to be in.
    pub language: String,
    /// Grows with every file under this name.
    pub submission: i64,
    /// When the file came.
    pub submitted_at: Timestamp,
    /// When its status changed last.
    pub changed_at: Timestamp,
}

/// A submission that is not on the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Whose.
    pub tenant: TenantId,
    /// In which knowledge base.
    pub base: BaseId,
    /// Which document.
    pub name: String,
    /// The hash of the raw file.
    pub hash: String,
    /// Which submission of it.
    pub submission: i64,
    /// When it came.
    pub at: Timestamp,
}

/// What a name may have, at most.
const MAX_NAME: usize = 500;

const LISTED: &str = "SELECT name, address, hash, kind, title, tags, bytes, status, reason, pages, passages, language, \
     submission, submitted_at, changed_at FROM base_documents \
     WHERE tenant = $1 AND base = $2 AND (name = $3 OR $3 = '') ORDER BY name";

impl Store {
    /// Notes a file that is to be read, under its name in the knowledge base. What was read before under that name stays
    /// in force until this one is.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such knowledge base, or it does not read that source any more; `Invalid` for a name
    /// that can't be, or a quota that is used up.
    pub async fn base_submit(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        wanted: &Submission,
    ) -> Result<Submitted, StoreError> {
        check_name(&wanted.name)?;
        self.base_info(tenant, base).await?;
        let old =
            self.base_document(tenant, base, &wanted.name).await.map(Some).or_else(|error| match error {
                StoreError::Missing { .. } => Ok(None),
                other => Err(other),
            })?;
        if let Some(old) = &old
            && old.hash == wanted.hash
            && (&old.kind, &old.tags) == (&wanted.kind, &wanted.tags)
            && (wanted.title.is_empty() || wanted.title == old.title)
            && old.status != DocumentStatus::Failed
        {
            return Ok(Submitted { submission: old.submission, known: true });
        }
        let mut tx = self.db.begin().await?;
        self.lock_quota(&mut tx, tenant).await?;
        self.within_quota(&mut tx, tenant, (base.as_str(), &wanted.name), wanted.bytes).await?;
        // The version counts up and is kept when a document or a whole knowledge base goes: who reads an older file of the
        // same name can't mistake this one for it.
        let submission = self.lock_base(&mut tx, tenant, base).await?;
        if !wanted.source.is_empty() && !self.has_source(&mut tx, tenant, base, &wanted.source).await? {
            return Err(missing("address", &wanted.source));
        }
        sqlx::query(
            "INSERT INTO base_documents (tenant, base, name, address, hash, kind, title, tags, bytes, status, reason, \
             pages, passages, language, body, submission, announced, indexed, submitted_at, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'submitted', '', 0, 0, '', '', $11, 0, 0, $10, $10) \
             ON CONFLICT (tenant, base, name) DO UPDATE SET address = excluded.address, hash = excluded.hash, \
             kind = excluded.kind, title = excluded.title, tags = excluded.tags, bytes = excluded.bytes, \
             status = 'submitted', reason = '', submission = excluded.submission, \
             submitted_at = excluded.submitted_at, changed_at = excluded.changed_at",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(wanted.name.as_str())
        .bind(wanted.address.as_str())
        .bind(wanted.hash.as_str())
        .bind(wanted.kind.as_str())
        .bind(wanted.title.as_str())
        .bind(json("base_documents", &wanted.tags)?)
        .bind(i64::try_from(wanted.bytes).unwrap_or(i64::MAX))
        .bind(self.now())
        .bind(submission)
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(Submitted { submission, known: false })
    }

    /// The documents of a knowledge base, by name.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such knowledge base.
    pub async fn base_documents(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<Vec<BaseDocument>, StoreError> {
        self.base_info(tenant, base).await?;
        self.listed(tenant, base, "").await
    }

    /// A document as it is listed.
    ///
    /// # Errors
    /// `Missing` when the knowledge base has none of that name.
    pub async fn base_document(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<BaseDocument, StoreError> {
        let found = self.listed(tenant, base, name).await?.into_iter().next();
        found.filter(|_| !name.is_empty()).ok_or_else(|| missing("document", name))
    }

    async fn listed(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<Vec<BaseDocument>, StoreError> {
        let rows = sqlx::query(LISTED)
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(name)
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(listed).collect()
    }

    /// A document as it was read; `None` before that.
    ///
    /// # Errors
    /// `Missing` when the knowledge base has none of that name.
    pub async fn base_body(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<Option<Document>, StoreError> {
        let row =
            sqlx::query("SELECT body FROM base_documents WHERE tenant = $1 AND base = $2 AND name = $3")
                .bind(tenant.as_str())
                .bind(base.as_str())
                .bind(name)
                .fetch_optional(self.db.read())
                .await?;
        let body: String = row.ok_or_else(|| missing("document", name))?.try_get(0)?;
        if body.is_empty() { Ok(None) } else { parse("base_documents", &body).map(Some) }
    }

    /// Removes a document: it answers nothing from now on. Returns the knowledge base's version.
    ///
    /// # Errors
    /// `Missing` when there is none of that name.
    pub async fn base_document_remove(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let version = self.lock_base(&mut tx, tenant, base).await?;
        let gone = sqlx::query("DELETE FROM base_documents WHERE tenant = $1 AND base = $2 AND name = $3")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(name)
            .execute(tx.on())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(missing("document", name));
        }
        // A page of a site stays away, whatever its site names.
        sqlx::query("UPDATE base_pages SET excluded = 1 WHERE tenant = $1 AND base = $2 AND address = $3")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(name)
            .execute(tx.on())
            .await?;
        self.announce(&mut tx, tenant, &Change::base_name(tenant, base), version, false).await?;
        self.commit_change(tx).await?;
        Ok(version)
    }

    /// True while a document of the tenant, in any of its knowledge bases, has this raw file, a person sent it, or a bot
    /// sends it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_file_used(&self, tenant: &TenantId, hash: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM base_documents WHERE tenant = $1 AND hash = $2) \
             + (SELECT COUNT(*) FROM media WHERE tenant = $1 AND hash = $2) \
             + (SELECT COUNT(*) FROM visitor_files WHERE tenant = $1 AND hash = $2) \
             + (SELECT COUNT(*) FROM files WHERE tenant = $1 AND hash = $2 AND state <> 'going')",
        )
        .bind(tenant.as_str())
        .bind(hash)
        .fetch_one(self.db.read())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    /// Has the kept files read once more: of one document, or of all. What was read before stays in force until then.
    /// Returns how many.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such knowledge base, or it no such document.
    pub async fn base_resubmit(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: Option<&str>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let submission = self.lock_base(&mut tx, tenant, base).await?;
        let done = sqlx::query(
            "UPDATE base_documents SET status = 'submitted', reason = '', submission = $5, \
             submitted_at = $4, changed_at = $4 WHERE tenant = $1 AND base = $2 AND (name = $3 OR $3 = '')",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(name.unwrap_or_default())
        .bind(self.now())
        .bind(submission)
        .execute(tx.on())
        .await?;
        if let (Some(name), 0) = (name, done.rows_affected()) {
            return Err(missing("document", name));
        }
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Submissions that are not on the log yet, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_waiting(&self, limit: i64) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query(
            "SELECT tenant, base, name, hash, submission, submitted_at FROM base_documents \
             WHERE announced < submission ORDER BY submitted_at, tenant, base, name LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Waiting {
                    tenant: row.try_get::<String, _>(0)?.into(),
                    base: row.try_get::<String, _>(1)?.into(),
                    name: row.try_get(2)?,
                    hash: row.try_get(3)?,
                    submission: row.try_get(4)?,
                    at: Timestamp::from_millis(row.try_get(5)?),
                })
            })
            .collect()
    }

    /// Notes that the log has these submissions.
    ///
    /// # Errors
    /// When the database can't be reached; they are then announced once more, which does no harm.
    pub async fn base_announced(&self, announced: &[Waiting]) -> Result<(), StoreError> {
        let mut tx = self.db.begin_batch().await?;
        for one in announced {
            sqlx::query(
                "UPDATE base_documents SET announced = $4 \
                 WHERE tenant = $1 AND base = $2 AND name = $3 AND announced < $4",
            )
            .bind(one.tenant.as_str())
            .bind(one.base.as_str())
            .bind(one.name.as_str())
            .bind(one.submission)
            .execute(tx.on())
            .await?;
        }
        tx.commit().await
    }
}

/// A name is a label: never part of a path, and nothing that hides what it says.
fn check_name(name: &str) -> Result<(), StoreError> {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let rule = match name {
        "" => "is empty",
        long if long.len() > MAX_NAME => "is longer than 500 bytes",
        odd if odd.chars().any(hidden) => "holds control or direction characters",
        _ => return Ok(()),
    };
    Err(StoreError::Invalid(format!("a document's name {rule}: give it another")))
}

pub(super) fn listed(row: &AnyRow) -> Result<BaseDocument, StoreError> {
    let count = |n: usize| row.try_get::<i64, _>(n).map(i64::unsigned_abs);
    let status: String = row.try_get(7)?;
    Ok(BaseDocument {
        name: row.try_get(0)?,
        address: row.try_get(1)?,
        hash: row.try_get(2)?,
        kind: row.try_get(3)?,
        title: row.try_get(4)?,
        tags: parse("base_documents", row.try_get(5)?)?,
        bytes: count(6)?,
        status: status.parse().map_err(|reason| StoreError::Corrupt { table: "base_documents", reason })?,
        reason: row.try_get(8)?,
        pages: count(9)?,
        passages: count(10)?,
        language: row.try_get(11)?,
        submission: row.try_get(12)?,
        submitted_at: Timestamp::from_millis(row.try_get(13)?),
        changed_at: Timestamp::from_millis(row.try_get(14)?),
    })
}
