//! Reading the timeline: conversations, their messages, and the history that a model sees.
//!
//! Guarantees: every query carries its tenant; a page is bounded.

mod history;
mod message;
mod turn;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::bots::{channel, parse};
use super::error::StoreError;
use crate::domain::channel::ChannelKind;
use crate::domain::events::Referral;
use crate::domain::ids::{AccountId, BotId, ConversationId, TenantId};
use crate::domain::time::Timestamp;

pub use message::{Direction, Message, MessagePart};

/// The most rows of a page.
const MOST: u32 = 500;

/// Where a page ends: the next one holds what lies before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// The moment of the page's last row.
    pub at: Timestamp,
    /// Its id, among rows of one moment.
    pub id: String,
}

impl Cursor {
    /// Before everything: the newest page.
    fn or_newest(cursor: Option<&Self>) -> (i64, String) {
        cursor.map_or((i64::MAX, String::new()), |cursor| (cursor.at.millis(), cursor.id.clone()))
    }
}

/// A thread with a person or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conversation {
    /// The id.
    pub id: ConversationId,
    /// Which bot's.
    pub bot: BotId,
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account.
    pub account: AccountId,
    /// The provider's chat id.
    pub chat: String,
    /// The forum topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// True for a group.
    pub group: bool,
    /// The person's id at the provider; empty in a group.
    pub contact: String,
    /// The person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The person's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What the person came by first: `{code, source, ad, url}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// When the first message was written.
    pub first_at: Timestamp,
    /// When the last one was.
    pub last_at: Timestamp,
}

const COLUMNS: &str = "id, bot, channel, account, chat, thread, chat_kind, contact, name, username, language, first_at, last_at, referral";

impl Store {
    /// The conversations of a bot, the one that changed last first, at most `limit` (500 at most) before `before`.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn conversations(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Conversation>, StoreError> {
        let (at, id) = Cursor::or_newest(before);
        let sql = format!(
            "SELECT {COLUMNS} FROM conversations WHERE tenant = $1 AND bot = $2 \
             AND (last_at < $3 OR (last_at = $3 AND id < $4)) ORDER BY last_at DESC, id DESC LIMIT $5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(bot.as_str())
            .bind(at)
            .bind(id)
            .bind(i64::from(limit.min(MOST)))
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(conversation).collect()
    }

    /// A conversation; `None` when the tenant has none of that id.
    ///
    /// # Errors
    /// When the database can't be reached or the row can't be read.
    pub async fn conversation(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM conversations WHERE tenant = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(self.db.read())
            .await?;
        row.as_ref().map(conversation).transpose()
    }
}

fn conversation(row: &AnyRow) -> Result<Conversation, StoreError> {
    Ok(Conversation {
        id: row.try_get::<String, _>(0)?.into(),
        bot: row.try_get::<String, _>(1)?.into(),
        channel: channel(row.try_get(2)?)?,
        account: row.try_get::<String, _>(3)?.into(),
        chat: row.try_get(4)?,
        thread: row.try_get(5)?,
        group: row.try_get::<&str, _>(6)? == "group",
        contact: row.try_get(7)?,
        name: row.try_get(8)?,
        username: row.try_get(9)?,
        language: row.try_get(10)?,
        first_at: Timestamp::from_millis(row.try_get(11)?),
        last_at: Timestamp::from_millis(row.try_get(12)?),
        referral: row
            .try_get::<Option<&str>, _>(13)?
            .map(|referral| parse("conversations", referral))
            .transpose()?,
    })
}

/// `$from,$from+1,...`: the placeholders of a list.
pub(super) fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(",")
}
