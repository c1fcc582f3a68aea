//! What was forgotten with a person stays so, whatever is read again of the log or driven again from the dead letters.
//!
//! Guarantees: a row that is older than an erasure and bears a name that went with it is not written; what came later is. A
//! name stands here as a keyed hash, which tells nobody who it was. A batch without old rows costs one look at an index.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sqlx::Row;

use super::{CHUNK, Person};
use crate::domain::ids::{ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::domain::topics::{Counts, Keep, catalog, holds_people};
use crate::store::Store;
use crate::store::db::{Tx, values};
use crate::store::error::StoreError;
use crate::store::journal::JournalRow;
use crate::store::timeline::placeholders;

/// Under what something may have been forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Name<'a> {
    /// A private conversation.
    Conversation(&'a str),
    /// An event of a person's in a group, or what it led to.
    Event(EventId),
    /// A message, by what the provider calls it.
    Message(&'a str, &'a str, &'a str),
    /// A person in groups, by their id.
    Contact(&'a str, &'a str, &'a str),
}

impl Store {
    /// True when what happened in a conversation at a moment, under this turn, was forgotten with somebody.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn is_forgotten(
        &self,
        tenant: &TenantId,
        (conversation, turn): (&ConversationId, EventId),
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = |name| self.hashed(tenant, name);
        let row = sqlx::query(
            "SELECT COUNT(*) FROM forgotten WHERE tenant = $1 AND (name = $2 OR name = $3) AND at >= $4",
        )
        .bind(tenant.as_str())
        .bind(name(Name::Conversation(conversation.as_str())))
        .bind(name(Name::Event(turn)))
        .bind(at.millis())
        .fetch_one(self.db.read())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    /// Notes the names of a person who is being erased, and lets go of those that nothing can bring back any more.
    pub(super) async fn forget_names(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        person: &Person,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let (channel, account) = (person.channel.as_str(), person.account.as_str());
        let events = person.in_groups.iter().chain(&person.roots).filter_map(|id| id.parse().ok());
        let names: HashSet<String> = (person.conversations.iter().map(|id| Name::Conversation(id)))
            .chain(events.map(Name::Event))
            .chain(person.provider_ids.iter().map(|id| Name::Message(channel, account, id)))
            .chain(person.ids.iter().map(|id| Name::Contact(channel, account, id)))
            .map(|name| self.hashed(tenant, name))
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        for chunk in names.chunks(CHUNK) {
            let sql = format!(
                "INSERT INTO forgotten (tenant, name, at) VALUES {} \
                 ON CONFLICT (tenant, name) DO UPDATE SET at = excluded.at",
                values(tx.engine, chunk.len(), 3)
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
            let query =
                chunk.iter().fold(query, |query, name| query.bind(tenant.as_str()).bind(name).bind(now));
            query.execute(tx.on()).await?;
        }
        sqlx::query("DELETE FROM forgotten WHERE tenant = $1 AND at < $2")
            .bind(tenant.as_str())
            .bind(now - i64::try_from(kept().as_millis()).unwrap_or(i64::MAX))
            .execute(tx.on())
            .await?;
        Ok(())
    }

    /// Leaves out what was forgotten.
    pub(in crate::store) async fn not_forgotten<'r>(
        &self,
        tx: &mut Tx,
        rows: Vec<&'r JournalRow>,
    ) -> Result<Vec<&'r JournalRow>, StoreError> {
        let newest = sqlx::query("SELECT MAX(at) FROM forgotten").fetch_one(tx.on()).await?;
        let Some(newest) = newest.try_get::<Option<i64>, _>(0)? else { return Ok(rows) };
        let mut asked: BTreeMap<&TenantId, HashMap<String, Vec<usize>>> = BTreeMap::new();
        for (n, row) in rows.iter().enumerate() {
            let (tenant, names, at) = row.known_by();
            if at.millis() <= newest {
                let asked = asked.entry(tenant).or_default();
                for name in names.into_iter().flatten() {
                    asked.entry(self.hashed(tenant, name)).or_default().push(n);
                }
            }
        }
        let mut gone = HashSet::new();
        for (tenant, names) in &asked {
            let all: Vec<&String> = names.keys().collect();
            for chunk in all.chunks(CHUNK) {
                let list = placeholders(2, chunk.len());
                let sql = format!("SELECT name, at FROM forgotten WHERE tenant = $1 AND name IN ({list})");
                let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(tenant.as_str());
                let query = chunk.iter().fold(query, |query, name| query.bind(name.as_str()));
                for found in query.fetch_all(tx.on()).await? {
                    let (name, at): (String, i64) = (found.try_get(0)?, found.try_get(1)?);
                    let bear = names.get(&name).into_iter().flatten().copied();
                    gone.extend(bear.filter(|n| rows[*n].known_by().2.millis() <= at));
                }
            }
        }
        let kept = rows.into_iter().enumerate().filter(|(n, _)| !gone.contains(n));
        Ok(kept.map(|(_, row)| row).collect())
    }

    fn hashed(&self, tenant: &TenantId, name: Name<'_>) -> String {
        let id = if let Name::Event(id) = name { id.to_string() } else { String::new() };
        let [kind, a, b, c] = match name {
            Name::Conversation(id) => ["conversation", id, "", ""],
            Name::Event(_) => ["event", &id, "", ""],
            Name::Message(channel, account, id) => ["message", channel, account, id],
            Name::Contact(channel, account, id) => ["contact", channel, account, id],
        };
        self.sealer.hashed(&[tenant.as_str(), kind, a, b, c])
    }
}

/// How long anything may bring something back: as long as the topics keep it, and once more when it was driven again.
fn kept() -> Duration {
    let people = catalog(Counts::EMBEDDED).into_iter().filter(|topic| holds_people(&topic.name));
    let longest = people.filter_map(|topic| match topic.keep {
        Keep::For(span) => Some(span),
        Keep::Compact => None,
    });
    longest.max().unwrap_or_default() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_for_as_long_as_two_lives_of_a_dead_letter() {
        assert_eq!(kept(), Duration::from_secs(60 * 86_400));
    }
}
