//! How much a tenant's knowledge may take.
//!
//! Guarantee: a submission beyond a quota is refused with the figure that it breaks; what is there stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::super::Store;
use super::super::error::StoreError;
use crate::config::Problems;
use crate::domain::ids::{BaseId, TenantId};
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
        let row = sqlx::query("SELECT documents, bytes, pages FROM knowledge_quotas WHERE tenant = $1")
            .bind(tenant.as_str())
            .fetch_optional(self.db.read())
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
        let row = sqlx::query(
            "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), CAST(COALESCE(SUM(pages), 0) AS BIGINT) \
             FROM base_documents WHERE tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_one(self.db.read())
        .await?;
        let figure = |n: usize| row.try_get::<i64, _>(n).map(i64::unsigned_abs);
        Ok(KnowledgeUse { documents: figure(0)?, bytes: figure(1)?, pages: figure(2)? })
    }

    /// Fails when a file of `bytes` in place of one of `old` would break the quota.
    pub(super) async fn within_quota(
        &self,
        tenant: &TenantId,
        old: u64,
        is_new: bool,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let (quota, used) = (self.knowledge_quota(tenant).await?, self.knowledge_use(tenant).await?);
        if is_new && used.documents >= quota.documents {
            return Err(full(format!("{} documents", quota.documents)));
        }
        if used.bytes.saturating_sub(old) + bytes > quota.size.bytes() {
            return Err(full(quota.size.to_string()));
        }
        Ok(())
    }

    /// Fails when a document of `pages` would break the quota.
    pub(super) async fn within_pages(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
        pages: u64,
    ) -> Result<(), StoreError> {
        if pages == 0 {
            return Ok(());
        }
        let quota = self.knowledge_quota(tenant).await?.pages;
        let used = self.knowledge_use(tenant).await?.pages;
        let old = self.base_document(tenant, base, name).await.map_or(0, |document| document.pages);
        if used.saturating_sub(old) + pages > quota {
            return Err(full(format!("{quota} pages")));
        }
        Ok(())
    }
}

fn full(most: String) -> StoreError {
    StoreError::Invalid(format!(
        "the tenant's knowledge may take {most}: remove something, or raise its quota"
    ))
}
