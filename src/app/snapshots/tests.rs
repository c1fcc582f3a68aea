//! The whole way: documents in the database, a process that writes snapshots, one that has never seen them and answers.

mod meaning;

use super::*;
use crate::domain::bot::Document;
use crate::domain::time::ManualClock;
use crate::domain::units::Span;
use crate::services::search::snapshot::Shelf;
use crate::services::search::{Search as _, SearchConfig};
use crate::store::{CachedDirectory, Reading, StoreConfig, Submission};

/// Database, object store and clock that several processes share.
struct Bench {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    objects: Objects,
    clock: ManualClock,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let config = StoreConfig::default();
        let store = Store::open_migrated(&config, folder.path(), Arc::new(clock.clone())).await.unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).unwrap();
        Self { folder, store, objects, clock }
    }

    async fn base(&self, tenant: &str, base: &str) -> (TenantId, BaseId) {
        let tenant = TenantId::from(tenant);
        drop(self.store.tenant_create(&tenant, "").await);
        self.store.base_create(&tenant, &base.into(), "").await.unwrap();
        (tenant, base.into())
    }

    /// A document as it is after everything went well.
    async fn put(&self, (tenant, base): &(TenantId, BaseId), name: &str, text: &str) {
        let submission =
            Submission { name: name.into(), hash: text.into(), kind: "md".into(), ..Submission::default() };
        let done = self.store.base_submit(tenant, base, &submission).await.unwrap();
        let document = Box::new(Document::text(name, text));
        let reading = Reading::Read { document, pages: 0, passages: 1, language: "en".into() };
        assert!(self.store.base_read(tenant, base, (name, done.submission), &reading).await.unwrap());
    }

    fn search(&self, disk: &str) -> Arc<TextSearch> {
        let source = FromStore { store: Arc::clone(&self.store), objects: self.objects.clone() };
        let shelf = Shelf::new(self.folder.path().join(disk), 1 << 30, Arc::new(source));
        let search = TextSearch::new(SearchConfig::default(), None).unwrap();
        Arc::new(search.with_snapshots(Arc::new(shelf)))
    }

    /// A process of the index stage that owns every partition, or none.
    fn scribe(&self, owns: bool) -> Scribe {
        let owned = Owned::default();
        if owns {
            (0..4).for_each(|partition| std::mem::forget(owned.hold(partition)));
        }
        Scribe {
            store: Arc::clone(&self.store),
            directory: Arc::new(CachedDirectory::new(Arc::clone(&self.store))),
            objects: self.objects.clone(),
            search: self.search("scribe"),
            clock: Arc::new(self.clock.clone()),
            config: ShelfConfig { least_passages: 1, quiet: Span::secs(10), ..ShelfConfig::default() },
            folder: self.folder.path().join("scribe"),
            owned,
            shards: 4,
            waiting: Waiting::default(),
        }
    }

    async fn ask(
        &self,
        search: &TextSearch,
        (tenant, base): &(TenantId, BaseId),
        question: &str,
    ) -> Option<String> {
        // As the directory would give it right after a change was told.
        let base = self.store.base(tenant, base).await.unwrap()?;
        let found = search.ground(&[Corpus::Base(Arc::new(base))], question, 3).await.unwrap();
        found.passages.first().map(|passage| passage.text.clone())
    }

    async fn counting(&self, (tenant, base): &(TenantId, BaseId)) -> Option<BaseSnapshot> {
        self.store.base_snapshot(tenant, base).await.unwrap()
    }

    /// Files of snapshots in the object store.
    fn files(&self, tenant: &str) -> usize {
        let folder = self.folder.path().join("objects").join(tenant).join("snapshots");
        let snapshots = std::fs::read_dir(folder).into_iter().flatten().flatten();
        snapshots.map(|one| std::fs::read_dir(one.path()).into_iter().flatten().count()).sum()
    }

    async fn clean(&self) {
        clean(&self.store, &self.objects, &self.clock).await.unwrap();
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn what_one_process_writes_another_answers_from() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "prices.md", "A haircut costs 12 EUR.").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    let scribe = bench.scribe(true);
    scribe.look().await.unwrap();
    assert_eq!(bench.counting(&faq).await, None, "it changed a moment ago");
    bench.later(11);
    bench.scribe(false).look().await.unwrap();
    assert_eq!(bench.counting(&faq).await, None, "another process owns it");
    scribe.look().await.unwrap();
    let first = bench.counting(&faq).await.unwrap();
    let worker = bench.search("worker");
    assert!(bench.ask(&worker, &faq, "how much is a haircut").await.unwrap().contains("12 EUR"));
    assert_eq!((worker.built(), worker.open_snapshots().len()), (0, 1));

    // What is removed answers nowhere at once, whatever snapshots hold; the files follow.
    bench.store.base_document_remove(&faq.0, &faq.1, "prices.md").await.unwrap();
    let new = bench.search("new");
    for search in [&worker, &new] {
        assert_eq!(bench.ask(search, &faq, "how much is a haircut").await, None);
        assert!(bench.ask(search, &faq, "when open").await.is_some());
        assert_eq!((search.built(), search.open_snapshots().len()), (0, 1));
    }
    bench.later(11);
    let scribe = bench.scribe(true);
    scribe.look().await.unwrap();
    let second = bench.counting(&faq).await.unwrap();
    assert!(second.version > first.version && second.snapshot != first.snapshot);
    worker.refresh().await;
    assert!(!bench.folder.path().join("worker").join(&first.snapshot).exists());
    let both = bench.files("acme");
    bench.clean().await;
    assert_eq!(bench.files("acme"), both, "somebody may fetch it at this moment");
    bench.later(3601);
    bench.clean().await;
    assert_eq!(bench.files("acme") * 2, both);
    assert!(bench.ask(&bench.search("newer"), &faq, "when open").await.is_some());
}

