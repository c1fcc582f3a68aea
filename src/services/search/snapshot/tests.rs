//! Snapshots from the process that writes to the one that reads: what is found, what never is, and what happens when
//! files are missing, damaged or too many.

mod fake;
mod isolation;
mod shelf;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::bot::{Document, Pair};
use crate::domain::knowledge::{Corpus, KnowledgeBase};
use crate::services::embed::fake::FakeEmbed;
use crate::services::objects::testing::FakeS3;
use crate::services::search::{Meaning, Search as _, SearchConfig, TextSearch};
use fake::Depot;

fn base(tenant: &str, name: &str, version: i64, documents: Vec<Document>) -> Arc<KnowledgeBase> {
    Arc::new(KnowledgeBase {
        tenant: tenant.into(),
        base: name.into(),
        version,
        documents,
        pinned: Vec::new(),
    })
}

fn corpus(base: &Arc<KnowledgeBase>) -> [Corpus; 1] {
    [Corpus::Base(Arc::clone(base))]
}

fn shop(version: i64) -> Arc<KnowledgeBase> {
    let prices = "# Prices\n\n## Haircut\nA haircut costs 12 EUR.\n\n## Beard\nA beard trim costs 7 EUR.";
    let faq = Document {
        qa: vec![Pair { q: "Do you ship to Norway?".into(), a: "Yes, within five days.".into() }].into(),
        ..Document::text("faq", "")
    };
    let hours = Document::text("hours.txt", "Open nine to five.");
    base("t", "shop", version, vec![faq, hours, Document::text("prices.md", prices)])
}

/// A process without a model, and without snapshots where no shelf is given.
fn process(shelf: Option<Arc<Shelf>>) -> TextSearch {
    let search = TextSearch::new(SearchConfig { shards: 2, ..SearchConfig::default() }, None).unwrap();
    match shelf {
        Some(shelf) => search.with_snapshots(shelf),
        None => search,
    }
}

/// A process with a model.
fn knowing(folder: &Path) -> TextSearch {
    let weights = BTreeMap::from([("en".to_owned(), 0.5)]);
    let meaning =
        Meaning { embed: Arc::new(FakeEmbed::new(1)), folder: folder.into(), weights, remembered: 10 };
    TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap()
}

async fn best(search: &TextSearch, base: &Arc<KnowledgeBase>, question: &str) -> Option<String> {
    search.ground(&corpus(base), question, 3).await.unwrap().passages.first().map(|found| found.text.clone())
}

#[tokio::test]
async fn a_new_process_answers_from_a_snapshot_and_indexes_nothing() {
    let depot = Depot::new();
    let shop = shop(3);
    depot.write(&process(None), &shop).await;
    let search = process(Some(depot.shelf("worker", 1 << 30)));
    let plain = process(None);
    for question in ["how much is a haircut", "beard trimm", "ship to norway", "when are you open", "zzz"] {
        let there = search.explore(&corpus(&shop), question, 9).await.unwrap();
        let here = plain.explore(&corpus(&shop), question, 9).await.unwrap();
        assert_eq!(there.candidates(), here.candidates(), "{question}");
    }
    assert_eq!((search.built(), plain.built()), (0, 4));
    assert_eq!(search.open_snapshots().len(), 1);
    // Another start with the same disk fetches nothing.
    let fetched = depot.fetched();
    drop(search);
    let search = process(Some(depot.shelf("worker", 1 << 30)));
    assert!(best(&search, &shop, "haircut price").await.unwrap().contains("12 EUR"));
    assert_eq!((search.built(), depot.fetched()), (0, fetched));
}

#[tokio::test]
async fn a_bucket_serves_a_new_process_as_a_folder_does() {
    let fake = FakeS3::start().await;
    let depot = Depot::of(FakeS3::open(fake.settings()));
    let shop = shop(3);
    depot.write(&process(None), &shop).await;
    assert!(
        fake.keys().len() > 4 && fake.keys().iter().all(|key| key.starts_with("millrace/test/t/snapshots/"))
    );
    let search = process(Some(depot.shelf("worker", 1 << 30)));
    assert!(best(&search, &shop, "how much is a haircut").await.unwrap().contains("12 EUR"));
    assert_eq!((search.built(), search.open_snapshots().len()), (0, 1));
    // A damaged file in the bucket is found out by whoever fetches it.
    let table = fake.keys().into_iter().find(|key| key.ends_with(TABLE)).unwrap();
    fake.change(&table, b"[]");
    let search = process(Some(depot.shelf("another", 1 << 30)));
    assert!(best(&search, &shop, "how much is a haircut").await.unwrap().contains("12 EUR"));
    assert_eq!(search.built(), 4, "indexed from the documents");
}

