//! Knowledge bases: what they hold, and which bots answer from them.
//!
//! Guarantees: the tenant stands in every query; every change of a knowledge base counts its version up and announces it
//! in the same transaction, so no index keeps what was removed; attaching one announces the bot.

mod documents;
mod missed;
mod pins;
mod quota;
mod reading;
mod snapshots;
mod sources;

pub use documents::{BaseDocument, Submission, Submitted, Waiting};
pub use missed::MissedQuestion;
pub(super) use missed::shown_question;
pub use quota::{KnowledgeUse, Quota};
pub use reading::{GIVEN_UP, Reading, given_up_reason};
pub use snapshots::{BaseSnapshot, DueSnapshot};
pub use sources::{BasePage, BaseSource, LEASE as SOURCE_LEASE};

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::db::Tx;
use super::error::StoreError;
use super::outbox::Change;
use super::tenants::{missing, plain};
use crate::domain::ids::{BaseId, BotId, TenantId, check_slug};
use crate::domain::knowledge::{CorpusId, KnowledgeBase};
use crate::domain::time::Timestamp;

/// A knowledge base as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseInfo {
    /// The id.
    pub base: BaseId,
    /// The name that people read.
    pub name: String,
    /// Counts up with every change.
    pub version: i64,
    /// Its documents.
    pub documents: u64,
    /// What their files take, in bytes.
    pub bytes: u64,
    /// The bots that answer from it.
    pub bots: Vec<BotId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

const INFO: &str = "SELECT b.base, b.name, b.version, b.created_at, b.updated_at, COUNT(d.name), \
     CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM knowledge_bases b \
     LEFT JOIN base_documents d ON d.tenant = b.tenant AND d.base = b.base \
     WHERE b.tenant = $1 AND b.removed = 0 AND (b.base = $2 OR $2 = '') \
     GROUP BY b.base, b.name, b.version, b.created_at, b.updated_at ORDER BY b.base";

impl Store {
    /// Makes a knowledge base. An empty name becomes the id. Its versions begin at the time: were they to begin at 1, one of a
    /// later tenant of the same name could be taken for what a process still holds of the one that was removed.
    ///
    /// # Errors
    /// `Missing` for an unknown tenant, `Invalid` for an id that is no slug, `Taken` for one that the tenant has.
    pub async fn base_create(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        name: &str,
    ) -> Result<BaseInfo, StoreError> {
        check_slug(base.as_str())
            .map_err(|rule| StoreError::Invalid(format!("knowledge base `{base}`: the id {rule}")))?;
        let name = plain("the knowledge base's name", if name.is_empty() { base.as_str() } else { name })?;
        self.tenant(tenant).await?;
        let mut tx = self.db.begin().await?;
        let made = sqlx::query(
            "INSERT INTO knowledge_bases (tenant, base, name, version, removed, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, 0, $4, $4) ON CONFLICT (tenant, base) DO UPDATE SET name = excluded.name, \
             removed = 0, version = knowledge_bases.version + 1, updated_at = excluded.updated_at \
             WHERE knowledge_bases.removed = 1",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(name)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        if made.rows_affected() == 0 {
            let name = base.to_string();
            return Err(StoreError::Taken { what: "knowledge base", name, hint: String::new() });
        }
        tx.commit().await?;
        self.base_info(tenant, base).await
    }

    /// The tenant's knowledge bases, by id.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn bases(&self, tenant: &TenantId) -> Result<Vec<BaseInfo>, StoreError> {
        self.base_infos(tenant, "").await
    }

