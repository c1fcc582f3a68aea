//! Files that people sent, and what providers call files of ours.
//!
//! Guarantees: a row is made once and its state only moves forward, so a repeat changes nothing; every query carries its
//! tenant.

mod claims;
pub(super) mod files;
mod links;
mod uploads;
mod visitors;

use std::collections::HashMap;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Store;
use super::bots::{channel, json, parse};
use super::error::StoreError;
use super::timeline::placeholders;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Attachment, MediaWanted};
use crate::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use crate::domain::media::MediaState;

pub use uploads::{Upload, UploadKey};
pub use visitors::VisitorFile;

/// Whoever asks again sooner starts no further try.
const ASK_EVERY_MS: i64 = 60_000;

/// A file that a person sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediaItem {
    /// The turn that it came with: a message of the timeline.
    pub turn: EventId,
    /// Which of the turn's attachments, from 0.
    pub n: u32,
    /// Which bot's.
    pub bot: BotId,
    /// Which conversation's.
    pub conversation: ConversationId,
    /// The provider.
    pub channel: ChannelKind,
    /// The channel account that heard it.
    pub account: AccountId,
    /// What the provider tells of it.
    pub source: Attachment,
    /// How far it is.
    pub state: MediaState,
    /// Why it is not stored; empty where there is nothing to say.
    pub reason: String,
    /// The hash of its content; empty until it is stored.
    pub hash: String,
    /// What its bytes are; empty until it is stored.
    pub mime: String,
    /// Its size; 0 until it is stored.
    pub bytes: u64,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It is kept in the object store.
    Stored {
        /// The hash of its content.
        hash: String,
        /// What its bytes are.
        mime: String,
        /// Its size.
        bytes: u64,
    },
    /// The provider has it no more, in words for a person.
    Expired(String),
    /// It is not taken, in words for a person.
    Refused(String),
    /// Every try failed, in words for a person.
    Failed(String),
}

impl Fetched {
    /// The state that it leads to.
    #[must_use]
    pub const fn state(&self) -> MediaState {
        match self {
            Self::Stored { .. } => MediaState::Stored,
            Self::Expired(_) => MediaState::Expired,
            Self::Refused(_) => MediaState::Refused,
            Self::Failed(_) => MediaState::Failed,
        }
    }
}

const COLUMNS: &str =
    "turn, n, bot, conversation, channel, account, source, state, reason, hash, mime, bytes";

