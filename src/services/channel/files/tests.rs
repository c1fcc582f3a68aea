//! Files of ours on a small HTTP server, with ids kept in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::config::Secret;
use crate::services::channel::{ChannelsConfig, senders};
use crate::services::http::testing::{Canned, TestServer};
use crate::services::http::{Http, NetConfig};

const LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Memory {
    ids: Mutex<HashMap<String, (String, Option<Duration>)>>,
}

#[async_trait]
impl Files for Memory {
    async fn known(&self, at: FileAt<'_>) -> Result<Option<String>, FileTrouble> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ids.get(at.hash).map(|(id, _)| id.clone()))
    }

    async fn size(&self, _: FileAt<'_>) -> Result<u64, FileTrouble> {
        Ok(10)
    }

    async fn content(&self, at: FileAt<'_>) -> Result<(Bytes, String), FileTrouble> {
        match at.hash {
            "ab" => Ok((Bytes::from_static(b"\x89PNG\r\n--x"), "image/png".to_owned())),
            _ => Err(FileTrouble::Missing("there is no such file".to_owned())),
        }
    }

    async fn note(&self, at: FileAt<'_>, id: &str, holds: Option<Duration>) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(at.hash.to_owned(), (id.to_owned(), holds));
    }

    async fn forget(&self, at: FileAt<'_>, id: &str) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.get(at.hash).is_some_and(|(known, _)| known == id) {
            ids.remove(at.hash);
        }
    }
}

struct Bench {
    server: TestServer,
    channel: Arc<dyn Channel>,
    files: Arc<Memory>,
}

impl Bench {
    async fn new(kind: ChannelKind, script: Vec<Canned>) -> Self {
        let server = TestServer::start(script).await;
        let mut config = ChannelsConfig::default();
        config.telegram.api_url = server.url("");
        config.meta.graph_url = server.url("/v23.0");
        let files = Arc::new(Memory::default());
        let channel = channel(kind, &config, Arc::clone(&files) as Arc<dyn Files>);
        Self { server, channel, files }
    }

    async fn send(&self, hash: &str) -> SendOutcome {
        send(&*self.channel, hash).await
    }

