//! WhatsApp's business accounts and what was said of their templates.
//!
//! Guarantees: every query carries its tenant; news that are older than what is known change nothing.

use sqlx::Row;

use super::Store;
use super::error::StoreError;
use crate::domain::ids::{AccountId, CampaignId, TenantId};
use crate::domain::template::TemplateNews;
use crate::domain::time::Timestamp;

/// The most languages of a campaign that are looked at.
const MOST: i64 = 100;
/// What a provider may write for a name, a language or a status, at most.
const WORD: usize = 512;

impl Store {
    /// The business account of a number, and how people dial it (digits; empty = not told); `None` where no webhook told it yet.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn business(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<(String, String)>, StoreError> {
        let sql = "SELECT business, number FROM business_accounts WHERE tenant = $1 AND account = $2";
        let row = sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(account.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    /// A number of a business account, the one that was heard of last.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn business_number(
        &self,
        tenant: &TenantId,
        business: &str,
    ) -> Result<Option<AccountId>, StoreError> {
        let row = sqlx::query(
            "SELECT account FROM business_accounts WHERE tenant = $1 AND business = $2 ORDER BY at DESC LIMIT 1",
        )
        .bind(tenant.as_str())
        .bind(business)
        .fetch_optional(self.db.read())
        .await?;
        Ok(row.map(|row| row.try_get::<String, _>(0)).transpose()?.map(AccountId::from))
    }

    /// Notes to which business account a number belongs, and how people dial it; empty = as it is known.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn learn_business(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        business: &str,
        number: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO business_accounts (tenant, account, business, at, number) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, account) DO UPDATE SET business = excluded.business, at = excluded.at, \
             number = CASE WHEN excluded.number = '' THEN business_accounts.number ELSE excluded.number END",
        )
        .bind(tenant.as_str())
        .bind(account.as_str())
        .bind(business)
        .bind(self.now())
        .bind(number)
        .execute(tx.on())
        .await?;
        tx.commit().await
    }

    /// Notes what the provider says of templates of a business account, as of a moment. What it does not speak of, a status, a
    /// quality or a category, stays as it was.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn templates_told(
        &self,
        tenant: &TenantId,
        business: &str,
        news: &[TemplateNews],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        // What is not spoken of is older than anything that is known.
        let as_of = |word: &str| if word.is_empty() { -1 } else { at.millis() };
        for one in news.iter().filter(|one| one.name.len() <= WORD && one.language.len() <= WORD) {
            sqlx::query(
                "INSERT INTO templates (tenant, business, name, language, status, reason, at, quality, quality_at, category, \
                 category_was, category_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                 ON CONFLICT (tenant, business, name, language) DO UPDATE SET \
                 status = CASE WHEN templates.at <= excluded.at THEN excluded.status ELSE templates.status END, \
                 reason = CASE WHEN templates.at <= excluded.at THEN excluded.reason ELSE templates.reason END, \
                 at = CASE WHEN templates.at <= excluded.at THEN excluded.at ELSE templates.at END, \
                 quality = CASE WHEN templates.quality_at <= excluded.quality_at THEN excluded.quality \
                 ELSE templates.quality END, \
                 quality_at = CASE WHEN templates.quality_at <= excluded.quality_at THEN excluded.quality_at \
                 ELSE templates.quality_at END, \
                 category = CASE WHEN templates.category_at <= excluded.category_at THEN excluded.category \
                 ELSE templates.category END, \
                 category_was = CASE WHEN templates.category_at <= excluded.category_at THEN excluded.category_was \
                 ELSE templates.category_was END, \
                 category_at = CASE WHEN templates.category_at <= excluded.category_at THEN excluded.category_at \
                 ELSE templates.category_at END",
            )
            .bind(tenant.as_str())
            .bind(business)
            .bind(plain(&one.name))
            .bind(plain(&one.language))
            .bind(plain(&one.status))
            .bind(plain(&one.reason))
            .bind(as_of(&one.status))
            .bind(plain(&one.quality))
            .bind(as_of(&one.quality))
            .bind(plain(&one.category))
            .bind(plain(&one.category_was))
            .bind(as_of(&one.category))
            .execute(tx.on())
            .await?;
        }
        tx.commit().await
    }

    /// What is known of a template's status, in every language.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn templates(
        &self,
        tenant: &TenantId,
        business: &str,
        name: &str,
    ) -> Result<Vec<TemplateNews>, StoreError> {
        let rows = sqlx::query(
            "SELECT language, status, reason, quality FROM templates WHERE tenant = $1 AND business = $2 AND name = $3 \
             AND status <> '' ORDER BY language",
        )
        .bind(tenant.as_str())
        .bind(business)
        .bind(name)
        .fetch_all(self.db.read())
        .await?;
        let news = |row: &sqlx::any::AnyRow| {
            let (language, status, reason) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let (name, quality) = (name.to_owned(), row.try_get(3)?);
            Ok(TemplateNews { name, language, status, reason, quality, ..TemplateNews::default() })
        };
        rows.iter().map(news).collect()
    }

    /// Every template that is known of a business account, 500 at most. What one was for before its category changed is told
    /// where that is news `since` a moment.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn templates_known(
        &self,
        tenant: &TenantId,
        business: &str,
        since: Timestamp,
    ) -> Result<Vec<TemplateNews>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, language, status, reason, quality, category, \
             CASE WHEN category_at >= $3 THEN category_was ELSE '' END \
             FROM templates WHERE tenant = $1 AND business = $2 ORDER BY name, language LIMIT 500",
        )
        .bind(tenant.as_str())
        .bind(business)
        .bind(since.millis())
        .fetch_all(self.db.read())
        .await?;
        let news = |row: &sqlx::any::AnyRow| {
            let (name, language, status) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let (reason, quality) = (row.try_get(3)?, row.try_get(4)?);
            let (category, category_was) = (row.try_get(5)?, row.try_get(6)?);
            Ok(TemplateNews { name, language, status, reason, quality, category, category_was })
        };
        rows.iter().map(news).collect()
    }

    /// The languages in which a campaign still has somebody to tell; its own (an empty text) among them where somebody has none.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn campaign_languages(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT COALESCE(language, '') FROM campaign_recipients WHERE campaign = $1 AND tenant = $2 \
             AND state = 'waiting' ORDER BY 1 LIMIT $3",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(MOST)
        .fetch_all(self.db.read())
        .await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

/// What PostgreSQL takes, and a terminal shows.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORD).collect()
}
