//! What pages and Instagram accounts are sent.

use serde_json::json;

use super::*;
use crate::config::Secret;
use crate::domain::events::{Card, Reaction};
use crate::domain::ids::AccountId;
use crate::services::http::NetConfig;
use crate::services::http::testing::{Canned, TestServer};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_message_carries_its_quick_replies() {
    let taken = Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#);
    let server = TestServer::start(vec![taken, Canned::json(200, r#"{"recipient_id":"9"}"#)]).await;
    let config = MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() };
    let channel = Messenger::new(ChannelKind::Messenger, &config, Http::new(NetConfig::default()).unwrap());
    let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
    let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
    let button = Button {
        title: "A title of 20 signs.".to_owned(),
        payload: Some("p".to_owned()),
        ..Button::default()
    };
    let part = Part { text: "hi".to_owned(), buttons: vec![button], cites: Vec::new(), ..Part::default() };
    let sent = channel.send(&from, &to, &part, "x", LIMIT).await;
    assert_eq!(sent, SendOutcome::Sent { provider_id: Some("m_1".to_owned()) });
    let typing = channel.signal(&from, &to, &Signal::Typing { message_id: None }, LIMIT).await;
    assert_eq!(typing, SendOutcome::Sent { provider_id: None });
    let seen = server.seen();
    assert!(seen[0].line.contains("POST /v23.0/55/messages"), "{}", seen[0].line);
    assert_eq!(
        seen[0].json(),
        json!({"recipient": {"id": "9"}, "messaging_type": "RESPONSE", "message": {"text": "hi", "metadata": "x",
            "quick_replies": [{"content_type": "text", "title": "A title of 20 signs.", "payload": "p"}]}})
    );
    assert_eq!(seen[1].json(), json!({"recipient": {"id": "9"}, "sender_action": "typing_on"}));
}

#[tokio::test]
async fn files_and_reactions_have_their_own_form_and_the_rest_is_said_in_words() {
    let taken = || Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#);
    let reacted = Canned::json(200, r#"{"recipient_id":"9"}"#);
    let server = TestServer::start(vec![taken(), reacted]).await;
    let config = MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() };
    let channel = Messenger::new(ChannelKind::Messenger, &config, Http::new(NetConfig::default()).unwrap());
    let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
    let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
    let holding = |content| Part { text: "See".into(), content: Some(Box::new(content)), ..Part::default() };
    let url = Some("https://x.example/a.png".to_owned());
    let image = holding(Content::Media(Media {
        kind: MediaKind::Image,
        id: None,
        url,
        name: None,
        file: None,
        hash: None,
    }));
    let messages = channel.split(&image);
    assert_eq!(messages.iter().map(|part| part.text.as_str()).collect::<Vec<_>>(), ["See", ""]);
    channel.send(&from, &to, &messages[1], "x", LIMIT).await;
    let reaction = Reaction { emoji: "👍".into(), on: Some("m_7".into()) };
    let outcome = channel.send(&from, &to, &holding(Content::Reaction(reaction)), "x", LIMIT).await;
    assert_eq!(outcome, SendOutcome::Sent { provider_id: None });
    let seen = server.seen();
    assert_eq!(
        seen[0].json()["message"],
        json!({"metadata": "x", "attachment": {"type": "image", "payload": {"url": "https://x.example/a.png"}}})
    );
    let wanted = json!({"message_id": "m_7", "reaction": "👍"});
    assert_eq!((&seen[1].json()["sender_action"], &seen[1].json()["payload"]), (&json!("react"), &wanted));

    let card = Card { phone: "+49151".into(), name: "Ann".into() };
    assert_eq!(channel.split(&holding(Content::Contact(card)))[0].text, "See\n\nAnn: +49151");
    let (text, spans) = crate::domain::markup::parse("**a** [b](https://x.example)");
    assert_eq!(channel.split(&Part { text, spans, ..Part::default() })[0].text, "a b (https://x.example)");
}

#[test]
fn each_network_has_its_own_room() {
    let http = Http::new(NetConfig::default()).unwrap();
    let make = |kind| Messenger::new(kind, &MetaConfig::default(), http.clone());
    let part = Part { text: "é".repeat(1_500), ..Part::default() };
    assert_eq!(make(ChannelKind::Messenger).split(&part).len(), 1);
    assert_eq!(make(ChannelKind::Instagram).split(&part).len(), 3);
    // A title that has no room is read whole, and its number selects.
    let named = |title: &str| Button { title: title.to_owned(), ..Button::default() };
    let part =
        |title| Part { text: "?".into(), buttons: vec![named("Yes"), named(title)], ..Part::default() };
    for kind in [ChannelKind::Messenger, ChannelKind::Instagram] {
        let sent = make(kind).split(&part("A title of 21 signs.."));
        assert_eq!(sent[0].text, "?\n\n1. Yes\n2. A title of 21 signs..");
        assert_eq!(make(kind).split(&part("A title of 20 signs."))[0].buttons.len(), 2);
    }
}
