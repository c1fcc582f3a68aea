//! The admin API over HTTP: tokens, isolation of tenants, error codes, bounds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::api::{ApiConfig, Operations, Server, operations, random_token};
use millrace::config::Secret;
use millrace::domain::channel::ChannelKind;
use millrace::domain::events::{Attachment, AttachmentKind, MediaWanted};
use millrace::domain::ids::{EventId, TenantId};
use millrace::domain::time::SystemClock;
use millrace::domain::units::Size;
use millrace::services::http::{Answer, Call, Http, NetConfig};
use millrace::services::objects::Objects;
use millrace::store::{Fetched, Store, StoreConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A running API over a database of its own.
struct House {
    base: String,
    token: Secret,
    http: Http,
    stop: CancellationToken,
    store: Arc<Store>,
    objects: Objects,
    _data: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreConfig::default(), data.path(), Arc::new(SystemClock)).await.unwrap();
        let objects = Objects::folder(&data.path().join("objects")).unwrap();
        let operations = Operations::new(Arc::clone(&store), "https://bots.example");
        let operations = operations.with_objects(objects.clone()).with_downloads(Size::mib(1));
        let operations = Arc::new(operations);
        let config =
            ApiConfig { listen: ([127, 0, 0, 1], 0).into(), max_body: Size::kib(64), ..ApiConfig::default() };
        let token = random_token().unwrap();
        let server = Server::bind(&config, operations, &token).await.unwrap();
        let base = format!("http://{}", server.address());
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(stop.clone()));
        let http = Http::new(NetConfig::default()).unwrap();
        let house = Self { base, token, http, stop, store, objects, _data: data };
        for tenant in ["acme", "rival"] {
            house.ok("POST", "/v1/tenants", json!({"tenant": tenant})).await;
            let bot = json!({"bot": format!("{tenant}-bot")});
            house.ok("PUT", &format!("/v1/tenants/{tenant}/bots"), bot).await;
        }
        house
    }

    async fn call(&self, authorization: Option<&str>, method: &str, path: &str, body: Value) -> Answer {
        let bytes = Bytes::from(body.to_string());
        let headers: Vec<(&str, &str)> =
            authorization.iter().map(|value| ("authorization", *value)).collect();
        let call = Call {
            method,
            url: &format!("{}{path}", self.base),
            headers: &headers,
            body: (!body.is_null()).then_some(("application/json", &bytes)),
            limit: Duration::from_secs(10),
            max_body: None,
        };
        self.http.provider().call(call).await.unwrap()
    }

    /// A call by the operator that has to work.
    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let token = format!("Bearer {}", self.token.expose());
        let answer = self.call(Some(&token), method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    async fn token_of(&self, tenant: &str) -> String {
        let made = self.ok("POST", &format!("/v1/tenants/{tenant}/tokens"), json!({"label": "test"})).await;
        format!("Bearer {}", made["token"].as_str().unwrap())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn code(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_good_token_gets_nothing() {
    let house = House::open().await;
    for authorization in [None, Some("Bearer nonsense"), Some("Basic abc"), Some("Bearer "), Some("Bearer")] {
        for operation in operations() {
            let path = operation.path.replace(['{', '}'], "");
            let answer = house.call(authorization, operation.method.as_str(), &path, json!({})).await;
            assert_eq!(code(&answer), (401, "unauthorized".into()), "{authorization:?} {operation:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_a_bound_of_its_own() {
    let house = House::open().await;
    house.ok("POST", "/v1/tenants/acme/bases", json!({"base": "manuals"})).await;
    let file = Bytes::from(vec![b'x'; 5 << 20]);
    let put = async |authorization: &str, path: &str| {
        let call = Call {
            method: "PUT",
            url: &format!("{}{path}", house.base),
            headers: &[("authorization", authorization)],
            body: Some(("application/octet-stream", &file)),
            limit: Duration::from_secs(30),
            max_body: None,
        };
        house.http.provider().call(call).await.unwrap()
    };
    let path = "/v1/tenants/acme/bases/manuals/documents/big%20one.txt?title=Big&tags=north,cold";
    let operator = format!("Bearer {}", house.token.expose());
    let done = put(&operator, path).await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    let done: Value = serde_json::from_slice(&done.body).unwrap();
    assert_eq!((&done["name"], &done["known"]), (&json!("big one.txt"), &json!(false)));
    let shown = house.ok("GET", "/v1/tenants/acme/bases/manuals", Value::Null).await;
    let line = &shown["documents"][0];
    assert_eq!((&line["title"], &line["tags"]), (&json!("Big"), &json!(["north", "cold"])));
    assert_eq!(line["bytes"], json!(5 << 20));
    let rival = house.token_of("rival").await;
    assert_eq!(code(&put(&rival, path).await), (404, "not_found".into()));
    // JSON keeps its bound.
    let upload = json!({"name": "big", "content": "x".repeat(100_000)});
    let answer = house.call(Some(&operator), "PUT", "/v1/tenants/acme/bases/manuals/documents", upload).await;
    assert_eq!(answer.status, 413);
    // Two gigabytes are refused by what they say of themselves, before any of them is sent.
    let mut stream = TcpStream::connect(house.base.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: {operator}\r\ncontent-type: application/octet-stream\r\n\
         content-length: {}\r\n\r\n",
        2_u64 << 30
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 2048];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut said)).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&said[..read]);
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("100 MB at most: split it"), "{said}");
}

/// Every operation of the list, with the names of the other tenant's things.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_tenants_does_not_exist() {
    let house = House::open().await;
    let acme = house.token_of("acme").await;
    let foreign = |path: &str| {
        path.replace("{tenant}", "rival")
            .replace("{bot}", "rival-bot")
            .replace("{conversation}", "rival%2Fwebchat%2Frival-bot%2Fv1")
            .replace("{channel}", "telegram")
            .replace(['{', '}'], "")
    };
    for operation in operations().iter().filter(|operation| operation.id != "health") {
        let answer =
            house.call(Some(&acme), operation.method.as_str(), &foreign(operation.path), json!({})).await;
        let expected = match operation.scope {
            millrace::api::Scope::Operator => (403, "forbidden".to_owned()),
            _ => (404, "not_found".to_owned()),
        };
        assert_eq!(code(&answer), expected, "{operation:?}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("does not exist") || answer.status == 403, "{operation:?}: {text}");
    }
    let own = house.call(Some(&acme), "GET", "/v1/bots/acme-bot", Value::Null).await;
    assert_eq!(own.status, 200);
    let taken = house.call(Some(&acme), "PUT", "/v1/tenants/acme/bots", json!({"bot": "rival-bot"})).await;
    assert_eq!(code(&taken), (409, "conflict".into()));
    let rival = house.ok("GET", "/v1/bots/rival-bot", Value::Null).await;
    assert_eq!(rival["info"]["version"], 1, "somebody changed the other tenant's bot: {rival}");
}

/// What no database and no site would take is refused with the reason, before it is noted.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_can_not_be_read_is_refused() {
    let house = House::open().await;
    house.ok("POST", "/v1/tenants/acme/bases", json!({"base": "manuals"})).await;
    let operator = format!("Bearer {}", house.token.expose());
    let path = "/v1/tenants/acme/bases/manuals/sources";
    let page = "https://shop.example/prices";
    for (address, every, word) in [
        ("file:///etc/passwd".to_owned(), 60_000, "neither http"),
        (format!("{page}/{}", "x".repeat(500)), 60_000, "500 bytes"),
        (format!("{page} list"), 60_000, "%20"),
        (page.to_owned(), 59_999, "once a minute"),
        (page.to_owned(), i64::MAX, "once a year"),
    ] {
        let answer =
            house.call(Some(&operator), "PUT", path, json!({"address": address, "every_ms": every})).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 400 && text.contains(word), "{address}: {text}");
    }
    house.ok("PUT", path, json!({"address": page, "every_ms": 60_000})).await;
    let shown = house.ok("GET", "/v1/tenants/acme/bases/manuals", Value::Null).await;
    assert_eq!(shown["sources"].as_array().unwrap().len(), 1, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_at_once() {
    let house = House::open().await;
    let token = house.token_of("acme").await;
    let listed = house.ok("GET", "/v1/tenants/acme/tokens", Value::Null).await;
    let id = listed["tokens"][0]["id"].as_str().unwrap().to_owned();
    assert!(!listed.to_string().contains(token.trim_start_matches("Bearer ")));
    assert_eq!(house.call(Some(&token), "GET", "/v1/tenants/acme", Value::Null).await.status, 200);
    house.ok("DELETE", &format!("/v1/tenants/acme/tokens/{id}"), Value::Null).await;
    assert_eq!(house.call(Some(&token), "GET", "/v1/tenants/acme", Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_bad_request_has_its_code() {
    let house = House::open().await;
    let token = format!("Bearer {}", house.token.expose());
    let large = json!({"bot": "acme-bot", "persona": "x".repeat(70_000)});
    let wrong =
        json!({"bot": "acme-bot", "time_zone": "Moon", "scripts": [{"name": "", "when": [], "reply": []}]});
    for (method, path, body, expected) in [
        ("GET", "/v1/nowhere", Value::Null, (404, "not_found")),
        ("PUT", "/v1/tenants", json!({}), (404, "not_found")),
        ("POST", "/v1/tenants", json!({"tenat": "x"}), (400, "bad_request")),
        ("POST", "/v1/tenants", json!({"tenant": "acme"}), (409, "conflict")),
        ("POST", "/v1/tenants", json!({"tenant": "Not A Slug"}), (422, "invalid")),
        ("PUT", "/v1/tenants/acme/bots", large, (413, "too_large")),
        ("PUT", "/v1/tenants/acme/bots", wrong.clone(), (422, "invalid")),
        ("GET", "/v1/bots/acme-bot/conversations?limit=0", Value::Null, (400, "bad_request")),
        ("GET", "/v1/bots/acme-bot/conversations?before=x", Value::Null, (400, "bad_request")),
        ("GET", "/v1/lag", Value::Null, (503, "unavailable")),
        ("DELETE", "/v1/tenants/acme", Value::Null, (409, "conflict")),
    ] {
        let answer = house.call(Some(&token), method, path, body).await;
        assert_eq!(code(&answer), (expected.0, expected.1.to_owned()), "{method} {path}");
    }
    let answer = house.call(Some(&token), "PUT", "/v1/tenants/acme/bots", wrong).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["error"]["problems"].as_array().unwrap().len(), 4, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_of_a_bot_over_http() {
    let house = House::open().await;
    let bot = "/v1/bots/acme-bot";
    let connected = house
        .ok(
            "POST",
            &format!("{bot}/accounts"),
            json!({"channel": "telegram", "token": "42:x", "polling": true}),
        )
        .await;
    assert_eq!(connected["webhook_url"], "https://bots.example/webhooks/telegram/acme-bot");
    let shown = house.ok("GET", bot, Value::Null).await;
    assert_eq!(
        (&shown["accounts"][0]["account"], &shown["accounts"][0]["polling"]),
        (&json!("42"), &json!(true))
    );
    let rule = json!({"name": "hi", "when": [{"exact": "hi"}], "reply": ["Hello"]});
    house.ok("PUT", &format!("{bot}/scripts"), rule.clone()).await;
    house.ok("PUT", &format!("{bot}/scripts"), rule).await;
    assert_eq!(
        house.ok("GET", &format!("{bot}/scripts"), Value::Null).await["scripts"].as_array().unwrap().len(),
        1
    );
    house.ok("PUT", &format!("{bot}/documents"), json!({"name": "a/b.md", "text": "Text."})).await;
    let document = house.ok("GET", &format!("{bot}/documents/a%2Fb.md"), Value::Null).await;
    assert_eq!(document["document"]["text"], "Text.");
    house.ok("DELETE", &format!("{bot}/accounts/telegram/42"), Value::Null).await;
    let talks = house.ok("GET", &format!("{bot}/conversations?limit=5"), Value::Null).await;
    assert_eq!(talks["conversations"], json!([]));
    house.ok("POST", &format!("{bot}/disable"), json!({})).await;
    house.ok("POST", &format!("{bot}/enable"), Value::Null).await;
    house.ok("DELETE", bot, Value::Null).await;
    let health = house.ok("GET", "/v1/health", Value::Null).await;
    assert_eq!((&health["store"], &health["log"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_bot_names_only_files_that_were_put() {
    let house = House::open().await;
    let bot = |hash: &str| {
        let media = json!({"media": {"kind": "image", "hash": hash, "name": "menu.png"}});
        let reply = json!([{"text": "See", "send": media}]);
        json!({"bot": "acme-bot", "scripts": [{"name": "menu", "when": [{"exact": "menu"}], "reply": reply}]})
    };
    let token = house.token_of("acme").await;
    let unknown = "ab".repeat(32);
    let refused = house.call(Some(&token), "PUT", "/v1/tenants/acme/bots", bot(&unknown)).await;
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status, 422, "{said}");
    assert!(
        said.contains("menu.png") && said.contains(&unknown) && said.contains("millrace bot apply"),
        "{said}"
    );
    let file = json!({"content": data_encoding::BASE64.encode(b"\x89PNG\r\n\x1a\n")});
    let put = house.ok("PUT", "/v1/tenants/rival/files", file.clone()).await;
    let hash = put["hash"].as_str().unwrap();
    let others = house.call(Some(&token), "PUT", "/v1/tenants/acme/bots", bot(hash)).await;
    assert_eq!(others.status, 422, "another tenant's file");
    house.ok("PUT", "/v1/tenants/acme/files", file).await;
    house.ok("PUT", "/v1/tenants/acme/bots", bot(hash)).await;
}

#[tokio::test]
async fn files_are_handed_out_within_their_room() {
    /// More than a connection holds that nobody reads.
    const LARGE: usize = 32 << 20;
    let house = House::open().await;
    let (tenant, turn) = (TenantId::from("acme"), EventId::root(ChannelKind::Telegram, "77", "1"));
    let mut links = Vec::new();
    for (n, content) in (0..).zip([Bytes::from(vec![0; LARGE]), Bytes::from_static(b"<b>!")]) {
        let attachment = Attachment {
            kind: AttachmentKind::Document,
            id: Some("f".into()),
            url: None,
            mime: None,
            name: None,
        };
        let channel = ChannelKind::Telegram;
        let wanted = MediaWanted { channel, account: "77".into(), turn, n, attachment, now: true };
        let whose = (&"acme-bot".into(), &"acme/telegram/77/5".into());
        house.store.media_want(&tenant, whose, &wanted).await.unwrap();
        let bytes = content.len() as u64;
        let hash = house.objects.put(&tenant, content).await.unwrap().to_string();
        let stored = Fetched::Stored { hash, mime: "text/html".to_owned(), bytes };
        house.store.media_fetched(&tenant, (turn, n), &stored).await.unwrap();
        let until = house.store.now_at().plus(Duration::from_secs(60));
        links.push(format!("/v1/files/{}", house.store.media_link(&tenant, (turn, n), until).unwrap()));
    }
    let small = async || house.call(None, "GET", &links[1], Value::Null).await;
    let answer = small().await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"<b>!"[..]));
    assert_eq!(answer.header("content-length"), Some("4"));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
    let url = format!("{}{}", house.base, links[0]);
    let limit = Duration::from_secs(10);
    let call = Call { method: "GET", url: &url, headers: &[], body: None, limit, max_body: None };
    let mut large = house.http.provider().stream(call).await.unwrap();
    assert_eq!(large.status, 200);
    let busy = small().await;
    assert_eq!((busy.status, busy.retry_after().is_some()), (503, true));
    let mut got = 0;
    while let Some(piece) = large.next().await.unwrap() {
        got += piece.len();
    }
    assert_eq!(got, LARGE);
    assert_eq!(small().await.status, 200);
}
