//! `millrace dlq` as a person runs it: the real binary on a real log with dead letters in it.

mod beside;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use crate::process;
use bytes::Bytes;
use millrace::domain::channel::ChannelKind;
use millrace::domain::failure::{Class, Origin};
use millrace::domain::ids::EventId;
use millrace::domain::redrive;
use millrace::domain::stage::StageName;
use millrace::domain::time::{Clock, SystemClock, Timestamp};
use millrace::domain::topics::{Counts, REPLY_READY, REPLY_SETTLED, TURN_GROUNDED, catalog};
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Log, Outgoing, Record, TopicPartition};
use millrace::pipeline::dead::{Cause, letter};
use serde_json::{Value, json};

/// The dead letters of this house, by their `millrace-offset`; all are of one bot, so they share a partition.
struct House {
    folder: tempfile::TempDir,
    now: Timestamp,
}

/// The partition of `reply.ready.v1` from which all letters come.
const FROM: u32 = 2;
/// Small: each opening looks through the newest segment to its end.
const SEGMENT: &str = "1 MiB";

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), now: SystemClock.now() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn log(&self) -> Arc<EmbeddedLog> {
        let config = EmbeddedConfig {
            folder: self.data().join("log"),
            segment: SEGMENT.parse().unwrap(),
            ..EmbeddedConfig::default()
        };
        let log = EmbeddedLog::open(config, Arc::new(SystemClock)).unwrap();
        log.ensure_topics(&catalog(Counts::EMBEDDED)).await.unwrap();
        log
    }

    /// Six letters:
    /// 0 a reply that was refused; 1 a reply with a part that was sent; 2 a reply that is late; 3 a replay's; 4 bytes that
    /// nobody can read; 5 a turn, given up by answer.
    async fn fill(&self) {
        let log = self.log().await;
        let ago = Timestamp::from_millis(self.now.millis() - 60_000);
        let reply = |n: u32| {
            json!({
                "specversion": "1.0", "id": id(n), "source": "/stages/answer", "type": "reply.ready.v1", "subject": "c",
                "time": ago, "tenant": "acme", "bot": "shop", "conversation": "c", "causeid": root(n), "rootid": root(n),
                "roottime": ago, "x-later": [1.50], "data": {
                    "channel": "telegram", "account": "1", "chat": "2", "route": {"by": "extractive"},
                    "parts": [{"text": "It rings: \u{7}\u{202e}"}],
                },
            })
        };
        let mut late = reply(2);
        late["deadline"] = json!(ago);
        let mut replay = reply(3);
        replay["runid"] = json!("what-if-7");
        let mut turn = reply(5);
        turn["type"] = json!("turn.grounded.v1");
        let text = |value: &Value| Bytes::from(value.to_string());
        let letters = vec![
            dead(0, "rejected", text(&reply(0))),
            dead(1, "rejected", text(&reply(1))),
            dead(2, "expired", text(&late)),
            dead(3, "rejected", text(&replay)),
            dead(4, "bug", Bytes::from_static(b"\xff\x00\x1b[31m")),
            dead(5, "exhausted", text(&turn)),
        ];
        log.append(&letters).await.unwrap();
        let result = |n: u32, status: &str| {
            let value = json!({
                "type": "result", "id": id(n), "part": 0, "of": 1, "status": status, "provider_id": "msg-1", "attempt": 1,
                "epoch": 1, "lane": "ready", "tenant": "acme", "bot": "shop", "conversation": "c", "root": root(n), "at": ago,
            });
            let (topic, key, headers) = (REPLY_SETTLED.into(), Bytes::new(), Vec::new());
            Outgoing { topic, partition: Some(FROM), key, value: text(&value), headers }
        };
        log.append(&[result(0, "rejected"), result(1, "sent"), result(2, "expired")]).await.unwrap();
        log.close().await;
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = process::millrace();
        command.arg("dlq").args(args).arg("--data").arg(self.data());
        command.arg("--set").arg(format!("log.segment={SEGMENT}"));
        command.output().unwrap()
    }

    /// What it prints, and its exit code.
    fn says(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text + &String::from_utf8_lossy(&output.stderr))
    }

    fn lines(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(&[args, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What stands in a topic's partition now.
    async fn stored(&self, topic: &str, partition: u32) -> Vec<Record> {
        let log = self.log().await;
        let at = TopicPartition::new(topic, partition);
        let end = log.range(&at).await.unwrap().end;
        let mut reader = log.reader(1 << 20).await.unwrap();
        reader.assign(&at, 0).await.unwrap();
        let mut all: Vec<Record> = Vec::new();
        while (all.len() as u64) < end {
            let batch = reader.next(Duration::from_secs(10)).await.unwrap();
            all.extend(batch.expect("records that were acknowledged").records);
        }
        drop(reader);
        log.close().await;
        all
    }
}

fn root(n: u32) -> EventId {
    EventId::root(ChannelKind::Telegram, "1", &n.to_string())
}

fn id(n: u32) -> EventId {
    EventId::reply(root(n), 0)
}

fn dead(n: u32, reason: &'static str, value: Bytes) -> Outgoing {
    let (stage, topic) =
        if n == 5 { (StageName::Answer, TURN_GROUNDED) } else { (StageName::Dispatch, REPLY_READY) };
    let headers = vec![("content-type".into(), Bytes::from_static(b"application/cloudevents+json"))];
    let record = Record {
        offset: u64::from(n),
        at: Timestamp::default(),
        key: Bytes::from_static(b"shop"),
        value,
        headers,
    };
    let (class, origin) = (Class::Permanent, Origin::Upstream);
    let cause =
        Cause { reason, error: format!("part 0\n\u{1b}[2Jwas refused: {n}"), class, origin, attempts: 1 };
    letter(stage, &TopicPartition::new(topic, FROM), &record, &cause, SystemClock.now())
}

/// The position of the n-th letter.
fn place(listed: &[Value], n: usize) -> &str {
    listed[n]["position"].as_str().unwrap()
}

fn assert_fit(text: &str) {
    let unfit = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(unfit, None, "{text:?}");
}

#[tokio::test]
async fn dead_letters_are_listed_and_shown() {
    let house = House::new();
    house.fill().await;
    let listed = house.lines(&["list"]);
    let reasons: Vec<_> = listed.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["rejected", "rejected", "expired", "rejected", "bug", "exhausted"]);
    assert_eq!(listed[0]["from"], json!({"topic": REPLY_READY, "partition": FROM, "offset": 0}));
    assert_eq!((&listed[0]["id"], &listed[0]["bot"]), (&json!(id(0)), &json!("shop")));
    assert!(listed.iter().all(|line| line["redriven"] == false));

    let (code, table) = house.says(&["list", "--stage", "dispatch", "--reason", "rejected", "--bot", "shop"]);
    assert_eq!((code, table.lines().count()), (0, 4), "{table}");
    assert!(table.contains("part 0\\n\\u{1b}[2Jwas refused: 3"), "{table}");
    assert_fit(&table);
    assert_eq!(house.lines(&["list", "--tenant", "acme", "--limit", "2"]).len(), 2);
    assert_eq!(house.lines(&["list", "--until", "1h"]).len(), 0);
    assert_eq!(house.lines(&["list", "--since", "1h"]).len(), 6);
    let (code, nothing) = house.says(&["list", "--reason", "nonsense"]);
    assert!(code == 0 && nothing.contains("none of 6") && nothing.contains("--summary"), "{nothing}");

    let (_, summary) = house.says(&["list", "--summary"]);
    assert!(summary.contains("6 dead letters, 0 of them redriven"), "{summary}");
    let kinds = house.lines(&["list", "--summary"]);
    assert_eq!(kinds.len(), 4);
    assert_eq!((&kinds[0]["stage"], &kinds[0]["reason"]), (&json!("answer"), &json!("exhausted")));

    let (code, shown) = house.says(&["show", place(&listed, 1)]);
    assert_eq!(code, 0, "{shown}");
    assert_fit(&shown);
    for part in [
        "reply.ready.v1[2]@1",
        "\"x-later\": [",
        "1.5",
        "It rings: \\u0007\\u202e",
        "part 1 of 1 sent",
        "provider's id msg-1",
        "content-type: application/cloudevents+json",
    ] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    let (_, raw) = house.says(&["show", place(&listed, 4)]);
    assert!(raw.contains("ff 00 1b 5b 33 31 6d"), "{raw}");
    assert_fit(&raw);
    let shown = house.lines(&["show", place(&listed, 5)]).remove(0);
    assert_eq!(shown["value"]["json"]["data"]["chat"], "2");
    assert_eq!(house.lines(&["show", place(&listed, 4)])[0]["value"]["hex"], "ff001b5b33316d");
}

#[tokio::test]
async fn a_redrive_writes_what_may_go_once_and_says_why_the_rest_stays() {
    let house = House::new();
    house.fill().await;
    let listed = house.lines(&["list"]);

    let (code, dry) = house.says(&["redrive", "--all", "--dry-run"]);
    assert!(code == 0 && dry.contains("3 would be written") && dry.contains("3 stay"), "{dry}");
    assert!(house.stored(REPLY_READY, FROM).await.is_empty(), "a dry run wrote");

    let told = house.lines(&["redrive", "--all"]);
    let stays: Vec<_> = told.iter().filter(|line| line["state"] == "stays").collect();
    let words: Vec<_> = stays.iter().map(|line| (line["reason"].as_str().unwrap(), &line["force"])).collect();
    assert_eq!(words, [("sent", &json!(true)), ("late", &json!(true)), ("replay", &json!(false))]);
    let summary = &told.last().unwrap()["summary"];
    assert_eq!(
        (&summary["written"], &summary["new_ids"], &summary["stay"]),
        (&json!(3), &json!(1), &json!(3))
    );

    let replies = house.stored(REPLY_READY, FROM).await;
    assert_eq!(replies.len(), 2);
    let value: Value = serde_json::from_slice(&replies[0].value).unwrap();
    assert_eq!(value["id"], json!(redrive::id(id(0), 1)), "dispatch passes over the old id");
    assert_eq!((&value["causeid"], &value["rootid"]), (&json!(root(0)), &json!(root(0))));
    assert!(String::from_utf8_lossy(&replies[0].value).contains("\"x-later\":[1.5]"));
    assert_eq!(replies[1].value, &b"\xff\x00\x1b[31m"[..], "untouched");
    let names: Vec<_> = replies[1].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "millrace-redrive", "millrace-letter"]);
    let turns = house.stored(TURN_GROUNDED, FROM).await;
    assert_eq!((turns.len(), redrive::count(&turns[0].headers)), (1, 1));
    assert_eq!(serde_json::from_slice::<Value>(&turns[0].value).unwrap()["id"], json!(id(5)));

    // Again: nothing is left but what stays.
    let (code, again) = house.says(&["redrive", "--all"]);
    assert!(code == 1 && again.contains("0 written, 3 stay, 3 were redriven before"), "{again}");
    assert_eq!(house.stored(REPLY_READY, FROM).await.len(), 2);
    let (code, one) = house.says(&["redrive", place(&listed, 0)]);
    assert!(code == 0 && one.contains("0 written, 1 were redriven before"), "{one}");
    assert_eq!(house.lines(&["list"]).iter().filter(|line| line["redriven"] == true).count(), 3);

    // By force: under a new id, without the deadline, and never a replay.
    let forced = house.lines(&["redrive", "--all", "--force"]);
    let written: Vec<_> = forced.iter().filter(|line| line["state"] == "written").collect();
    assert_eq!(written.len(), 2);
    assert_eq!((&written[0]["was"], &written[0]["id"]), (&json!(id(1)), &json!(redrive::id(id(1), 1))));
    assert_eq!(written[1]["deadline_dropped"], true);
    assert_eq!(forced.iter().filter(|line| line["reason"] == "replay").count(), 1);
    let replies = house.stored(REPLY_READY, FROM).await;
    assert_eq!(replies.len(), 4);
    let late: Value = serde_json::from_slice(&replies[3].value).unwrap();
    assert_eq!((&late["id"], late.get("deadline")), (&json!(redrive::id(id(2), 1)), None));
    assert!(replies.iter().all(|record| !String::from_utf8_lossy(&record.value).contains("runid")));
}

