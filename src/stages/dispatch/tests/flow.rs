//! Order, turns, restarts, signals.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{P, Rig, Say, WEBCHAT, say};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Settled, SettledStatus, Signal, WebchatOut};
use crate::domain::ids::EventId;
use crate::limits::LimitsConfig;
use crate::pipeline::PartitionStage;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};
use crate::stages::dispatch::DispatchConfig;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn telegram() -> FakeChannel {
    FakeChannel::new(ChannelKind::Telegram)
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_sent_and_finished_after_its_result() {
    let mut rig = Rig::with(telegram(), 50 * MS).await;
    let offset = rig.send(&[say("a", 1, &["hello"])]);
    rig.run(40 * MS).await;
    assert_eq!((rig.texts(), rig.end(offset)), (vec!["hello".to_owned()], "open"));
    rig.settle(SEC).await;
    assert_eq!(rig.end(offset), "finished");
    let Settled::Result { status, provider_id, attempt, epoch, of, .. } = &rig.results()[0] else {
        panic!("{:?}", rig.results())
    };
    assert_eq!((*status, *attempt, *epoch, *of), (SettledStatus::Sent, 1, 1, 1));
    assert_eq!(provider_id.as_deref(), Some("fake.0"));
    assert!(rig.telegram.sent()[0].opaque.ends_with(":0"));
    assert_eq!(rig.stage.queues.len(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_chat_has_one_message_under_way_and_goes_on_after_the_result() {
    let mut rig = Rig::with(telegram(), 100 * MS).await;
    rig.send(&[say("a", 1, &["one"]), say("a", 2, &["other"]), say("a", 1, &["two", "three"])]);
    rig.settle(10 * SEC).await;
    let sent = rig.telegram.sent();
    let texts: Vec<_> = sent.iter().map(|sent| sent.text.as_str()).collect();
    assert_eq!(texts, ["one", "other", "two", "three"]);
    assert!(sent[1].at - sent[0].at < 10 * MS, "another chat waits for nobody");
    assert!(sent[2].at - sent[0].at >= 100 * MS && sent[3].at - sent[2].at >= 100 * MS);
    assert_eq!(rig.telegram.most_in_flight_per_chat(), 1);
}

#[tokio::test(start_paused = true)]
async fn results_of_many_chats_share_an_append() {
    let mut rig = Rig::with(telegram(), 20 * MS).await;
    let says: Vec<_> = (0..28).map(|chat| say("a", chat, &["x"])).collect();
    rig.send(&says);
    rig.settle(10 * SEC).await;
    let appends = *rig.log.appends.lock().unwrap();
    assert!(appends <= 4, "{appends} appends");
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_split_and_every_part_has_its_result() {
    let mut rig = Rig::with(telegram().up_to(5), MS).await;
    rig.send(&[say("a", 1, &["one two six"])]);
    rig.settle(10 * SEC).await;
    assert_eq!(rig.texts(), ["one", "two", "six"]);
    let sent = SettledStatus::Sent;
    assert_eq!(rig.ledger(), [(0, 3, sent), (1, 3, sent), (2, 3, sent)]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_with_a_backlog_leaves_others_alone() {
    let mut rig = Rig::new().await;
    let mut says: Vec<_> = (0..500).map(|n| say("a", n, &["backlog"])).collect();
    says.push(say("b", 1, &["hello"]));
    let start = Instant::now();
    rig.send(&says);
    rig.settle(60 * SEC).await;
    let sent = rig.telegram.sent();
    let hello = sent.iter().find(|sent| sent.text == "hello").unwrap();
    assert!(hello.at - start < 50 * MS, "{:?}", hello.at - start);
    // 30 at once, then 30 a second.
    let last = sent.last().unwrap().at - start;
    assert!(last > 15 * SEC && last < 17 * SEC, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn accounts_take_turns() {
    // One call of the process at a time, so that the order shows.
    let config = DispatchConfig { in_flight: 1, ..DispatchConfig::default() };
    let channel = telegram().slow(10 * MS);
    let mut rig = Rig::tuned(channel, MS, config, LimitsConfig::default()).await;
    let mut says: Vec<_> = (0..20).map(|n| say("a", n, &["a"])).collect();
    says.extend((0..5).map(|n| say("b", n, &["b"])));
    rig.send(&says);
    rig.settle(10 * SEC).await;
    let texts = rig.texts();
    let last_b = texts.iter().rposition(|text| text == "b").unwrap();
    assert!(last_b <= 10, "{texts:?}");
    assert_eq!(texts.len(), 25);
}

#[tokio::test(start_paused = true)]
async fn the_web_chat_waits_for_no_provider_that_hangs() {
    let config = DispatchConfig { in_flight: 1, ..DispatchConfig::default() };
    let mut rig = Rig::tuned(telegram().slow(7 * SEC), MS, config, LimitsConfig::default()).await;
    rig.send(&[say("a", 1, &["takes long"]), say("a", 2, &["waits for it"])]);
    rig.run(SEC).await;
    let visit = Say { channel: ChannelKind::Webchat, ..say("b", "v1", &["hello"]) };
    rig.send(&[say("c", 3, &["waits too"]), visit]);
    rig.run(SEC).await;
    assert_eq!((rig.log.end(WEBCHAT, 0), rig.telegram.sent().len()), (1, 1));
    rig.settle(30 * SEC).await;
    assert_eq!(rig.telegram.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_hangs_has_fewer_calls_under_way() {
    let hang = |_: &_, _| SendOutcome::Unknown { reason: "timeout".to_owned() };
    let channel = telegram().answering(hang).slow(8 * SEC);
    let mut limits = LimitsConfig::default();
    limits.telegram.bot = "1000/s".parse().unwrap();
    let mut rig = Rig::tuned(channel, MS, DispatchConfig::default(), limits).await;
    rig.send(&(0..200).map(|n| say("a", n, &["x"])).collect::<Vec<_>>());
    rig.run(7 * SEC).await;
    assert_eq!(rig.telegram.sent().len(), 16);
    rig.run(60 * SEC).await;
    let before = rig.telegram.sent().len();
    rig.run(8 * SEC).await;
    assert!(rig.telegram.sent().len() - before <= 8, "{}", rig.telegram.sent().len() - before);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_when_the_ledger_can_not_be_written() {
    let mut rig = Rig::new().await;
    *rig.log.refuse.lock().unwrap() = 1;
    let offset = rig.send(&[say("a", 1, &["one"]), say("a", 1, &["two"])]);
    rig.run(2 * SEC).await;
    assert_eq!((rig.texts().len(), rig.is_open(offset)), (1, true));
    assert!(rig.cx.failed.is_some(), "the loop is told to stop");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_finished_and_not_sent() {
    let mut rig = Rig::with(telegram(), 50 * MS).await;
    let one = Say { root: Some(7), ..say("a", 1, &["once"]) };
    rig.send(&[one.clone(), one.clone()]);
    rig.settle(SEC).await;
    rig.send(&[one]);
    rig.settle(SEC).await;
    assert_eq!((rig.texts().len(), rig.ends.len()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_restart_sends_only_what_has_no_result() {
    let mut rig = Rig::new().await;
    let sent = SendOutcome::Sent { provider_id: None };
    let wait = SendOutcome::Retry { after: Some(9 * SEC), scope: Scope::Chat, reason: "429".to_owned() };
    rig.telegram.script("2", [SendOutcome::Rejected { scope: Scope::Chat, reason: "403".to_owned() }]);
    rig.telegram.script("3", [sent, wait]);
    rig.send(&[say("a", 1, &["sent"]), say("a", 2, &["refused"]), say("a", 3, &["half", "rest"])]);
    rig.run(SEC).await;
    let before = rig.texts().len();
    rig.restart().await;
    rig.ends.clear();
    rig.admit(0);
    rig.settle(10 * SEC).await;
    assert_eq!(rig.texts()[before..], ["rest"]);
    assert_eq!([rig.end(0), rig.end(1), rig.end(2)], ["finished", "rejected", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_counts_what_the_old_one_sent() {
    let mut rig = Rig::new().await;
    rig.send(&[say("a", 1, &["one", "two", "three"])]);
    rig.settle(SEC).await;
    rig.restart().await;
    let start = Instant::now();
    rig.send(&[say("a", 1, &["four"]), say("b", 1, &["other"])]);
    rig.settle(10 * SEC).await;
    let sent = rig.telegram.sent();
    let at = |text: &str| sent.iter().find(|sent| sent.text == text).unwrap().at - start;
    assert!(at("four") > 900 * MS && at("four") < 1_100 * MS, "{:?}", at("four"));
    assert!(at("other") < 10 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_web_chat_message_is_appended_then_settled() {
    let mut rig = Rig::new().await;
    let visit = Say { channel: ChannelKind::Webchat, ..say("a", "v1", &["hello", "again"]) };
    rig.send(&[visit]);
    rig.settle(SEC).await;
    let shown = rig.log.records(WEBCHAT, 0);
    let event = Envelope::<WebchatOut>::decode(&shown[1].value).unwrap();
    assert_eq!((event.data.part, event.data.of, event.data.message.text.as_str()), (1, 2, "again"));
    assert_eq!(shown[1].key, event.conversation.as_str());
    let reply: EventId = event.causeid;
    assert_eq!(event.id, reply.derive("webchat.out.v1", 1));
    assert_eq!(rig.ledger().len(), 2);
    assert!(rig.log.records("reply.settled.v1", P).len() == 2 && rig.telegram.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn signals_go_out_at_once_or_not_at_all() {
    let mut rig = Rig::new().await;
    let typing = || Signal::Typing { message_id: None };
    let pressed = |id: &str| Signal::AnswerCallback { callback_id: id.to_owned() };
    rig.write_signal("a", "0", typing(), Duration::ZERO);
    rig.restart().await;
    rig.run(SEC).await;
    assert!(rig.telegram.signals().is_empty(), "what came before the owner is old");
    rig.write_signal("a", "1", typing(), Duration::ZERO);
    rig.write_signal("a", "2", typing(), 6 * SEC);
    rig.write_signal("a", "3", pressed("new"), 6 * SEC);
    rig.write_signal("a", "4", pressed("old"), 16 * SEC);
    rig.run(SEC).await;
    let chats: Vec<_> = rig.telegram.signals().into_iter().map(|signal| signal.chat).collect();
    assert_eq!(chats, ["1", "3"]);
    assert!(rig.ledger().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_paused_bot_sends_no_signals_and_late_ones_are_dropped() {
    let mut rig = Rig::new().await;
    let wait = SendOutcome::Retry { after: Some(10 * SEC), scope: Scope::Bot, reason: "429".to_owned() };
    rig.telegram.script("1", [wait]);
    rig.send(&[say("a", 1, &["x"])]);
    rig.run(100 * MS).await;
    rig.write_signal("a", "2", Signal::Typing { message_id: None }, Duration::ZERO);
    rig.write_signal("a", "2", Signal::AnswerCallback { callback_id: "c".to_owned() }, Duration::ZERO);
    rig.settle(20 * SEC).await;
    rig.run(SEC).await;
    let signals = rig.telegram.signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert!(signals[0].text.contains("AnswerCallback"));
}

#[tokio::test(start_paused = true)]
async fn typing_takes_nothing_from_replies_that_wait() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| bot.spec.limits.bot = Some("1 then 1/1s".parse().unwrap()));
    rig.send(&(0..4).map(|chat| say("a", chat, &["x"])).collect::<Vec<_>>());
    rig.run(100 * MS).await;
    for chat in ["10", "11", "12"] {
        rig.write_signal("a", chat, Signal::Typing { message_id: None }, Duration::ZERO);
    }
    rig.settle(3_200 * MS).await;
    assert!(rig.telegram.signals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_release_begins_nothing_new_and_comes_to_rest() {
    let mut rig = Rig::with(telegram().slow(SEC), MS).await;
    let first = rig.send(&[say("a", 1, &["one", "two"]), say("a", 1, &["three"]), say("a", 2, &["other"])]);
    rig.run(100 * MS).await;
    rig.stage.release(&mut rig.cx);
    rig.run(5 * SEC).await;
    assert!(rig.cx.idle());
    assert_eq!(rig.texts(), ["one", "other"]);
    assert_eq!([rig.end(first), rig.end(first + 2)], ["open", "finished"]);
    assert_eq!(rig.ledger().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_accounts_are_forgotten() {
    let mut rig = Rig::new().await;
    rig.send(&[say("a", 1, &["x"]), say("b", 1, &["x"])]);
    rig.settle(SEC).await;
    rig.run(120 * SEC).await;
    assert_eq!(rig.stage.queues.len(), (0, 0));
}
