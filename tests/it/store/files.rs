//! Files that bots send, on both databases: which may be named, how much room they have, when they go.

use std::time::Duration;

use millrace::domain::bot::BotSpec;
use millrace::domain::events::AttachmentKind;
use millrace::domain::ids::TenantId;
use millrace::domain::units::Size;
use millrace::store::VisitorFile;

use super::database::{Database, spec};
use super::on_both;

on_both!(
    a_bot_names_only_files_that_are_there,
    a_tenants_files_have_their_room,
    a_file_that_no_bot_names_goes_after_a_week,
    a_file_that_is_going_is_neither_put_nor_named,
    a_file_that_somebody_puts_is_not_removed,
    what_a_lost_process_claimed_is_free_after_a_while,
    a_visitors_file_is_named_by_that_visitor_for_a_day_and_goes_after_two
);

const DAY: Duration = Duration::from_secs(86_400);

fn naming(bot: &str, hash: &str) -> BotSpec {
    let reply = serde_json::json!([{
        "name": "menu",
        "when": [{"exact": "menu"}],
        "reply": [{"text": "See", "send": {"media": {"kind": "image", "hash": hash, "name": "menu.png"}}}],
    }]);
    BotSpec { scripts: serde_json::from_value(reply).unwrap(), ..spec(bot, "") }
}

async fn put(db: &Database, tenant: &TenantId, hash: &str, bytes: u64) {
    db.store.file_claim(tenant, hash, bytes).await.unwrap();
    db.store.file_stored(tenant, hash).await.unwrap();
}

async fn a_bot_names_only_files_that_are_there(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    put(&db, &other, "aa", 1).await;
    db.store.file_claim(&acme, "bb", 1).await.unwrap();
    for missing in ["aa", "bb"] {
        let refused = db.store.bot_apply(&acme, &naming("shop", missing)).await.unwrap_err().to_string();
        assert!(
            refused.contains("menu.png") && refused.contains(missing) && refused.contains("put it"),
            "{refused}"
        );
    }
    assert!(db.store.bot(&acme, &"shop".into()).await.unwrap().is_none(), "nothing is stored then");
    db.store.file_stored(&acme, "bb").await.unwrap();
    assert_eq!(db.store.bot_apply(&acme, &naming("shop", "bb")).await.unwrap(), 1);
    assert_eq!(db.store.file_bytes(&acme, "bb").await.unwrap(), Some(1));
    assert_eq!(db.store.file_bytes(&acme, "aa").await.unwrap(), None);
}

async fn a_tenants_files_have_their_room(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let room = db.config.files.bytes();
    put(&db, &acme, "aa", room - 10).await;
    put(&db, &acme, "bb", 10).await;
    let full = db.store.file_claim(&acme, "cc", 1).await.unwrap_err().to_string();
    assert!(full.contains("1 GiB") && full.contains("store.files") && full.contains("7 days"), "{full}");
    // The same file once more takes nothing, and another tenant has room of its own.
    put(&db, &acme, "aa", room - 10).await;
    put(&db, &other, "cc", 1).await;
}

async fn a_file_that_no_bot_names_goes_after_a_week(db: Database) {
    let acme = db.tenant("acme").await;
    for hash in ["aa", "bb", "cc"] {
        put(&db, &acme, hash, 1).await;
    }
    db.store.bot_apply(&acme, &naming("shop", "aa")).await.unwrap();
    db.store.bot_apply(&acme, &naming("cafe", "bb")).await.unwrap();
    db.clock.advance(6 * DAY);
    assert!(db.store.files_unused(&acme).await.unwrap().is_empty());
    // `bb` was in use until here.
    db.store.bot_apply(&acme, &naming("cafe", "aa")).await.unwrap();
    db.clock.advance(2 * DAY);
    assert_eq!(db.store.files_unused(&acme).await.unwrap(), ["cc"]);
    assert!(db.store.files_unused(&acme).await.unwrap().is_empty(), "one caller deletes it");
    assert!(!db.store.base_file_used(&acme, "cc").await.unwrap());
    db.store.file_gone(&acme, "cc").await.unwrap();
    db.clock.advance(6 * DAY);
    assert_eq!(db.store.files_unused(&acme).await.unwrap(), ["bb"]);
    // Named for a month by one bot, and then by none.
    db.clock.advance(30 * DAY);
    db.store.bot_remove(&acme, &"cafe".into()).await.unwrap();
    assert_eq!(db.store.files_unused(&acme).await.unwrap(), ["bb"], "its remover was lost");
    assert_eq!(db.store.file_bytes(&acme, "aa").await.unwrap(), Some(1));
    db.store.bot_remove(&acme, &"shop".into()).await.unwrap();
    assert!(db.store.files_unused(&acme).await.unwrap().is_empty());
    db.clock.advance(8 * DAY);
    let gone = db.store.files_unused(&acme).await.unwrap();
    assert!(gone.contains(&"aa".to_owned()), "{gone:?}");
}

