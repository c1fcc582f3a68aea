//! Which snapshot of a knowledge base counts, and which are to be deleted.
//!
//! Guarantees: what counts never goes back, neither to an older version of the knowledge base nor to an older format, whoever
//! writes last; a snapshot counts only after its writer said that all of it is there, and not when its knowledge base is gone
//! by then; every snapshot that was begun stands in one of the two tables until its files are deleted, so none is forgotten,
//! and none that counts is deleted.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::Store;
use super::super::db::Tx;
use super::super::error::StoreError;
use super::super::timeline::placeholders;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::time::Timestamp;

/// A snapshot as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSnapshot {
    /// Names its files; empty where there was too little to keep.
    pub snapshot: String,
    /// The knowledge base's version, up to which it speaks.
    pub version: i64,
    /// The format of its files.
    pub format: i64,
    /// The model of its vectors; empty without vectors.
    pub model: String,
    /// Its files.
    pub manifest: String,
    /// Somebody found it damaged, or not there: any other is better.
    pub doubted: bool,
}

/// What makes a snapshot due.
#[derive(Debug, Clone, Copy)]
pub struct DueSnapshot<'a> {
    /// The format that is written.
    pub format: i64,
    /// The model at hand; empty without one.
    pub model: &'a str,
    /// What changed last before this moment has come to rest.
    pub settled: Timestamp,
    /// What was written last before this moment is due although it changes.
    pub late: Timestamp,
}

const OF: &str = "WHERE tenant = $1 AND base = $2";

impl Store {
    /// The snapshot of a knowledge base that counts; `None` where none was written.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshot(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<Option<BaseSnapshot>, StoreError> {
        const COLUMNS: &str =
            "SELECT snapshot, version, format, model, manifest, doubted FROM base_snapshots";
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} {OF}")))
            .bind(tenant.as_str())
            .bind(base.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Knowledge bases whose snapshot is missing or behind, at most `limit`, in order from behind `after` on.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshots_due(
        &self,
        due: DueSnapshot<'_>,
        after: Option<&(TenantId, BaseId)>,
        limit: i64,
    ) -> Result<Vec<(TenantId, BaseId)>, StoreError> {
        let (tenant, base) = after.map_or(("", ""), |(tenant, base)| (tenant.as_str(), base.as_str()));
        let rows = sqlx::query(
            "SELECT b.tenant, b.base FROM knowledge_bases b \
             LEFT JOIN base_snapshots s ON s.tenant = b.tenant AND s.base = b.base WHERE b.removed = 0 \
             AND (s.version IS NULL OR s.version < b.version OR s.format < $1 \
             OR s.doubted = 1 OR (s.snapshot <> '' AND s.model <> $2 AND $2 <> '')) \
             AND (b.updated_at <= $3 OR COALESCE(s.written_at, b.created_at) <= $4) \
             AND (b.tenant > $5 OR (b.tenant = $5 AND b.base > $6)) ORDER BY b.tenant, b.base LIMIT $7",
        )
        .bind(due.format)
        .bind(due.model)
        .bind(due.settled.millis())
        .bind(due.late.millis())
        .bind(tenant)
        .bind(base)
        .bind(limit)
        .fetch_all(self.db.read())
        .await?;
        let pair = |row: &AnyRow| -> Result<_, StoreError> {
            Ok((row.try_get::<String, _>(0)?.into(), row.try_get::<String, _>(1)?.into()))
        };
        rows.iter().map(pair).collect()
    }

    /// Notes that files of a snapshot are about to be written: should their writer die, they are deleted some time later.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshot_begin(&self, tenant: &TenantId, snapshot: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query("INSERT INTO old_snapshots (snapshot, tenant, since) VALUES ($1, $2, $3)")
            .bind(snapshot)
            .bind(tenant.as_str())
            .bind(self.now())
            .execute(tx.on())
            .await?;
        tx.commit().await
    }

    /// Makes a snapshot count, whose files are all there. False when a better one counts, the knowledge base is gone, or
    /// its files are being deleted since it took too long: nothing changes then.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshot_publish(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        new: &BaseSnapshot,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        // The knowledge base's row is what two writers meet at, and whoever removes it.
        // A version that it never had is of one that is gone, with another tenant of the same name.
        let live = "UPDATE knowledge_bases SET removed = 0 \
                    WHERE tenant = $1 AND base = $2 AND removed = 0 AND version >= $3";
        let live = sqlx::query(live).bind(tenant.as_str()).bind(base.as_str()).bind(new.version);
        let live = live.execute(tx.on()).await?;
        if live.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT snapshot, version, format, model, manifest, doubted FROM base_snapshots {OF}"
        )))
        .bind(tenant.as_str())
        .bind(base.as_str())
        .fetch_optional(tx.on())
        .await?;
        let old = row.as_ref().map(read).transpose()?;
        let mut wins = old.as_ref().is_none_or(|old| new.outdoes(old));
        if wins && !new.snapshot.is_empty() {
            let begun =
                sqlx::query("DELETE FROM old_snapshots WHERE snapshot = $1 AND tenant = $2 AND since > 0")
                    .bind(&new.snapshot)
                    .bind(tenant.as_str())
                    .execute(tx.on())
                    .await?;
            wins = begun.rows_affected() > 0;
        }
        if !wins {
            tx.rollback().await?;
            return Ok(false);
        }
        self.base_snapshot_retire(&mut tx, tenant, Some(base)).await?;
        sqlx::query(
            "INSERT INTO base_snapshots \
             (tenant, base, snapshot, version, format, model, manifest, doubted, written_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(&new.snapshot)
        .bind(new.version)
        .bind(new.format)
        .bind(&new.model)
        .bind(&new.manifest)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that somebody could not use a snapshot that counts, or that it is sound after all. It counts on until another
    /// takes its place.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshot_doubt(&self, snapshot: &str, doubted: bool) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query("UPDATE base_snapshots SET doubted = $2 WHERE snapshot = $1 AND snapshot <> ''")
            .bind(snapshot)
            .bind(i64::from(doubted))
            .execute(tx.on())
            .await?;
        tx.commit().await
    }

    /// Of these snapshots, those that count.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshots_counting(&self, snapshots: &[String]) -> Result<Vec<String>, StoreError> {
        let list = placeholders(1, snapshots.len());
        let sql =
            format!("SELECT snapshot FROM base_snapshots WHERE snapshot <> '' AND snapshot IN ({list})");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for snapshot in snapshots {
            query = query.bind(snapshot);
        }
        let rows = query.fetch_all(self.db.read()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Takes snapshots that have not counted since `before`, at most `limit`: from then on they can't count any more, and
    /// their files are to be deleted. Gives those too that were taken and not [forgotten](Self::base_snapshot_forget).
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_snapshots_take_old(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(TenantId, String)>, StoreError> {
        let mut tx = self.db.begin().await?;
        let rows = sqlx::query(
            "UPDATE old_snapshots SET since = 0 WHERE snapshot IN \
             (SELECT snapshot FROM old_snapshots WHERE since <= $1 ORDER BY since LIMIT $2) \
             AND since <= $1 RETURNING tenant, snapshot",
        )
        .bind(before.millis())
        .bind(limit)
        .fetch_all(tx.on())
        .await?;
        tx.commit().await?;
        rows.iter().map(|row| Ok((row.try_get::<String, _>(0)?.into(), row.try_get(1)?))).collect()
    }

    /// Notes that the files of a snapshot that was taken are deleted.
    ///
    /// # Errors
    /// When the database can't be reached: it is then taken again.
    pub async fn base_snapshot_forget(&self, snapshot: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query("DELETE FROM old_snapshots WHERE snapshot = $1 AND since = 0")
            .bind(snapshot)
            .execute(tx.on())
            .await?;
        tx.commit().await
    }

    /// Lets the snapshot of a knowledge base count no more, or those of all of a tenant's.
    pub(in crate::store) async fn base_snapshot_retire(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        base: Option<&BaseId>,
    ) -> Result<(), StoreError> {
        const WHOSE: &str = "WHERE tenant = $1 AND (base = $2 OR $2 = '')";
        let base = base.map_or("", BaseId::as_str);
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO old_snapshots (snapshot, tenant, since) \
             SELECT snapshot, tenant, CAST($3 AS BIGINT) FROM base_snapshots {WHOSE} AND snapshot <> ''"
        )))
        .bind(tenant.as_str())
        .bind(base)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM base_snapshots {WHOSE}")))
            .bind(tenant.as_str())
            .bind(base)
            .execute(tx.on())
            .await?;
        Ok(())
    }
}

