//! Waits of what accounts stand behind together: each holds what it is about, nothing beside it, and outlives its owner.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{Rig, Say, say};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, TenantId};
use crate::services::channel::{Scope, SendOutcome};
use crate::store::{Account, Directory};

const SEC: Duration = Duration::from_secs(1);

fn wait(seconds: u64, scope: Scope) -> SendOutcome {
    SendOutcome::Retry { after: Some(Duration::from_secs(seconds)), scope, reason: "429".to_owned() }
}

fn on(bot: &'static str, chat: u32) -> Say {
    Say { channel: ChannelKind::Whatsapp, ..say(bot, chat, &["x"]) }
}

/// Bots `a` and `b` speak by numbers of one business account, `c` by one of another; one app calls for all three.
async fn nested() -> Rig {
    let rig = Rig::new().await;
    for (bot, business) in [("a", "102"), ("b", "102"), ("c", "203")] {
        let (tenant, id) = (TenantId::from("t"), AccountId::from(bot));
        rig.directory.learn_business(&tenant, &id, business, "").await.unwrap();
        for channel in [ChannelKind::Whatsapp, ChannelKind::Messenger] {
            let found = rig.directory.account(channel, &id).await.unwrap().unwrap();
            rig.directory.put_account(Account { app: Some("front".to_owned()), ..(*found).clone() });
        }
    }
    rig
}

/// Bot `a` hears a wait of 120 s about `scope`; what the next owner's replies of `a`, `b`, `c` on `WhatsApp` and of `b` on
/// Telegram waited since, and what the parked topic says of it.
async fn after_a_wait(mut rig: Rig, scope: Scope) -> ([Duration; 4], Vec<String>) {
    rig.whatsapp.script("1", [wait(120, scope)]);
    let start = Instant::now();
    rig.send(&[on("a", 1)]);
    rig.run(3 * SEC).await;
    let limits = rig.parked().into_iter().filter(|key| key.starts_with("limit:")).collect();
    rig.take_over().await;
    rig.send(&[on("a", 2), on("b", 3), on("c", 4), say("b", 5, &["x"])]);
    rig.settle(200 * SEC).await;
    let sent: Vec<_> = rig.whatsapp.sent().into_iter().chain(rig.telegram.sent()).collect();
    let of = |chat: &str| sent.iter().rfind(|sent| sent.chat == chat).unwrap().at - start;
    assert!(of("1") >= 120 * SEC, "{sent:?}");
    let times = ["2", "3", "4", "5"].map(of);
    rig.run(2 * SEC).await;
    assert_eq!(rig.parked(), ["epoch:ready:2"], "what is over is gone");
    (times, limits)
}

/// Until the second, and for no longer than that.
fn kept(span: Duration) -> bool {
    (120 * SEC..122 * SEC).contains(&span)
}

#[tokio::test(start_paused = true)]
async fn a_business_account_stops_its_numbers_and_no_other_one_of_its_app() {
    let ([own, sister, other, elsewhere], limits) = after_a_wait(nested().await, Scope::Business).await;
    assert!(kept(own) && kept(sister), "{own:?} {sister:?}");
    assert!(other < 5 * SEC && elsewhere < 5 * SEC, "{other:?} {elsewhere:?}");
    assert_eq!(limits, ["limit:business:ready:t/102"]);
}

#[tokio::test(start_paused = true)]
async fn an_app_stops_all_that_it_calls_for_and_no_other_channel() {
    let ([own, sister, other, elsewhere], limits) = after_a_wait(nested().await, Scope::App).await;
    assert!(kept(own) && kept(sister) && kept(other), "{own:?} {sister:?} {other:?}");
    assert!(elsewhere < 5 * SEC, "{elsewhere:?}");
    assert_eq!(limits, ["limit:app:ready:t/front"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_app_or_the_business_account_is_not_known_the_number_alone_waits() {
    for scope in [Scope::App, Scope::Business, Scope::Address] {
        let ([own, sister, other, elsewhere], limits) = after_a_wait(Rig::new().await, scope).await;
        assert!(kept(own), "{own:?}");
        assert!([sister, other, elsewhere].iter().all(|wait| *wait < 5 * SEC), "{scope:?}");
        assert_eq!(limits, ["limit:number:ready:t/whatsapp/a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_account_that_is_stopped_without_words_stops_the_address() {
    let mut rig = nested().await;
    rig.whatsapp.script("1", [wait(60, Scope::Address)]);
    rig.whatsapp.script("2", [wait(90, Scope::Address)]);
    let start = Instant::now();
    rig.send(&[on("a", 1)]);
    rig.run(SEC).await;
    rig.send(&[on("b", 2)]);
    rig.run(SEC).await;
    assert!(rig.parked().contains(&"limit:address:ready:meta".to_owned()), "{:?}", rig.parked());
    rig.take_over().await;
    rig.send(&[on("c", 3), say("c", 4, &["x"])]);
    rig.settle(200 * SEC).await;
    let of = |sent: Vec<crate::services::channel::fake::FakeSend>, chat: &str| {
        sent.into_iter().rfind(|sent| sent.chat == chat).unwrap().at - start
    };
    assert!(of(rig.whatsapp.sent(), "3") >= 91 * SEC, "every account of the provider waits");
    assert!(of(rig.telegram.sent(), "4") < 5 * SEC, "and none of another one");
}

/// A number is moved to another business account: what it hears from then on is about that one.
#[tokio::test(start_paused = true)]
async fn an_account_that_moves_leaves_its_earlier_waits_behind() {
    let mut rig = nested().await;
    rig.send(&[on("b", 9)]);
    rig.settle(SEC).await;
    rig.directory.learn_business(&TenantId::from("t"), &AccountId::from("b"), "203", "").await.unwrap();
    rig.send(&[on("b", 9)]);
    rig.settle(SEC).await;
    rig.whatsapp.script("1", [wait(120, Scope::Business)]);
    let start = Instant::now();
    rig.send(&[on("a", 1)]);
    rig.run(SEC).await;
    rig.send(&[on("b", 2)]);
    rig.run(5 * SEC).await;
    let sent = rig.whatsapp.sent();
    assert!(sent.iter().any(|sent| sent.chat == "2" && sent.at - start < 5 * SEC), "{sent:?}");
}
