//! Dead letters on an embedded log, documents in a SQLite file.

use super::*;
use crate::domain::channel::ChannelKind;
use crate::domain::failure::{Class, Origin};
use crate::domain::ids::{BaseId, EventId, TenantId};
use crate::domain::time::ManualClock;
use crate::domain::topics::{Counts, DOCUMENT_SUBMITTED, TopicSpec, catalog};
use crate::log::embedded::{EmbeddedConfig, EmbeddedLog};
use crate::log::{Record, TopicPartition};
use crate::pipeline::dead::{Cause, letter};
use crate::store::{GIVEN_UP, StoreConfig, Submission};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

struct Rig {
    watch: Watch,
    clock: ManualClock,
    tenant: TenantId,
    base: BaseId,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        Self::with(&catalog(Counts::EMBEDDED)).await
    }

    /// On a log with these topics.
    async fn with(topics: &[TopicSpec]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let config = EmbeddedConfig { folder: folder.path().join("log"), ..EmbeddedConfig::default() };
        let log = EmbeddedLog::open(config, Arc::new(clock.clone())).unwrap();
        log.ensure_topics(topics).await.unwrap();
        let store = Store::open_migrated(&StoreConfig::default(), folder.path(), Arc::new(clock.clone()))
            .await
            .unwrap();
        let (tenant, base) = (TenantId::from("acme"), BaseId::from("faq"));
        store.tenant_create(&tenant, "").await.unwrap();
        store.base_create(&tenant, &base, "").await.unwrap();
        let watch = Watch { store, log, clock: Arc::new(clock.clone()), shards: 8, page: 2 };
        Self { watch, clock, tenant, base, _folder: folder }
    }

    /// Submits a file and announces it; gives the record that the stage would read.
    async fn submit(&self, name: &str) -> Record {
        let store = &self.watch.store;
        let wanted =
            Submission { name: name.into(), hash: "ab".into(), kind: "md".into(), ..Submission::default() };
        let submission = store.base_submit(&self.tenant, &self.base, &wanted).await.unwrap().submission;
        let waiting = store.base_waiting(9).await.unwrap();
        store.base_announced(&waiting).await.unwrap();
        let data =
            DocumentSubmitted { base: self.base.clone(), name: name.into(), hash: "ab".into(), submission };
        let id = EventId::root(ChannelKind::Webchat, name, &submission.to_string());
        let mut event = Envelope::root(id, format!("acme/faq/{name}"), NOW, NOW, data);
        event.tenant = self.tenant.clone();
        let key = event.subject.as_str().to_owned().into();
        Record { offset: 0, at: NOW, key, value: event.encode(), headers: Vec::new() }
    }

    async fn die(&self, stage: StageName, record: &Record) {
        let cause = Cause {
            reason: "exhausted",
            error: "the object store failed".into(),
            class: Class::TRANSIENT,
            origin: Origin::Platform,
            attempts: 5,
        };
        let from = TopicPartition::new(DOCUMENT_SUBMITTED, 0);
        self.watch.log.append(&[letter(stage, &from, record, &cause, NOW)]).await.unwrap();
    }

    async fn status(&self, name: &str) -> (DocumentStatus, String) {
        let found = self.watch.store.base_document(&self.tenant, &self.base, name).await.unwrap();
        (found.status, found.reason)
    }

    async fn events(&self) -> usize {
        let mut count = 0;
        for partition in 0..8 {
            let topic = TopicPartition::new(DocumentChanged::TYPE, partition);
            let range = self.watch.log.range(&topic).await.unwrap();
            count += usize::try_from(range.end - range.start).unwrap();
        }
        count
    }
}

#[tokio::test]
async fn a_submission_that_became_a_dead_letter_has_failed_and_says_why() {
    let rig = Rig::new().await;
    let (dead, waits, replaced) =
        (rig.submit("dead.md").await, rig.submit("waits.md").await, rig.submit("new.md").await);
    rig.die(StageName::Index, &dead).await;
    rig.die(StageName::Media, &waits).await;
    rig.die(StageName::Index, &replaced).await;
    let other =
        Submission { name: "new.md".into(), hash: "cd".into(), kind: "md".into(), ..Submission::default() };
    rig.watch.store.base_submit(&rig.tenant, &rig.base, &other).await.unwrap();
    let begin = Timestamp::from_millis(0);
    assert_eq!(rig.watch.look(begin).await.unwrap(), begin, "nothing is overdue yet, nothing is read");
    assert_eq!(rig.status("dead.md").await.0, DocumentStatus::Submitted);
    rig.clock.advance(OVERDUE + Duration::from_secs(1));
    let seen = rig.watch.look(begin).await.unwrap();
    let (status, reason) = rig.status("dead.md").await;
    assert_eq!(status, DocumentStatus::Failed);
    assert_eq!(reason, format!("{GIVEN_UP}exhausted: the object store failed"));
    assert_eq!(rig.status("waits.md").await.0, DocumentStatus::Submitted, "another stage's letter");
    assert_eq!(rig.status("new.md").await.0, DocumentStatus::Submitted, "an older file's letter");
    assert_eq!(rig.events().await, 1);
    rig.watch.look(begin).await.unwrap();
    assert_eq!(rig.events().await, 1, "once");
    assert!(seen > begin);
}

#[tokio::test]
async fn what_dies_after_a_look_is_found_by_the_next() {
    let rig = Rig::new().await;
    let dead = rig.submit("dead.md").await;
    rig.clock.advance(OVERDUE + Duration::from_secs(1));
    let seen = rig.watch.look(Timestamp::from_millis(0)).await.unwrap();
    assert_eq!(rig.status("dead.md").await.0, DocumentStatus::Submitted);
    rig.die(StageName::Index, &dead).await;
    rig.watch.look(seen).await.unwrap();
    assert_eq!(rig.status("dead.md").await.0, DocumentStatus::Failed);
}

#[tokio::test]
async fn one_look_finds_them_all_however_many_there_are() {
    let rig = Rig::new().await;
    for n in 0..7 {
        let dead = rig.submit(&format!("{n}.md")).await;
        rig.die(StageName::Index, &dead).await;
        rig.die(StageName::Index, &dead).await;
    }
    rig.clock.advance(OVERDUE + Duration::from_secs(1));
    rig.watch.look(Timestamp::from_millis(0)).await.unwrap();
    for n in 0..7 {
        assert_eq!(rig.status(&format!("{n}.md")).await.0, DocumentStatus::Failed, "{n}");
    }
    assert_eq!(rig.events().await, 7);
}

#[tokio::test]
async fn the_news_are_not_lost_with_a_log_that_fails() {
    let all = catalog(Counts::EMBEDDED);
    let without: Vec<_> =
        all.iter().filter(|topic| topic.name.as_str() != DocumentChanged::TYPE).cloned().collect();
    let rig = Rig::with(&without).await;
    let dead = rig.submit("dead.md").await;
    rig.die(StageName::Index, &dead).await;
    rig.clock.advance(OVERDUE + Duration::from_secs(1));
    let begin = Timestamp::from_millis(0);
    assert!(rig.watch.look(begin).await.is_err(), "there is no such topic");
    assert_eq!(rig.status("dead.md").await.0, DocumentStatus::Submitted);
    rig.watch.log.ensure_topics(&all).await.unwrap();
    rig.watch.look(begin).await.unwrap();
    assert_eq!(rig.status("dead.md").await.0, DocumentStatus::Failed);
    assert_eq!(rig.events().await, 1);
}