async fn a_file_that_is_going_is_neither_put_nor_named(db: Database) {
    let acme = db.tenant("acme").await;
    put(&db, &acme, "aa", 1).await;
    db.clock.advance(8 * DAY);
    assert_eq!(db.store.files_unused(&acme).await.unwrap(), ["aa"]);
    let named = db.store.bot_apply(&acme, &naming("shop", "aa")).await.unwrap_err().to_string();
    assert!(named.contains("menu.png"), "{named}");
    let claimed = db.store.file_claim(&acme, "aa", 1).await.unwrap_err().to_string();
    assert!(claimed.contains("again"), "{claimed}");
    // Who was about to delete it is lost: after a while it may come back.
    db.clock.advance(Duration::from_secs(11 * 60));
    put(&db, &acme, "aa", 1).await;
    db.store.file_gone(&acme, "aa").await.unwrap();
    assert_eq!(db.store.bot_apply(&acme, &naming("shop", "aa")).await.unwrap(), 1);
}

/// Removes a file as whoever finds it unused does; whether it is gone.
async fn remove(db: &Database, tenant: &TenantId, hash: &str) -> bool {
    db.store.file_drop_unused(tenant, hash, async { Ok::<_, String>(()) }).await.unwrap()
}

async fn a_file_that_somebody_puts_is_not_removed(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let held = db.store.file_held(&acme, "aa", async {
        assert!(!remove(&db, &acme, "aa").await);
        // A second one comes and goes meanwhile.
        db.store.file_held(&acme, "aa", async {}).await.unwrap();
        assert!(!remove(&db, &acme, "aa").await, "the first is still at it");
        assert!(remove(&db, &other, "aa").await, "another tenant's file of the same content");
        7
    });
    assert_eq!(held.await.unwrap(), 7);
    assert!(remove(&db, &acme, "aa").await, "nobody has it now");
    let delete = async {
        let refused = db.store.file_held(&acme, "aa", async {}).await.unwrap_err();
        assert!(refused.to_string().contains("just being removed"), "{refused}");
        assert!(!remove(&db, &acme, "aa").await, "one removes it");
        Err("the object store is away")
    };
    let failed = db.store.file_drop_unused(&acme, "aa", delete).await.unwrap_err().to_string();
    assert!(failed.contains("the object store is away"), "{failed}");
    db.store.file_held(&acme, "aa", async {}).await.unwrap();
}

async fn what_a_lost_process_claimed_is_free_after_a_while(db: Database) {
    let acme = db.tenant("acme").await;
    let lost = async |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>| {
        assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
    };
    lost(Box::pin(async { drop(db.store.file_held(&acme, "aa", std::future::pending::<()>()).await) })).await;
    assert!(!remove(&db, &acme, "aa").await);
    db.clock.advance(Duration::from_secs(11 * 60));
    assert!(remove(&db, &acme, "aa").await);
    let removing = db.store.file_drop_unused(&acme, "aa", std::future::pending::<Result<(), String>>());
    lost(Box::pin(async { drop(removing.await) })).await;
    assert!(db.store.file_held(&acme, "aa", async {}).await.is_err());
    db.clock.advance(Duration::from_secs(3 * 60));
    db.store.file_held(&acme, "aa", async {}).await.unwrap();
}

async fn a_visitors_file_is_named_by_that_visitor_for_a_day_and_goes_after_two(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let file = |visitor: &str, hash: &str| VisitorFile {
        tenant: acme.clone(),
        account: "shop".into(),
        visitor: visitor.into(),
        hash: hash.into(),
        kind: AttachmentKind::Image,
        mime: "image/png".into(),
        name: "me.png".into(),
    };
    let room = Size::from_bytes(10);
    let ann = file("ann", "aa");
    assert!(db.store.visitor_file_note(&ann, 6, room).await.unwrap());
    assert!(db.store.visitor_file_note(&ann, 6, room).await.unwrap(), "the same once more takes no room");
    assert!(!db.store.visitor_file_note(&file("bob", "bb"), 5, room).await.unwrap(), "they share the room");
    assert!(db.store.visitor_file_note(&file("bob", "aa"), 4, room).await.unwrap());
    assert!(
        db.store
            .visitor_file_note(&VisitorFile { account: "desk".into(), ..ann.clone() }, 5, room)
            .await
            .unwrap()
    );

    let id = db.store.visitor_file_id(&ann).unwrap();
    let named =
        |tenant, account: &str, visitor| db.store.visitor_file((tenant, &account.into()), visitor, &id);
    assert_eq!(named(&acme, "shop", "ann"), Some(ann.clone()));
    for (tenant, account, visitor) in
        [(&acme, "shop", "bob"), (&acme, "desk", "ann"), (&other, "shop", "ann")]
    {
        assert_eq!(named(tenant, account, visitor), None, "{tenant} {account} {visitor}");
    }
    // What is sealed for another use is no name of a file.
    let link = db.store.file_link(&acme, ("aa", "me.png"), db.store.now_at().plus(DAY)).unwrap();
    assert_eq!(db.store.visitor_file((&acme, &"shop".into()), "ann", &link), None);
    db.clock.advance(DAY);
    assert_eq!(named(&acme, "shop", "ann"), None);
    assert!(db.store.base_file_used(&acme, "aa").await.unwrap(), "it is still here");
    assert_eq!(db.store.visitor_files_over().await.unwrap(), []);
    db.clock.advance(DAY);
    let over = db.store.visitor_files_over().await.unwrap();
    assert_eq!(over, vec![(acme.clone(), "aa".to_owned()); 3]);
    assert!(!db.store.base_file_used(&acme, "aa").await.unwrap());
    // Should whoever asked be lost, it is among the tenant's unused files.
    db.clock.advance(DAY);
    assert_eq!(db.store.files_unused(&acme).await.unwrap(), ["aa"]);
    assert_eq!(db.store.visitor_files_over().await.unwrap(), []);
}
