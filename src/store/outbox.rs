//! Changes on their way to `bot.changed.v1`.
//!
//! Guarantees: a change and its outbox row are one transaction; a row leaves only after its event is acknowledged, so an
//! event may be sent twice and never is missing. The table holds the newest change of each bot: it is bounded by them.

use std::time::Duration;

use sqlx::Row;
use tokio_util::sync::CancellationToken;

use super::Store;
use super::db::Tx;
use super::error::StoreError;
use crate::domain::ids::{BaseId, BotId, TenantId};
use crate::domain::time::Timestamp;

/// How many changes go out in one append.
const BATCH: i64 = 256;
/// The longest wait between tries while the log or the database is not available.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// That something changed, never how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub tenant: TenantId,
    /// Which bot; for a Meta app `app/NAME`, for a knowledge base `kb/TENANT/NAME`, which no bot can be
    /// called.
    pub bot: BotId,
    /// Counts up with every change of it.
    pub version: i64,
    /// True when it was removed.
    pub deleted: bool,
    /// When it changed last.
    pub at: Timestamp,
}

impl Change {
    /// The name under which a Meta app's changes travel.
    pub(super) fn app_name(app: &str) -> String {
        format!("app/{app}")
    }

    /// The name under which a knowledge base's changes travel.
    pub(super) fn base_name(tenant: &TenantId, base: &BaseId) -> String {
        format!("kb/{tenant}/{base}")
    }

    /// The knowledge base that a change of this name is about; `None` for a bot or an app.
    #[must_use]
    pub fn base_of(name: &str, tenant: &TenantId) -> Option<BaseId> {
        let rest = name.strip_prefix("kb/")?.strip_prefix(tenant.as_str())?;
        rest.strip_prefix('/').map(BaseId::from)
    }

    /// The Meta app that the change is about; `None` for a bot.
    #[must_use]
    pub fn app(&self) -> Option<&str> {
        self.bot.as_str().strip_prefix("app/")
    }
}

impl Store {
    /// Changes that are not on the log yet, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn outbox_next(&self, limit: i64) -> Result<Vec<Change>, StoreError> {
        let rows =
            sqlx::query("SELECT tenant, bot, version, deleted, at FROM outbox ORDER BY at, bot LIMIT $1")
                .bind(limit)
                .fetch_all(self.db.read())
                .await?;
        rows.iter()
            .map(|row| {
                Ok(Change {
                    tenant: row.try_get::<String, _>(0)?.into(),
                    bot: row.try_get::<String, _>(1)?.into(),
                    version: row.try_get(2)?,
                    deleted: row.try_get::<i64, _>(3)? != 0,
                    at: Timestamp::from_millis(row.try_get(4)?),
                })
            })
            .collect()
    }

    /// Forgets changes that the log has acknowledged. One that was followed by a newer change stays.
    ///
    /// # Errors
    /// When the database can't be reached; the changes then go out once more.
    pub async fn outbox_done(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut tx = self.db.begin_batch().await?;
        for change in changes {
            sqlx::query("DELETE FROM outbox WHERE bot = $1 AND version = $2")
                .bind(change.bot.as_str())
                .bind(change.version)
                .execute(tx.on())
                .await?;
        }
        tx.commit().await
    }

    /// Returns when this process has made a change, or when it is time to look for those of others.
    pub async fn outbox_wait(&self) {
        // Elapsed or rung: either way there is something to look at.
        drop(tokio::time::timeout(self.config.outbox_poll.get(), self.bell.notified()).await);
    }

    /// Hands every change to `publish`, which returns when the log has acknowledged it, until `cancel`. While either
    /// side fails it waits, longer each time up to 5 s, and tries again.
    pub async fn outbox_run<P, F, E>(&self, cancel: CancellationToken, publish: P)
    where
        P: Fn(Vec<Change>) -> F + Send + Sync,
        F: Future<Output = Result<(), E>> + Send,
        E: std::fmt::Display + Send,
    {
        let mut wait = Duration::from_millis(50);
        while !cancel.is_cancelled() {
            let step = async {
                let changes = self.outbox_next(BATCH).await.map_err(|error| error.to_string())?;
                if changes.is_empty() {
                    self.outbox_wait().await;
                    return Ok(());
                }
                publish(changes.clone()).await.map_err(|error| error.to_string())?;
                self.outbox_done(&changes).await.map_err(|error| error.to_string())
            };
            let result: Result<(), String> = tokio::select! {
                () = cancel.cancelled() => return,
                result = step => result,
            };
            match result {
                Ok(()) => wait = Duration::from_millis(50),
                Err(error) => {
                    tracing::warn!(
                        error,
                        wait_ms = wait.as_millis(),
                        "changes of bots can't be announced, trying again"
                    );
                    tokio::select! {
                        () = cancel.cancelled() => return,
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST_WAIT),
                    }
                }
            }
        }
    }

    /// Commits a change and wakes the outbox.
    pub(super) async fn commit_change(&self, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        self.bell.notify_one();
        Ok(())
    }

    /// Writes the outbox row of a change into its transaction.
    pub(super) async fn announce(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        bot: &str,
        version: i64,
        deleted: bool,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO outbox (bot, tenant, version, deleted, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (bot) DO UPDATE SET tenant = excluded.tenant, version = excluded.version, \
             deleted = excluded.deleted, at = excluded.at WHERE excluded.version > outbox.version",
        )
        .bind(bot)
        .bind(tenant.as_str())
        .bind(version)
        .bind(i64::from(deleted))
        .bind(self.now())
        .execute(tx.on())
        .await?;
        Ok(())
    }
}
