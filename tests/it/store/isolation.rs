//! What is another tenant's does not exist.

use millrace::config::Secret;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, BotId, TenantId};
use millrace::domain::refusal::Refused;
use millrace::store::{CachedDirectory, Connect, Directory, StoreError};

use super::database::{Database, bot, connect, document, spec};
use super::on_both;

on_both!(
    same_names_never_cross,
    an_account_is_one_bots,
    a_provider_is_told_again_when_what_it_was_told_is_over,
    an_app_is_one_tenants
);

/// Bot ids are unique in the installation; everything in a bot may have the same name in every tenant.
async fn same_names_never_cross(db: Database) {
    let mut owners: Vec<(TenantId, BotId)> = Vec::new();
    for n in 0..12 {
        let tenant = db.tenant(&format!("tenant-{n}")).await;
        let shop = bot(&format!("shop-{n}"));
        let mut content = spec(shop.as_str(), &format!("persona of {tenant}"));
        content.documents.push(document("prices.md", &format!("prices of {tenant}")));
        db.store.bot_apply(&tenant, &content).await.unwrap();
        let mut wanted = connect(&shop, ChannelKind::Telegram, &format!("{n}"));
        wanted.token = Secret::new(format!("token of {tenant}"));
        db.store.account_connect(&tenant, wanted).await.unwrap();
        owners.push((tenant, shop));
    }
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    for (tenant, own) in &owners {
        for (other, theirs) in &owners {
            let mine = tenant == other;
            let store = &db.store;
            assert_eq!(store.bot(tenant, theirs).await.unwrap().is_some(), mine);
            assert_eq!(directory.bot(tenant, theirs).await.unwrap().is_some(), mine);
            assert_eq!(store.bot_info(tenant, theirs).await.is_ok(), mine);
            assert_eq!(store.bot_at(tenant, theirs, 9).await.unwrap().is_some(), mine);
            assert_eq!(store.bot_versions(tenant, theirs).await.unwrap().is_empty(), !mine);
            assert_eq!(store.document(tenant, theirs, "prices.md").await.is_ok(), mine);
            assert_eq!(store.scripts(tenant, theirs).await.is_ok(), mine);
            assert_eq!(store.accounts(tenant, Some(theirs)).await.unwrap().len(), usize::from(mine));
            if !mine {
                let gone =
                    |result: Result<i64, StoreError>| matches!(result, Err(StoreError::Missing { .. }));
                assert!(gone(store.bot_remove(tenant, theirs).await));
                assert!(gone(store.bot_set_enabled(tenant, theirs, false, "x").await));
                assert!(gone(store.document_put(tenant, theirs, document("x", "")).await));
                assert!(gone(store.script_remove(tenant, theirs, "hi").await));
                let id = AccountId::from(theirs.as_str().trim_start_matches("shop-"));
                assert!(gone(store.account_disconnect(tenant, theirs, ChannelKind::Telegram, &id).await));
                let account = (ChannelKind::Telegram, &id);
                let refused = (Refused::All, "x");
                let noted = store.account_refuse(tenant, theirs, account, refused, store.now_at()).await;
                assert_eq!(noted.unwrap(), None);
                let taken = connect(theirs, ChannelKind::Webchat, "x");
                assert!(matches!(
                    store.account_connect(tenant, taken).await,
                    Err(StoreError::Missing { .. })
                ));
            }
        }
        assert_eq!(
            db.store.document(tenant, own, "prices.md").await.unwrap().text,
            format!("prices of {tenant}")
        );
        let account = directory.account_of(ChannelKind::Telegram, own).await.unwrap().unwrap();
        assert_eq!((&account.tenant, account.token.expose()), (tenant, &format!("token of {tenant}")));
        assert_eq!(db.store.bots(tenant).await.unwrap().len(), 1);
        assert_eq!(db.store.bot(tenant, own).await.unwrap().unwrap().version, 2, "nobody else changed it");
    }
}

