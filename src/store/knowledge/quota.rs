//! How much a tenant's knowledge may take.
//!
//! Guarantee: a submission beyond a quota is refused with the figure that it breaks, also when many come at once; what is
//! there stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::super::Store;
use super::super::db::Tx;
use super::super::error::StoreError;
use crate::config::Problems;
use crate::domain::ids::TenantId;
use crate::domain::units::Size;

/// What a tenant may have in all its knowledge bases together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Documents.
    pub documents: u64,
    /// The sizes of their files.
    pub size: Size,
    /// Pages of those that have pages.
    pub pages: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { documents: 10_000, size: Size::mib(2048), pages: 100_000 }
    }
}

impl Quota {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.documents == 0 || self.size.bytes() == 0 || self.pages == 0 {
            problems.add(at, "allows nothing", "use 1 or more of each");
        }
    }
}

/// What a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct KnowledgeUse {
    /// Documents.
    pub documents: u64,
    /// The sizes of their files.
    pub bytes: u64,
    /// Pages.
    pub pages: u64,
}

impl Store {
    /// A tenant's quota: its own, or the settings'.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn knowledge_quota(&self, tenant: &TenantId) -> Result<Quota, StoreError> {
        self.quota_on(self.db.read(), tenant).await
    }

    async fn quota_on<'e, E>(&self, on: E, tenant: &TenantId) -> Result<Quota, StoreError>
    where
        E: sqlx::Executor<'e, Database = sqlx::Any>,
    {
        let row = sqlx::query("SELECT documents, bytes, pages FROM knowledge_quotas WHERE tenant = $1")
            .bind(tenant.as_str())
            .fetch_optional(on)
            .await?;
        let Some(row) = row else { return Ok(self.config.knowledge.clone()) };
        let figure = |n: usize| row.try_get::<i64, _>(n).map(i64::unsigned_abs);
        Ok(Quota { documents: figure(0)?, size: Size::from_bytes(figure(1)?), pages: figure(2)? })
    }

    /// Gives a tenant a quota of its own.
    ///
    /// # Errors
    /// `Missing` for an unknown tenant.
    pub async fn knowledge_quota_set(&self, tenant: &TenantId, quota: &Quota) -> Result<(), StoreError> {
        self.tenant(tenant).await?;
        let figure = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO knowledge_quotas (tenant, documents, bytes, pages) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant) DO UPDATE SET documents = excluded.documents, bytes = excluded.bytes, \
             pages = excluded.pages",
        )
        .bind(tenant.as_str())
        .bind(figure(quota.documents))
        .bind(figure(quota.size.bytes()))
        .bind(figure(quota.pages))
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// What a tenant has in all its knowledge bases.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn knowledge_use(&self, tenant: &TenantId) -> Result<KnowledgeUse, StoreError> {
        used_on(self.db.read(), tenant, ("", "")).await
    }

    /// Keeps everybody else who adds to a tenant's knowledge away until the transaction ends: what is counted then is true
    /// when it is written. Comes before the lock of a knowledge base.
    pub(super) async fn lock_quota(&self, tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
        sqlx::query("UPDATE tenants SET name = name WHERE id = $1")
            .bind(tenant.as_str())
            .execute(tx.on())
            .await?;
        Ok(())
    }

    /// Fails when a file of `bytes` under this name of a knowledge base would break the quota.
    pub(super) async fn within_quota(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        place: (&str, &str),
        bytes: u64,
    ) -> Result<(), StoreError> {
        let quota = self.quota_on(tx.on(), tenant).await?;
        let others = used_on(tx.on(), tenant, place).await?;
        let is_new = used_on(tx.on(), tenant, ("", "")).await?.documents == others.documents;
        if is_new && others.documents >= quota.documents {
            return Err(full(format!("{} documents", quota.documents)));
        }
        if others.bytes + bytes > quota.size.bytes() {
            return Err(full(quota.size.to_string()));
        }
        Ok(())
    }

    /// Fails when a document of `pages` under this name of a knowledge base would break the quota.
    pub(super) async fn within_pages(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        place: (&str, &str),
        pages: u64,
    ) -> Result<(), StoreError> {
        if pages == 0 {
            return Ok(());
        }
        let quota = self.quota_on(tx.on(), tenant).await?.pages;
        if used_on(tx.on(), tenant, place).await?.pages + pages > quota {
            return Err(full(format!("{quota} pages")));
        }
        Ok(())
    }
}

/// What a tenant has, but for the document of this name in this knowledge base.
async fn used_on<'e, E>(
    on: E,
    tenant: &TenantId,
    (base, name): (&str, &str),
) -> Result<KnowledgeUse, StoreError>
where
    E: sqlx::Executor<'e, Database = sqlx::Any>,
{
    let row = sqlx::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), CAST(COALESCE(SUM(pages), 0) AS BIGINT) \
         FROM base_documents WHERE tenant = $1 AND NOT (base = $2 AND name = $3)",
    )
    .bind(tenant.as_str())
    .bind(base)
    .bind(name)
    .fetch_one(on)
    .await?;
    let figure = |n: usize| row.try_get::<i64, _>(n).map(i64::unsigned_abs);
    Ok(KnowledgeUse { documents: figure(0)?, bytes: figure(1)?, pages: figure(2)? })
}

fn full(most: String) -> StoreError {
    StoreError::Invalid(format!(
        "the tenant's knowledge may take {most}: remove something, or raise its quota"
    ))
}
