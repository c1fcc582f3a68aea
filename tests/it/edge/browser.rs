//! Hostile texts on the page of web chat, in a real browser: they are words there, whatever they look like.
//!
//! Needs Chromium on the path; where there is none the test says that it is left out.

use std::path::PathBuf;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use millrace::domain::events::Part;
use serde_json::json;
use tokio::net::TcpListener;

use super::driven::{self, ARGS, Browser, PATIENCE};
use super::rig::Rig;
use super::webchat::Visitor;

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
    let Some(browser) = driven::find() else { return };
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
        .args(ARGS)
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
        "&lt;svgonload=1&gt;.svg",
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
    assert_eq!(
        body.matches('\u{202e}').count(),
        1,
        "a text is shown as it is, and names turn nothing around"
    );
    assert!(body.contains(">billgnp.svg</a>"), "{dom}");
    assert!(
        body.matches("class=\"said\" dir=\"auto\"").count() >= 4,
        "and turns nothing beyond its own message: {dom}"
    );
}

/// A person's own words and the name of their file are as strange as what the bot says, and everything goes through the edge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_of_what_a_visitor_types_sends_and_presses() {
    let Some(found) = driven::find() else { return };
    let rig = Rig::start().await;
    let mut browser = Browser::open(found).await;
    browser.go(&rig.url("/webchat/shop")).await;
    browser.until("document.getElementById('state')?.textContent === 'online'").await;

    let typed = format!("<script>{DEED}</script><img src=x onerror=\"{DEED}\"> =1+1");
    let says = format!(
        "document.getElementById('text').value = {}; document.getElementById('form').requestSubmit()",
        json!(typed)
    );
    browser.value(&says).await;
    browser.until("document.querySelectorAll('.me:not(.going)').length === 1").await;
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("=cmd|calc\u{202e}gnp.<img src=x onerror=alert(1)>.svg");
    std::fs::write(&file, format!("<svg xmlns='http://www.w3.org/2000/svg' onload=\"{DEED}\"></svg>"))
        .unwrap();
    browser.choose("#file", &file).await;
    browser.until("document.querySelectorAll('.me:not(.going)').length === 2").await;

    let visitor = browser.value("JSON.parse(localStorage.getItem('millrace:shop')).visitor").await;
    let visitor = Visitor::of(&rig, visitor.as_str().unwrap());
    let mut parts = hostile();
    // The one with buttons comes last: they go with the next message.
    let last = parts.remove(1);
    parts.push(last);
    for (n, part) in (0..).zip(parts) {
        visitor.tell(n, part).await;
    }
    browser.until("document.querySelectorAll('.choices button').length === 1").await;
    browser.value("document.querySelector('.choices button').click()").await;
    browser.until("document.querySelectorAll('.me:not(.going)').length === 3").await;

    // What was meant arrived as it was, and is shown as words.
    let said = rig.webhooks().into_iter().map(|event| event.data.item.get().to_owned()).collect::<String>();
    for word in [json!(typed).to_string(), json!("\"><script>").to_string(), "onerror=alert(1)".to_owned()] {
        assert!(said.contains(&word), "{word} is not in {said}");
    }
    let shown = browser.value("document.querySelector('.me').textContent").await;
    assert_eq!(shown, typed);
    let shown = browser.value("document.querySelectorAll('.me')[1].textContent").await;
    assert_eq!(shown, "File: =cmd|calcgnp.<img src=x onerror=alert(1)>.svg", "and turns nothing around");
    // Nothing of it ran, tried to, or leads to what would.
    assert_eq!(browser.deeds, Vec::<serde_json::Value>::new());
    assert_eq!(browser.value("document.title").await, "shop");
    assert_eq!(browser.value("document.querySelectorAll('script').length").await, 1);
    assert_eq!(browser.value("document.querySelectorAll('img, svg, iframe, object, embed').length").await, 0);
    let schemes = browser.value("[...document.querySelectorAll('a')].map(a => a.protocol)").await;
    assert_eq!(schemes, json!(["https:"]));
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
