//! Who is the same: ids of one person or group that were seen together, and the handle that people mention a bot by.
//!
//! Guarantees: ids that were seen together name one conversation from then on, the one that was there first, whichever
//! process saw them, but for a number that its owner has left; every query carries its tenant. A process may believe what it knew for [`BELIEVE`] longer.

mod moved;

use std::time::Duration;

use moka::sync::Cache;
use smol_str::SmolStr;
use sqlx::Row;

use super::Store;
use super::error::StoreError;
use super::timeline::placeholders;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, ConversationId, TenantId};
use crate::domain::time::Timestamp;

/// An id's place in the table hardly ever changes, and no news tell of it: a process that looked before the change sends
/// a message or two to the other conversation of the same person.
const BELIEVE: Duration = Duration::from_secs(60);
/// Ids in memory, some 200 bytes each.
const MOST: u64 = 100_000;
/// No payload names more ids of one person.
const MOST_IDS: usize = 8;

/// An account, and one of the ids that it knows.
type Key = (TenantId, ChannelKind, AccountId, SmolStr);

/// What of the table is in memory.
#[derive(Debug)]
pub(super) struct Known {
    chats: Cache<Key, SmolStr>,
    handles: Cache<(TenantId, ChannelKind, AccountId), Option<SmolStr>>,
    businesses: Cache<(TenantId, AccountId), Option<Business>>,
}

/// The business account of a number, and how people dial it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Business {
    id: SmolStr,
    number: SmolStr,
}

impl Known {
    pub(super) fn new() -> Self {
        let chats = Cache::builder().max_capacity(MOST).time_to_live(BELIEVE).build();
        let handles = Cache::builder().max_capacity(MOST / 10).time_to_live(BELIEVE).build();
        let businesses = Cache::builder().max_capacity(MOST / 10).time_to_live(BELIEVE).build();
        Self { chats, handles, businesses }
    }

    /// See [`super::Directory::conversation_chat`].
    pub(super) async fn chat(
        &self,
        store: &Store,
        account: (&TenantId, ChannelKind, &AccountId),
        chat: &str,
        aliases: &[String],
    ) -> Result<String, StoreError> {
        let (tenant, channel, id) = account;
        let key = |name: &str| (tenant.clone(), channel, id.clone(), SmolStr::new(name));
        let aliases = &aliases[..aliases.len().min(MOST_IDS)];
        if let Some(known) = self.chats.get(&key(chat))
            && aliases.iter().all(|alias| self.chats.get(&key(alias)).as_ref() == Some(&known))
        {
            return Ok(known.into());
        }
        let (found, all) = store.resolve(account, chat, aliases).await?;
        for name in std::iter::once(chat).chain(aliases.iter().map(String::as_str)).filter(|_| all) {
            self.chats.insert(key(name), SmolStr::new(&found));
        }
        Ok(found)
    }

    /// See [`super::Directory::number_changed`].
    pub(super) async fn number_changed(
        &self,
        store: &Store,
        account: (&TenantId, ChannelKind, &AccountId),
        (old, new): (&str, &str),
        others: &[String],
        at: Timestamp,
    ) -> Result<String, StoreError> {
        let found = store.number_changed(account, (old, new), others, at).await?;
        for name in [old, new] {
            self.chats.invalidate(&(account.0.clone(), account.1, account.2.clone(), SmolStr::new(name)));
        }
        Ok(found)
    }

    /// See [`super::Directory::handle`].
    pub(super) async fn handle(
        &self,
        store: &Store,
        account: (&TenantId, ChannelKind, &AccountId),
    ) -> Result<Option<String>, StoreError> {
        let key = (account.0.clone(), account.1, account.2.clone());
        if let Some(known) = self.handles.get(&key) {
            return Ok(known.map(Into::into));
        }
        let found = store.handle(account).await?;
        self.handles.insert(key, found.as_deref().map(SmolStr::new));
        Ok(found)
    }

    /// See [`super::Directory::learn_handle`].
    pub(super) async fn learn(
        &self,
        store: &Store,
        account: (&TenantId, ChannelKind, &AccountId),
        handle: &str,
    ) -> Result<(), StoreError> {
        if self.handle(store, account).await?.as_deref() == Some(handle) {
            return Ok(());
        }
        store.learn_handle(account, handle).await?;
        let key = (account.0.clone(), account.1, account.2.clone());
        self.handles.insert(key, Some(SmolStr::new(handle)));
        Ok(())
    }

    /// See [`super::Directory::learn_business`].
    pub(super) async fn learn_business(
        &self,
        store: &Store,
        (tenant, account): (&TenantId, &AccountId),
        business: &str,
        number: &str,
    ) -> Result<(), StoreError> {
        let known = self.known_business(store, (tenant, account)).await?;
        let stands = |known: &Business| known.id == business && (number.is_empty() || known.number == number);
        if known.as_ref().is_some_and(stands) {
            return Ok(());
        }
        store.learn_business(tenant, account, business, number).await?;
        let number = match known {
            Some(known) if number.is_empty() => known.number,
            _ => SmolStr::new(number),
        };
        let learned = Business { id: SmolStr::new(business), number };
        self.businesses.insert((tenant.clone(), account.clone()), Some(learned));
        Ok(())
    }

    /// See [`super::Directory::business_of`].
    pub(super) async fn business(
        &self,
        store: &Store,
        (tenant, account): (&TenantId, &AccountId),
    ) -> Result<Option<SmolStr>, StoreError> {
        Ok(self.known_business(store, (tenant, account)).await?.map(|known| known.id))
    }

