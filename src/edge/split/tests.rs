//! Bodies of providers, whole and broken, as the records that they become.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn whatsapp(value: &Value) -> Vec<u8> {
    let change = json!({ "field": "messages", "value": value });
    let entry = json!({ "id": "waba", "changes": [change] });
    json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string().into_bytes()
}

#[test]
fn a_callback_stands_in_the_order_of_its_chat() {
    let body = br#"{"update_id":5,"callback_query":{"from":{"id":1},"message":{"date":9,"chat":{"id":-7}}}}"#;
    let item = telegram(body, "77").unwrap();
    assert_eq!((&*item.chat, &*item.event, item.at), ("-7", "5", None));
    let body = br#"{"update_id":5,"callback_query":{"from":{"id":1},"inline_message_id":"x"}}"#;
    assert_eq!(telegram(body, "77").unwrap().chat, "1");
}

#[test]
fn a_redelivery_has_the_same_id_and_another_event_has_not() {
    let postback = |time: u64, payload: &str| {
        let item = json!({ "sender": { "id": "9" }, "recipient": { "id": "5" }, "timestamp": time,
            "postback": { "payload": payload } });
        json!({ "object": "page", "entry": [{ "id": "5", "messaging": [item] }] }).to_string().into_bytes()
    };
    let id = |body: &[u8]| meta(body).unwrap()[0].id();
    let first = id(&postback(1_795_246_190_123, "a"));
    assert_eq!(first, id(&postback(1_795_246_190_123, "a")));
    assert_ne!(first, id(&postback(1_795_246_190_124, "a")));
    assert_ne!(first, id(&postback(1_795_246_190_123, "b")));
}

#[test]
fn a_status_is_an_event_beside_its_message() {
    let statuses =
        ["sent", "delivered", "read"].map(|s| json!({ "id": "wamid.1", "status": s, "recipient_id": "4" }));
    let body = whatsapp(&json!({ "metadata": { "phone_number_id": 1122 }, "statuses": statuses,
        "messages": [{ "id": "wamid.1", "from": "4" }] }));
    let items = meta(&body).unwrap();
    let events: Vec<_> = items.iter().map(|item| &*item.event).collect();
    assert_eq!(events, ["wamid.1", "wamid.1:sent", "wamid.1:delivered", "wamid.1:read"]);
    assert!(items.iter().all(|item| item.account == "1122" && item.chat == "4"));
}

#[test]
fn each_item_of_a_long_list_keeps_its_own_contact() {
    let contacts: Vec<_> =
        (0..100).map(|n| json!({ "wa_id": n.to_string(), "profile": { "name": "x".repeat(50) } })).collect();
    let messages: Vec<_> =
        (0..100).map(|n| json!({ "id": format!("w{n}"), "from": n.to_string() })).collect();
    let body = whatsapp(&json!({ "contacts": contacts, "messages": messages }));
    let items = meta(&body).unwrap();
    for (n, item) in items.iter().enumerate() {
        let own: Value = serde_json::from_str(item.contacts.as_deref().unwrap()).unwrap();
        assert_eq!(own, json!([contacts[n]]));
    }
    assert_eq!(items[0].account, "waba", "without metadata the entry is the account");
}

#[test]
fn an_item_keeps_its_bytes() {
    let raw = "{ \"id\":\"w\\u0031\",\n\"from\" : \"4\", \"n\": 1e400, \"x\":\"\\ud83d\" }";
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messages":[{raw}]}}}}]}}]}}"#
    );
    let items = meta(body.as_bytes()).unwrap();
    assert_eq!(items[0].json, raw);
    items[0].to_received(Timestamp::from_millis(0)).unwrap();
}

#[test]
fn what_is_wrong_is_named() {
    for (body, reason) in [
        (&b"{\"object\":\"page\",\"entry\":[{\"changes\":5}]}"[..], "not_a_webhook"),
        (b"{\"object\":\"page\",\"entry\":[5]}", "not_a_webhook"),
        (b"[\"page\",[]]", "not_object"),
        (b"{\"object\":\"page\"} x", "not_json"),
        (b"\x80", "not_utf8"),
    ] {
        assert_eq!(meta(body).unwrap_err().reason(), reason, "{}", String::from_utf8_lossy(body));
    }
}

