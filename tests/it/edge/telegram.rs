//! `POST /webhooks/telegram/{bot}`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use millrace::domain::time::Timestamp;
use millrace::domain::units::Size;
use millrace::edge::EdgeConfig;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::memory::Mood;
use super::rig::{NOW, Rig, SECRET, assert_busy, assert_taken, header};

const UPDATE: &str = r#"{"update_id":900000000001,"message":{"message_id":5,"date":1795246199,
    "from":{"id":4503599627370495,"first_name":"Ann"},"chat":{"id":-1001234567890123,"type":"supergroup"},"text":"hi"}}"#;

#[tokio::test]
async fn an_update_is_in_the_log_when_200_is_said() {
    let rig = Rig::start().await;
    assert_taken(rig.update(UPDATE).await).await;
    let events = rig.webhooks();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.tenant.as_str(), event.bot.as_str()), ("acme", "shop"));
    assert_eq!(event.subject, "telegram/77/-1001234567890123");
    assert_eq!(event.roottime, Timestamp::from_millis(1_795_246_199_000));
    assert_eq!(event.data.received, Timestamp::from_millis(NOW));
    assert_eq!(event.data.item.get(), UPDATE, "the item's bytes are the sender's");
    assert_eq!(rig.log.all("webhook.received.v1")[0].key, event.subject.as_bytes());

    assert_taken(rig.update(UPDATE).await).await;
    let again = rig.webhooks();
    assert_eq!(again[0].id, again[1].id, "a redelivery has the same id");
}

#[tokio::test]
async fn only_the_secret_opens_the_door() {
    let rig = Rig::start().await;
    let send = async |bot: &str, secret: Option<&str>| {
        let mut request = rig.post(&format!("/webhooks/telegram/{bot}")).body(UPDATE);
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        request.send().await.unwrap().status()
    };
    for wrong in [None, Some(""), Some("tg-secre"), Some("tg-secret "), Some("tg-secretx")] {
        let expected = if wrong == Some("tg-secret ") { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        // HTTP itself trims the space.
        assert_eq!(send("shop", wrong).await, expected, "{wrong:?}");
    }
    assert_eq!(send("mute", Some("")).await, StatusCode::UNAUTHORIZED, "an empty secret opens nothing");
    assert_eq!(send("nobody", Some(SECRET)).await, StatusCode::NOT_FOUND);
    assert_eq!(rig.webhooks().len(), 1);
}

#[tokio::test]
async fn only_json_is_read() {
    let rig = Rig::start().await;
    let send = async |name: &'static str, value: &str| {
        let request = rig.client.post(rig.url("/webhooks/telegram/shop")).header(name, value);
        let request = request.header("x-telegram-bot-api-secret-token", SECRET).body(UPDATE);
        request.send().await.unwrap().status()
    };
    assert_eq!(send("content-type", "text/plain").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        send("content-type", "application/x-www-form-urlencoded").await,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(send("content-encoding", "gzip").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send("content-type", "Application/JSON; charset=utf-8").await, StatusCode::OK);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_what_is_large_is_not() {
    let rig = Rig::start().await;
    let text =
        |bytes: usize| format!("{{\"update_id\":1,\"message\":{{\"text\":\"{}\"}}}}", "x".repeat(bytes));
    assert_taken(rig.update(text(1 << 20)).await).await;
    assert_taken(rig.update(text(3_000_000)).await).await;
    assert_eq!(rig.update(text(4 << 20)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // Without a length, too.
    let pieces = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 16])));
    let refused = rig.update(reqwest::Body::wrap_stream(pieces)).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.webhooks().len(), 2);
}

#[tokio::test]
async fn a_log_that_fails_or_hangs_is_a_reason_to_come_back() {
    let rig = Rig::impatient().await;
    for mood in [Mood::Failing, Mood::Hanging] {
        rig.log.set(mood);
        assert_busy(&rig.update(UPDATE).await);
        assert_busy(&rig.update("not json").await);
    }
    rig.log.set(Mood::Well);
    assert_taken(rig.update(UPDATE).await).await;
    assert_eq!(rig.webhooks().len(), 1);
}