impl BaseSnapshot {
    /// Whether this one is to count where `old` does: the newer version wins, then the newer format; where both are the same,
    /// one with vectors of another model than `old`'s, and any where `old` is doubted.
    #[must_use]
    pub fn outdoes(&self, old: &Self) -> bool {
        let order = (self.version, self.format).cmp(&(old.version, old.format));
        let better = old.doubted || (!self.model.is_empty() && self.model != old.model);
        order.is_gt() || (order.is_eq() && better)
    }
}

fn read(row: &AnyRow) -> Result<BaseSnapshot, StoreError> {
    Ok(BaseSnapshot {
        snapshot: row.try_get(0)?,
        version: row.try_get(1)?,
        format: row.try_get(2)?,
        model: row.try_get(3)?,
        manifest: row.try_get(4)?,
        doubted: row.try_get::<i64, _>(5)? != 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot() -> impl Strategy<Value = BaseSnapshot> {
        (0..4_i64, 0..3_i64, "[ab]?").prop_map(|(version, format, model)| BaseSnapshot {
            snapshot: "s".to_owned(),
            version,
            format,
            model,
            manifest: String::new(),
            doubted: false,
        })
    }

    proptest! {
        /// In whatever order writers come, what counts never goes back, and in the end nothing is left that would be newer.
        #[test]
        fn what_counts_never_goes_back(coming in proptest::collection::vec(snapshot(), 1..12)) {
            let mut counts: Option<BaseSnapshot> = None;
            for new in &coming {
                let wins = counts.as_ref().is_none_or(|old| new.outdoes(old));
                if wins {
                    if let Some(old) = &counts {
                        prop_assert!((new.version, new.format) >= (old.version, old.format));
                        prop_assert!(!new.model.is_empty() || (new.version, new.format) > (old.version, old.format));
                    }
                    counts = Some(new.clone());
                }
            }
            let best = coming.iter().map(|one| (one.version, one.format)).max();
            prop_assert_eq!(counts.map(|one| (one.version, one.format)), best);
        }
    }
}
