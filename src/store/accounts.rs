//! Channel accounts: a token, a number, a page, a web-chat site.
//!
//! Guarantees: an account belongs to exactly one bot; who else has it is told to its own tenant only; tokens and secrets
//! are sealed.

mod updates;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::bots::{channel, json, parse};
use super::db::Tx;
use super::directory::Account;
use super::error::StoreError;
use super::refusals::refusal;
use super::seal::{Place, random_token};
use super::tenants::{missing, plain};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

const TOKEN: &str = "accounts.token";
const SECRET: &str = "accounts.secret";
const COLUMNS: &str = "a.channel, a.id, a.tenant, a.bot, a.app, a.token, a.secret, a.origins, a.updated_at, a.rests_until, a.refuses, \
     a.refused, a.refused_at, a.refusals_since";

/// What connects a bot to a channel.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The bot that shall speak through it.
    pub bot: BotId,
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id of the account.
    pub account: AccountId,
    /// The Meta app that it belongs to; `None` elsewhere.
    pub app: Option<String>,
    /// The provider's token; empty for web chat.
    pub token: Secret,
    /// What the provider shows when it calls us; `None` = the present one, or a random one for a new account.
    pub secret: Option<Secret>,
    /// Web pages that may open a chat.
    pub origins: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The account with its secrets: the webhook's secret goes to the provider.
    pub account: Account,
    /// The bot's version.
    pub version: i64,
}

/// An account as it is listed: without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountInfo {
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id.
    pub account: AccountId,
    /// The bot that speaks through it.
    pub bot: BotId,
    /// The Meta app that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Web pages that may open a chat.
    pub origins: Vec<String>,
    /// True when updates are asked for rather than posted to us.
    pub polling: bool,
    /// Where the provider was told to post; empty = nowhere yet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registered: String,
    /// When it was connected last.
    pub updated_at: Timestamp,
    /// Until when nothing is sent by it, since the provider wants it to rest; in the past = it does not.
    pub rests_until: Timestamp,
    /// What the provider refuses of it until its owner acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

