//! The Bot API fake over real HTTP; webhooks into a courier's hands, on a paused clock where time matters.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::domain::time::{ManualClock, Timestamp};
use crate::services::http::Http;
use crate::services::http::NetConfig;
use crate::sim::courier::HandCourier;
use crate::sim::wire::{Connection, write_request};

const TOKEN: &str = "77:abc";
const NOW: i64 = 1_700_000_000_000;

fn options(courier: Arc<dyn super::super::Courier>) -> (SimOptions, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_millis(NOW));
    let options = SimOptions {
        clock: Arc::new(clock.clone()),
        limits: true,
        keep: super::super::Keep::default(),
        courier,
    };
    (options, clock)
}

async fn start(answers: &[(u16, Option<u64>)]) -> (TelegramSim, ManualClock, Arc<HandCourier>) {
    let courier = HandCourier::answering(answers);
    let (options, clock) = options(courier.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (TelegramSim::start(listener, options).unwrap(), clock, courier)
}

async fn raw(
    sim: &TelegramSim,
    path: &str,
    kind: &str,
    body: &str,
) -> std::io::Result<super::super::wire::Answer> {
    let mut request = Vec::new();
    write_request(&mut request, "POST", path, &[("content-type", kind)], body.as_bytes());
    Connection::open(sim.address()).await?.exchange(&request).await
}

async fn ask(sim: &TelegramSim, method: &str, params: Value) -> (u16, Value) {
    let answer =
        raw(sim, &format!("/bot{TOKEN}/{method}"), "application/json", &params.to_string()).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

async fn send(sim: &TelegramSim, chat: i64, text: &str) -> (u16, Value) {
    ask(sim, "sendMessage", json!({"chat_id": chat, "text": text})).await
}

#[tokio::test]
async fn a_client_library_finds_what_it_asks_at_start() {
    let (sim, _, _) = start(&[]).await;
    let (status, me) = ask(&sim, "getMe", json!({})).await;
    assert_eq!((status, &me["result"]["id"], &me["result"]["is_bot"]), (200, &json!(77), &json!(true)));
    assert_eq!(me["result"]["username"], "sim_77_bot");
    assert_eq!(ask(&sim, "getWebhookInfo", json!({})).await.1["result"]["url"], "");
    assert_eq!(ask(&sim, "deleteWebhook", json!({"drop_pending_updates": true})).await.0, 200);
    let (status, error) = ask(&sim, "makeCoffee", json!({})).await;
    assert_eq!((status, error["description"].as_str()), (404, Some("Not Found: method not found")));
    let answer = raw(&sim, "/botnonsense/getMe", "", "").await.unwrap();
    assert_eq!(answer.status, 401);
    sim.revoke(TOKEN);
    assert_eq!(ask(&sim, "getMe", json!({})).await.0, 401);
}

#[tokio::test]
async fn errors_come_in_telegrams_words() {
    let (sim, _, _) = start(&[]).await;
    let long = "x".repeat(4097);
    let cases = [
        (json!({"text": "a"}), "Bad Request: chat_id is empty"),
        (json!({"chat_id": "seven", "text": "a"}), "Bad Request: chat not found"),
        (json!({"chat_id": 7, "text": " "}), "Bad Request: message text is empty"),
        (json!({"chat_id": 7, "text": long}), "Bad Request: message is too long"),
        (
            json!({"chat_id": 7, "text": "a", "reply_markup": "x"}),
            "Bad Request: object expected as reply markup",
        ),
    ];
    for (params, wanted) in cases {
        let (status, error) = ask(&sim, "sendMessage", params).await;
        assert_eq!((status, error["description"].as_str()), (400, Some(wanted)));
    }
    sim.block(77, 7, true).unwrap();
    assert_eq!(send(&sim, 7, "a").await.1["description"], "Forbidden: bot was blocked by the user");
    assert_eq!(send(&sim, 4_503_599_627_370_495, &"x".repeat(4096)).await.0, 200);
    let (_, message) = send(&sim, -1_001_234_567_890, "a").await;
    assert_eq!(message["result"]["chat"]["type"], "supergroup");
}

#[tokio::test]
async fn limits_answer_429_with_the_wait_in_both_places() {
    let (sim, clock, _) = start(&[]).await;
    for _ in 0..3 {
        assert_eq!(send(&sim, 7, "a").await.0, 200);
    }
    let body = json!({"chat_id": 7, "text": "a"}).to_string();
    let answer = raw(&sim, "/bot77:abc/sendMessage", "application/json", &body).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (429, Some(1)));
    let error: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(error["parameters"]["retry_after"], 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(send(&sim, 7, "a").await.0, 200);
    let statuses: Vec<_> = sim.journal().after(0).iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 200]);
}

