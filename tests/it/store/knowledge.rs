//! Knowledge bases on both databases.

use millrace::domain::bot::Document;
use millrace::domain::ids::{BaseId, TenantId};
use millrace::domain::knowledge::{DocumentStatus, Pinned};
use millrace::domain::time::Timestamp;
use millrace::store::{CachedDirectory, Directory, Quota, Reading, StoreError, Submission};

use super::database::{Database, bot, spec};
use super::on_both;

on_both!(
    one_base_serves_many_bots,
    only_the_newest_submission_counts,
    submissions_wait_until_they_are_announced,
    what_is_removed_is_gone_for_every_cache,
    bases_of_other_tenants_do_not_exist,
    quotas_are_kept,
    a_quota_holds_when_many_come_at_once,
    pins_and_missed_questions,
    a_due_source_is_read_by_one
);

fn submission(name: &str, hash: &str) -> Submission {
    Submission {
        name: name.into(),
        hash: hash.into(),
        kind: "md".into(),
        bytes: 100,
        ..Submission::default()
    }
}

fn read(name: &str, text: &str) -> Reading {
    Reading::Read {
        document: Box::new(Document::text(name, text)),
        pages: 3,
        passages: 1,
        language: "en".into(),
    }
}

/// A document as it is after everything went well.
pub(super) async fn put(db: &Database, tenant: &TenantId, base: &BaseId, name: &str, text: &str) {
    let done = db.store.base_submit(tenant, base, &submission(name, text)).await.unwrap();
    assert!(db.store.base_read(tenant, base, (name, done.submission), &read(name, text)).await.unwrap());
}

pub(super) async fn base(db: &Database, tenant: &TenantId, id: &str) -> BaseId {
    db.store.base_create(tenant, &id.into(), "").await.unwrap().base
}

async fn one_base_serves_many_bots(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    for name in ["one", "two"] {
        db.store.bot_apply(&acme, &spec(name, "")).await.unwrap();
        assert_eq!(db.store.base_attach(&acme, &faq, &bot(name), true).await.unwrap(), 2);
        assert_eq!(db.store.base_attach(&acme, &faq, &bot(name), true).await.unwrap(), 2, "twice is once");
        assert_eq!(db.store.bot(&acme, &bot(name)).await.unwrap().unwrap().bases, std::slice::from_ref(&faq));
    }
    assert_eq!(db.store.base_info(&acme, &faq).await.unwrap().bots, [bot("one"), bot("two")]);
    assert!(matches!(db.store.base_create(&acme, &faq, "").await, Err(StoreError::Taken { .. })));
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    assert!(directory.base(&acme, &faq).await.unwrap().unwrap().documents.is_empty());
    put(&db, &acme, &faq, "prices.md", "A shoe is 12 EUR.").await;
    let change = db.store.outbox_next(9).await.unwrap().into_iter().find(|c| c.bot.as_str() == "kb/acme/faq");
    let change = change.unwrap();
    directory.seen(&change.tenant, &change.bot, change.version);
    let found = directory.base(&acme, &faq).await.unwrap().unwrap();
    assert_eq!((found.version, found.documents[0].text.as_str()), (change.version, "A shoe is 12 EUR."));
    assert_eq!(db.store.base_attach(&acme, &faq, &bot("one"), false).await.unwrap(), 3);
    assert!(db.store.bot(&acme, &bot("one")).await.unwrap().unwrap().bases.is_empty());
    db.store.base_remove(&acme, &faq).await.unwrap();
    let two = db.store.bot(&acme, &bot("two")).await.unwrap().unwrap();
    assert!(two.bases.is_empty() && two.version == 3, "{two:?}");
    let again = db.store.base_create(&acme, &faq, "").await.unwrap();
    assert!(again.version > change.version && again.documents == 0, "{again:?}");
}

