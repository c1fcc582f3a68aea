//! Files that a tenant's bots send: which there are, how much room they take, and which nobody needs any more.
//!
//! Guarantees: a bot names only files that the object store has; a file goes only when no bot of its tenant named it for
//! [`UNUSED`], and whoever puts or names one that is just going is told so; a tenant's files stay within its room, but for
//! what is put at the same moment.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::Row;

use crate::domain::bot::BotSpec;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::media::files_of;
use crate::domain::units::Size;
use crate::store::Store;
use crate::store::bots::content;
use crate::store::db::Tx;
use crate::store::error::StoreError;

/// How long a file stays that no bot names: replies and pages that were told of it may still want it.
const UNUSED: Duration = Duration::from_secs(7 * 86_400);

/// How long removing one may take; after that it can be put anew.
const GOING_MS: i64 = 10 * 60_000;

/// Files that go at once; the next change of a bot takes more.
const BATCH: i64 = 64;

impl Store {
    /// Makes room for a file that is about to be put: nobody removes it from now on.
    ///
    /// # Errors
    /// `Invalid` when the tenant's files would take more than they may, or the file is just being removed.
    pub async fn file_claim(&self, tenant: &TenantId, hash: &str, bytes: u64) -> Result<(), StoreError> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let used = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN hash = $2 THEN 0 ELSE bytes END), 0) AS BIGINT) FROM files \
             WHERE tenant = $1",
        )
        .bind(tenant.as_str())
        .bind(hash)
        .fetch_one(tx.on())
        .await?;
        let used = u64::try_from(used.try_get::<i64, _>(0)?).unwrap_or_default();
        if used.saturating_add(bytes) > self.config.files.bytes() {
            let (used, room, own) = (Size::from_bytes(used), self.config.files, Size::from_bytes(bytes));
            let days = UNUSED.as_secs() / 86_400;
            return Err(StoreError::Invalid(format!(
                "the tenant's files take {used}, and with {own} more they would take more than the {room} that they may: name \
                 fewer in the bots, which lets the others go after {days} days, or raise store.files"
            )));
        }
        let done = sqlx::query(
            "INSERT INTO files (tenant, hash, bytes, created_at, used_at, state) VALUES ($1, $2, $3, $4, $4, 'coming') \
             ON CONFLICT (tenant, hash) DO UPDATE SET used_at = EXCLUDED.used_at, \
             state = CASE WHEN files.state = 'going' THEN 'coming' ELSE files.state END \
             WHERE files.state <> 'going' OR files.used_at <= $5",
        )
        .bind(tenant.as_str())
        .bind(hash)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(now)
        .bind(now - GOING_MS)
        .execute(tx.on())
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Invalid(
                "the file is just being removed, since no bot named it: put it again in a minute".to_owned(),
            ));
        }
        tx.commit().await
    }

    /// The object store has the file: bots may name it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn file_stored(&self, tenant: &TenantId, hash: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "UPDATE files SET state = 'stored', used_at = $3 WHERE tenant = $1 AND hash = $2 AND state <> 'going'",
        )
        .bind(tenant.as_str())
        .bind(hash)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// How many bytes a file has that a tenant's bots may name; `None` where there is none.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn file_bytes(&self, tenant: &TenantId, hash: &str) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT bytes FROM files WHERE tenant = $1 AND hash = $2 AND state = 'stored'")
            .bind(tenant.as_str())
            .bind(hash)
            .fetch_optional(self.db.read())
            .await?;
        let bytes: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()))
    }

    /// Takes files out of use that no bot of the tenant has named for a week, a few at a time, and gives their hashes:
    /// whoever asked deletes them, then says [`Store::file_gone`]. One that an earlier caller left behind is among them.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn files_unused(&self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        let now = self.now();
        let before = now - i64::try_from(UNUSED.as_millis()).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        let rows = sqlx::query(
            "SELECT hash FROM files WHERE tenant = $1 AND ((state = 'going' AND used_at <= $2) OR \
             (state <> 'going' AND used_at <= $3)) ORDER BY used_at LIMIT $4",
        )
        .bind(tenant.as_str())
        .bind(now - GOING_MS)
        .bind(before)
        .bind(BATCH)
        .fetch_all(tx.on())
        .await?;
        let old: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        if old.is_empty() {
            tx.rollback().await?;
            return Ok(old);
        }
        let named = named(&mut tx, tenant).await?;
        let mut gone = Vec::new();
        for hash in old {
            // A named one is looked at again when its bot changes; whoever names one now has set `used_at`, so it stays.
            let state = if named.contains(&hash) { "stored" } else { "going" };
            let done = sqlx::query(
                "UPDATE files SET state = $3, used_at = $4 WHERE tenant = $1 AND hash = $2 AND used_at <= $5",
            )
            .bind(tenant.as_str())
            .bind(hash.as_str())
            .bind(state)
            .bind(now)
            .bind(now - GOING_MS)
            .execute(tx.on())
            .await?;
            if state == "going" && done.rows_affected() > 0 {
                gone.push(hash);
            }
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// A file that was taken out of use is deleted: it is forgotten, with what providers call it.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn file_gone(&self, tenant: &TenantId, hash: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for statement in [
            "DELETE FROM uploads WHERE tenant = $1 AND hash = $2",
            "DELETE FROM files WHERE tenant = $1 AND hash = $2 AND state = 'going'",
        ] {
            sqlx::query(statement).bind(tenant.as_str()).bind(hash).execute(tx.on()).await?;
        }
        tx.commit().await
    }
}

