//! A wall clock that is set before a takeover moves deadlines, and makes nobody silent and nothing go out twice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::rig::{Rig, Say, say};
use crate::services::channel::{Scope, SendOutcome};

const SEC: Duration = Duration::from_secs(1);
const HOUR_MS: i64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_no_bot_silent() {
    let mut rig = Rig::new().await;
    rig.send(&[say("a", 1, &["one", "two", "three"])]);
    rig.settle(SEC).await;
    rig.ahead.store(-HOUR_MS, Ordering::Relaxed);
    rig.take_over().await;
    let start = Instant::now();
    rig.send(&[say("a", 1, &["four"]), say("a", 2, &["other"])]);
    rig.settle(10 * SEC).await;
    let sent = rig.telegram.sent();
    let at = |text: &str| sent.iter().find(|sent| sent.text == text).unwrap().at - start;
    assert!(at("four") > 900 * SEC / 1000 && at("four") < 1_100 * SEC / 1000, "{:?}", at("four"));
    assert!(at("other") < 100 * SEC / 1000, "{:?}", at("other"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_lasts_as_long_as_was_asked_for_though_the_clock_is_set_back() {
    let mut rig = Rig::new().await;
    let wait = SendOutcome::Retry { after: Some(100 * SEC), scope: Scope::Bot, reason: "429".to_owned() };
    rig.telegram.script("1", [wait]);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["x"])]);
    rig.run(3 * SEC).await;
    rig.ahead.store(-HOUR_MS, Ordering::Relaxed);
    rig.take_over().await;
    rig.settle(200 * SEC).await;
    let last = rig.telegram.sent().last().unwrap().at - start;
    assert!(last >= 100 * SEC && last < 110 * SEC, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_ahead_sends_nothing_twice_and_expires_what_is_late_by_it() {
    let mut rig = Rig::new().await;
    let wait = SendOutcome::Retry { after: Some(60 * SEC), scope: Scope::Chat, reason: "429".to_owned() };
    rig.telegram.script("2", [wait]);
    let ttl = Some(1800 * SEC);
    let late = Say { ttl, ..say("a", 2, &["late"]) };
    let first = rig.send(&[say("a", 1, &["one", "two", "three"]), late]);
    rig.run(3 * SEC).await;
    rig.ahead.store(HOUR_MS, Ordering::Relaxed);
    // Everything is read again, and the ledger lies an hour back.
    rig.restart().await;
    rig.ends.clear();
    rig.admit(first);
    let start = Instant::now();
    rig.send(&[say("a", 1, &["four"])]);
    rig.settle(120 * SEC).await;
    let texts = rig.texts();
    assert_eq!(texts.iter().filter(|text| ["one", "two", "three"].contains(&text.as_str())).count(), 3);
    assert_eq!(texts.iter().filter(|text| *text == "late").count(), 1, "only before the clock was set");
    assert_eq!(rig.end(first + 1), "expired");
    // What was sent before is an hour old by this clock and counts for no limit.
    let four = rig.telegram.sent().iter().find(|sent| sent.text == "four").unwrap().at - start;
    assert!(four < SEC, "{four:?}");
}
