//! What became of a campaign's recipients. A provider's word on a message that it took comes later, by receipts: the furthest
//! one counts, and a failure told that way is a failure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use crate::domain::campaign::Outcome;
use crate::domain::ids::{CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;

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

/// A recipient with the furthest receipt of its message.
const JOINED: &str = "campaign_recipients r JOIN campaigns c ON c.id = r.campaign LEFT JOIN receipts x \
     ON x.account = c.account AND x.message_id = r.provider_id AND x.channel = c.channel AND x.tenant = c.tenant";

impl Store {
    /// How far a campaign is.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_counts(&self, tenant: &TenantId, id: &CampaignId) -> Result<Counts, StoreError> {
        let sql = format!(
            "SELECT r.state, COALESCE(x.status, ''), COUNT(*) FROM {JOINED} WHERE r.campaign = $1 AND r.tenant = $2 \
             GROUP BY r.state, COALESCE(x.status, '')"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(tenant.as_str())
            .fetch_all(self.db.read())
            .await?;
        let mut counts = Counts::default();
        for row in rows {
            let (state, receipt): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let n = row.try_get::<i64, _>(2)?.unsigned_abs();
            counts.total += n;
            match outcome(&state, &receipt)? {
                Outcome::Queued => counts.queued += n,
                Outcome::Sent => counts.sent += n,
                Outcome::Delivered => {
                    (counts.sent, counts.delivered) = (counts.sent + n, counts.delivered + n)
                }
                Outcome::Read => {
                    counts.sent += n;
                    counts.delivered += n;
                    counts.read += n;
                }
                Outcome::Failed => counts.failed += n,
                Outcome::InDoubt => counts.in_doubt += n,
                Outcome::Skipped => counts.skipped += n,
            }
        }
        Ok(counts)
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
            "SELECT r.seq, r.recipient, r.state, COALESCE(x.status, ''), r.reason, r.provider_id, r.tries, r.at, \
             COALESCE(x.at, 0), COALESCE(x.errors, '') \
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
