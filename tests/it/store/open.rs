//! Opening: keys and versions.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use millrace::config::Secret;
use millrace::domain::time::SystemClock;
use millrace::store::{Engine, Store, StoreConfig, StoreError, migrate, schema_status};
use sqlx::{Connection, Executor};

use super::database::Database;
use super::on_both;

on_both!(a_newer_database_is_refused, it_answers_until_it_is_closed);

async fn a_newer_database_is_refused(db: Database) {
    let status = schema_status(&db.config, db.folder()).await.unwrap();
    assert_eq!((status.current, status.pending.len()), (status.newest, 0));
    let mut connection = sqlx::AnyConnection::connect(&db.url()).await.unwrap();
    connection
        .execute(
            "UPDATE _sqlx_migrations SET version = 9000 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
        )
        .await
        .unwrap();
    let error = Store::open(&db.config, db.folder(), Arc::new(SystemClock)).await.unwrap_err();
    assert!(error.to_string().contains("9000"), "{error}");
    assert!(migrate(&db.config, db.folder()).await.is_err());
}

async fn it_answers_until_it_is_closed(db: Database) {
    db.store.ping().await.unwrap();
    db.store.close().await;
    assert!(matches!(db.store.ping().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_key_is_made_once_and_missed_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::default();
    let open = || Store::open(&config, folder.path(), Arc::new(SystemClock));
    open().await.unwrap();
    let key = folder.path().join("store.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&key).unwrap();
    open().await.unwrap();
    std::fs::remove_file(&key).unwrap();
    let error = open().await.unwrap_err().to_string();
    assert!(error.contains("store.key") && error.contains("missing"), "{error}");
    assert!(!key.exists(), "no second key is made");
    let given = StoreConfig { key: Some(Secret::new(text)), ..config.clone() };
    Store::open(&given, folder.path(), Arc::new(SystemClock)).await.unwrap();
}

#[tokio::test]
async fn migrating_tells_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::default();
    let before = schema_status(&config, folder.path()).await.unwrap();
    assert_eq!(
        (before.engine, before.current, before.pending[0].as_str()),
        (Engine::Sqlite, 0, "0001_first")
    );
    assert_eq!(migrate(&config, folder.path()).await.unwrap(), before);
    assert!(schema_status(&config, folder.path()).await.unwrap().pending.is_empty());
}

#[tokio::test]
async fn two_processes_may_open_a_new_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::default();
    let open = || Store::open(&config, folder.path(), Arc::new(SystemClock));
    let (one, two, three) = tokio::join!(open(), open(), open());
    for store in [one, two, three] {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn what_can_not_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("junk.db"), "no database, only text that is long enough to be read")
        .unwrap();
    let config = StoreConfig { url: "sqlite:junk.db".into(), ..StoreConfig::default() };
    let error = Store::open(&config, folder.path(), Arc::new(SystemClock)).await.unwrap_err().to_string();
    assert!(error.contains("junk.db"), "{error}");
}

#[cfg(feature = "db-tests")]
#[tokio::test]
async fn postgres_is_migrated_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        url: super::postgres::fresh().await.as_str().into(),
        key: Some(Secret::new("5a".repeat(32))),
        ..StoreConfig::default()
    };
    let error = Store::open(&config, folder.path(), Arc::new(SystemClock)).await.unwrap_err().to_string();
    assert!(error.contains("millrace migrate"), "{error}");
    migrate(&config, folder.path()).await.unwrap();
    Store::open(&config, folder.path(), Arc::new(SystemClock)).await.unwrap();
    let wrong = StoreConfig { url: "postgres://nobody:hunter2@127.0.0.1:1/x".into(), ..config };
    let error = Store::open(&wrong, folder.path(), Arc::new(SystemClock)).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1") && !error.contains("hunter2"), "{error}");
}
