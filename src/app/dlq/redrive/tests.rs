//! A redrive that breaks anywhere and is run again writes everything once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;

use super::super::filter::Filter;
use super::super::shelf::{Keep, Shelf};
use super::super::source::{Source, Start};
use super::*;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ReplyReady, Route, Settled};
use crate::domain::failure::{Class, Origin};
use crate::domain::ids::EventId;
use crate::domain::redrive as name;
use crate::domain::stage::StageName;
use crate::domain::time::{ManualClock, Timestamp};
use crate::domain::topics::{Counts, REPLY_READY, TURN_OPENED, TopicSpec, catalog};
use crate::log::embedded::{EmbeddedConfig, EmbeddedLog};
use crate::log::{Committed, Group, Subscription};
use crate::pipeline::dead::{Cause, letter};

pub(in crate::app::dlq) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A log that breaks at one of its appends, before or after the records are there.
#[derive(Debug)]
struct Breaking {
    log: Arc<EmbeddedLog>,
    left: AtomicI64,
    after: bool,
}

#[async_trait]
impl Log for Breaking {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left < 0 || (left == 0 && !self.after) {
            return Err(LogError::Closed("broken".into()));
        }
        let positions = self.log.append(batch).await?;
        if left == 0 { Err(LogError::Closed("broken".into())) } else { Ok(positions) }
    }

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics).await
    }

    async fn check_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.check_topics(topics).await
    }

    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError> {
        self.log.join(group, reads, gather).await
    }

    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError> {
        self.log.reader(prefetch).await
    }

    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        self.log.partitions(topic).await
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        self.log.range(partition).await
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        self.log.offset_at(partition, at).await
    }

    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        self.log.committed(group, topic).await
    }

    fn log_id(&self) -> &str {
        self.log.log_id()
    }

    async fn close(&self) {
        self.log.close().await;
    }
}

pub(in crate::app::dlq) async fn open(folder: &tempfile::TempDir) -> Arc<EmbeddedLog> {
    let config = EmbeddedConfig { folder: folder.path().join("log"), ..EmbeddedConfig::default() };
    let log = EmbeddedLog::open(config, Arc::new(ManualClock::at(NOW))).unwrap();
    log.ensure_topics(&catalog(Counts::EMBEDDED)).await.unwrap();
    log
}

fn reply(n: u32) -> Envelope<ReplyReady> {
    let root = EventId::root(ChannelKind::Telegram, "1", &n.to_string());
    let data = ReplyReady {
        channel: ChannelKind::Telegram,
        account: "1".into(),
        chat: "2".into(),
        thread: None,
        chat_kind: crate::domain::events::ChatKind::default(),
        route: Route::Extractive,
        parts: Vec::new(),
        heard_at: None,
        epoch: None,
        hops: Vec::new(),
    };
    let mut envelope = Envelope::root(root, "telegram/1/2", NOW, NOW, data);
    envelope.id = EventId::reply(root, 0);
    envelope.bot = "shop".into();
    envelope
}

/// A dead letter of dispatch for the n-th reply, or of match for a turn that nobody can read.
pub(in crate::app::dlq) fn dead(n: u32) -> Outgoing {
    let (topic, stage, reason, value) = if n.is_multiple_of(2) {
        (REPLY_READY, StageName::Dispatch, "rejected", reply(n).encode())
    } else {
        (TURN_OPENED, StageName::Match, "bug", Bytes::from(format!("\u{1}poison {n}")))
    };
    let record = Record {
        offset: u64::from(n),
        at: NOW,
        key: Bytes::from_static(b"shop"),
        value,
        headers: vec![("traceparent".into(), Bytes::from_static(b"00-1-2-00"))],
    };
    let (class, origin) = (Class::Permanent, Origin::Upstream);
    let cause = Cause { reason, error: "refused".into(), class, origin, attempts: 1 };
    letter(stage, &TopicPartition::new(topic, 3), &record, &cause, NOW)
}

async fn plan(log: &Arc<EmbeddedLog>) -> (Marks, Plan) {
    let source = Source::Log(Arc::clone(log) as Arc<dyn Log>);
    let marks = Marks::read(&source, Start::First).await.unwrap();
    let shelf = Shelf::read(&source, &marks, Filter::default(), Keep::OldestWaiting(100)).await.unwrap();
    let topics = catalog(Counts::EMBEDDED);
    let plan = Plan::make(&source, &marks, shelf.letters, topics, NOW, false).await.unwrap();
    (marks, plan)
}

