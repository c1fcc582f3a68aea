//! People who have another number now: the old one is somebody else's some day.
//!
//! Guarantees: the person's conversation goes on under the new number, and whoever writes from the old one later has a
//! conversation of their own. The same news again changes nothing, and neither does an event of the time before that names the
//! old number beside another id of the person.

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, ConversationId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;

/// Stands between a number and the moment since which it is nobody's we know, in the name of the next one's conversation. No
/// provider's id holds it.
const SINCE: char = '@';

/// True where an id belonged to somebody else before.
pub(super) fn is_left(id: &str, chat: &str) -> bool {
    since(id, chat).is_some()
}

fn since(id: &str, chat: &str) -> Option<i64> {
    chat.strip_prefix(id)?.strip_prefix(SINCE)?.parse().ok()
}

impl Store {
    /// A person has the number `new` and not `old` any more, since `at`; `others` are further ids of theirs. The id that names
    /// their conversation, as of [`Store::conversation_chat`].
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn number_changed(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
        (old, new): (&str, &str),
        others: &[String],
        at: Timestamp,
    ) -> Result<String, StoreError> {
        let others = others.iter().map(String::as_str).filter(|id| ![old, new].contains(id));
        let others: Vec<&str> = others.take(super::MOST_IDS).collect();
        let ids: Vec<&str> = [old, new].into_iter().chain(others.iter().copied()).collect();
        let rows = self.aliases(account, &ids).await?;
        let of = |id: &str| rows.iter().find(|(known, _)| known == id).map(|(_, chat)| chat.clone());
        let theirs = of(old).or_else(|| others.iter().find_map(|id| of(id)));
        let theirs = theirs.unwrap_or_else(|| old.to_owned());
        if since(old, &theirs).is_some_and(|known| known >= at.millis()) {
            // It was said before.
            return Ok(of(new).unwrap_or_else(|| new.to_owned()));
        }
        let (tenant, channel, number) = account;
        let next = format!("{old}{SINCE}{}", at.millis());
        let mut tx = self.db.begin().await?;
        let moved = [(old, next.as_str(), true), (new, theirs.as_str(), true)];
        let same = others.iter().map(|id| (*id, theirs.as_str(), false));
        for (id, chat, over) in moved.into_iter().chain(same) {
            sqlx::query(
                "INSERT INTO aliases (tenant, channel, account, id, chat, at) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (account, id, channel, tenant) DO UPDATE SET \
                 chat = CASE WHEN $7 = 1 THEN excluded.chat ELSE aliases.chat END",
            )
            .bind(tenant.as_str())
            .bind(channel.as_str())
            .bind(number.as_str())
            .bind(id)
            .bind(chat)
            .bind(self.clock.now().millis())
            .bind(i64::from(over))
            .execute(tx.on())
            .await?;
        }
        sqlx::query(
            "UPDATE conversations SET chat = $3, contact = CASE WHEN contact = $4 THEN $3 ELSE contact END \
             WHERE id = $1 AND tenant = $2",
        )
        .bind(ConversationId::new(tenant, channel, number, &theirs, None).as_str())
        .bind(tenant.as_str())
        .bind(new)
        .bind(old)
        .execute(tx.on())
        .await?;
        tx.commit().await?;
        Ok(theirs)
    }
}
