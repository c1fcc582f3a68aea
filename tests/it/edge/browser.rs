//! Hostile texts on the page of web chat, in a real browser: they are words there, whatever they look like.
//!
//! Needs Chromium on the path; where there is none the test says that it is left out.

use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use millrace::domain::events::Part;
use serde_json::json;
use tokio::net::TcpListener;

use super::rig::Rig;
use super::webchat::Visitor;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How long a browser may take to start, show and end.
const PATIENCE: Duration = Duration::from_secs(120);
/// What each of these would do if it ran.
const DEED: &str = "document.title='taken'";

/// What the bot says: each part holds something that is more than text in the wrong place.
fn hostile() -> Vec<Part> {
    let script = format!("<script>{DEED}</script><img src=x onerror=\"{DEED}\">");
    let parts = [
        json!({"text": script, "header": format!("<svg onload=\"{DEED}\">"), "footer": "</div></main>"}),
        // Spans, buttons and links whose addresses are code.
        json!({
            "text": "press here",
            "spans": [{"start": 0, "length": 5, "style": {"link": format!("javascript:{DEED}")}}],
            "buttons": [
                {"title": "<b>Prices</b>", "payload": "\"><script>"},
                {"title": "open", "url": format!("javascript:{DEED}")},
                {"title": "data", "url": format!("data:text/html,<script>{DEED}</script>")},
            ],
        }),
        json!({
            "text": "",
            "content": {"media": {"kind": "document", "url": format!(" javascript:{DEED}"), "name": "<svg/onload=1>.svg"}},
            "cites": [{"n": 1, "document": "d", "title": "<iframe src=//evil.example>"}],
        }),
        // A name that turns its end around, and a cell that a spreadsheet would compute.
        json!({
            "text": "=HYPERLINK(\"http://evil.example\",\"A1\") \u{202e}gpj.exe",
            "content": {"media": {"kind": "image", "url": "https://files.example/a", "name": "bill\u{202e}gnp.svg"}},
        }),
    ];
    parts.into_iter().map(|part| serde_json::from_value(part).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_are_words_in_a_browser() {
    let there =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|ran| ran.status.success());
    let Some(browser) = BROWSERS.iter().find(there) else {
        eprintln!("left out: there is no Chromium on the path");
        return;
    };
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/webchat/{bot}", get(page))
        .route("/webchat/{bot}/visitors", post(async || r#"{"visitor":"v","token":"t"}"#))
        .route("/webchat/{bot}/messages", post(async || "{}"))
        .route("/webchat/{bot}/stream", post(async || r#"{"ticket":"t"}"#))
        .route("/webchat/{bot}/events", get(events))
        .with_state(stage);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    // The bot's name comes out of the address.
    let name = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let profile = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=4000", "--dump-dom"])
        .arg(format!("http://{address}/webchat/{name}"))
        .kill_on_drop(true);
    let ran = tokio::time::timeout(PATIENCE, command.output()).await.expect("the browser ends").unwrap();
    server.abort();
    let dom = String::from_utf8_lossy(&ran.stdout).into_owned();
    let body = dom.split_once("<script>").map_or(dom.as_str(), |(before, _)| before);
    // It was all shown.
    for shown in [
        "&lt;script&gt;document.title='taken'&lt;/script&gt;&lt;img src=x onerror=",
        "&lt;svg onload=",
        "&lt;/div&gt;&lt;/main&gt;",
        "&lt;svg/onload=1&gt;.svg",
        "[1] &lt;iframe src=//evil.example&gt;",
        "=HYPERLINK(\"http://evil.example\",\"A1\")",
        "<b id=\"name\">&lt;img src=x onerror=alert(1)&gt;</b>",
    ] {
        assert!(body.contains(shown), "{shown} is not on the page:\n{dom}");
    }
    // And nothing of it is anything but text.
    assert_eq!(dom.matches("<script").count(), 1, "{dom}");
    for made in [
        "<img",
        "<svg",
        "<iframe",
        "href=\"javascript:",
        "href=\" javascript:",
        "href=\"data:",
        "<title>taken",
    ] {
        assert!(!dom.contains(made), "{made} came about:\n{dom}");
    }
    let turned: Vec<_> = body.split('\u{202e}').skip(1).collect();
    assert!(!turned.is_empty(), "what turns a name around is shown as it is");
    assert!(
        body.matches("class=\"said\" dir=\"auto\"").count() >= 4,
        "and turns nothing beyond its own message: {dom}"
    );
}

/// What the product itself says to a page.
#[derive(Clone)]
struct Stage {
    page: String,
    policy: String,
    /// The events as the browser gets them, after which the connection ends.
    events: String,
}

impl Stage {
    async fn new() -> Self {
        let rig = Rig::start().await;
        let page = rig.client.get(rig.url("/webchat/shop")).send().await.unwrap();
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let visitor = Visitor::new(&rig).await;
        let mut stream = visitor.listen(None).await;
        let mut events = String::new();
        for (n, part) in (0..).zip(hostile()) {
            visitor.tell(n, part).await;
            let (id, name, data) = stream.next().await;
            events.push_str(&format!("id: {id}\nevent: {name}\ndata: {data}\n\n"));
        }
        Self { page: page.text().await.unwrap(), policy, events }
    }
}

async fn page(State(stage): State<Stage>) -> impl IntoResponse {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "text/html; charset=utf-8".parse().unwrap());
    headers.insert(header::CONTENT_SECURITY_POLICY, stage.policy.parse().unwrap());
    (headers, stage.page)
}

async fn events(State(stage): State<Stage>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/event-stream")], stage.events)
}
