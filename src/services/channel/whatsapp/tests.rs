//! What is sent to the Cloud API, and what its answers mean.

use serde_json::{Value, json};

use super::*;
use crate::config::Secret;
use crate::domain::events::{Button, Card, Degrees, Media, MediaKind, Place, Reaction, Request, Template};
use crate::domain::ids::AccountId;
use crate::domain::markup;
use crate::services::channel::Scope;
use crate::services::http::NetConfig;
use crate::services::http::testing::{Canned, TestServer};

const LIMIT: Duration = Duration::from_secs(5);
const TAKEN: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.A"}]}"#;

fn button(title: &str, payload: Option<&str>) -> Button {
    Button { title: title.to_owned(), payload: payload.map(str::to_owned), ..Button::default() }
}

fn body(chat: &str, part: &Part) -> Value {
    serde_json::to_value(Message::new(chat, part, "o:0")).unwrap()
}

fn channel(config: &MetaConfig) -> Whatsapp {
    Whatsapp::new(config, Http::new(NetConfig::default()).unwrap())
}

fn part(text: &str, buttons: Vec<Button>) -> Part {
    Part { text: text.to_owned(), buttons, cites: Vec::new(), ..Part::default() }
}

#[test]
fn a_text_names_us_for_later() {
    assert_eq!(
        body("49151", &part("hi", Vec::new())),
        json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "49151", "type": "text",
            "text": {"body": "hi", "preview_url": false}, "biz_opaque_callback_data": "o:0"})
    );
    let hidden = body("US.13491", &part("hi", Vec::new()));
    assert_eq!((hidden.get("to"), &hidden["recipient"]), (None, &json!("US.13491")));
}

#[test]
fn three_short_choices_are_buttons() {
    let made = body("1", &part("Pick", vec![button("Prices", Some("p")), button("Help", None)]));
    assert_eq!(
        made["interactive"],
        json!({"type": "button", "body": {"text": "Pick"}, "action": {"buttons": [
            {"type": "reply", "reply": {"id": "p", "title": "Prices"}},
            {"type": "reply", "reply": {"id": "Help", "title": "Help"}}]}})
    );
}

#[test]
fn more_or_longer_choices_are_a_list() {
    let four: Vec<_> = (0..4).map(|n| button(&format!("Choice {n}"), None)).collect();
    assert_eq!(body("1", &part("Pick", four))["interactive"]["type"], "list");
    let long = "A title of more than twenty-four characters";
    let made = body("1", &part("Pick", vec![button(long, Some("x"))]));
    let row = &made["interactive"]["action"]["sections"][0]["rows"][0];
    assert_eq!(row, &json!({"id": "x", "title": "A title of more than tw\u{2026}", "description": long}));
}

#[test]
fn what_a_list_can_not_hold_is_numbered_text() {
    let channel = channel(&MetaConfig::default());
    let many: Vec<_> = (0..11).map(|n| button(&format!("C{n}"), None)).collect();
    let twice = vec![button("A", Some("x")), button("B", Some("x"))];
    let heavy = vec![button("A", Some(&"x".repeat(201)))];
    for buttons in [many, twice, heavy] {
        let sent = channel.split(&part("Pick", buttons));
        assert_eq!(sent.len(), 1);
        assert!(sent[0].buttons.is_empty() && sent[0].text.contains("\n1. "), "{}", sent[0].text);
    }
}

#[test]
fn a_long_text_leaves_room_for_its_buttons() {
    let channel = channel(&MetaConfig::default());
    let sent = channel.split(&part(&"word ".repeat(1_300), vec![button("A", None)]));
    let sizes: Vec<_> = sent.iter().map(|part| part.text.len()).collect();
    assert!(sent.len() == 3 && sizes[0] <= MAX_TEXT && sizes[2] <= MAX_BODY, "{sizes:?}");
    assert_eq!(sent[2].buttons.len(), 1);
}

#[tokio::test]
async fn a_send_and_a_signal_reach_the_number() {
    let script =
        vec![Canned::json(200, TAKEN), Canned::json(200, r#"{"success":true}"#), Canned::json(200, "?")];
    let server = TestServer::start(script).await;
    let channel = channel(&MetaConfig { graph_url: server.url("/v23.0/"), ..MetaConfig::default() });
    let from = Sender { account: AccountId::from("10655"), token: Secret::new("EAAx".to_owned()) };
    let to = Target { chat: "49151".to_owned(), thread: None, human_agent: false };
    let sent = channel.send(&from, &to, &part("hi", Vec::new()), "o:0", LIMIT).await;
    assert_eq!(sent, SendOutcome::Sent { provider_id: Some("wamid.A".to_owned()) });
    let typing = Signal::Typing { message_id: Some("wamid.B".to_owned()) };
    assert_eq!(channel.signal(&from, &to, &typing, LIMIT).await, SendOutcome::Sent { provider_id: None });
    let unclear = channel.send(&from, &to, &part("hi", Vec::new()), "o:0", LIMIT).await;
    assert!(matches!(unclear, SendOutcome::Unknown { .. }), "{unclear:?}");

    let seen = server.seen();
    assert!(seen[0].line.contains("POST /v23.0/10655/messages"), "{}", seen[0].line);
    assert!(seen[0].head.to_lowercase().contains("authorization: bearer eaax"), "{}", seen[0].head);
    assert_eq!(
        seen[1].json(),
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.B",
            "typing_indicator": {"type": "text"}})
    );
}