impl Store {
    /// Notes a file; one that is noted already stays as it is. Gives it as it stands.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_want(
        &self,
        tenant: &TenantId,
        (bot, conversation): (&BotId, &ConversationId),
        wanted: &MediaWanted,
    ) -> Result<MediaItem, StoreError> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO media (tenant, turn, n, bot, conversation, channel, account, source, state, reason, hash, mime, \
             bytes, asked_at, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', '', '', '', 0, 0, \
             $9, $9) ON CONFLICT (tenant, turn, n) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(wanted.turn.to_string())
        .bind(i64::from(wanted.n))
        .bind(bot.as_str())
        .bind(conversation.as_str())
        .bind(wanted.channel.as_str())
        .bind(wanted.account.as_str())
        .bind(json("media", &wanted.attachment)?)
        .bind(now)
        .execute(tx.on())
        .await?;
        let sql = format!("SELECT {COLUMNS} FROM media WHERE tenant = $1 AND turn = $2 AND n = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(wanted.turn.to_string())
            .bind(i64::from(wanted.n))
            .fetch_one(tx.on())
            .await?;
        let item = item(&row)?;
        tx.commit().await?;
        Ok(item)
    }

    /// Writes what a try came to. False where the file was settled before: nothing changes then.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_fetched(
        &self,
        tenant: &TenantId,
        (turn, n): (EventId, u32),
        fetched: &Fetched,
    ) -> Result<bool, StoreError> {
        let (reason, hash, mime, bytes) = match fetched {
            Fetched::Stored { hash, mime, bytes } => ("", hash.as_str(), mime.as_str(), *bytes),
            Fetched::Expired(why) | Fetched::Refused(why) | Fetched::Failed(why) => (why.as_str(), "", "", 0),
        };
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE media SET state = $4, reason = $5, hash = $6, mime = $7, bytes = $8, changed_at = $9 \
             WHERE tenant = $1 AND turn = $2 AND n = $3 AND state IN ('pending', 'failed')",
        )
        .bind(tenant.as_str())
        .bind(turn.to_string())
        .bind(i64::from(n))
        .bind(fetched.state().as_str())
        .bind(shown(reason))
        .bind(hash)
        .bind(mime)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(self.now())
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// A file of a tenant; `None` where there is none.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_item(
        &self,
        tenant: &TenantId,
        (turn, n): (EventId, u32),
    ) -> Result<Option<MediaItem>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM media WHERE tenant = $1 AND turn = $2 AND n = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(turn.to_string())
            .bind(i64::from(n))
            .fetch_optional(self.db.read())
            .await?;
        row.as_ref().map(item).transpose()
    }

    /// The files of these turns, each turn's in order.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_of(
        &self,
        tenant: &TenantId,
        turns: &[EventId],
    ) -> Result<HashMap<EventId, Vec<MediaItem>>, StoreError> {
        let mut found: HashMap<EventId, Vec<MediaItem>> = HashMap::new();
        if turns.is_empty() {
            return Ok(found);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM media WHERE tenant = $1 AND turn IN ({}) ORDER BY turn, n",
            placeholders(2, turns.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str()).persistent(false);
        let query = turns.iter().fold(query, |query, turn| query.bind(turn.to_string()));
        for row in &query.fetch_all(self.db.read()).await? {
            let item = item(row)?;
            found.entry(item.turn).or_default().push(item);
        }
        Ok(found)
    }

    /// The files of a conversation, oldest first, 500 at most.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_in(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
    ) -> Result<Vec<MediaItem>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM media WHERE tenant = $1 AND conversation = $2 ORDER BY created_at, turn, n LIMIT 500"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(conversation.as_str())
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(item).collect()
    }

    /// Notes that somebody asks for a file. True for one caller a minute while it is not settled: that one has it
    /// fetched.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn media_ask(&self, tenant: &TenantId, (turn, n): (EventId, u32)) -> Result<bool, StoreError> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "UPDATE media SET asked_at = $4 WHERE tenant = $1 AND turn = $2 AND n = $3 AND asked_at <= $5 \
             AND state IN ('pending', 'failed')",
        )
        .bind(tenant.as_str())
        .bind(turn.to_string())
        .bind(i64::from(n))
        .bind(now)
        .bind(now - ASK_EVERY_MS)
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

/// A line for people, without what a database or a terminal can't show.
fn shown(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}

fn item(row: &AnyRow) -> Result<MediaItem, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { table: "media", reason };
    let state: &str = row.try_get(7)?;
    let state = MediaState::ALL
        .into_iter()
        .find(|known| known.as_str() == state)
        .ok_or_else(|| corrupt(format!("unknown state `{state}`")))?;
    Ok(MediaItem {
        turn: row.try_get::<&str, _>(0)?.parse().map_err(|reason: &str| corrupt(reason.to_owned()))?,
        n: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u32::MAX),
        bot: row.try_get::<String, _>(2)?.into(),
        conversation: row.try_get::<String, _>(3)?.into(),
        channel: channel(row.try_get(4)?)?,
        account: row.try_get::<String, _>(5)?.into(),
        source: parse("media", row.try_get(6)?)?,
        state,
        reason: row.try_get(8)?,
        hash: row.try_get(9)?,
        mime: row.try_get(10)?,
        bytes: u64::try_from(row.try_get::<i64, _>(11)?).unwrap_or_default(),
    })
}
