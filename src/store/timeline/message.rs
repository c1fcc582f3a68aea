//! Messages with what became of them.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Cursor, MOST, placeholders};
use crate::domain::events::{Hop, ReceiptStatus};
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::bots::parse;
use crate::store::error::StoreError;
use crate::store::journal::watermark_id;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A person said it.
    In,
    /// It ended without a reply; the kind is the reason.
    Dropped,
    /// The bot says it.
    Out,
}

impl Direction {
    /// The word in a row and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Dropped => "dropped",
            Self::Out => "out",
        }
    }

    fn of(text: &str) -> Result<Self, StoreError> {
        [Self::In, Self::Dropped, Self::Out].into_iter().find(|one| one.as_str() == text).ok_or_else(|| {
            StoreError::Corrupt { table: "messages", reason: format!("unknown direction `{text}`") }
        })
    }
}

/// One event of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The event's id.
    pub id: EventId,
    /// The inbound event that it began with: the same for a turn, its replies and its drop.
    pub root: EventId,
    /// Which bot's.
    pub bot: BotId,
    /// Which conversation's.
    pub conversation: ConversationId,
    /// Which way it went.
    pub direction: Direction,
    /// Inbound: the kind of turn; outbound: the route; dropped: the reason.
    pub kind: String,
    /// The text; of an edited message what it says now.
    pub text: String,
    /// True when the person changed it afterwards: what it said before is not kept here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    /// The rest: inbound `{payload, attachments, contact, reply_to}`, outbound `{parts}`, dropped `{stage, note, sender, on}`.
    pub data: serde_json::Value,
    /// The provider's id of an inbound message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// What became of each part of a reply, as far as known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<MessagePart>,
    /// What each stage did and how long it took.
    pub hops: Vec<Hop>,
    /// When the event was written.
    pub at: Timestamp,
    /// The provider's time of the inbound event.
    pub root_at: Timestamp,
    /// The record's offset: the order of turns.
    #[serde(skip)]
    pub position: i64,
}

/// What became of a part of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessagePart {
    /// Which, from 0.
    pub part: u32,
    /// How many there are.
    pub of: u32,
    /// `sent`, `rejected`, `expired`, `in_doubt`, `skipped`, `dropped`; of a sent one what the provider says later:
    /// `delivered`, `read`, `played`, `failed`.
    pub status: String,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// Why it was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The provider's error codes, when it failed later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<i64>,
    /// How many tries it took.
    pub attempt: u32,
    /// When the status was reached.
    pub at: Timestamp,
}

impl MessagePart {
    /// Takes a watermark for what lies before it and is not known to have come further.
    pub(super) fn pass(&mut self, delivered: Option<i64>, read: Option<i64>) {
        /// It bears the provider's time of the last message; we note a send when its answer is here.
        const ROUND_TRIP_MS: i64 = 1_000;
        let passed = |mark: Option<i64>| mark.is_some_and(|mark| self.at.millis() <= mark + ROUND_TRIP_MS);
        let status = match self.status.as_str() {
            "sent" | "delivered" if passed(read) => "read",
            "sent" if passed(delivered) => "delivered",
            _ => return,
        };
        status.clone_into(&mut self.status);
    }
}

/// What [`message`] reads, in its order.
pub(super) const COLUMNS: &str =
    "id, root, bot, conversation, direction, kind, body, data, provider_id, hops, at, root_at, position";

impl Store {
    /// The messages of a conversation, oldest first: the newest `limit` (500 at most) before `before`.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn messages(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let (at, id) = Cursor::or_newest(before);
        let sql = format!(
            "SELECT {COLUMNS} FROM messages WHERE tenant = $1 AND conversation = $2 \
             AND (at < $3 OR (at = $3 AND id < $4)) ORDER BY at DESC, id DESC LIMIT $5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(conversation.as_str())
            .bind(at)
            .bind(id)
            .bind(i64::from(limit.min(MOST)))
            .fetch_all(self.db.read())
            .await?;
        let mut messages = rows.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        let mut parts = self.parts(tenant, &messages).await?;
        let (delivered, read) = self.watermarks(tenant, conversation).await?;
        parts.values_mut().flatten().for_each(|part| part.pass(delivered, read));
        for message in &mut messages {
            message.parts = parts.remove(&message.id).unwrap_or_default();
        }
        // Within one millisecond a turn comes before what answers it.
        messages.sort_by_key(|message| (message.at, message.direction, message.position));
        apply_edits(&mut messages);
        Ok(messages)
    }

