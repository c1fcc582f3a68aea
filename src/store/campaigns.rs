//! Campaigns as their owners see them: made, moved, counted, listed.
//!
//! Guarantees: a campaign and all of its recipients are made together or not at all; it moves only from the state that the
//! caller saw; every query carries its tenant. What a worker does stands in `work`.

mod results;
mod work;

pub use results::{Counts, RecipientLine};
pub use work::{Due, Leaving, Settled};

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::Store;
use super::bots::{channel, label};
use super::db::values;
use super::error::StoreError;
use super::seal::random;
use super::tenants::{missing, plain};
use crate::domain::campaign::{Campaign, Message, State};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, CampaignId, TenantId};
use crate::domain::time::Timestamp;

/// Rows per statement: nine values each stay far below SQLite's 32,766 placeholders.
const ROWS: usize = 256;

/// What a campaign is made of.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Which bot's.
    pub bot: BotId,
    /// By which provider.
    pub channel: ChannelKind,
    /// Which account speaks.
    pub account: AccountId,
    /// The name that people read.
    pub name: String,
    /// What is said.
    pub message: Message,
    /// The names of the recipients' values.
    pub variables: Vec<String>,
    /// Messages a second at most.
    pub rate: Option<u32>,
    /// Not before; it starts by itself then.
    pub at: Option<Timestamp>,
}

/// A person to be told, as a campaign keeps them.
#[derive(Debug, Clone)]
pub struct NewRecipient {
    /// The provider's id.
    pub to: String,
    /// Their language.
    pub language: Option<String>,
    /// A value for each variable.
    pub values: Vec<String>,
}

const COLUMNS: &str =
    "id, tenant, bot, channel, account, name, message, rate, at, state, created_at, started_at, held";

impl Store {
    /// Makes a campaign with its recipients.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot.
    pub async fn campaign_create(
        &self,
        tenant: &TenantId,
        new: &NewCampaign,
        recipients: &[NewRecipient],
    ) -> Result<Campaign, StoreError> {
        self.bot_info(tenant, &new.bot).await?;
        plain("a campaign's name", &new.name)?;
        let id = CampaignId::from(format!("c-{:016x}", u64::from_be_bytes(random::<8>()?)));
        let state = if new.at.is_some() { State::Scheduled } else { State::Draft };
        let now = self.now();
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO campaigns (id, tenant, bot, channel, account, name, message, variables, rate, at, state, \
             created_at, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(new.bot.as_str())
        .bind(new.channel.as_str())
        .bind(new.account.as_str())
        .bind(new.name.as_str())
        .bind(json(&new.message)?)
        .bind(json(&new.variables)?)
        .bind(i64::from(new.rate.unwrap_or_default()))
        .bind(new.at.map_or(0, Timestamp::millis))
        .bind(state.as_str())
        .bind(now)
        .execute(tx.on())
        .await?;
        for (chunk, first) in recipients.chunks(ROWS).zip((0_i64..).step_by(ROWS)) {
            let sql = format!(
                "INSERT INTO campaign_recipients (campaign, seq, tenant, recipient, language, given, state, attempt, reply, \
                 tries, at) VALUES {}",
                values(tx.engine, chunk.len(), 11)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (recipient, seq) in chunk.iter().zip(first..) {
                query = query
                    .bind(id.as_str())
                    .bind(seq)
                    .bind(tenant.as_str())
                    .bind(recipient.to.as_str())
                    .bind(recipient.language.as_deref())
                    .bind(json(&recipient.values)?)
                    .bind("waiting")
                    .bind(0_i64)
                    .bind("")
                    .bind(0_i64)
                    .bind(0_i64);
            }
            query.execute(tx.on()).await?;
        }
        tx.commit().await?;
        self.campaign(tenant, &id).await
    }

    /// A campaign.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn campaign(&self, tenant: &TenantId, id: &CampaignId) -> Result<Campaign, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM campaigns WHERE id = $1 AND tenant = $2");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(tenant.as_str())
            .fetch_optional(self.db.read())
            .await?;
        campaign(&row.ok_or_else(|| missing("campaign", id.as_str()))?)
    }

    /// A bot's campaigns, the newest first, `limit` of them, those that follow `after` in that order.
    ///
    /// # Errors
    /// `Missing` when the tenant has no campaign `after`.
    pub async fn campaigns(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        after: Option<&CampaignId>,
        limit: u32,
    ) -> Result<Vec<Campaign>, StoreError> {
        let (at, id) = match after {
            Some(id) => (self.campaign(tenant, id).await?.created_at.millis(), id.as_str()),
            None => (i64::MAX, ""),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM campaigns WHERE tenant = $1 AND bot = $2 AND (created_at < $3 OR (created_at = $3 AND \
             id > $4)) ORDER BY created_at DESC, id LIMIT $5"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str()).bind(bot.as_str());
        let query = query.bind(at).bind(id).bind(i64::from(limit));
        query.fetch_all(self.db.read()).await?.iter().map(campaign).collect()
    }

    /// Whose a campaign is.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_owner(&self, id: &CampaignId) -> Result<Option<TenantId>, StoreError> {
        let row = sqlx::query("SELECT tenant FROM campaigns WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.map(|row| Ok(row.try_get::<String, _>(0)?.into())).transpose()
    }

    /// Moves a campaign, which nothing holds then; false when it does not stand at `from` any more. What had not left when it is cancelled is skipped.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_move(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        (from, to): (State, State),
    ) -> Result<bool, StoreError> {
        self.campaign_put(tenant, id, (from, to), "").await
    }

    /// Pauses a campaign by itself and says why; false when it does not stand at `from` any more.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_hold(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        (from, why): (State, &str),
    ) -> Result<bool, StoreError> {
        self.campaign_put(tenant, id, (from, State::Paused), why).await
    }

