//! Which sealing key a store uses.
//!
//! Guarantee: a database is never used with another key than the one it was begun with, and a new key is made only for
//! a database that has none: a lost key is said at once, not found out secret by secret.

use std::path::Path;

use sqlx::Row;

use super::config::{Engine, StoreConfig};
use super::db::Db;
use super::error::StoreError;
use super::seal::{Sealer, make_key, parse_key, read_key};

/// The file in the data folder where none is configured.
const DEFAULT_FILE: &str = "store.key";

/// Finds the key, or makes one for a new SQLite database, and compares it with the database's.
pub(super) async fn sealer(db: &Db, config: &StoreConfig, data: &Path) -> Result<Sealer, StoreError> {
    let known = known_id(db).await?;
    let file = data.join(config.key_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE)));
    let key = match &config.key {
        Some(key) => parse_key(key.expose())
            .ok_or_else(|| StoreError::Invalid("store.key is not 64 hex digits".to_owned()))?,
        None => match read_key(&file)? {
            Some(key) => key,
            None if known.is_some() => {
                return Err(StoreError::Invalid(format!(
                    "the key file {} is missing, and the database holds secrets that only it opens: put it back, or \
                     set store.key",
                    file.display()
                )));
            }
            None if db.engine == Engine::Postgres => {
                return Err(StoreError::Invalid(format!(
                    "the key file {} does not exist: make it with `openssl rand -hex 32`",
                    file.display()
                )));
            }
            None => {
                let key = make_key(&file)?;
                tracing::warn!(file = %file.display(), "made a sealing key: keep a copy, no secret opens without it");
                key
            }
        },
    };
    let sealer = Sealer::new(&key);
    let known = match known {
        Some(known) => known,
        None => remember(db, sealer.key_id()).await?,
    };
    if known != sealer.key_id() {
        return Err(StoreError::Sealed("the database".to_owned()));
    }
    Ok(sealer)
}

async fn known_id(db: &Db) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT value FROM meta WHERE name = 'key_id'").fetch_optional(db.read()).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Writes the key's name unless another process was first, and reads back what stands.
async fn remember(db: &Db, id: &str) -> Result<String, StoreError> {
    let mut tx = db.begin().await?;
    sqlx::query("INSERT INTO meta (name, value) VALUES ('key_id', $1) ON CONFLICT (name) DO NOTHING")
        .bind(id)
        .execute(tx.on())
        .await?;
    tx.commit().await?;
    known_id(db).await?.ok_or_else(|| StoreError::Corrupt { table: "meta", reason: "no key_id".to_owned() })
}
