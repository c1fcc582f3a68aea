//! Web chat: files of visitors.

use millrace::domain::units::Size;
use millrace::edge::EdgeConfig;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::rig::{Rig, VISITOR_FILE, assert_busy};
use super::webchat::Visitor;

async fn send(rig: &Rig, visitor: &Visitor<'_>, content: impl Into<reqwest::Body>) -> Response {
    let request = rig.client.post(rig.url("/webchat/shop/files?name=bill.txt")).bearer_auth(&visitor.token);
    request.header("content-type", "text/plain").body(content).send().await.unwrap()
}

#[tokio::test]
async fn a_visitor_sends_a_file_and_a_message_names_it() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    let answer = send(&rig, &visitor, "12 EUR").await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let kept: Value = answer.json().await.unwrap();
    assert_eq!(
        (&kept["kind"], &kept["mime"], &kept["name"], &kept["bytes"]),
        (&json!("document"), &json!("text/plain"), &json!("bill.txt"), &json!(6))
    );
    assert_eq!(rig.webhooks().len(), 0, "a file alone is no message");
    let said = visitor.say(json!({ "id": "m1", "media": kept["media"], "text": "my bill" })).await;
    assert_eq!(said.status(), StatusCode::ACCEPTED);
    let item: Value = serde_json::from_str(rig.webhooks()[0].data.item.get()).unwrap();
    let wanted = json!({
        "id": "m1", "visitor": visitor.id, "text": "my bill", "media": "hash6", "kind": "document", "mime": "text/plain",
        "name": "bill.txt",
    });
    assert_eq!(item, wanted);
    // Another visitor has no use for it.
    let other = Visitor::new(&rig).await;
    let refused = other.say(json!({ "id": "m1", "media": kept["media"] })).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await.unwrap().contains("send the file again"));
}

#[tokio::test]
async fn what_is_no_file_or_not_wanted_is_refused_with_a_reason() {
    let rig = Rig::start().await;
    let visitor = Visitor::new(&rig).await;
    let refused = async |content: Vec<u8>| {
        let answer = send(&rig, &visitor, content).await;
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(refused(Vec::new()).await.0, StatusCode::BAD_REQUEST);
    let (status, words) = refused(vec![0xff; 9]).await;
    assert!(status == StatusCode::UNSUPPORTED_MEDIA_TYPE && words.contains("type"), "{status} {words}");
    assert_eq!(refused(vec![b'a'; VISITOR_FILE + 1]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused(vec![b'a'; VISITOR_FILE]).await.0, StatusCode::CREATED);
    let full = send(&rig, &visitor, "full").await;
    assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(full.headers().contains_key("retry-after"));
    assert_busy(&send(&rig, &visitor, "lost").await);
    // A body of unknown length is counted as it comes.
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'a'; 10 << 10]));
    let endless = reqwest::Body::wrap_stream(endless);
    let cut = rig.client.post(rig.url("/webchat/shop/files")).bearer_auth(&visitor.token).body(endless);
    // It is refused before its end: who still writes may see no more than the end of the connection.
    assert!(cut.send().await.map_or(true, |answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));

    let post = |path: &str| rig.client.post(rig.url(path)).body("12 EUR");
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    let own = || post("/webchat/shop/files").bearer_auth(&visitor.token);
    let form = own().header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(status(form).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(status(own().header("content-encoding", "gzip")).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(status(post("/webchat/shop/files")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(post("/webchat/nobody/files")).await, StatusCode::NOT_FOUND);
    assert_eq!(status(own().header("origin", "https://evil.example")).await, StatusCode::FORBIDDEN);
    assert_eq!(rig.webhooks().len(), 0);
}

#[tokio::test]
async fn a_bot_that_wants_no_files_gets_none() {
    let rig = Rig::start().await;
    let made: Value = rig.post("/webchat/listed/visitors").send().await.unwrap().json().await.unwrap();
    let request = rig.client.post(rig.url("/webchat/listed/files")).body("12 EUR");
    let answer = request.bearer_auth(made["token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("takes no files"));
}

#[tokio::test]
async fn a_visitor_sends_so_many_and_no_more_than_there_is_memory_for() {
    let config = EdgeConfig { visitor_files: "2/h".parse().unwrap(), ..EdgeConfig::default() };
    let rig = Rig::with(config).await;
    let (visitor, other) = (Visitor::new(&rig).await, Visitor::new(&rig).await);
    for _ in 0..2 {
        assert_eq!(send(&rig, &visitor, "a").await.status(), StatusCode::CREATED);
    }
    assert_eq!(send(&rig, &visitor, "a").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(send(&rig, &other, "a").await.status(), StatusCode::CREATED, "each has a limit of their own");

    let rig = Rig::with(EdgeConfig { uploads: Size::kib(64), ..EdgeConfig::default() }).await;
    let visitor = Visitor::new(&rig).await;
    // One is half here and holds what came of it; another has no room until it is gone.
    let (more, rest) = futures_channel_of(48 << 10);
    let half = tokio::spawn({
        let request = rig.client.post(rig.url("/webchat/shop/files")).bearer_auth(&visitor.token).body(rest);
        async move { request.send().await.map(|answer| answer.status()) }
    });
    let mut busy = None;
    for _ in 0..200 {
        let answer = send(&rig, &visitor, vec![b'a'; 40 << 10]).await;
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            busy = Some(answer);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_busy(&busy.expect("the first one holds the room"));
    drop(more);
    assert_eq!(half.await.unwrap().unwrap(), StatusCode::CREATED);
    assert_eq!(send(&rig, &visitor, vec![b'a'; 40 << 10]).await.status(), StatusCode::CREATED);
}

/// A body that gives so many bytes and ends when the sender is dropped.
fn futures_channel_of(bytes: usize) -> (tokio::sync::oneshot::Sender<()>, reqwest::Body) {
    use futures_util::StreamExt as _;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![b'a'; bytes])]);
    let last = futures_util::stream::once(async move {
        drop(ended.await);
        Ok(Vec::new())
    });
    (end, reqwest::Body::wrap_stream(first.chain(last)))
}
