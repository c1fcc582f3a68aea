//! Providers on a small HTTP server.

use super::*;
use crate::config::Secret;
use crate::domain::events::AttachmentKind;
use crate::services::channel::ChannelsConfig;
use crate::services::http::testing::{Canned, TestServer};
use crate::services::http::{Http, NetConfig};

const BOUNDS: Bounds = Bounds { most: 64, limit: Duration::from_secs(5) };

fn providers(server: &TestServer) -> Providers {
    let mut config = ChannelsConfig::default();
    config.telegram.api_url = server.url("");
    config.meta.graph_url = server.url("/v23.0");
    Providers::new(&config, &Http::new(NetConfig::default()).unwrap())
}

fn file(id: Option<&str>, url: Option<String>) -> Attachment {
    Attachment { kind: AttachmentKind::Image, id: id.map(str::to_owned), url, mime: None, name: None }
}

async fn fetch(server: &TestServer, channel: ChannelKind, file: &Attachment) -> Result<Bytes, DownloadError> {
    let to = Sender { account: "77".into(), token: Secret::new("77:abc".to_owned()) };
    providers(server).download(channel, &to, file, BOUNDS).await
}

#[tokio::test]
async fn telegram_gives_a_path_and_then_the_file() {
    let path = Canned::json(
        200,
        r#"{"ok":true,"result":{"file_id":"F","file_path":"photos/a_1.jpg","file_size":4}}"#,
    );
    let server = TestServer::start(vec![path, Canned::with(200, &[], "file")]).await;
    let got = fetch(&server, ChannelKind::Telegram, &file(Some("F"), None)).await.unwrap();
    assert_eq!(got, "file");
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["POST /bot77:abc/getFile", "GET /file/bot77:abc/photos/a_1.jpg"]);
}

