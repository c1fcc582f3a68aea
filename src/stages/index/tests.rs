//! index on a SQLite file, a folder of objects and readers in this process.

use bytes::Bytes;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BaseId, EventId, TenantId};
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::parse::fake::InProcess;
use crate::store::{StoreConfig, Submission};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Bench {
    stage: Index,
    tenant: TenantId,
    base: BaseId,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = Store::open_migrated(&StoreConfig::default(), folder.path(), clock).await.unwrap();
        let (tenant, base) = (TenantId::from("acme"), BaseId::from("faq"));
        store.tenant_create(&tenant, "").await.unwrap();
        store.base_create(&tenant, &base, "").await.unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).unwrap();
        let deps = IndexDeps { store, objects, parse: Arc::new(InProcess), shards: 8, most_passages: 3 };
        Self { stage: Index::new(deps), tenant, base, _folder: folder }
    }

    /// Submits a file, as an upload does; gives the event.
    async fn submit(&self, name: &str, file: &[u8]) -> Envelope<DocumentSubmitted> {
        let deps = &self.stage.deps;
        let hash = deps.objects.put(&self.tenant, Bytes::copy_from_slice(file)).await.unwrap().to_string();
        let kind = name.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = Submission {
            name: name.into(),
            hash: hash.clone(),
            kind,
            bytes: file.len() as u64,
            ..Submission::default()
        };
        let submission = deps.store.base_submit(&self.tenant, &self.base, &wanted).await.unwrap().submission;
        let data = DocumentSubmitted { base: self.base.clone(), name: name.into(), hash, submission };
        let id = EventId::root(ChannelKind::Webchat, name, &submission.to_string());
        let mut event = Envelope::root(id, format!("acme/faq/{name}"), NOW, NOW, data);
        event.tenant = self.tenant.clone();
        event
    }

    async fn handle(&self, input: &Envelope<DocumentSubmitted>) -> Result<DocumentChanged, &'static str> {
        let cx = Cx {
            clock: Arc::new(ManualClock::at(NOW)),
            until: Instant::now() + Duration::from_secs(60),
            attempt: 1,
            waits: false,
            once: false,
            late: false,
            cancel: CancellationToken::new(),
        };
        match self.stage.handle(&cx, input).await.unwrap() {
            Outcome::EmitAll(mut events) => {
                let home = partition_of(b"acme/faq", 8);
                assert!(events.iter().all(|IndexOut::Changed(_, partition)| *partition == home));
                let Some(IndexOut::Changed(last, _)) = events.pop() else { return Err("nothing") };
                let said: Vec<_> =
                    events.iter().map(|IndexOut::Changed(event, _)| (event.data.status, event.id)).collect();
                if last.data.status == DocumentStatus::Searchable {
                    assert!(matches!(said[..], [(DocumentStatus::Parsed, id)] if id != last.id), "{said:?}");
                } else {
                    assert!(said.is_empty(), "{said:?}");
                }
                Ok(last.data)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn texts(&self) -> Vec<String> {
        let base = self.stage.deps.store.base(&self.tenant, &self.base).await.unwrap().unwrap();
        base.documents.into_iter().map(|document| document.text.to_string()).collect()
    }
}

#[tokio::test]
async fn a_file_becomes_searchable_once() {
    let bench = Bench::new().await;
    let event = bench.submit("prices.md", b"# Prices\nA shoe is 12 EUR.").await;
    let changed = bench.handle(&event).await.unwrap();
    assert_eq!((changed.status, changed.passages, changed.reason), (DocumentStatus::Searchable, 1, None));
    assert_eq!(bench.texts().await, ["# Prices\nA shoe is 12 EUR."]);
    let version = bench.stage.deps.store.base_info(&bench.tenant, &bench.base).await.unwrap().version;
    let again = bench.handle(&event).await.unwrap();
    assert_eq!(again.status, DocumentStatus::Searchable);
    let after = bench.stage.deps.store.base_info(&bench.tenant, &bench.base).await.unwrap().version;
    assert_eq!(version, after, "a repeat changes nothing");
}

#[tokio::test]
async fn what_was_parsed_and_no_more_is_read_again() {
    let bench = Bench::new().await;
    let event = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    let store = &bench.stage.deps.store;
    let listed = async || store.base_document(&bench.tenant, &bench.base, "prices.md").await.unwrap();
    // The process ends between the two.
    let reading = bench.stage.read(&event, &listed().await).await.unwrap();
    assert!(matches!(reading, Reading::Read { .. }));
    assert_eq!(listed().await.status, DocumentStatus::Parsed);
    assert!(!DocumentStatus::Parsed.is_settled() && bench.texts().await.is_empty());
    assert_eq!(store.base_overdue(Timestamp::from_millis(i64::MAX)).await.unwrap(), None, "never announced");
    let changed = bench.handle(&event).await.unwrap();
    assert_eq!(changed.status, DocumentStatus::Searchable);
}

#[tokio::test]
async fn the_old_text_answers_until_the_new_one_is_read_and_after_a_failure() {
    let bench = Bench::new().await;
    let old = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    bench.handle(&old).await.unwrap();
    let bad = bench.submit("prices.md", b"\x89PNG picture").await;
    assert_eq!(bench.texts().await, ["A shoe is 12 EUR."]);
    assert_eq!(bench.handle(&old).await, Err("nothing"));
    let failed = bench.handle(&bad).await.unwrap();
    assert_eq!(failed.status, DocumentStatus::Failed);
    assert!(failed.reason.unwrap().contains("picture"));
    assert_eq!(bench.texts().await, ["A shoe is 12 EUR."]);
    let new = bench.submit("prices.md", b"A shoe is 13 EUR.").await;
    bench.handle(&new).await.unwrap();
    assert_eq!(bench.texts().await, ["A shoe is 13 EUR."]);
}

#[tokio::test]
async fn what_was_removed_meanwhile_stays_removed() {
    let bench = Bench::new().await;
    let event = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    bench.stage.deps.store.base_document_remove(&bench.tenant, &bench.base, "prices.md").await.unwrap();
    assert_eq!(bench.handle(&event).await, Err("nothing"));
    assert!(bench.texts().await.is_empty());
}

/// A file that is still being read when its document is removed and another comes under its name.
#[tokio::test]
async fn a_removed_file_is_never_taken_for_the_one_that_came_after_it() {
    let bench = Bench::new().await;
    let store = Arc::clone(&bench.stage.deps.store);
    let wrong = bench.submit("prices.md", b"A shoe is 99 EUR.").await;
    store.base_document_remove(&bench.tenant, &bench.base, "prices.md").await.unwrap();
    let right = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    assert_eq!(bench.handle(&wrong).await, Err("nothing"));
    let reading = Reading::Failed("late".into());
    let late = ("prices.md", wrong.data.submission);
    assert!(!store.base_read(&bench.tenant, &bench.base, late, &reading).await.unwrap());
    assert_eq!(bench.handle(&right).await.unwrap().status, DocumentStatus::Searchable);
    assert_eq!(bench.texts().await, ["A shoe is 12 EUR."]);
}

#[tokio::test]
async fn what_would_not_be_searched_is_refused() {
    let bench = Bench::new().await;
    let event = bench.submit("long.md", b"# A\nOne.\n# B\nTwo.\n# C\nThree.\n# D\nFour.").await;
    let failed = bench.handle(&event).await.unwrap();
    assert_eq!(failed.status, DocumentStatus::Failed);
    assert!(failed.reason.unwrap().contains("4 passages and 3 are searched"));
    for (name, fits) in [("a.md", true), ("b.md", false), ("a.md", true)] {
        let event = bench.submit(name, format!("# A\n{name}.\n# B\nTwo.").as_bytes()).await;
        let status = bench.handle(&event).await.unwrap().status;
        assert_eq!(status == DocumentStatus::Searchable, fits, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_said_to_be() {
    let bench = Bench::new().await;
    let event = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    let hash = event.data.hash.parse().unwrap();
    bench.stage.deps.objects.delete(&bench.tenant, hash).await.unwrap();
    let failed = bench.handle(&event).await.unwrap();
    assert_eq!(failed.status, DocumentStatus::Failed);
    assert!(failed.reason.unwrap().contains("no stored file"));
}

#[tokio::test]
async fn what_was_given_up_is_read_when_it_is_driven_again() {
    let bench = Bench::new().await;
    let event = bench.submit("prices.md", b"A shoe is 12 EUR.").await;
    let (store, place) = (&bench.stage.deps.store, ("prices.md", event.data.submission));
    assert!(store.base_given_up(&bench.tenant, &bench.base, place, "exhausted").await.unwrap());
    assert!(!store.base_given_up(&bench.tenant, &bench.base, place, "exhausted").await.unwrap(), "once");
    let listed = store.base_document(&bench.tenant, &bench.base, "prices.md").await.unwrap();
    assert_eq!((listed.status, listed.reason.as_str()), (DocumentStatus::Failed, "given up: exhausted"));
    assert_eq!(bench.handle(&event).await.unwrap().status, DocumentStatus::Searchable);
    assert_eq!(bench.texts().await, ["A shoe is 12 EUR."]);
    assert!(!store.base_given_up(&bench.tenant, &bench.base, place, "late").await.unwrap(), "it was read");
    let bad = bench.submit("prices.md", b"\x89PNG picture").await;
    bench.handle(&bad).await.unwrap();
    let failed = store.base_document(&bench.tenant, &bench.base, "prices.md").await.unwrap();
    assert_eq!(bench.handle(&bad).await.unwrap().reason, Some(failed.reason), "its own failure stays");
}