    fn lines(&self) -> Vec<String> {
        self.server.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn channel(kind: ChannelKind, config: &ChannelsConfig, files: Arc<dyn Files>) -> Arc<dyn Channel> {
    let http = Http::new(NetConfig::default()).unwrap();
    senders(config, &http, &files).into_iter().find(|channel| channel.kind() == kind).unwrap()
}

async fn send(channel: &dyn Channel, hash: &str) -> SendOutcome {
    let from = Sender { account: "55".into(), token: Secret::new("55:abc".to_owned()) };
    let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
    let media = Media {
        kind: MediaKind::Image,
        id: None,
        url: None,
        name: Some("menu.png".to_owned()),
        file: None,
        hash: Some(hash.to_owned()),
    };
    let content = Some(Box::new(Content::Media(media)));
    let part = Part { text: "Menu".to_owned(), content, ..Part::default() };
    channel.send(&from, &to, &part, "x", LIMIT).await
}

fn sent(id: &str) -> SendOutcome {
    SendOutcome::Sent { provider_id: Some(id.to_owned()) }
}

#[tokio::test]
async fn telegram_takes_the_file_with_the_message_and_the_id_next_time() {
    let taken = |id| {
        let photo = r#"[{"file_id":"small","width":1},{"file_id":"F1","width":9}]"#;
        Canned::json(200, &format!(r#"{{"ok":true,"result":{{"message_id":{id},"photo":{photo}}}}}"#))
    };
    let wrong = r#"{"ok":false,"error_code":400,"description":"Bad Request: wrong file identifier"}"#;
    let script = vec![taken(1), taken(2), Canned::json(400, wrong), taken(3)];
    let bench = Bench::new(ChannelKind::Telegram, script).await;
    assert_eq!(bench.send("ab").await, sent("1"));
    assert_eq!(bench.send("ab").await, sent("2"));
    // The id is not good any more: uploaded anew, once.
    assert_eq!(bench.send("ab").await, sent("3"));
    let seen = bench.server.seen();
    assert_eq!(bench.lines(), ["POST /bot55:abc/sendPhoto"; 4]);
    let form = String::from_utf8_lossy(&seen[0].body).into_owned();
    assert!(seen[0].head.contains("multipart/form-data; boundary="), "{}", seen[0].head);
    assert!(form.contains("name=\"photo\"; filename=\"menu.png\"") && form.contains("image/png"), "{form}");
    assert!(
        form.contains("name=\"caption\"\r\n\r\nMenu\r\n") && form.contains("name=\"chat_id\"\r\n\r\n9\r\n")
    );
    assert_eq!((&seen[1].json()["photo"], &seen[2].json()["photo"]), (&"F1".into(), &"F1".into()));
    assert!(seen[3].head.contains("multipart/form-data"));
}

#[tokio::test]
async fn whatsapp_is_given_the_file_once_for_a_month() {
    let taken = |id: &str| Canned::json(200, &format!(r#"{{"messages":[{{"id":"{id}"}}]}}"#));
    let bench = Bench::new(
        ChannelKind::Whatsapp,
        vec![Canned::json(200, r#"{"id":"m1"}"#), taken("w1"), taken("w2")],
    );
    let bench = bench.await;
    assert_eq!(bench.send("ab").await, sent("w1"));
    assert_eq!(bench.send("ab").await, sent("w2"));
    let posts = ["POST /v23.0/55/media", "POST /v23.0/55/messages", "POST /v23.0/55/messages"];
    assert_eq!(bench.lines(), posts);
    let seen = bench.server.seen();
    assert_eq!(seen[1].json()["image"], serde_json::json!({"id": "m1", "caption": "Menu"}));
    assert_eq!(seen[2].json()["image"]["id"], "m1");
    let ids = bench.files.ids.lock().unwrap();
    assert!(ids["ab"].1.is_some_and(|holds| holds < Duration::from_secs(30 * 86_400)), "{ids:?}");
}

#[tokio::test]
async fn messenger_is_given_the_file_as_an_attachment() {
    let script = vec![
        Canned::json(200, r#"{"attachment_id":"a1"}"#),
        Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#),
    ];
    let bench = Bench::new(ChannelKind::Messenger, script).await;
    assert_eq!(bench.send("ab").await, sent("m_1"));
    assert_eq!(bench.lines(), ["POST /v23.0/55/message_attachments", "POST /v23.0/55/messages"]);
    assert_eq!(bench.server.seen()[1].json()["message"]["attachment"]["payload"]["attachment_id"], "a1");
}

#[tokio::test]
async fn only_a_refusal_of_the_file_makes_its_id_forgotten() {
    let telegram = |text: &str| {
        Canned::json(400, &format!(r#"{{"ok":false,"error_code":400,"description":"Bad Request: {text}"}}"#))
    };
    let graph = |code: u32, text: &str| {
        Canned::json(400, &format!(r#"{{"error":{{"code":{code},"message":"{text}"}}}}"#))
    };
    for (kind, refusal) in [
        (ChannelKind::Telegram, telegram("message caption is too long")),
        (ChannelKind::Whatsapp, graph(131_047, "Re-engagement message")),
        (ChannelKind::Whatsapp, graph(131_009, "Parameter value is not valid: to")),
        (ChannelKind::Messenger, graph(100, "Param recipient is not valid")),
    ] {
        let bench = Bench::new(kind, vec![refusal.clone()]).await;
        bench.files.ids.lock().unwrap().insert("ab".to_owned(), ("f1".to_owned(), None));
        let outcome = bench.send("ab").await;
        assert!(
            matches!(outcome, SendOutcome::Rejected { scope: Scope::Message, .. }),
            "{refusal:?}: {outcome:?}"
        );
        assert_eq!(bench.lines().len(), 1, "{refusal:?}");
        assert_eq!(bench.files.ids.lock().unwrap()["ab"].0, "f1", "{refusal:?}");
    }
    for (kind, refusal) in [
        (ChannelKind::Telegram, telegram("wrong remote file identifier specified")),
        (ChannelKind::Telegram, telegram("FILE_REFERENCE_EXPIRED")),
        (ChannelKind::Whatsapp, graph(131_009, "Media ID is not valid")),
        (ChannelKind::Messenger, graph(100, "Invalid attachment id")),
    ] {
        let bench = Bench::new(kind, vec![refusal.clone(), Canned::Drop]).await;
        bench.files.ids.lock().unwrap().insert("ab".to_owned(), ("f1".to_owned(), None));
        bench.send("ab").await;
        assert_eq!(bench.lines().len(), 2, "{refusal:?}: uploaded once more");
        assert!(bench.files.ids.lock().unwrap().is_empty(), "{refusal:?}");
    }
}

#[tokio::test]
async fn an_upload_that_fails_sends_nothing_and_is_tried_again() {
    let bench = Bench::new(ChannelKind::Whatsapp, vec![Canned::Drop]).await;
    assert!(matches!(bench.send("ab").await, SendOutcome::Retry { .. }));
    assert_eq!(bench.lines(), ["POST /v23.0/55/media"]);
    let missing = bench.send("cd").await;
    assert!(matches!(missing, SendOutcome::Rejected { scope: Scope::Message, .. }), "{missing:?}");
}

/// A database and an object store that don't answer.
#[derive(Debug)]
struct Silent {
    known: Option<&'static str>,
}

#[async_trait]
impl Files for Silent {
    async fn known(&self, _: FileAt<'_>) -> Result<Option<String>, FileTrouble> {
        match self.known {
            Some("hangs") => std::future::pending().await,
            known => Ok(known.map(str::to_owned)),
        }
    }

    async fn size(&self, _: FileAt<'_>) -> Result<u64, FileTrouble> {
        Ok(10)
    }

    async fn content(&self, _: FileAt<'_>) -> Result<(Bytes, String), FileTrouble> {
        std::future::pending().await
    }

    async fn note(&self, _: FileAt<'_>, _: &str, _: Option<Duration>) {
        std::future::pending().await
    }

    async fn forget(&self, _: FileAt<'_>, _: &str) {
        std::future::pending().await
    }
}

/// A send is given so much time because a lease ends after it: nothing may reach a person later, or with too little left.
#[tokio::test(start_paused = true)]
async fn files_that_do_not_come_leave_the_message_unsent_and_in_time() {
    for known in [Some("hangs"), None] {
        let files = Arc::new(Silent { known });
        // Whoever is called here has no address that could answer.
        let channel = channel(ChannelKind::Telegram, &ChannelsConfig::default(), files);
        let start = Instant::now();
        let outcome = send(&*channel, "ab").await;
        assert!(matches!(outcome, SendOutcome::Retry { after: Some(LATER), .. }), "{known:?}: {outcome:?}");
        assert_eq!(start.elapsed(), LIMIT.saturating_sub(CALL), "{known:?}");
    }
}
