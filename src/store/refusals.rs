//! Channel accounts that a provider takes nothing from, or no templates, until their owner acts.
//!
//! Guarantees: a refusal stops its own account and no other; it only grows, and many answers that say the same are one change;
//! the owner's act ends it, and what the provider said before that act counts no more. Every process hears of both as of any
//! change of the bot.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::bots::label;
use super::db::Tx;
use super::error::StoreError;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::time::Timestamp;

impl Store {
    /// A provider refuses an account of a bot, as of `as_of`. The bot's version; `None` where as much is refused already, the
    /// owner acted after that moment, or the account is not the bot's any more.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn account_refuse(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        (channel, account): (ChannelKind, &AccountId),
        (what, reason): (Refused, &str),
        as_of: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let Some((mut tx, version)) = self.locked(tenant, bot).await? else { return Ok(None) };
        let done = sqlx::query(
            "UPDATE accounts SET refuses = $5, refused = $6, refused_at = $7 WHERE channel = $1 AND id = $2 \
             AND tenant = $3 AND bot = $4 AND refuses <> 'all' AND refuses <> $5 AND refusals_since <= $8",
        )
        .bind(channel.as_str())
        .bind(account.as_str())
        .bind(tenant.as_str())
        .bind(bot.as_str())
        .bind(what.as_str())
        .bind(label(reason))
        .bind(self.now())
        .bind(as_of.millis())
        .execute(tx.on())
        .await?;
        self.changed(tx, (tenant, bot, version), done.rows_affected()).await
    }

    /// An account's owner acted, so the provider is believed to take its messages again. The bot's version; `None` where nothing
    /// was refused.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn account_accept(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        (channel, account): (ChannelKind, &AccountId),
    ) -> Result<Option<i64>, StoreError> {
        let Some((mut tx, version)) = self.locked(tenant, bot).await? else { return Ok(None) };
        let done = sqlx::query(
            "UPDATE accounts SET refuses = '', refused = '', refused_at = 0, refusals_since = $5 \
             WHERE channel = $1 AND id = $2 AND tenant = $3 AND bot = $4 AND refuses <> ''",
        )
        .bind(channel.as_str())
        .bind(account.as_str())
        .bind(tenant.as_str())
        .bind(bot.as_str())
        .bind(self.now())
        .execute(tx.on())
        .await?;
        self.changed(tx, (tenant, bot, version), done.rows_affected()).await
    }

    /// The same for all of a bot's accounts, in a transaction of the caller's; whether anything was refused. With `all`, also
    /// what the provider said before of an account that is not refused counts no more.
    pub(super) async fn accept_all(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        bot: &BotId,
        all: bool,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE accounts SET refuses = '', refused = '', refused_at = 0, refusals_since = $3 \
             WHERE bot = $1 AND tenant = $2 AND (refuses <> '' OR $4 = 1)",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(self.now())
        .bind(i64::from(all))
        .execute(tx.on())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// A transaction with the bot's row locked first, as every change of a bot does, and the version that it would bring; `None`
    /// where the bot is gone.
    async fn locked(&self, tenant: &TenantId, bot: &BotId) -> Result<Option<(Tx, i64)>, StoreError> {
        let mut tx = self.db.begin().await?;
        match self.lock_live(&mut tx, tenant, bot).await {
            Ok(locked) => Ok(Some((tx, locked.version))),
            Err(StoreError::Missing { .. }) => {
                tx.rollback().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells of a change, where there was one.
    async fn changed(
        &self,
        mut tx: Tx,
        (tenant, bot, version): (&TenantId, &BotId, i64),
        rows: u64,
    ) -> Result<Option<i64>, StoreError> {
        if rows == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        self.announce(&mut tx, tenant, bot.as_str(), version, false).await?;
        self.commit_change(tx).await?;
        Ok(Some(version))
    }
}

/// What is refused, from three columns that begin at `at`: what, why, since when.
pub(super) fn refusal(row: &AnyRow, at: usize) -> Result<Option<Refusal>, StoreError> {
    let what: String = row.try_get(at)?;
    if what.is_empty() {
        return Ok(None);
    }
    let what = what.parse().map_err(|reason| StoreError::Corrupt { table: "accounts", reason })?;
    let at_ms = row.try_get(at + 2)?;
    Ok(Some(Refusal { what, reason: row.try_get(at + 1)?, at: Timestamp::from_millis(at_ms) }))
}
