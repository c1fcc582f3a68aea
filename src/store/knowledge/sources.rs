//! Addresses that a knowledge base reads again on a schedule.
//!
//! Guarantee: of many processes one reads a source that is due; whoever takes over from one that died reads it again; a
//! page's marks are written after its file was submitted, so a crash in between reads it once more and never too seldom.

use std::time::Duration;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::Store;
use super::super::db::Tx;
use super::super::error::StoreError;
use super::super::tenants::missing;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::time::Timestamp;

/// An address that is read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseSource {
    /// Whose.
    #[serde(skip)]
    pub tenant: TenantId,
    /// For which knowledge base.
    #[serde(skip)]
    pub base: BaseId,
    /// A page, or where a site begins.
    pub address: String,
    /// True for a site: the pages of its sitemap.
    pub site: bool,
    /// How often, in milliseconds.
    pub every_ms: i64,
    /// When it was read last; the beginning of time before that.
    pub read_at: Timestamp,
    /// The pages that it had then.
    pub pages: u64,
    /// Why it could not be read then; empty where it could.
    pub reason: String,
    /// Until when it is its reader's; the beginning of time where it is nobody's.
    #[serde(skip)]
    pub lease: Timestamp,
}

/// A page of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePage {
    /// Where.
    pub address: String,
    /// What its `ETag` was; empty where there is none, or it is to be read again.
    pub etag: String,
    /// Its `Last-Modified`, likewise.
    pub modified: String,
    /// True when its document was removed by hand: it is not read.
    pub excluded: bool,
}

/// Sources of one knowledge base.
const MOST: i64 = 100;

/// How long a source is its reader's, who renews it while it reads: whoever dies leaves it to the next so much later.
pub const LEASE: Duration = Duration::from_mins(5);

const LISTED: &str = "SELECT tenant, base, address, kind, every_ms, read_at, pages, reason FROM base_sources";

impl Store {
    /// Adds an address, or changes how it is read; it is due at once.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such knowledge base, `Invalid` when it has too many.
    pub async fn base_source_put(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        (address, site, every_ms): (&str, bool, i64),
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.lock_base(&mut tx, tenant, base).await?;
        sqlx::query(
            "INSERT INTO base_sources (tenant, base, address, kind, every_ms, next_at, read_at, pages, reason, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '', $6) ON CONFLICT (tenant, base, address) \
             DO UPDATE SET kind = excluded.kind, every_ms = excluded.every_ms, next_at = excluded.next_at",
        )
        .bind(tenant.as_str())
        .bind(base.as_str())
        .bind(address)
        .bind(if site { "site" } else { "page" })
        .bind(every_ms)
        .bind(self.now())
        .execute(tx.on())
        .await?;
        // Who asks for a page by its name wants it, also when it was removed before.
        sqlx::query("UPDATE base_pages SET excluded = 0 WHERE tenant = $1 AND base = $2 AND address = $3")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(address)
            .execute(tx.on())
            .await?;
        let count = sqlx::query("SELECT COUNT(*) FROM base_sources WHERE tenant = $1 AND base = $2")
            .bind(tenant.as_str())
            .bind(base.as_str())
            .fetch_one(tx.on())
            .await?;
        if count.try_get::<i64, _>(0)? > MOST {
            return Err(StoreError::Invalid(format!("a knowledge base has {MOST} addresses at most")));
        }
        tx.commit().await
    }

