//! Bots and their versions.
//!
//! Guarantees: the content of a version never changes; every change of a bot, its accounts included, counts its version
//! up and announces it in the same transaction; applying what is there already changes nothing.

pub(super) mod content;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::db::Tx;
use super::error::StoreError;
use super::media::files;
use super::tenants::missing;
use crate::domain::bot::{Bot, BotSpec};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, TenantId, check_slug};
use crate::domain::time::Timestamp;

pub(super) use content::{json, parse};

/// A bot as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BotInfo {
    /// The id.
    pub bot: BotId,
    /// The name that people read.
    pub name: String,
    /// Counts up with every change.
    pub version: i64,
    /// The version that brought the present content.
    pub content_version: i64,
    /// False while it sends nothing.
    pub enabled: bool,
    /// Why not; empty while enabled.
    pub reason: String,
    /// When it was first applied.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A version of a bot's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionInfo {
    /// The number.
    pub version: i64,
    /// When it was applied.
    pub created_at: Timestamp,
}

/// A bot's row, locked for the transaction, with its version already counted up.
pub(super) struct Locked {
    pub(super) version: i64,
    content: i64,
    removed: bool,
}

const INFO: &str = "SELECT id, name, version, content, enabled, reason, created_at, updated_at FROM bots \
     WHERE tenant = $1 AND removed = 0";

impl Store {
    /// Stores a bot's content as its next version, and returns the version; the present one when nothing differs. Makes
    /// the bot when there is none.
    ///
    /// # Errors
    /// `Missing` for an unknown tenant, `Taken` for an id of another tenant's, `Invalid` for a content that breaks a rule.
    pub async fn bot_apply(&self, tenant: &TenantId, spec: &BotSpec) -> Result<i64, StoreError> {
        check_slug(spec.bot.as_str())
            .map_err(|rule| StoreError::Invalid(format!("bot `{}`: the id {rule}", spec.bot)))?;
        content::check(spec)?;
        self.tenant(tenant).await?;
        let mut tx = self.db.begin().await?;
        // Two that make one bot at once meet here: the second waits for the first and then finds its row.
        sqlx::query(
            "INSERT INTO bots (id, tenant, name, version, content, enabled, reason, removed, created_at, updated_at) \
             VALUES ($1, $2, $3, 0, 0, 1, '', 0, $4, $4) ON CONFLICT (id) DO NOTHING",
        )
        .bind(spec.bot.as_str())
        .bind(tenant.as_str())
        .bind(spec.name.as_str())
        .bind(self.now())
        .execute(tx.on())
        .await?;
        let locked = match self.lock(&mut tx, tenant, &spec.bot).await {
            Err(StoreError::Missing { .. }) => {
                let hint = ": bot ids are unique in the installation, choose another".to_owned();
                return Err(StoreError::Taken { what: "bot", name: spec.bot.to_string(), hint });
            }
            locked => locked?,
        };
        let old = match locked.removed || locked.content == 0 {
            true => None,
            false => Some(content::load(tx.on(), tenant, &spec.bot, locked.content).await?),
        };
        self.replace(tx, tenant, &locked, old.as_ref(), spec).await
    }

