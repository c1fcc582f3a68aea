//! Ingest as the stage of a partition: order, duplicates, what is finished when, what is given up.

mod echoes;
mod told;
mod whatsapp;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use millrace::domain::bot::Bot;
use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::event::Event;
use millrace::domain::events::{ConversationMode, TakenBy, TurnDropped, TurnOpened, WebhookReceived};
use millrace::domain::ids::EventId;
use millrace::domain::time::{ManualClock, Timestamp};
use millrace::log::{Log, Outgoing, Record, TopicPartition};
use millrace::pipeline::partition::{Outputs, Undisputed};
use millrace::pipeline::{PartitionCx, PartitionStage, StageFactory};
use millrace::stages::ingest::{Done, Ingest, IngestConfig, IngestFactory};
use millrace::store::fake::FakeDirectory;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::memory::{MemoryLog, Mood};
use super::rig::NOW;

const IN: &str = "webhook.received.v1";

struct Bench {
    log: Arc<MemoryLog>,
    stage: Ingest,
    cx: PartitionCx<Done>,
    directory: Arc<FakeDirectory>,
}

impl Bench {
    fn new() -> Self {
        Self::on(MemoryLog::new(), 0)
    }

    fn on(log: Arc<MemoryLog>, start: u64) -> Self {
        let directory = Arc::new(FakeDirectory::default());
        let spec = serde_json::from_str(r#"{"bot":"shop"}"#).unwrap();
        directory.put_bot(Bot {
            tenant: "acme".into(),
            version: 1,
            enabled: true,
            spec,
            accounts: Vec::new(),
            bases: Vec::new(),
        });
        let factory =
            IngestFactory::new(IngestConfig::default(), Arc::clone(&directory) as _, Arc::default());
        let partition = TopicPartition::new(IN, 0);
        let outputs = ["turn", "receipt", "signal", "dropped", "mode", "media"];
        let topics = [
            "turn.opened.v1",
            "receipt.received.v1",
            "signal.ready.v1",
            "turn.dropped.v1",
            "conversation.mode.v1",
            "media.wanted.v1",
        ];
        let outputs = outputs.into_iter().zip(topics.map(Into::into)).collect();
        let cx = PartitionCx {
            clock: Arc::new(ManualClock::at(Timestamp::from_millis(NOW))),
            partition: partition.clone(),
            epoch: 1,
            start,
            low: 0,
            position: 0,
            ownership: Arc::new(Undisputed),
            log: Arc::clone(&log) as _,
            cancel: CancellationToken::new(),
            outputs: Arc::new(Outputs(outputs)),
            in_flight: futures_util::stream::FuturesUnordered::new(),
            finished: Vec::new(),
            dead: Vec::new(),
            failed: None,
            wake: None,
        };
        Self { log, stage: factory.create(&partition), cx, directory }
    }

    /// Runs what is in flight until nothing is.
    async fn settle(&mut self) {
        while let Some(done) = self.cx.in_flight.next().await {
            self.stage.done(&mut self.cx, done);
        }
    }

    fn out<T: Event>(&self) -> Vec<Envelope<T>> {
        self.log.all(T::TYPE).iter().map(|record| Envelope::decode(&record.value).unwrap()).collect()
    }
}

fn update(offset: u64, id: u64, owner: &str, item: &str) -> Record {
    let at = Timestamp::from_millis(NOW);
    let data = WebhookReceived {
        channel: ChannelKind::Telegram,
        account: "77".into(),
        received: at,
        object: None,
        entry: None,
        place: None,
        metadata: None,
        contacts: None,
        item: RawValue::from_string(item.to_owned()).unwrap(),
    };
    let id = EventId::root(ChannelKind::Telegram, "77", &id.to_string());
    let mut event = Envelope::root(id, "telegram/77/5", at, at, data);
    event.tenant = owner.into();
    event.bot = if owner.is_empty() { "" } else { "shop" }.into();
    Record { offset, at, key: "telegram/77/5".into(), value: event.encode(), headers: Vec::new() }
}

fn text(offset: u64, id: u64) -> Record {
    update(
        offset,
        id,
        "acme",
        &format!(r#"{{"message":{{"from":{{"id":5}},"chat":{{"id":5}},"text":"{id}"}}}}"#),
    )
}

#[tokio::test]
async fn turns_come_out_in_the_order_of_their_events() {
    let mut bench = Bench::new();
    for part in 0..5u64 {
        bench.stage.admit(&mut bench.cx, (0..100).map(|n| text(part * 100 + n, part * 100 + n)).collect());
    }
    bench.settle().await;
    let texts: Vec<_> = bench.out::<TurnOpened>().into_iter().map(|turn| turn.data.text).collect();
    assert_eq!(texts, (0..500).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(bench.cx.finished, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_duplicate_is_finished_and_has_no_effect() {
    let mut bench = Bench::new();
    bench.stage.admit(&mut bench.cx, vec![text(0, 1), text(1, 1), text(2, 2)]);
    bench.stage.admit(&mut bench.cx, vec![text(3, 1)]);
    bench.settle().await;
    assert_eq!(bench.out::<TurnOpened>().len(), 2);
    assert_eq!(bench.cx.finished, [0, 1, 2, 3]);
}

#[tokio::test]
async fn nothing_is_finished_before_it_is_durable() {
    tokio::time::pause();
    let mut bench = Bench::new();
    bench.log.set(Mood::Failing);
    bench.stage.admit(&mut bench.cx, vec![text(0, 1)]);
    let waiting = tokio::time::timeout(Duration::from_secs(60), bench.settle()).await;
    assert!(waiting.is_err() && bench.cx.finished.is_empty() && bench.cx.dead.is_empty());
    bench.log.set(Mood::Well);
    bench.settle().await;
    assert_eq!((bench.cx.finished.len(), bench.out::<TurnOpened>().len()), (1, 1));
}

#[tokio::test]
async fn a_poison_record_is_given_up_and_its_neighbours_go_on() {
    let mut bench = Bench::new();
    let broken = Record { value: "no envelope".into(), ..text(1, 2) };
    let deep = update(2, 3, "acme", &format!("{}{}", "[".repeat(300), "]".repeat(300)));
    bench.stage.admit(&mut bench.cx, vec![text(0, 1), broken, deep.clone(), text(3, 4)]);
    bench.settle().await;
    assert_eq!(bench.cx.finished, [0, 3]);
    let dead: BTreeSet<_> = bench.cx.dead.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(dead, BTreeSet::from([1, 2]));
    // What had no effect is no duplicate when it comes again.
    bench.stage.admit(&mut bench.cx, vec![Record { offset: 4, ..deep }]);
    bench.settle().await;
    assert_eq!(bench.cx.dead.len(), 3);
}

#[tokio::test]
async fn what_nobody_owns_is_dropped_with_the_reason() {
    let mut bench = Bench::new();
    let stranger = update(0, 1, "", "{}");
    let orphan = update(1, 2, "rival", "{}");
    bench.stage.admit(&mut bench.cx, vec![stranger, orphan]);
    bench.settle().await;
    let reasons: BTreeSet<_> = bench.out::<TurnDropped>().into_iter().map(|it| it.data.reason).collect();
    assert_eq!(reasons, BTreeSet::from(["unknown_account".to_owned(), "unknown_bot".to_owned()]));
    assert_eq!(bench.cx.finished, [0, 1]);
}

#[tokio::test]
async fn a_new_owner_knows_what_the_last_one_saw() {
    let log = MemoryLog::new();
    for n in 0..10 {
        let record = text(n, n);
        let out = Outgoing::event(IN.into(), record.key, record.value).at(0);
        log.append(&[out]).await.unwrap();
    }
    // The last owner had finished what lies before 6.
    let mut bench = Bench::on(log, 6);
    bench.stage.restore(&mut bench.cx).await.unwrap();
    bench.stage.admit(&mut bench.cx, vec![text(6, 6), text(7, 7), text(10, 3), text(11, 5)]);
    bench.settle().await;
    let texts: Vec<_> = bench.out::<TurnOpened>().into_iter().map(|turn| turn.data.text).collect();
    assert_eq!(texts, ["6", "7"], "what is not finished is done again, what is finished is not");
    assert_eq!(bench.cx.finished, [6, 7, 10, 11]);
}

/// A Messenger item of the page 77 and the person 5.
fn messenger(offset: u64, id: u64, place: &str, item: &str) -> Record {
    let mut record = update(offset, id, "acme", item);
    let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
    event.data.channel = ChannelKind::Messenger;
    (event.data.entry, event.data.place) = (Some("77".into()), Some(place.into()));
    record.value = event.encode();
    record
}

#[tokio::test]
async fn an_echo_that_is_not_ours_hands_the_conversation_to_people() {
    let mut bench = Bench::new();
    bench.stage.restore(&mut bench.cx).await.unwrap();
    let said = |n: u64| {
        format!(
            r#"{{"sender":{{"id":"5"}},"recipient":{{"id":"77"}},"message":{{"mid":"m{n}","text":"{n}"}}}}"#
        )
    };
    let echo = |mark: &str| {
        format!(
            r#"{{"sender":{{"id":"77"}},"recipient":{{"id":"5"}},"message":{{"mid":"e{}","is_echo":true,"app_id":1,"text":"I am Ann"{mark}}}}}"#,
            mark.len()
        )
    };
    let ours = format!(r#","metadata":"{}:0""#, EventId::root(ChannelKind::Messenger, "77", "1"));
    bench.stage.admit(
        &mut bench.cx,
        vec![
            messenger(0, 1, "messaging", &said(1)),
            messenger(1, 2, "messaging", &echo(&ours)),
            messenger(2, 3, "messaging", &said(2)),
            messenger(3, 4, "messaging", &echo("")),
            messenger(4, 5, "messaging", &said(3)),
            messenger(5, 6, "standby", &said(4)),
        ],
    );
    bench.settle().await;
    assert_eq!(bench.cx.finished, [0, 1, 2, 3, 4, 5]);
    let turns = bench.out::<TurnOpened>();
    let epochs: Vec<_> = turns.iter().map(|turn| (turn.data.text.as_str(), turn.data.epoch)).collect();
    let since = u64::try_from(NOW).unwrap();
    assert_eq!(epochs, [("1", Some(0)), ("2", Some(0)), ("3", Some(since))], "each turn is kept");
    let modes = bench.out::<ConversationMode>();
    assert_eq!(modes.iter().map(|mode| mode.data.by).collect::<Vec<_>>(), [TakenBy::Echo, TakenBy::Standby]);
    assert_eq!(modes[0].conversation, turns[0].conversation);
    assert_eq!(modes[0].data.until, Some(Timestamp::from_millis(NOW + 4 * 3_600_000)));
    let records = bench.log.all("conversation.mode.v1");
    assert_eq!(
        &*records[0].key,
        turns[0].conversation.as_str().as_bytes(),
        "one record a conversation is kept"
    );
    let dropped: Vec<_> = bench.out::<TurnDropped>().into_iter().map(|it| it.data.reason).collect();
    assert_eq!(dropped, ["echo", "echo", "echo"], "the timeline shows them");
}

fn photo(offset: u64, caption: &str) -> Record {
    let item = format!(
        r#"{{"message":{{"message_id":{offset},"media_group_id":"7","from":{{"id":5}},"chat":{{"id":5}},"caption":"{caption}","photo":[{{"file_id":"p{offset}"}}]}}}}"#
    );
    update(offset, offset, "acme", &item)
}

#[tokio::test(start_paused = true)]
async fn an_album_is_one_turn_whose_offsets_finish_together_and_its_chat_waits() {
    let mut bench = Bench::new();
    bench.stage.admit(&mut bench.cx, vec![text(0, 100), photo(1, "Look"), photo(2, ""), text(3, 101)]);
    bench.settle().await;
    assert_eq!(bench.cx.finished, [0], "the album and what follows it wait");
    tokio::time::advance(Duration::from_millis(700)).await;
    bench.stage.admit(&mut bench.cx, vec![photo(4, "")]);
    assert!(bench.cx.wake.is_some());
    tokio::time::advance(Duration::from_millis(1_100)).await;
    bench.stage.tick(&mut bench.cx);
    bench.settle().await;
    tokio::time::advance(Duration::from_millis(1_100)).await;
    bench.stage.tick(&mut bench.cx);
    bench.settle().await;
    let turns = bench.out::<TurnOpened>();
    let texts: Vec<_> = turns.iter().map(|turn| turn.data.text.as_str()).collect();
    assert_eq!(
        texts,
        ["100", "Look", "101", ""],
        "an item that comes behind something is an album of its own"
    );
    assert_eq!(turns[1].data.attachments.len(), 2);
    let dropped: Vec<_> = bench.out::<TurnDropped>().into_iter().map(|it| it.data.reason).collect();
    assert_eq!(dropped, ["album"], "every event is accounted for");
    bench.cx.finished.sort_unstable();
    assert_eq!(bench.cx.finished, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_group_that_became_another_keeps_its_conversation() {
    let mut bench = Bench::new();
    let message = |offset, chat: &str, more: &str| {
        let item = format!(
            r#"{{"message":{{"message_id":{offset},"from":{{"id":5}},"chat":{{"id":{chat},"type":"group"}},{more}}}}}"#
        );
        update(offset, offset, "acme", &item)
    };
    let replied = r#""text":"hi","reply_to_message":{"message_id":1,"from":{"id":77,"is_bot":true,"username":"shop_bot"}}"#;
    let records = vec![
        message(0, "-5", replied),
        message(1, "-5", r#""migrate_to_chat_id":-1005"#),
        message(2, "-1005", r#""migrate_from_chat_id":-5"#),
        message(3, "-1005", r#""text":"@shop_bot hi","entities":[{"type":"mention","offset":0,"length":9}]"#),
        message(4, "-1005", r#""text":"nobody in particular""#),
    ];
    for record in records {
        bench.stage.admit(&mut bench.cx, vec![record]);
        bench.settle().await;
    }
    let turns = bench.out::<TurnOpened>();
    assert_eq!(turns.iter().map(|turn| turn.data.chat.as_str()).collect::<Vec<_>>(), ["-5", "-1005"]);
    assert_eq!(turns[0].conversation, turns[1].conversation, "and it answers where the group is now");
    let reasons: Vec<_> = bench.out::<TurnDropped>().into_iter().map(|it| it.data.reason).collect();
    assert_eq!(reasons, ["identity_change", "identity_change", "not_addressed"]);
}

#[tokio::test]
async fn an_edit_tells_the_timeline_what_the_message_says_now() {
    let mut bench = Bench::new();
    let edit = r#"{"edited_message":{"message_id":9,"from":{"id":5},"chat":{"id":5},"text":"new words"}}"#;
    bench.stage.admit(&mut bench.cx, vec![update(0, 1, "acme", edit)]);
    bench.settle().await;
    let dropped = bench.out::<TurnDropped>().remove(0).data;
    let noted = dropped.noted.unwrap();
    assert_eq!(dropped.reason, "edit");
    assert_eq!((noted.on.as_deref(), noted.text.as_deref()), (Some("9"), Some("new words")));
}