    /// Up to when everything in a conversation was delivered and read, where a provider says no more than that.
    pub(super) async fn watermarks(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
    ) -> Result<(Option<i64>, Option<i64>), StoreError> {
        let Some((_, channel, account)) = conversation.account() else { return Ok((None, None)) };
        let ids = [ReceiptStatus::Delivered, ReceiptStatus::Read].map(|to| watermark_id(to, conversation));
        let rows = sqlx::query(
            "SELECT message_id, rank FROM receipts WHERE account = $1 AND message_id IN ($2, $3) AND channel = $4 \
             AND tenant = $5",
        )
        .bind(account.as_str())
        .bind(&ids[0])
        .bind(&ids[1])
        .bind(channel.as_str())
        .bind(tenant.as_str())
        .fetch_all(self.db.read())
        .await?;
        let mut found = [None, None];
        for row in &rows {
            let id: String = row.try_get(0)?;
            if let Some(n) = ids.iter().position(|known| *known == id) {
                found[n] = Some(row.try_get(1)?);
            }
        }
        Ok((found[0], found[1]))
    }

    pub(super) async fn parts(
        &self,
        tenant: &TenantId,
        messages: &[Message],
    ) -> Result<HashMap<EventId, Vec<MessagePart>>, StoreError> {
        let replies: Vec<EventId> =
            messages.iter().filter(|m| m.direction == Direction::Out).map(|m| m.id).collect();
        let mut found: HashMap<EventId, Vec<MessagePart>> = HashMap::new();
        if replies.is_empty() {
            return Ok(found);
        }
        let sql = format!(
            "SELECT p.reply, p.part, p.of_parts, p.status, p.provider_id, p.reason, p.attempt, p.at, \
             r.status, r.errors, r.at FROM parts p JOIN messages m ON m.id = p.reply LEFT JOIN receipts r \
             ON r.tenant = p.tenant AND r.channel = m.channel AND r.account = m.account AND r.message_id = p.provider_id \
             WHERE p.tenant = $1 AND m.tenant = $1 AND p.reply IN ({}) ORDER BY p.reply, p.part",
            placeholders(2, replies.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str()).persistent(false);
        let query = replies.iter().fold(query, |query, id| query.bind(id.to_string()));
        for row in &query.fetch_all(self.db.read()).await? {
            found.entry(event_id(row, 0)?).or_default().push(part(row)?);
        }
        Ok(found)
    }
}

impl Store {
    /// True where a message of a conversation that the provider calls so was sent from here; replies of before `since` are not
    /// looked at.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn has_sent(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        message: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) FROM messages m JOIN parts p ON p.reply = m.id WHERE m.conversation = $1 AND m.at >= $2 \
             AND m.tenant = $3 AND m.direction = 'out' AND p.provider_id = $4",
        )
        .bind(conversation.as_str())
        .bind(since.millis())
        .bind(tenant.as_str())
        .bind(message)
        .fetch_one(self.db.read())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }
}

/// An edit stands as an event of its own, and the message that it is about says what it says now.
fn apply_edits(messages: &mut [Message]) {
    let edits = messages.iter().filter(|m| m.direction == Direction::Dropped && m.kind == "edit");
    let on = |edit: &Message| edit.data.get("on")?.as_str().map(str::to_owned);
    let edits: HashMap<String, String> = edits.filter_map(|m| Some((on(m)?, m.text.clone()))).collect();
    for message in messages.iter_mut().filter(|m| m.direction == Direction::In) {
        if let Some(text) = message.provider_id.as_ref().and_then(|id| edits.get(id)) {
            message.text.clone_from(text);
            message.edited = true;
        }
    }
}

pub(super) fn event_id(row: &AnyRow, column: usize) -> Result<EventId, StoreError> {
    row.try_get::<&str, _>(column)?
        .parse()
        .map_err(|reason: &str| StoreError::Corrupt { table: "messages", reason: reason.to_owned() })
}

pub(super) fn message(row: &AnyRow) -> Result<Message, StoreError> {
    Ok(Message {
        id: event_id(row, 0)?,
        root: event_id(row, 1)?,
        bot: row.try_get::<String, _>(2)?.into(),
        conversation: row.try_get::<String, _>(3)?.into(),
        direction: Direction::of(row.try_get(4)?)?,
        kind: row.try_get(5)?,
        text: row.try_get(6)?,
        edited: false,
        data: parse("messages", row.try_get(7)?)?,
        provider_id: row.try_get(8)?,
        parts: Vec::new(),
        hops: parse("messages", row.try_get(9)?)?,
        at: Timestamp::from_millis(row.try_get(10)?),
        root_at: Timestamp::from_millis(row.try_get(11)?),
        position: row.try_get(12)?,
    })
}

fn part(row: &AnyRow) -> Result<MessagePart, StoreError> {
    let small = |column: usize| -> Result<u32, StoreError> {
        Ok(u32::try_from(row.try_get::<i64, _>(column)?).unwrap_or(u32::MAX))
    };
    let receipt: Option<String> = row.try_get(8)?;
    let (status, errors, at) = match receipt {
        Some(receipt) => (receipt, parse("receipts", row.try_get(9)?)?, row.try_get(10)?),
        None => (row.try_get(3)?, Vec::new(), row.try_get(7)?),
    };
    Ok(MessagePart {
        part: small(1)?,
        of: small(2)?,
        status,
        provider_id: row.try_get(4)?,
        reason: row.try_get(5)?,
        errors,
        attempt: small(6)?,
        at: Timestamp::from_millis(at),
    })
}