/// A bot's content changes: every file that the new one names has to be there, and those that the old one named were in
/// use until now.
pub(in crate::store) async fn named_by(
    tx: &mut Tx,
    tenant: &TenantId,
    (old, new): (Option<&BotSpec>, Option<&BotSpec>),
    now: i64,
) -> Result<(), StoreError> {
    for (hash, _) in old.map(hashes).unwrap_or_default() {
        touch(tx, tenant, &hash, now).await?;
    }
    for (hash, name) in new.map(hashes).unwrap_or_default() {
        if !touch(tx, tenant, &hash, now).await? {
            return Err(StoreError::Invalid(format!(
                "file `{name}`: the tenant has no file with the hash `{hash}`: put it by PUT /v1/tenants/{{tenant}}/files, or let \
                 `millrace bot apply` read it from beside the bot's file"
            )));
        }
    }
    Ok(())
}

async fn touch(tx: &mut Tx, tenant: &TenantId, hash: &str, now: i64) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE files SET used_at = $3 WHERE tenant = $1 AND hash = $2 AND state = 'stored'")
            .bind(tenant.as_str())
            .bind(hash)
            .bind(now)
            .execute(tx.on())
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Every file that a bot of the tenant names.
async fn named(tx: &mut Tx, tenant: &TenantId) -> Result<HashSet<String>, StoreError> {
    let rows = sqlx::query("SELECT id, content FROM bots WHERE tenant = $1 AND removed = 0 AND content > 0")
        .bind(tenant.as_str())
        .fetch_all(tx.on())
        .await?;
    let mut named = HashSet::new();
    for row in rows {
        let bot = BotId::from(row.try_get::<String, _>(0)?);
        let spec = content::load(tx.on(), tenant, &bot, row.try_get(1)?).await?;
        named.extend(hashes(&spec).into_iter().map(|(hash, _)| hash));
    }
    Ok(named)
}

/// The hashes of a bot's files, each with its name.
fn hashes(spec: &BotSpec) -> Vec<(String, String)> {
    let mut spec = spec.clone();
    let own = files_of(&mut spec).filter_map(|media| {
        Some((media.hash.take()?, media.name.take().unwrap_or_else(|| "file".to_owned())))
    });
    own.collect()
}