    async fn known_business(
        &self,
        store: &Store,
        (tenant, account): (&TenantId, &AccountId),
    ) -> Result<Option<Business>, StoreError> {
        let key = (tenant.clone(), account.clone());
        if let Some(known) = self.businesses.get(&key) {
            return Ok(known);
        }
        let found = store.business(tenant, account).await?;
        let found = found.map(|(id, number)| Business { id: id.into(), number: number.into() });
        self.businesses.insert(key, found.clone());
        Ok(found)
    }
}

impl Store {
    /// The id that names the conversation of `chat` and its `aliases`: the one that was known first, else `chat`. From
    /// now on all of them lead there.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn conversation_chat(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
        chat: &str,
        aliases: &[String],
    ) -> Result<String, StoreError> {
        Ok(self.resolve(account, chat, aliases).await?.0)
    }

    /// The same, and whether all of the ids lead there.
    async fn resolve(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
        chat: &str,
        aliases: &[String],
    ) -> Result<(String, bool), StoreError> {
        let mut ids: Vec<&str> = std::iter::once(chat).chain(aliases.iter().map(String::as_str)).collect();
        let mut rows = self.aliases(account, &ids).await?;
        // Beside other ids of who had it before, a number stands for that person: the event is from before it changed hands.
        let left: Vec<String> =
            rows.iter().filter(|(id, to)| moved::is_left(id, to)).map(|(id, _)| id.clone()).collect();
        let elsewhere = |(id, to): &(String, String)| {
            !left.contains(id) && !left.iter().any(|left| moved::is_left(left, to))
        };
        let old = !left.is_empty() && rows.iter().any(elsewhere);
        if old {
            rows.retain(|(id, _)| !left.contains(id));
            ids.retain(|id| !left.iter().any(|left| left == id));
        }
        let first = match rows.first() {
            Some((_, chat)) => chat.clone(),
            // An id that was alone so far has no row here, but it may have a conversation.
            None if ids.len() > 1 => self.first_heard(account, &ids).await?.unwrap_or(chat).to_owned(),
            None => chat.to_owned(),
        };
        let settled = |id: &&str| rows.iter().any(|(known, to)| known == id && *to == first);
        if aliases.is_empty() || ids.iter().all(settled) {
            return Ok((first, !old));
        }
        let mut tx = self.db.begin().await?;
        for id in &ids {
            sqlx::query(
                "INSERT INTO aliases (tenant, channel, account, id, chat, at) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (account, id, channel, tenant) DO NOTHING",
            )
            .bind(account.0.as_str())
            .bind(account.1.as_str())
            .bind(account.2.as_str())
            .bind(*id)
            .bind(&first)
            .bind(self.clock.now().millis())
            .execute(tx.on())
            .await?;
        }
        tx.commit().await?;
        // Another process may have been first: whoever was, all take its word.
        let rows = self.aliases(account, &ids).await?;
        let Some((_, first)) = rows.first() else { return Ok((first, !old)) };
        for (_, later) in rows.iter().filter(|(_, to)| to != first) {
            let mut tx = self.db.begin().await?;
            // With everybody who led there: two that turn out to be one have one conversation from now on.
            sqlx::query(
                "UPDATE aliases SET chat = $5 WHERE tenant = $1 AND channel = $2 AND account = $3 AND chat = $4",
            )
            .bind(account.0.as_str())
            .bind(account.1.as_str())
            .bind(account.2.as_str())
            .bind(later)
            .bind(first)
            .execute(tx.on())
            .await?;
            tx.commit().await?;
        }
        Ok((first.clone(), !old))
    }

    /// Of these ids the one whose conversation is the oldest; `None` where none has one.
    async fn first_heard<'a>(
        &self,
        (tenant, channel, account): (&TenantId, ChannelKind, &AccountId),
        ids: &[&'a str],
    ) -> Result<Option<&'a str>, StoreError> {
        let named: Vec<_> =
            ids.iter().map(|id| ConversationId::new(tenant, channel, account, id, None)).collect();
        let sql = format!(
            "SELECT id FROM conversations WHERE tenant = $1 AND id IN ({}) ORDER BY first_at, id LIMIT 1",
            placeholders(2, named.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(tenant.as_str());
        let query = named.iter().fold(query, |query, id| query.bind(id.as_str()));
        let Some(row) = query.fetch_optional(self.db.read()).await? else { return Ok(None) };
        let found: String = row.try_get(0)?;
        Ok(named.iter().position(|id| id.as_str() == found).map(|n| ids[n]))
    }

    /// What is known of some ids, the oldest first.
    async fn aliases(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
        ids: &[&str],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let sql = format!(
            "SELECT id, chat FROM aliases WHERE tenant = $1 AND channel = $2 AND account = $3 AND id IN ({}) \
             ORDER BY at, chat, id",
            placeholders(4, ids.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .persistent(false)
            .bind(account.0.as_str())
            .bind(account.1.as_str())
            .bind(account.2.as_str());
        let query = ids.iter().fold(query, |query, id| query.bind(*id));
        let rows = query.fetch_all(self.db.read()).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn handle(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
    ) -> Result<Option<String>, StoreError> {
        let row =
            sqlx::query("SELECT handle FROM handles WHERE tenant = $1 AND channel = $2 AND account = $3")
                .bind(account.0.as_str())
                .bind(account.1.as_str())
                .bind(account.2.as_str())
                .fetch_optional(self.db.read())
                .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Notes the handle that people mention an account's bot by.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn learn_handle(
        &self,
        account: (&TenantId, ChannelKind, &AccountId),
        handle: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO handles (tenant, channel, account, handle, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, channel, tenant) DO UPDATE SET handle = excluded.handle, at = excluded.at",
        )
        .bind(account.0.as_str())
        .bind(account.1.as_str())
        .bind(account.2.as_str())
        .bind(handle)
        .bind(self.clock.now().millis())
        .execute(tx.on())
        .await?;
        tx.commit().await
    }
}
