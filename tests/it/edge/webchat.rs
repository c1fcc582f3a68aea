//! Web chat: visitors, messages, tickets, events, the page.

use std::time::Duration;

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{Button, Part, WebchatOut};
use millrace::domain::ids::{ConversationId, EventId};
use millrace::domain::time::Timestamp;
use millrace::domain::topics::WEBCHAT_OUT;
use millrace::log::{Log, Outgoing};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::rig::{LARGE, NOW, Rig};

pub(super) struct Visitor<'r> {
    rig: &'r Rig,
    pub(super) id: String,
    pub(super) token: String,
}

impl<'r> Visitor<'r> {
    pub(super) async fn new(rig: &'r Rig) -> Self {
        let made: Value = rig.post("/webchat/shop/visitors").send().await.unwrap().json().await.unwrap();
        let field = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { rig, id: field("visitor"), token: field("token") }
    }

    /// One who came by a page.
    pub(super) fn of(rig: &'r Rig, id: &str) -> Self {
        Self { rig, id: id.to_owned(), token: String::new() }
    }

    pub(super) async fn say(&self, message: Value) -> Response {
        let request = self.rig.post("/webchat/shop/messages").bearer_auth(&self.token);
        request.body(message.to_string()).send().await.unwrap()
    }

    async fn ticket(&self) -> String {
        let request = self.rig.post("/webchat/shop/stream").bearer_auth(&self.token);
        let given: Value = request.send().await.unwrap().json().await.unwrap();
        given["ticket"].as_str().unwrap().to_owned()
    }

