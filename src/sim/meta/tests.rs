//! The Graph fake over real HTTP; webhooks into a courier's hands.

use std::time::Duration;

use super::webhooks::sign;
use super::*;
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::http::{Http, NetConfig};
use crate::sim::courier::HandCourier;
use crate::sim::wire::{Connection, write_request};

const NUMBER: &str = "15550001";
const PERSON: &str = "49151";
const WHATSAPP: ChannelKind = ChannelKind::Whatsapp;

async fn start(answers: &[(u16, Option<u64>)]) -> (MetaSim, ManualClock, Arc<HandCourier>) {
    let courier = HandCourier::answering(answers);
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let options = SimOptions {
        clock: Arc::new(clock.clone()),
        limits: true,
        keep: super::super::Keep::default(),
        courier: courier.clone(),
    };
    let sim = MetaSim::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options).unwrap();
    sim.add_app(app("http://edge/webhooks/meta/a1"));
    (sim, clock, courier)
}

fn app(url: &str) -> App {
    serde_json::from_value(json!({"app": "a1", "secret": "shh", "verify_token": "vt", "url": url})).unwrap()
}

async fn post(sim: &MetaSim, path: &str, token: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let mut request = Vec::new();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    write_request(&mut request, "POST", path, &headers, body.to_string().as_bytes());
    let answer = Connection::open(sim.address()).await?.exchange(&request).await?;
    Ok((answer.status, serde_json::from_slice(&answer.body).unwrap()))
}

fn text(to: &str, body: &str) -> Value {
    json!({"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}, "biz_opaque_callback_data": "our-id"})
}

async fn send(sim: &MetaSim, body: &Value) -> (u16, Value) {
    post(sim, &format!("/v21.0/{NUMBER}/messages"), "t", body).await.unwrap()
}

fn code(answer: &(u16, Value)) -> (u16, i64) {
    (answer.0, answer.1["error"]["code"].as_i64().unwrap())
}

/// Every item in the given places of all posts.
fn items(parcels: &[(tokio::time::Instant, super::super::courier::Parcel)], place: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for (_, parcel) in parcels {
        let body: Value = serde_json::from_slice(&parcel.body).unwrap();
        for entry in body["entry"].as_array().unwrap() {
            let value = entry.pointer("/changes/0/value").unwrap_or(entry);
            found.extend(value[place].as_array().cloned().unwrap_or_default());
        }
    }
    found
}

#[tokio::test]
async fn a_send_is_accepted_and_its_statuses_come_back_signed() {
    let (sim, _, courier) = start(&[]).await;
    let (status, answer) = send(&sim, &text("+49151", "سلام")).await;
    assert_eq!((status, &answer["contacts"][0]["wa_id"]), (200, &json!(PERSON)));
    let mut statuses = Vec::new();
    for count in 1.. {
        let parcels = courier.parcels(count).await;
        statuses = items(&parcels, "statuses");
        if statuses.len() >= 3 {
            let (_, parcel) = &parcels[0];
            assert_eq!(parcel.headers[0], ("x-hub-signature-256", sign("shh", &parcel.body)));
            break;
        }
    }
    let states: Vec<_> = statuses.iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["sent", "delivered", "read"]);
    assert!(statuses.iter().all(|item| item["biz_opaque_callback_data"] == "our-id"));
    assert_eq!(statuses[0]["id"], answer["messages"][0]["id"]);
    let entry = &sim.journal().after(0)[0];
    assert_eq!(
        (entry.method.as_str(), entry.account.as_str(), entry.chat.as_deref()),
        ("messages", NUMBER, Some(PERSON))
    );
}

#[tokio::test]
async fn errors_carry_graphs_codes() {
    let (sim, _, _) = start(&[]).await;
    assert_eq!(
        code(&send(&sim, &json!({"messaging_product": "whatsapp", "text": {"body": "a"}})).await),
        (400, 100)
    );
    assert_eq!(code(&send(&sim, &text(PERSON, &"x".repeat(4097))).await), (400, 100));
    let four: Vec<_> =
        (0..4).map(|n| json!({"type": "reply", "reply": {"id": n.to_string(), "title": "T"}})).collect();
    let buttons = json!({"messaging_product": "whatsapp", "to": PERSON, "type": "interactive",
        "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": four}}});
    assert_eq!(code(&send(&sim, &buttons).await), (400, 131_009));
    sim.revoke("t");
    assert_eq!(code(&send(&sim, &text(PERSON, "a")).await), (401, 190));
    assert_eq!(code(&post(&sim, "/1/unknown", "u", &json!({})).await.unwrap()), (400, 100));
}

