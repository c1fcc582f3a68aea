//! Tenants, bots, their versions, documents, scripts and tokens.

use millrace::config::Secret;
use millrace::domain::ids::TenantId;
use millrace::store::{Caller, StoreError};

use super::database::{Database, bot, document, spec};
use super::on_both;

on_both!(
    a_tenant_is_made_once,
    applying_the_same_changes_nothing,
    a_version_never_changes,
    documents_and_scripts_make_versions,
    a_removed_bot_comes_back_with_a_higher_version,
    a_bot_is_stopped_once_and_started_again,
    what_breaks_a_rule_is_refused,
    two_that_apply_at_once_both_succeed,
    a_token_speaks_for_its_owner_until_it_is_removed,
);

async fn a_tenant_is_made_once(db: Database) {
    let acme = db.tenant("acme").await;
    assert!(matches!(db.store.tenant_create(&acme, "").await, Err(StoreError::Taken { .. })));
    assert!(matches!(
        db.store.tenant_create(&TenantId::from("No Slug"), "").await,
        Err(StoreError::Invalid(_))
    ));
    assert!(matches!(db.store.tenant(&TenantId::from("none")).await, Err(StoreError::Missing { .. })));
    assert_eq!(db.store.tenants().await.unwrap(), [db.store.tenant(&acme).await.unwrap()]);
}

async fn applying_the_same_changes_nothing(db: Database) {
    let acme = db.tenant("acme").await;
    assert_eq!(db.store.bot_apply(&acme, &spec("shop", "kind")).await.unwrap(), 1);
    assert_eq!(db.store.bot_apply(&acme, &spec("shop", "kind")).await.unwrap(), 1);
    assert_eq!(db.store.bot_apply(&acme, &spec("shop", "short")).await.unwrap(), 2);
    let found = db.store.bot(&acme, &bot("shop")).await.unwrap().unwrap();
    assert_eq!((found.version, found.enabled, found.spec), (2, true, spec("shop", "short")));
    assert!(db.store.bot(&acme, &bot("other")).await.unwrap().is_none());
    let infos = db.store.bots(&acme).await.unwrap();
    assert_eq!((infos.len(), infos[0].version, infos[0].content_version), (1, 2, 2));
}

async fn a_version_never_changes(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    let mut history = Vec::new();
    let names = [vec!["a", "b", "c"], vec!["a", "c"], vec!["c", "a", "d"], vec![], vec!["d", "a"]];
    for (round, names) in names.iter().enumerate() {
        let mut content = spec("shop", &format!("persona {round}"));
        content.documents =
            names.iter().map(|name| document(name, &format!("{name} {}", round / 2))).collect();
        let version = db.store.bot_apply(&acme, &content).await.unwrap();
        history.push((version, content));
    }
    for (version, content) in &history {
        assert_eq!(db.store.bot_at(&acme, &shop, *version).await.unwrap().as_ref(), Some(content));
    }
    assert_eq!(db.store.bot_at(&acme, &shop, 0).await.unwrap(), None);
    let versions: Vec<i64> =
        db.store.bot_versions(&acme, &shop).await.unwrap().iter().map(|version| version.version).collect();
    assert_eq!(versions, [5, 4, 3, 2, 1]);
    // A change that is none of the content leaves the content's version where it was.
    db.store.bot_set_enabled(&acme, &shop, false, "stopped").await.unwrap();
    assert_eq!(db.store.bot_at(&acme, &shop, 6).await.unwrap().as_ref(), Some(&history[4].1));
}

async fn documents_and_scripts_make_versions(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    assert_eq!(db.store.document_put(&acme, &shop, document("prices.md", "12 EUR")).await.unwrap(), 2);
    assert_eq!(db.store.document_put(&acme, &shop, document("hours.md", "9 to 5")).await.unwrap(), 3);
    assert_eq!(db.store.document_put(&acme, &shop, document("prices.md", "13 EUR")).await.unwrap(), 4);
    let listed = db.store.documents(&acme, &shop).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|d| (d.name.as_str(), d.bytes, d.since_version)).collect();
    assert_eq!(listed, [("prices.md", 6, 4), ("hours.md", 6, 3)]);
    assert_eq!(db.store.document(&acme, &shop, "prices.md").await.unwrap().text, "13 EUR");
    assert_eq!(db.store.document_remove(&acme, &shop, "prices.md").await.unwrap(), 5);
    assert!(matches!(db.store.document(&acme, &shop, "prices.md").await, Err(StoreError::Missing { .. })));
    assert!(matches!(
        db.store.document_remove(&acme, &shop, "prices.md").await,
        Err(StoreError::Missing { .. })
    ));

    let mut rule = db.store.scripts(&acme, &shop).await.unwrap().remove(0);
    rule.name = "bye".into();
    assert_eq!(db.store.script_put(&acme, &shop, rule.clone()).await.unwrap(), 6);
    rule.priority = 5;
    assert_eq!(db.store.script_put(&acme, &shop, rule).await.unwrap(), 7);
    assert_eq!(db.store.script_remove(&acme, &shop, "hi").await.unwrap(), 8);
    let rules = db.store.scripts(&acme, &shop).await.unwrap();
    assert_eq!((rules.len(), rules[0].name.as_str(), rules[0].priority), (1, "bye", 5));
}

