//! Which snapshot of a knowledge base counts, and what is left of one that is gone, on both databases.

use millrace::domain::ids::TenantId;
use millrace::domain::time::Timestamp;
use millrace::store::{BaseSnapshot, CachedDirectory, Directory, DueSnapshot, StoreError};

use super::database::Database;
use super::knowledge::{base, put};
use super::on_both;

on_both!(the_newest_snapshot_counts_and_the_others_go, nothing_of_a_base_outlives_its_tenant);

fn snapshot(id: &str, version: i64, model: &str) -> BaseSnapshot {
    let (snapshot, model, manifest) = (id.to_owned(), model.to_owned(), "{}".to_owned());
    BaseSnapshot { snapshot, version, format: 1, model, manifest, doubted: false }
}

async fn the_newest_snapshot_counts_and_the_others_go(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let (faq, theirs) = (base(&db, &acme, "faq").await, base(&db, &other, "faq").await);
    put(&db, &acme, &faq, "prices.md", "A shoe is 12 EUR.").await;
    let version = db.store.base_info(&acme, &faq).await.unwrap().version;
    let due = async |format: i64, model: &str| {
        let settled = Timestamp::from_millis(1_790_000_000_000);
        let due = DueSnapshot { format, model, settled, late: Timestamp::from_millis(0) };
        let found = db.store.base_snapshots_due(due, None, 9).await.unwrap();
        let behind = found.first().map(|first| (first.0.clone(), first.1.clone()));
        let rest = db.store.base_snapshots_due(due, behind.as_ref(), 9).await.unwrap();
        assert_eq!(found.get(1..).unwrap_or_default(), rest);
        found
    };
    let both = [(acme.clone(), faq.clone()), (other.clone(), theirs.clone())];
    assert_eq!(due(1, "").await, both);
    let publish = async |tenant: &TenantId, new: BaseSnapshot| {
        db.store.base_snapshot_begin(tenant, &new.snapshot).await.unwrap();
        db.store.base_snapshot_publish(tenant, &faq, &new).await.unwrap()
    };
    assert!(publish(&acme, snapshot("a", version, "")).await);
    assert_eq!(due(1, "").await, both[1..]);
    assert_eq!((due(1, "m").await.len(), due(2, "").await.len()), (2, 2));
    assert!(!publish(&acme, snapshot("late", version - 1, "m")).await, "an older version");
    assert!(!publish(&acme, snapshot("same", version, "")).await, "the same again");
    assert!(publish(&acme, snapshot("b", version, "m")).await, "the same with vectors");
    assert!(!publish(&acme, snapshot("without", version, "")).await);
    let other_version = db.store.base_info(&other, &theirs).await.unwrap().version;
    let nothing = BaseSnapshot { manifest: String::new(), ..snapshot("", other_version, "") };
    assert!(db.store.base_snapshot_publish(&other, &theirs, &nothing).await.unwrap());
    assert_eq!(due(1, "m").await, []);
    assert_eq!(db.store.base_snapshot(&acme, &faq).await.unwrap(), Some(snapshot("b", version, "m")));
    db.store.base_snapshot_doubt("b", true).await.unwrap();
    assert_eq!(due(1, "m").await, both[..1]);
    assert!(db.store.base_snapshot(&acme, &faq).await.unwrap().unwrap().doubted);
    assert!(publish(&acme, snapshot("sound", version, "m")).await, "anything is better than a doubted one");
    db.store.base_snapshot_doubt("sound", true).await.unwrap();
    db.store.base_snapshot_doubt("sound", false).await.unwrap();
    assert_eq!(due(1, "m").await, []);
    // A version that the base never had is of another tenant's, of the same name, that is gone.
    assert!(!publish(&acme, snapshot("foreign", version + 9, "")).await);
    let ids = ["a", "b", "late", "sound"].map(str::to_owned);
    assert_eq!(db.store.base_snapshots_counting(&ids).await.unwrap(), ["sound"]);

    // A database's own clock stands still here: what is old is so from the next moment on.
    let now = |later: i64| Timestamp::from_millis(1_790_000_000_000 + later);
    assert!(db.store.base_snapshots_take_old(now(-1), 9).await.unwrap().is_empty());
    for _ in 0..2 {
        let mut old = db.store.base_snapshots_take_old(now(0), 9).await.unwrap();
        old.sort();
        let names: Vec<_> = old.iter().map(|(tenant, name)| (tenant.as_str(), name.as_str())).collect();
        assert_eq!(
            names,
            ["a", "b", "foreign", "late", "same", "without"].map(|name| ("acme", name)),
            "taken until forgotten"
        );
    }
    // What is being deleted can't count any more.
    let late = snapshot("late", version, "other");
    assert!(!db.store.base_snapshot_publish(&acme, &faq, &late).await.unwrap());
    for name in ["a", "b", "foreign", "late", "same", "without", "sound"] {
        db.store.base_snapshot_forget(name).await.unwrap();
    }
    assert!(db.store.base_snapshots_take_old(now(0), 9).await.unwrap().is_empty());

    // With its base it counts no more, and nothing counts for a base that is gone.
    db.store.base_remove(&acme, &faq).await.unwrap();
    assert_eq!(db.store.base_snapshot(&acme, &faq).await.unwrap(), None);
    assert!(!publish(&acme, snapshot("posthumous", version, "")).await);
    assert_eq!(db.store.base_snapshots_take_old(now(0), 9).await.unwrap().len(), 2);
}

async fn nothing_of_a_base_outlives_its_tenant(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    put(&db, &acme, &faq, "prices.md", "A shoe is 12 EUR.").await;
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    assert_eq!(directory.base(&acme, &faq).await.unwrap().unwrap().documents.len(), 1);
    assert!(matches!(db.store.tenant_remove(&acme).await, Err(StoreError::Invalid(_))));
    let gone = db.store.base_remove(&acme, &faq).await.unwrap();
    db.store.tenant_remove(&acme).await.unwrap();
    let name = format!("kb/{acme}/{faq}").into();
    directory.seen(&acme, &name, gone);
    directory.removed(&acme, &name);

    let again = db.tenant("acme").await;
    assert_eq!(db.store.base(&again, &faq).await.unwrap(), None);
    assert_eq!(base(&db, &again, "faq").await, faq);
    assert!(directory.base(&again, &faq).await.unwrap().unwrap().documents.is_empty());
    // Its versions begin again, and are news all the same.
    put(&db, &again, &faq, "hours.md", "Open nine to five.").await;
    let version = db.store.base_info(&again, &faq).await.unwrap().version;
    assert!(version <= gone);
    directory.seen(&again, &name, version);
    assert_eq!(directory.base(&again, &faq).await.unwrap().unwrap().documents[0].name, "hours.md");
}