#[tokio::test]
async fn mistakes_name_their_remedy() {
    let house = House::new();
    let (code, said) = house.says(&["list"]);
    assert!(code == 1 && said.contains("holds no log") && said.contains("--data"), "{said}");
    assert!(!house.data().join("log").exists(), "looking made a log");
    house.fill().await;
    let listed = house.lines(&["list"]);
    house.says(&["redrive", place(&listed, 0)]);
    let (partition, _) = place(&listed, 0).split_once(':').unwrap();
    let mark = format!("{partition}:6");
    for (args, code, remedy) in [
        (&["show", "3-17"][..], 2, "PARTITION:OFFSET"),
        (&["show", "77:0"], 1, "millrace dlq list"),
        (&["show", "0:999"], 1, "millrace dlq list"),
        (&["show", &mark], 1, "is a mark"),
        (&["redrive", "77:0"], 1, "millrace dlq list"),
        (&["redrive"], 2, "--all"),
        (&["redrive", "--all", "--bot", "shop"], 2, "leave out one"),
        (&["redrive", "--all", "--rate", "fast"], 2, "30/s"),
        (&["list", "--since", "yesterday"], 2, "how long ago"),
        (&["list", "--since", "1h", "--until", "2h"], 2, "swap them"),
        (&["list", "--stage", "sender"], 2, "dispatch"),
    ] {
        let (found, said) = house.says(args);
        assert!(found == code && said.contains(remedy), "{args:?}: {found} {said}");
    }
}