impl Store {
    /// Connects a bot to an account, or renews the token of one that it has. The bot is enabled, and what the provider refused
    /// of the account is over: its owner acted.
    ///
    /// # Errors
    /// `Missing` for an unknown bot or app, `Taken` when the account is another bot's.
    pub async fn account_connect(
        &self,
        tenant: &TenantId,
        connect: Connect,
    ) -> Result<Connected, StoreError> {
        let id = plain("an account's id", connect.account.as_str())?;
        if id.is_empty() {
            return Err(StoreError::Invalid("an account's id is empty".to_owned()));
        }
        if let Some(app) = &connect.app {
            self.app(tenant, app).await?;
        }
        let mut tx = self.db.begin().await?;
        let locked = self.lock_live(&mut tx, tenant, &connect.bot).await?;
        let present = self.present_secret(&mut tx, tenant, connect.channel, id).await?;
        // A provider that was told another secret has to be told again.
        let kept = match (&connect.secret, &present) {
            (Some(given), Some(present)) => given.expose() == present.expose(),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let secret = match (connect.secret, present) {
            (Some(given), _) => given,
            (None, Some(present)) => present,
            (None, None) => random_token("")?,
        };
        let (row, now) = (row_name(connect.channel, id), self.now());
        let done = sqlx::query(
            "INSERT INTO accounts (channel, id, tenant, bot, app, token, secret, origins, created_at, updated_at, \
             refusals_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9) ON CONFLICT (channel, id) DO UPDATE SET \
             app = excluded.app, token = excluded.token, secret = excluded.secret, origins = excluded.origins, \
             registered = CASE WHEN accounts.app = excluded.app AND $10 = 1 THEN accounts.registered ELSE '' END, \
             updated_at = excluded.updated_at, refuses = '', refused = '', refused_at = 0, \
             refusals_since = excluded.refusals_since WHERE accounts.tenant = excluded.tenant AND accounts.bot = excluded.bot",
        )
        .bind(connect.channel.as_str())
        .bind(id)
        .bind(tenant.as_str())
        .bind(connect.bot.as_str())
        .bind(connect.app.as_deref().unwrap_or_default())
        .bind(self.sealer.seal(place(tenant, TOKEN, &row), &connect.token)?)
        .bind(self.sealer.seal(place(tenant, SECRET, &row), &secret)?)
        .bind(json("accounts", &connect.origins)?)
        .bind(now)
        .bind(i64::from(kept))
        .execute(tx.on())
        .await?;
        if done.rows_affected() == 0 {
            return Err(self.taken(&mut tx, tenant, connect.channel, id).await?);
        }
        sqlx::query("UPDATE bots SET enabled = 1, reason = '' WHERE id = $1 AND tenant = $2")
            .bind(connect.bot.as_str())
            .bind(tenant.as_str())
            .execute(tx.on())
            .await?;
        self.announce(&mut tx, tenant, connect.bot.as_str(), locked.version, false).await?;
        self.commit_change(tx).await?;
        let account = Account {
            tenant: tenant.clone(),
            bot: connect.bot,
            channel: connect.channel,
            id: connect.account,
            app: connect.app.filter(|app| !app.is_empty()),
            token: connect.token,
            secret,
            origins: connect.origins,
            rests_until: Timestamp::default(),
            refusal: None,
            refusals_since: Timestamp::from_millis(now),
        };
        Ok(Connected { account, version: locked.version })
    }

    /// Takes an account away from its bot. Returns the bot's version.
    ///
    /// # Errors
    /// `Missing` when the bot has no such account.
    pub async fn account_disconnect(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: ChannelKind,
        account: &AccountId,
    ) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let locked = self.lock_live(&mut tx, tenant, bot).await?;
        let removed =
            sqlx::query("DELETE FROM accounts WHERE channel = $1 AND id = $2 AND tenant = $3 AND bot = $4")
                .bind(channel.as_str())
                .bind(account.as_str())
                .bind(tenant.as_str())
                .bind(bot.as_str())
                .execute(tx.on())
                .await?;
        if removed.rows_affected() == 0 {
            return Err(missing("account", &row_name(channel, account.as_str())));
        }
        self.announce(&mut tx, tenant, bot.as_str(), locked.version, false).await?;
        self.commit_change(tx).await?;
        Ok(locked.version)
    }

