//! What each outcome of a send leads to.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{P, READY, Rig, Say, say};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Settled, SettledStatus};
use crate::domain::refusal::Refused;
use crate::log::Outgoing;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn wait(seconds: Option<u64>, scope: Scope) -> SendOutcome {
    SendOutcome::Retry { after: seconds.map(Duration::from_secs), scope, reason: "429".to_owned() }
}

fn refused(scope: Scope) -> SendOutcome {
    SendOutcome::Rejected { scope, reason: "no".to_owned() }
}

fn unknown() -> SendOutcome {
    SendOutcome::Unknown { reason: "timeout".to_owned() }
}

/// When chats got their messages, since `start`.
fn times(rig: &Rig, chat: &str, start: Instant) -> Vec<Duration> {
    let sent = rig.telegram.sent().into_iter().filter(|sent| sent.chat == chat);
    sent.map(|sent| sent.at - start).collect()
}

#[tokio::test(start_paused = true)]
async fn too_fast_for_a_chat_is_kept_to_the_second_and_others_go_on() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(Some(17), Scope::Chat)]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"]), say("a", 1, &["y"]), say("a", 2, &["z"])]);
    rig.settle(60 * SEC).await;
    let one = times(&rig, "1", start);
    assert!(one[1] >= 17 * SEC && one[1] < 17 * SEC + 50 * MS, "{one:?}");
    assert!(times(&rig, "2", start)[0] < 50 * MS);
    let sent: Vec<_> = rig.texts();
    assert_eq!(sent, ["x", "z", "x", "y"]);
    let Settled::Result { attempt, .. } = &rig.results()[1] else { panic!("{:?}", rig.results()) };
    assert_eq!(*attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_chat_that_is_too_fast_pauses_the_bot() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(Some(20), Scope::Chat)]);
    rig.telegram.script("2", [wait(Some(30), Scope::Chat)]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"]), say("a", 2, &["y"])]);
    rig.run(SEC).await;
    rig.send(&[say("a", 3, &["z"]), say("b", 3, &["w"])]);
    rig.settle(60 * SEC).await;
    let three = times(&rig, "3", start);
    assert!(three[0] < 2 * SEC && three[1] >= 30 * SEC, "another bot goes on, this one waits: {three:?}");
    assert!(times(&rig, "1", start)[1] >= 30 * SEC);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_too_fast_waits_as_a_whole() {
    let mut rig = Rig::new().await;
    rig.whatsapp.script("1", [wait(Some(9), Scope::Number)]);
    let start = Instant::now();
    let on = |chat: u32| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &["x"]) };
    rig.send(&[on(1)]);
    rig.run(100 * MS).await;
    rig.send(&[on(2), say("a", 5, &["telegram"])]);
    rig.settle(60 * SEC).await;
    assert!(rig.whatsapp.sent()[1..].iter().all(|sent| sent.at - start >= 9 * SEC));
    assert!(times(&rig, "5", start)[0] < SEC);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_rests_sends_nothing_until_then() {
    let mut rig = Rig::new().await;
    rig.rest(ChannelKind::Whatsapp, "a", 40 * SEC).await;
    let start = Instant::now();
    let on = |chat: u32| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &["x"]) };
    rig.send(&[on(1), on(2), say("a", 5, &["telegram"])]);
    rig.settle(60 * SEC).await;
    let sent = rig.whatsapp.sent();
    assert!(sent.len() == 2 && sent.iter().all(|sent| sent.at - start >= 40 * SEC), "{sent:?}");
    assert!(times(&rig, "5", start)[0] < SEC, "another number of the bot goes on");
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_for_the_moment_is_given_up_in_the_end() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", vec![wait(None, Scope::Message); 9]);
    let offset = rig.send(&[say("a", 1, &["x", "y"]), say("a", 1, &["z"])]);
    rig.settle(600 * SEC).await;
    assert_eq!(rig.end(offset), "rejected");
    assert_eq!(rig.ledger()[..2], [(0, 2, SettledStatus::Rejected), (1, 2, SettledStatus::Skipped)]);
    let Settled::Result { attempt, reason, .. } = &rig.results()[0] else { panic!("{:?}", rig.results()) };
    assert_eq!(*attempt, 5);
    assert!(reason.as_ref().unwrap().contains("given up after 5 tries"), "{reason:?}");
}

