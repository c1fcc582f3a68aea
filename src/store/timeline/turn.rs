//! One turn with what became of it.
//!
//! Guarantee: nothing is scanned: what a turn led to has ids that follow from its own, and rows are read by those.

use std::collections::BTreeSet;

use super::message::{COLUMNS, Message, event_id, message};
use super::placeholders;
use crate::domain::event::Event;
use crate::domain::events::{TurnDropped, TurnGrounded, TurnOpened, TurnRouted};
use crate::domain::ids::{BotId, EventId, TenantId};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// What a bot's turn said and what became of it: what came in, then its reply or its drop, as far as they are written.
    /// `id` = any of these events, or the inbound event that they began with. Empty where the bot has no such turn.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn turn(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        id: EventId,
    ) -> Result<Vec<Message>, StoreError> {
        let row = sqlx::query("SELECT root FROM messages WHERE id = $1 AND tenant = $2 AND bot = $3")
            .bind(id.to_string())
            .bind(tenant.as_str())
            .bind(bot.as_str())
            .fetch_optional(self.db.read())
            .await?;
        let root = row.map_or(Ok(id), |row| event_id(&row, 0))?;
        let mut ids = BTreeSet::from(events(root));
        ids.insert(id);
        let sql = format!(
            "SELECT {COLUMNS} FROM messages WHERE tenant = $1 AND bot = $2 AND root = $3 AND id IN ({})",
            placeholders(4, ids.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.as_str())
            .bind(bot.as_str())
            .bind(root.to_string());
        let query = ids.iter().fold(query, |query, id| query.bind(id.to_string()));
        let rows = query.fetch_all(self.db.read()).await?;
        let mut messages = rows.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        let mut parts = self.parts(tenant, &messages).await?;
        if let Some(first) = messages.first() {
            let (delivered, read) = self.watermarks(tenant, &first.conversation).await?;
            parts.values_mut().flatten().for_each(|part| part.pass(delivered, read));
        }
        for message in &mut messages {
            message.parts = parts.remove(&message.id).unwrap_or_default();
        }
        messages.sort_by_key(|message| (message.direction, message.at, message.position));
        Ok(messages)
    }
}

/// The events of a turn that have rows: it, its reply, and its drop by whichever stage.
fn events(root: EventId) -> [EventId; 6] {
    let dropped = |id: EventId| id.derive(TurnDropped::TYPE, 0);
    let opened = root.derive(TurnOpened::TYPE, 0);
    let routed = opened.derive(TurnRouted::TYPE, 0);
    let grounded = routed.derive(TurnGrounded::TYPE, 0);
    [opened, EventId::reply(root, 0), dropped(root), dropped(opened), dropped(routed), dropped(grounded)]
}
