//! Who may send: claims, leases, marks, doubts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::rig::{P, Rig, SETTLED, Say, say};
use crate::domain::bot::UnknownPolicy;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Settled, SettledStatus, Signal};
use crate::services::channel::SendOutcome;
use crate::services::channel::fake::FakeChannel;

const SEC: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn every_owner_claims_a_higher_epoch() {
    let mut rig = Rig::new().await;
    rig.restart().await;
    rig.send(&[say("a", 1, &["x"])]);
    rig.settle(SEC).await;
    assert_eq!(*rig.ownership.claimed.lock().unwrap(), [1, 2]);
    let Settled::Result { epoch, .. } = &rig.results()[0] else { panic!("{:?}", rig.results()) };
    assert_eq!(*epoch, 2);
}

/// The group's offsets were reset: the parked topic remembers how far epochs had come.
#[tokio::test(start_paused = true)]
async fn an_epoch_is_never_taken_twice() {
    let mut rig = Rig::new().await;
    rig.restart().await;
    rig.cx.epoch = 0;
    rig.restart().await;
    assert_eq!(rig.cx.epoch, 3);
    assert_eq!(rig.ownership.claimed.lock().unwrap().last(), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_nothing_is_sent() {
    let mut rig = Rig::new().await;
    let now = rig.cx.clock.uptime();
    // A call that begins now may end at 8 s.
    *rig.ownership.lease.lock().unwrap() = now + 8 * SEC;
    let offset = rig.send(&[say("a", 1, &["x"])]);
    rig.run(5 * SEC).await;
    assert_eq!((rig.texts().len(), rig.end(offset)), (0, "open"));
    *rig.ownership.lease.lock().unwrap() = now + 30 * SEC;
    rig.run(SEC).await;
    assert_eq!((rig.texts().len(), rig.end(offset)), (1, "finished"));
}

fn kinds(rig: &Rig) -> Vec<&'static str> {
    let records = rig.log.records(SETTLED, P);
    let kind = |settled: Settled| match settled {
        Settled::Result { .. } => "result",
        Settled::Sending { .. } => "sending",
        Settled::Unsent { .. } => "unsent",
        Settled::Copied { .. } => "copied",
    };
    records.iter().map(|record| kind(serde_json::from_slice(&record.value).unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_sent_twice_is_marked_before_it_is_sent() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| bot.spec.on_unknown = UnknownPolicy::Drop);
    rig.telegram.script("2", [SendOutcome::Unknown { reason: "timeout".to_owned() }]);
    let offset = rig.send(&[say("a", 1, &["x"])]);
    rig.settle(SEC).await;
    assert_eq!(kinds(&rig), ["sending", "result"]);
    let doubtful = rig.send(&[say("a", 2, &["y"])]);
    rig.settle(20 * SEC).await;
    assert_eq!((rig.end(offset), rig.end(doubtful)), ("finished", "in_doubt"));
    assert_eq!(rig.texts(), ["x", "y"], "an unknown outcome is not tried again");
}

#[tokio::test(start_paused = true)]
async fn a_mark_without_a_result_is_in_doubt_for_the_next_owner() {
    let mut rig = Rig::with(FakeChannel::new(ChannelKind::Telegram), Duration::from_millis(100)).await;
    rig.put_bot("a", |bot| bot.spec.on_unknown = UnknownPolicy::Drop);
    let offset = rig.send(&[say("a", 1, &["x", "y"])]);
    // The mark is durable after 100 ms, the RESULT after 200.
    rig.run(Duration::from_millis(150)).await;
    assert_eq!((rig.texts(), kinds(&rig)), (vec!["x".to_owned()], vec!["sending"]));
    rig.take_over().await;
    rig.settle(10 * SEC).await;
    assert_eq!(rig.texts(), ["x", "y"], "the part in doubt is not sent again, the next one is");
    assert_eq!(rig.end(offset), "in_doubt");
    let (doubt, sent) = (SettledStatus::InDoubt, SettledStatus::Sent);
    assert_eq!(rig.ledger(), [(0, 2, doubt), (1, 2, sent)]);
}

#[tokio::test(start_paused = true)]
async fn a_status_settles_a_send_that_nobody_answered() {
    let mut rig = Rig::new().await;
    rig.put_bot("a", |bot| bot.spec.on_unknown = UnknownPolicy::Reconcile);
    let unknown = || SendOutcome::Unknown { reason: "timeout".to_owned() };
    rig.whatsapp.script("1", [unknown()]);
    rig.whatsapp.script("2", [unknown()]);
    let on = |chat: u32, text| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &[text]) };
    rig.send(&[on(1, "arrived"), on(2, "lost")]);
    rig.run(SEC).await;
    let opaque = rig.whatsapp.sent().into_iter().find(|sent| sent.chat == "1").unwrap().opaque;
    rig.write_receipt("a", "1", &opaque);
    rig.settle(60 * SEC).await;
    let texts: Vec<_> = rig.whatsapp.sent().into_iter().map(|sent| sent.text).collect();
    assert_eq!(texts, ["arrived", "lost", "lost"], "only what nobody has heard of is sent once more");
    let ids = rig.results().into_iter().filter_map(|settled| match settled {
        Settled::Result { provider_id, .. } => provider_id,
        _ => None,
    });
    assert_eq!(ids.collect::<Vec<_>>()[0], "wamid.1");
}