#[tokio::test]
async fn beside_a_running_process_looking_works_and_writing_says_why_not() {
    let house = House::new();
    house.fill().await;
    let open = house.log().await;
    assert_eq!(house.lines(&["list"]).len(), 6);
    let (code, dry) = house.says(&["redrive", "--stage", "answer", "--dry-run"]);
    assert!(code == 0 && dry.contains("1 would be written"), "{dry}");
    let (code, said) = house.says(&["redrive", "--stage", "answer"]);
    assert!(code == 1 && said.contains("has no admin API") && said.contains("--dry-run"), "{said}");
    open.close().await;
    drop(open);
    assert_eq!(house.says(&["redrive", "--stage", "answer"]).0, 0);
}

#[test]
fn help_states_what_is_not_restored() {
    let house = House::new();
    let help = house.says(&["redrive", "--help"]).1;
    assert!(help.contains("order against newer messages is not restored"), "{help}");
    for command in ["list", "show", "redrive"] {
        assert!(house.says(&[command, "--help"]).1.contains(&format!("millrace dlq {command}")), "{command}");
    }
    assert!(!Path::new(&house.data()).exists());
}

/// The same library on a broker, where no append is atomic over topics.
#[cfg(feature = "broker-tests")]
mod on_kafka {
    use millrace::app::dlq::filter::Filter;
    use millrace::app::dlq::marks::Marks;
    use millrace::app::dlq::plan::Plan;
    use millrace::app::dlq::redrive::run;
    use millrace::app::dlq::shelf::{Keep, Shelf};
    use millrace::app::dlq::source::{Source, Start};
    use millrace::domain::topics::DEAD_LETTER;

