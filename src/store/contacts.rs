//! What is known of people before they are written to: when they wrote last, whether they want to be written to, and whether
//! a provider said that nobody is reached there.
//!
//! Guarantees: every query carries its tenant; a block at the provider that ends takes back no wish that the person had
//! said in words. The journal writes all of it, so they are as old as the timeline is behind.

use std::collections::HashMap;

use sqlx::Row;

use super::Store;
use super::error::StoreError;
use super::timeline::placeholders;
use crate::domain::ids::{ConversationId, TenantId};
use crate::domain::time::Timestamp;
use crate::domain::window::Reach;

/// Conversations of one query.
const CHUNK: usize = 500;

impl Store {
    /// What is known of the people of these conversations, for [`crate::domain::window::proactive`]. Who is not in the
    /// answer never wrote and never objected.
    ///
    /// # Errors
    /// When the database can't be reached or a row can't be read.
    pub async fn reach(
        &self,
        tenant: &TenantId,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Reach>, StoreError> {
        let mut found: HashMap<ConversationId, Reach> = HashMap::with_capacity(conversations.len());
        for chunk in conversations.chunks(CHUNK) {
            let ids = placeholders(2, chunk.len());
            let sql = format!(
                "SELECT id, heard_at, 0, 0 FROM conversations WHERE tenant = $1 AND heard_at > 0 AND id IN ({ids}) \
                 UNION ALL SELECT conversation, 0, opted_out, 0 FROM opt_outs WHERE tenant = $1 AND conversation IN ({ids}) \
                 UNION ALL SELECT conversation, 0, 0, at FROM closed_chats WHERE tenant = $1 AND conversation IN ({ids})"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(tenant.as_str());
            let query = chunk.iter().fold(query, |query, id| query.bind(id.as_str()));
            for row in query.fetch_all(self.db.read()).await? {
                let reach = found.entry(row.try_get::<String, _>(0)?.into()).or_default();
                let heard: i64 = row.try_get(1)?;
                if heard > 0 {
                    reach.heard_at = Some(Timestamp::from_millis(heard));
                }
                reach.opted_out |= row.try_get::<i64, _>(2)? != 0;
                let closed: i64 = row.try_get(3)?;
                if closed > 0 {
                    reach.closed_at = Some(Timestamp::from_millis(closed));
                }
            }
        }
        Ok(found)
    }
}
