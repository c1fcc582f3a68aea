//! A web-chat visitor: makes itself known, says, presses, hears.
//!
//! Guarantee: a lost stream is opened again where it broke off; a message that was heard before is dropped by its id.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};

use super::events::Events;
use crate::services::http::{Answer, Call, Http, NetConfig, Streamed};

/// For one call.
const LIMIT: Duration = Duration::from_secs(10);
/// Between two tries to open a lost stream.
const PAUSE: Duration = Duration::from_millis(500);
/// Tries to open a lost stream before it is given up: a restart of the edge takes a few seconds.
const TRIES: u32 = 20;

/// One visitor of one bot.
#[derive(Debug)]
pub(super) struct Visitor {
    http: Http,
    base: String,
    bearer: String,
    stream: Option<Streamed>,
    events: Events,
    last: Option<String>,
    heard: HashSet<String>,
    said: u64,
}

impl Visitor {
    /// Makes a visitor and opens its stream.
    pub(super) async fn arrive(edge: &str, bot: &str) -> anyhow::Result<Self> {
        let http = Http::new(NetConfig::default())?;
        let base = format!("{edge}/webchat/{bot}");
        let url = format!("{base}/visitors");
        let made = body(&http.provider().post_json(&url, &[], Bytes::from_static(b"{}"), LIMIT).await?)?;
        let token = made["token"].as_str().context("the edge gave no token")?;
        let mut visitor = Self {
            bearer: format!("Bearer {token}"),
            http,
            base,
            stream: None,
            events: Events::default(),
            last: None,
            heard: HashSet::new(),
            said: 0,
        };
        visitor.listen().await?;
        Ok(visitor)
    }

    pub(super) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.post(json!({"text": text})).await
    }

    /// Presses a quick reply as the stream described it.
    pub(super) async fn press(&mut self, button: &Value) -> anyhow::Result<()> {
        let title = &button["title"];
        let payload = if button["payload"].is_string() { &button["payload"] } else { title };
        self.post(json!({"payload": payload, "title": title})).await
    }

    async fn post(&mut self, mut message: Value) -> anyhow::Result<()> {
        self.said += 1;
        message["id"] = json!(format!("m{}", self.said));
        let headers = [("authorization", self.bearer.as_str())];
        let url = format!("{}/messages", self.base);
        let answer =
            self.http.provider().post_json(&url, &headers, Bytes::from(message.to_string()), LIMIT).await;
        body(&answer?).map(drop)
    }

    /// The next message of the bot. May be dropped while it waits: what was read is kept.
    pub(super) async fn hear(&mut self) -> anyhow::Result<Value> {
        loop {
            while let Some(event) = self.events.next() {
                if let Some(id) = event.id {
                    self.last = Some(id.clone());
                    if !self.heard.insert(id) {
                        continue;
                    }
                }
                if event.name == "message" {
                    return serde_json::from_str(&event.data).context("the edge sent what is no JSON");
                }
            }
            let Some(stream) = &mut self.stream else {
                self.listen_again().await?;
                continue;
            };
            match stream.next().await {
                Ok(Some(piece)) => self.events.push(&piece),
                Ok(None) | Err(_) => self.stream = None,
            }
        }
    }

    async fn listen_again(&mut self) -> anyhow::Result<()> {
        self.events = Events::default();
        let mut failure = None;
        for _ in 0..TRIES {
            tokio::time::sleep(PAUSE).await;
            match self.listen().await {
                Ok(()) => return Ok(()),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| anyhow::anyhow!("it was never tried"))).context("the edge is gone")
    }

    async fn listen(&mut self) -> anyhow::Result<()> {
        let headers = [("authorization", self.bearer.as_str())];
        let url = format!("{}/stream", self.base);
        let answer = self.http.provider().post_json(&url, &headers, Bytes::from_static(b"{}"), LIMIT).await?;
        let ticket = body(&answer)?;
        let ticket = ticket["ticket"].as_str().context("the edge gave no ticket")?;
        let url = format!("{}/events?ticket={ticket}", self.base);
        let last = self.last.clone().unwrap_or_default();
        let headers = [("last-event-id", last.as_str())];
        let headers = if self.last.is_some() { &headers[..] } else { &[] };
        let call = Call { method: "GET", url: &url, headers, body: None, limit: LIMIT, max_body: None };
        let stream = self.http.provider().stream(call).await?;
        anyhow::ensure!(stream.status == 200, "the edge refused the event stream with {}", stream.status);
        self.stream = Some(stream);
        Ok(())
    }
}

/// An answer's JSON, or what the edge refused.
fn body(answer: &Answer) -> anyhow::Result<Value> {
    let text = String::from_utf8_lossy(&answer.body);
    anyhow::ensure!(answer.ok(), "the edge answered {}: {}", answer.status, text.trim());
    serde_json::from_str(&text).context("the edge answered with what is no JSON")
}
