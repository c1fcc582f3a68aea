//! Changes on their way to the log.

use std::sync::Mutex;
use std::time::Duration;

use millrace::config::Secret;
use millrace::domain::channel::ChannelKind;
use millrace::store::Change;
use tokio_util::sync::CancellationToken;

use super::database::{Database, bot, connect, document, spec};
use super::on_both;

on_both!(
    every_change_stands_in_the_outbox,
    a_newer_change_outlives_the_acknowledgement_of_an_older,
    the_publisher_tries_until_the_log_takes_it,
);

fn brief(changes: &[Change]) -> Vec<(&str, i64, bool)> {
    changes.iter().map(|change| (change.bot.as_str(), change.version, change.deleted)).collect()
}

async fn every_change_stands_in_the_outbox(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    let mut expected = 0;
    let next = async |step: &str, expected: i64, deleted: bool| {
        let changes = db.store.outbox_next(10).await.unwrap();
        assert_eq!(brief(&changes), [("shop", expected, deleted)], "{step}");
        assert_eq!(changes[0].tenant, acme);
        db.store.outbox_done(&changes).await.unwrap();
        assert!(db.store.outbox_next(10).await.unwrap().is_empty());
    };
    let mut step = || {
        expected += 1;
        expected
    };
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    next("apply", step(), false).await;
    db.store.document_put(&acme, &shop, document("a", "")).await.unwrap();
    next("document", step(), false).await;
    db.store.account_connect(&acme, connect(&shop, ChannelKind::Telegram, "7")).await.unwrap();
    next("connect", step(), false).await;
    db.store.bot_set_enabled(&acme, &shop, false, "x").await.unwrap();
    next("disable", step(), false).await;
    db.store.account_disconnect(&acme, &shop, ChannelKind::Telegram, &"7".into()).await.unwrap();
    next("disconnect", step(), false).await;
    db.store.bot_remove(&acme, &shop).await.unwrap();
    next("remove", step(), true).await;
    // What failed leaves nothing behind.
    assert!(db.store.bot_remove(&acme, &shop).await.is_err());
    assert!(db.store.outbox_next(10).await.unwrap().is_empty());
    db.store.app_put(&acme, "meta", Secret::new("s".to_owned()), None).await.unwrap();
    let changes = db.store.outbox_next(10).await.unwrap();
    assert_eq!((changes[0].app(), changes[0].version), (Some("meta"), 1));
}

async fn a_newer_change_outlives_the_acknowledgement_of_an_older(db: Database) {
    let acme = db.tenant("acme").await;
    db.store.bot_apply(&acme, &spec("shop", "one")).await.unwrap();
    let sent = db.store.outbox_next(10).await.unwrap();
    db.store.bot_apply(&acme, &spec("shop", "two")).await.unwrap();
    db.store.outbox_done(&sent).await.unwrap();
    assert_eq!(brief(&db.store.outbox_next(10).await.unwrap()), [("shop", 2, false)]);
    for n in 0..5 {
        db.store.bot_apply(&acme, &spec(&format!("bot-{n}"), "")).await.unwrap();
    }
    assert_eq!(db.store.outbox_next(3).await.unwrap().len(), 3);
}

async fn the_publisher_tries_until_the_log_takes_it(db: Database) {
    let acme = db.tenant("acme").await;
    let stop = CancellationToken::new();
    let (tries, sent) = (Mutex::new(0), Mutex::new(Vec::new()));
    let publish = |changes: Vec<Change>| {
        let refuse = {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            *tries <= 2
        };
        if !refuse {
            sent.lock().unwrap().extend(changes);
        }
        async move { if refuse { Err("the log is busy") } else { Ok(()) } }
    };
    let change = async {
        db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
        let gone = async {
            while !db.store.outbox_next(1).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
        stop.cancel();
    };
    tokio::join!(db.store.outbox_run(stop.clone(), publish), change);
    assert_eq!(brief(&sent.lock().unwrap()), [("shop", 1, false)]);
}
