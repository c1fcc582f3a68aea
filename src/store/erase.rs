//! Forgetting a person: every row that is theirs, in one transaction.
//!
//! Guarantees: only rows of the tenant's one bot go, found through every id by which the person is known there; in groups
//! their own messages and the replies to those go, nobody else's. What is read first is looked for without holding anybody
//! up; what is being written at that very moment stays, so whoever has to be sure runs it once more. What is older than the
//! erasure and comes again is not written any more.

mod find;
mod forgotten;

pub(super) use forgotten::Name;

use serde::Serialize;

use super::Store;
use super::db::Tx;
use super::error::StoreError;
use super::timeline::placeholders;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, ConversationId, TenantId};

/// Ids of one statement.
const CHUNK: usize = 400;

/// What was removed of a person, and what is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Erased {
    /// Their private conversations.
    pub conversations: Vec<ConversationId>,
    /// Rows, by the table's name.
    pub rows: Vec<(&'static str, u64)>,
    /// Hashes of files that they sent: the object store may hold them still.
    pub files: Vec<String>,
}

/// A person as one channel account sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Person {
    channel: String,
    account: String,
    /// Every id by which they are known there.
    ids: Vec<String>,
    /// Those by which their conversations are named: a number that they left, for one, which is somebody else's id by now.
    names: Vec<String>,
    /// Their private conversations.
    conversations: Vec<String>,
    /// Messages in groups that they wrote, and the replies to those.
    in_groups: Vec<String>,
    /// The inbound events that those began with.
    roots: Vec<String>,
    /// Parts of replies to them.
    parts: Vec<(String, i64)>,
    /// What the provider calls messages from and to them.
    provider_ids: Vec<String>,
    /// Hashes of what they sent.
    files: Vec<String>,
    /// What they asked.
    questions: Vec<String>,
}

impl Store {
    /// The private conversations of a person at a bot, named as in [`Store::contact_erase`].
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn contact_conversations(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: Option<ChannelKind>,
        id: &str,
    ) -> Result<Vec<ConversationId>, StoreError> {
        if id.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.find_person(tenant, bot, channel, id).await?;
        let all = found.iter().flat_map(|person| &person.conversations);
        Ok(all.map(|id| id.as_str().into()).collect())
    }

    /// Removes every row of a person at a bot. `id` is any id of theirs at a provider; without `channel` all of the bot's
    /// channels are looked through. `None` where nothing is kept of such a person.
    ///
    /// # Errors
    /// When the database can't be reached; nothing was removed then.
    pub async fn contact_erase(
        &self,
        tenant: &TenantId,
        bot: &BotId,
        channel: Option<ChannelKind>,
        id: &str,
    ) -> Result<Option<Erased>, StoreError> {
        // A conversation in which nobody has written yet has no contact: without an id everybody's would be found.
        if id.is_empty() {
            return Ok(None);
        }
        let found = self.find_person(tenant, bot, channel, id).await?;
        let mut tx = self.db.begin().await?;
        let mut erased = Erased::default();
        for person in &found {
            let mut remove = Remove { tx: &mut tx, tenant, bot, rows: &mut erased.rows };
            remove.person(person).await?;
            self.forget_names(&mut tx, tenant, person).await?;
            erased.conversations.extend(person.conversations.iter().map(|id| id.as_str().into()));
            erased.files.extend(person.files.iter().cloned());
        }
        erased.files.sort();
        erased.files.dedup();
        // Should nobody come to delete them now, the next sweep of the tenant's files does.
        for hash in &erased.files {
            sqlx::query(
                "INSERT INTO files (tenant, hash, bytes, created_at, used_at, state) VALUES ($1, $2, 0, $3, $3, 'going') \
                 ON CONFLICT (tenant, hash) DO NOTHING",
            )
            .bind(tenant.as_str())
            .bind(hash.as_str())
            .bind(self.now())
            .execute(tx.on())
            .await?;
        }
        if erased.rows.iter().all(|(_, rows)| *rows == 0) {
            tx.rollback().await?;
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(erased))
    }
}

