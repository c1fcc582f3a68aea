//! Campaigns as their worker sees them.
//!
//! Guarantees: one worker at a time works on a campaign, for as long as it says and goes on saying; a recipient whose message
//! may stand on the log is known as `leaving` before it does, with the moment that its message was made, so that whoever
//! takes over makes the very same message again.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row};

use super::campaign;
use crate::domain::campaign::Campaign;
use crate::domain::ids::{CampaignId, EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::timeline::placeholders;

/// The most campaigns that are looked at in a turn, and the most outcomes that are noted.
const MOST: i64 = 1000;

/// A campaign with work to do.
#[derive(Debug, Clone)]
pub struct Due {
    /// Which.
    pub campaign: Campaign,
    /// The names of the recipients' values.
    pub variables: Vec<String>,
}

/// A recipient whose message is to be put on the log.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// The place in the campaign.
    pub seq: u64,
    /// The provider's id.
    pub to: String,
    /// Their language.
    pub language: Option<String>,
    /// A value for each variable.
    pub values: Vec<String>,
    /// Which try, from 0.
    pub attempt: u32,
    /// When its message was made.
    pub at: Timestamp,
}

/// What a turn of noting outcomes found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Recipients that ended.
    pub ended: u64,
    /// Why, for those of them who got nothing.
    pub failed: Vec<String>,
    /// Recipients whose messages stand on the log and have not ended.
    pub open: u64,
    /// Somebody has not left.
    pub waiting: bool,
}

impl Store {
    /// Campaigns that run, whose time has come, or of which something is on its way.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaigns_due(&self) -> Result<Vec<Due>, StoreError> {
        let sql = format!(
            "SELECT {}, variables FROM campaigns WHERE state = 'running' OR (state = 'scheduled' AND at <= $1) OR id IN \
             (SELECT campaign FROM campaign_recipients WHERE state IN ('leaving', 'queued')) LIMIT $2",
            super::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(self.now()).bind(MOST);
        let due = |row: &sqlx::any::AnyRow| -> Result<Due, StoreError> {
            Ok(Due { campaign: campaign(row)?, variables: list(row.try_get(13)?)? })
        };
        // One that a newer program made is left to that one, and holds up no other.
        let readable = |row: &sqlx::any::AnyRow| {
            due(row).inspect_err(|error| tracing::error!(%error, "a campaign can't be read and waits")).ok()
        };
        Ok(query.fetch_all(self.db.read()).await?.iter().filter_map(readable).collect())
    }

    /// Takes a campaign, or keeps it, for so long; false when another worker has it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_claim(
        &self,
        id: &CampaignId,
        worker: &str,
        span: Duration,
    ) -> Result<bool, StoreError> {
        let now = Timestamp::from_millis(self.now());
        let mut tx = self.db.begin_batch().await?;
        let taken = sqlx::query(
            "UPDATE campaigns SET worker = $1, worker_until = $2 WHERE id = $3 AND (worker = $1 OR worker_until < $4)",
        )
        .bind(worker)
        .bind(now.plus(span).millis())
        .bind(id.as_str())
        .bind(now.millis())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Recipients that were leaving when their worker ended.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_leaving(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> Result<Vec<Leaving>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, recipient, language, given, attempt, at FROM campaign_recipients \
             WHERE campaign = $1 AND tenant = $2 AND state = 'leaving' ORDER BY seq",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .fetch_all(self.db.read())
        .await?;
        rows.iter().map(leaving).collect()
    }

    /// The next recipients that wait, `most` of them: from now on they are leaving. None where the campaign does not run any
    /// more, or is another worker's.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_take(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        (worker, span): (&str, Duration),
        most: u32,
    ) -> Result<Vec<Leaving>, StoreError> {
        let now = Timestamp::from_millis(self.now());
        let mut tx = self.db.begin().await?;
        // Locks the campaign, so that nobody pauses or cancels it between the look and the mark.
        let mine = sqlx::query(
            "UPDATE campaigns SET worker_until = $1 WHERE id = $2 AND tenant = $3 AND worker = $4 AND state = 'running'",
        )
        .bind(now.plus(span).millis())
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(worker)
        .execute(tx.on())
        .await?;
        if mine.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "SELECT seq, recipient, language, given, attempt, at FROM campaign_recipients \
             WHERE campaign = $1 AND tenant = $2 AND state = 'waiting' ORDER BY seq LIMIT $3",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(i64::from(most))
        .fetch_all(tx.on())
        .await?;
        let mut taken = rows.iter().map(leaving).collect::<Result<Vec<_>, _>>()?;
        taken.iter_mut().for_each(|one| one.at = now);
        let places: Vec<u64> = taken.iter().map(|one| one.seq).collect();
        mark(&mut tx, (tenant, id), &places, "leaving", Some(now)).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Messages stand on the log; each recipient's with its id.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_queued(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        replies: &[(u64, EventId)],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for (seq, reply) in replies {
            sqlx::query(
                "UPDATE campaign_recipients SET state = 'queued', reply = $1 \
                 WHERE campaign = $2 AND tenant = $3 AND seq = $4 AND state = 'leaving'",
            )
            .bind(reply.to_string())
            .bind(id.as_str())
            .bind(tenant.as_str())
            .bind(i64::try_from(*seq).unwrap_or(i64::MAX))
            .execute(tx.on())
            .await?;
        }
        tx.commit().await
    }

    /// Recipients that are not told, and why.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_skip(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        skipped: &[(u64, String)],
    ) -> Result<(), StoreError> {
        let now = Timestamp::from_millis(self.now());
        let mut tx = self.db.begin().await?;
        for (seq, reason) in skipped {
            sqlx::query(
                "UPDATE campaign_recipients SET state = 'skipped', reason = $1, at = $2 \
                 WHERE campaign = $3 AND tenant = $4 AND seq = $5 AND state = 'leaving'",
            )
            .bind(reason.as_str())
            .bind(now.millis())
            .bind(id.as_str())
            .bind(tenant.as_str())
            .bind(i64::try_from(*seq).unwrap_or(i64::MAX))
            .execute(tx.on())
            .await?;
        }
        tx.commit().await
    }

    /// Notes what became of messages, as the timeline knows it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_settle(&self, tenant: &TenantId, id: &CampaignId) -> Result<Settled, StoreError> {
        let rows = sqlx::query(
            "SELECT r.seq, p.status, p.of_parts, p.reason, p.provider_id, p.attempt, p.at FROM campaign_recipients r \
             JOIN parts p ON p.reply = r.reply AND p.tenant = r.tenant \
             WHERE r.campaign = $1 AND r.tenant = $2 AND r.state = 'queued' ORDER BY r.seq, p.part LIMIT $3",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(MOST)
        .fetch_all(self.db.read())
        .await?;
        let mut ends: Vec<(i64, End)> = Vec::new();
        for row in &rows {
            let (seq, part) = (row.try_get(0)?, End::of(row)?);
            match ends.last_mut() {
                Some((last, end)) if *last == seq => end.join(part),
                _ => ends.push((seq, part)),
            }
        }
        let mut settled = Settled::default();
        let mut tx = self.db.begin_batch().await?;
        for (seq, end) in ends.iter().filter(|(_, end)| end.parts >= end.of) {
            sqlx::query(
                "UPDATE campaign_recipients SET state = $1, reason = $2, provider_id = $3, tries = $4, at = $5 \
                 WHERE campaign = $6 AND tenant = $7 AND seq = $8 AND state = 'queued'",
            )
            .bind(end.state)
            .bind(end.reason.as_deref())
            .bind(end.provider_id.as_deref())
            .bind(end.tries)
            .bind(end.at)
            .bind(id.as_str())
            .bind(tenant.as_str())
            .bind(seq)
            .execute(tx.on())
            .await?;
            settled.ended += 1;
            settled.failed.extend(end.reason.clone().filter(|_| end.state == "failed"));
        }
        tx.commit().await?;
        let left = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM campaign_recipients \
             WHERE campaign = $1 AND tenant = $2 AND state IN ('leaving', 'queued')), \
             (SELECT COUNT(*) FROM (SELECT seq FROM campaign_recipients \
             WHERE campaign = $1 AND tenant = $2 AND state = 'waiting' LIMIT 1) AS one)",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .fetch_one(self.db.read())
        .await?;
        settled.open = left.try_get::<i64, _>(0)?.unsigned_abs();
        settled.waiting = left.try_get::<i64, _>(1)? > 0;
        Ok(settled)
    }
}

