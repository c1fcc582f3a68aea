//! What WhatsApp tells of the account and of people's numbers.

use std::time::Duration;

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{ReceiptReceived, TurnDropped, TurnOpened, WebhookReceived};
use millrace::domain::refusal::Refused;
use millrace::pipeline::PartitionStage;
use millrace::store::Directory;
use millrace::store::fake::Whose;

use super::{Bench, update};

#[tokio::test]
async fn what_a_status_says_of_the_whole_account_stops_it_and_no_other() {
    let mut bench = Bench::new();
    let status = |offset: u64, code: i64| {
        let item = format!(
            r#"{{"id":"w{offset}","status":"failed","recipient_id":"5","errors":[{{"code":{code}}}]}}"#
        );
        let mut record = update(offset, offset, "acme", &item);
        let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
        event.data.channel = ChannelKind::Whatsapp;
        event.data.place = Some("messages/statuses".into());
        record.value = event.encode();
        record
    };
    // Outside of the window: this message's own matter. Spam: the number rests.
    bench.stage.admit(&mut bench.cx, vec![status(0, 131_047), status(1, 131_048)]);
    bench.settle().await;
    assert_eq!(bench.directory.refusals(), []);
    let account = bench.out::<ReceiptReceived>()[0].data.account.clone();
    let whose: Whose = ("acme".into(), "shop".into(), ChannelKind::Whatsapp, account);
    assert_eq!(bench.directory.rests(), [(whose.clone(), Duration::from_secs(15 * 60))]);
    // So many people were written to: campaigns are held.
    bench.stage.admit(&mut bench.cx, vec![status(4, 131_064)]);
    bench.settle().await;
    let limits = bench.directory.limits_reached();
    assert_eq!(limits.len(), 1);
    assert!(
        (limits[0].0, &limits[0].1) == (whose.2, &whose.3) && limits[0].2.starts_with("131064:"),
        "{limits:?}"
    );
    bench.stage.admit(&mut bench.cx, vec![status(2, 131_042)]);
    bench.settle().await;
    bench.stage.admit(&mut bench.cx, vec![status(3, 131_031)]);
    bench.settle().await;
    let refusals = bench.directory.refusals();
    let words: Vec<_> = refusals.iter().map(|(of, what, why)| (of, *what, &why[..7])).collect();
    assert_eq!(words, [(&whose, Refused::Templates, "131042:"), (&whose, Refused::All, "131031:")]);
    let bot = bench.directory.bot(&"acme".into(), &"shop".into()).await.unwrap().unwrap();
    assert!(bot.enabled, "its other accounts go on");
    assert_eq!((bench.cx.finished.len(), bench.out::<ReceiptReceived>().len()), (5, 5));
}

#[tokio::test]
async fn an_error_that_is_about_no_message_acts_as_one_in_a_status() {
    let mut bench = Bench::new();
    let error = |offset: u64, code: i64| {
        let mut record = update(offset, offset, "acme", &format!(r#"{{"code":{code},"title":"x"}}"#));
        let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
        event.data.channel = ChannelKind::Whatsapp;
        event.data.place = Some("messages/errors".into());
        record.value = event.encode();
        record
    };
    bench.stage.admit(&mut bench.cx, vec![error(0, 131_051), error(1, 131_048), error(2, 131_031)]);
    bench.settle().await;
    let refusals = bench.directory.refusals();
    assert_eq!((refusals.len(), refusals[0].1, &refusals[0].2[..7]), (1, Refused::All, "131031:"));
    assert_eq!(bench.directory.rests().len(), 1);
    let dropped: Vec<_> = bench.out::<TurnDropped>().into_iter().map(|it| it.data.reason).collect();
    assert_eq!(dropped, ["ignored", "ignored", "ignored"], "each is accounted for");
}

#[tokio::test]
async fn who_writes_from_a_number_that_was_left_is_somebody_else() {
    let mut bench = Bench::new();
    let message = |offset: u64, from: &str, rest: &str| {
        let item = format!(r#"{{"id":"w{offset}","from":"{from}","timestamp":"1790000000",{rest}}}"#);
        let mut record = update(offset, offset, "acme", &item);
        let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
        event.data.channel = ChannelKind::Whatsapp;
        event.data.place = Some("messages/messages".into());
        record.value = event.encode();
        record
    };
    let text = |offset, from| message(offset, from, r#""type":"text","text":{"body":"hi"}"#);
    let moved = r#""type":"system","system":{"type":"user_changed_number","wa_id":"4917"}"#;
    let records = vec![text(0, "4915"), message(1, "4915", moved), text(2, "4917"), text(3, "4915")];
    bench.stage.admit(&mut bench.cx, records);
    bench.settle().await;
    let turns = bench.out::<TurnOpened>();
    let (first, second, third) = (&turns[0], &turns[1], &turns[2]);
    assert_eq!((&first.conversation, second.data.chat.as_str()), (&second.conversation, "4917"));
    assert_ne!(first.conversation, third.conversation);
    assert_eq!(third.data.chat, "4915", "where the stranger is");
    let news = bench.out::<TurnDropped>();
    assert_eq!(news[0].conversation, first.conversation, "the timeline of the person shows it");
}