    /// A knowledge base as it is listed.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn base_info(&self, tenant: &TenantId, base: &BaseId) -> Result<BaseInfo, StoreError> {
        let found = self.base_infos(tenant, base.as_str()).await?.into_iter().next();
        found.filter(|_| !base.as_str().is_empty()).ok_or_else(|| no_base(base))
    }

    async fn base_infos(&self, tenant: &TenantId, base: &str) -> Result<Vec<BaseInfo>, StoreError> {
        let rows = sqlx::query(INFO).bind(tenant.as_str()).bind(base).fetch_all(self.db.read()).await?;
        let mut out = rows.iter().map(info).collect::<Result<Vec<_>, _>>()?;
        let rows = sqlx::query("SELECT base, bot FROM base_bots WHERE tenant = $1 ORDER BY base, bot")
            .bind(tenant.as_str())
            .fetch_all(self.db.read())
            .await?;
        for row in &rows {
            let (base, bot): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if let Some(info) = out.iter_mut().find(|info| info.base.as_str() == base) {
                info.bots.push(bot.into());
            }
        }
        Ok(out)
    }

    /// A knowledge base as it is searched; `None` when the tenant has none of that id.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn base(&self, tenant: &TenantId, base: &BaseId) -> Result<Option<KnowledgeBase>, StoreError> {
        // The version first: what is read after it may be newer, and is then read once more, but is never older.
        let version = sqlx::query(
            "SELECT version FROM knowledge_bases WHERE tenant = $1 AND base = $2 AND removed = 0",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .fetch_optional(self.db.read())
        .await?;
        let Some(version) = version else { return Ok(None) };
        let documents = self.base_bodies(tenant, base).await?;
        let pinned = self.base_pins(tenant, base).await?;
        let (tenant, base) = (tenant.clone(), base.clone());
        Ok(Some(KnowledgeBase { tenant, base, version: version.try_get(0)?, documents, pinned }))
    }

    /// Removes a knowledge base with all that is in it. Its id stays its tenant's.
    ///
    /// # Errors
    /// `Missing` when the tenant has none of that id.
    pub async fn base_remove(&self, tenant: &TenantId, base: &BaseId) -> Result<i64, StoreError> {
        let bots = self.base_info(tenant, base).await?.bots;
        let mut tx = self.db.begin().await?;
        let version = self.lock_base(&mut tx, tenant, base).await?;
        for statement in [
            "DELETE FROM base_documents WHERE tenant = $1 AND base = $2",
            "DELETE FROM base_sources WHERE tenant = $1 AND base = $2",
            "DELETE FROM base_pages WHERE tenant = $1 AND base = $2",
            "DELETE FROM base_pins WHERE tenant = $1 AND base = $2",
            "DELETE FROM base_bots WHERE tenant = $1 AND base = $2",
            "UPDATE knowledge_bases SET removed = 1 WHERE tenant = $1 AND base = $2",
        ] {
            sqlx::query(statement).bind(tenant.as_str()).bind(base.as_str()).execute(tx.on()).await?;
        }
        self.base_snapshot_retire(&mut tx, tenant, Some(base)).await?;
        for bot in &bots {
            match self.lock_live(&mut tx, tenant, bot).await {
                Ok(locked) => self.announce(&mut tx, tenant, bot.as_str(), locked.version, false).await?,
                Err(StoreError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.announce(&mut tx, tenant, &Change::base_name(tenant, base), version, true).await?;
        self.commit_change(tx).await?;
        Ok(version)
    }

    /// Lets a bot answer from a knowledge base, or no more. Returns the bot's version; the present one when nothing
    /// changes.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot or no such knowledge base.
    pub async fn base_attach(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        bot: &BotId,
        attached: bool,
    ) -> Result<i64, StoreError> {
        self.base_info(tenant, base).await?;
        let mut tx = self.db.begin().await?;
        let locked = self.lock_live(&mut tx, tenant, bot).await?;
        let statement = if attached {
            "INSERT INTO base_bots (tenant, base, bot, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, bot, base) DO NOTHING"
        } else {
            "DELETE FROM base_bots WHERE tenant = $1 AND base = $2 AND bot = $3"
        };
        let query = sqlx::query(statement).bind(tenant.as_str()).bind(base.as_str()).bind(bot.as_str());
        let query = if attached { query.bind(self.now()) } else { query };
        let changed = query.execute(tx.on()).await?;
        if changed.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(locked.version - 1);
        }
        self.announce(&mut tx, tenant, bot.as_str(), locked.version, false).await?;
        self.commit_change(tx).await?;
        Ok(locked.version)
    }

    /// Knowledge bases with documents that are not found by meaning yet and were read before `since`, at most `limit`, in order
    /// from behind `after` on. With `again` also those of which [`Self::base_by_words`] said that they never will be.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn bases_without_meaning(
        &self,
        since: Timestamp,
        after: Option<&(TenantId, BaseId)>,
        again: bool,
        limit: i64,
    ) -> Result<Vec<(TenantId, BaseId)>, StoreError> {
        let (tenant, base) = after.map_or(("", ""), |(tenant, base)| (tenant.as_str(), base.as_str()));
        let rows = sqlx::query(
            "SELECT DISTINCT tenant, base FROM base_documents WHERE status = 'searchable' \
             AND changed_at <= $4 AND (reason = '' OR $5 = 1) AND (tenant > $1 OR (tenant = $1 AND base > $2)) \
             ORDER BY tenant, base LIMIT $3",
        )
        .bind(tenant)
        .bind(base)
        .bind(limit)
        .bind(since.millis())
        .bind(i64::from(again))
        .fetch_all(self.db.read())
        .await?;
        let pair = |row: &AnyRow| -> Result<_, StoreError> {
            Ok((row.try_get::<String, _>(0)?.into(), row.try_get::<String, _>(1)?.into()))
        };
        rows.iter().map(pair).collect()
    }

    /// Everything of every tenant that is searched: for whoever cleans up what is not.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn corpora(&self) -> Result<Vec<(TenantId, CorpusId)>, StoreError> {
        let mut out = Vec::new();
        for row in
            sqlx::query("SELECT tenant, id FROM bots WHERE removed = 0").fetch_all(self.db.read()).await?
        {
            let bot = CorpusId::Own(row.try_get::<String, _>(1)?.into());
            out.push((row.try_get::<String, _>(0)?.into(), bot));
        }
        let bases = sqlx::query("SELECT tenant, base FROM knowledge_bases WHERE removed = 0");
        for row in bases.fetch_all(self.db.read()).await? {
            let base = CorpusId::Base(row.try_get::<String, _>(1)?.into());
            out.push((row.try_get::<String, _>(0)?.into(), base));
        }
        Ok(out)
    }

    /// Counts a knowledge base's version up and keeps others away from it until the transaction ends.
    async fn lock_base(&self, tx: &mut Tx, tenant: &TenantId, base: &BaseId) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "UPDATE knowledge_bases SET version = version + 1, updated_at = $3 \
             WHERE tenant = $1 AND base = $2 AND removed = 0 RETURNING version",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(self.now())
        .fetch_optional(tx.on())
        .await?;
        Ok(row.ok_or_else(|| no_base(base))?.try_get(0)?)
    }
}

fn no_base(base: &BaseId) -> StoreError {
    missing("knowledge base", base.as_str())
}

fn info(row: &AnyRow) -> Result<BaseInfo, StoreError> {
    Ok(BaseInfo {
        base: row.try_get::<String, _>(0)?.into(),
        name: row.try_get(1)?,
        version: row.try_get(2)?,
        created_at: Timestamp::from_millis(row.try_get(3)?),
        updated_at: Timestamp::from_millis(row.try_get(4)?),
        documents: row.try_get::<i64, _>(5)?.unsigned_abs(),
        bytes: row.try_get::<i64, _>(6)?.unsigned_abs(),
        bots: Vec::new(),
    })
}
