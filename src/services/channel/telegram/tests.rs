//! What is sent to the Bot API, and what its answers mean.

use std::time::Duration;

use serde_json::json;

use super::judge::{Ruling, answer};
use super::*;
use crate::domain::events::{Button, Card, Degrees, Edit, Media, MediaKind, Place, Reaction};
use crate::domain::ids::AccountId;
use crate::domain::markup;
use crate::services::http::NetConfig;
use crate::services::http::testing::{Canned, TestServer};

const LIMIT: Duration = Duration::from_secs(5);

/// What a row of the table expects.
#[derive(Debug, Clone, Copy)]
enum Want {
    Sent,
    Retry(Scope, Option<u64>),
    Rejected(Scope),
    Unknown,
}

fn check(outcome: &SendOutcome, want: Want, row: &str) {
    let right = match (outcome, want) {
        (SendOutcome::Sent { .. }, Want::Sent) | (SendOutcome::Unknown { .. }, Want::Unknown) => true,
        (SendOutcome::Retry { after, scope, .. }, Want::Retry(wanted, seconds)) => {
            *scope == wanted && *after == seconds.map(Duration::from_secs)
        }
        (SendOutcome::Rejected { scope, .. }, Want::Rejected(wanted)) => *scope == wanted,
        _ => false,
    };
    assert!(right, "{row}: {outcome:?}, wanted {want:?}");
}