/// JSON as a webhook might hold it, with any value in any place.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "object",
        "entry",
        "id",
        "changes",
        "messaging",
        "standby",
        "field",
        "value",
        "messages",
        "statuses",
        "errors",
        "calls",
        "contacts",
        "metadata",
        "phone_number_id",
        "wa_id",
        "from",
        "timestamp",
        "status",
        "sender",
        "recipient",
        "message",
        "mid",
        "is_echo",
        "update_id",
        "callback_query",
        "chat",
        "date",
        "text",
        "photo",
        "interactive",
        "type",
        "list_reply",
        "postback",
        "payload",
        "attachments",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "page",
            "instagram",
            "whatsapp_business_account",
            "messages",
            "text",
            "é\u{0}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(telegram(&body, "1"));
        drop(meta(&body));
    }

    #[test]
    fn no_json_panics_and_every_item_is_json(value in any_json(), object in "page|instagram|whatsapp_business_account") {
        let mut entry = json!({ "object": object, "entry": [value.clone()] });
        if let Value::Array(list) = &value {
            entry["entry"] = json!([{ "id": 1, "messaging": list, "changes": [{ "field": "messages",
                "value": { "messages": list, "statuses": list, "contacts": list, "calls": list, "errors": list } }] }]);
        }
        for body in [value.to_string(), entry.to_string()] {
            if let Ok(item) = telegram(body.as_bytes(), "1") {
                item.to_received(Timestamp::from_millis(0)).unwrap();
            }
            for item in meta(body.as_bytes()).into_iter().flatten() {
                item.to_received(Timestamp::from_millis(0)).unwrap();
            }
        }
    }

    #[test]
    fn a_cut_body_is_an_error(cut in 1..200usize) {
        let body = whatsapp(&json!({ "metadata": { "phone_number_id": "1" }, "messages": [{ "id": "x", "from": "1" }] }));
        let body = &body[..body.len().saturating_sub(cut).max(1)];
        prop_assert_eq!(meta(body).unwrap_err().reason(), "not_json");
    }
}

/// Changes as `WhatsApp` sends them, and as nobody should.
const CHANGES: [&str; 16] = [
    r#"{"field":"messages","value":{"metadata":{"phone_number_id":"11"},"contacts":[{"wa_id":"4"}],"messages":[{"id":"w1","from":"4","timestamp":"1700000000"}]}}"#,
    r#"{"value":{"statuses":[{"id":"w1","status":"sent","recipient_id":"4"},7],"errors":[{"code":1}]},"field":"messages"}"#,
    r#"{"field":"calls","value":{"calls":[{"id":"c","event":"connect","from":"4"}],"messages":[null,{}]}}"#,
    r#"{"value":{"messages":[{"id":"w2"}]}}"#,
    r#"{"field":"messages","value":{"messages":[]}}"#,
    r#"{"field":"messages","value":{"metadata":{"phone_number_id":5}}}"#,
    r#"{"field":"messages","value":[null,null,[{"id":"w3"}],null,null,null]}"#,
    r#"{"field":"messages","value":{"messages":{"id":"w3"}}}"#,
    r#"{"field":"messages","value":{"messages":[{"id":"w3"}],"messages":[{"id":"w4"}]}}"#,
    r#"{"field":"messages","value":{"messages":[{"id":"w3"}]},"value":{}}"#,
    r#"{"field":"account_update","value":{"event":"X","messages":[{"id":"w3"}]}}"#,
    r#"{"field":{"a":1},"value":{"messages":[{"id":"w5"}]}}"#,
    r#"{"field":"messages","value":null}"#,
    r#"{"field":"messages"}"#,
    r#"["messages",{"messages":[{"id":"w6"}]}]"#,
    "null",
];

proptest! {
    #[test]
    fn a_body_that_is_read_in_one_go_has_the_same_items(
        changes in prop::collection::vec((prop::sample::select(&CHANGES[..]), 0..3_u8), 0..5),
        object in prop::sample::select(vec!["whatsapp_business_account", "page", "instagram", "x"]),
        spoilt in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let entries = changes.iter().map(|(change, beside)| match beside {
            0 => format!(r#"{{"id":"9","time":5,"changes":[{change}]}}"#),
            1 => format!(r#"{{"id":9,"changes":[{change},{change}],"messaging":[{{"message":{{"mid":"m"}}}}]}}"#),
            _ => format!(r#"{{"changes":[{change}],"standby":null}}"#),
        });
        let entries: Vec<_> = entries.collect();
        let mut body = format!(r#" {{"object":"{object}","entry":[{}]}}"#, entries.join(","));
        if let Some(at) = spoilt {
            body.remove(at.index(body.len()));
        }
        let quickly = format!("{:?}", meta(body.as_bytes()));
        prop_assert_eq!(quickly, format!("{:?}", super::meta::piece_by_piece(body.trim_matches(' '))));
    }
}

#[test]
fn the_usual_body_is_read_in_one_go() {
    let usual = |change: &str| {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"9","changes":[{change}]}}]}}"#
        );
        super::meta::usual(&body).is_some()
    };
    let found: Vec<_> = (0..).zip(CHANGES).filter(|(_, change)| usual(change)).map(|(n, _)| n).collect();
    assert_eq!(found, [0, 1, 2, 3, 11, 14]);
}
