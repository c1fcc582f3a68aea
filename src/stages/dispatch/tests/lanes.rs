//! Replies and campaigns of one partition: one limit, replies first, each lane in its own order, a campaign never twice.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{Rig, Say, say};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Lane, Settled, SettledStatus};
use crate::limits::LimitsConfig;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};
use crate::stages::dispatch::DispatchConfig;

const SEC: Duration = Duration::from_secs(1);

async fn both(ready: &mut Rig, bulk: &mut Rig, span: Duration) {
    tokio::join!(ready.run(span), bulk.run(span));
}

fn campaign(chats: std::ops::Range<u32>) -> Vec<Say> {
    chats.map(|chat| say("a", chat, &["news"])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_campaign_leaves_room_for_replies_and_both_keep_the_bots_limit() {
    let mut ready = Rig::new().await;
    let mut bulk = ready.bulk().await;
    let begun = Instant::now();
    bulk.send(&campaign(1000..1400));
    both(&mut ready, &mut bulk, 5 * SEC).await;
    for chat in 0..5_u32 {
        let asked = Instant::now();
        ready.send(&[say("a", chat, &["answer"])]);
        both(&mut ready, &mut bulk, SEC).await;
        let sent = ready.telegram.sent();
        let answer = sent.iter().find(|sent| sent.text == "answer" && sent.chat == chat.to_string()).unwrap();
        let waited = answer.at - asked;
        assert!(waited < Duration::from_millis(50), "a reply waited {waited:?} behind a campaign");
    }
    both(&mut ready, &mut bulk, 10 * SEC).await;
    let mut at: Vec<Duration> = ready.telegram.sent().iter().map(|sent| sent.at - begun).collect();
    assert_eq!(at.len(), 405, "everything was sent once");
    at.sort();
    for (first, at_first) in at.iter().enumerate() {
        let within = at[first..].iter().take_while(|at| **at - *at_first < SEC).count();
        assert!(within <= 28 + 30, "{within} in the second from {at_first:?}");
    }
    let rest = at.iter().filter(|at| **at > SEC).count();
    let took = at.last().copied().unwrap_or_default().saturating_sub(SEC);
    assert!(rest as f64 / took.as_secs_f64() < 30.0, "{rest} in {took:?}");
    assert!(took < 15 * SEC, "a campaign uses what the limit leaves: {took:?}");
}

/// What is marked before it is sent waits for the ledger, and a broker that was gone answers for all of it at once.
#[tokio::test(start_paused = true)]
async fn sends_that_waited_for_the_ledger_do_not_go_out_together() {
    let ready = Rig::new().await;
    let mut bulk = ready.bulk().await;
    for chat in 0..100 {
        bulk.send(&campaign(chat..chat + 1));
        bulk.run(SEC / 20).await;
    }
    let back = Instant::now() + 4 * SEC;
    *bulk.log.stalled.lock().unwrap() = Some(back);
    for chat in 100..180 {
        bulk.send(&campaign(chat..chat + 1));
        bulk.run(SEC / 20).await;
    }
    bulk.run(20 * SEC).await;
    let mut at: Vec<Instant> = ready.telegram.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(at.len(), 180, "everything was sent once");
    at.sort();
    at.retain(|at| *at >= back);
    assert!(at.len() > 60, "the log was slow for {} only", at.len());
    for (first, at_first) in at.iter().enumerate() {
        let within = at[first..].iter().take_while(|at| **at - *at_first < SEC).count();
        assert!(within <= 28 + 30, "{within} in the second from {:?}", *at_first - back);
    }
}

/// Where the ledger takes longer than the limits' word is good for, a bot with one message a second still sends.
#[tokio::test(start_paused = true)]
async fn a_slow_ledger_slows_a_limited_campaign_and_does_not_stop_it() {
    let ready = Rig::with(FakeChannel::new(ChannelKind::Telegram), Duration::from_millis(300)).await;
    ready.put_bot("a", |bot| bot.spec.limits = serde_json::from_str(r#"{"bot": "1/s"}"#).unwrap());
    let mut bulk = ready.bulk().await;
    bulk.send(&campaign(0..20));
    bulk.run(60 * SEC).await;
    assert!(ready.telegram.sent().len() >= 20, "{} sent", ready.telegram.sent().len());
}

#[tokio::test(start_paused = true)]
async fn in_a_chat_a_reply_goes_first_and_each_lane_keeps_its_order() {
    let mut ready = Rig::new().await;
    let mut bulk = ready.bulk().await;
    let wait = SendOutcome::Retry { after: Some(3 * SEC), scope: Scope::Chat, reason: "429".to_owned() };
    ready.telegram.script("7", [wait]);
    ready.send(&[say("a", 7, &["r1"]), say("a", 7, &["r2"])]);
    both(&mut ready, &mut bulk, SEC).await;
    bulk.send(&[say("a", 7, &["b1"]), say("a", 7, &["b2"]), say("a", 8, &["c1"])]);
    both(&mut ready, &mut bulk, 20 * SEC).await;
    let texts = ready.texts();
    let of = |chat: &str| {
        let sent = ready.telegram.sent();
        sent.iter().filter(|sent| sent.chat == chat).map(|sent| sent.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("7"), ["r1", "r1", "r2", "b1", "b2"], "the first try of r1 was refused for the moment");
    assert_eq!(texts.iter().position(|text| text == "c1"), Some(1), "another chat does not wait: {texts:?}");
    assert!(ready.cx.failed.is_none() && bulk.cx.failed.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_campaign_may_have_sent_is_in_doubt_after_a_crash_and_not_sent_again() {
    // Every call takes ten seconds, the crash comes before the first answer.
    let slow = FakeChannel::new(ChannelKind::Telegram).slow(10 * SEC);
    let config =
        DispatchConfig { send_timeout: crate::domain::units::Span::secs(12), ..DispatchConfig::default() };
    let mut ready = Rig::tuned(slow, Duration::from_millis(1), config, LimitsConfig::default()).await;
    let mut bulk = ready.bulk().await;
    bulk.send(&[say("a", 1, &["x"]), say("a", 2, &["y"])]);
    both(&mut ready, &mut bulk, SEC).await;
    let begun = ready.telegram.sent().len();
    ready.take_over().await;
    bulk.take_over_beside(&ready).await;
    both(&mut ready, &mut bulk, 60 * SEC).await;
    assert_eq!(ready.telegram.sent().len(), begun, "nobody is told twice");
    assert_eq!((bulk.end(0), bulk.end(1)), ("in_doubt", "in_doubt"));
    let lanes = bulk.results().into_iter().map(|result| match result {
        Settled::Result { lane, status, .. } => (lane, status),
        other => unreachable!("{other:?}"),
    });
    assert!(lanes.eq([(Lane::Bulk, SettledStatus::InDoubt); 2]));
}

#[tokio::test(start_paused = true)]
async fn each_lane_keeps_its_own_parked_replies() {
    let mut ready = Rig::new().await;
    let mut bulk = ready.bulk().await;
    let wait = || SendOutcome::Retry { after: Some(100 * SEC), scope: Scope::Chat, reason: "429".to_owned() };
    ready.telegram.script("1", [wait()]);
    ready.telegram.script("2", [wait()]);
    ready.send(&[say("a", 1, &["reply"])]);
    // Of another bot: two chats of one that are too fast would be the bot's matter.
    bulk.send(&[say("b", 2, &["news"])]);
    both(&mut ready, &mut bulk, 5 * SEC).await;
    let epochs = ready.parked().iter().filter(|key| key.starts_with("epoch:")).cloned().collect::<Vec<_>>();
    assert_eq!(epochs, ["epoch:bulk:1", "epoch:ready:1"]);
    assert_eq!(ready.parked().len(), 6, "two replies, their waits, two owners: {:?}", ready.parked());
    ready.take_over().await;
    bulk.take_over_beside(&ready).await;
    both(&mut ready, &mut bulk, 200 * SEC).await;
    let mut texts = ready.texts();
    texts.sort();
    assert_eq!(texts, ["news", "news", "reply", "reply"], "each was refused once and sent once");
    assert_eq!(ready.parked(), ["epoch:bulk:2", "epoch:ready:2"]);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_waits_until_it_is_known_what_was_sent_before() {
    let first = Rig::new().await;
    let mut bulk = first.bulk().await;
    // A process of its own, in which nobody has restored the replies' lane.
    bulk.take_over().await;
    bulk.send(&[say("a", 1, &["early"])]);
    bulk.run(5 * SEC).await;
    assert_eq!(first.telegram.sent().len(), 0);
}