#[tokio::test]
async fn what_was_deleted_never_answers_and_what_is_new_does() {
    let depot = Depot::new();
    let old = shop(3);
    depot.write(&process(None), &old).await;
    let mut documents = old.documents.clone();
    documents.retain(|document| document.name != "prices.md");
    documents.push(Document::text("tulips", "Tulips bloom in May."));
    let new = base("t", "shop", 4, documents);
    let (search, plain) = (process(Some(depot.shelf("worker", 1 << 30))), process(None));
    for question in ["haircut costs", "beard trim", "tulips bloom", "open nine"] {
        let there = search.explore(&corpus(&new), question, 9).await.unwrap();
        let here = plain.explore(&corpus(&new), question, 9).await.unwrap();
        assert_eq!(there.candidates(), here.candidates(), "{question}");
    }
    assert_eq!(best(&search, &new, "how much is a haircut").await, None);
    assert_eq!(search.built(), 1, "the new document alone");
    // The next version of it, which is in the process by now.
    let last = base("t", "shop", 5, vec![Document::text("hours.txt", "Closed.")]);
    assert_eq!(best(&search, &last, "tulips bloom").await, None);
    assert_eq!(best(&search, &last, "closed hours").await.as_deref(), Some("Closed."));
    assert_eq!(search.open_snapshots(), [], "nothing of it is left");
}

#[tokio::test]
async fn vectors_come_with_it_and_are_never_made_again() {
    let depot = Depot::new();
    let shop = shop(3);
    let [one, other] = [depot.folder("vectors-1"), depot.folder("vectors-2")];
    let writer = knowing(&one);
    writer.prepare(&corpus(&shop)[0]).await.unwrap();
    while writer.vector_bytes(corpus(&shop)[0].clone()).is_none() {
        tokio::task::yield_now().await;
    }
    depot.write(&writer, &shop).await;
    let reader = knowing(&other).with_snapshots(depot.shelf("worker", 1 << 30));
    let found = reader.explore(&corpus(&shop), "how much is a haircut", 9).await.unwrap();
    assert!(found.weight() > 0.0 && found.candidates()[0].cosine.is_some(), "{found:?}");
    assert_eq!(reader.built(), 0);
    assert!(!other.exists(), "no vectors of its own");
}

#[tokio::test]
async fn equal_names_of_two_tenants_never_meet() {
    let depot = Depot::new();
    let mine = base("a", "shop", 1, vec![Document::text("d", "The secret word is apple.")]);
    let other = base("b", "shop", 1, vec![Document::text("d", "The secret word is pear.")]);
    for base in [&mine, &other] {
        depot.write(&process(None), base).await;
    }
    let search = process(Some(depot.shelf("worker", 1 << 30)));
    assert!(best(&search, &mine, "secret word").await.unwrap().contains("apple"));
    assert!(best(&search, &other, "secret word").await.unwrap().contains("pear"));
    assert_eq!(search.built(), 0);
    for key in depot.keys() {
        assert!(key.starts_with("a/snapshots/") || key.starts_with("b/snapshots/"), "{key}");
    }
}

#[tokio::test]
async fn what_is_damaged_missing_or_of_another_format_is_indexed_from_the_documents() {
    type Harm = fn(&Depot);
    let harms: [(&str, Harm); 4] = [
        ("a file was changed", |depot| depot.spoil()),
        ("a file is gone", |depot| depot.lose()),
        ("another format", |depot| depot.reformat(FORMAT + 1)),
        ("the store is away", |depot| depot.cut_off(true)),
    ];
    for (what, harm) in harms {
        let depot = Depot::new();
        let shop = shop(3);
        depot.write(&process(None), &shop).await;
        harm(&depot);
        let shelf = depot.shelf("worker", 1 << 30);
        let search = process(Some(Arc::clone(&shelf)));
        assert!(best(&search, &shop, "haircut price").await.unwrap().contains("12 EUR"), "{what}");
        assert_eq!(search.built(), 4, "{what}");
        assert_eq!(shelf.bytes(), 0, "{what}");
        assert_eq!(depot.doubted(), usize::from(what.starts_with("a file")), "{what}");
        assert_eq!(shelf.notes().is_empty(), what != "the store is away", "{what}: {:?}", shelf.notes());
    }
}