async fn only_the_newest_submission_counts(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    let first = db.store.base_submit(&acme, &faq, &submission("a", "h1")).await.unwrap();
    let again = db.store.base_submit(&acme, &faq, &submission("a", "h1")).await.unwrap();
    assert!(!first.known && again.known && first.submission == again.submission);
    let first = first.submission;
    let second = db.store.base_submit(&acme, &faq, &submission("a", "h2")).await.unwrap();
    let second = second.submission;
    assert!(second > first);
    let write =
        async |n: i64, reading: &Reading| db.store.base_read(&acme, &faq, ("a", n), reading).await.unwrap();
    assert!(!write(first, &read("a", "old")).await, "a newer one is there");
    assert!(db.store.base_body(&acme, &faq, "a").await.unwrap().is_none());
    assert!(write(second, &read("a", "new")).await);
    assert!(!write(second, &read("a", "new")).await, "written once");
    assert!(!write(second, &Reading::Failed("late".into())).await);
    let listed = db.store.base_document(&acme, &faq, "a").await.unwrap();
    assert_eq!((listed.status, listed.pages, listed.passages), (DocumentStatus::Searchable, 3, 1));
    let version = db.store.base_info(&acme, &faq).await.unwrap().version;
    assert_eq!(db.store.base_semantic_ready(&acme, &faq, version - 1).await.unwrap(), 0);
    // What the model doesn't speak says so, once, and is looked at again by who asks for it.
    let without = async |again| {
        db.store.bases_without_meaning(Timestamp::from_millis(i64::MAX), None, again, 9).await.unwrap().len()
    };
    assert_eq!(without(false).await, 1);
    assert_eq!(db.store.base_by_words(&acme, &faq, version - 1, "by words").await.unwrap(), 0);
    assert_eq!(db.store.base_by_words(&acme, &faq, version, "by words").await.unwrap(), 1);
    assert_eq!(db.store.base_by_words(&acme, &faq, version, "by words").await.unwrap(), 0);
    let listed = db.store.base_document(&acme, &faq, "a").await.unwrap();
    assert_eq!((listed.status, listed.reason.as_str()), (DocumentStatus::Searchable, "by words"));
    assert_eq!((without(false).await, without(true).await), (0, 1));
    assert_eq!(db.store.base_semantic_ready(&acme, &faq, version).await.unwrap(), 1);
    assert_eq!(db.store.base_document(&acme, &faq, "a").await.unwrap().reason, "");
    assert_eq!(db.store.base_info(&acme, &faq).await.unwrap().version, version, "nothing else is searched");
    assert_eq!(db.store.base_resubmit(&acme, &faq, None).await.unwrap(), 1);
    let listed = db.store.base_document(&acme, &faq, "a").await.unwrap();
    assert_eq!(listed.status, DocumentStatus::Submitted);
    let third = listed.submission;
    assert!(third > second);
    assert_eq!(db.store.base_body(&acme, &faq, "a").await.unwrap().unwrap().text, "new", "still answers");
    assert!(write(third, &Reading::Failed("no\u{0} text".into())).await);
    let listed = db.store.base_document(&acme, &faq, "a").await.unwrap();
    assert_eq!((listed.status, listed.reason.as_str()), (DocumentStatus::Failed, "no  text"));
    let failed = db.store.base_submit(&acme, &faq, &submission("a", "h2")).await.unwrap();
    assert!(!failed.known, "what failed is tried again");
    for name in ["", "a\u{202e}fdp.exe", "a\nb"] {
        assert!(matches!(
            db.store.base_submit(&acme, &faq, &submission(name, "h")).await,
            Err(StoreError::Invalid(_))
        ));
    }
}

async fn submissions_wait_until_they_are_announced(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    db.store.base_submit(&acme, &faq, &submission("a", "h1")).await.unwrap();
    let waiting = db.store.base_waiting(9).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].name.as_str()), (1, "a"));
    let newer = db.store.base_submit(&acme, &faq, &submission("a", "h2")).await.unwrap().submission;
    db.store.base_announced(&waiting).await.unwrap();
    let waiting = db.store.base_waiting(9).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].submission), (1, newer), "the newer one still waits");
    db.store.base_announced(&waiting).await.unwrap();
    assert!(db.store.base_waiting(9).await.unwrap().is_empty());
}