#[tokio::test]
async fn nothing_is_taken_while_there_is_no_room() {
    let rig = Rig::start().await;
    rig.full.store(true, Ordering::Relaxed);
    assert_busy(&rig.update(UPDATE).await);
    assert_busy(&rig.signed(b"not json").await);
    assert_eq!((rig.webhooks().len(), rig.dead_letters().len()), (0, 0));
    rig.full.store(false, Ordering::Relaxed);
    assert_taken(rig.update(UPDATE).await).await;
}

#[tokio::test]
async fn no_more_bytes_are_held_than_the_budget_has() {
    let config = EdgeConfig { in_flight: Size::mib(4), ..EdgeConfig::default() };
    let rig = Rig::with(config).await;
    rig.log.set(Mood::Hanging);
    let large = format!("{{\"update_id\":1,\"x\":\"{}\"}}", "x".repeat(1_600_000));
    let (first, second) = tokio::join!(rig.update(large.clone()), async {
        rig.log.hangs().await;
        let began = std::time::Instant::now();
        let second = rig.update(large.clone()).await;
        assert!(began.elapsed() < Duration::from_secs(1), "it is told at once, not after the append's time");
        second
    });
    assert_busy(&first);
    assert_busy(&second);
    rig.log.set(Mood::Well);
    assert_taken(rig.update(large).await).await;
}

#[tokio::test]
async fn a_body_that_is_no_update_is_kept_whole() {
    let rig = Rig::start().await;
    let bodies: [(&[u8], &str); 5] = [
        (b"{\"update_id\":1", "not_json"),
        (b"", "not_json"),
        (b"{\"update_id\":1}}", "not_json"),
        (b"{\"text\":\"\xff\"}", "not_utf8"),
        (b"[1]", "not_object"),
    ];
    for (body, _) in bodies {
        assert_taken(rig.update(body.to_vec()).await).await;
    }
    let letters = rig.dead_letters();
    for (letter, (body, reason)) in letters.iter().zip(bodies) {
        assert_eq!((&*letter.value, header(letter, "millrace-reason")), (body, reason));
        assert_eq!(header(letter, "millrace-stage"), "edge");
        assert_eq!(header(letter, "millrace-tenant"), "acme");
    }
    assert_eq!((letters.len(), rig.webhooks().len()), (5, 0));
}

#[tokio::test]
async fn unknown_kinds_are_events_too() {
    let rig = Rig::start().await;
    for body in [r#"{"update_id":3,"next_big_thing":{"x":[1]}}"#, "{}", r#"{"update_id":null,"message":7}"#] {
        assert_taken(rig.update(body).await).await;
    }
    assert_eq!(rig.webhooks().len(), 3);
    assert!(rig.webhooks().iter().all(|event| event.subject == "telegram/77/"));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_behind() {
    let rig = Rig::start().await;
    let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
    let head = format!(
        "POST /webhooks/telegram/shop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         x-telegram-bot-api-secret-token: {SECRET}\r\ncontent-length: {}\r\n\r\n",
        UPDATE.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&UPDATE.as_bytes()[..40]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(rig.webhooks().len() + rig.dead_letters().len(), 0);
}

#[tokio::test]
async fn the_process_says_how_it_is() {
    let rig = Rig::start().await;
    let get = async |path: &str| {
        let response = rig.client.get(rig.url(path)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await.0, StatusCode::OK);
    let (status, text) = get("/readyz").await;
    assert_eq!((status, text.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "the database is not reachable"));
    assert_eq!(get("/metrics").await, (StatusCode::OK, "millrace_up 1\n".to_owned()));
    assert_eq!(get("/elsewhere").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get("/webhooks/telegram/shop").await.0, StatusCode::METHOD_NOT_ALLOWED);
}