async fn an_account_is_one_bots(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    for name in ["one", "two"] {
        db.store.bot_apply(&acme, &spec(name, "")).await.unwrap();
    }
    db.store.bot_apply(&other, &spec("three", "")).await.unwrap();
    let wanted = |name: &str| connect(&bot(name), ChannelKind::Telegram, "77");
    let first = db.store.account_connect(&acme, wanted("one")).await.unwrap();
    let again = db.store.account_connect(&acme, wanted("one")).await.unwrap();
    assert_eq!(first.account.secret, again.account.secret, "the webhook's secret stays");
    assert_eq!((first.version, again.version), (2, 3));
    let refused =
        async |tenant, name| db.store.account_connect(tenant, wanted(name)).await.unwrap_err().to_string();
    assert!(refused(&acme, "two").await.contains("`one`"), "its own tenant is told who");
    let told = refused(&other, "three").await;
    assert!(!told.contains("`one`") && !told.contains("acme"), "{told}");
    let id = AccountId::from("77");
    db.store.account_disconnect(&acme, &bot("one"), ChannelKind::Telegram, &id).await.unwrap();
    let moved = db.store.account_connect(&other, wanted("three")).await.unwrap();
    assert_ne!(moved.account.secret, first.account.secret);
    let listed = db.store.accounts(&other, None).await.unwrap();
    assert_eq!((listed.len(), &listed[0].bot), (1, &bot("three")));
    let empty = Connect { account: AccountId::from(""), ..wanted("three") };
    assert!(matches!(db.store.account_connect(&other, empty).await, Err(StoreError::Invalid(_))));
}

async fn a_provider_is_told_again_when_what_it_was_told_is_over(db: Database) {
    let acme = db.tenant("acme").await;
    db.store.bot_apply(&acme, &spec("one", "")).await.unwrap();
    let (channel, id, url) = (ChannelKind::Telegram, AccountId::from("77"), "https://bots.example/one");
    let wanted = |secret: Option<&str>| Connect {
        secret: secret.map(|secret| Secret::new(secret.to_owned())),
        ..connect(&bot("one"), channel, "77")
    };
    let told = async || db.store.accounts(&acme, None).await.unwrap().remove(0).registered;
    let tell = async || db.store.account_set_registered(&acme, channel, &id, url).await.unwrap();
    db.store.account_connect(&acme, wanted(Some("first"))).await.unwrap();
    tell().await;
    for same in [None, Some("first")] {
        db.store.account_connect(&acme, wanted(same)).await.unwrap();
        assert_eq!(told().await, url, "nothing that the provider knows has changed");
    }
    db.store.account_connect(&acme, wanted(Some("second"))).await.unwrap();
    assert_eq!(told().await, "", "it posts with a secret that is refused now");
    tell().await;
    db.store.account_set_polling(&acme, channel, &id, false).await.unwrap();
    assert_eq!(told().await, url);
    db.store.account_set_polling(&acme, channel, &id, true).await.unwrap();
    assert_eq!(told().await, "", "whoever polls takes the webhook away");
}

async fn an_app_is_one_tenants(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let secret = || Secret::new("app secret".to_owned());
    let made = db.store.app_put(&acme, "meta", secret(), None).await.unwrap();
    let again = db.store.app_put(&acme, "meta", secret(), None).await.unwrap();
    assert_eq!(made.verify_token, again.verify_token);
    let taken = db.store.app_put(&other, "meta", secret(), None).await.unwrap_err().to_string();
    assert!(taken.contains("exists already") && !taken.contains("acme"), "{taken}");
    assert!(matches!(db.store.app(&other, "meta").await, Err(StoreError::Missing { .. })));
    assert!(matches!(db.store.app_remove(&other, "meta").await, Err(StoreError::Missing { .. })));
    assert!(db.store.apps(&other).await.unwrap().is_empty());
    db.store.app_remove(&acme, "meta").await.unwrap();
    assert!(matches!(db.store.app(&acme, "meta").await, Err(StoreError::Missing { .. })));
    assert!(db.store.app_put(&other, "meta", secret(), None).await.is_err(), "a name stays its tenant's");
    db.store.app_put(&acme, "meta", secret(), None).await.unwrap();
    assert_eq!(db.store.apps(&acme).await.unwrap()[0].version, 4);
}