/// What became of a message: of all its parts together.
#[derive(Debug)]
struct End {
    state: &'static str,
    reason: Option<String>,
    provider_id: Option<String>,
    tries: i64,
    at: i64,
    parts: i64,
    of: i64,
}

impl End {
    fn of(row: &sqlx::any::AnyRow) -> Result<Self, StoreError> {
        let status: String = row.try_get(1)?;
        let state = match status.as_str() {
            "sent" => "sent",
            "in_doubt" => "in_doubt",
            _ => "failed",
        };
        let reason: Option<String> = row.try_get(3)?;
        Ok(Self {
            state,
            reason: if state == "sent" { None } else { reason.or(Some(status)) },
            provider_id: row.try_get(4)?,
            tries: row.try_get(5)?,
            at: row.try_get(6)?,
            parts: 1,
            of: row.try_get(2)?,
        })
    }

    /// Of equals the first counts: a later part fails because an earlier one did. Who got a part and not the whole is in
    /// doubt: to try again would say that part twice.
    fn join(&mut self, part: Self) {
        let mixed = self.state != part.state;
        if mixed && self.state != "in_doubt" {
            let why = part.reason.or_else(|| self.reason.take()).unwrap_or_default();
            (self.state, self.reason) = ("in_doubt", Some(format!("sent in part: {why}")));
        }
        self.tries += part.tries;
        self.at = self.at.max(part.at);
        self.parts += 1;
    }
}

async fn mark(
    tx: &mut Tx,
    (tenant, id): (&TenantId, &CampaignId),
    places: &[u64],
    state: &'static str,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    for chunk in places.chunks(super::ROWS) {
        let sql = format!(
            "UPDATE campaign_recipients SET state = $1, at = $2 WHERE campaign = $3 AND tenant = $4 AND state = 'waiting' \
             AND seq IN ({})",
            placeholders(5, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(state)
            .bind(at.map_or(0, Timestamp::millis))
            .bind(id.as_str())
            .bind(tenant.as_str());
        for seq in chunk {
            query = query.bind(i64::try_from(*seq).unwrap_or(i64::MAX));
        }
        query.execute(tx.on()).await?;
    }
    Ok(())
}

fn leaving(row: &sqlx::any::AnyRow) -> Result<Leaving, StoreError> {
    Ok(Leaving {
        seq: row.try_get::<i64, _>(0)?.unsigned_abs(),
        to: row.try_get(1)?,
        language: row.try_get(2)?,
        values: list(row.try_get(3)?)?,
        attempt: u32::try_from(row.try_get::<i64, _>(4)?).unwrap_or_default(),
        at: Timestamp::from_millis(row.try_get(5)?),
    })
}

fn list(text: String) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&text)
        .map_err(|error| StoreError::Corrupt { table: "campaign_recipients", reason: error.to_string() })
}