#[test]
fn every_answer_has_its_class() {
    let error = |code: u16, text: &str| {
        (code, json!({"ok": false, "error_code": code, "description": text}).to_string())
    };
    let flood = json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 17",
        "parameters": {"retry_after": 17}});
    let table = [
        ((200, r#"{"ok":true,"result":{"message_id":7,"chat":{"id":1}}}"#.to_owned()), Want::Sent),
        ((200, r#"{"ok":true,"result":true}"#.to_owned()), Want::Sent),
        ((429, flood.to_string()), Want::Retry(Scope::Chat, Some(17))),
        (error(429, "Too Many Requests"), Want::Retry(Scope::Chat, Some(3))),
        ((429, "slow down".to_owned()), Want::Retry(Scope::Address, Some(3))),
        (error(500, "Internal Server Error"), Want::Unknown),
        (error(502, "Bad Gateway"), Want::Unknown),
        ((504, "<html>".to_owned()), Want::Unknown),
        ((200, "<html>".to_owned()), Want::Unknown),
        (error(401, "Unauthorized"), Want::Rejected(Scope::Bot)),
        ((401, String::new()), Want::Rejected(Scope::Bot)),
        (error(404, "Not Found"), Want::Rejected(Scope::Bot)),
        (error(404, "Not Found: method not found"), Want::Rejected(Scope::Message)),
        (error(403, "Forbidden: bot was blocked by the user"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: user is deactivated"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: bot was kicked from the group chat"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: bot was kicked from the supergroup chat"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: bot was kicked from the channel chat"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: bot is not a member of the channel chat"), Want::Rejected(Scope::Chat)),
        (error(403, "Forbidden: the group chat was deleted"), Want::Rejected(Scope::Chat)),
        (error(400, "Bad Request: chat not found"), Want::Rejected(Scope::Chat)),
        (error(400, "Bad Request: have no rights to send a message"), Want::Rejected(Scope::Chat)),
        (error(400, "Bad Request: message is not modified: same content"), Want::Sent),
        (error(400, "Bad Request: message is too long"), Want::Rejected(Scope::Message)),
        (error(400, "Bad Request: wrong file identifier"), Want::Rejected(Scope::Message)),
        (error(400, "Bad Request: reply markup is too long"), Want::Rejected(Scope::Message)),
        (
            error(400, "Bad Request: query is too old and response timeout expired"),
            Want::Rejected(Scope::Message),
        ),
        ((413, String::new()), Want::Rejected(Scope::Message)),
        (
            error(409, "Conflict: terminated by other getUpdates request"),
            Want::Retry(Scope::Message, Some(3)),
        ),
    ];
    for ((status, body), want) in table {
        let header = matches!(status, 409 | 429).then_some(Duration::from_secs(3));
        let Ruling::Is(outcome) = answer(status, header, body.as_bytes()) else { panic!("{body}") };
        check(&outcome, want, &format!("{status} {body}"));
    }
}

async fn telegram(script: Vec<Canned>) -> (TestServer, Telegram) {
    let server = TestServer::start(script).await;
    let config = TelegramConfig { api_url: server.url("/"), hosts: Vec::new() };
    (server, Telegram::new(&config, Http::new(NetConfig::default()).unwrap()))
}

fn sender(token: &str) -> Sender {
    Sender { account: AccountId::from("77"), token: Secret::new(token.to_owned()) }
}

fn target(chat: &str, thread: Option<&str>) -> Target {
    Target { chat: chat.to_owned(), thread: thread.map(str::to_owned), human_agent: false }
}

fn text(text: &str) -> Part {
    Part { text: text.to_owned(), ..Part::default() }
}

#[tokio::test]
async fn a_message_goes_to_the_chat_and_its_topic() {
    let (server, telegram) =
        telegram(vec![Canned::json(200, r#"{"ok":true,"result":{"message_id":9}}"#)]).await;
    let part = Part {
        buttons: vec![Button { title: "A".to_owned(), payload: None, ..Button::default() }],
        ..text("hi")
    };
    let sent = telegram.send(&sender("77:aB_-9"), &target("-1001", Some("5")), &part, "x", LIMIT).await;
    assert_eq!(sent, SendOutcome::Sent { provider_id: Some("9".to_owned()) });
    let seen = &server.seen()[0];
    assert!(seen.line.contains("POST /bot77:aB_-9/sendMessage"), "{}", seen.line);
    let wanted = json!({"chat_id": -1001, "text": "hi", "message_thread_id": 5, "reply_markup":
        {"keyboard": [[{"text": "A"}]], "one_time_keyboard": true, "resize_keyboard": true}});
    assert_eq!(seen.json(), wanted);
}

#[tokio::test]
async fn a_group_that_moved_is_followed_once() {
    let moved = |id: i64| {
        let body = json!({"ok": false, "error_code": 400, "description": "group chat was upgraded",
            "parameters": {"migrate_to_chat_id": id}});
        Canned::json(400, &body.to_string())
    };
    let taken = Canned::json(200, r#"{"ok":true,"result":{"message_id":1}}"#);
    let (server, telegram) = telegram(vec![moved(-1002), taken, moved(-1), moved(-2)]).await;
    let (from, to) = (sender("7:x"), target("-5", None));
    let sent = telegram.send(&from, &to, &text("hi"), "x", LIMIT).await;
    check(&sent, Want::Sent, "moved once");
    assert_eq!(server.seen()[1].json()["chat_id"], -1002);
    check(
        &telegram.send(&from, &to, &text("hi"), "x", LIMIT).await,
        Want::Rejected(Scope::Chat),
        "moved twice",
    );
}

#[tokio::test]
async fn silence_after_the_request_is_unknown_and_no_connection_is_not() {
    let (_server, telegram) = telegram(vec![Canned::Drop, Canned::Hang]).await;
    let (from, to) = (sender("7:x"), target("5", None));
    check(&telegram.send(&from, &to, &text("hi"), "x", LIMIT).await, Want::Unknown, "dropped");
    let short = Duration::from_millis(50);
    check(&telegram.send(&from, &to, &text("hi"), "x", short).await, Want::Unknown, "no answer");

    let nobody = TelegramConfig { api_url: "http://127.0.0.1:1".to_owned(), hosts: Vec::new() };
    let telegram = Telegram::new(&nobody, Http::new(NetConfig::default()).unwrap());
    let outcome = telegram.send(&from, &to, &text("hi"), "x", LIMIT).await;
    check(&outcome, Want::Retry(Scope::Number, None), "refused");
    assert!(!format!("{outcome:?}").contains("7:x"), "{outcome:?}");
}

#[tokio::test]
async fn a_malformed_token_never_becomes_an_address() {
    let (server, telegram) = telegram(Vec::new()).await;
    for token in ["", "7:x/../evil", "7:x?y", "7:\u{e9}"] {
        let outcome = telegram.send(&sender(token), &target("5", None), &text("hi"), "x", LIMIT).await;
        check(&outcome, Want::Rejected(Scope::Bot), token);
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn signals_have_their_own_methods() {
    let yes = || Canned::json(200, r#"{"ok":true,"result":true}"#);
    let (server, telegram) = telegram(vec![yes(), yes()]).await;
    let (from, to) = (sender("7:x"), target("5", None));
    let typing = Signal::Typing { message_id: None };
    check(&telegram.signal(&from, &to, &typing, LIMIT).await, Want::Sent, "typing");
    let pressed = Signal::AnswerCallback { callback_id: "c1".to_owned() };
    check(&telegram.signal(&from, &to, &pressed, LIMIT).await, Want::Sent, "callback");
    let seen = server.seen();
    assert!(seen[0].line.contains("/sendChatAction"));
    assert_eq!(seen[0].json(), json!({"chat_id": 5, "action": "typing"}));
    assert!(seen[1].line.contains("/answerCallbackQuery"));
    assert_eq!(seen[1].json(), json!({"callback_query_id": "c1"}));
}

#[test]
fn a_long_text_is_split_and_the_keyboard_stands_last() {
    let telegram = Telegram::new(&TelegramConfig::default(), Http::new(NetConfig::default()).unwrap());
    let part = Part {
        buttons: vec![Button { title: "A".to_owned(), payload: None, ..Button::default() }],
        ..text(&"word ".repeat(2_000))
    };
    let parts = telegram.split(&part);
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.text.encode_utf16().count() <= 4096));
    assert_eq!(parts.iter().map(|part| part.buttons.len()).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn formatting_that_is_refused_goes_once_more_as_plain_text() {
    let refused = || {
        let body =
            json!({"ok": false, "error_code": 400, "description": "Bad Request: can't parse entities: x"});
        Canned::json(400, &body.to_string())
    };
    let taken = Canned::json(200, r#"{"ok":true,"result":{"message_id":1}}"#);
    let (server, telegram) = telegram(vec![refused(), taken, refused()]).await;
    let (words, spans) = markup::parse("**bold** [site](https://x.example)");
    let part = Part { text: words, spans, ..Part::default() };
    let (from, to) = (sender("7:x"), target("5", None));
    check(&telegram.send(&from, &to, &part, "x", LIMIT).await, Want::Sent, "plain");
    let seen = server.seen();
    let entities = json!([{"type": "bold", "offset": 0, "length": 4},
        {"type": "text_link", "offset": 5, "length": 4, "url": "https://x.example"}]);
    assert_eq!(seen[0].json(), json!({"chat_id": 5, "text": "bold site", "entities": entities}));
    assert_eq!(seen[1].json(), json!({"chat_id": 5, "text": "bold site"}));
    // A plain text can't be made plainer.
    let outcome = telegram.send(&from, &to, &text("hi"), "x", LIMIT).await;
    check(&outcome, Want::Rejected(Scope::Message), "plain already");
}

#[test]
fn content_has_its_own_methods() {
    let request = |content: Content| {
        let part = Part { content: Some(Box::new(content)), ..Part::default() };
        let Request { method, body, .. } = Request::of(&target("5", None), &part);
        (method, serde_json::Value::Object(body))
    };
    let degrees = |n| Degrees::try_from(n).unwrap();
    let place = |title: Option<&str>| Place {
        latitude: degrees(1.5),
        longitude: degrees(2.5),
        title: title.map(str::to_owned),
        address: None,
    };
    let wanted = json!({"chat_id": 5, "latitude": 1.5, "longitude": 2.5});
    assert_eq!(request(Content::Location(place(None))), ("sendLocation", wanted));
    let (method, body) = request(Content::Location(place(Some("Shop"))));
    assert_eq!((method, &body["title"], &body["address"]), ("sendVenue", &json!("Shop"), &json!("Shop")));
    let card = Card { phone: "+49151".into(), name: "Ann".into() };
    let wanted = json!({"chat_id": 5, "phone_number": "+49151", "first_name": "Ann"});
    assert_eq!(request(Content::Contact(card)), ("sendContact", wanted));
    for (kind, method, field) in [
        (MediaKind::Image, "sendPhoto", "photo"),
        (MediaKind::Video, "sendVideo", "video"),
        (MediaKind::Audio, "sendAudio", "audio"),
        (MediaKind::Voice, "sendVoice", "voice"),
        (MediaKind::Document, "sendDocument", "document"),
        (MediaKind::Sticker, "sendSticker", "sticker"),
    ] {
        let media = Media { kind, id: Some("f1".into()), url: None, name: None, file: None, hash: None };
        assert_eq!(request(Content::Media(media)), (method, json!({"chat_id": 5, field: "f1"})));
    }
    let reaction = Reaction { emoji: "👍".into(), on: Some("9".into()) };
    let wanted = json!({"chat_id": 5, "message_id": 9, "reaction": [{"type": "emoji", "emoji": "👍"}]});
    assert_eq!(request(Content::Reaction(reaction)), ("setMessageReaction", wanted));
}

#[tokio::test]
async fn a_message_is_changed_where_it_can_be_and_said_anew_elsewhere() {
    let taken = || Canned::json(200, r#"{"ok":true,"result":{"message_id":9}}"#);
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: message can't be edited"}"#;
    let (server, telegram) = telegram(vec![taken(), Canned::json(400, refused), taken(), taken()]).await;
    let edit = |on: Option<&str>| Part {
        content: Some(Box::new(Content::Edit(Edit { on: on.map(str::to_owned) }))),
        ..text("Done.")
    };
    let (from, to) = (sender("7:x"), target("5", None));
    let press = Button { title: "More".into(), payload: Some("m".into()), ..Button::default() };
    let with_button = Part { buttons: vec![press], ..edit(Some("3")) };
    for part in [&with_button, &edit(Some("3")), &edit(None)] {
        let messages = telegram.split(part);
        assert_eq!(messages.len(), 1, "{messages:?}");
        let sent = telegram.send(&from, &to, &messages[0], "x", LIMIT).await;
        check(&sent, Want::Sent, "edit");
    }
    let seen = server.seen();
    assert!(seen[0].line.contains("/editMessageText") && seen[1].line.contains("/editMessageText"));
    assert_eq!((&seen[0].json()["message_id"], &seen[0].json()["text"]), (&json!(3), &json!("Done.")));
    assert!(seen[0].json()["reply_markup"]["inline_keyboard"].is_array());
    for again in &seen[2..4] {
        assert!(again.line.contains("/sendMessage"), "{}", again.line);
        assert_eq!(again.json().get("message_id"), None);
    }
    let long = Part { text: "word ".repeat(2_000), ..edit(Some("3")) };
    assert!(
        telegram.split(&long).iter().all(|part| part.content.is_none()),
        "one takes the place of one only"
    );
}