/// Everything in the two topics, by the letter that it names.
pub(in crate::app::dlq) async fn written(log: &Arc<EmbeddedLog>) -> BTreeMap<String, Vec<Record>> {
    let source = Source::Log(Arc::clone(log) as Arc<dyn Log>);
    let mut found: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for topic in [REPLY_READY, TURN_OPENED] {
        let mut see = |partition, record: Record| {
            assert_eq!(partition, 3, "the partition that it came from");
            let letter = name::header(&record.headers, LETTER).unwrap().to_owned();
            found.entry(letter).or_default().push(record);
            true
        };
        source.scan(topic, Start::First, &mut see).await.unwrap();
    }
    found
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[tokio::test]
async fn wherever_it_breaks_the_next_run_writes_what_is_missing_and_nothing_twice() {
    let mut broke = 0;
    for after in [false, true] {
        for left in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let log = open(&folder).await;
            log.append(&(0..5).map(dead).collect::<Vec<_>>()).await.unwrap();
            let (marks, first) = plan(&log).await;
            assert_eq!((first.writes.len(), first.refused.len()), (5, 0));
            let breaking = Breaking { log: Arc::clone(&log), left: AtomicI64::new(left), after };
            let run_one = run(&breaking, &marks, &first, rate("20/s"), &mut |_, _, _| Ok(())).await;
            if let Err(error) = &run_one {
                assert!(format!("{error:#}").contains("same command again"), "{error:#}");
                broke += 1;
            }
            let (marks, second) = plan(&log).await;
            run(&*log, &marks, &second, rate("5000/s"), &mut |_, _, _| Ok(())).await.unwrap();
            let (_, third) = plan(&log).await;
            assert_eq!((third.writes.len(), third.found.len()), (0, 0), "after {left} appends");
            let written = written(&log).await;
            assert_eq!(written.len(), 5, "after {left} appends");
            assert!(
                written.values().all(|records| records.len() == 1),
                "twice, after {left} appends: {written:?}"
            );
            log.close().await;
            if run_one.is_ok() {
                break;
            }
        }
    }
    // Two batches: begin, records, done; the first has records of two topics.
    assert_eq!(broke, 2 * 7);
}

#[tokio::test]
async fn a_record_goes_back_as_it_was_with_a_count_and_a_settled_reply_under_another_id() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder).await;
    log.append(&[dead(0), dead(1)]).await.unwrap();
    let (marks, first) = plan(&log).await;
    let mut told = Vec::new();
    run(&*log, &marks, &first, rate("5000/s"), &mut |letter, change, position| {
        told.push((letter.position, change.redrive, position.partition));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(told.len(), 2);
    let written = written(&log).await;
    for (letter, records) in &written {
        let place: Place = letter.parse().unwrap();
        let record = &records[0];
        assert_eq!(record.key, "shop");
        let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["traceparent", REDRIVE, LETTER]);
        assert_eq!(name::count(&record.headers), 1);
        if place.offset == 0 {
            let (was, now) = (reply(0), Envelope::<ReplyReady>::decode(&record.value).unwrap());
            assert_eq!(now.id, name::id(was.id, 1));
            assert_eq!(Envelope { id: was.id, ..now }, was, "nothing else is changed");
        } else {
            assert_eq!(record.value, "\u{1}poison 1");
        }
    }
    // It fails again: the next redrive counts on.
    let again = Record { offset: 77, ..written.values().next().unwrap()[0].clone() };
    let (class, origin) = (Class::Permanent, Origin::Upstream);
    let cause = Cause { reason: "rejected", error: "refused".into(), class, origin, attempts: 1 };
    let from = TopicPartition::new(REPLY_READY, 3);
    log.append(&[letter(StageName::Dispatch, &from, &again, &cause, NOW)]).await.unwrap();
    let (_, second) = plan(&log).await;
    assert_eq!(second.writes.len(), 1);
    let change = &second.writes[0].1;
    assert_eq!(change.redrive, 2);
    assert_eq!(change.edit.id, Some(name::id(name::id(reply(0).id, 1), 2)));
}

#[tokio::test]
async fn two_letters_of_one_record_are_driven_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder).await;
    log.append(&[dead(0), dead(0), dead(2)]).await.unwrap();
    let (marks, first) = plan(&log).await;
    assert_eq!((first.writes.len(), first.repeats), (2, 1));
    run(&*log, &marks, &first, rate("5000/s"), &mut |_, _, _| Ok(())).await.unwrap();
    let (_, second) = plan(&log).await;
    assert_eq!((second.writes.len(), second.repeats), (0, 0));
    assert_eq!(written(&log).await.len(), 2);
}

#[tokio::test]
async fn what_the_ledger_calls_sent_stays() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder).await;
    let result = |id: EventId, status: &str| {
        let settled: Settled = serde_json::from_value(serde_json::json!({
            "type": "result", "id": id, "part": 0, "of": 1, "status": status, "attempt": 1, "epoch": 1, "lane": "ready",
            "tenant": "acme", "bot": "shop", "conversation": "c", "root": id, "at": NOW,
        }))
        .unwrap();
        let value = Bytes::from(serde_json::to_vec(&settled).unwrap());
        let (topic, key) = (TopicName::from(Settled::TYPE), Bytes::new());
        Outgoing { topic, partition: Some(3), key, value, headers: Vec::new() }
    };
    log.append(&[result(reply(0).id, "sent"), result(reply(2).id, "rejected")]).await.unwrap();
    log.append(&[dead(0), dead(2)]).await.unwrap();
    let (_, plan) = plan(&log).await;
    assert_eq!((plan.writes.len(), plan.refused.len()), (1, 1));
    assert_eq!(plan.refused[0].1.word(), "sent");
    assert_eq!(plan.writes[0].1.edit.id, Some(name::id(reply(2).id, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept() {
    for (text, batch, records) in
        [("50/s", 10, 100), ("1/s", 1, 5), ("5000/s", 256, 2560), ("100/min", 1, 10)]
    {
        let rate = rate(text);
        let (began, mut pace) = (Instant::now(), Pace::new(rate));
        assert_eq!(pace.batch(), batch, "{text}");
        for _ in 0..records / batch {
            pace.wait(batch).await;
        }
        // The first batch goes at once, so the time is that of all but the last.
        let least = takes(rate, records - batch);
        let took = began.elapsed();
        assert!(took >= least && took < least + Duration::from_millis(50), "{text}: {took:?}");
    }
}
