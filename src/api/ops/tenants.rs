//! Tenants and their tokens.

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{
    Done, TenantCreate, TenantInfo, TenantList, TokenCreate, TokenInfo, TokenList, TokenMade,
};
use crate::domain::ids::TenantId;
use crate::store::{Caller, Tenant};

impl Operations {
    pub(in crate::api) async fn tenant_create(&self, body: TenantCreate) -> Result<TenantInfo, ApiError> {
        let tenant = self.store.tenant_create(&TenantId::from(body.tenant), &body.name).await?;
        tracing::info!(tenant = %tenant.id, "tenant created");
        Ok(info(&tenant))
    }

    pub(in crate::api) async fn tenant_list(&self) -> Result<TenantList, ApiError> {
        Ok(TenantList { tenants: self.store.tenants().await?.iter().map(info).collect() })
    }

    pub(in crate::api) async fn tenant_show(&self, tenant: &TenantId) -> Result<TenantInfo, ApiError> {
        Ok(info(&self.store.tenant(tenant).await?))
    }

    /// A tenant with bots stays: bots are what webhooks and conversations lead to. So does one with knowledge bases.
    pub(in crate::api) async fn tenant_remove(&self, tenant: &str) -> Result<Done, ApiError> {
        let tenant = TenantId::from(tenant);
        self.store.tenant(&tenant).await?;
        let bots = self.store.bots(&tenant).await?;
        if let Some(first) = bots.first() {
            let message = format!(
                "tenant `{tenant}` still has {} bots: remove them first, for example `millrace bot remove {}`",
                bots.len(),
                first.bot
            );
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let bases = self.store.bases(&tenant).await?;
        if let Some(first) = bases.first() {
            let message = format!(
                "tenant `{tenant}` still has {} knowledge bases: remove them first, for example `millrace kb remove {}`",
                bases.len(),
                first.base
            );
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        self.store.tenant_remove(&tenant).await?;
        self.tenant_files_remove(&tenant).await;
        tracing::info!(%tenant, "tenant removed");
        Ok(Done::default())
    }

    /// Nothing has them any more. What can't be deleted now is only room, and is said.
    async fn tenant_files_remove(&self, tenant: &TenantId) {
        let Some(objects) = &self.objects else { return };
        let remove = async {
            for hash in objects.list(tenant).await? {
                objects.delete(tenant, hash).await?;
            }
            Ok::<(), crate::services::objects::ObjectError>(())
        };
        if let Err(error) = remove.await {
            tracing::warn!(%error, %tenant, "files of a tenant that is removed are still there");
        }
    }

    pub(in crate::api) async fn token_create(
        &self,
        tenant: &TenantId,
        body: TokenCreate,
    ) -> Result<TokenMade, ApiError> {
        let made = self.store.token_create(Caller::Tenant(tenant.clone()), &body.label).await?;
        tracing::info!(%tenant, token = made.info.id, "token created");
        Ok(TokenMade { id: made.info.id, token: made.token.expose().clone(), label: made.info.label })
    }

    pub(in crate::api) async fn token_list(&self, tenant: &TenantId) -> Result<TokenList, ApiError> {
        self.store.tenant(tenant).await?;
        let tokens = self.store.tokens(&Caller::Tenant(tenant.clone())).await?;
        let line = |token: crate::store::ApiToken| TokenInfo {
            id: token.id,
            label: token.label,
            created_at_ms: token.created_at.millis(),
        };
        Ok(TokenList { tokens: tokens.into_iter().map(line).collect() })
    }

    pub(in crate::api) async fn token_revoke(&self, tenant: &TenantId, id: &str) -> Result<Done, ApiError> {
        self.store.token_remove(&Caller::Tenant(tenant.clone()), id).await?;
        tracing::info!(%tenant, token = id, "token revoked");
        Ok(Done::default())
    }
}

fn info(tenant: &Tenant) -> TenantInfo {
    TenantInfo {
        tenant: tenant.id.to_string(),
        name: tenant.name.clone(),
        created_at_ms: tenant.created_at.millis(),
    }
}
