//! The conversation so far, for a model.
//!
//! Guarantee: each turn stands before its own replies, in the order of the turns, whenever the replies were written.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::Row;

use super::message::event_id;
use super::placeholders;
use crate::domain::event::Event;
use crate::domain::events::{Button, Part, TurnOpened};
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::store::Store;
use crate::store::bots::parse;
use crate::store::directory::{History, Line, Speaker};
use crate::store::error::StoreError;

/// No model reads more; it bounds the query.
const MOST_LINES: u32 = 200;
/// A reply may bear an earlier time than its turn by as much as two machines' clocks differ.
const CLOCK_SKEW_MS: i64 = 60_000;

#[async_trait]
impl History for Store {
    async fn lines(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let limit = limit.min(MOST_LINES);
        // Every turn is one line at least, so this many turns are enough.
        let turns = sqlx::query(
            "SELECT root, body, at FROM messages WHERE tenant = $1 AND conversation = $2 AND direction = 'in' \
             ORDER BY at DESC, position DESC LIMIT $3",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.db.read())
        .await?;
        let roots = turns.iter().map(|row| event_id(row, 0)).collect::<Result<Vec<_>, _>>()?;
        let Some(oldest) = turns.last() else { return Ok(Vec::new()) };
        let since = oldest.try_get::<i64, _>(2)? - CLOCK_SKEW_MS;
        let mut replies = self.replies(tenant, conversation, since, &roots).await?;
        let mut lines = Vec::with_capacity(turns.len() * 2);
        // Newest first until there are enough, then turned round.
        for (row, root) in turns.iter().zip(roots) {
            for text in replies.remove(&root).unwrap_or_default().into_iter().rev() {
                lines.push(Line { speaker: Speaker::Bot, text, root });
            }
            lines.push(Line { speaker: Speaker::Person, text: row.try_get(1)?, root });
        }
        lines.truncate(limit as usize);
        lines.reverse();
        Ok(lines)
    }

    async fn choices(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
    ) -> Result<Vec<Button>, StoreError> {
        #[derive(serde::Deserialize)]
        struct Said {
            #[serde(default)]
            parts: Vec<Part>,
        }
        let row = sqlx::query(
            "SELECT data FROM messages WHERE tenant = $1 AND conversation = $2 AND direction = 'out' \
             ORDER BY at DESC, position DESC LIMIT 1",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .fetch_optional(self.db.read())
        .await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let said: Said = parse("messages", row.try_get(0)?)?;
        let last = said.parts.into_iter().rev().find(|part| !part.buttons.is_empty());
        Ok(last.map(|part| part.buttons).unwrap_or_default())
    }

    async fn holds(&self, tenant: &TenantId, root: EventId) -> Result<bool, StoreError> {
        // Ingest makes one turn of an event, and its id follows from the root.
        let turn = root.derive(TurnOpened::TYPE, 0);
        let row = sqlx::query("SELECT 1 FROM messages WHERE id = $1 AND tenant = $2")
            .bind(turn.to_string())
            .bind(tenant.as_str())
            .fetch_optional(self.db.read())
            .await?;
        Ok(row.is_some())
    }
}

impl Store {
    /// The replies to the given turns, in the order in which they were written.
    async fn replies(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        since: i64,
        roots: &[EventId],
    ) -> Result<HashMap<EventId, Vec<String>>, StoreError> {
        let mut found: HashMap<EventId, Vec<String>> = HashMap::new();
        let sql = format!(
            "SELECT root, body FROM messages WHERE tenant = $1 AND conversation = $2 AND at >= $3 \
             AND direction = 'out' AND root IN ({}) ORDER BY at, position, id",
            placeholders(4, roots.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .persistent(false)
            .bind(tenant.as_str())
            .bind(conversation.as_str())
            .bind(since);
        let query = roots.iter().fold(query, |query, root| query.bind(root.to_string()));
        for row in &query.fetch_all(self.db.read()).await? {
            found.entry(event_id(row, 0)?).or_default().push(row.try_get(1)?);
        }
        Ok(found)
    }
}
