//! What came of reading a document's file.
//!
//! Guarantee: only the newest submission's reading counts, whichever is written last, and writing one twice is the same
//! as once; what can be searched changes together with the knowledge base's version.

use sqlx::Row;

use super::super::Store;
use super::super::bots::{json, parse};
use super::super::error::StoreError;
use super::super::outbox::Change;
use super::documents::{BaseDocument, listed};
use crate::domain::bot::Document;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::time::Timestamp;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It was read.
    Read {
        /// What is searched.
        document: Box<Document>,
        /// Its pages; 0 where there are none.
        pages: u64,
        /// The passages that it becomes.
        passages: u64,
        /// The language that it is taken to be in.
        language: String,
    },
    /// It can't be; why, in words for its author.
    Failed(String),
}

/// How the reason begins of a submission that became a dead letter.
pub const GIVEN_UP: &str = "given up: ";

/// Those that are found by their words alone, up to a version of the knowledge base.
const BY_WORDS: &str = "SELECT name, address, hash, kind, title, tags, bytes, status, reason, pages, passages, language, \
     submission, submitted_at, changed_at FROM base_documents \
     WHERE tenant = $1 AND base = $2 AND indexed <= $3 AND status = 'searchable' ORDER BY name";

/// A line for people, without what a database or a terminal can't show.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 500;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}

/// What a document says that was given up, for this reason.
#[must_use]
pub fn given_up_reason(why: &str) -> String {
    shown(&format!("{GIVEN_UP}{why}"))
}

impl Store {
    /// Writes what came of reading a submission. False when there is a newer one, the document is gone, or this was
    /// written before: nothing changes then.
    ///
    /// # Errors
    /// `Invalid` when the tenant's quota of pages is used up; otherwise when the database can't be reached.
    pub async fn base_read(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        (name, submission): (&str, i64),
        reading: &Reading,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Reading::Read { pages, .. } = reading {
            self.lock_quota(&mut tx, tenant).await?;
            self.within_pages(&mut tx, tenant, (base.as_str(), name), *pages).await?;
        }
        let version = match self.lock_base(&mut tx, tenant, base).await {
            Err(StoreError::Missing { .. }) => return Ok(false),
            version => version?,
        };
        // What was given up may be driven again.
        const ONLY: &str = "WHERE tenant = $1 AND base = $2 AND name = $3 AND submission = $4 \
             AND (status IN ('submitted', 'parsed') OR (status = 'failed' AND reason LIKE 'given up: %'))";
        let written = match reading {
            Reading::Read { document, pages, passages, language } => {
                sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE base_documents SET status = 'searchable', reason = '', changed_at = $5, title = $6, \
                     pages = $7, passages = $8, language = $9, body = $10, indexed = $11 {ONLY}"
                )))
                .bind(tenant.as_str())
                .bind(base.as_str())
                .bind(name)
                .bind(submission)
                .bind(self.now())
                .bind(shown(document.title.as_str()))
                .bind(i64::try_from(*pages).unwrap_or(i64::MAX))
                .bind(i64::try_from(*passages).unwrap_or(i64::MAX))
                .bind(language.as_str())
                .bind(json("base_documents", document)?)
                .bind(version)
                .execute(tx.on())
                .await?
            }
            Reading::Failed(reason) => {
                sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE base_documents SET status = 'failed', reason = $6, changed_at = $5 {ONLY}"
                )))
                .bind(tenant.as_str())
                .bind(base.as_str())
                .bind(name)
                .bind(submission)
                .bind(self.now())
                .bind(shown(reason))
                .execute(tx.on())
                .await?
            }
        };
        if written.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        self.announce(&mut tx, tenant, &Change::base_name(tenant, base), version, false).await?;
        self.commit_change(tx).await?;
        Ok(true)
    }

    /// Notes that a submission's file was read and is on its way into the index. False where there is a newer one, or nothing
    /// was awaited.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_parsed(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        (name, submission): (&str, i64),
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE base_documents SET status = 'parsed', changed_at = $5 \
             WHERE tenant = $1 AND base = $2 AND name = $3 AND submission = $4 AND status = 'submitted'",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(name)
        .bind(submission)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Notes that nobody reads a submission any more, and why; it may be driven again. False where it was read or replaced
    /// meanwhile. What is searched stays as it is.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_given_up(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        (name, submission): (&str, i64),
        why: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE base_documents SET status = 'failed', reason = $6, changed_at = $5 \
             WHERE tenant = $1 AND base = $2 AND name = $3 AND submission = $4 \
             AND status IN ('submitted', 'parsed')",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(name)
        .bind(submission)
        .bind(self.now())
        .bind(given_up_reason(why))
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// When the oldest submission came that was announced before a moment and that nobody has read; `None` where there is
    /// none.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_overdue(&self, before: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(submitted_at) FROM base_documents \
             WHERE status IN ('submitted', 'parsed') AND announced >= submission AND submitted_at < $1",
        )
        .bind(before.millis())
        .fetch_one(self.db.read())
        .await?;
        Ok(row.try_get::<Option<i64>, _>(0)?.map(Timestamp::from_millis))
    }

    /// Notes that everything up to a version of the knowledge base is found by meaning too; how many documents that is
    /// news of. No version changes: what is searched is the same.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_semantic_ready(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        version: i64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE base_documents SET status = 'semantic_ready', reason = '', changed_at = $4 \
             WHERE tenant = $1 AND base = $2 AND indexed <= $3 AND status = 'searchable'",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(version)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Notes of everything up to a version of the knowledge base that is found by its words why it is not found by meaning;
    /// how many documents that is news of.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_by_words(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        version: i64,
        why: &str,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE base_documents SET reason = $4 \
             WHERE tenant = $1 AND base = $2 AND indexed <= $3 AND status = 'searchable' AND reason <> $4",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(version)
        .bind(shown(why))
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// The documents of a knowledge base, up to a version of it, that are found by their words and not by their meaning yet.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_by_words_alone(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        version: i64,
    ) -> Result<Vec<BaseDocument>, StoreError> {
        let query = sqlx::query(BY_WORDS).bind(tenant.as_str()).bind(base.as_str()).bind(version);
        query.fetch_all(self.db.read()).await?.iter().map(listed).collect()
    }

    /// The passages of all documents of a knowledge base but one.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_passages(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        but: &str,
    ) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(passages), 0) AS BIGINT) FROM base_documents \
             WHERE tenant = $1 AND base = $2 AND name <> $3 AND body <> ''",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(but)
        .fetch_one(self.db.read())
        .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    /// Everything of a knowledge base that was read, by name.
    pub(super) async fn base_bodies(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<Vec<Document>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM base_documents WHERE tenant = $1 AND base = $2 AND body <> '' ORDER BY name",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .fetch_all(self.db.read())
        .await?;
        rows.iter().map(|row| parse("base_documents", row.try_get(0)?)).collect()
    }
}
