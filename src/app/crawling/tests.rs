//! A page and a site on this machine become documents, change, and go.

use std::sync::Arc;

use super::*;
use crate::domain::ids::{BaseId, TenantId};
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::http::testing::{Canned, TestServer};
use crate::services::http::{Http, NetConfig};
use crate::store::StoreConfig;

struct Bench {
    store: Arc<Store>,
    objects: Objects,
    crawler: Crawler,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new(allow_private: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let store = Store::open_migrated(&StoreConfig::default(), folder.path(), Arc::new(clock.clone()))
            .await
            .unwrap();
        store.tenant_create(&tenant(), "").await.unwrap();
        store.base_create(&tenant(), &faq(), "").await.unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).unwrap();
        let http = Http::new(NetConfig { allow_private, ..NetConfig::default() }).unwrap();
        Self { store, objects, crawler: Crawler::hurried(http), clock, _folder: folder }
    }

    async fn due(&self, address: &str, site: bool) {
        self.store.base_source_put(&tenant(), &faq(), (address, site, 60_000)).await.unwrap();
    }

    /// Reads what is due; gives the source as it then stands, and the documents' names with their submissions.
    async fn read(&self) -> (BaseSource, Vec<(String, i64)>) {
        let stop = CancellationToken::new();
        assert!(next(&self.store, &self.objects, &self.crawler, &stop).await.unwrap());
        self.clock.advance(Duration::from_secs(61));
        let source = self.store.base_sources(&tenant(), &faq()).await.unwrap().remove(0);
        let documents = self.store.base_documents(&tenant(), &faq()).await.unwrap();
        (source, documents.into_iter().map(|d| (d.name, d.submission)).collect())
    }
}

fn tenant() -> TenantId {
    "acme".into()
}

fn faq() -> BaseId {
    "faq".into()
}

fn html(body: &str) -> Canned {
    Canned::with(200, &[("content-type", "text/html"), ("etag", "\"v\"")], body)
}

fn none() -> Canned {
    Canned::with(404, &[], "")
}

#[tokio::test]
async fn a_page_is_submitted_when_it_changes_and_removed_when_it_is_gone() {
    let bench = Bench::new(true).await;
    let same = Canned::with(304, &[], "");
    let gone = Canned::with(410, &[], "");
    let broken = Canned::with(503, &[], "");
    let script = vec![none(), html("one"), none(), same, none(), html("two"), none(), broken, none(), gone];
    let server = TestServer::start(script).await;
    let page = server.url("/prices");
    bench.due(&page, false).await;
    let (source, documents) = bench.read().await;
    assert_eq!((source.reason.as_str(), source.pages, documents.len()), ("", 1, 1));
    let first = documents[0].clone();
    assert_eq!(first.0, page);
    let kind = bench.store.base_document(&tenant(), &faq(), &page).await.unwrap().kind;
    assert_eq!(kind, "text/html");
    assert_eq!(bench.read().await.1[0], first, "304: as before");
    assert!(bench.read().await.1[0].1 > first.1, "changed");
    let (source, documents) = bench.read().await;
    assert!(source.reason.contains("503") && documents.len() == 1, "{source:?}");
    let (source, documents) = bench.read().await;
    assert!(source.reason.is_empty() && documents.is_empty(), "{source:?} {documents:?}");
}

fn sitemap(server: &TestServer, pages: &[&str]) -> String {
    let pages: String =
        pages.iter().map(|page| format!("<url><loc>{}</loc></url>", server.url(page))).collect();
    format!("<urlset>{pages}</urlset>")
}

#[tokio::test]
async fn a_site_that_is_out_of_order_keeps_its_pages_and_one_that_was_removed_stays_away() {
    let bench = Bench::new(true).await;
    let server = TestServer::start(vec![]).await;
    let home = server.url("/");
    let both = sitemap(&server, &["/a", "/b"]);
    bench.due(&home, true).await;
    server.answer(vec![none(), html("home"), Canned::with(200, &[], &both), html("one"), html("two")]);
    assert_eq!(bench.read().await.1.len(), 2);
    for (answer, word) in [(Canned::with(503, &[], ""), "503"), (Canned::with(200, &[], "<html>soon"), "")] {
        let same = || Canned::with(304, &[], "");
        server.answer(vec![none(), html("home"), answer, same()]);
        let (source, documents) = bench.read().await;
        assert!(source.reason.contains(word), "{source:?}");
        assert!(
            [server.url("/a"), server.url("/b")].iter().all(|page| documents.iter().any(|(d, _)| d == page))
        );
    }
    bench.store.base_document_remove(&tenant(), &faq(), &server.url("/b")).await.unwrap();
    server.answer(vec![none(), html("home"), Canned::with(200, &[], &both), Canned::with(304, &[], "")]);
    let (_, documents) = bench.read().await;
    assert!(!documents.iter().any(|(name, _)| *name == server.url("/b")), "{documents:?}");
}

#[tokio::test]
async fn a_page_whose_document_is_gone_is_read_again_and_one_of_no_source_is_not() {
    let bench = Bench::new(true).await;
    let server = TestServer::start(vec![none(), html("one"), none(), html("one")]).await;
    let page = server.url("/prices");
    bench.due(&page, false).await;
    assert_eq!(bench.read().await.1.len(), 1);
    bench.store.base_document_remove(&tenant(), &faq(), &page).await.unwrap();
    bench.due(&page, false).await;
    assert_eq!(bench.read().await.1.len(), 1, "asked for again by name");
    let source = bench.store.base_sources(&tenant(), &faq()).await.unwrap().remove(0);
    bench.store.base_source_remove(&tenant(), &faq(), &page).await.unwrap();
    let late = submit(&bench.store, &bench.objects, &source, &page, Bytes::from_static(b"late"), "text/html");
    assert!(late.await.is_err(), "its source is not read any more");
}

#[tokio::test]
async fn a_reading_that_is_cut_off_begins_again_at_once() {
    let bench = Bench::new(true).await;
    let server = TestServer::start(vec![none(), Canned::Hang]).await;
    let page = server.url("/prices");
    bench.due(&page, false).await;
    let stop = CancellationToken::new();
    let stopping = async {
        while server.seen().len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (went_on, ()) = tokio::join!(next(&bench.store, &bench.objects, &bench.crawler, &stop), stopping);
    assert!(went_on.unwrap());
    server.answer(vec![none(), html("one")]);
    let (source, documents) = bench.read().await;
    assert_eq!((source.reason.as_str(), documents.len()), ("", 1), "no moment had to pass");
}

#[tokio::test]
async fn a_private_address_is_refused_and_says_so() {
    let bench = Bench::new(false).await;
    bench.due("http://169.254.169.254/latest/meta-data", false).await;
    let (source, documents) = bench.read().await;
    assert!(source.reason.contains("not a public address"), "{source:?}");
    assert!(documents.is_empty());
}
