//! No secret where it could be read.

use millrace::config::Secret;
use millrace::domain::channel::ChannelKind;
use millrace::store::{Caller, Store, StoreError};
use sqlx::{Connection, Executor, Row};

use super::database::{Database, bot, connect, spec};
use super::on_both;

on_both!(nothing_shows_a_secret, a_sealed_value_is_worth_nothing_elsewhere, another_key_is_refused);

const WORDS: [&str; 4] = ["tok-4711-plain", "hook-4711-plain", "app-4711-plain", "verify-4711-plain"];

/// A bot with an account and an app whose secrets are [`WORDS`].
async fn fill(db: &Database) -> Secret {
    let acme = db.tenant("acme").await;
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    let secret = |n: usize| Secret::new(WORDS[n].to_owned());
    db.store.app_put(&acme, "meta", secret(2), Some(secret(3))).await.unwrap();
    let mut wanted = connect(&bot("shop"), ChannelKind::Whatsapp, "77");
    (wanted.token, wanted.secret, wanted.app) = (secret(0), Some(secret(1)), Some("meta".into()));
    let connected = db.store.account_connect(&acme, wanted).await.unwrap();
    let app = db.store.app(&acme, "meta").await.unwrap();
    let shown = format!("{connected:?} {app:?} {:?} {:?}", db.store, db.config);
    assert!(!shown.contains("4711"), "{shown}");
    db.store.token_create(Caller::Operator, "ops").await.unwrap().token
}

/// Every text in every table.
async fn dump(db: &Database) -> String {
    let mut connection = sqlx::AnyConnection::connect(&db.url()).await.unwrap();
    let mut all = String::new();
    for sql in [
        "SELECT token || ' ' || secret || ' ' || app || ' ' || origins FROM accounts",
        "SELECT secret || ' ' || verify_token FROM apps",
        "SELECT hash || ' ' || label FROM api_tokens",
        "SELECT spec FROM bot_versions",
        "SELECT bot FROM outbox",
        "SELECT value FROM meta",
    ] {
        for row in connection.fetch_all(sql).await.unwrap() {
            all.push_str(row.get(0));
        }
    }
    all
}

async fn nothing_shows_a_secret(db: Database) {
    let token = fill(&db).await;
    let mut bytes = dump(&db).await.into_bytes();
    db.store.close().await;
    for entry in std::fs::read_dir(db.folder()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(bytes.len() > 500);
    for word in WORDS.into_iter().chain([token.expose().as_str()]) {
        let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!found, "{word} stands in the database");
    }
}

async fn a_sealed_value_is_worth_nothing_elsewhere(db: Database) {
    fill(&db).await;
    let other = db.tenant("other").await;
    db.store.bot_apply(&other, &spec("thief", "")).await.unwrap();
    db.store.app_put(&other, "mine", Secret::new("x".to_owned()), None).await.unwrap();
    let mut connection = sqlx::AnyConnection::connect(&db.url()).await.unwrap();
    connection
        .execute("UPDATE apps SET secret = (SELECT a.secret FROM apps a WHERE a.name = 'meta') WHERE name = 'mine'")
        .await
        .unwrap();
    let error = db.store.app(&other, "mine").await.unwrap_err();
    assert!(matches!(error, StoreError::Sealed(_)), "{error}");
    assert!(!error.to_string().contains("4711"));
}

async fn another_key_is_refused(db: Database) {
    fill(&db).await;
    let mut config = db.config.clone();
    (config.key, config.key_file) = (Some(Secret::new("77".repeat(32))), None);
    let error = Store::open(&config, db.folder(), std::sync::Arc::new(db.clock.clone())).await.unwrap_err();
    assert!(matches!(error, StoreError::Sealed(_)), "{error}");
    assert!(error.to_string().contains("store.key") && !error.to_string().contains("7777"));
}