    pub(super) async fn listen(&self, last: Option<&str>) -> Stream {
        let ticket = self.ticket().await;
        let mut request = self.rig.client.get(self.rig.url(&format!("/webchat/shop/events?ticket={ticket}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, buffer: String::new() }
    }

    /// Appends an answer of the bot, as dispatch does.
    async fn answer(&self, n: u32) -> EventId {
        let buttons = vec![Button { title: "Prices".into(), payload: None, ..Button::default() }];
        self.tell(n, Part { text: format!("answer {n}"), buttons, ..Part::default() }).await
    }

    /// The same with any message.
    pub(super) async fn tell(&self, n: u32, message: Part) -> EventId {
        let conversation =
            ConversationId::new(&"acme".into(), ChannelKind::Webchat, &"shop".into(), &self.id, None);
        let at = Timestamp::from_millis(NOW);
        let data = WebchatOut { chat: self.id.clone(), account: "shop".into(), part: 0, of: 1, message };
        let id = EventId::root(ChannelKind::Webchat, &self.id, &n.to_string());
        let mut out = Envelope::root(id, conversation.as_str().to_owned(), at, at, data);
        out.conversation = conversation.clone();
        let record = Outgoing::event(WEBCHAT_OUT.into(), conversation.as_str().to_owned(), out.encode());
        self.rig.log.append(&[record]).await.unwrap();
        id
    }
}

pub(super) struct Stream {
    response: Response,
    buffer: String,
}

impl Stream {
    /// The next event that is not a comment: id, name, data.
    pub(super) async fn next(&mut self) -> (String, String, Value) {
        loop {
            while let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|line| line.trim_start_matches([':', ' ']).to_owned())
                };
                let parsed = (field("id"), field("event"), field("data"));
                self.buffer = rest.to_owned();
                if let (Some(id), Some(name), Some(data)) = parsed {
                    return (id, name, serde_json::from_str(&data).unwrap());
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await;
            let piece = piece.expect("an event in time").unwrap().expect("the stream goes on");
            self.buffer.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

#[tokio::test]
async fn a_visitor_says_what_was_read_and_that_is_no_message() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    assert_eq!(visitor.say(json!({ "id": "r1", "read": true })).await.status(), StatusCode::ACCEPTED);
    let item: Value = serde_json::from_str(rig.webhooks()[0].data.item.get()).unwrap();
    assert_eq!(item, json!({ "id": "r1", "visitor": visitor.id, "read": NOW }));
    for wrong in [json!({ "id": "r2", "read": true, "text": "hi" }), json!({ "id": "r2", "read": false })] {
        assert_eq!(visitor.say(wrong).await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_visitor_speaks_and_hears() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    let mut stream = visitor.listen(None).await;
    let answer = visitor.say(json!({ "id": "m1", "text": "hi" })).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "id": "m1" }));

    let events = rig.webhooks();
    assert_eq!(events[0].subject, format!("webchat/shop/{}", visitor.id));
    assert_eq!((events[0].tenant.as_str(), events[0].bot.as_str()), ("acme", "shop"));
    assert_eq!(events[0].roottime, Timestamp::from_millis(NOW));

    let id = visitor.answer(1).await.to_string();
    let (shown, name, data) = stream.next().await;
    assert_eq!((shown.as_str(), name.as_str()), (id.as_str(), "message"));
    assert_eq!(data["text"], "answer 1");
    assert_eq!(data["id"], id);
    assert_eq!(data["buttons"], json!([{ "title": "Prices", "payload": "Prices" }]));
    assert_eq!((&data["media"], &data["cites"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn the_same_id_is_the_same_message() {
    let rig = Rig::start().await;
    let (ann, bob) = (Visitor::new(&rig).await, Visitor::new(&rig).await);
    for (who, id) in [(&ann, "m1"), (&ann, "m1"), (&ann, "m2"), (&bob, "m1")] {
        assert_eq!(who.say(json!({ "id": id, "text": "hi" })).await.status(), StatusCode::ACCEPTED);
    }
    let ids: std::collections::BTreeSet<_> = rig.webhooks().iter().map(|event| event.id).collect();
    assert_eq!((rig.webhooks().len(), ids.len()), (4, 3));
}

#[tokio::test]
async fn a_page_that_returns_gets_what_followed() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    let mut stream = visitor.listen(None).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(visitor.answer(n).await.to_string());
        stream.next().await;
    }
    drop(stream);
    let mut again = visitor.listen(Some(&ids[2])).await;
    assert_eq!(again.next().await.0, ids[3]);
    assert_eq!(again.next().await.0, ids[4]);
    let last = visitor.answer(5).await.to_string();
    assert_eq!(again.next().await.0, last, "and then goes on live");
}

#[tokio::test]
async fn an_unknown_id_gets_the_last_fifty() {
    let rig = Rig::start().await;
    let (visitor, other) = (Visitor::new(&rig).await, Visitor::new(&rig).await);
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(visitor.answer(n).await.to_string());
        other.answer(n).await;
    }
    let mut stream = visitor.listen(Some("0")).await;
    for id in &ids[10..] {
        assert_eq!(stream.next().await.0, *id);
    }
    let mut stream = visitor.listen(Some(&ids[57])).await;
    assert_eq!(stream.next().await.0, ids[58]);
}

#[tokio::test]
async fn a_ticket_opens_one_stream() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    let open = async |bot: &str, ticket: &str| {
        let url = rig.url(&format!("/webchat/{bot}/events?ticket={ticket}"));
        rig.client.get(url).send().await.unwrap().status()
    };
    let ticket = visitor.ticket().await;
    assert_eq!(open("listed", &ticket).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open("shop", &ticket).await, StatusCode::OK);
    assert_eq!(open("shop", &ticket).await, StatusCode::UNAUTHORIZED);
    let late = visitor.ticket().await;
    rig.clock.advance(Duration::from_secs(31));
    assert_eq!(open("shop", &late).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open("shop", "x").await, StatusCode::UNAUTHORIZED);
    let none = rig.client.get(rig.url("/webchat/shop/events")).send().await.unwrap();
    assert_eq!(none.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_visitor_hears_its_own_conversation_only() {
    let rig = Rig::start().await;
    let (ann, bob) = (Visitor::new(&rig).await, Visitor::new(&rig).await);
    let mut stream = ann.listen(None).await;
    bob.answer(1).await;
    let own = ann.answer(2).await.to_string();
    assert_eq!(stream.next().await.0, own);

    let forged = format!("{}{}", bob.id, &ann.token[32..]);
    for token in ["", "x", forged.as_str()] {
        let request = rig.post("/webchat/shop/messages").bearer_auth(token);
        let answer = request.body(r#"{"id":"1","text":"x"}"#).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let elsewhere =
        rig.post("/webchat/listed/messages").bearer_auth(&ann.token).body("{}").send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(rig.webhooks().len(), 0);
}

#[tokio::test]
async fn messages_that_say_nothing_are_refused() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    for wrong in [
        json!({}),
        json!([1]),
        json!({ "text": "no id" }),
        json!({ "id": "m1" }),
        json!({ "id": "m1", "text": "" }),
        json!({ "id": "", "text": "x" }),
        json!({ "id": "<script>", "text": "x" }),
        json!({ "id": "x".repeat(65), "text": "x" }),
        json!({ "id": 7, "text": "x" }),
        json!({ "id": "m1", "payload": "x".repeat(5000) }),
        json!({ "id": "m1", "media": "nothing-that-was-sent" }),
    ] {
        let answer = visitor.say(wrong.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(!answer.text().await.unwrap().contains("script"));
    }
    for right in [
        json!({ "id": "a", "text": "x".repeat(1 << 20) }),
        json!({ "id": "b", "payload": "prices", "title": "Prices" }),
    ] {
        assert_eq!(visitor.say(right).await.status(), StatusCode::ACCEPTED);
    }
    assert_eq!(rig.webhooks().len(), 2);
}

#[tokio::test]
async fn pages_of_other_sites_stay_outside() {
    let rig = Rig::start().await;
    let own = rig.url("");
    let visit = async |bot: &str, origin: &str| {
        let request = rig.post(&format!("/webchat/{bot}/visitors")).header("origin", origin);
        let response = request.send().await.unwrap();
        let allowed = response.headers().get("access-control-allow-origin").cloned();
        (response.status(), allowed.map(|value| value.to_str().unwrap().to_owned()))
    };
    assert_eq!(visit("shop", &own).await, (StatusCode::OK, Some(own.clone())));
    assert_eq!(visit("listed", "https://shop.example").await.0, StatusCode::OK);
    for (bot, origin) in [
        ("shop", "https://shop.example"),
        ("shop", "null"),
        ("listed", "null"),
        ("listed", "https://shop.example.evil"),
        ("listed", own.as_str()),
    ] {
        assert_eq!(visit(bot, origin).await, (StatusCode::FORBIDDEN, None), "{bot} {origin}");
    }
    let url = rig.url("/webchat/listed/messages");
    let asked = rig.client.request(reqwest::Method::OPTIONS, url).header("origin", "https://shop.example");
    let allowed = asked.send().await.unwrap();
    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
}

#[tokio::test]
async fn one_address_makes_so_many_visitors() {
    let config = millrace::edge::EdgeConfig { visitors: "3/h".parse().unwrap(), ..Default::default() };
    let rig = Rig::with(config).await;
    let make = async || rig.post("/webchat/shop/visitors").send().await.unwrap();
    for _ in 0..3 {
        assert_eq!(make().await.status(), StatusCode::OK);
    }
    let refused = make().await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn the_page_runs_its_own_script_only() {
    let rig = Rig::start().await;
    let page = rig.client.get(rig.url("/webchat/shop")).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    let html = page.text().await.unwrap();
    let script = html.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = <sha2::Sha256 as sha2::Digest>::digest(script.as_bytes());
    assert!(policy.contains(&format!("'sha256-{}'", data_encoding::BASE64.encode(&hash))));
    let none = rig.client.get(rig.url("/webchat/nobody")).send().await.unwrap();
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_gets_the_files_that_its_bot_sends_and_nothing_that_could_run() {
    let downloads = millrace::domain::units::Size::mib(1);
    let rig = Rig::with(millrace::edge::EdgeConfig { downloads, ..Default::default() }).await;
    let get = async |link: &str| {
        let url = rig.url(&format!("/webchat/shop/files/{link}"));
        rig.client.get(url).send().await.unwrap()
    };
    let file = get("acme.menu.a.html").await;
    assert_eq!(file.status(), StatusCode::OK);
    let header = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-disposition").starts_with("attachment"), "{:?}", file.headers());
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(
        (header("x-content-type-options").as_str(), header("content-length").as_str()),
        ("nosniff", "4")
    );
    assert_eq!(file.text().await.unwrap(), "<b>!");
    assert_eq!(get("forged").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get("acme.lost.c").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    // More than the room, so alone; until its reader has taken it, or is gone, others come again.
    let large = get("acme.large.b.bin").await;
    assert_eq!(large.status(), StatusCode::OK);
    let busy = get("acme.menu.a.html").await;
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(busy.headers().contains_key("retry-after"));
    assert_eq!(large.bytes().await.unwrap().len() as u64, LARGE);
    assert_eq!(get("acme.menu.a.html").await.status(), StatusCode::OK);
}