#[tokio::test]
async fn a_knowledge_base_that_always_changes_is_written_all_the_same() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    for n in 0..70 {
        bench.put(&faq, "news.md", &format!("News number {n}.")).await;
        bench.later(5);
        bench.scribe(true).look().await.unwrap();
    }
    let counting = bench.counting(&faq).await.unwrap();
    assert!(counting.version > 50, "{counting:?}");
}

#[tokio::test]
async fn one_that_cannot_be_deleted_keeps_no_other_from_it() {
    use std::os::unix::ffi::OsStrExt as _;
    let bench = Bench::new().await;
    let (tenant, _) = bench.base("acme", "faq").await;
    let mut ids: Vec<_> = (0..3).map(|_| SnapshotId::random().unwrap()).collect();
    ids.sort_unstable();
    for id in &ids {
        bench.store.base_snapshot_begin(&tenant, &id.to_string()).await.unwrap();
        bench.objects.put_part(&tenant, *id, "meta.json", Bytes::from_static(b"{}")).await.unwrap();
    }
    // A name that the object store can't list.
    let folder = bench.folder.path().join("objects/acme/snapshots");
    let name = folder.join(ids[1].to_string()).join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::write(&name, "").unwrap();
    assert!(bench.objects.delete_snapshot(&tenant, ids[1]).await.is_err());
    bench.later(3601);
    bench.clean().await;
    let left = |n: usize| folder.join(ids[n].to_string()).exists();
    assert_eq!([left(0), left(1), left(2)], [false, true, false]);
    std::fs::remove_file(name).unwrap();
    bench.clean().await;
    assert_eq!(bench.files("acme"), 0);
    let due = bench.store.base_snapshots_take_old(bench.clock.now(), 9).await.unwrap();
    assert_eq!(due, [], "what is deleted is forgotten");
}

#[tokio::test]
async fn a_small_one_is_looked_at_once_and_not_written() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    bench.later(11);
    let mut scribe = bench.scribe(true);
    scribe.config.least_passages = 2;
    assert_eq!(scribe.one(&faq.0, &faq.1).await.unwrap(), Came::Small);
    let due = DueSnapshot { format: FORMAT, model: "", settled: bench.clock.now(), late: bench.clock.now() };
    assert_eq!(bench.store.base_snapshots_due(due, None, 9).await.unwrap(), []);
    assert_eq!(bench.files("acme"), 0);
    let worker = bench.search("worker");
    assert!(bench.ask(&worker, &faq, "when open").await.is_some());
    assert_eq!(worker.built(), 1);
}

#[tokio::test]
async fn a_writer_that_was_thought_dead_changes_nothing() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    // It has read the knowledge base as it was, and sleeps.
    let zombie = bench.scribe(true);
    zombie.directory.base(&faq.0, &faq.1).await.unwrap();
    bench.put(&faq, "hours.md", "Closed for good.").await;
    let owner = bench.scribe(true);
    assert_eq!(owner.one(&faq.0, &faq.1).await.unwrap(), Came::Written);
    let (counting, all) = (bench.counting(&faq).await, bench.files("acme"));
    assert_eq!(zombie.one(&faq.0, &faq.1).await.unwrap(), Came::Outdone);
    assert_eq!(owner.one(&faq.0, &faq.1).await.unwrap(), Came::Outdone, "the same again is no news");
    assert_eq!(bench.files("acme"), all, "what can only lose is not even begun");
    // One that had begun before.
    let id = SnapshotId::random().unwrap();
    bench.store.base_snapshot_begin(&faq.0, &id.to_string()).await.unwrap();
    bench.objects.put_part(&faq.0, id, "meta.json", Bytes::from_static(b"{}")).await.unwrap();
    let present = counting.clone().unwrap();
    let old = BaseSnapshot { snapshot: id.to_string(), version: present.version - 1, ..present };
    assert!(!bench.store.base_snapshot_publish(&faq.0, &faq.1, &old).await.unwrap());
    assert_eq!(bench.counting(&faq).await, counting);
    // What it left goes; what counts stays.
    bench.later(3601);
    bench.clean().await;
    assert_eq!(bench.files("acme"), all);
    assert_eq!(bench.ask(&bench.search("worker"), &faq, "closed").await.as_deref(), Some("Closed for good."));
}

