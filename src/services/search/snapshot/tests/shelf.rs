//! What the local disk holds: bounded in bytes, never taken from under a reader, fetched once.

use super::*;

fn room(n: usize) -> Arc<KnowledgeBase> {
    base(
        "t",
        &format!("room{n}"),
        1,
        vec![Document::text("d", format!("The key of room {n} hangs at the desk."))],
    )
}

async fn filled(count: usize) -> (Depot, u64) {
    let depot = Depot::new();
    for n in 0..count {
        depot.write(&process(None), &room(n)).await;
    }
    // Snapshots of the same size but for a digit; this is how much one takes.
    let shelf = depot.shelf("measure", 1 << 30);
    let search = process(Some(Arc::clone(&shelf)));
    assert!(best(&search, &room(0), "key room").await.is_some());
    (depot, shelf.bytes())
}

#[tokio::test]
async fn the_longest_unused_makes_room_and_what_is_in_use_stays() {
    let (depot, one) = filled(4).await;
    let shelf = depot.shelf("worker", one * 5 / 2);
    let key = |n: usize| room(n);
    let first = shelf.open(&"t".into(), &key(0).base).await.unwrap();
    let second = shelf.open(&"t".into(), &key(1).base).await.unwrap();
    let there = |n: usize| depot.folder("worker").join(depot.id(&key(n)).to_string()).is_dir();
    assert!(there(0) && there(1));
    // Both are in use: there is no room, and nobody's files go.
    assert!(shelf.open(&"t".into(), &key(2).base).await.is_none());
    assert!(there(0) && there(1) && !there(2) && shelf.bytes() <= one * 5 / 2);
    // The one that was used last is the one that is free: it goes all the same.
    drop(second);
    assert!(shelf.open(&"t".into(), &key(2).base).await.is_some());
    assert!(there(0) && !there(1) && there(2));
    drop(first);
    // Now both are free, and the older use goes first.
    assert!(shelf.open(&"t".into(), &key(3).base).await.is_some());
    assert!(!there(0) && there(2) && there(3) && shelf.bytes() <= one * 5 / 2);
}

#[tokio::test]
async fn without_room_on_the_disk_a_process_indexes() {
    let (depot, one) = filled(1).await;
    let search = process(Some(depot.shelf("worker", one - 1)));
    assert!(best(&search, &room(0), "key room").await.is_some());
    assert_eq!(search.built(), 1);
}

#[tokio::test]
async fn many_that_ask_at_once_fetch_once() {
    let (depot, _) = filled(1).await;
    let before = depot.fetched();
    let search = Arc::new(process(Some(depot.shelf("worker", 1 << 30))));
    let asking = (0..16).map(|_| {
        let search = Arc::clone(&search);
        tokio::spawn(async move { best(&search, &room(0), "key room").await })
    });
    for found in futures_util::future::join_all(asking).await {
        assert!(found.unwrap().is_some());
    }
    assert_eq!(depot.fetched() - before, depot.parts(&room(0)));
    assert_eq!(search.built(), 0);
}

#[tokio::test]
async fn what_was_begun_for_one_who_gave_up_is_there_for_the_next() {
    let (depot, _) = filled(1).await;
    let (before, shelf) = (depot.fetched(), depot.shelf("worker", 1 << 30));
    let held = depot.hold().await;
    let asking = Arc::clone(&shelf);
    let asked = tokio::spawn(async move { asking.open(&"t".into(), &room(0).base).await.is_some() });
    while depot.fetched() == before {
        tokio::task::yield_now().await;
    }
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    drop(held);
    assert!(shelf.open(&"t".into(), &room(0).base).await.is_some());
    assert_eq!(depot.fetched() - before, depot.parts(&room(0)));
}

#[tokio::test]
async fn what_never_fits_takes_no_other_off_the_disk() {
    let (depot, one) = filled(1).await;
    let long = "The key of the large room hangs at the desk. ".repeat(2_000);
    let large = base("t", "large", 1, vec![Document::text("d", long)]);
    depot.write(&process(None), &large).await;
    let shelf = depot.shelf("worker", one * 3 / 2);
    assert!(shelf.open(&"t".into(), &room(0).base).await.is_some());
    assert!(shelf.open(&"t".into(), &large.base).await.is_none());
    assert_eq!(shelf.bytes(), one);
}

#[tokio::test]
async fn a_local_disk_that_fails_says_nothing_of_the_store() {
    let (depot, one) = filled(1).await;
    let there = depot.shelf("worker", 1 << 30);
    assert!(there.open(&"t".into(), &room(0).base).await.is_some());
    // What is there and can't be read.
    let file = depot.folder("worker").join(depot.id(&room(0)).to_string()).join(TABLE);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (fetched, shelf) = (depot.fetched(), depot.shelf("worker", one * 2));
    assert!(shelf.open(&"t".into(), &room(0).base).await.is_none());
    assert!(shelf.notes()[0].contains("the local disk"), "{:?}", shelf.notes());
    assert_eq!((depot.fetched(), depot.doubted()), (fetched, 0));
}

#[tokio::test]
async fn an_index_that_can_not_be_mapped_stays_on_the_disk() {
    let (depot, one) = filled(1).await;
    let there = depot.shelf("worker", 1 << 30);
    assert!(there.open(&"t".into(), &room(0).base).await.is_some());
    let folder = depot.folder("worker").join(depot.id(&room(0)).to_string());
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let file = entries.filter(|path| path.extension().is_some_and(|e| e == "term")).last().unwrap();
    std::fs::remove_file(&file).unwrap();
    // It opens, and can't be mapped.
    std::fs::create_dir(&file).unwrap();
    let opened = Opened::open(depot.id(&room(0)), &folder);
    assert!(matches!(opened, Err(SnapshotError::Reach(_))), "{opened:?}");
    let shelf = depot.shelf("worker", one * 2);
    assert!(shelf.open(&"t".into(), &room(0).base).await.is_none());
    assert!(folder.join(TABLE).is_file(), "what is whole is not deleted");
    assert_eq!(depot.doubted(), 0);
}

#[tokio::test]
async fn a_store_that_is_away_is_named_until_it_is_back() {
    let (depot, _) = filled(1).await;
    let shelf = depot.shelf("worker", 1 << 30);
    let search = process(Some(Arc::clone(&shelf)));
    depot.cut_off(true);
    search.refresh().await;
    let notes = shelf.notes();
    assert!(notes.len() == 1 && notes[0].starts_with("snapshots: out of reach"), "{notes:?}");
    depot.cut_off(false);
    search.refresh().await;
    assert_eq!(shelf.notes(), Vec::<String>::new());
}

#[test]
fn a_manifest_can_name_no_other_place() {
    let named = |name: &str| Manifest {
        format: FORMAT,
        model: String::new(),
        parts: vec![Part { name: name.to_owned(), bytes: 1, hash: String::new() }],
    };
    for name in ["meta.json", "0123abcd.term"] {
        assert!(named(name).is_plain(), "{name}");
    }
    for name in ["", "..", "../x", "a/b", "a\\b", ".hidden", "ä", &"x".repeat(81)] {
        assert!(!named(name).is_plain(), "{name}");
    }
}
