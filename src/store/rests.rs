//! Channel accounts that have to rest: a provider said, long after it took a message, that too many people complained.
//!
//! Guarantee: a rest only becomes longer, every process hears of it as of any change of the bot, and many statuses that say the
//! same are one change.

use std::time::Duration;

use super::Store;
use super::error::StoreError;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::time::Timestamp;

/// A rest that would become longer by less stays as it is.
const STEP_MS: i64 = 60_000;

impl Store {
    /// Nothing is sent by a bot's account for so long. The bot's version; `None` where the account rests about as long
    /// already, or is not the bot's any more.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn account_rest(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        (channel, account): (ChannelKind, &AccountId),
        span: Duration,
    ) -> Result<Option<i64>, StoreError> {
        let until: Timestamp = self.now_at().plus(span);
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE accounts SET rests_until = $5 WHERE channel = $1 AND id = $2 AND tenant = $3 AND bot = $4 \
             AND rests_until < $6",
        )
        .bind(channel.as_str())
        .bind(account.as_str())
        .bind(tenant.as_str())
        .bind(bot.as_str())
        .bind(until.millis())
        .bind(until.millis() - STEP_MS)
        .execute(tx.on())
        .await?;
        if done.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        let locked = self.lock_live(&mut tx, tenant, bot).await?;
        self.announce(&mut tx, tenant, bot.as_str(), locked.version, false).await?;
        self.commit_change(tx).await?;
        Ok(Some(locked.version))
    }
}
