//! Documents one by one: each operation makes the bot's next version.

use serde::Serialize;
use sqlx::Row;

use super::Store;
use super::bots::parse;
use super::error::StoreError;
use super::tenants::missing;
use crate::domain::bot::Document;
use crate::domain::ids::{BotId, TenantId};

/// A document as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentInfo {
    /// Unique in its bot.
    pub name: String,
    /// Shown in citations; may be empty.
    pub title: String,
    /// The size of its text.
    pub bytes: u64,
    /// The bot's version that brought it.
    pub since_version: i64,
}

impl Store {
    /// The documents of a bot, in its order.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot.
    pub async fn documents(&self, tenant: &TenantId, bot: &BotId) -> Result<Vec<DocumentInfo>, StoreError> {
        let content = self.bot_info(tenant, bot).await?.content_version;
        let rows = sqlx::query(
            "SELECT name, title, bytes, since FROM documents \
             WHERE bot = $1 AND tenant = $2 AND since <= $3 AND until > $3 ORDER BY position",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(content)
        .fetch_all(self.db.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(DocumentInfo {
                    name: row.try_get(0)?,
                    title: row.try_get(1)?,
                    bytes: row.try_get::<i64, _>(2)?.unsigned_abs(),
                    since_version: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// A document with its text.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot or the bot no such document.
    pub async fn document(&self, tenant: &TenantId, bot: &BotId, name: &str) -> Result<Document, StoreError> {
        let content = self.bot_info(tenant, bot).await?.content_version;
        let row = sqlx::query(
            "SELECT body FROM documents WHERE bot = $1 AND tenant = $2 AND name = $3 AND since <= $4 AND until > $4",
        )
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(name)
        .bind(content)
        .fetch_optional(self.db.read())
        .await?;
        let row = row.ok_or_else(|| missing("document", name))?;
        parse("documents", row.try_get(0)?)
    }

    /// Adds a document, or replaces the one of its name. Returns the bot's version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot, `Invalid` for one that is too large.
    pub async fn document_put(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        document: Document,
    ) -> Result<i64, StoreError> {
        self.bot_edit(tenant, bot, |spec| {
            match spec.documents.iter_mut().find(|old| old.name == document.name) {
                Some(old) => *old = document,
                None => spec.documents.push(document),
            }
            Ok(())
        })
        .await
    }

    /// Removes a document. Returns the bot's version.
    ///
    /// # Errors
    /// `Missing` when the tenant has no such bot or the bot no such document.
    pub async fn document_remove(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        name: &str,
    ) -> Result<i64, StoreError> {
        self.bot_edit(tenant, bot, |spec| {
            let before = spec.documents.len();
            spec.documents.retain(|document| document.name != name);
            if spec.documents.len() == before { Err(missing("document", name)) } else { Ok(()) }
        })
        .await
    }
}
