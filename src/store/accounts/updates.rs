//! How an account's updates come: asked for by this installation, or posted to it.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::row_name;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::tenants::missing;

impl Store {
    /// Says whether an account's updates are asked for rather than posted to us.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such account.
    pub async fn account_set_polling(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        polling: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = sqlx::query(
            "UPDATE accounts SET polling = $4, registered = CASE WHEN $4 = 1 THEN '' ELSE registered END \
                 WHERE channel = $1 AND id = $2 AND tenant = $3",
        )
        .bind(channel.as_str())
        .bind(account.as_str())
        .bind(tenant.as_str())
        .bind(i64::from(polling))
        .execute(tx.on())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(missing("account", &row_name(channel, account.as_str())));
        }
        tx.commit().await
    }

    /// Notes where the provider was told to post; empty = nowhere.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such account.
    pub async fn account_set_registered(
        &self,
        tenant: &TenantId,
        channel: ChannelKind,
        account: &AccountId,
        url: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let changed =
            sqlx::query("UPDATE accounts SET registered = $4 WHERE channel = $1 AND id = $2 AND tenant = $3")
                .bind(channel.as_str())
                .bind(account.as_str())
                .bind(tenant.as_str())
                .bind(url)
                .execute(tx.on())
                .await?;
        if changed.rows_affected() == 0 {
            return Err(missing("account", &row_name(channel, account.as_str())));
        }
        tx.commit().await
    }

    /// The accounts of all tenants on a channel whose updates are asked for. For the process that asks.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn polled_accounts(
        &self,
        channel: ChannelKind,
    ) -> Result<Vec<(TenantId, BotId, AccountId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT tenant, bot, id FROM accounts WHERE channel = $1 AND polling = 1 ORDER BY tenant, bot, id",
        )
        .bind(channel.as_str())
        .fetch_all(self.db.read())
        .await?;
        let text = |row: &AnyRow, i: usize| row.try_get::<String, _>(i);
        rows.iter()
            .map(|row| Ok((text(row, 0)?.into(), text(row, 1)?.into(), text(row, 2)?.into())))
            .collect()
    }
}