/// A bot `a` that reconciles, its `WhatsApp` log slow enough to lose a RESULT.
async fn reconciling() -> Rig {
    let rig = Rig::with(FakeChannel::new(ChannelKind::Telegram), Duration::from_millis(100)).await;
    rig.put_bot("a", |bot| bot.spec.on_unknown = UnknownPolicy::Reconcile);
    rig
}

#[tokio::test(start_paused = true)]
async fn a_status_of_what_an_earlier_owner_sent_keeps_the_next_one_from_sending_it_again() {
    let mut rig = reconciling().await;
    let on = |chat: u32, text| Say { channel: ChannelKind::Whatsapp, ..say("a", chat, &[text, "rest"]) };
    rig.send(&[on(1, "arrived"), on(2, "unheard of")]);
    while rig.whatsapp.sent().len() < 2 {
        rig.run(Duration::from_millis(10)).await;
    }
    let opaque = rig.whatsapp.sent().into_iter().find(|sent| sent.text == "arrived").unwrap().opaque;
    rig.write_receipt("a", "1", &opaque);
    assert!(rig.ledger().is_empty(), "no RESULT is durable yet");
    rig.take_over().await;
    rig.settle(60 * SEC).await;
    let sent = rig.whatsapp.sent();
    let count = |text: &str| sent.iter().filter(|sent| sent.text == text).count();
    assert_eq!((count("arrived"), count("unheard of"), count("rest")), (1, 2, 2), "{sent:?}");
    let ids = rig.results().into_iter().filter_map(|settled| match settled {
        Settled::Result { provider_id, part: 0, .. } => provider_id,
        _ => None,
    });
    assert!(ids.collect::<Vec<_>>().contains(&"wamid.1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_comes_while_the_log_can_not_be_read_counts() {
    let mut rig = reconciling().await;
    rig.whatsapp.script("1", [SendOutcome::Unknown { reason: "timeout".to_owned() }]);
    rig.send(&[Say { channel: ChannelKind::Whatsapp, ..say("a", 1, &["once"]) }]);
    rig.run(SEC).await;
    let opaque = rig.whatsapp.sent()[0].opaque.clone();
    // Every tail's next read fails; the status comes before they read again.
    rig.log.fail_reads.store(3, Ordering::Relaxed);
    rig.write_receipt("a", "1", &opaque);
    rig.settle(60 * SEC).await;
    assert_eq!(rig.whatsapp.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_no_signal_is_sent_and_a_fresh_one_goes_when_it_is_back() {
    let mut rig = Rig::new().await;
    rig.run(SEC).await;
    let now = rig.cx.clock.uptime();
    *rig.ownership.lease.lock().unwrap() = now + 8 * SEC;
    let pressed = |id: &str| Signal::AnswerCallback { callback_id: id.to_owned() };
    rig.write_signal("a", "1", pressed("one"), Duration::ZERO);
    rig.run(5 * SEC).await;
    assert!(rig.telegram.signals().is_empty());
    *rig.ownership.lease.lock().unwrap() = now + 60 * SEC;
    rig.run(SEC).await;
    assert_eq!(rig.telegram.signals().len(), 1);
    // Who speaks takes longer to look up than the lease lasts.
    *rig.ownership.lease.lock().unwrap() = now + 16 * SEC;
    rig.directory.slow(9 * SEC);
    rig.write_signal("a", "1", pressed("two"), Duration::ZERO);
    rig.run(20 * SEC).await;
    assert_eq!(rig.telegram.signals().len(), 1, "{:?}", rig.telegram.signals());
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_the_limits_let_go_too_long_ago_asks_them_again() {
    let mut rig = Rig::new().await;
    rig.run(SEC).await;
    rig.put_bot("a", |bot| bot.spec.limits.bot = Some("1 then 1/1s".parse().unwrap()));
    rig.directory.slow(500 * SEC / 1000);
    for chat in ["1", "2", "3", "4"] {
        let signal = Signal::AnswerCallback { callback_id: chat.to_owned() };
        rig.write_signal("a", chat, signal, Duration::ZERO);
    }
    rig.run(2 * SEC).await;
    assert!(rig.telegram.signals().is_empty(), "each came too late");
    rig.directory.slow(Duration::ZERO);
    rig.run(10 * SEC).await;
    let at: Vec<_> = rig.telegram.signals().into_iter().map(|signal| signal.at).collect();
    assert_eq!(at.len(), 4);
    assert!(at.is_sorted() && at.windows(2).all(|pair| pair[1] - pair[0] >= 900 * SEC / 1000), "{at:?}");
}