async fn what_is_removed_is_gone_for_every_cache(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    put(&db, &acme, &faq, "a", "A shoe is 12 EUR.").await;
    let directory = CachedDirectory::new(std::sync::Arc::clone(&db.store));
    assert_eq!(directory.base(&acme, &faq).await.unwrap().unwrap().documents.len(), 1);
    assert!(db.store.base_file_used(&acme, "A shoe is 12 EUR.").await.unwrap());
    let version = db.store.base_document_remove(&acme, &faq, "a").await.unwrap();
    assert!(!db.store.base_file_used(&acme, "A shoe is 12 EUR.").await.unwrap());
    directory.seen(&acme, &"kb/acme/faq".into(), version);
    assert!(directory.base(&acme, &faq).await.unwrap().unwrap().documents.is_empty());
    let again = db.store.base_document_remove(&acme, &faq, "a").await;
    assert!(matches!(again, Err(StoreError::Missing { what: "document", .. })), "{again:?}");
}

async fn bases_of_other_tenants_do_not_exist(db: Database) {
    let mut owners = Vec::new();
    for n in 0..6 {
        let tenant = db.tenant(&format!("tenant-{n}")).await;
        let shop = bot(&format!("shop-{n}"));
        db.store.bot_apply(&tenant, &spec(shop.as_str(), "")).await.unwrap();
        // The same names everywhere, but for the first, which has none.
        if n > 0 {
            let faq = base(&db, &tenant, "faq").await;
            put(&db, &tenant, &faq, "prices.md", &format!("prices of {tenant}")).await;
            db.store.base_attach(&tenant, &faq, &shop, true).await.unwrap();
        }
        owners.push((tenant, shop));
    }
    let faq = BaseId::from("faq");
    for (tenant, shop) in &owners[1..] {
        let found = db.store.base(tenant, &faq).await.unwrap().unwrap();
        assert_eq!(found.documents.len(), 1);
        assert_eq!(found.documents[0].text, format!("prices of {tenant}"));
        assert_eq!(db.store.base_info(tenant, &faq).await.unwrap().bots, std::slice::from_ref(shop));
        assert_eq!(db.store.knowledge_use(tenant).await.unwrap().documents, 1);
    }
    let (stranger, own) = &owners[0];
    let missing = |result: Result<i64, StoreError>| matches!(result, Err(StoreError::Missing { .. }));
    assert!(db.store.base(stranger, &faq).await.unwrap().is_none());
    assert!(db.store.bases(stranger).await.unwrap().is_empty());
    assert!(db.store.base_documents(stranger, &faq).await.is_err());
    assert!(db.store.base_body(stranger, &faq, "prices.md").await.is_err());
    assert!(missing(db.store.base_remove(stranger, &faq).await));
    assert!(missing(db.store.base_document_remove(stranger, &faq, "prices.md").await));
    assert!(missing(db.store.base_attach(stranger, &faq, own, true).await));
    assert!(db.store.base_submit(stranger, &faq, &submission("a", "h")).await.is_err());
    let (other, theirs) = &owners[1];
    assert!(missing(db.store.base_attach(other, &faq, own, true).await), "another tenant's bot");
    assert!(!db.store.base_file_used(stranger, &format!("prices of {other}")).await.unwrap());
    assert!(missing(db.store.base_attach(stranger, &faq, theirs, false).await));
    assert_eq!(db.store.bot(other, theirs).await.unwrap().unwrap().version, 2, "nobody else changed it");
}