#[tokio::test]
async fn an_account_that_is_no_id_never_becomes_an_address() {
    let channel =
        channel(&MetaConfig { graph_url: "http://127.0.0.1:1".to_owned(), ..MetaConfig::default() });
    let from = Sender { account: AccountId::from("1/../2"), token: Secret::new("EAAx".to_owned()) };
    let to = Target { chat: "49151".to_owned(), thread: None, human_agent: false };
    let refused = channel.send(&from, &to, &part("hi", Vec::new()), "o:0", LIMIT).await;
    assert!(matches!(refused, SendOutcome::Rejected { scope: Scope::Bot, .. }), "{refused:?}");
}

fn holding(content: Content) -> Part {
    Part { content: Some(Box::new(content)), ..Part::default() }
}

#[test]
fn formatting_becomes_whatsapps_own_and_stays_within_its_room() {
    let channel = channel(&MetaConfig::default());
    let (text, spans) = markup::parse("**Prices** are [here](https://x.example)");
    let sent = channel.split(&Part { text, spans, ..Part::default() });
    assert_eq!(body("1", &sent[0])["text"]["body"], "*Prices* are here (https://x.example)");
    let (text, spans) = markup::parse(&"**bold words** and others ".repeat(600));
    for message in channel.split(&Part { text, spans, ..Part::default() }) {
        let sent = body("1", &message)["text"]["body"].as_str().unwrap().to_owned();
        assert!(sent.chars().count() <= 4096, "{}", sent.len());
        assert_eq!(sent.matches('*').count() % 2, 0);
    }
}

