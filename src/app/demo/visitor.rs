//! One visitor on each channel; each waits for the reply before saying more, as people do.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{DESK, GUIDE};
use crate::app::fakes::Fakes;
use crate::domain::channel::ChannelKind;
use crate::services::http::{Answer, Http};
use crate::sim::Journal;

/// The visitors' numbers.
const ON_TELEGRAM: i64 = 4_200_042;
const ON_WHATSAPP: &str = "491511234567";
/// How long a visitor waits for a reply before going on.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a visitor reads before saying more.
const READS: Duration = Duration::from_millis(400);
/// How long a call to the edge may take.
const CALL: Duration = Duration::from_secs(5);

/// What is said on Telegram, to the front desk; `>` = a button that is pressed.
const TELEGRAM: [&str; 6] = ["/start", ">Prices", ">Opening hours", "سلام", "order 66", "do you sell hats?"];
/// What is said on WhatsApp, to the trail guide.
const WHATSAPP: [&str; 5] = [
    "hi",
    "How long does the shore path take?",
    "what does the ferry cost with a bicycle?",
    "can I swim in the lake?",
    "Do you sell pizza?",
];
/// What is said in the web chat, to the pilot.
const WEBCHAT: [&str; 2] = ["When does the ship leave?", "And how many people fit on it?"];

/// Lets all three talk at the same time.
///
/// # Errors
/// When a message can't be delivered.
pub(super) async fn run(fakes: Fakes, edge: SocketAddr, http: Http) -> anyhow::Result<()> {
    tokio::try_join!(telegram(&fakes), whatsapp(&fakes), webchat(edge, &http))?;
    Ok(())
}

async fn telegram(fakes: &Fakes) -> anyhow::Result<()> {
    for text in TELEGRAM {
        let seen = replies(fakes.telegram.journal(), "sendMessage");
        let said = match text.strip_prefix('>') {
            Some(title) => fakes.telegram.press(DESK, ON_TELEGRAM, title),
            None => fakes.telegram.say(DESK, ON_TELEGRAM, text),
        };
        said.map_err(anyhow::Error::msg)?;
        next_reply(fakes.telegram.journal(), "sendMessage", seen).await;
    }
    Ok(())
}

async fn whatsapp(fakes: &Fakes) -> anyhow::Result<()> {
    for text in WHATSAPP {
        let seen = replies(fakes.meta.journal(), "messages");
        fakes.meta.say(ChannelKind::Whatsapp, GUIDE, ON_WHATSAPP, text).map_err(anyhow::Error::msg)?;
        next_reply(fakes.meta.journal(), "messages", seen).await;
    }
    Ok(())
}

/// Messages that reached a person; a read mark is no message.
fn replies(journal: &Journal, method: &str) -> usize {
    let is_reply = |body: &Value| body.get("status").is_none();
    journal.after(0).iter().filter(|entry| entry.method == method && is_reply(&entry.body)).count()
}

async fn next_reply(journal: &Journal, method: &str, seen: usize) {
    let mut news = journal.subscribe();
    let came = async { while replies(journal, method) <= seen && news.changed().await.is_ok() {} };
    // A visitor without a reply goes on; the printed conversation shows that none came.
    drop(tokio::time::timeout(PATIENCE, came).await);
    tokio::time::sleep(READS).await;
}

/// Talks as a page does: a visitor, a message, and time to read.
async fn webchat(edge: SocketAddr, http: &Http) -> anyhow::Result<()> {
    let base = format!("http://{edge}/webchat/pilot");
    let post = async |path: &str, token: Option<&str>, body: Value| -> anyhow::Result<Value> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let url = format!("{base}/{path}");
        let answer: Answer =
            http.provider().post_json(&url, &headers, Bytes::from(body.to_string()), CALL).await?;
        anyhow::ensure!(answer.ok(), "the web chat answered {} to {path}", answer.status);
        serde_json::from_slice(&answer.body).context("the web chat's answer can't be read")
    };
    let visitor = post("visitors", None, json!({})).await?;
    let token = visitor["token"].as_str().context("the web chat gave no token")?.to_owned();
    for (n, text) in WEBCHAT.into_iter().enumerate() {
        post("messages", Some(&token), json!({"id": format!("m{n}"), "text": text})).await?;
        tokio::time::sleep(READS * 4).await;
    }
    Ok(())
}
