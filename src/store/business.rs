//! What was said of WhatsApp's business accounts and their numbers.
//!
//! Guarantees: every query carries its tenant; news that are older than what is known change nothing; one word is kept for
//! each matter, so what a provider can say over and over takes no more room.

use sqlx::Row;

use super::Store;
use super::error::StoreError;
use super::templates::plain;
use crate::domain::business::{BusinessNews, Matter};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;

/// What is read of one account at once.
const MOST: i64 = 100;

impl Store {
    /// Notes what the provider says of a business account and its numbers.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn business_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &[BusinessNews],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for one in news {
            sqlx::query(
                "INSERT INTO business_news (tenant, business, number, matter, which, word, detail, until_at, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                 ON CONFLICT (tenant, business, number, matter, which) DO UPDATE SET word = excluded.word, \
                 detail = excluded.detail, until_at = excluded.until_at, at = excluded.at \
                 WHERE business_news.at <= excluded.at",
            )
            .bind(tenant.as_str())
            .bind(business)
            .bind(plain(&one.number))
            .bind(one.matter.as_str())
            .bind(plain(&one.which))
            .bind(plain(&one.word))
            .bind(plain(&one.detail))
            .bind(one.until.map(Timestamp::millis))
            .bind(one.at.millis())
            .execute(tx.on())
            .await?;
        }
        tx.commit().await
    }

    /// What is known of a business account and of one of its numbers, the newest first, 100 at most.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn business_news(
        &self,
        tenant: &TenantId,
        business: &str,
        number: &str,
    ) -> Result<Vec<BusinessNews>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, matter, which, word, detail, until_at, at FROM business_news WHERE tenant = $1 \
             AND business = $2 AND number IN ('', $3) ORDER BY at DESC, matter, which LIMIT $4",
        )
        .bind(tenant.as_str())
        .bind(business)
        .bind(number)
        .bind(MOST)
        .fetch_all(self.db.read())
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            // A matter that a newer program wrote says nothing here.
            let Some(matter) = Matter::of(&row.try_get::<String, _>(1)?) else { continue };
            found.push(BusinessNews {
                matter,
                number: row.try_get(0)?,
                which: row.try_get(2)?,
                word: row.try_get(3)?,
                detail: row.try_get(4)?,
                until: row.try_get::<Option<i64>, _>(5)?.map(Timestamp::from_millis),
                at: Timestamp::from_millis(row.try_get(6)?),
            });
        }
        Ok(found)
    }
}