#[tokio::test]
async fn damage_on_the_local_disk_is_mended_from_the_store() {
    let depot = Depot::new();
    let shop = shop(3);
    depot.write(&process(None), &shop).await;
    assert!(best(&process(Some(depot.shelf("worker", 1 << 30))), &shop, "haircut").await.is_some());
    let id = depot.id(&shop);
    let table = depot.folder("worker").join(id.to_string()).join(TABLE);
    std::fs::write(&table, "[]").unwrap();
    let search = process(Some(depot.shelf("worker", 1 << 30)));
    assert!(best(&search, &shop, "haircut price").await.unwrap().contains("12 EUR"));
    assert_eq!(search.built(), 0);
}

#[tokio::test]
async fn a_better_snapshot_takes_the_place_of_one_that_counts_no_more() {
    let depot = Depot::new();
    let (old, new) = (shop(3), shop(4));
    depot.write(&process(None), &old).await;
    let shelf = depot.shelf("worker", 1 << 30);
    let search = process(Some(Arc::clone(&shelf)));
    assert!(best(&search, &old, "haircut").await.is_some());
    let first = depot.id(&old);
    depot.write(&process(None), &new).await;
    search.refresh().await;
    assert!(!depot.folder("worker").join(first.to_string()).exists(), "its files are off the disk");
    assert!(best(&search, &new, "haircut").await.is_some());
    assert_eq!((search.open_snapshots(), search.built()), (vec![depot.id(&new)], 0));
}

/// One state of a knowledge base: for each of six documents, whether it is there and what it says.
fn state() -> impl Strategy<Value = Vec<Document>> {
    const TEXTS: [&str; 4] = [
        "# Hours\nOpen nine to five.\n# Prices\nA haircut costs 12 EUR.",
        "A haircut costs 14 EUR, a beard 7.",
        "Delivery is free. Delivery takes five days.",
        "# Prices\nDelivery 5 EUR.\n\nNo haircut on Sundays.",
    ];
    proptest::collection::vec(proptest::option::weighted(0.7, 0..TEXTS.len()), 6).prop_map(|picks| {
        let picks = picks.into_iter().enumerate();
        picks.filter_map(|(n, pick)| Some(Document::text(format!("d{n}"), TEXTS[pick?]))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever was snapshot, and however the knowledge base changed since: what is found is what a new index finds.
    #[test]
    fn a_snapshot_and_the_changes_since_leave_what_a_new_index_would(
        first in state(),
        states in proptest::collection::vec(state(), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let depot = Depot::new();
            depot.write(&process(None), &base("t", "b", 1, first)).await;
            let changed = process(Some(depot.shelf("worker", 1 << 30)));
            for (version, documents) in (2..).zip(states) {
                let base = base("t", "b", version, documents);
                for question in ["haircut price", "delivery five days", "open sundays", "delivry"] {
                    let one = changed.explore(&corpus(&base), question, 50).await.unwrap();
                    let other = process(None).explore(&corpus(&base), question, 50).await.unwrap();
                    prop_assert_eq!(one.candidates(), other.candidates(), "{}", question);
                }
            }
            Ok(())
        })?;
    }
}

/// What the same documents become. Where this changes, snapshots of before would be read as if nothing had: [`FORMAT`] has to
/// count up, then the number here is the new one.
#[tokio::test]
async fn the_format_counts_up_when_the_same_documents_become_something_else() {
    let texts = [
        "# Hours\nWe are open from nine to five.\n\n## Prices\nHaircuts cost 12 EUR, running shoes 70.",
        "Wir haben von Montag bis Freitag geöffnet und die Preise sind günstig.",
        "Мы доставляем заказы по всей стране за три дня.",
        "我们的营业时间是九点到五点",
        "ما از شنبه تا چهارشنبه باز هستیم",
        "نحن نفتح من الأحد إلى الخميس ونغلق في العطل",
        "使用iPhone12手机时，배송비는 3000원, ราคา500บาท, Windowsのインストール。",
    ];
    let long = "The short sentence stands here and says little. ".repeat(60);
    let documents = texts.iter().copied().chain([long.as_str()]).enumerate();
    let documents = documents.map(|(n, text)| Document::text(format!("d{n}"), text)).collect();
    let folder = tempfile::tempdir().unwrap();
    let written = process(None).write_snapshot(&base("t", "b", 1, documents), folder.path()).await.unwrap();
    let hash = |name: &str| {
        let part = written.manifest.parts.iter().find(|part| part.name.ends_with(name)).unwrap();
        part.hash[..16].to_owned()
    };
    let seen = [hash("table.json"), hash(".term"), hash(".idx")];
    assert_eq!(
        (FORMAT, seen.each_ref().map(String::as_str)),
        (2, ["f5d324f936ca5ed7", "28100c8adc2ef966", "bdfd81f6d4b2bd10"])
    );
}