/// Removes rows of one tenant's bot and counts them.
struct Remove<'a> {
    tx: &'a mut Tx,
    tenant: &'a TenantId,
    bot: &'a BotId,
    rows: &'a mut Vec<(&'static str, u64)>,
}

impl Remove<'_> {
    async fn person(&mut self, person: &Person) -> Result<(), StoreError> {
        let Person { channel, account, ids, names, conversations, in_groups, .. } = person;
        let here = [channel.as_str(), account.as_str()];
        for (reply, part) in &person.parts {
            let sql = "DELETE FROM parts WHERE tenant = $1 AND bot = $2 AND reply = $3 AND part = $4";
            let done = sqlx::query(sql)
                .bind(self.tenant.as_str())
                .bind(self.bot.as_str())
                .bind(reply)
                .bind(part)
                .execute(self.tx.on())
                .await?;
            self.count("parts", done.rows_affected());
        }
        self.each("receipts", "channel = $3 AND account = $4 AND message_id", &here, &person.provider_ids)
            .await?;
        self.each("media", "conversation", &[], conversations).await?;
        self.each("media", "turn", &[], in_groups).await?;
        if channel == ChannelKind::Webchat.as_str() {
            self.each("visitor_files", "account = $3 AND visitor", &here[1..], ids).await?;
        }
        self.each("messages", "conversation", &[], conversations).await?;
        self.each("messages", "id", &[], in_groups).await?;
        self.each("conversations", "id", &[], conversations).await?;
        let recipients = "campaign IN (SELECT id FROM campaigns WHERE tenant = $1 AND bot = $2 AND channel = $3 AND \
                          account = $4) AND recipient";
        self.each("campaign_recipients", recipients, &here, ids).await?;
        self.each("missed_questions", "question", &[], &person.questions).await?;
        // These name no bot: an account is one bot's, and a conversation's id names the account.
        self.each("opt_outs", "conversation", &[], conversations).await?;
        self.each("closed_chats", "conversation", &[], conversations).await?;
        // That a number was somebody else's before stays known, or its next message would stand in that one's conversation.
        let at = "channel = $3 AND account = $4 AND chat NOT LIKE id || '@%' AND";
        self.each("aliases", &format!("{at} chat"), &here, names).await?;
        self.each("aliases", &format!("{at} id"), &here, ids).await
    }

    /// Deletes the rows of `table` whose last column of `wanted` is one of `values`; `bound` are its `$3`, `$4`.
    async fn each(
        &mut self,
        table: &'static str,
        wanted: &str,
        bound: &[&str],
        values: &[String],
    ) -> Result<(), StoreError> {
        let whose = match table {
            "opt_outs" | "closed_chats" | "aliases" | "visitor_files" => "tenant = $1 AND $2 = $2",
            "campaign_recipients" => "tenant = $1",
            _ => "tenant = $1 AND bot = $2",
        };
        for chunk in values.chunks(CHUNK) {
            let list = placeholders(3 + bound.len(), chunk.len());
            let sql = format!("DELETE FROM {table} WHERE {whose} AND {wanted} IN ({list})");
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
            let query = query.bind(self.tenant.as_str()).bind(self.bot.as_str());
            let query = bound.iter().fold(query, |query, value| query.bind(*value));
            let query = chunk.iter().fold(query, |query, value| query.bind(value.as_str()));
            let done = query.execute(self.tx.on()).await?;
            self.count(table, done.rows_affected());
        }
        Ok(())
    }

    fn count(&mut self, table: &'static str, rows: u64) {
        match self.rows.iter_mut().find(|(name, _)| *name == table) {
            Some((_, sum)) => *sum += rows,
            None => self.rows.push((table, rows)),
        }
    }
}