async fn a_removed_bot_comes_back_with_a_higher_version(db: Database) {
    let (acme, other) = (db.tenant("acme").await, db.tenant("other").await);
    let shop = bot("shop");
    let mut content = spec("shop", "");
    content.documents.push(document("a", "old"));
    db.store.bot_apply(&acme, &content).await.unwrap();
    assert_eq!(db.store.bot_remove(&acme, &shop).await.unwrap(), 2);
    assert!(db.store.bot(&acme, &shop).await.unwrap().is_none());
    assert!(db.store.bots(&acme).await.unwrap().is_empty());
    assert!(matches!(db.store.bot_remove(&acme, &shop).await, Err(StoreError::Missing { .. })));
    assert!(matches!(
        db.store.document_put(&acme, &shop, document("b", "")).await,
        Err(StoreError::Missing { .. })
    ));
    let taken = db.store.bot_apply(&other, &content).await.unwrap_err().to_string();
    assert!(taken.contains("exists already") && !taken.contains("acme"), "{taken}");
    assert_eq!(db.store.bot_apply(&acme, &content).await.unwrap(), 3);
    assert_eq!(db.store.bot(&acme, &shop).await.unwrap().unwrap().spec, content);
}

async fn a_bot_is_stopped_once_and_started_again(db: Database) {
    let acme = db.tenant("acme").await;
    let shop = bot("shop");
    db.store.bot_apply(&acme, &spec("shop", "")).await.unwrap();
    assert_eq!(db.store.bot_set_enabled(&acme, &shop, false, "token refused").await.unwrap(), 2);
    assert_eq!(db.store.bot_set_enabled(&acme, &shop, false, "token refused").await.unwrap(), 2);
    let info = db.store.bot_info(&acme, &shop).await.unwrap();
    assert_eq!((info.enabled, info.reason.as_str()), (false, "token refused"));
    assert_eq!(db.store.bot_set_enabled(&acme, &shop, true, "").await.unwrap(), 3);
    assert!(db.store.bot(&acme, &shop).await.unwrap().unwrap().enabled);
    assert!(matches!(
        db.store.bot_set_enabled(&acme, &bot("none"), true, "").await,
        Err(StoreError::Missing { .. })
    ));
}

async fn what_breaks_a_rule_is_refused(db: Database) {
    let acme = db.tenant("acme").await;
    let refused = async |content| db.store.bot_apply(&acme, &content).await.unwrap_err().to_string();
    assert!(refused(spec("Shop!", "")).await.contains("lower case"));
    let mut content = spec("shop", "");
    content.scripts.push(content.scripts[0].clone());
    assert!(refused(content).await.contains("`hi`"));
    let mut content = spec("shop", "");
    content.documents = vec![document("a", ""), document("a", "")];
    assert!(refused(content).await.contains("`a`"));
    let mut content = spec("shop", "");
    content.documents = vec![document("big", &"x".repeat(5 << 20))];
    assert!(refused(content).await.contains("split it"));
    let mut content = spec("shop", "");
    content.name = "a\0b".into();
    assert!(refused(content).await.contains("control"));
    assert!(db.store.bots(&acme).await.unwrap().is_empty(), "nothing of a refused bot is left");
    let unknown = db.store.bot_apply(&TenantId::from("none"), &spec("shop", "")).await;
    assert!(matches!(unknown, Err(StoreError::Missing { what: "tenant", .. })));
    // What may stand in a text that people wrote survives, NUL included.
    let odd = spec("odd", "nul \0, quote ', emoji \u{1f600}, persian \u{6cc}");
    db.store.bot_apply(&acme, &odd).await.unwrap();
    assert_eq!(db.store.bot(&acme, &bot("odd")).await.unwrap().unwrap().spec, odd);
}

async fn two_that_apply_at_once_both_succeed(db: Database) {
    let acme = db.tenant("acme").await;
    let second = db.again().await;
    let contents: Vec<_> = (0..10).map(|round| spec("shop", &format!("p{round}"))).collect();
    let applied = contents.iter().enumerate().map(|(round, content)| {
        if round % 2 == 0 { db.store.bot_apply(&acme, content) } else { second.bot_apply(&acme, content) }
    });
    let mut versions = futures_util::future::try_join_all(applied).await.unwrap();
    versions.sort_unstable();
    assert_eq!(versions, (1..=10).collect::<Vec<i64>>());
}

async fn a_token_speaks_for_its_owner_until_it_is_removed(db: Database) {
    let acme = db.tenant("acme").await;
    let own = Caller::Tenant(acme.clone());
    let operator = db.store.token_create(Caller::Operator, "ops").await.unwrap();
    let tenant = db.store.token_create(own.clone(), "ci").await.unwrap();
    assert_eq!(db.store.token_caller(&operator.token).await.unwrap(), Some(Caller::Operator));
    assert_eq!(db.store.token_caller(&tenant.token).await.unwrap(), Some(own.clone()));
    for wrong in ["", "mlr_", "mlr_AAAA"] {
        assert_eq!(db.store.token_caller(&Secret::new(wrong.to_owned())).await.unwrap(), None);
    }
    assert_eq!(db.store.tokens(&own).await.unwrap(), std::slice::from_ref(&tenant.info));
    assert!(matches!(db.store.token_remove(&own, &operator.info.id).await, Err(StoreError::Missing { .. })));
    db.store.token_remove(&own, &tenant.info.id).await.unwrap();
    assert_eq!(db.store.token_caller(&tenant.token).await.unwrap(), None);
    let nobody = Caller::Tenant(TenantId::from("none"));
    assert!(matches!(db.store.token_create(nobody, "").await, Err(StoreError::Missing { .. })));
}
