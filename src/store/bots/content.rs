//! A bot's content in rows: the specification, and each document from the version that brought it to the one that took
//! it away.
//!
//! Guarantee: what [`load`] gives for a version equals what [`store`] was given for it, whatever came later.

use std::collections::{HashMap, HashSet};

use sqlx::{AnyConnection, Row};

use crate::domain::bot::{BotSpec, Document};
use crate::domain::ids::{BotId, TenantId};
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::tenants::plain;

/// Until further notice.
const OPEN: i64 = i64::MAX;
/// Persona and scripts of one bot as JSON: thousands of rules fit, and a cache of 64 MiB still holds many bots.
const MOST_SPEC_BYTES: usize = 4 << 20;
/// One document as JSON.
const MOST_DOCUMENT_BYTES: usize = 4 << 20;
/// All documents of one bot as JSON: they are held in memory as a whole.
const MOST_BOT_BYTES: usize = 32 << 20;

/// The rules that a database needs: unique names, bounded sizes.
pub(super) fn check(spec: &BotSpec) -> Result<(), StoreError> {
    let at = |what: String| StoreError::Invalid(format!("bot `{}`: {what}", spec.bot));
    plain("the bot's name", &spec.name)?;
    let mut names = HashSet::new();
    for rule in &spec.scripts {
        plain("a rule's name", &rule.name)?;
        if rule.name.is_empty() || !names.insert(rule.name.as_str()) {
            return Err(at(format!("the rule name `{}` is empty or used twice", rule.name)));
        }
    }
    names.clear();
    let mut total = 0;
    for document in &spec.documents {
        plain("a document's name", &document.name)?;
        plain("a document's title", document.title.as_str())?;
        if document.name.is_empty() || !names.insert(document.name.as_str()) {
            return Err(at(format!("the document name `{}` is empty or used twice", document.name)));
        }
        if let Some(file) = &document.file {
            return Err(at(format!("document `{}`: the file `{file}` was not read", document.name)));
        }
        let bytes = json("documents", document)?.len();
        if bytes > MOST_DOCUMENT_BYTES {
            let name = &document.name;
            return Err(at(format!(
                "document `{name}` takes {bytes} bytes, {MOST_DOCUMENT_BYTES} at most: split it"
            )));
        }
        total += bytes;
    }
    if total > MOST_BOT_BYTES {
        return Err(at(format!("its documents take {total} bytes, {MOST_BOT_BYTES} at most")));
    }
    let bytes = json("bot_versions", &bare(spec))?.len();
    if bytes > MOST_SPEC_BYTES {
        return Err(at(format!("persona and scripts take {bytes} bytes, {MOST_SPEC_BYTES} at most")));
    }
    Ok(())
}

/// The content as it was stored under `version`.
pub(in crate::store) async fn load(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    bot: &BotId,
    version: i64,
) -> Result<BotSpec, StoreError> {
    let row = sqlx::query("SELECT spec FROM bot_versions WHERE bot = $1 AND tenant = $2 AND version = $3")
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(version)
        .fetch_optional(&mut *connection)
        .await?;
    let row = row.ok_or_else(|| StoreError::Corrupt {
        table: "bot_versions",
        reason: format!("bot `{bot}` has no version {version}"),
    })?;
    let mut spec: BotSpec = parse("bot_versions", row.try_get(0)?)?;
    let rows = sqlx::query(
        "SELECT body FROM documents WHERE bot = $1 AND tenant = $2 AND since <= $3 AND until > $3 ORDER BY position",
    )
    .bind(bot.as_str())
    .bind(tenant.as_str())
    .bind(version)
    .fetch_all(connection)
    .await?;
    spec.documents =
        rows.iter().map(|row| parse("documents", row.try_get(0)?)).collect::<Result<_, StoreError>>()?;
    spec.shrink();
    Ok(spec)
}

/// Stores the content as `version`, which is newer than all that is stored.
pub(super) async fn store(
    tx: &mut Tx,
    tenant: &TenantId,
    version: i64,
    now: i64,
    spec: &BotSpec,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bot_versions (tenant, bot, version, spec, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tenant.as_str())
    .bind(spec.bot.as_str())
    .bind(version)
    .bind(json("bot_versions", &bare(spec))?)
    .bind(now)
    .execute(tx.on())
    .await?;
    let mut old = open_documents(tx, tenant, &spec.bot).await?;
    let mut last = -1;
    for document in &spec.documents {
        let body = json("documents", document)?;
        let before = old.remove(document.name.as_str());
        // A document keeps its position while the order allows, so that a change rewrites as few as it can.
        let position = before.as_ref().map(|(at, _)| *at).filter(|at| *at > last).unwrap_or(last + 1);
        last = position;
        match before {
            Some((at, stored)) if at == position && stored == body => continue,
            Some(_) => end_document(tx, tenant, &spec.bot, &document.name, version).await?,
            None => {}
        }
        insert_document(tx, tenant, &spec.bot, version, position, document, body).await?;
    }
    for name in old.keys() {
        end_document(tx, tenant, &spec.bot, name, version).await?;
    }
    Ok(())
}

/// Ends every document of a bot at `version`.
pub(super) async fn end_documents(
    tx: &mut Tx,
    tenant: &TenantId,
    bot: &BotId,
    version: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE documents SET until = $3 WHERE bot = $1 AND tenant = $2 AND until = $4")
        .bind(bot.as_str())
        .bind(tenant.as_str())
        .bind(version)
        .bind(OPEN)
        .execute(tx.on())
        .await?;
    Ok(())
}

async fn end_document(
    tx: &mut Tx,
    tenant: &TenantId,
    bot: &BotId,
    name: &str,
    version: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE documents SET until = $4 WHERE bot = $1 AND tenant = $2 AND name = $3 AND until = $5",
    )
    .bind(bot.as_str())
    .bind(tenant.as_str())
    .bind(name)
    .bind(version)
    .bind(OPEN)
    .execute(tx.on())
    .await?;
    Ok(())
}

async fn insert_document(
    tx: &mut Tx,
    tenant: &TenantId,
    bot: &BotId,
    version: i64,
    position: i64,
    document: &Document,
    body: String,
) -> Result<(), StoreError> {
    let bytes =
        document.text.len() + document.qa.iter().map(|pair| pair.q.len() + pair.a.len()).sum::<usize>();
    sqlx::query(
        "INSERT INTO documents (tenant, bot, name, since, until, position, title, bytes, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant.as_str())
    .bind(bot.as_str())
    .bind(document.name.as_str())
    .bind(version)
    .bind(OPEN)
    .bind(position)
    .bind(document.title.as_str())
    .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
    .bind(body)
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Name to position and body of the documents that are in force.
async fn open_documents(
    tx: &mut Tx,
    tenant: &TenantId,
    bot: &BotId,
) -> Result<HashMap<String, (i64, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT name, position, body FROM documents WHERE bot = $1 AND tenant = $2 AND until = $3",
    )
    .bind(bot.as_str())
    .bind(tenant.as_str())
    .bind(OPEN)
    .fetch_all(tx.on())
    .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?)))).collect()
}

/// The specification without what has rows of its own.
fn bare(spec: &BotSpec) -> BotSpec {
    BotSpec { documents: Vec::new(), ..spec.clone() }
}

pub(in crate::store) fn json<T: serde::Serialize>(
    table: &'static str,
    value: &T,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { table, reason: error.to_string() })
}

pub(in crate::store) fn parse<T: serde::de::DeserializeOwned>(
    table: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { table, reason: error.to_string() })
}