    /// The addresses of a knowledge base.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_sources(
        &self,
        tenant: &TenantId,
        base: &BaseId,
    ) -> Result<Vec<BaseSource>, StoreError> {
        let text = format!("{LISTED} WHERE tenant = $1 AND base = $2 ORDER BY address");
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(tenant.as_str()).bind(base.as_str());
        query.fetch_all(self.db.read()).await?.iter().map(source).collect()
    }

    /// Reads an address no more. Its documents stay until they are removed.
    ///
    /// # Errors
    /// `Missing` when the knowledge base has no such address.
    pub async fn base_source_remove(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        address: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.lock_base(&mut tx, tenant, base).await?;
        let mut gone = 0;
        for statement in [
            "DELETE FROM base_pages WHERE tenant = $1 AND base = $2 AND source = $3",
            "DELETE FROM base_sources WHERE tenant = $1 AND base = $2 AND address = $3",
        ] {
            let query = sqlx::query(statement).bind(tenant.as_str()).bind(base.as_str()).bind(address);
            gone = query.execute(tx.on()).await?.rows_affected();
        }
        if gone == 0 {
            return Err(missing("address", address));
        }
        tx.commit().await
    }

    /// Makes every address of a knowledge base due, or those that a page of it came from.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_sources_hurry(
        &self,
        tenant: &TenantId,
        base: &BaseId,
        page: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let statement = "UPDATE base_sources SET next_at = $3 WHERE tenant = $1 AND base = $2 AND next_at > $3 \
             AND ($4 = '' OR address = $4 OR address IN (SELECT source FROM base_pages \
             WHERE tenant = $1 AND base = $2 AND address = $4))";
        sqlx::query(statement)
            .bind(tenant.as_str())
            .bind(base.as_str())
            .bind(self.now())
            .bind(page.unwrap_or_default())
            .execute(tx.on())
            .await?;
        tx.commit().await
    }

    /// A source that is due, for the caller alone and for [`LEASE`], unless it is renewed: whoever dies before it is read
    /// leaves it to the next.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_source_claim(&self) -> Result<Option<BaseSource>, StoreError> {
        let text = format!("{LISTED} WHERE next_at <= $1 ORDER BY next_at, tenant, base, address LIMIT 1");
        let now = Timestamp::from_millis(self.now());
        let due =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(now.millis()).fetch_optional(self.db.read()).await?;
        let Some(due) = due.as_ref().map(source).transpose()? else { return Ok(None) };
        let mut tx = self.db.begin().await?;
        let claimed = sqlx::query(
            "UPDATE base_sources SET next_at = $5 \
             WHERE tenant = $1 AND base = $2 AND address = $3 AND next_at <= $4",
        )
        .bind(due.tenant.as_str())
        .bind(due.base.as_str())
        .bind(due.address.as_str())
        .bind(now.millis())
        .bind(now.plus(LEASE).millis())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok((claimed.rows_affected() > 0).then_some(BaseSource { lease: now.plus(LEASE), ..due }))
    }

    /// Until when a source is its reader's from now on; `None` when it is not any more: it was removed, is wanted anew, or is
    /// somebody else's.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_source_renew(&self, due: &BaseSource) -> Result<Option<Timestamp>, StoreError> {
        let lease = Timestamp::from_millis(self.now()).plus(LEASE);
        Ok(self.base_source_move(due, lease).await?.then_some(lease))
    }

    /// Gives a source back that was not read to its end: it is due at once.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_source_release(&self, due: &BaseSource) -> Result<(), StoreError> {
        self.base_source_move(due, Timestamp::from_millis(self.now())).await?;
        Ok(())
    }

    async fn base_source_move(&self, due: &BaseSource, to: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let moved = sqlx::query(
            "UPDATE base_sources SET next_at = $5 \
             WHERE tenant = $1 AND base = $2 AND address = $3 AND next_at = $4",
        )
        .bind(due.tenant.as_str())
        .bind(due.base.as_str())
        .bind(due.address.as_str())
        .bind(due.lease.millis())
        .bind(to.millis())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(moved.rows_affected() > 0)
    }

    /// Writes what came of reading a source; one that is not the caller's any more is read again all the same.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_source_read(
        &self,
        due: &BaseSource,
        pages: u64,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "UPDATE base_sources SET read_at = $4, pages = $5, reason = $6, \
             next_at = CASE WHEN next_at = $7 THEN $4 + every_ms ELSE next_at END WHERE tenant = $1 AND base = $2 AND address = $3",
        )
        .bind(due.tenant.as_str())
        .bind(due.base.as_str())
        .bind(due.address.as_str())
        .bind(self.now())
        .bind(i64::try_from(pages).unwrap_or(i64::MAX))
        .bind(super::reading::shown(reason))
        .bind(due.lease.millis())
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// The pages of a source as they were read last. A page whose document can't be read, or is gone, has no marks: it is to
    /// be read again.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_pages(&self, of: &BaseSource) -> Result<Vec<BasePage>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.address, p.etag, p.modified, p.excluded, d.status FROM base_pages p LEFT JOIN base_documents d \
             ON d.tenant = p.tenant AND d.base = p.base AND d.name = p.address \
             WHERE p.tenant = $1 AND p.base = $2 AND p.source = $3",
        )
        .bind(of.tenant.as_str())
        .bind(of.base.as_str())
        .bind(of.address.as_str())
        .fetch_all(self.db.read())
        .await?;
        let page = |row: &AnyRow| -> Result<BasePage, StoreError> {
            let status: Option<String> = row.try_get(4)?;
            let stands = status.is_some_and(|status| status != "failed");
            let mark = |n: usize| if stands { row.try_get(n) } else { Ok(String::new()) };
            let (etag, modified) = (mark(1)?, mark(2)?);
            Ok(BasePage {
                address: row.try_get(0)?,
                etag,
                modified,
                excluded: row.try_get::<i64, _>(3)? != 0,
            })
        };
        rows.iter().map(page).collect()
    }

    /// Notes what a site said of a page; `None` = it is not there any more.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn base_page_put(
        &self,
        of: &BaseSource,
        address: &str,
        marks: Option<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let statement = match marks {
            Some(_) => {
                "INSERT INTO base_pages (tenant, base, address, source, etag, modified, read_at, excluded) \
                 SELECT tenant, base, $3, $4, $5, $6, $7, 0 FROM base_sources \
                 WHERE tenant = $1 AND base = $2 AND address = $4 ON CONFLICT (tenant, base, address) DO UPDATE SET \
                 source = excluded.source, etag = excluded.etag, modified = excluded.modified, \
                 read_at = excluded.read_at"
            }
            None => {
                "DELETE FROM base_pages WHERE tenant = $1 AND base = $2 AND address = $3 AND source = $4 \
                 AND $5 = '' AND $6 = '' AND read_at <= $7"
            }
        };
        let (etag, modified) = marks.unwrap_or_default();
        sqlx::query(statement)
            .bind(of.tenant.as_str())
            .bind(of.base.as_str())
            .bind(address)
            .bind(of.address.as_str())
            .bind(etag)
            .bind(modified)
            .bind(self.now())
            .execute(tx.on())
            .await?;
        tx.commit().await
    }
}

impl Store {
    /// Whether a knowledge base still reads a source.
    pub(super) async fn has_source(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        base: &BaseId,
        address: &str,
    ) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) FROM base_sources WHERE tenant = $1 AND base = $2 AND address = $3")
                .bind(tenant.as_str())
                .bind(base.as_str())
                .bind(address)
                .fetch_one(tx.on())
                .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }
}

fn source(row: &AnyRow) -> Result<BaseSource, StoreError> {
    Ok(BaseSource {
        tenant: row.try_get::<String, _>(0)?.into(),
        base: row.try_get::<String, _>(1)?.into(),
        address: row.try_get(2)?,
        site: row.try_get::<String, _>(3)? == "site",
        every_ms: row.try_get(4)?,
        read_at: Timestamp::from_millis(row.try_get(5)?),
        pages: row.try_get::<i64, _>(6)?.unsigned_abs(),
        reason: row.try_get(7)?,
        lease: Timestamp::from_millis(0),
    })
}
