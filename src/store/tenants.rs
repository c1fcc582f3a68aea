//! Tenants.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::error::StoreError;
use crate::domain::ids::{TenantId, check_slug};
use crate::domain::time::Timestamp;

/// A customer of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// The id.
    pub id: TenantId,
    /// The name that people read.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a tenant. An empty name becomes the id.
    ///
    /// # Errors
    /// `Invalid` for an id that is no slug, `Taken` for one that exists.
    pub async fn tenant_create(&self, id: &TenantId, name: &str) -> Result<Tenant, StoreError> {
        check_slug(id.as_str())
            .map_err(|rule| StoreError::Invalid(format!("tenant `{id}`: the id {rule}")))?;
        let name = if name.is_empty() { id.as_str() } else { name };
        let tenant = Tenant {
            id: id.clone(),
            name: plain("the tenant's name", name)?.to_owned(),
            created_at: self.clock.now(),
        };
        let mut tx = self.db.begin().await?;
        let made = sqlx::query(
            "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(tenant.name.as_str())
        .bind(tenant.created_at.millis())
        .execute(tx.on())
        .await?;
        if made.rows_affected() == 0 {
            return Err(StoreError::Taken { what: "tenant", name: id.to_string(), hint: String::new() });
        }
        tx.commit().await?;
        Ok(tenant)
    }

    /// All tenants, by id. For operators only.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = sqlx::query("SELECT id, name, created_at FROM tenants ORDER BY id")
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(read).collect()
    }

    /// A tenant.
    ///
    /// # Errors
    /// `Missing` when there is none of that id.
    pub async fn tenant(&self, id: &TenantId) -> Result<Tenant, StoreError> {
        let row = sqlx::query("SELECT id, name, created_at FROM tenants WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.as_ref().map(read).transpose()?.ok_or_else(|| missing("tenant", id.as_str()))
    }

    /// Removes a tenant whose bots and knowledge bases are removed, with everything that was ever its own: a later tenant of
    /// the same id finds nothing of it.
    ///
    /// # Errors
    /// `Missing` when there is none of that id, `Invalid` while it has bots or knowledge bases.
    pub async fn tenant_remove(&self, id: &TenantId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let live = sqlx::query("SELECT COUNT(*) FROM bots WHERE tenant = $1 AND removed = 0")
            .bind(id.as_str())
            .fetch_one(tx.on())
            .await?;
        if live.try_get::<i64, _>(0)? > 0 {
            let what = format!("tenant `{id}` still has bots: remove them first");
            return Err(StoreError::Invalid(what));
        }
        let live = sqlx::query("SELECT COUNT(*) FROM knowledge_bases WHERE tenant = $1 AND removed = 0")
            .bind(id.as_str())
            .fetch_one(tx.on())
            .await?;
        if live.try_get::<i64, _>(0)? > 0 {
            let what = format!("tenant `{id}` still has knowledge bases: remove them first");
            return Err(StoreError::Invalid(what));
        }
        self.base_snapshot_retire(&mut tx, id, None).await?;
        // Children first. The outbox stays: it still has to tell caches that the bots are gone.
        for table in [
            "campaign_recipients",
            "campaigns",
            "templates",
            "business_news",
            "business_accounts",
            "forgotten",
            "file_claims",
            "visitor_files",
            "files",
            "uploads",
            "media",
            "missed_questions",
            "knowledge_quotas",
            "base_pins",
            "base_pages",
            "base_sources",
            "base_documents",
            "base_bots",
            "knowledge_bases",
            "opt_outs",
            "closed_chats",
            "handles",
            "aliases",
            "receipts",
            "parts",
            "messages",
            "conversations",
            "documents",
            "bot_versions",
            "accounts",
            "bots",
            "apps",
            "api_tokens",
        ] {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1");
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).execute(tx.on()).await?;
        }
        let removed =
            sqlx::query("DELETE FROM tenants WHERE id = $1").bind(id.as_str()).execute(tx.on()).await?;
        if removed.rows_affected() == 0 {
            return Err(missing("tenant", id.as_str()));
        }
        tx.commit().await
    }
}

fn read(row: &AnyRow) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.try_get::<String, _>(0)?.into(),
        name: row.try_get(1)?,
        created_at: Timestamp::from_millis(row.try_get(2)?),
    })
}

pub(super) fn missing(what: &'static str, name: &str) -> StoreError {
    StoreError::Missing { what, name: name.to_owned() }
}

/// A name or label: no control characters (PostgreSQL takes no NUL in a text), at most 200 characters.
pub(super) fn plain<'a>(what: &str, text: &'a str) -> Result<&'a str, StoreError> {
    const MOST: usize = 200;
    if text.chars().any(char::is_control) {
        return Err(StoreError::Invalid(format!("{what} may not hold control characters")));
    }
    if text.chars().count() > MOST {
        return Err(StoreError::Invalid(format!("{what} has more than {MOST} characters: shorten it")));
    }
    Ok(text)
}