#[tokio::test]
async fn the_pair_and_the_window_are_guarded() {
    let (sim, clock, courier) = start(&[]).await;
    for _ in 0..45 {
        assert_eq!(send(&sim, &text(PERSON, "a")).await.0, 200);
        clock.advance(Duration::from_millis(20));
    }
    assert_eq!(code(&send(&sim, &text(PERSON, "a")).await), (429, 131_056));
    sim.say(WHATSAPP, NUMBER, "49152", "hi").unwrap();
    clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(send(&sim, &text("49152", "too late")).await.0, 200, "accepted is not delivered");
    for count in 1.. {
        let statuses = items(&courier.parcels(count).await, "statuses");
        if let Some(failed) = statuses.iter().find(|item| item["status"] == "failed") {
            assert_eq!(
                (&failed["errors"][0]["code"], &failed["recipient_id"]),
                (&json!(131_047), &json!("49152"))
            );
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_share_a_post_and_a_refused_one_comes_back() {
    let (sim, _, courier) = start(&[(503, None), (200, None)]).await;
    sim.say(WHATSAPP, NUMBER, PERSON, "one").unwrap();
    sim.say(WHATSAPP, NUMBER, "49152", "two é").unwrap();
    sim.say(ChannelKind::Messenger, "page1", "psid", "three").unwrap();
    let parcels = courier.parcels(3).await;
    let bodies: Vec<_> =
        parcels.iter().map(|(_, parcel)| String::from_utf8(parcel.body.to_vec()).unwrap()).collect();
    assert!(bodies[0].contains("one") && bodies[0].contains("two \\u00e9"), "{}", bodies[0]);
    assert!(bodies[1].contains("three") && bodies[1].contains("\"object\":\"page\""), "{}", bodies[1]);
    assert_eq!(bodies[2], bodies[0], "the refused one, byte for byte");
    assert_eq!(parcels[2].0.duration_since(parcels[0].0).as_secs(), 1);
}

#[tokio::test]
async fn buttons_lists_and_quick_replies_are_pressed() {
    let (sim, _, courier) = start(&[]).await;
    let button = json!({"type": "reply", "reply": {"id": "b1", "title": "Yes"}});
    let interactive = json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": [button]}});
    send(&sim, &json!({"messaging_product": "whatsapp", "to": PERSON, "type": "interactive", "interactive": interactive})).await;
    let list = json!({"type": "list", "body": {"text": "?"},
        "action": {"button": "Choose", "sections": [{"rows": [{"id": "r1", "title": "Row"}]}]}});
    send(
        &sim,
        &json!({"messaging_product": "whatsapp", "to": PERSON, "type": "interactive", "interactive": list}),
    )
    .await;
    let quick = json!({"recipient": {"id": "psid"}, "message": {"text": "?", "quick_replies":
        [{"content_type": "text", "title": "Quick", "payload": "q1"}]}});
    assert_eq!(post(&sim, "/v21.0/page1/messages", "t", &quick).await.unwrap().0, 200);
    sim.press(WHATSAPP, NUMBER, PERSON, "Yes").unwrap();
    sim.press(WHATSAPP, NUMBER, PERSON, "Row").unwrap();
    sim.press(ChannelKind::Messenger, "page1", "psid", "Quick").unwrap();
    assert!(sim.press(WHATSAPP, NUMBER, PERSON, "No").unwrap_err().contains("Row"));
    for count in 1.. {
        let parcels = courier.parcels(count).await;
        let (messages, messaging) = (items(&parcels, "messages"), items(&parcels, "messaging"));
        let answer = messaging.iter().find(|item| item["message"]["quick_reply"].is_object());
        if let (2, Some(answer)) = (messages.len(), answer) {
            assert_eq!(messages[0]["interactive"]["button_reply"], json!({"id": "b1", "title": "Yes"}));
            assert_eq!(messages[1]["interactive"]["list_reply"]["id"], "r1");
            assert_eq!(answer["message"]["quick_reply"]["payload"], "q1");
            assert!(messaging.iter().any(|item| item["message"]["is_echo"] == true));
            break;
        }
    }
}

#[tokio::test]
async fn a_webhook_must_prove_itself() {
    let http = Http::new(NetConfig::default()).unwrap();
    let sim =
        MetaSim::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SimOptions::new(&http)).unwrap();
    let edge = axum::Router::new().route(
        "/hook",
        axum::routing::get(|uri: axum::http::Uri| async move {
            let query = uri.query().unwrap_or_default().to_owned();
            let right = query.contains("hub.verify_token=v%20t");
            let challenge = query.split("hub.challenge=").nth(1).unwrap_or_default().to_owned();
            (if right { axum::http::StatusCode::OK } else { axum::http::StatusCode::FORBIDDEN }, challenge)
        }),
    );
    let edge = Serving::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), edge).unwrap();
    let subscribe = |verify: &str| json!({"object": "page", "callback_url": format!("http://{}/hook", edge.address), "verify_token": verify});
    let refused = post(&sim, "/v21.0/a1/subscriptions", "a1|shh", &subscribe("wrong")).await.unwrap();
    assert_eq!(code(&refused), (400, 2200));
    assert!(sim.inject(None, Bytes::from_static(b"{}")).is_err());
    let foreign = post(&sim, "/v21.0/a1/subscriptions", "a2|shh", &subscribe("v t")).await.unwrap();
    assert_eq!(code(&foreign), (401, 190));
    assert_eq!(post(&sim, "/v21.0/a1/subscriptions", "a1|shh", &subscribe("v t")).await.unwrap().0, 200);
    assert!(sim.inject(None, Bytes::from_static(b"{}")).is_ok());
    let journal = sim.journal().after(0);
    assert!(journal.iter().all(|entry| !entry.body.to_string().contains("shh")));
}

