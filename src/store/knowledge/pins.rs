//! Answers that an author pinned to a question.

use sqlx::Row;

use super::super::Store;
use super::super::error::StoreError;
use super::super::outbox::Change;
use super::super::tenants::missing;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::knowledge::{Pinned, normalised};

/// Pinned answers of one knowledge base: they are looked through for every question.
const MOST: i64 = 1_000;

/// What a question and its answer may have, in bytes: an answer is one message.
const MAX_QUESTION: usize = 1_000;
const MAX_ANSWER: usize = 4_000;

impl Store {
    /// The pinned answers of a knowledge base, by question.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_pins(&self, tenant: &TenantId, base: &BaseId) -> Result<Vec<Pinned>, StoreError> {
        let rows = sqlx::query(
            "SELECT question, answer FROM base_pins WHERE tenant = $1 AND base = $2 ORDER BY asked",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .fetch_all(self.db.read())
        .await?;
        rows.iter().map(|row| Ok(Pinned { question: row.try_get(0)?, answer: row.try_get(1)? })).collect()
    }

    /// Pins an answer to a question, or replaces the one that it has. Returns the knowledge base's version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such knowledge base; `Invalid` for an empty or too long text, or too many.
    pub async fn base_pin(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        pinned: &Pinned,
    ) -> Result<i64, StoreError> {
        let asked = normalised(&pinned.question);
        if asked.is_empty() || pinned.answer.trim().is_empty() {
            return Err(StoreError::Invalid(
                "a pinned answer needs a question and an answer, in words".into(),
            ));
        }
        if pinned.question.len() > MAX_QUESTION || pinned.answer.len() > MAX_ANSWER {
            let what = format!("a pinned question has {MAX_QUESTION} bytes at most, its answer {MAX_ANSWER}");
            return Err(StoreError::Invalid(what));
        }
        let mut tx = self.db.begin().await?;
        let version = self.lock_base(&mut tx, tenant, base).await?;
        sqlx::query(
            "INSERT INTO base_pins (tenant, base, asked, question, answer) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, base, asked) DO UPDATE SET question = excluded.question, answer = excluded.answer",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(asked.as_str())
        .bind(pinned.question.as_str())
        .bind(pinned.answer.as_str())
        .execute(tx.on())
        .await?;
        let count = sqlx::query("SELECT COUNT(*) FROM base_pins WHERE tenant = $1 AND base = $2")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .fetch_one(tx.on())
            .await?;
        if count.try_get::<i64, _>(0)? > MOST {
            return Err(StoreError::Invalid(format!("a knowledge base has {MOST} pinned answers at most")));
        }
        self.announce(&mut tx, tenant, &Change::base_name(tenant, base), version, false).await?;
        self.commit_change(tx).await?;
        Ok(version)
    }

    /// Takes a pinned answer away. Returns the knowledge base's version.
    ///
    /// # Errors
    /// `Missing` when the question has none.
    pub async fn base_unpin(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        question: &str,
    ) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let version = self.lock_base(&mut tx, tenant, base).await?;
        let gone = sqlx::query("DELETE FROM base_pins WHERE tenant = $1 AND base = $2 AND asked = $3")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(normalised(question))
            .execute(tx.on())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(missing("pinned answer", question));
        }
        self.announce(&mut tx, tenant, &Change::base_name(tenant, base), version, false).await?;
        self.commit_change(tx).await?;
        Ok(version)
    }
}
