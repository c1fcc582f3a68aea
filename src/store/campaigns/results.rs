//! What became of a campaign's recipients. A provider's word on a message that it took comes later, by receipts: the furthest
//! one counts, and a failure told that way is a failure.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use crate::domain::campaign::Outcome;
use crate::domain::ids::{CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::timeline::placeholders;

/// How many recipients came how far. `total` = queued + sent + failed + `in_doubt` + skipped; of those sent, so many were
/// delivered, and of these so many read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// Not ended.
    pub queued: u64,
    /// Taken by the provider.
    pub sent: u64,
    /// On the person's device.
    pub delivered: u64,
    /// Seen.
    pub read: u64,
    /// Refused, expired or given up.
    pub failed: u64,
    /// Perhaps sent.
    pub in_doubt: u64,
    /// Not tried.
    pub skipped: u64,
}

impl Counts {
    fn add(&mut self, outcome: Outcome, n: u64) {
        self.total += n;
        match outcome {
            Outcome::Queued => self.queued += n,
            Outcome::Sent => self.sent += n,
            Outcome::Delivered => (self.sent, self.delivered) = (self.sent + n, self.delivered + n),
            Outcome::Read => {
                self.sent += n;
                self.delivered += n;
                self.read += n;
            }
            Outcome::Failed => self.failed += n,
            Outcome::InDoubt => self.in_doubt += n,
            Outcome::Skipped => self.skipped += n,
        }
    }
}

/// A recipient and what became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientLine {
    /// The place in the campaign, from 0.
    pub seq: u64,
    /// The provider's id.
    pub to: String,
    /// What became of them.
    pub outcome: Outcome,
    /// Why, where it is not what was wanted.
    pub reason: Option<String>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// How many times the provider was called.
    pub tries: u32,
    /// When it ended or was last moved; `None` = never.
    pub at: Option<Timestamp>,
}

/// A recipient with the furthest receipt of its message. Messenger and Instagram tell up to when everything of a conversation
/// was delivered and read; `receipts.rank` is that moment.
const JOINED: &str = "campaign_recipients r JOIN campaigns c ON c.id = r.campaign LEFT JOIN receipts x \
     ON x.account = c.account AND x.message_id = r.provider_id AND x.channel = c.channel AND x.tenant = c.tenant \
     LEFT JOIN parts p ON c.channel IN ('messenger', 'instagram') AND r.state = 'sent' AND p.reply = r.reply AND p.part = 0 \
     AND p.tenant = r.tenant LEFT JOIN receipts d ON d.account = c.account AND d.channel = c.channel \
     AND d.tenant = c.tenant AND d.message_id = 'upto/delivered/' || p.conversation AND d.rank >= r.at \
     LEFT JOIN receipts w ON w.account = c.account AND w.channel = c.channel AND w.tenant = c.tenant \
     AND w.message_id = 'upto/read/' || p.conversation AND w.rank >= r.at";

/// The furthest of what was told of it.
const RECEIPT: &str = "CASE WHEN x.status = 'failed' THEN 'failed' \
     WHEN x.status IN ('read', 'played') OR w.status IS NOT NULL THEN 'read' \
     WHEN x.status = 'delivered' OR d.status IS NOT NULL THEN 'delivered' ELSE COALESCE(x.status, '') END";

impl Store {
    /// How far a campaign is.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_counts(&self, tenant: &TenantId, id: &CampaignId) -> Result<Counts, StoreError> {
        let found = self.campaigns_counts(tenant, std::slice::from_ref(id)).await?;
        Ok(found.get(id).copied().unwrap_or_default())
    }

    /// How far each of these campaigns is; one without recipients is left out.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaigns_counts(
        &self,
        tenant: &TenantId,
        ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Counts>, StoreError> {
        let mut found: HashMap<CampaignId, Counts> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let sql = format!(
            "SELECT r.campaign, r.state, {RECEIPT}, COUNT(*) FROM {JOINED} WHERE r.tenant = $1 AND r.campaign IN ({}) \
             GROUP BY r.campaign, r.state, {RECEIPT}",
            placeholders(2, ids.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(tenant.as_str());
        let query = ids.iter().fold(query, |query, id| query.bind(id.as_str()));
        for row in query.fetch_all(self.db.read()).await? {
            let (state, receipt): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let counts = found.entry(row.try_get::<String, _>(0)?.into()).or_default();
            counts.add(outcome(&state, &receipt)?, row.try_get::<i64, _>(3)?.unsigned_abs());
        }
        Ok(found)
    }

    /// Recipients in their order, `limit` from `from` on.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_results(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<RecipientLine>, StoreError> {
        let sql = format!(
            "SELECT r.seq, r.recipient, r.state, {RECEIPT}, r.reason, r.provider_id, r.tries, r.at, \
             COALESCE(w.at, x.at, d.at, 0), COALESCE(x.errors, '') \
             FROM {JOINED} WHERE r.campaign = $1 AND r.tenant = $2 AND r.seq >= $3 ORDER BY r.seq LIMIT $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(tenant.as_str())
            .bind(i64::try_from(from).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(self.db.read())
            .await?;
        let line = |row: &sqlx::any::AnyRow| {
            let (state, receipt): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            let (at, later): (i64, i64) = (row.try_get(7)?, row.try_get(8)?);
            let errors: String = row.try_get(9)?;
            let outcome = outcome(&state, &receipt)?;
            let told = (outcome == Outcome::Failed && receipt == "failed").then_some(errors);
            Ok(RecipientLine {
                seq: row.try_get::<i64, _>(0)?.unsigned_abs(),
                to: row.try_get(1)?,
                outcome,
                reason: told.or(row.try_get(4)?),
                provider_id: row.try_get(5)?,
                tries: u32::try_from(row.try_get::<i64, _>(6)?).unwrap_or_default(),
                at: Some(at.max(later)).filter(|at| *at != 0).map(Timestamp::from_millis),
            })
        };
        rows.iter().map(line).collect()
    }
}

fn outcome(state: &str, receipt: &str) -> Result<Outcome, StoreError> {
    Ok(match (state, receipt) {
        ("waiting" | "leaving" | "queued", _) => Outcome::Queued,
        ("sent", "failed") | ("failed", _) => Outcome::Failed,
        ("sent", "delivered") => Outcome::Delivered,
        ("sent", "read" | "played") => Outcome::Read,
        ("sent", _) => Outcome::Sent,
        ("in_doubt", _) => Outcome::InDoubt,
        ("skipped", _) => Outcome::Skipped,
        (other, _) => {
            let reason = format!("`{other}` is no state of a recipient");
            return Err(StoreError::Corrupt { table: "campaign_recipients", reason });
        }
    })
}