#[tokio::test]
async fn a_script_answers_cuts_and_lets_go() {
    let (sim, _, _) = start(&[]).await;
    let rules = r#"[{"match": {"method": "sendMessage"}, "times": 1, "status": 429, "retry_after": 3},
        {"times": 1, "drop": "before"}, {"times": 1, "drop": "after"},
        {"times": 1, "status": 500}, {"times": 1, "status": 400, "body": {"ok": false, "error_code": 400}}]"#;
    sim.script(serde_json::from_str(rules).unwrap()).unwrap();
    assert_eq!(send(&sim, 7, "a").await.1["parameters"]["retry_after"], 3);
    let body = json!({"chat_id": 7, "text": "a"}).to_string();
    for _ in 0..2 {
        let cut = raw(&sim, "/bot77:abc/sendMessage", "application/json", &body).await;
        assert!(cut.is_err(), "{cut:?}");
    }
    assert_eq!(send(&sim, 7, "a").await.1["description"], "Internal Server Error");
    assert_eq!(send(&sim, 7, "a").await.1, json!({"ok": false, "error_code": 400}));
    assert_eq!(send(&sim, 7, "a").await.0, 200);
    let statuses: Vec<_> = sim.journal().after(0).iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [429, 0, 200, 500, 400, 200]);
}