#[tokio::test]
async fn what_is_written_is_what_the_database_has_whatever_is_remembered() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    let scribe = bench.scribe(true);
    let remembered = scribe.directory.base(&faq.0, &faq.1).await.unwrap().unwrap();
    bench.put(&faq, "hours.md", "Closed for good.").await;
    assert_eq!(scribe.one(&faq.0, &faq.1).await.unwrap(), Came::Written);
    assert!(bench.counting(&faq).await.unwrap().version > remembered.version);
    assert_eq!(bench.ask(&bench.search("worker"), &faq, "closed").await.as_deref(), Some("Closed for good."));
    bench.store.base_remove(&faq.0, &faq.1).await.unwrap();
    assert_eq!(scribe.one(&faq.0, &faq.1).await.unwrap(), Came::Outdone);
}

#[tokio::test]
async fn files_of_a_writer_that_died_are_never_seen_and_go() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    let id = SnapshotId::random().unwrap();
    bench.store.base_snapshot_begin(&faq.0, &id.to_string()).await.unwrap();
    bench.objects.put_part(&faq.0, id, "meta.json", Bytes::from_static(b"{}")).await.unwrap();
    let worker = bench.search("worker");
    assert!(bench.ask(&worker, &faq, "when open").await.is_some());
    assert_eq!((worker.open_snapshots().len(), bench.files("acme")), (0, 1));
    bench.later(3601);
    bench.clean().await;
    assert_eq!(bench.files("acme"), 0);
    // Should it live after all, its files are gone, so it may not count.
    let late = BaseSnapshot {
        snapshot: id.to_string(),
        version: 99,
        format: FORMAT,
        model: String::new(),
        manifest: String::new(),
        doubted: false,
    };
    assert!(!bench.store.base_snapshot_publish(&faq.0, &faq.1, &late).await.unwrap());
    assert_eq!(bench.counting(&faq).await, None);
}

#[tokio::test]
async fn what_is_removed_takes_its_snapshots_along() {
    let bench = Bench::new().await;
    let (faq, other) = (bench.base("acme", "faq").await, bench.base("other", "faq").await);
    for base in [&faq, &other] {
        bench.put(base, "hours.md", &format!("{} opens at nine.", base.0)).await;
    }
    bench.later(11);
    let scribe = bench.scribe(true);
    scribe.look().await.unwrap();
    let worker = bench.search("worker");
    assert_eq!(bench.ask(&worker, &faq, "opens nine").await.as_deref(), Some("acme opens at nine."));
    assert_eq!(bench.ask(&worker, &other, "opens nine").await.as_deref(), Some("other opens at nine."));
    assert_eq!(worker.built(), 0);

    let refused = bench.store.tenant_remove(&faq.0).await.unwrap_err().to_string();
    assert!(refused.contains("still has knowledge bases"), "{refused}");
    bench.store.base_remove(&faq.0, &faq.1).await.unwrap();
    assert_eq!(bench.counting(&faq).await, None);
    bench.store.tenant_remove(&faq.0).await.unwrap();
    worker.refresh().await;
    let lying = std::fs::read_dir(bench.folder.path().join("worker")).unwrap().count();
    assert_eq!(lying, 1, "the other tenant's alone");
    bench.later(3601);
    bench.clean().await;
    assert_eq!(bench.files("acme"), 0);
    assert!(bench.files("other") > 0);

    // A later tenant of the same name finds nothing of it.
    let again = bench.base("acme", "faq").await;
    bench.put(&again, "d", "We never open.").await;
    assert_eq!(bench.ask(&worker, &again, "opens nine").await.as_deref(), Some("We never open."));
}

#[tokio::test]
async fn what_a_process_found_damaged_is_written_anew_unless_it_is_sound() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    bench.later(11);
    let scribe = bench.scribe(true);
    scribe.look().await.unwrap();
    let first = bench.counting(&faq).await.unwrap();

    // A process with another object store finds nothing there: that is no fault of the snapshot.
    let elsewhere = Objects::folder(&bench.folder.path().join("elsewhere")).unwrap();
    let source = FromStore { store: Arc::clone(&bench.store), objects: elsewhere };
    let shelf = Shelf::new(bench.folder.path().join("stray"), 1 << 30, Arc::new(source));
    let stray = TextSearch::new(SearchConfig::default(), None).unwrap().with_snapshots(Arc::new(shelf));
    assert!(bench.ask(&stray, &faq, "when open").await.is_some());
    assert!(bench.counting(&faq).await.unwrap().doubted);
    scribe.look().await.unwrap();
    assert_eq!(bench.counting(&faq).await.as_ref(), Some(&first));

    let files = bench.folder.path().join("objects/acme/snapshots").join(&first.snapshot);
    std::fs::write(files.join("meta.json"), "{}").unwrap();
    assert!(bench.ask(&bench.search("one"), &faq, "when open").await.is_some());
    scribe.look().await.unwrap();
    let second = bench.counting(&faq).await.unwrap();
    assert!(second.snapshot != first.snapshot && !second.doubted && second.version == first.version);
    let worker = bench.search("two");
    assert!(bench.ask(&worker, &faq, "when open").await.is_some());
    assert_eq!(worker.built(), 0);
}
