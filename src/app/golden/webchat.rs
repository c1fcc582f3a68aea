//! A visitor of a web-chat page: says, presses, and hears by SSE.
//!
//! Guarantee: an event that came twice (a stream that was opened again repeats some) is heard once.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Reply, Seen};
use crate::services::http::{Call, Face, Streamed};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One visitor of one bot.
#[derive(Debug)]
pub(super) struct Visitor {
    /// What the edge calls them.
    pub(super) id: String,
    http: Face,
    page: String,
    token: String,
    stream: Option<Streamed>,
    /// Bytes of an event that is not whole yet.
    pending: String,
    heard: VecDeque<Seen>,
    known: HashSet<String>,
    last_id: Option<String>,
    /// Titles and payloads of the buttons that were shown.
    buttons: Vec<(String, String)>,
    said: u64,
}

impl Visitor {
    /// Makes a visitor at an edge.
    ///
    /// # Errors
    /// When the edge lets nobody in.
    pub(super) async fn enter(http: Face, edge: SocketAddr, bot: &str) -> anyhow::Result<Self> {
        let page = format!("http://{edge}/webchat/{bot}");
        let body = json!({}).to_string().into();
        let answer = http.post_json(&format!("{page}/visitors"), &[], body, LIMIT).await?;
        let made: Value = serde_json::from_slice(&answer.body).context("the answer of /visitors")?;
        let field = |name| made.get(name).and_then(Value::as_str).map(str::to_owned);
        let token = field("token").context("/visitors gave no token")?;
        Ok(Self {
            id: field("visitor").context("/visitors gave no visitor")?,
            http,
            page,
            token,
            stream: None,
            pending: String::new(),
            heard: VecDeque::new(),
            known: HashSet::new(),
            last_id: None,
            buttons: Vec::new(),
            said: 0,
        })
    }

    /// Writes.
    ///
    /// # Errors
    /// When the edge doesn't take it.
    pub(super) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.send(json!({"text": text})).await
    }

    /// Sends a file, as the page's button does.
    ///
    /// # Errors
    /// When the edge doesn't take it.
    pub(super) async fn file(
        &mut self,
        name: &str,
        content: Bytes,
        words: Option<&str>,
    ) -> anyhow::Result<()> {
        let url = format!("{}/files?name={name}", self.page);
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str())];
        let body = Some(("application/octet-stream", &content));
        let call = Call { method: "POST", url: &url, headers: &headers, body, limit: LIMIT, max_body: None };
        let answer = self.http.call(call).await?;
        anyhow::ensure!(answer.status == 201, "the edge answered {}: {}", answer.status, text(&answer.body));
        let kept: Value = serde_json::from_slice(&answer.body).context("the answer of /files")?;
        let mut message = json!({"media": kept.get("media")});
        if let Some(words) = words {
            message["text"] = words.into();
        }
        self.send(message).await
    }

    /// Presses a button that was shown.
    ///
    /// # Errors
    /// When there is none with this title; the error lists those that there are.
    pub(super) async fn press(&mut self, title: &str) -> anyhow::Result<()> {
        let found = self.buttons.iter().rev().find(|(known, _)| known == title).cloned();
        let (title, payload) = found.with_context(|| {
            let titles: Vec<_> = self.buttons.iter().map(|(title, _)| title).collect();
            format!("no button `{title}` was shown; there are {titles:?}")
        })?;
        self.send(json!({"payload": payload, "title": title})).await
    }

    /// A raw message, as a page would post it.
    ///
    /// # Errors
    /// When the edge doesn't take it.
    pub(super) async fn send(&mut self, mut message: Value) -> anyhow::Result<()> {
        // Listening begins before the first word, so that no answer is missed.
        if self.stream.is_none() {
            self.listen().await?;
        }
        self.said += 1;
        if message.get("id").is_none() {
            message["id"] = format!("m{}", self.said).into();
        }
        let bearer = format!("Bearer {}", self.token);
        let url = format!("{}/messages", self.page);
        let body = message.to_string().into();
        let answer = self.http.post_json(&url, &[("authorization", &bearer)], body, LIMIT).await?;
        anyhow::ensure!(answer.status == 202, "the edge answered {}: {}", answer.status, text(&answer.body));
        Ok(())
    }

    /// The next message; `None` when none came in time.
    ///
    /// # Errors
    /// When the edge opens no stream.
    pub(super) async fn next(&mut self, within: Duration) -> anyhow::Result<Option<Seen>> {
        let until = Instant::now() + within;
        loop {
            if let Some(seen) = self.heard.pop_front() {
                return Ok(Some(seen));
            }
            if self.stream.is_none() {
                self.listen().await?;
            }
            let Some(stream) = &mut self.stream else { continue };
            match tokio::time::timeout_at(until, stream.next()).await {
                Err(_) => return Ok(None),
                Ok(Ok(Some(piece))) => {
                    self.pending.push_str(&text(&piece));
                    self.take_events();
                }
                // The edge ended or was restarted: the page connects again.
                Ok(Ok(None) | Err(_)) => {
                    self.stream = None;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn listen(&mut self) -> anyhow::Result<()> {
        let bearer = format!("Bearer {}", self.token);
        let url = format!("{}/stream", self.page);
        let answer = self
            .http
            .post_json(&url, &[("authorization", &bearer)], json!({}).to_string().into(), LIMIT)
            .await?;
        let ticket: Value = serde_json::from_slice(&answer.body).context("the answer of /stream")?;
        let ticket = ticket.get("ticket").and_then(Value::as_str).context("/stream gave no ticket")?;
        let url = format!("{}/events?ticket={ticket}", self.page);
        let last = self.last_id.clone();
        let headers: Vec<_> = last.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let call =
            Call { method: "GET", url: &url, headers: &headers, body: None, limit: LIMIT, max_body: None };
        let stream = self.http.stream(call).await?;
        anyhow::ensure!(stream.status == 200, "the edge answered {} to an event stream", stream.status);
        self.pending.clear();
        self.stream = Some(stream);
        Ok(())
    }

    fn take_events(&mut self) {
        while let Some(end) = self.pending.find("\n\n") {
            let event: String = self.pending.drain(..end + 2).collect();
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let Some(id) = field("id:") {
                if !self.known.insert(id.to_owned()) {
                    continue;
                }
                self.last_id = Some(id.to_owned());
            }
            let data = field("data:").and_then(|data| serde_json::from_str::<Value>(data).ok());
            if let (Some("message"), Some(data)) = (field("event:"), data) {
                self.show(data);
            }
        }
    }

    fn show(&mut self, data: Value) {
        let list = |name: &str| data.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let word = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let buttons: Vec<_> =
            list("buttons").iter().map(|b| (word(b, "title"), word(b, "payload"))).collect();
        let cites =
            list("cites").iter().flat_map(|cite| [word(cite, "document"), word(cite, "title")]).collect();
        let titles = buttons.iter().map(|(title, _)| title.clone()).collect();
        self.buttons.extend(buttons);
        let reply = Reply { text: word(&data, "text"), buttons: titles, cites };
        self.heard.push_back(Seen { call: "message".to_owned(), body: data, reply: Some(reply) });
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