#[tokio::test]
async fn polling_gives_updates_until_they_are_confirmed() {
    let (sim, _, _) = start(&[]).await;
    sim.register(TOKEN);
    let first = sim.say(77, 7, "/start now").unwrap();
    sim.say(77, -8, "hello").unwrap();
    let (_, updates) = ask(&sim, "getUpdates", json!({"timeout": 5})).await;
    let texts: Vec<_> = updates["result"].as_array().unwrap().iter().map(|u| &u["message"]["text"]).collect();
    assert_eq!(texts, ["/start now", "hello"]);
    assert_eq!(updates["result"][0]["message"]["entities"][0]["length"], 6);
    let (_, updates) = ask(&sim, "getUpdates", json!({"offset": first + 1, "limit": 1})).await;
    assert_eq!(updates["result"].as_array().unwrap().len(), 1);
    assert_eq!(ask(&sim, "getUpdates", json!({"offset": first + 2})).await.1["result"], json!([]));

    // A waiting poll wakes on a new update, and a newer poll ends an older one.
    let (waiting, ()) = tokio::join!(ask(&sim, "getUpdates", json!({"timeout": 30})), async {
        while *sim.shared.by_id(77).unwrap().polls.borrow() < 4 {
            tokio::task::yield_now().await;
        }
        sim.say(77, 7, "later").unwrap();
    });
    assert_eq!(waiting.1["result"][0]["message"]["text"], "later");
    ask(&sim, "setWebhook", json!({"url": "http://x/"})).await;
    assert_eq!(ask(&sim, "getUpdates", json!({})).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn a_queue_waits_for_its_2xx_and_others_go_on() {
    let (sim, _, courier) = start(&[(503, None), (0, None), (503, Some(30)), (200, None)]).await;
    sim.set_webhook(TOKEN, "http://edge/hook", "s3cret");
    let begin = Instant::now();
    sim.say(77, 7, "one").unwrap();
    sim.say(77, 7, "two").unwrap();
    let parcels = courier.parcels(5).await;
    let times: Vec<_> = parcels.iter().map(|(at, _)| at.duration_since(begin).as_secs()).collect();
    // At once, again at once, after 2 s, then what Retry-After asked for; the second message only then.
    assert_eq!(times, [0, 0, 2, 32, 32]);
    let texts: Vec<_> =
        parcels.iter().map(|(_, parcel)| String::from_utf8_lossy(&parcel.body).contains("one")).collect();
    assert_eq!(texts, [true, true, true, true, false]);
    assert!(parcels[0].1.headers.contains(&("x-telegram-bot-api-secret-token", "s3cret".to_owned())));
    assert_eq!(
        sim.shared.by_id(77).unwrap().outbox.info()["last_error_message"],
        "Wrong response from the webhook: 503"
    );

    sim.say(77, 7, "three").unwrap();
    sim.say(77, 8, "other").unwrap();
    let parcels = courier.parcels(7).await;
    assert_eq!(parcels.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_expired_update_makes_room_for_the_next() {
    let (sim, clock, courier) = start(&[(503, None)]).await;
    sim.set_webhook(TOKEN, "http://edge/hook", "s");
    let press = json!({"callback_query": {"id": "1", "from": {"id": 7}, "data": "x"}}).to_string();
    sim.inject(77, press.into()).unwrap();
    sim.say(77, 7, "a message").unwrap();
    courier.parcels(4).await;
    clock.advance(Duration::from_secs(150));
    let before = courier.seen.lock().unwrap().len();
    courier.parcels(before + 6).await;
    let late = courier.seen.lock().unwrap().split_off(before + 2);
    assert!(late.iter().all(|(_, parcel)| String::from_utf8_lossy(&parcel.body).contains("a message")));
}

#[tokio::test]
async fn pressing_gives_a_callback_or_a_text() {
    let (sim, clock, _) = start(&[]).await;
    let markup = json!({"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]});
    ask(&sim, "sendMessage", json!({"chat_id": 7, "text": "Sure?", "reply_markup": markup})).await;
    let keyboard = json!({"keyboard": [["Prices"]]});
    ask(&sim, "sendMessage", json!({"chat_id": "7", "text": "Or", "reply_markup": keyboard.to_string()}))
        .await;
    sim.press(77, 7, "Yes").unwrap();
    sim.press(77, 7, "Prices").unwrap();
    let error = sim.press(77, 7, "No").unwrap_err();
    assert!(error.contains("Yes") && error.contains("Prices"), "{error}");
    let (_, updates) = ask(&sim, "getUpdates", json!({})).await;
    let query = &updates["result"][0]["callback_query"];
    assert_eq!((&query["data"], &query["message"]["text"]), (&json!("y"), &json!("Sure?")));
    assert_eq!(updates["result"][1]["message"]["text"], "Prices");
    let answer = json!({"callback_query_id": query["id"]});
    assert_eq!(ask(&sim, "answerCallbackQuery", answer.clone()).await.0, 200);
    clock.advance(Duration::from_secs(30));
    assert_eq!(ask(&sim, "answerCallbackQuery", answer).await.0, 400);
}

#[tokio::test]
async fn a_real_webhook_and_the_control_port() {
    // Another fake stands in for the webhook: it journals what reaches it.
    let http = Http::new(NetConfig::default()).unwrap();
    let listener = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
    let hook = TelegramSim::start(listener().await, SimOptions::new(&http)).unwrap();
    let sim = TelegramSim::start(listener().await, SimOptions::new(&http)).unwrap();
    let control = Serving::start(listener().await, sim.control()).unwrap();
    let target = format!("{}/bot1:x/setMyCommands", hook.url());
    ask(&sim, "setWebhook", json!({"url": target, "secret_token": "s", "allowed_updates": ["message"]}))
        .await;

    let mut connection = Connection::open(control.address).await.unwrap();
    let mut request = Vec::new();
    let mut seen = hook.journal().subscribe();
    write_request(&mut request, "POST", "/inject", &[], br#"{"message":{"chat":{"id":7},"text":"hi"}}"#);
    let answer = connection.exchange(&request).await.unwrap();
    assert_eq!(String::from_utf8(answer.body).unwrap(), r#"{"account":77,"ignored":false,"update_id":1}"#);
    write_request(&mut request, "POST", "/inject", &[], br#"{"poll":{}}"#);
    let answer = connection.exchange(&request).await.unwrap();
    assert!(String::from_utf8(answer.body).unwrap().contains(r#""ignored":true"#));
    seen.changed().await.unwrap();
    assert_eq!(hook.journal().after(0)[0].body["message"]["text"], "hi");

    write_request(
        &mut request,
        "POST",
        "/script",
        &[],
        br#"[{"match":{"method":"sendMessage"},"status":403,"times":1}]"#,
    );
    assert_eq!(connection.exchange(&request).await.unwrap().status, 200);
    assert_eq!(send(&sim, 7, "a").await.0, 403);
    write_request(&mut request, "GET", "/journal?after=1", &[], b"");
    let lines = String::from_utf8(connection.exchange(&request).await.unwrap().body).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["seq"], &line["method"], &line["chat"], &line["status"]),
        (&json!(2), &json!("sendMessage"), &json!("7"), &json!(403))
    );
    write_request(&mut request, "POST", "/script", &[], b"{}");
    assert_eq!(connection.exchange(&request).await.unwrap().status, 400);
}

#[tokio::test]
async fn an_address_brings_only_so_many_new_bots() {
    let (sim, clock, _) = start(&[]).await;
    let set = async |bot: u32| {
        let path = format!("/bot{bot}:abc/setWebhook");
        raw(&sim, &path, "application/json", r#"{"url":"http://x/"}"#).await.unwrap().status
    };
    for bot in 1..=20 {
        assert_eq!(set(bot).await, 200);
    }
    assert_eq!(set(21).await, 429);
    assert_eq!(set(1).await, 200, "one that is loaded is not new");
    clock.advance(Duration::from_secs(60));
    assert_eq!((set(21).await, set(21).await), (200, 200));
}
