//! Raw files between the object store and the database: put and removed by many, kept once for a tenant.
//!
//! Guarantee: a file that a row names is never removed. Who puts one holds it until its row is committed; who removes one says
//! so first, then asks whether anything has it. Both write the same row, so one of them sees the other: a file that somebody
//! holds stays, and one that is just going is put again in a moment. What a lost process holds or removes is free again after
//! a while; what is left behind then is only room.

use std::fmt;
use std::time::Duration;

use crate::domain::ids::TenantId;
use crate::store::Store;
use crate::store::error::StoreError;

/// How long a file is held for whoever is lost, and how long putting it may take: less, so that nobody works without a claim.
const HELD_MS: i64 = 10 * 60_000;
const PUTTING: Duration = Duration::from_mins(8);
/// The same of one that is being removed: who puts it meanwhile has to wait.
const GOING_MS: i64 = 2 * 60_000;
const REMOVING: Duration = Duration::from_secs(90);

impl Store {
    /// Does `work`, which puts a tenant's raw file and notes who needs it, while nobody can remove that file.
    ///
    /// # Errors
    /// `Unavailable` when the file is just being removed, the database can't be reached or the work takes too long: another try
    /// may do better. What the work itself comes to is inside.
    pub async fn file_held<T>(
        &self,
        tenant: &TenantId,
        hash: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        let now = self.now();
        let held = self
            .claim(
                "INSERT INTO file_claims (tenant, hash, holders, held_until, going_until) VALUES ($1, $2, 1, $3, 0) \
                 ON CONFLICT (tenant, hash) DO UPDATE SET \
                 holders = CASE WHEN file_claims.held_until > $4 THEN file_claims.holders + 1 ELSE 1 END, \
                 held_until = EXCLUDED.held_until, going_until = 0 WHERE file_claims.going_until <= $4",
                (tenant, hash),
                [now + HELD_MS, now],
            )
            .await?;
        if !held {
            return Err(StoreError::Unavailable("the file is just being removed: try again".to_owned()));
        }
        let done = tokio::time::timeout(PUTTING, work).await;
        // A claim that can't be given back lapses: until then the file only stays.
        if let Err(error) = self.file_release(tenant, hash).await {
            tracing::debug!(%error, %tenant, hash, "a file is held for longer than it need be");
        }
        done.map_err(|_| StoreError::Unavailable("keeping the file took too long: try again".to_owned()))
    }

    async fn file_release(&self, tenant: &TenantId, hash: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for statement in [
            "UPDATE file_claims SET holders = holders - 1 WHERE tenant = $1 AND hash = $2 AND holders > 0",
            "DELETE FROM file_claims WHERE tenant = $1 AND hash = $2 AND holders = 0 AND going_until = 0",
        ] {
            sqlx::query(statement).bind(tenant.as_str()).bind(hash).execute(tx.on()).await?;
        }
        tx.commit().await
    }

    /// Removes a tenant's raw file by `delete` when nothing has it any more and nobody is putting it; true when it is gone.
    ///
    /// # Errors
    /// When that can't be found out or done now; it is said here, and what is left behind is only room.
    pub async fn file_drop_unused<E: fmt::Display>(
        &self,
        tenant: &TenantId,
        hash: &str,
        delete: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, StoreError> {
        let dropped = self.drop_claimed(tenant, hash, delete).await;
        if let Err(error) = &dropped {
            tracing::warn!(%error, %tenant, hash, "a file that nobody needs could not be deleted");
        }
        dropped
    }

    async fn drop_claimed<E: fmt::Display>(
        &self,
        tenant: &TenantId,
        hash: &str,
        delete: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let mine = self
            .claim(
                "INSERT INTO file_claims (tenant, hash, holders, held_until, going_until) VALUES ($1, $2, 0, 0, $3) \
                 ON CONFLICT (tenant, hash) DO UPDATE SET holders = 0, held_until = 0, \
                 going_until = EXCLUDED.going_until WHERE file_claims.going_until <= $4 \
                 AND (file_claims.holders = 0 OR file_claims.held_until <= $4)",
                (tenant, hash),
                [now + GOING_MS, now],
            )
            .await?;
        if !mine {
            return Ok(false);
        }
        // Asked after the claim: who had it before has written its row by now.
        let done = match self.base_file_used(tenant, hash).await {
            Ok(true) => Ok(false),
            Ok(false) => match tokio::time::timeout(REMOVING, delete).await {
                Ok(Ok(())) => Ok(true),
                Ok(Err(error)) => Err(StoreError::Unavailable(format!("deleting it failed: {error}"))),
                Err(_) => Err(StoreError::Unavailable("deleting it took too long".to_owned())),
            },
            Err(error) => Err(error),
        };
        let mut tx = self.db.begin().await?;
        sqlx::query("DELETE FROM file_claims WHERE tenant = $1 AND hash = $2 AND going_until = $3")
            .bind(tenant.as_str())
            .bind(hash)
            .bind(now + GOING_MS)
            .execute(tx.on())
            .await?;
        tx.commit().await?;
        done
    }

    /// True when the row was written.
    async fn claim(
        &self,
        sql: &'static str,
        (tenant, hash): (&TenantId, &str),
        times: [i64; 2],
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let query = sqlx::query(sql).bind(tenant.as_str()).bind(hash).bind(times[0]).bind(times[1]);
        let done = query.execute(tx.on()).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}
