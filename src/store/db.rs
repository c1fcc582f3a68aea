//! Connections, transactions and the judgement of database errors.
//!
//! Guarantees: on SQLite writers of a process take turns (no busy waiting) and a reader can't write; a transaction from
//! [`Db::begin`] survives a power cut once committed; nothing shown of an error holds the database's address.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::config::{Engine, StoreConfig};
use super::error::StoreError;

/// The database of a store.
#[derive(Clone)]
pub(super) struct Db {
    pub(super) engine: Engine,
    read: AnyPool,
    durable: AnyPool,
    batch: AnyPool,
    /// SQLite has one writer: who waits here waits in order instead of polling a locked file.
    turn: Option<Arc<Mutex<()>>>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// A write transaction. Dropped without a commit, it is rolled back.
pub(super) struct Tx {
    inner: Transaction<'static, Any>,
    pub(super) engine: Engine,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    /// The connection, for a query.
    pub(super) fn on(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }

    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.inner.rollback().await?)
    }
}

/// Pages of SQLite's log before it is folded into the file, 32 MB: ids are random, so a page that changes once changes
/// again soon, and is then written back once. What a statement of many rows would undo is kept in memory, not in a file.
const BATCH_PRAGMAS: &str = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64000; PRAGMA wal_autocheckpoint = 8000; \
     PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY";
const DURABLE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; \
     PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864";
/// Readers of a SQLite file: each is a thread, and two cores rarely serve more.
const SQLITE_READERS: u32 = 4;

impl Db {
    /// Opens the pools; a SQLite file is made when it is missing.
    pub(super) async fn open(config: &StoreConfig, data: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match config.url.engine() {
            Some(Engine::Sqlite) => Self::sqlite(config, data).await,
            Some(Engine::Postgres) => Self::postgres(config).await,
            None => Err(StoreError::Invalid(format!("store.url: `{}` is no known database", config.url))),
        }
    }

    async fn sqlite(config: &StoreConfig, data: &Path) -> Result<Self, StoreError> {
        let path = config.url.file(data).unwrap_or_default();
        let failed = |error: std::io::Error| {
            StoreError::Unavailable(format!("the folder of {} can't be made: {error}", path.display()))
        };
        let path = std::path::absolute(&path).map_err(failed)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = path.to_str().ok_or_else(|| {
            StoreError::Invalid(format!("store.url: the path {} is not UTF-8", path.display()))
        })?;
        let escaped = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        let options: AnyConnectOptions = format!("sqlite://{escaped}?mode=rwc").parse()?;
        let pool = |most: u32, pragmas: &'static str| {
            AnyPoolOptions::new()
                .max_connections(most)
                .acquire_timeout(config.wait.get())
                .test_before_acquire(false)
                .after_connect(move |connection, _| {
                    Box::pin(async move { connection.execute(pragmas).await.map(drop) })
                })
                .connect_lazy_with(options.clone())
        };
        // One query first, so that the file stands in WAL mode before a reader opens it.
        let durable = pool(1, DURABLE_PRAGMAS);
        drop(durable.acquire().await.map_err(|error| match StoreError::from(error) {
            StoreError::Unavailable(reason) | StoreError::Refused(reason) => {
                StoreError::Unavailable(format!("{}: {reason}", path.display()))
            }
            other => other,
        })?);
        Ok(Self {
            engine: Engine::Sqlite,
            // Not mapped into memory: all that is read of the file would count as this process's own.
            read: pool(config.connections.min(SQLITE_READERS), "PRAGMA query_only = 1"),
            durable,
            // The log can bring the journal's rows back, so they need not wait for the disk.
            batch: pool(1, BATCH_PRAGMAS),
            turn: Some(Arc::default()),
        })
    }

    async fn postgres(config: &StoreConfig) -> Result<Self, StoreError> {
        let options: AnyConnectOptions = config.url.expose().parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(config.connections)
            .acquire_timeout(config.wait.get())
            .connect_with(options)
            .await
            .map_err(|error| match StoreError::from(error) {
                StoreError::Unavailable(reason) | StoreError::Refused(reason) => {
                    StoreError::Unavailable(format!("{}: {reason}", config.url))
                }
                other => other,
            })?;
        Ok(Self {
            engine: Engine::Postgres,
            read: pool.clone(),
            durable: pool.clone(),
            batch: pool,
            turn: None,
        })
    }

    /// Where to read.
    pub(super) fn read(&self) -> &AnyPool {
        &self.read
    }

    /// The pool that migrations run on.
    pub(super) fn writer(&self) -> &AnyPool {
        &self.durable
    }

    /// A transaction for what nothing else could bring back.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_on(&self.durable).await
    }

    /// A transaction for what the log could bring back.
    pub(super) async fn begin_batch(&self) -> Result<Tx, StoreError> {
        self.begin_on(&self.batch).await
    }

    async fn begin_on(&self, pool: &AnyPool) -> Result<Tx, StoreError> {
        let turn = match &self.turn {
            Some(turn) => Some(Arc::clone(turn).lock_owned().await),
            None => None,
        };
        let inner = match self.engine {
            // A deferred transaction that reads first could not become a writer while another process writes.
            Engine::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => pool.begin().await?,
        };
        Ok(Tx { inner, engine: self.engine, _turn: turn })
    }

    pub(super) async fn close(&self) {
        self.read.close().await;
        self.batch.close().await;
        self.durable.close().await;
    }
}

/// `($1,$2),($3,$4)`: the rows of an INSERT. The `Any` driver's own builder writes `?`, which PostgreSQL refuses; on
/// SQLite it has to be `?`, since there `$1` is a name, and the driver looks each up among all of them.
pub(super) fn values(engine: Engine, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            match engine {
                Engine::Sqlite => text.push('?'),
                Engine::Postgres => {
                    text.push('$');
                    text.push_str(&(row * columns + column + 1).to_string());
                }
            }
        }
        text.push(')');
    }
    text
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if passing(&code) {
                    Self::Unavailable(database.message().to_owned())
                } else {
                    Self::Refused(format!("{} ({code})", database.message()))
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

/// True for an error code that may go away: PostgreSQL's classes of connection, rollback, resources and intervention
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), a lock not to be had, SQLite's busy, locked, I/O
/// error, full disk and can't open (<https://www.sqlite.org/rescode.html>; the low byte is the primary code).
fn passing(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 10 | 13 | 14),
        _ => code == "55P03" || ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_through_the_rows() {
        assert_eq!(values(Engine::Postgres, 2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(values(Engine::Sqlite, 2, 2), "(?,?),(?,?)");
    }

    #[test]
    fn codes_are_told_apart() {
        for code in ["5", "6", "517", "13", "40P01", "57P01", "08006", "53300", "55P03"] {
            assert!(passing(code), "{code}");
        }
        for code in ["19", "1555", "1", "23505", "42P01", "22021", ""] {
            assert!(!passing(code), "{code}");
        }
    }
}