    /// Pauses an account's campaigns that run with a template and were not started or resumed since `at`, and says why.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaigns_hold_account(
        &self,
        tenant: &TenantId,
        (channel, account): (ChannelKind, &AccountId),
        why: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // Providers tell whole seconds: what was started within the same one is held, too.
        const SECOND_MS: i64 = 999;
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "UPDATE campaigns SET state = 'paused', held = $1 WHERE tenant = $2 AND channel = $3 AND account = $4 \
             AND state = 'running' AND resumed_at <= $5 AND message LIKE '{\"kind\":\"template\"%'",
        )
        .bind(label(why))
        .bind(tenant.as_str())
        .bind(channel.as_str())
        .bind(account.as_str())
        .bind(at.millis().saturating_add(SECOND_MS))
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// Says why a campaign that runs sends nothing for now; empty = it goes on.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_waits(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin_batch().await?;
        sqlx::query("UPDATE campaigns SET held = $1 WHERE id = $2 AND tenant = $3 AND state = 'running'")
            .bind(label(why))
            .bind(id.as_str())
            .bind(tenant.as_str())
            .execute(tx.on())
            .await?;
        tx.commit().await
    }

    async fn campaign_put(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        (from, to): (State, State),
        why: &str,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let moved = sqlx::query(
            "UPDATE campaigns SET state = $1, held = $6, \
             started_at = CASE WHEN started_at = 0 AND $1 = 'running' THEN $2 ELSE started_at END, \
             resumed_at = CASE WHEN $1 = 'running' THEN $2 ELSE resumed_at END \
             WHERE id = $3 AND tenant = $4 AND state = $5",
        )
        .bind(to.as_str())
        .bind(now)
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(from.as_str())
        .bind(label(why))
        .execute(tx.on())
        .await?;
        if moved.rows_affected() == 1 && to == State::Cancelled {
            sqlx::query(
                "UPDATE campaign_recipients SET state = 'skipped', reason = 'cancelled', at = $1 \
                 WHERE campaign = $2 AND tenant = $3 AND state = 'waiting'",
            )
            .bind(now)
            .bind(id.as_str())
            .bind(tenant.as_str())
            .execute(tx.on())
            .await?;
        }
        tx.commit().await?;
        Ok(moved.rows_affected() == 1)
    }

    /// Has a campaign that is done try again those that failed, and with `in_doubt` also those that may have been told
    /// already; how many. Nothing changes where it is none, or the campaign is not done.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_retry(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        in_doubt: bool,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let moved = sqlx::query(
            "UPDATE campaigns SET state = 'running' WHERE id = $1 AND tenant = $2 AND state = 'done'",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .execute(tx.on())
        .await?;
        let again = sqlx::query(
            "UPDATE campaign_recipients SET state = 'waiting', attempt = attempt + 1, reply = '', reason = NULL, \
             provider_id = NULL, tries = 0 WHERE campaign = $1 AND tenant = $2 AND (state = 'failed' OR state = $3 \
             OR (state = 'sent' AND provider_id IN (SELECT r.message_id FROM receipts r JOIN campaigns c ON c.id = $1 \
             WHERE r.account = c.account AND r.channel = c.channel AND r.tenant = c.tenant AND r.status = 'failed')))",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(if in_doubt { "in_doubt" } else { "failed" })
        .execute(tx.on())
        .await?
        .rows_affected();
        if moved.rows_affected() == 0 || again == 0 {
            tx.rollback().await?;
            return Ok(0);
        }
        tx.commit().await?;
        Ok(again)
    }
}

fn campaign(row: &AnyRow) -> Result<Campaign, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { table: "campaigns", reason };
    let moment = |at: i64| (at != 0).then(|| Timestamp::from_millis(at));
    let message: String = row.try_get(6)?;
    let state: String = row.try_get(9)?;
    Ok(Campaign {
        id: row.try_get::<String, _>(0)?.into(),
        tenant: row.try_get::<String, _>(1)?.into(),
        bot: row.try_get::<String, _>(2)?.into(),
        channel: channel(row.try_get(3)?)?,
        account: row.try_get::<String, _>(4)?.into(),
        name: row.try_get(5)?,
        message: serde_json::from_str(&message).map_err(|error| corrupt(error.to_string()))?,
        rate: u32::try_from(row.try_get::<i64, _>(7)?).ok().filter(|rate| *rate > 0),
        at: moment(row.try_get(8)?),
        state: state.parse().map_err(corrupt)?,
        created_at: Timestamp::from_millis(row.try_get(10)?),
        started_at: moment(row.try_get(11)?),
        held: row.try_get(12)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Invalid(error.to_string()))
}