/// As a message does whose file is being uploaded.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_told_when_to_come_again_spends_no_tries_and_its_deadline_ends_it() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", vec![wait(Some(15), Scope::Message); 12]);
    rig.telegram.script("2", vec![wait(Some(15), Scope::Message); 99]);
    let start = Instant::now();
    let ttl = Some(300 * SEC);
    let offset = rig.send(&[
        Say { ttl, ..say("a", 1, &["x"]) },
        Say { ttl, ..say("a", 2, &["y"]) },
        Say { ttl, ..say("a", 3, &["z"]) },
    ]);
    rig.settle(302 * SEC).await;
    assert_eq!([rig.end(offset), rig.end(offset + 1)], ["finished", "expired"]);
    assert_eq!(times(&rig, "1", start).len(), 13, "more than `tries`");
    assert!(times(&rig, "3", start)[0] < SEC, "the bot's other chats go on");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_can_not_be_reached_is_tried_until_the_deadline() {
    let down = |_: &_, _| wait(None, Scope::Number);
    let mut rig = Rig::with(FakeChannel::new(ChannelKind::Telegram).answering(down), MS).await;
    let ttl = Some(300 * SEC);
    let offset = rig.send(&[Say { ttl, ..say("a", 1, &["x"]) }, Say { ttl, ..say("a", 2, &["y"]) }]);
    rig.settle(302 * SEC).await;
    assert_eq!([rig.end(offset), rig.end(offset + 1)], ["expired", "expired"]);
    let tries = rig.telegram.sent().len();
    assert!((6..60).contains(&tries), "{tries} tries");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_tried_once_more_then_in_doubt() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [unknown(), unknown()]);
    rig.telegram.script("2", [unknown()]);
    let offset = rig.send(&[say("a", 1, &["x", "y"]), say("a", 2, &["z"]), say("a", 1, &["w"])]);
    rig.settle(60 * SEC).await;
    assert_eq!([rig.end(offset), rig.end(offset + 1)], ["in_doubt", "finished"]);
    let chat: Vec<_> = rig.telegram.sent().into_iter().filter(|s| s.chat == "1").map(|s| s.text).collect();
    assert_eq!(chat, ["x", "x", "y", "w"]);
    assert!(rig.ledger().contains(&(0, 2, SettledStatus::InDoubt)));
    assert!(rig.ledger().contains(&(1, 2, SettledStatus::Sent)));
}

