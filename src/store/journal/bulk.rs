//! Many rows in few statements.
//!
//! Guarantees: rows are written in the order of their keys, so two transactions never wait for each other in a circle;
//! no statement names a key twice, which PostgreSQL refuses; what can't stand in a PostgreSQL text is replaced.

use std::collections::BTreeMap;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::rows::{ClosedRow, ConsentRow, ConversationRow, JournalRow, MessageRow, PartRow, ReceiptRow};
use crate::domain::events::{ChatKind, Consent};
use crate::store::db::{Tx, values};
use crate::store::error::StoreError;

/// Rows per statement: few different numbers, so that few statements are prepared. 128 rows of 16 values are far below
/// SQLite's 32,766 placeholders.
const CHUNKS: [usize; 3] = [128, 16, 1];

type Bound<'q> = Query<'q, Any, AnyArguments>;

/// A kind of row.
trait Bulk {
    /// `INSERT INTO ... VALUES `.
    const HEAD: &'static str;
    /// What to do with a row that is there.
    const TAIL: &'static str;
    /// Values of a row.
    const COLUMNS: usize;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q>;
}

/// Rows of one transaction, each key once.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    messages: BTreeMap<[u8; 16], &'a MessageRow>,
    conversations: BTreeMap<&'a str, Merged>,
    parts: BTreeMap<([u8; 16], u32), &'a PartRow>,
    receipts: BTreeMap<(&'a str, &'a str, &'static str), &'a ReceiptRow>,
    consents: BTreeMap<&'a str, &'a ConsentRow>,
    closed: BTreeMap<&'a str, &'a ClosedRow>,
}

impl<'a> Rows<'a> {
    pub(super) fn add(&mut self, row: &'a JournalRow) {
        match row {
            JournalRow::Message(row) => {
                self.messages.entry(*row.id.as_bytes()).or_insert(row);
            }
            JournalRow::Conversation(row) => {
                let key = row.id.as_str();
                match self.conversations.get_mut(key) {
                    Some(merged) => merged.add(row),
                    None => {
                        self.conversations.insert(key, Merged { first: row.at, row: row.clone() });
                    }
                }
            }
            JournalRow::Part(row) => {
                let key = (*row.reply.as_bytes(), row.part);
                if self.parts.get(&key).is_none_or(|old| row.rank() > old.rank()) {
                    self.parts.insert(key, row);
                }
            }
            JournalRow::Consent(row) => {
                let key = row.conversation.as_str();
                if self.consents.get(key).is_none_or(|old| row.replaces(old)) {
                    self.consents.insert(key, row);
                }
            }
            JournalRow::Closed(row) => {
                let key = row.conversation.as_str();
                if self.closed.get(key).is_none_or(|old| row.at >= old.at) {
                    self.closed.insert(key, row);
                }
            }
            JournalRow::Receipt(row) => {
                let key = (row.account.as_str(), row.message_id.as_str(), row.channel.as_str());
                if self.receipts.get(&key).is_none_or(|old| row.rank() > old.rank()) {
                    self.receipts.insert(key, row);
                }
            }
        }
    }

    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        insert(tx, self.conversations.values().collect()).await?;
        insert(tx, self.messages.values().copied().collect()).await?;
        insert(tx, self.parts.values().copied().collect()).await?;
        insert(tx, self.receipts.values().copied().collect()).await?;
        insert(tx, self.consents.values().copied().collect()).await?;
        insert(tx, self.closed.values().copied().collect()).await
    }
}

async fn insert<R: Bulk>(tx: &mut Tx, rows: Vec<&R>) -> Result<(), StoreError> {
    let mut rest = rows.as_slice();
    for size in CHUNKS {
        if rest.len() < size {
            continue;
        }
        let sql: std::sync::Arc<str> =
            [R::HEAD, &values(tx.engine, size, R::COLUMNS), R::TAIL].concat().into();
        while rest.len() >= size {
            let (chunk, left) = rest.split_at(size);
            rest = left;
            let query = sqlx::query(AssertSqlSafe(std::sync::Arc::clone(&sql)));
            chunk.iter().fold(query, |query, row| row.bind(query)).execute(tx.on()).await?;
        }
    }
    Ok(())
}

