//! What waits long is parked: it holds neither memory nor its offset, keeps its place, and survives its owner.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{BACKLOG, Rig, Say, say};
use crate::domain::bot::ReplyTtl;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{BotBacklog, SettledStatus};
use crate::domain::units::{Rate, Span};
use crate::limits::LimitsConfig;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};
use crate::stages::dispatch::DispatchConfig;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn telegram() -> FakeChannel {
    FakeChannel::new(ChannelKind::Telegram)
}

fn wait(seconds: u32, scope: Scope) -> SendOutcome {
    SendOutcome::Retry { after: Some(seconds * SEC), scope, reason: "429".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_limited_chat_is_parked_and_goes_on_in_order() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(60, Scope::Chat)]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["one"]), say("a", 1, &["two"])]);
    rig.run(2 * SEC).await;
    assert_eq!((rig.end(0), rig.end(1)), ("finished", "finished"), "no offset waits for the limit");
    assert_eq!(rig.parked().len(), 4, "two replies, the wait and the owner: {:?}", rig.parked());
    assert!(rig.stage.jobs.is_empty(), "nor does memory");
    rig.send(&[say("a", 1, &["three"]), say("a", 2, &["other"])]);
    rig.settle(120 * SEC).await;
    let sent: Vec<_> = rig.telegram.sent();
    let texts: Vec<_> = sent.iter().map(|sent| sent.text.as_str()).collect();
    assert_eq!(texts, ["one", "other", "one", "two", "three"]);
    assert!(sent[2].at - start >= 60 * SEC);
    rig.run(2 * SEC).await;
    assert_eq!(rig.parked(), ["epoch:ready:1"], "what is sent is deleted");
    assert!(rig.ledger().iter().all(|(.., status)| *status == SettledStatus::Sent));
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_sends_what_was_parked() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [SendOutcome::Sent { provider_id: None }, wait(300, Scope::Chat)]);
    rig.send(&[say("a", 1, &["half", "rest"]), say("a", 1, &["next"])]);
    rig.run(3 * SEC).await;
    assert_eq!((rig.end(0), rig.end(1)), ("finished", "finished"));
    rig.take_over().await;
    rig.settle(310 * SEC).await;
    rig.run(2 * SEC).await;
    assert_eq!(rig.texts(), ["half", "rest", "rest", "next"], "the part that was settled is not sent again");
    assert_eq!(rig.parked(), ["epoch:ready:2"], "the older owner's marker is gone too");
}

#[tokio::test(start_paused = true)]
async fn a_bots_pause_is_kept_by_the_next_owner() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(100, Scope::Bot)]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"])]);
    rig.run(3 * SEC).await;
    rig.take_over().await;
    rig.send(&[say("a", 2, &["y"]), say("b", 2, &["z"])]);
    rig.settle(200 * SEC).await;
    let sent = rig.telegram.sent();
    let of = |text: &str| sent.iter().rfind(|sent| sent.text == text).unwrap().at - start;
    assert!(of("z") < 5 * SEC && of("x") >= 100 * SEC && of("y") >= 100 * SEC, "{sent:?}");
    assert_eq!(sent.len(), 4, "x was tried once more and nothing twice");
}

/// When a text went out last.
fn last(rig: &Rig, text: &str) -> Instant {
    let sent = rig.telegram.sent().into_iter().chain(rig.whatsapp.sent());
    sent.filter(|sent| sent.text == text).map(|sent| sent.at).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_chats_pause_is_kept_by_the_next_owner() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(300, Scope::Chat)]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"])]);
    rig.run(3 * SEC).await;
    rig.take_over().await;
    rig.send(&[say("a", 1, &["y"]), say("a", 2, &["z"])]);
    rig.run(10 * SEC).await;
    // And by the one after that.
    rig.take_over().await;
    rig.settle(400 * SEC).await;
    let of = |text: &str| last(&rig, text) - start;
    assert!(of("z") < 5 * SEC && of("x") >= 300 * SEC && of("y") >= 300 * SEC, "{:?}", rig.telegram.sent());
    assert_eq!(rig.telegram.sent().len(), 4, "x was tried once more and nothing twice");
    rig.run(2 * SEC).await;
    assert_eq!(rig.parked(), ["epoch:ready:3"], "the wait is over and gone");
}