async fn quotas_are_kept(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    assert_eq!(db.store.knowledge_quota(&acme).await.unwrap(), Quota::default());
    let quota = Quota { documents: 2, size: "250 B".parse().unwrap(), pages: 5 };
    db.store.knowledge_quota_set(&acme, &quota).await.unwrap();
    assert_eq!(db.store.knowledge_quota(&acme).await.unwrap(), quota);
    put(&db, &acme, &faq, "a", "a").await;
    let refused = async |wanted: Submission| match db.store.base_submit(&acme, &faq, &wanted).await {
        Err(StoreError::Invalid(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert!(refused(Submission { bytes: 151, ..submission("b", "b") }).await.contains("250 B"));
    let second = db.store.base_submit(&acme, &faq, &submission("b", "b")).await.unwrap();
    assert!(refused(Submission { bytes: 1, ..submission("c", "c") }).await.contains("2 documents"));
    let larger = Submission { bytes: 150, ..submission("a", "a2") };
    db.store.base_submit(&acme, &faq, &larger).await.unwrap();
    let pages = db.store.base_read(&acme, &faq, ("b", second.submission), &read("b", "b")).await;
    assert!(matches!(&pages, Err(StoreError::Invalid(reason)) if reason.contains("5 pages")), "{pages:?}");
    let used = db.store.knowledge_use(&acme).await.unwrap();
    assert_eq!((used.documents, used.bytes, used.pages), (2, 250, 3));
}

async fn a_quota_holds_when_many_come_at_once(db: Database) {
    let acme = db.tenant("acme").await;
    let mut bases = Vec::new();
    for name in ["one", "two", "three", "four"] {
        bases.push(base(&db, &acme, name).await);
    }
    let quota = Quota { documents: 2, size: "1 MiB".parse().unwrap(), pages: 5 };
    db.store.knowledge_quota_set(&acme, &quota).await.unwrap();
    let (a, b) = (submission("a", "a"), submission("b", "b"));
    let all = bases.iter().flat_map(|base| [&a, &b].map(|one| db.store.base_submit(&acme, base, one)));
    let done = futures_util::future::join_all(all).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 2, "{done:?}");
    let mut read_all = Vec::new();
    for base in &bases {
        for document in db.store.base_documents(&acme, base).await.unwrap() {
            read_all.push((base, document.name, document.submission));
        }
    }
    // Each has three pages, five are allowed.
    let readings: Vec<_> = read_all.iter().map(|(_, name, _)| read(name, name)).collect();
    let all = read_all
        .iter()
        .zip(&readings)
        .map(|((base, name, n), reading)| db.store.base_read(&acme, base, (name, *n), reading));
    let done = futures_util::future::join_all(all).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
}

async fn pins_and_missed_questions(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    let pin = |question: &str, answer: &str| Pinned { question: question.into(), answer: answer.into() };
    db.store.base_pin(&acme, &faq, &pin("When are you open?", "Nine.")).await.unwrap();
    db.store.base_pin(&acme, &faq, &pin("when are you OPEN", "Ten.")).await.unwrap();
    let found = db.store.base(&acme, &faq).await.unwrap().unwrap();
    assert_eq!(found.pinned, [pin("when are you OPEN", "Ten.")]);
    assert!(db.store.base_pin(&acme, &faq, &pin("?!", "x")).await.is_err());
    db.store.base_unpin(&acme, &faq, "When are you open!").await.unwrap();
    assert!(db.store.base_pins(&acme, &faq).await.unwrap().is_empty());
    assert!(db.store.base_unpin(&acme, &faq, "x").await.is_err());
    let shop = bot("shop");
    let ask = async |questions: &[&str]| {
        let questions: Vec<String> = questions.iter().map(|q| (*q).to_owned()).collect();
        db.store.question_missed(&acme, &shop, &questions).await.unwrap();
    };
    ask(&["Who won?", "who  WON", "How far?", "?"]).await;
    let missed = db.store.questions_missed(&acme, &shop, 9).await.unwrap();
    assert_eq!(missed.len(), 2);
    assert_eq!((missed[0].question.as_str(), missed[0].times), ("who  WON", 2));
    assert!(db.store.questions_missed(&"other".into(), &shop, 9).await.unwrap().is_empty());
    let many: Vec<String> = (0..1_100).map(|n| format!("question {n}")).collect();
    db.store.question_missed(&acme, &shop, &many).await.unwrap();
    assert_eq!(db.store.questions_missed(&acme, &shop, 5_000).await.unwrap().len(), 1_000);
}

async fn a_due_source_is_read_by_one(db: Database) {
    let acme = db.tenant("acme").await;
    let faq = base(&db, &acme, "faq").await;
    let address = "https://shop.example/prices";
    assert!(db.store.base_source_claim().await.unwrap().is_none());
    db.store.base_source_put(&acme, &faq, (address, false, 60_000)).await.unwrap();
    let due = db.store.base_source_claim().await.unwrap().unwrap();
    assert_eq!((due.tenant.clone(), due.address.as_str(), due.site), (acme.clone(), address, false));
    assert!(db.store.base_source_claim().await.unwrap().is_none(), "it is somebody's");
    db.store.base_page_put(&due, address, Some(("\"v1\"", ""))).await.unwrap();
    let page = db.store.base_pages(&due).await.unwrap().remove(0);
    assert_eq!(
        (page.address.as_str(), page.etag.as_str()),
        (address, ""),
        "without its document it is read again"
    );
    put(&db, &acme, &faq, address, "A shoe is 12 EUR.").await;
    let page = db.store.base_pages(&due).await.unwrap().remove(0);
    assert_eq!((page.etag.as_str(), page.excluded), ("\"v1\"", false));
    db.store.base_document_remove(&acme, &faq, address).await.unwrap();
    assert!(db.store.base_pages(&due).await.unwrap()[0].excluded, "removed by hand");
    db.store.base_page_put(&due, address, None).await.unwrap();
    assert!(db.store.base_pages(&due).await.unwrap().is_empty());
    db.store.base_source_read(&due, 1, "").await.unwrap();
    let listed = db.store.base_sources(&acme, &faq).await.unwrap();
    assert_eq!((listed.len(), listed[0].pages, listed[0].reason.as_str()), (1, 1, ""));
    assert!(db.store.base_sources(&"other".into(), &faq).await.unwrap().is_empty());
    db.clock.advance(std::time::Duration::from_secs(61));
    assert!(db.store.base_source_claim().await.unwrap().is_some(), "due again");
    db.clock.advance(millrace::store::SOURCE_LEASE);
    let dead = db.store.base_source_claim().await.unwrap().expect("whoever had it ended");
    // Whoever is at work keeps it.
    db.clock.advance(millrace::store::SOURCE_LEASE / 2);
    let lease = db.store.base_source_renew(&dead).await.unwrap().unwrap();
    let held = millrace::store::BaseSource { lease, ..dead.clone() };
    db.clock.advance(millrace::store::SOURCE_LEASE / 2);
    assert!(db.store.base_source_claim().await.unwrap().is_none(), "it is held");
    db.store.base_source_release(&dead).await.unwrap();
    assert!(db.store.base_source_claim().await.unwrap().is_none(), "not by a claim of before");
    db.store.base_source_release(&held).await.unwrap();
    let next = db.store.base_source_claim().await.unwrap().expect("given back: due at once");
    db.clock.advance(std::time::Duration::from_secs(1));
    db.store.base_sources_hurry(&acme, &faq, Some("https://shop.example/other")).await.unwrap();
    assert!(db.store.base_source_claim().await.unwrap().is_none(), "another page");
    db.store.base_sources_hurry(&acme, &faq, Some(address)).await.unwrap();
    assert!(db.store.base_source_renew(&next).await.unwrap().is_none(), "it is wanted anew");
    db.store.base_source_read(&next, 7, "").await.unwrap();
    assert!(db.store.base_source_claim().await.unwrap().is_some(), "and read anew, whoever had it");
    assert!(db.store.base_source_remove(&"other".into(), &faq, address).await.is_err());
    db.store.base_source_remove(&acme, &faq, address).await.unwrap();
    assert!(db.store.base_source_remove(&acme, &faq, address).await.is_err());
}