    use super::*;
    use crate::kafka::support;

    const COUNTS: Counts = Counts { conversations: 2, replies: 4, shards: 1 };

    async fn plan(log: &Arc<dyn Log>) -> (Marks, Plan) {
        let source = Source::Log(Arc::clone(log));
        let marks = Marks::read(&source, Start::First).await.unwrap();
        let shelf = Shelf::read(&source, &marks, Filter::default(), Keep::OldestWaiting(100)).await.unwrap();
        let now = SystemClock.now();
        let plan = Plan::make(&source, &marks, shelf.letters, catalog(COUNTS), now, false).await.unwrap();
        (marks, plan)
    }

    #[tokio::test]
    async fn a_redrive_writes_once_and_finds_what_an_interrupted_one_wrote() {
        let log: Arc<dyn Log> = support::connect(support::config()).await;
        log.ensure_topics(&catalog(COUNTS)).await.unwrap();
        let letters = (0..5).map(|n| dead(n, "bug", Bytes::from(format!("poison {n}")))).collect::<Vec<_>>();
        log.append(&letters).await.unwrap();
        let (marks, first) = plan(&log).await;
        assert_eq!(first.writes.len(), 5);
        let mut told = 0;
        let count = &mut |_: &_, _: &_, _: millrace::log::Position| {
            told += 1;
            Ok(())
        };
        run(&*log, &marks, &first, "100/s".parse().unwrap(), count).await.unwrap();
        assert_eq!(told, 5);
        let at = TopicPartition::new(REPLY_READY, FROM);
        assert_eq!(log.range(&at).await.unwrap(), 0..5);
        let (_, second) = plan(&log).await;
        assert_eq!((second.writes.len(), second.found.len()), (0, 0));
        // A run that was killed behind its records: its begin mark is there, its done mark is not.
        let position = log.append(&[dead(9, "bug", Bytes::from_static(b"poison 9"))]).await.unwrap()[0];
        let (marks, third) = plan(&log).await;
        assert_eq!(third.writes.len(), 1);
        run(&*log, &marks, &third, "100/s".parse().unwrap(), &mut |_, _, _| Ok(())).await.unwrap();
        let letters = TopicPartition::new(DEAD_LETTER, position.partition);
        let done = log.range(&letters).await.unwrap().end - 1;
        let source = Source::Log(Arc::clone(&log));
        let mut marks = Marks::default();
        source
            .scan(DEAD_LETTER, Start::First, &mut |partition, record| {
                if record.offset != done {
                    marks.take(partition, &record);
                }
                true
            })
            .await
            .unwrap();
        let shelf = Shelf::read(&source, &marks, Filter::default(), Keep::OldestWaiting(100)).await.unwrap();
        let topics = catalog(COUNTS);
        let resumed =
            Plan::make(&source, &marks, shelf.letters, topics, SystemClock.now(), false).await.unwrap();
        assert_eq!((resumed.writes.len(), resumed.found.len()), (0, 1));
        log.close().await;
    }
}