#[tokio::test]
async fn telegrams_refusals_are_told_apart() {
    let told = |code: u16, text: &str| {
        Canned::json(code, &format!(r#"{{"ok":false,"error_code":{code},"description":"{text}"}}"#))
    };
    let path = |path: &str| Canned::json(200, &format!(r#"{{"ok":true,"result":{{"file_path":"{path}"}}}}"#));
    let server = TestServer::start(vec![
        told(400, "Bad Request: wrong file_id or the file is temporarily unavailable"),
        told(400, "Bad Request: file is too big"),
        Canned::json(
            429,
            r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":3}}"#,
        ),
        told(401, "Unauthorized"),
        told(502, "Bad Gateway"),
        path("../../etc/passwd"),
        path("/var/lib/x"),
        path("gone.jpg"),
        Canned::json(404, "{}"),
        told(400, "Bad Request: invalid file_id"),
        told(400, "Bad Request: wrong file_id specified"),
        told(400, "Bad Request: something new"),
        Canned::json(200, r#"{"ok":true,"result":{"file_id":"F"}}"#),
        Canned::json(503, "busy"),
    ])
    .await;
    let mut seen = Vec::new();
    for _ in 0..13 {
        seen.push(fetch(&server, ChannelKind::Telegram, &file(Some("F"), None)).await.unwrap_err());
    }
    for n in [0, 4, 7, 10, 11, 12] {
        assert!(matches!(seen[n], DownloadError::Lost(_)), "{n} may pass: {seen:?}");
    }
    for n in [8, 9] {
        assert!(matches!(seen[n], DownloadError::Expired(_)), "{n} is gone: {seen:?}");
    }
    assert!(matches!(seen[1], DownloadError::TooLarge { .. }), "{seen:?}");
    assert!(matches!(seen[2], DownloadError::Throttled { after: Some(after), .. } if after.as_secs() == 3));
    assert!(matches!(seen[3], DownloadError::Closed(_)), "{seen:?}");
    assert!(matches!((&seen[5], &seen[6]), (DownloadError::Refused(_), DownloadError::Refused(_))));
    assert!(seen.iter().all(|error| !error.to_string().contains("77:abc")), "no token in words");
}

#[tokio::test]
async fn whatsapp_gives_an_address_that_wants_the_token() {
    let server = TestServer::start(vec![]).await;
    let address = Canned::json(200, &format!(r#"{{"url":"{}","file_size":"4"}}"#, server.url("/m/bytes")));
    let scripted = TestServer::start(vec![address, Canned::with(200, &[], "file")]).await;
    // The address leads to the other server, which is neither Graph's nor listed: the token stays here.
    let refused = fetch(&scripted, ChannelKind::Whatsapp, &file(Some("m1"), None)).await.unwrap_err();
    assert!(matches!(&refused, DownloadError::Refused(why) if why.contains("media_hosts")), "{refused}");
    assert!(server.seen().is_empty());
    assert_eq!(scripted.seen()[0].line, "GET /v23.0/m1");
    assert!(scripted.seen()[0].head.contains("authorization: bearer 77:abc"));
}

#[tokio::test]
async fn graphs_refusals_are_told_apart() {
    let told = |status: u16, code: i64| {
        Canned::json(status, &format!(r#"{{"error":{{"code":{code},"message":"no"}}}}"#))
    };
    let large = Canned::json(200, r#"{"url":"https://x.example/f","file_size":65}"#);
    let gone = r#"{"error":{"code":100,"error_subcode":33,"message":"Object with ID 'm1' does not exist"}}"#;
    let passing = r#"{"error":{"code":190,"message":"no","is_transient":true}}"#;
    let server = TestServer::start(vec![
        Canned::json(400, gone),
        told(401, 190),
        told(400, 80_007),
        told(500, 2),
        large,
        told(400, 100),
        told(400, 131_052),
        told(400, 999_999),
        Canned::json(400, passing),
        Canned::json(200, "{}"),
        told(429, 999_999),
    ])
    .await;
    let mut seen = Vec::new();
    for _ in 0..11 {
        seen.push(fetch(&server, ChannelKind::Whatsapp, &file(Some("m1"), None)).await.unwrap_err());
    }
    assert!(matches!(seen[0], DownloadError::Expired(_)), "{seen:?}");
    assert!(matches!(seen[1], DownloadError::Closed(_)), "{seen:?}");
    assert!(matches!(seen[2], DownloadError::Throttled { .. }), "{seen:?}");
    assert!(matches!(seen[4], DownloadError::TooLarge { most: 64 }), "{seen:?}");
    for n in [3, 5, 6, 7, 8, 9] {
        assert!(matches!(seen[n], DownloadError::Lost(_)), "{n} may pass: {seen:?}");
    }
    assert!(matches!(seen[10], DownloadError::Throttled { .. }), "{seen:?}");
    let odd = fetch(&server, ChannelKind::Whatsapp, &file(Some("../me"), None)).await.unwrap_err();
    assert!(matches!(odd, DownloadError::Refused(_)), "an id is no path");
}

#[tokio::test]
async fn an_address_that_the_provider_just_gave_is_asked_for_anew() {
    let server = TestServer::start(vec![]).await;
    let address = || Canned::json(200, &format!(r#"{{"url":"{}"}}"#, server.url("/m/bytes")));
    for status in [401, 403, 404, 410, 425, 503] {
        server.answer(vec![address(), Canned::json(status, "{}")]);
        let refused = fetch(&server, ChannelKind::Whatsapp, &file(Some("m1"), None)).await.unwrap_err();
        assert!(matches!(refused, DownloadError::Lost(_)), "{status}: {refused:?}");
    }
}

#[tokio::test]
async fn an_address_inside_is_never_fetched() {
    let inside = TestServer::start(vec![Canned::with(200, &[], "secret")]).await;
    let server = TestServer::start(vec![]).await;
    for url in [inside.url("/x"), "http://169.254.169.254/latest".to_owned(), "file:///etc/passwd".to_owned()]
    {
        let refused = fetch(&server, ChannelKind::Messenger, &file(None, Some(url))).await.unwrap_err();
        assert!(matches!(refused, DownloadError::Refused(_)), "{refused}");
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_signed_address_that_is_too_old_is_expired_and_a_large_file_stops() {
    let long = "x".repeat(65);
    let server = TestServer::start(vec![Canned::json(403, "{}"), Canned::with(200, &[], &long)]).await;
    let here = |path: &str| file(None, Some(server.url(path)));
    let old = fetch(&server, ChannelKind::Instagram, &here("/cdn/1")).await.unwrap_err();
    assert!(matches!(old, DownloadError::Expired(_)), "{old}");
    let large = fetch(&server, ChannelKind::Instagram, &here("/cdn/2")).await.unwrap_err();
    assert!(matches!(large, DownloadError::TooLarge { most: 64 }), "{large}");
    assert!(!server.seen()[0].head.contains("authorization"), "a signed address wants no token");
}