/// PostgreSQL takes no NUL in a text; a person may send one.
fn clean(text: &str) -> String {
    if text.as_bytes().contains(&0) { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

fn number(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

impl Bulk for MessageRow {
    const HEAD: &'static str = "INSERT INTO messages (id, root, tenant, bot, conversation, direction, channel, account, \
         kind, body, data, provider_id, hops, at, root_at, position) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (id) DO NOTHING";
    const COLUMNS: usize = 16;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        query
            .bind(self.id.to_string())
            .bind(self.root.to_string())
            .bind(self.tenant.as_str())
            .bind(self.bot.as_str())
            .bind(clean(self.conversation.as_str()))
            .bind(self.direction.as_str())
            .bind(self.channel.map_or("", |channel| channel.as_str()))
            .bind(clean(self.account.as_str()))
            .bind(clean(&self.kind))
            .bind(clean(&self.text))
            .bind(self.data.as_str())
            .bind(self.provider_id.as_deref().map(clean))
            .bind(self.hops.as_str())
            .bind(self.at.millis())
            .bind(self.root_at.millis())
            .bind(number(self.position))
    }
}

/// What several events of one transaction tell of a conversation.
#[derive(Debug)]
struct Merged {
    row: ConversationRow,
    first: crate::domain::time::Timestamp,
}

impl Merged {
    fn add(&mut self, newer: &ConversationRow) {
        self.first = self.first.min(newer.at);
        self.row.at = self.row.at.max(newer.at);
        self.row.heard_at = self.row.heard_at.max(newer.heard_at);
        if !newer.contact.is_empty() {
            self.row.contact.clone_from(&newer.contact);
        }
        self.row.name = newer.name.clone().or(self.row.name.take());
        self.row.username = newer.username.clone().or(self.row.username.take());
        self.row.language = newer.language.clone().or(self.row.language.take());
        self.row.referral = self.row.referral.take().or_else(|| newer.referral.clone());
        self.row.chat.clone_from(&newer.chat);
    }
}

impl Bulk for Merged {
    const HEAD: &'static str = "INSERT INTO conversations (id, tenant, bot, channel, account, chat, thread, chat_kind, \
         contact, name, username, language, referral, heard_at, first_at, last_at) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (id) DO UPDATE SET bot = excluded.bot, chat = excluded.chat, \
         referral = COALESCE(conversations.referral, excluded.referral), \
         contact = CASE WHEN excluded.contact = '' THEN conversations.contact ELSE excluded.contact END, \
         name = COALESCE(excluded.name, conversations.name), \
         username = COALESCE(excluded.username, conversations.username), \
         language = COALESCE(excluded.language, conversations.language), \
         heard_at = CASE WHEN excluded.heard_at > conversations.heard_at THEN excluded.heard_at ELSE conversations.heard_at END, \
         first_at = CASE WHEN excluded.first_at < conversations.first_at THEN excluded.first_at ELSE conversations.first_at END, \
         last_at = CASE WHEN excluded.last_at > conversations.last_at THEN excluded.last_at ELSE conversations.last_at END";
    const COLUMNS: usize = 16;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        let row = &self.row;
        query
            .bind(clean(row.id.as_str()))
            .bind(row.tenant.as_str())
            .bind(row.bot.as_str())
            .bind(row.channel.as_str())
            .bind(clean(row.account.as_str()))
            .bind(clean(&row.chat))
            .bind(row.thread.as_deref().map(clean))
            .bind(match row.chat_kind {
                ChatKind::Private => "private",
                ChatKind::Group => "group",
            })
            .bind(clean(&row.contact))
            .bind(row.name.as_deref().map(clean))
            .bind(row.username.as_deref().map(clean))
            .bind(row.language.as_deref().map(clean))
            .bind(row.referral.as_deref().map(clean))
            .bind(row.heard_at.map_or(0, crate::domain::time::Timestamp::millis))
            .bind(self.first.millis())
            .bind(row.at.millis())
    }
}

impl Bulk for PartRow {
    const HEAD: &'static str = "INSERT INTO parts (reply, part, of_parts, tenant, bot, conversation, status, rank, \
         provider_id, reason, attempt, at) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (reply, part) DO UPDATE SET status = excluded.status, \
         rank = excluded.rank, provider_id = COALESCE(excluded.provider_id, parts.provider_id), \
         reason = excluded.reason, attempt = excluded.attempt, at = excluded.at WHERE excluded.rank > parts.rank";
    const COLUMNS: usize = 12;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        query
            .bind(self.reply.to_string())
            .bind(i64::from(self.part))
            .bind(i64::from(self.of))
            .bind(self.tenant.as_str())
            .bind(self.bot.as_str())
            .bind(clean(self.conversation.as_str()))
            .bind(self.status.as_str())
            .bind(self.rank())
            .bind(self.provider_id.as_deref().map(clean))
            .bind(self.reason.as_deref().map(clean))
            .bind(i64::from(self.attempt))
            .bind(self.at.millis())
    }
}

impl Bulk for ReceiptRow {
    const HEAD: &'static str =
        "INSERT INTO receipts (tenant, channel, account, message_id, bot, status, rank, errors, at) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (account, message_id, channel, tenant) DO UPDATE SET \
         status = excluded.status, rank = excluded.rank, errors = excluded.errors, at = excluded.at \
         WHERE excluded.rank > receipts.rank";
    const COLUMNS: usize = 9;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        let errors: Vec<String> = self.errors.iter().map(i64::to_string).collect();
        query
            .bind(self.tenant.as_str())
            .bind(self.channel.as_str())
            .bind(clean(self.account.as_str()))
            .bind(clean(&self.message_id))
            .bind(self.bot.as_str())
            .bind(self.status.as_str())
            .bind(self.rank())
            .bind(format!("[{}]", errors.join(",")))
            .bind(self.at.millis())
    }
}

impl Bulk for ConsentRow {
    const HEAD: &'static str = "INSERT INTO opt_outs (conversation, tenant, opted_out, how, at) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (conversation) DO UPDATE SET opted_out = excluded.opted_out, \
         how = excluded.how, at = excluded.at WHERE excluded.tenant = opt_outs.tenant AND excluded.at >= opt_outs.at \
         AND (excluded.opted_out = 1 OR excluded.how <> 'block' OR opt_outs.how = 'block')";
    const COLUMNS: usize = 5;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        query
            .bind(clean(self.conversation.as_str()))
            .bind(self.tenant.as_str())
            .bind(i64::from(self.consent == Consent::Out))
            .bind(self.by.as_str())
            .bind(self.at.millis())
    }
}

impl Bulk for ClosedRow {
    const HEAD: &'static str = "INSERT INTO closed_chats (conversation, tenant, reason, at) VALUES ";
    const TAIL: &'static str = " ON CONFLICT (conversation) DO UPDATE SET reason = excluded.reason, at = excluded.at \
         WHERE excluded.tenant = closed_chats.tenant AND excluded.at >= closed_chats.at";
    const COLUMNS: usize = 4;

    fn bind<'q>(&'q self, query: Bound<'q>) -> Bound<'q> {
        query
            .bind(clean(self.conversation.as_str()))
            .bind(self.tenant.as_str())
            .bind(clean(&self.reason))
            .bind(self.at.millis())
    }
}
