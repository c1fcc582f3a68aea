//! Bearer tokens of the API.
//!
//! Guarantee: a token is shown once, when it is made; the database holds its hash only.

use serde::Serialize;
use sqlx::Row;

use super::Store;
use super::error::StoreError;
use super::seal::{random, random_token};
use super::tenants::{missing, plain};
use crate::config::Secret;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// Whoever runs the installation: every tenant.
    Operator,
    /// One tenant, and nothing else exists.
    Tenant(TenantId),
}

impl Caller {
    fn from_column(tenant: String) -> Self {
        if tenant.is_empty() { Self::Operator } else { Self::Tenant(tenant.into()) }
    }

    fn as_column(&self) -> &str {
        match self {
            Self::Operator => "",
            Self::Tenant(tenant) => tenant.as_str(),
        }
    }
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    /// Names it, for removal.
    pub id: String,
    /// Who it speaks for.
    pub caller: Caller,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// As it is listed.
    pub info: ApiToken,
    /// The token itself: shown now or never.
    pub token: Secret,
}

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// `Missing` when the tenant doesn't exist.
    pub async fn token_create(&self, caller: Caller, label: &str) -> Result<NewToken, StoreError> {
        if let Caller::Tenant(tenant) = &caller {
            self.tenant(tenant).await?;
        }
        let info = ApiToken {
            id: data_encoding::HEXLOWER.encode(&random::<8>()?),
            caller,
            label: plain("the token's label", label)?.to_owned(),
            created_at: self.clock.now(),
        };
        let token = random_token("mlr_")?;
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO api_tokens (id, tenant, label, hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(info.id.as_str())
        .bind(info.caller.as_column())
        .bind(info.label.as_str())
        .bind(hash(token.expose()))
        .bind(info.created_at.millis())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(NewToken { info, token })
    }

    /// Who a token speaks for; `None` for a token that was never made or is removed. The look-up goes by the hash of
    /// 256 random bits, so its timing tells nothing about any token.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn token_caller(&self, token: &Secret) -> Result<Option<Caller>, StoreError> {
        let row = sqlx::query("SELECT tenant FROM api_tokens WHERE hash = $1")
            .bind(hash(token.expose()))
            .fetch_optional(self.db.read())
            .await?;
        Ok(row.map(|row| row.try_get(0).map(Caller::from_column)).transpose()?)
    }

    /// The tokens that speak for `caller`, oldest first.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<ApiToken>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, tenant, label, created_at FROM api_tokens WHERE tenant = $1 ORDER BY created_at, id",
        )
        .bind(caller.as_column())
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ApiToken {
                    id: row.try_get(0)?,
                    caller: Caller::from_column(row.try_get(1)?),
                    label: row.try_get(2)?,
                    created_at: Timestamp::from_millis(row.try_get(3)?),
                })
            })
            .collect()
    }

    /// Removes a token of `caller`.
    ///
    /// # Errors
    /// `Missing` when `caller` has none of that id.
    pub async fn token_remove(&self, caller: &Caller, id: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let removed = sqlx::query("DELETE FROM api_tokens WHERE id = $1 AND tenant = $2")
            .bind(id)
            .bind(caller.as_column())
            .execute(tx.on())
            .await?;
        if removed.rows_affected() == 0 {
            return Err(missing("token", id));
        }
        tx.commit().await
    }
}

fn hash(token: &str) -> String {
    blake3::Hasher::new_derive_key("millrace api token v1")
        .update(token.as_bytes())
        .finalize()
        .to_hex()
        .to_string()
}