    /// The accounts of a tenant's bot, or of all its bots.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn accounts(
        &self,
        tenant: &TenantId,
        bot: Option<&BotId>,
    ) -> Result<Vec<AccountInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT channel, id, bot, app, origins, updated_at, polling, registered, rests_until, refuses, refused, \
             refused_at FROM accounts WHERE tenant = $1 AND (bot = $2 OR $2 = '') ORDER BY bot, channel, created_at, id",
        )
        .bind(tenant.as_str())
        .bind(bot.map_or("", BotId::as_str))
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                let app: String = row.try_get(3)?;
                Ok(AccountInfo {
                    channel: channel(row.try_get(0)?)?,
                    account: row.try_get::<String, _>(1)?.into(),
                    bot: row.try_get::<String, _>(2)?.into(),
                    app: Some(app).filter(|app| !app.is_empty()),
                    origins: parse("accounts", row.try_get(4)?)?,
                    updated_at: Timestamp::from_millis(row.try_get(5)?),
                    polling: row.try_get::<i64, _>(6)? != 0,
                    registered: row.try_get(7)?,
                    rests_until: Timestamp::from_millis(row.try_get(8)?),
                    refusal: refusal(row, 9)?,
                })
            })
            .collect()
    }

    /// Which bot an account belongs to.
    pub(super) async fn account_owner(
        &self,
        channel: ChannelKind,
        id: &AccountId,
    ) -> Result<Option<BotId>, StoreError> {
        let row = sqlx::query("SELECT bot FROM accounts WHERE channel = $1 AND id = $2")
            .bind(channel.as_str())
            .bind(id.as_str())
            .fetch_optional(self.db.read())
            .await?;
        Ok(row.map(|row| row.try_get::<String, _>(0)).transpose()?.map(BotId::from))
    }

    /// The bot's version and its accounts, unsealed, the first connected first; `None` when there is no such bot.
    ///
    /// # Errors
    /// When the database can't be reached or a secret can't be unsealed.
    pub async fn accounts_unsealed(&self, bot: &BotId) -> Result<Option<(i64, Vec<Account>)>, StoreError> {
        let mut connection = self.db.read().acquire().await?;
        // The version first: accounts that change after it are newer than it says, and its event is yet to come.
        let row = sqlx::query("SELECT version, tenant FROM bots WHERE id = $1 AND removed = 0")
            .bind(bot.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts a WHERE a.bot = $1 AND a.tenant = $2 ORDER BY a.created_at, a.id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(bot.as_str())
            .bind(row.try_get::<String, _>(1)?)
            .fetch_all(&mut *connection)
            .await?;
        let accounts = rows.iter().map(|row| self.unseal(row)).collect::<Result<_, _>>()?;
        Ok(Some((row.try_get(0)?, accounts)))
    }

    fn unseal(&self, row: &AnyRow) -> Result<Account, StoreError> {
        let channel = channel(row.try_get(0)?)?;
        let id: String = row.try_get(1)?;
        let tenant = TenantId::from(row.try_get::<String, _>(2)?);
        let name = row_name(channel, &id);
        Ok(Account {
            bot: row.try_get::<String, _>(3)?.into(),
            channel,
            app: Some(row.try_get::<String, _>(4)?).filter(|app| !app.is_empty()),
            token: self.sealer.open(place(&tenant, TOKEN, &name), row.try_get(5)?)?,
            secret: self.sealer.open(place(&tenant, SECRET, &name), row.try_get(6)?)?,
            origins: parse("accounts", row.try_get(7)?)?,
            rests_until: Timestamp::from_millis(row.try_get(9)?),
            refusal: refusal(row, 10)?,
            refusals_since: Timestamp::from_millis(row.try_get(13)?),
            id: id.into(),
            tenant,
        })
    }

    /// The secret of an account that the tenant has already.
    async fn present_secret(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        channel: ChannelKind,
        id: &str,
    ) -> Result<Option<Secret>, StoreError> {
        let row = sqlx::query("SELECT secret FROM accounts WHERE channel = $1 AND id = $2 AND tenant = $3")
            .bind(channel.as_str())
            .bind(id)
            .bind(tenant.as_str())
            .fetch_optional(tx.on())
            .await?;
        let Some(row) = row else { return Ok(None) };
        self.sealer.open(place(tenant, SECRET, &row_name(channel, id)), row.try_get(0)?).map(Some)
    }

    /// The refusal when an account is another bot's; the bot is named to its own tenant only.
    async fn taken(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        channel: ChannelKind,
        id: &str,
    ) -> Result<StoreError, StoreError> {
        let row = sqlx::query("SELECT bot FROM accounts WHERE channel = $1 AND id = $2 AND tenant = $3")
            .bind(channel.as_str())
            .bind(id)
            .bind(tenant.as_str())
            .fetch_optional(tx.on())
            .await?;
        let hint = match row {
            Some(row) => {
                format!(": it belongs to bot `{}`, disconnect it there first", row.try_get::<String, _>(0)?)
            }
            None => ": an account belongs to one bot only".to_owned(),
        };
        Ok(StoreError::Taken { what: "account", name: row_name(channel, id), hint })
    }
}

fn row_name(channel: ChannelKind, id: &str) -> String {
    format!("{channel}/{id}")
}

fn place<'a>(tenant: &'a TenantId, column: &'static str, row: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), column, row }
}