#[tokio::test]
async fn a_cut_connection_gives_no_answer() {
    let (sim, _, _) = start(&[]).await;
    sim.script(
        serde_json::from_str(r#"[{"match": {"method": "messages"}, "times": 1, "drop": "after"}]"#).unwrap(),
    )
    .unwrap();
    assert!(post(&sim, &format!("/{NUMBER}/messages"), "t", &text(PERSON, "a")).await.is_err());
    assert_eq!(sim.journal().after(0)[0].status, 200);
}

/// The statuses of a message, once there are so many.
async fn statuses(courier: &HandCourier, wanted: usize) -> Vec<Value> {
    for count in 1.. {
        let found = items(&courier.parcels(count).await, "statuses");
        if found.len() >= wanted {
            return found;
        }
    }
    Vec::new()
}

#[tokio::test]
async fn statuses_come_as_the_script_wants_them() {
    let (sim, _, courier) = start(&[]).await;
    let script = |json: &str| sim.script(serde_json::from_str(json).unwrap()).unwrap();
    script(r#"[{"times": 1, "statuses": {"shuffled": true, "doubled": true}}]"#);
    assert_eq!(send(&sim, &text(PERSON, "a")).await.0, 200);
    let states: Vec<_> = statuses(&courier, 6).await.iter().map(|item| item["status"].clone()).collect();
    assert_eq!(states, ["read", "read", "delivered", "delivered", "sent", "sent"]);
    script(r#"[{"times": 1, "statuses": {"failed": 131064, "delay_ms": 5}}]"#);
    assert_eq!(send(&sim, &text(PERSON, "b")).await.0, 200);
    let all = statuses(&courier, 8).await;
    assert_eq!((&all[6]["status"], &all[7]["status"]), (&json!("sent"), &json!("failed")));
    assert_eq!(all[7]["errors"][0]["code"], 131_064);
}

#[tokio::test]
async fn a_page_has_its_window_and_a_person_of_the_business_a_longer_one() {
    let (sim, clock, _) = start(&[]).await;
    sim.say(ChannelKind::Messenger, "page1", "psid", "hi").unwrap();
    let message = |tag: Option<&str>| {
        let kind = if tag.is_some() { "MESSAGE_TAG" } else { "RESPONSE" };
        json!({"recipient": {"id": "psid"}, "messaging_type": kind, "tag": tag, "message": {"text": "a"}})
    };
    let say = async |tag| post(&sim, "/v21.0/page1/messages", "t", &message(tag)).await.unwrap();
    assert_eq!(say(None).await.0, 200);
    clock.advance(Duration::from_secs(25 * 3600));
    let late = say(None).await;
    assert_eq!((code(&late), late.1["error"]["error_subcode"].as_i64()), ((400, 10), Some(2_018_278)));
    assert_eq!(say(Some("HUMAN_AGENT")).await.0, 200);
    assert_eq!(code(&say(Some("NEWS")).await), (400, 100));
    clock.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(code(&say(Some("HUMAN_AGENT")).await), (400, 10));
}