#[test]
fn content_has_its_own_types() {
    let degrees = |n| Degrees::try_from(n).unwrap();
    let place = Place {
        latitude: degrees(52.5),
        longitude: degrees(-13.4),
        title: Some("Shop".into()),
        address: None,
    };
    let sent = body("1", &holding(Content::Location(place)));
    assert_eq!(sent["type"], "location");
    assert_eq!(sent["location"], json!({"latitude": 52.5, "longitude": -13.4, "name": "Shop"}));

    let sent = body("1", &holding(Content::Contact(Card { phone: "+49151".into(), name: "Ann".into() })));
    assert_eq!(sent["contacts"][0]["name"]["formatted_name"], "Ann");
    assert_eq!(sent["contacts"][0]["phones"][0]["phone"], "+49151");

    let file = |kind, id: Option<&str>| {
        let url = id.is_none().then(|| "https://x.example/a".to_owned());
        Part {
            text: "See".into(),
            ..holding(Content::Media(Media {
                kind,
                id: id.map(str::to_owned),
                url,
                name: Some("a.pdf".into()),
                file: None,
                hash: None,
            }))
        }
    };
    let sent = body("1", &file(MediaKind::Document, None));
    assert_eq!(
        sent["document"],
        json!({"link": "https://x.example/a", "caption": "See", "filename": "a.pdf"})
    );
    assert_eq!(body("1", &file(MediaKind::Image, Some("9")))["image"], json!({"id": "9", "caption": "See"}));
    assert_eq!(body("1", &file(MediaKind::Voice, Some("9")))["audio"], json!({"id": "9"}));

    let template: Template =
        serde_json::from_value(json!({"name": "order", "language": "en_US", "parameters": ["7"]})).unwrap();
    let sent = body("1", &holding(Content::Template(template)));
    assert_eq!(
        sent["template"],
        json!({"name": "order", "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}]})
    );
    let template: Template = serde_json::from_value(json!({
        "name": "order", "language": "en_US", "parameters": ["7"],
        "header": {"media": {"kind": "document", "url": "https://x.example/7.pdf", "name": "7.pdf"}},
        "buttons": [{"url": "orders/7"}, "plain", {"payload": "stop"}, {"code": "SALE7"}],
    }))
    .unwrap();
    let sent = body("1", &holding(Content::Template(template)));
    assert_eq!(
        sent["template"]["components"],
        json!([
            {"type": "header", "parameters": [
                {"type": "document", "document": {"link": "https://x.example/7.pdf", "filename": "7.pdf"}}]},
            {"type": "body", "parameters": [{"type": "text", "text": "7"}]},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "orders/7"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "2",
                "parameters": [{"type": "payload", "payload": "stop"}]},
            {"type": "button", "sub_type": "copy_code", "index": "3",
                "parameters": [{"type": "coupon_code", "coupon_code": "SALE7"}]},
        ])
    );
    let reaction = Reaction { emoji: "👍".into(), on: Some("wamid.x".into()) };
    assert_eq!(body("1", &holding(Content::Reaction(reaction)))["reaction"]["message_id"], "wamid.x");
}

#[test]
fn a_text_that_is_no_caption_of_its_file_goes_before_it() {
    let channel = channel(&MetaConfig::default());
    let voice =
        Media { kind: MediaKind::Voice, id: Some("9".into()), url: None, name: None, file: None, hash: None };
    let sent = channel.split(&Part { text: "Listen".into(), ..holding(Content::Media(voice)) });
    assert_eq!(sent.iter().map(|part| part.text.as_str()).collect::<Vec<_>>(), ["Listen", ""]);
}

#[test]
fn a_file_stands_over_the_buttons_where_it_can_and_goes_before_them_elsewhere() {
    let channel = channel(&MetaConfig::default());
    let file = |kind| {
        let (id, name) = (Some("9".into()), Some("a.pdf".into()));
        Content::Media(Media { kind, id, url: None, name, file: None, hash: None })
    };
    let with = |kind, part: Part| channel.split(&Part { content: Some(Box::new(file(kind))), ..part });
    let two = || vec![button("Buy", None), button("Help", None)];
    let sent = with(MediaKind::Image, Part { footer: Some("Today".into()), ..part("Look", two()) });
    assert_eq!(sent.len(), 1);
    let made = body("1", &sent[0]);
    assert_eq!(made["type"], "interactive");
    assert_eq!(made["interactive"]["header"], json!({"type": "image", "image": {"id": "9"}}));
    assert_eq!(made["interactive"]["body"]["text"], "Look");
    assert_eq!(made["interactive"]["footer"]["text"], "Today");
    assert_eq!(made["interactive"]["action"]["buttons"].as_array().unwrap().len(), 2);
    let link = Button { url: Some("https://x.example".into()), ..button("Open", None) };
    let made = body("1", &with(MediaKind::Document, part("Look", vec![link]))[0]);
    let header = json!({"type": "document", "document": {"id": "9", "filename": "a.pdf"}});
    assert_eq!((&made["interactive"]["type"], &made["interactive"]["header"]), (&json!("cta_url"), &header));
    // A list, a request, a header of words and a sound leave no place over the text.
    let list: Vec<_> = (0..4).map(|n| button(&format!("Choice {n}"), None)).collect();
    let ask = Button { request: Some(Request::Location), ..button("Where?", None) };
    let headed = Part { header: Some("News".into()), ..part("Look", two()) };
    for (kind, part, of) in [
        (MediaKind::Video, part("Look", list), "list"),
        (MediaKind::Image, part("Where are you?", vec![ask]), "location_request_message"),
        (MediaKind::Image, headed, "button"),
        (MediaKind::Voice, part("Listen", two()), "button"),
    ] {
        let sent = with(kind, part);
        assert_eq!(sent.len(), 2, "{of}");
        let (file, words) = (body("1", &sent[0]), body("1", &sent[1]));
        assert!(file.get("interactive").is_none(), "{file}");
        assert_eq!(words["interactive"]["type"], of, "nothing comes between it and who presses");
    }
    let headed = Part { header: Some("News".into()), ..part("Look", two()) };
    let sent = with(MediaKind::Image, headed);
    assert_eq!(body("1", &sent[1])["interactive"]["header"], json!({"type": "text", "text": "News"}));
}

#[test]
fn an_address_and_a_request_are_messages_of_their_own_kind() {
    let channel = channel(&MetaConfig::default());
    let link = Button { url: Some("https://x.example".into()), ..button("Open", None) };
    let framed =
        Part { header: Some("Top".into()), footer: Some("Below".into()), ..part("Look", vec![link.clone()]) };
    let sent = body("1", &channel.split(&framed)[0]);
    assert_eq!(sent["interactive"]["type"], "cta_url");
    assert_eq!(sent["interactive"]["action"]["parameters"]["url"], "https://x.example");
    assert_eq!(sent["interactive"]["header"], json!({"type": "text", "text": "Top"}));
    assert_eq!(sent["interactive"]["footer"], json!({"text": "Below"}));
    let ask = Button { request: Some(Request::Location), ..button("Where?", None) };
    let sent = body("1", &channel.split(&part("Where are you?", vec![ask]))[0]);
    assert_eq!(sent["interactive"]["type"], "location_request_message");
    // Beside others an address is a line of text.
    let sent = channel.split(&part("Look", vec![link, button("Help", None)]));
    assert_eq!(sent[0].text, "Look\n\n1. Open: https://x.example\n2. Help");
}

#[tokio::test]
async fn a_file_that_meta_could_not_fetch_is_tried_once_more() {
    let failed = || Canned::json(400, r#"{"error":{"message":"m","code":131053}}"#);
    let server = TestServer::start(vec![failed(), Canned::json(200, TAKEN), failed(), failed()]).await;
    let config = MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() };
    let channel = channel(&config);
    let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
    let to = Target { chat: "49151".to_owned(), thread: None, human_agent: false };
    let sent = channel.send(&from, &to, &part("hi", vec![]), "o:0", LIMIT).await;
    assert!(matches!(sent, SendOutcome::Sent { .. }), "{sent:?}");
    let sent = channel.send(&from, &to, &part("hi", vec![]), "o:0", LIMIT).await;
    assert!(matches!(sent, SendOutcome::Rejected { scope: Scope::Message, .. }), "{sent:?}");
    assert_eq!(server.seen().len(), 4);
}
