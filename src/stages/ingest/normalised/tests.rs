//! What people send becomes turns, whatever the provider's JSON says.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::domain::time::Timestamp;

fn received(channel: ChannelKind, place: Option<&str>, item: &str) -> WebhookReceived {
    WebhookReceived {
        channel,
        account: "1".into(),
        received: Timestamp::from_millis(0),
        object: None,
        entry: Some("1".to_owned()),
        place: place.map(str::to_owned),
        metadata: None,
        contacts: RawValue::from_string(r#"[{"wa_id":"4","profile":{"name":"Ann"}},7]"#.to_owned()).ok(),
        item: RawValue::from_string(item.to_owned()).unwrap(),
    }
}

fn telegram(update: &Value) -> Normalised {
    normalise(&received(ChannelKind::Telegram, None, &update.to_string())).unwrap()
}

#[test]
fn people_open_turns_and_nobody_else_does() {
    let message = |from: Value, more: Value| {
        let mut message =
            json!({ "message_id": 1, "from": from, "chat": { "id": -5, "type": "group" }, "text": "x" });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "update_id": 1, "message": message })
    };
    let person = json!({ "id": 9, "first_name": "Ann", "last_name": "Lee" });
    let spoken = telegram(&message(person.clone(), json!({})));
    assert_eq!((spoken.turn, spoken.name.as_deref()), (Some(TurnKind::Text), Some("Ann Lee")));
    assert_eq!(spoken.chat_kind, ChatKind::Group);

    let bot = json!({ "id": 9, "is_bot": true });
    assert_eq!(telegram(&message(bot.clone(), json!({}))).turn, None, "another bot");
    let anonymous = message(bot.clone(), json!({ "sender_chat": { "id": -5 } }));
    assert_eq!(telegram(&anonymous).turn, Some(TurnKind::Text), "an anonymous administrator");
    assert_eq!(telegram(&message(bot, json!({ "sender_chat": { "id": -6 } }))).turn, None, "a channel's bot");
    assert_eq!(telegram(&message(person.clone(), json!({ "is_automatic_forward": true }))).turn, None);
    let mut edited = message(person, json!({}));
    edited["edited_message"] = edited["message"].take();
    edited.as_object_mut().unwrap().remove("message");
    assert_eq!(telegram(&edited).turn, None, "an edit");
}

#[test]
fn without_a_chat_there_is_no_turn() {
    let it = telegram(&json!({ "update_id": 1, "message": { "text": "x", "from": { "id": 1 } } }));
    assert_eq!((it.kind, it.turn), (Kind::Message, None));
}

#[test]
fn a_contact_list_names_its_own_person_only() {
    let item = |from: &str| {
        let item = json!({ "id": "w", "from": from, "type": "text", "text": { "body": "x" } }).to_string();
        normalise(&received(ChannelKind::Whatsapp, Some("messages/messages"), &item)).unwrap().name
    };
    assert_eq!(item("4").as_deref(), Some("Ann"));
    assert_eq!(item("5"), None);
}

#[test]
fn an_absurdly_deep_item_is_unreadable() {
    let deep = format!("{{\"update_id\":1,\"message\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let error = normalise(&received(ChannelKind::Telegram, None, &deep)).unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(error.to_string().contains("telegram"), "{error}");
}

/// Objects of the words that the normalisers look for, with any value in any place.
fn any_item() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "message",
        "callback_query",
        "edited_message",
        "my_chat_member",
        "message_reaction",
        "poll",
        "chat",
        "id",
        "from",
        "from_user_id",
        "type",
        "text",
        "photo",
        "document",
        "venue",
        "location",
        "latitude",
        "longitude",
        "reply_to_message",
        "message_id",
        "reply_markup",
        "inline_keyboard",
        "callback_data",
        "data",
        "date",
        "interactive",
        "list_reply",
        "nfm_reply",
        "response_json",
        "button",
        "payload",
        "system",
        "errors",
        "code",
        "status",
        "recipient_id",
        "reaction",
        "contacts",
        "phones",
        "audio",
        "voice",
        "order",
        "sender",
        "recipient",
        "attachments",
        "coordinates",
        "lat",
        "long",
        "postback",
        "delivery",
        "mids",
        "read",
        "watermark",
        "optin",
        "quick_reply",
        "is_echo",
        "visitor",
        "media",
        "title",
        "entities",
        "caption_entities",
        "caption",
        "offset",
        "length",
        "media_group_id",
        "referral",
        "ref",
        "source_id",
        "username",
        "is_bot",
        "edit",
        "original_message_id",
        "migrate_to_chat_id",
        "context",
        "old_chat_member",
        "new_chat_member",
        "user",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "text",
            "interactive",
            "list_reply",
            "location",
            "image",
            "private",
            "mention",
            "edit",
            "/start a-b_c",
            "@é😀",
            "",
            "é\u{0}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_item_panics(
        item in any_item(),
        channel in prop::sample::select(ChannelKind::ALL.to_vec()),
        place in prop::sample::select(vec![
            None, Some("messages/messages"), Some("messages/statuses"), Some("calls/errors"), Some("calls/calls"),
            Some("account_update"), Some("smb_message_echoes"), Some("user_preferences"), Some("messaging"), Some("standby"), Some(""),
        ]),
    ) {
        let it = normalise(&received(channel, place, &item.to_string())).unwrap();
        prop_assert!(it.turn.is_none() || it.chat.is_some());
        prop_assert!(!it.text.unwrap_or_default().contains('\0'));
    }
}

#[test]
fn wishes_and_messages_from_the_phone_name_their_people() {
    let read = |place: &str, item: Value| {
        normalise(&received(ChannelKind::Whatsapp, Some(place), &item.to_string())).unwrap()
    };
    let wish = |value: &str| json!({"wa_id": "491", "category": "marketing_messages", "value": value});
    let it =
        read("user_preferences", json!({"user_preferences": [wish("stop"), wish("resume"), wish("?"), 7]}));
    let of = |consent| ("491".to_owned(), consent, ConsentBy::Provider);
    assert_eq!(it.consents, [of(Consent::Out), of(Consent::In)]);
    assert_eq!((it.kind, it.turn), (Kind::Ignored, None));
    let echoes = json!({"message_echoes": [{"from": "1", "to": "492", "type": "text"}, {"to": 493}, null]});
    let it = read("smb_message_echoes", echoes);
    assert_eq!(it.spoke, Some(Spoke::Phone(vec!["492".into(), "493".into()])));

    let member = |chat: &str, now: &str| {
        telegram(
            &json!({"update_id": 1, "my_chat_member": {"chat": {"id": 5, "type": chat}, "from": {"id": 5},
            "old_chat_member": {"status": "member"}, "new_chat_member": {"status": now, "user": {"id": 1}}}}),
        )
    };
    assert_eq!(member("private", "kicked").consents, [("5".into(), Consent::Out, ConsentBy::Block)]);
    assert_eq!(member("private", "member").consents, [("5".into(), Consent::In, ConsentBy::Block)]);
    assert_eq!(member("group", "kicked").consents, []);
}
