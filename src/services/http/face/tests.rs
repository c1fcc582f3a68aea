//! Both faces against a server on this machine.

use super::*;
use crate::domain::units::Size;
use crate::services::http::Http;
use crate::services::http::testing::{Canned, TestServer};

const LIMIT: Duration = Duration::from_secs(5);

fn http(allow_private: bool) -> Http {
    Http::new(NetConfig { allow_private, max_body: Size::kib(4), ..NetConfig::default() }).unwrap()
}

#[tokio::test]
async fn a_body_goes_out_and_an_answer_comes_back() {
    let answer = Canned::with(429, &[("retry-after", "7")], r#"{"ok":false}"#);
    let server = TestServer::start(vec![answer, Canned::json(200, "{}")]).await;
    let http = http(false);
    let body = Bytes::from_static(br#"{"text":"hi"}"#);
    let url = server.url("/bot1:secret/sendMessage");
    let answer = http.provider().post_json(&url, &[("x-key", "k")], body.clone(), LIMIT).await.unwrap();
    assert_eq!(
        (answer.status, answer.ok(), answer.retry_after()),
        (429, false, Some(Duration::from_secs(7)))
    );
    assert_eq!(&answer.body[..], br#"{"ok":false}"#);
    http.provider().post_json(&url, &[], body, LIMIT).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /bot1:secret/sendMessage");
    assert!(seen[0].head.contains("x-key: k") && seen[0].head.contains("content-type: application/json"));
    assert_eq!(seen[0].body, br#"{"text":"hi"}"#);
    assert_eq!(server.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_sent() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{free}/botTOKEN/x");
    let error = http(false).provider().post_json(&url, &[], Bytes::new(), LIMIT).await.unwrap_err();
    assert!(error.certainly_not_sent(), "{error:?}");
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("TOKEN"));
}

#[tokio::test]
async fn an_unknown_host_was_certainly_not_sent() {
    let url = "http://no-such-host.invalid/botTOKEN";
    let error = http(false).provider().get(url, &[], LIMIT).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-host.invalid"));
}

#[tokio::test]
async fn a_lost_answer_is_unclear() {
    let server = TestServer::start(vec![Canned::Drop, Canned::Hang]).await;
    let http = http(false);
    let url = server.url("/botTOKEN/x");
    let lost = http.provider().post_json(&url, &[], Bytes::new(), LIMIT).await.unwrap_err();
    assert!(matches!(lost, HttpError::Unclear { timed_out: false, .. }), "{lost:?}");
    let late =
        http.provider().post_json(&url, &[], Bytes::new(), Duration::from_millis(50)).await.unwrap_err();
    assert!(late.timed_out() && !late.certainly_not_sent(), "{late:?}");
    assert!(!format!("{lost} {lost:?} {late} {late:?}").contains("TOKEN"));
}

#[tokio::test]
async fn a_body_is_counted_after_decompression() {
    // 8 KiB of zeros, gzip.
    let zeros = data_encoding::BASE64.decode(ZEROS.as_bytes()).unwrap();
    assert!(zeros.len() < 100);
    let headers = vec![("content-encoding".to_owned(), "gzip".to_owned())];
    let packed = Canned::Answer { status: 200, headers, body: zeros };
    let plain = Canned::Answer { status: 200, headers: vec![], body: vec![0; 8 << 10] };
    let server = TestServer::start(vec![packed, plain]).await;
    let http = http(true);
    for _ in 0..2 {
        let error = http.outside().get(&server.url("/"), &[], LIMIT).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: 4096, .. }), "{error:?}");
    }
}

const ZEROS: &str = "H4sIAAAAAAACA+3BAQ0AAADCoPdPbQ43oAAAAAAAAACAdwOUmfTYACAAAA==";

#[tokio::test]
async fn private_addresses_are_closed_in_every_notation() {
    let server = TestServer::start(vec![]).await;
    let port = server.address.port();
    let http = http(false);
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/");
        let error = http.outside().get(&url, &[], LIMIT).await.unwrap_err();
        assert!(matches!(error, HttpError::Forbidden { .. }), "{host}: {error:?}");
        assert!(error.certainly_not_sent());
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_checked_again() {
    let to = |target: &str| Canned::with(302, &[("location", target)], "");
    let server = TestServer::start(vec![to("http://169.254.169.254/latest"), to("file:///etc/passwd")]).await;
    let http = http(true);
    let error = http.outside().get(&server.url("/"), &[], LIMIT).await.unwrap_err();
    assert!(matches!(error, HttpError::Forbidden { .. }), "{error:?}");
    let error = http.outside().get(&server.url("/"), &[], LIMIT).await.unwrap_err();
    assert!(matches!(error, HttpError::Redirect { .. }), "{error:?}");
}

#[tokio::test]
async fn redirects_end_after_five_and_leave_headers_behind() {
    let last = TestServer::start(vec![Canned::json(200, "{}")]).await;
    let to = |target: &str| Canned::with(307, &[("location", target)], "");
    let first = TestServer::start(vec![to("/two"), to(&last.url("/three"))]).await;
    let http = http(true);
    let answer = http.outside().get(&first.url("/one"), &[("authorization", "k")], LIMIT).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(first.seen()[1].head.contains("authorization: k"));
    assert!(!last.seen()[0].head.contains("authorization"));

    let round = TestServer::start(vec![to("/"); 9]).await;
    let error = http.outside().get(&round.url("/"), &[], LIMIT).await.unwrap_err();
    assert!(matches!(error, HttpError::Redirect { .. }), "{error:?}");
    assert_eq!(round.seen().len(), 6);
}

#[tokio::test]
async fn a_provider_or_a_post_is_not_redirected() {
    let moved = Canned::with(302, &[("location", "http://example.com/")], "");
    let server = TestServer::start(vec![moved; 2]).await;
    let http = http(true);
    assert_eq!(http.provider().get(&server.url("/"), &[], LIMIT).await.unwrap().status, 302);
    let posted = http.outside().post_json(&server.url("/"), &[], Bytes::new(), LIMIT).await;
    assert_eq!(posted.unwrap().status, 302);
}

#[tokio::test]
async fn what_can_not_be_sent_says_why_and_shows_no_secret() {
    let http = http(true);
    for url in ["ftp://example.com/TOKEN", "not an address TOKEN", "http://"] {
        let error = http.outside().get(url, &[], LIMIT).await.unwrap_err();
        assert!(matches!(error, HttpError::Invalid(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("TOKEN"));
    }
    let error = http.provider().get("http://127.0.0.1/", &[("x-key", "TO\nKEN")], LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("x-key") && !error.to_string().contains("KEN`"), "{error}");
}

#[tokio::test]
async fn a_stream_comes_piece_by_piece() {
    let server = TestServer::start(vec![Canned::with(200, &[], "data: 1\n\n")]).await;
    let http = http(false);
    let url = server.url("/events");
    let call = Call { method: "GET", url: &url, headers: &[], body: None, limit: LIMIT, max_body: None };
    let mut stream = http.provider().stream(call).await.unwrap();
    assert_eq!(stream.status, 200);
    assert_eq!(&stream.next().await.unwrap().unwrap()[..], b"data: 1\n\n");
    assert!(stream.next().await.unwrap().is_none());
}

#[tokio::test]
async fn half_a_body_was_certainly_not_sent_and_a_whole_one_may_have_been() {
    // Takes the connection and reads nothing: what fits into the system's buffers leaves, the rest does not.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/botTOKEN/sendVideo", deaf.local_addr().unwrap());
    let body = Bytes::from(vec![b'x'; 48 << 20]);
    let limit = Duration::from_millis(500);
    let cut = http(false).provider().post_json(&url, &[], body, limit).await.unwrap_err();
    assert!(matches!(cut, HttpError::Cut { .. }) && cut.certainly_not_sent(), "{cut:?}");
    assert!(!cut.to_string().contains("TOKEN"));

    let large = Bytes::from((0..1 << 20).map(|n| n as u8).collect::<Vec<u8>>());
    let server = TestServer::start(vec![Canned::json(200, "{}"), Canned::Hang]).await;
    let http = http(false);
    http.provider().post_json(&server.url("/x"), &[], large.clone(), LIMIT).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].body == large && seen[0].head.contains("content-length: 1048576"), "{}", seen[0].head);
    let unclear = http.provider().post_json(&server.url("/x"), &[], large, limit).await.unwrap_err();
    assert!(matches!(unclear, HttpError::Unclear { timed_out: true, .. }), "{unclear:?}");
}
