//! What providers tell of threads and of business accounts.

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{ConversationMode, Mode, TurnOpened, WebhookReceived};
use millrace::domain::template::TemplateNews;
use millrace::domain::time::Timestamp;
use millrace::pipeline::PartitionStage;

use super::{Bench, NOW, messenger, update};

#[tokio::test]
async fn a_thread_that_is_taken_is_the_peoples_and_one_that_is_passed_the_bots() {
    let mut bench = Bench::new();
    bench.stage.restore(&mut bench.cx).await.unwrap();
    let event = |n: u64, what: &str| {
        let item = format!(
            r#"{{"sender":{{"id":"5"}},"recipient":{{"id":"77"}},"timestamp":{},{what}}}"#,
            1_458_692_752_478 + n
        );
        let mut record = messenger(n, n + 1, "messaging", &item);
        let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
        event.data.received = Timestamp::from_millis(NOW + i64::try_from(n).unwrap());
        record.value = event.encode();
        record
    };
    let said = |n: u64| event(n, &format!(r#""message":{{"mid":"m{n}","text":"{n}"}}"#));
    let passed =
        |n: u64, to: &str| event(n, &format!(r#""pass_thread_control":{{"new_owner_app_id":{to}}}"#));
    bench.stage.admit(
        &mut bench.cx,
        vec![
            passed(0, "1"),
            event(1, r#""take_thread_control":{"previous_owner_app_id":"1","new_owner_app_id":2}"#),
            said(2),
            passed(3, "1"),
            said(4),
            event(5, r#""request_thread_control":{"requested_owner_app_id":"2"}"#),
            passed(6, "null"),
            passed(7, "1"),
            passed(8, "\"263902037430900\""),
        ],
    );
    bench.settle().await;
    assert_eq!(bench.cx.finished.len(), 9);
    let since = u64::try_from(NOW).unwrap();
    let modes = bench.out::<ConversationMode>();
    let seen: Vec<_> = modes.iter().map(|mode| (mode.data.mode, mode.data.epoch - since)).collect();
    let wanted = [(Mode::Human, 1), (Mode::Bot, 3), (Mode::Human, 5), (Mode::Bot, 7), (Mode::Human, 8)];
    assert_eq!(seen, wanted, "what nobody had taken is not given back");
    let turns = bench.out::<TurnOpened>();
    let epochs: Vec<_> = turns.iter().map(|turn| turn.data.epoch.unwrap() - since).collect();
    assert_eq!(epochs, [1, 3]);
    assert!(modes.iter().all(|mode| mode.conversation == turns[0].conversation));
}

#[tokio::test]
async fn what_is_told_of_a_business_account_is_noted() {
    let mut bench = Bench::new();
    let told = |offset: u64, place: &str, item: &str, number: Option<&str>| {
        let mut record = update(offset, offset, "acme", item);
        let mut event: Envelope<WebhookReceived> = Envelope::decode(&record.value).unwrap();
        event.data.channel = ChannelKind::Whatsapp;
        (event.data.place, event.data.entry) = (Some(place.into()), Some("waba".into()));
        let metadata = number.map(|id| format!(r#"{{"phone_number_id":"{id}"}}"#));
        event.data.metadata = metadata.map(|raw| serde_json::from_str(&raw).unwrap());
        record.value = event.encode();
        record
    };
    let said = r#"{"from":"491511","id":"w1","timestamp":"1795246190","type":"text","text":{"body":"hi"}}"#;
    let paused = r#"{"event":"PAUSED","message_template_id":1,"message_template_name":"sale","message_template_language":"de","reason":"NONE"}"#;
    let field = "message_template_status_update";
    let taken = r#"{"previous_quality_score":"GREEN","new_quality_score":"red","message_template_id":1,"message_template_name":"sale","message_template_language":"de"}"#;
    let moved = r#"{"previous_category":"UTILITY","new_category":"MARKETING","message_template_name":"sale","message_template_language":"de"}"#;
    let banned = r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}"#;
    let flagged = r#"{"display_phone_number":"+1 555","event":"FLAGGED","current_limit":"TIER_1K"}"#;
    bench.stage.admit(
        &mut bench.cx,
        vec![
            told(0, "messages/messages", said, Some("77")),
            told(1, field, paused, None),
            told(2, "message_template_quality_update", taken, None),
            // Nothing is known of how these stand.
            told(3, "message_template_components_update", taken, None),
            told(4, "message_template_quality_update", r#"{"message_template_name":"sale"}"#, None),
            told(5, "template_category_update", moved, None),
            told(6, "account_update", banned, None),
            told(7, "phone_number_quality_update", flagged, None),
        ],
    );
    bench.settle().await;
    assert_eq!(bench.cx.finished, [0, 1, 2, 3, 4, 5, 6, 7]);
    let account = bench.out::<TurnOpened>()[0].data.account.clone();
    assert_eq!(bench.directory.number_of("waba"), Some(account));
    let news = bench.directory.templates_told();
    let words =
        |it: &TemplateNews| [&it.name, &it.status, &it.quality, &it.category].map(String::clone).join("|");
    let news: Vec<_> = news.iter().map(|(business, it)| format!("{business}|{}", words(it))).collect();
    assert_eq!(news, ["waba|sale|PAUSED||", "waba|sale||RED|", "waba|sale|||MARKETING"]);
    let news = bench.directory.business_news();
    let news: Vec<_> =
        news.iter().map(|(of, it)| (of.as_str(), it.number.as_str(), it.word.as_str())).collect();
    assert_eq!(news, [("waba", "", "DISABLE"), ("waba", "1555", "FLAGGED"), ("waba", "1555", "TIER_1K")]);
    assert!(
        bench.directory.business_news().iter().all(|(_, it)| it.at.millis() > 0),
        "as of when it was said"
    );
}