#[tokio::test(start_paused = true)]
async fn a_numbers_pause_is_kept_by_the_next_owner() {
    let mut rig = Rig::new().await;
    rig.whatsapp.script("1", [wait(900, Scope::Number)]);
    let on = |bot, chat: u32, text| Say { channel: ChannelKind::Whatsapp, ..say(bot, chat, &[text]) };
    let start = Instant::now();
    rig.send(&[on("a", 1, "x")]);
    rig.run(3 * SEC).await;
    rig.take_over().await;
    rig.send(&[on("a", 2, "y"), say("a", 2, &["z"]), on("b", 3, "b")]);
    rig.settle(1_000 * SEC).await;
    let of = |text: &str| last(&rig, text) - start;
    assert!(of("z") < 5 * SEC && of("b") < 5 * SEC, "no other account waits");
    assert!(of("x") >= 900 * SEC && of("y") >= 900 * SEC, "{:?}", rig.whatsapp.sent());
    rig.run(2 * SEC).await;
    assert_eq!(rig.parked(), ["epoch:ready:2"]);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_waits_on_disk_and_others_do_not_notice() {
    let mut rig = Rig::new().await;
    // The bot's limits are known from its first reply on.
    rig.send(&[say("a", 1, &["first"])]);
    rig.settle(SEC).await;
    let mut says: Vec<_> = (0..3_000).map(|n| say("a", n, &["backlog"])).collect();
    says.push(say("b", 1, &["hello"]));
    rig.send(&says);
    rig.run(2 * SEC).await;
    let hello = rig.telegram.sent().iter().filter(|sent| sent.text == "hello").count();
    assert_eq!(hello, 1);
    assert!(rig.stage.jobs.len() < 200, "{} in memory", rig.stage.jobs.len());
    assert!(!rig.is_open(3_000), "what can't go soon is parked at once");
    rig.settle(120 * SEC).await;
    assert_eq!(rig.texts().len(), 3_002);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_that_is_too_long_goes_to_the_dead_letters() {
    let config = DispatchConfig { parked_per_bot: 10, ..DispatchConfig::default() };
    let mut rig = Rig::tuned(telegram(), MS, config, LimitsConfig::default()).await;
    rig.telegram.script("0", [wait(30, Scope::Bot)]);
    rig.send(&[say("a", 0, &["x"])]);
    rig.run(SEC).await;
    let says: Vec<_> = (1..=20).map(|chat| say("a", chat, &["x"])).collect();
    let first = rig.send(&says);
    rig.settle(60 * SEC).await;
    let full = (first..first + 20).filter(|offset| rig.end(*offset) == "bot_backlog_full").count();
    assert_eq!(full, 11, "nine found room beside the first");
    let dropped = rig.ledger().into_iter().filter(|(.., status)| *status == SettledStatus::Dropped);
    assert_eq!(dropped.count(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_beyond_the_reply_ttl_is_told_and_its_end_too() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| {
        bot.spec.reply_ttl = ReplyTtl::Within(Span::secs(20));
        bot.spec.limits.bot = Some(Rate::new(2, SEC));
    });
    rig.send(&[say("a", 1, &["first"]), say("b", 1, &["first"])]);
    rig.settle(SEC).await;
    let says: Vec<_> = (0..100).flat_map(|n| [say("a", n, &["x"]), say("b", n, &["x"])]).collect();
    rig.send(&says);
    let start = Instant::now();
    rig.run(3 * SEC).await;
    let told = |rig: &Rig| -> Vec<(String, u64)> {
        let records = rig.log.records(BACKLOG, 0);
        let events = records.iter().map(|record| Envelope::<BotBacklog>::decode(&record.value).unwrap());
        events.map(|event| (event.bot.to_string(), event.data.seconds)).collect()
    };
    let early = told(&rig);
    assert!(!early.is_empty() && early.len() <= 3, "{early:?}");
    assert!(early.iter().all(|(bot, seconds)| bot == "a" && (40..=51).contains(seconds)), "{early:?}");
    rig.settle(120 * SEC).await;
    rig.run(2 * SEC).await;
    let all = told(&rig);
    assert_eq!(all.last(), Some(&("a".to_owned(), 0)));
    assert_eq!(all.iter().filter(|(_, seconds)| *seconds == 0).count(), 1);
    assert!(all.len() as u64 <= start.elapsed().as_secs(), "at most one a second");
}

#[tokio::test(start_paused = true)]
async fn a_parked_reply_expires_with_its_record_in_the_dead_letters() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(600, Scope::Chat)]);
    let ttl = Some(20 * SEC);
    rig.send(&[Say { ttl, ..say("a", 1, &["x", "y"]) }]);
    rig.settle(30 * SEC).await;
    assert_eq!(rig.end(0), "expired");
    let expired = SettledStatus::Expired;
    assert_eq!(rig.ledger(), [(0, 2, expired), (1, 2, expired)]);
    let letter = &rig.log.records("dead.letter.v1", 0)[0];
    assert_eq!(letter.value, rig.log.records("reply.ready.v1", 3)[0].value, "byte for byte");
    assert_eq!(rig.parked(), ["epoch:ready:1", "limit:chat:ready:t/telegram/a/1"], "its chat still waits");
}
