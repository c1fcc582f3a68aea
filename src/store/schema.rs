//! The database's schema: numbered migrations, built into the binary.
//!
//! Guarantees: a migration is applied once and in order; a database made by a newer program is refused, never touched.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr};

use super::config::{Engine, StoreConfig};
use super::db::Db;
use super::error::StoreError;

/// Number, name, the text for SQLite, the text for PostgreSQL. A published one is never edited: add the next.
const MIGRATIONS: [(i64, &str, &str, &str); 14] = [
    (
        1,
        "first",
        include_str!("../../schemas/sql/sqlite/0001_first.sql"),
        include_str!("../../schemas/sql/postgres/0001_first.sql"),
    ),
    (
        2,
        "channels",
        include_str!("../../schemas/sql/sqlite/0002_channels.sql"),
        include_str!("../../schemas/sql/postgres/0002_channels.sql"),
    ),
    (
        3,
        "people",
        include_str!("../../schemas/sql/sqlite/0003_people.sql"),
        include_str!("../../schemas/sql/postgres/0003_people.sql"),
    ),
    (
        5,
        "campaigns",
        include_str!("../../schemas/sql/sqlite/0005_campaigns.sql"),
        include_str!("../../schemas/sql/postgres/0005_campaigns.sql"),
    ),
    (
        6,
        "knowledge",
        include_str!("../../schemas/sql/sqlite/0006_knowledge.sql"),
        include_str!("../../schemas/sql/postgres/0006_knowledge.sql"),
    ),
    (
        7,
        "media",
        include_str!("../../schemas/sql/sqlite/0007_media.sql"),
        include_str!("../../schemas/sql/postgres/0007_media.sql"),
    ),
    (
        8,
        "media_more",
        include_str!("../../schemas/sql/sqlite/0008_media_more.sql"),
        include_str!("../../schemas/sql/postgres/0008_media_more.sql"),
    ),
    (
        9,
        "submissions",
        include_str!("../../schemas/sql/sqlite/0009_submissions.sql"),
        include_str!("../../schemas/sql/postgres/0009_submissions.sql"),
    ),
    (
        10,
        "snapshots",
        include_str!("../../schemas/sql/sqlite/0010_snapshots.sql"),
        include_str!("../../schemas/sql/postgres/0010_snapshots.sql"),
    ),
    (
        11,
        "guards",
        include_str!("../../schemas/sql/sqlite/0011_guards.sql"),
        include_str!("../../schemas/sql/postgres/0011_guards.sql"),
    ),
    (
        12,
        "refusals",
        include_str!("../../schemas/sql/sqlite/0012_refusals.sql"),
        include_str!("../../schemas/sql/postgres/0012_refusals.sql"),
    ),
    (
        13,
        "visitors",
        include_str!("../../schemas/sql/sqlite/0013_visitors.sql"),
        include_str!("../../schemas/sql/postgres/0013_visitors.sql"),
    ),
    (
        14,
        "template_quality",
        include_str!("../../schemas/sql/sqlite/0014_template_quality.sql"),
        include_str!("../../schemas/sql/postgres/0014_template_quality.sql"),
    ),
    (
        15,
        "business_news",
        include_str!("../../schemas/sql/sqlite/0015_business_news.sql"),
        include_str!("../../schemas/sql/postgres/0015_business_news.sql"),
    ),
];

/// How long another process may take with the same migrations: so many looks, so far apart.
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a database's schema stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// Which database.
    pub engine: Engine,
    /// The last migration that was applied; 0 = an empty database.
    pub current: i64,
    /// The last one that this program knows.
    pub newest: i64,
    /// What is to be applied, in order.
    pub pending: Vec<String>,
}

/// Looks at a database without changing it (a SQLite file is made when it is missing).
///
/// # Errors
/// When it can't be reached.
pub async fn schema_status(config: &StoreConfig, data: &Path) -> Result<SchemaStatus, StoreError> {
    let db = Db::open(config, data).await?;
    let status = status(&db).await;
    db.close().await;
    status
}

/// Applies what is pending and tells what stood before.
///
/// # Errors
/// When the database can't be reached or is newer than this program.
pub async fn migrate(config: &StoreConfig, data: &Path) -> Result<SchemaStatus, StoreError> {
    let db = Db::open(config, data).await?;
    let before = apply(&db).await;
    db.close().await;
    before
}

pub(super) async fn status(db: &Db) -> Result<SchemaStatus, StoreError> {
    let applied = match sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version")
        .fetch_all(db.writer())
        .await
    {
        Ok(rows) => rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?,
        Err(sqlx::Error::Database(error)) if no_such_table(&*error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let newest = MIGRATIONS.iter().map(|(number, ..)| *number).max().unwrap_or_default();
    let current = applied.iter().copied().max().unwrap_or_default();
    let pending = MIGRATIONS
        .iter()
        .filter(|(number, ..)| !applied.contains(number))
        .map(|(number, name, ..)| format!("{number:04}_{name}"))
        .collect();
    Ok(SchemaStatus { engine: db.engine, current, newest, pending })
}

/// Fails unless the schema is exactly the one of this program.
pub(super) async fn check(db: &Db) -> Result<(), StoreError> {
    let status = status(db).await?;
    not_newer(&status)?;
    if status.pending.is_empty() {
        return Ok(());
    }
    Err(StoreError::Schema(format!(
        "the database is at version {}, this program needs {}: run `millrace migrate`",
        status.current, status.newest
    )))
}

pub(super) async fn apply(db: &Db) -> Result<SchemaStatus, StoreError> {
    let before = status(db).await?;
    not_newer(&before)?;
    if before.pending.is_empty() {
        return Ok(before);
    }
    let migrations = MIGRATIONS.iter().map(|(number, name, sqlite, postgres)| {
        let text = match db.engine {
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
        };
        Migration::new(*number, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    // SQLite has no lock over several migrations: of two processes that start on one empty file, the second finds tables that
    // the first is still making, and goes on behind it.
    for look in 1_u32.. {
        let Err(error) = migrator.run(db.writer()).await else { break };
        if status(db).await?.pending.is_empty() {
            break;
        }
        if db.engine != Engine::Sqlite || look == LOOKS {
            return Err(StoreError::Schema(format!("the database can't be migrated: {error}")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(before)
}

fn not_newer(status: &SchemaStatus) -> Result<(), StoreError> {
    if status.current <= status.newest {
        return Ok(());
    }
    Err(StoreError::Schema(format!(
        "the database is at version {}, made by a newer program; this one knows {}: run the newer one",
        status.current, status.newest
    )))
}

/// `undefined_table` on PostgreSQL; SQLite has no code of its own for it.
fn no_such_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}