#[tokio::test(start_paused = true)]
async fn a_closed_chat_costs_only_its_own_reply() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [refused(Scope::Chat)]);
    let offset = rig.send(&[say("a", 1, &["x", "y"]), say("a", 1, &["z"]), say("a", 2, &["w"])]);
    rig.settle(60 * SEC).await;
    assert_eq!([rig.end(offset), rig.end(offset + 1)], ["rejected", "finished"]);
    assert!(!rig.texts().contains(&"y".to_owned()));
    assert!(rig.directory.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_silent_and_the_bots_other_accounts_go_on() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [refused(Scope::Bot)]);
    let first = rig.send(&[say("a", 1, &["x"])]);
    rig.settle(SEC).await;
    let elsewhere = Say { channel: ChannelKind::Whatsapp, ..say("a", 1, &["v"]) };
    let later = rig.send(&[say("a", 1, &["y", "z"]), say("b", 1, &["w"]), elsewhere]);
    rig.settle(10 * SEC).await;
    assert_eq!(
        [rig.end(first), rig.end(later), rig.end(later + 1), rig.end(later + 2)],
        ["rejected", "account_refused", "finished", "finished"]
    );
    let whose = ("t".into(), "a".into(), ChannelKind::Telegram, "a".into());
    assert_eq!(rig.directory.refusals(), [(whose, Refused::All, "no".to_owned())]);
    assert_eq!(rig.texts(), ["x", "w"]);
    assert_eq!(rig.whatsapp.sent().len(), 1, "its other account speaks");
    let barred = rig.results().into_iter().filter_map(|settled| match settled {
        Settled::Result { attempt, reason: Some(reason), .. } => Some((attempt, reason)),
        _ => None,
    });
    let why = "the provider refuses telegram account `a`: no".to_owned();
    assert!(barred.collect::<Vec<_>>().contains(&(0, why)));
    // Its owner acts.
    rig.put_bot("a", |bot| bot.version = 2);
    let again = rig.send(&[say("a", 1, &["back"])]);
    rig.settle(10 * SEC).await;
    assert_eq!(rig.end(again), "finished");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_paid_for_still_answers() {
    let mut rig = Rig::new().await;
    let to = |chat| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &[""]) };
    rig.whatsapp.script("1", [refused(Scope::Templates)]);
    rig.manner.template = true;
    let first = rig.send(&[to(1)]);
    rig.settle(SEC).await;
    let later = rig.send(&[to(2)]);
    rig.manner.template = false;
    rig.send(&[Say { texts: vec!["hi".to_owned()], ..to(3) }]);
    rig.settle(10 * SEC).await;
    assert_eq!(
        [rig.end(first), rig.end(later), rig.end(later + 1)],
        ["rejected", "account_refused", "finished"]
    );
    let sent: Vec<_> = rig.whatsapp.sent().into_iter().map(|sent| sent.chat).collect();
    assert_eq!(sent, ["1", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_its_owner_switched_off_is_silent_everywhere() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| bot.enabled = false);
    let elsewhere = Say { channel: ChannelKind::Whatsapp, ..say("a", 1, &["v"]) };
    let first = rig.send(&[say("a", 1, &["x"]), elsewhere, say("b", 1, &["w"])]);
    rig.settle(10 * SEC).await;
    assert_eq!(
        [rig.end(first), rig.end(first + 1), rig.end(first + 2)],
        ["bot_disabled", "bot_disabled", "finished"]
    );
    assert_eq!(rig.texts(), ["w"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_expires_also_while_its_bot_waits() {
    let mut rig = Rig::new().await;
    rig.telegram.script("1", [wait(Some(60), Scope::Bot)]);
    let ttl = Some(10 * SEC);
    let offset = rig.send(&[
        say("a", 1, &["x"]),
        Say { ttl, ..say("a", 2, &["late", "later"]) },
        Say { ttl: Some(Duration::ZERO), ..say("b", 1, &["too late"]) },
    ]);
    rig.run(12 * SEC).await;
    // The first message to the second chat went out before the pause was known; the second waited too long.
    assert_eq!([rig.end(offset + 1), rig.end(offset + 2)], ["expired", "expired"]);
    let offset = rig.send(&[Say { ttl, ..say("a", 3, &["late", "later"]) }]);
    rig.run(12 * SEC).await;
    assert_eq!(rig.end(offset), "expired");
    assert!(!rig.texts().contains(&"too late".to_owned()));
    let expired = rig.ledger().into_iter().filter(|(.., status)| *status == SettledStatus::Expired);
    assert_eq!(expired.count(), 4);
    rig.settle(60 * SEC).await;
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_never_sent() {
    let mut rig = Rig::new().await;
    let replay = Say { runid: Some("what-if".to_owned()), ..say("a", 1, &["x", "y"]) };
    let offset = rig.send(&[replay, Say { texts: Vec::new(), ..say("a", 1, &[]) }]);
    rig.settle(SEC).await;
    assert!(rig.texts().is_empty());
    assert_eq!([rig.end(offset), rig.end(offset + 1)], ["finished", "finished"]);
    let (dropped, skipped) = (SettledStatus::Dropped, SettledStatus::Skipped);
    assert_eq!(rig.ledger(), [(0, 2, dropped), (1, 2, dropped), (0, 1, skipped)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_this_bots_account_is_never_used() {
    let mut rig = Rig::new().await;
    let offset = rig.send(&[say("nobody", 1, &["x"])]);
    rig.settle(SEC).await;
    assert_eq!(rig.end(offset), "no_account");
    // A bot of that name appears in another tenant; the account is not shared with it.
    rig.put_bot("nobody", |bot| bot.tenant = "other".into());
    let offset = rig.send(&[say("nobody", 1, &["x"])]);
    rig.settle(SEC).await;
    assert_eq!(rig.end(offset), "no_account");
    assert!(rig.texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_can_not_be_read_hurts_nobody() {
    let mut rig = Rig::new().await;
    let offset = rig.log.put(Outgoing::event(READY.into(), "a", "{}".into()).at(P));
    rig.write(&[say("a", 1, &["x"])]);
    rig.admit(offset);
    rig.settle(SEC).await;
    assert_eq!(rig.end(offset), "bug");
    assert_eq!(rig.texts(), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_bots_own_limits_hold_and_change_with_it() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| bot.spec.limits.bot = Some("1 then 1/10s".parse().unwrap()));
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"]), say("a", 2, &["y"])]);
    rig.settle(60 * SEC).await;
    assert!(times(&rig, "2", start)[0] >= 10 * SEC);
    rig.put_bot("a", |bot| bot.version = 2);
    rig.run(20 * SEC).await;
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"])]);
    rig.settle(SEC).await;
    rig.send(&[say("a", 2, &["y"]), say("a", 3, &["z"])]);
    rig.settle(SEC).await;
    assert!(times(&rig, "3", start)[0] < SEC);
}