    /// Changes a bot's content: the next version is what `change` makes of the present one. Returns the version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot; what `change` fails with.
    pub(super) async fn bot_edit(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        change: impl FnOnce(&mut BotSpec) -> Result<(), StoreError>,
    ) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let locked = self.lock_live(&mut tx, tenant, bot).await?;
        let old = content::load(tx.on(), tenant, bot, locked.content).await?;
        let mut new = old.clone();
        change(&mut new)?;
        content::check(&new)?;
        self.replace(tx, tenant, &locked, Some(&old), &new).await
    }

    /// Writes the new content unless it is the old one.
    async fn replace(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        locked: &Locked,
        old: Option<&BotSpec>,
        new: &BotSpec,
    ) -> Result<i64, StoreError> {
        if old == Some(new) {
            tx.rollback().await?;
            return Ok(locked.version - 1);
        }
        files::named_by(&mut tx, tenant, (old, Some(new)), self.now()).await?;
        content::store(&mut tx, tenant, locked.version, self.now(), new).await?;
        sqlx::query(
            "UPDATE bots SET content = version, name = $3, removed = 0 WHERE id = $1 AND tenant = $2",
        )
        .bind(new.bot.as_str())
        .bind(tenant.as_str())
        .bind(new.name.as_str())
        .execute(tx.on())
        .await?;
        self.announce(&mut tx, tenant, new.bot.as_str(), locked.version, false).await?;
        self.commit_change(tx).await?;
        Ok(locked.version)
    }

    /// A bot as the stages see it; `None` when the tenant has none of that id.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn bot(&self, tenant: &TenantId, bot: &BotId) -> Result<Option<Bot>, StoreError> {
        // One connection and the version's own rows: a change in between can't mix two versions.
        let mut connection = self.db.read().acquire().await?;
        let row = sqlx::query(
            "SELECT version, content, enabled FROM bots WHERE id = $1 AND tenant = $2 AND removed = 0",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let spec = content::load(&mut connection, tenant, bot, row.try_get(1)?).await?;
        let accounts = sqlx::query(
            "SELECT channel, id FROM accounts WHERE bot = $1 AND tenant = $2 ORDER BY channel, created_at, id",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .fetch_all(&mut *connection)
        .await?;
        let accounts = accounts
            .iter()
            .map(|row| Ok((channel(row.try_get(0)?)?, row.try_get::<String, _>(1)?.into())))
            .collect::<Result<_, StoreError>>()?;
        let bases = sqlx::query("SELECT base FROM base_bots WHERE bot = $1 AND tenant = $2 ORDER BY base")
            .bind(bot.as_str())
            .bind(tenant.as_str())
            .fetch_all(&mut *connection)
            .await?;
        let bases = bases.iter().map(|row| Ok(row.try_get::<String, _>(0)?.into()));
        let bases = bases.collect::<Result<_, StoreError>>()?;
        Ok(Some(Bot {
            tenant: tenant.clone(),
            version: row.try_get(0)?,
            enabled: row.try_get::<i64, _>(2)? != 0,
            spec,
            accounts,
            bases,
        }))
    }

    /// The content that a bot had at `version`; `None` when it had none then.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn bot_at(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        version: i64,
    ) -> Result<Option<BotSpec>, StoreError> {
        let mut connection = self.db.read().acquire().await?;
        let row = sqlx::query(
            "SELECT MAX(version) FROM bot_versions WHERE bot = $1 AND tenant = $2 AND version <= $3",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(version)
        .fetch_one(&mut *connection)
        .await?;
        let Some(content) = row.try_get(0)? else { return Ok(None) };
        content::load(&mut connection, tenant, bot, content).await.map(Some)
    }

    /// The versions of a bot's content, newest first, at most 100.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn bot_versions(&self, tenant: &TenantId, bot: &BotId) -> Result<Vec<VersionInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT version, created_at FROM bot_versions WHERE bot = $1 AND tenant = $2 \
             ORDER BY version DESC LIMIT 100",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(VersionInfo {
                    version: row.try_get(0)?,
                    created_at: Timestamp::from_millis(row.try_get(1)?),
                })
            })
            .collect()
    }

    /// The tenant's bots, by id.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn bots(&self, tenant: &TenantId) -> Result<Vec<BotInfo>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{INFO} ORDER BY id")))
            .bind(tenant.as_str())
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(info).collect()
    }

    /// A bot as it is listed.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn bot_info(&self, tenant: &TenantId, bot: &BotId) -> Result<BotInfo, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{INFO} AND id = $2")))
            .bind(tenant.as_str())
            .bind(bot.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.as_ref().map(info).transpose()?.ok_or_else(|| missing("bot", bot.as_str()))
    }

    /// The tenant that owns a bot: for operators and webhook addresses, which name the bot alone.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn bot_owner(&self, bot: &BotId) -> Result<Option<TenantId>, StoreError> {
        let row = sqlx::query("SELECT tenant FROM bots WHERE id = $1 AND removed = 0")
            .bind(bot.as_str())
            .fetch_optional(self.db.read())
            .await?;
        Ok(row.map(|row| row.try_get::<String, _>(0)).transpose()?.map(TenantId::from))
    }

    /// Removes a bot and its accounts. Its versions and its timeline stay, and its id stays its tenant's.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn bot_remove(&self, tenant: &TenantId, bot: &BotId) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let locked = self.lock_live(&mut tx, tenant, bot).await?;
        let old = content::load(tx.on(), tenant, bot, locked.content).await?;
        files::named_by(&mut tx, tenant, (Some(&old), None), self.now()).await?;
        content::end_documents(&mut tx, tenant, bot, locked.version).await?;
        for statement in [
            "DELETE FROM accounts WHERE bot = $1 AND tenant = $2",
            "DELETE FROM base_bots WHERE bot = $1 AND tenant = $2",
        ] {
            sqlx::query(statement).bind(bot.as_str()).bind(tenant.as_str()).execute(tx.on()).await?;
        }
        sqlx::query("UPDATE bots SET removed = 1, enabled = 1, reason = '' WHERE id = $1 AND tenant = $2")
            .bind(bot.as_str())
            .bind(tenant.as_str())
            .execute(tx.on())
            .await?;
        self.announce(&mut tx, tenant, bot.as_str(), locked.version, true).await?;
        self.commit_change(tx).await?;
        Ok(locked.version)
    }

    /// Starts or stops a bot, with the reason for a stop. A start also ends what providers refuse of its accounts. Returns the
    /// version; the present one when nothing changes.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn bot_set_enabled(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        enabled: bool,
        reason: &str,
    ) -> Result<i64, StoreError> {
        let reason = if enabled { String::new() } else { label(reason) };
        let mut tx = self.db.begin().await?;
        let row = sqlx::query(
            "UPDATE bots SET version = version + 1, enabled = $3, reason = $4, updated_at = $5 \
             WHERE id = $1 AND tenant = $2 AND removed = 0 AND (enabled <> $3 OR reason <> $4) RETURNING version",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(i64::from(enabled))
        .bind(reason)
        .bind(self.now())
        .fetch_optional(tx.on())
        .await?;
        let cleared = enabled && self.accept_all(&mut tx, tenant, bot, row.is_some()).await?;
        let version = match row {
            Some(row) => row.try_get(0)?,
            None if cleared => self.lock_live(&mut tx, tenant, bot).await?.version,
            None => {
                tx.rollback().await?;
                return Ok(self.bot_info(tenant, bot).await?.version);
            }
        };
        self.announce(&mut tx, tenant, bot.as_str(), version, false).await?;
        self.commit_change(tx).await?;
        Ok(version)
    }

    /// Locks a bot's row and counts its version up; a removed bot's as well.
    async fn lock(&self, tx: &mut Tx, tenant: &TenantId, bot: &BotId) -> Result<Locked, StoreError> {
        let row = sqlx::query(
            "UPDATE bots SET version = version + 1, updated_at = $3 WHERE id = $1 AND tenant = $2 \
             RETURNING version, content, removed",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(self.now())
        .fetch_optional(tx.on())
        .await?;
        let row = row.ok_or_else(|| missing("bot", bot.as_str()))?;
        Ok(Locked {
            version: row.try_get(0)?,
            content: row.try_get(1)?,
            removed: row.try_get::<i64, _>(2)? != 0,
        })
    }

    /// The same for a bot that is not removed.
    pub(super) async fn lock_live(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        bot: &BotId,
    ) -> Result<Locked, StoreError> {
        let locked = self.lock(tx, tenant, bot).await?;
        if locked.removed { Err(missing("bot", bot.as_str())) } else { Ok(locked) }
    }
}

/// A reason as it may be shown: one line, cut where a person stops reading.
pub(super) fn label(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// A channel's name in a row.
pub(super) fn channel(name: String) -> Result<ChannelKind, StoreError> {
    name.parse().map_err(|reason| StoreError::Corrupt { table: "accounts", reason })
}

fn info(row: &AnyRow) -> Result<BotInfo, StoreError> {
    Ok(BotInfo {
        bot: row.try_get::<String, _>(0)?.into(),
        name: row.try_get(1)?,
        version: row.try_get(2)?,
        content_version: row.try_get(3)?,
        enabled: row.try_get::<i64, _>(4)? != 0,
        reason: row.try_get(5)?,
        created_at: Timestamp::from_millis(row.try_get(6)?),
        updated_at: Timestamp::from_millis(row.try_get(7)?),
    })
}
