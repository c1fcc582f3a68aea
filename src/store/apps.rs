//! Meta apps: one secret fronts many accounts.
//!
//! Guarantee: an app's name is unique in the installation, since a webhook address holds nothing else; a name stays with
//! its tenant.

use serde::Serialize;
use sqlx::Row;

use super::Store;
use super::directory::App;
use super::error::StoreError;
use super::outbox::Change;
use super::seal::{Place, random_token};
use super::tenants::missing;
use crate::config::Secret;
use crate::domain::ids::{TenantId, check_slug};
use crate::domain::time::Timestamp;

const SECRET: &str = "apps.secret";
const VERIFY: &str = "apps.verify_token";

/// An app as it is listed: without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppInfo {
    /// The name in the webhook address.
    pub name: String,
    /// Counts up with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Store {
    /// Stores an app's secret, and its verify token; `None` = the present one, or a random one for a new app.
    ///
    /// # Errors
    /// `Invalid` for a name that is no slug, `Taken` for one of another tenant's, `Missing` for an unknown tenant.
    pub async fn app_put(
        &self,
        tenant: &TenantId,
        name: &str,
        secret: Secret,
        verify_token: Option<Secret>,
    ) -> Result<App, StoreError> {
        check_slug(name).map_err(|rule| StoreError::Invalid(format!("app `{name}`: the name {rule}")))?;
        self.tenant(tenant).await?;
        let verify_token = match verify_token {
            Some(given) => given,
            None => match self.app_unsealed(name).await? {
                Some((_, app)) if app.tenant == *tenant => app.verify_token,
                Some(_) | None => random_token("")?,
            },
        };
        let mut tx = self.db.begin().await?;
        let row = sqlx::query(
            "INSERT INTO apps (name, tenant, version, secret, verify_token, removed, created_at, updated_at) \
             VALUES ($1, $2, 1, $3, $4, 0, $5, $5) ON CONFLICT (name) DO UPDATE SET version = apps.version + 1, \
             secret = excluded.secret, verify_token = excluded.verify_token, removed = 0, \
             updated_at = excluded.updated_at WHERE apps.tenant = excluded.tenant RETURNING version",
        )
        .bind(name)
        .bind(tenant.as_str())
        .bind(self.sealer.seal(place(tenant, SECRET, name), &secret)?)
        .bind(self.sealer.seal(place(tenant, VERIFY, name), &verify_token)?)
        .bind(self.now())
        .fetch_optional(tx.on())
        .await?;
        let Some(row) = row else {
            let hint = ": app names are unique in the installation, choose another".to_owned();
            return Err(StoreError::Taken { what: "app", name: name.to_owned(), hint });
        };
        self.announce(&mut tx, tenant, &Change::app_name(name), row.try_get(0)?, false).await?;
        self.commit_change(tx).await?;
        Ok(App { tenant: tenant.clone(), name: name.to_owned(), secret, verify_token })
    }

    /// The tenant's apps, by name.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn apps(&self, tenant: &TenantId) -> Result<Vec<AppInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, version, created_at, updated_at FROM apps WHERE tenant = $1 AND removed = 0 ORDER BY name",
        )
        .bind(tenant.as_str())
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AppInfo {
                    name: row.try_get(0)?,
                    version: row.try_get(1)?,
                    created_at: Timestamp::from_millis(row.try_get(2)?),
                    updated_at: Timestamp::from_millis(row.try_get(3)?),
                })
            })
            .collect()
    }

    /// An app with its secrets.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that name.
    pub async fn app(&self, tenant: &TenantId, name: &str) -> Result<App, StoreError> {
        match self.app_unsealed(name).await? {
            Some((_, app)) if app.tenant == *tenant => Ok(app),
            Some(_) | None => Err(missing("app", name)),
        }
    }

    /// Removes an app: webhooks of its accounts are refused from then on.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that name.
    pub async fn app_remove(&self, tenant: &TenantId, name: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let row = sqlx::query(
            "UPDATE apps SET removed = 1, secret = '', verify_token = '', version = version + 1, updated_at = $3 \
             WHERE name = $1 AND tenant = $2 AND removed = 0 RETURNING version",
        )
        .bind(name)
        .bind(tenant.as_str())
        .bind(self.now())
        .fetch_optional(tx.on())
        .await?;
        let row = row.ok_or_else(|| missing("app", name))?;
        self.announce(&mut tx, tenant, &Change::app_name(name), row.try_get(0)?, true).await?;
        self.commit_change(tx).await
    }

    /// An app by the name in a webhook address, with its version.
    pub(super) async fn app_unsealed(&self, name: &str) -> Result<Option<(i64, App)>, StoreError> {
        let row = sqlx::query(
            "SELECT tenant, version, secret, verify_token FROM apps WHERE name = $1 AND removed = 0",
        )
        .bind(name)
        .fetch_optional(self.db.read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let tenant = TenantId::from(row.try_get::<String, _>(0)?);
        let app = App {
            name: name.to_owned(),
            secret: self.sealer.open(place(&tenant, SECRET, name), row.try_get(2)?)?,
            verify_token: self.sealer.open(place(&tenant, VERIFY, name), row.try_get(3)?)?,
            tenant,
        };
        Ok(Some((row.try_get(1)?, app)))
    }
}

fn place<'a>(tenant: &'a TenantId, column: &'static str, row: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), column, row }
}
