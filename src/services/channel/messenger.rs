//! Sending through the Messenger platform: pages and Instagram accounts.
//!
//! Source: <https://developers.facebook.com/docs/messenger-platform/reference/send-api>.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::graph::{self, Graph};
use super::render::{self, payload, title};
use super::split::{bytes, utf16};
use super::{Channel, MetaConfig, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Button, Part, Signal};
use crate::services::http::Http;

/// Messenger's largest text, in characters.
const MESSENGER_TEXT: usize = 2000;
/// Instagram's largest text, in bytes.
const INSTAGRAM_TEXT: usize = 1000;
/// Quick replies under a message.
const MAX_REPLIES: usize = 13;
/// The title of a quick reply, in characters.
const REPLY_TITLE: usize = 20;
/// The payload of a quick reply, in characters.
const REPLY_PAYLOAD: usize = 1000;

/// Sends for pages or for Instagram accounts.
#[derive(Debug)]
pub struct Messenger {
    kind: ChannelKind,
    graph: Graph,
}

impl Messenger {
    /// A sender for `kind`, Messenger or Instagram, to the Graph API that `config` names.
    #[must_use]
    pub fn new(kind: ChannelKind, config: &MetaConfig, http: Http) -> Self {
        Self { kind, graph: Graph::new(config, http) }
    }
}

#[async_trait]
impl Channel for Messenger {
    fn kind(&self) -> ChannelKind {
        self.kind
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        match self.kind {
            ChannelKind::Instagram => render::messages(part, INSTAGRAM_TEXT, INSTAGRAM_TEXT, bytes, fits),
            _ => render::messages(part, MESSENGER_TEXT, MESSENGER_TEXT, utf16, fits),
        }
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        _opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        let body = Message {
            recipient: Recipient { id: &to.chat },
            messaging_type: "RESPONSE",
            message: Content {
                text: &part.text,
                quick_replies: part.buttons.iter().map(QuickReply::of).collect(),
            },
        };
        match self.graph.post(from, &body, graph::messenger, limit).await {
            Ok(body) => taken(&body),
            Err(outcome) => outcome,
        }
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        if !matches!(signal, Signal::Typing { .. }) {
            return SendOutcome::Sent { provider_id: None };
        }
        let body = Action { recipient: Recipient { id: &to.chat }, sender_action: "typing_on" };
        match self.graph.post(from, &body, graph::messenger, limit).await {
            Ok(_) => SendOutcome::Sent { provider_id: None },
            Err(outcome) => outcome,
        }
    }
}

/// True when quick replies can hold the choices.
fn fits(buttons: &[Button]) -> bool {
    let fit = |button: &Button| {
        !button.title.trim().is_empty() && (1..=REPLY_PAYLOAD).contains(&payload(button).chars().count())
    };
    buttons.len() <= MAX_REPLIES && buttons.iter().all(fit)
}

fn taken(body: &[u8]) -> SendOutcome {
    #[derive(Deserialize)]
    struct Taken {
        message_id: String,
    }
    match serde_json::from_slice::<Taken>(body) {
        Ok(taken) => SendOutcome::Sent { provider_id: Some(taken.message_id) },
        Err(_) => SendOutcome::Unknown { reason: "200 without a readable body".to_owned() },
    }
}

#[derive(Serialize)]
struct Message<'a> {
    recipient: Recipient<'a>,
    messaging_type: &'static str,
    message: Content<'a>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quick_replies: Vec<QuickReply<'a>>,
}

#[derive(Serialize)]
struct QuickReply<'a> {
    content_type: &'static str,
    title: String,
    payload: &'a str,
}

impl<'a> QuickReply<'a> {
    fn of(button: &'a Button) -> Self {
        Self { content_type: "text", title: title(&button.title, REPLY_TITLE), payload: payload(button) }
    }
}

#[derive(Serialize)]
struct Action<'a> {
    recipient: Recipient<'a>,
    sender_action: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Secret;
    use crate::domain::ids::AccountId;
    use crate::services::http::NetConfig;
    use crate::services::http::testing::{Canned, TestServer};

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_message_carries_its_quick_replies() {
        let taken = Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#);
        let server = TestServer::start(vec![taken, Canned::json(200, r#"{"recipient_id":"9"}"#)]).await;
        let config = MetaConfig { graph_url: server.url("/v23.0"), hosts: Vec::new() };
        let channel =
            Messenger::new(ChannelKind::Messenger, &config, Http::new(NetConfig::default()).unwrap());
        let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
        let to = Target { chat: "9".to_owned(), thread: None };
        let button = Button { title: "A title that is too long".to_owned(), payload: Some("p".to_owned()) };
        let part = Part { text: "hi".to_owned(), buttons: vec![button], cites: Vec::new() };
        let sent = channel.send(&from, &to, &part, "x", LIMIT).await;
        assert_eq!(sent, SendOutcome::Sent { provider_id: Some("m_1".to_owned()) });
        let typing = channel.signal(&from, &to, &Signal::Typing { message_id: None }, LIMIT).await;
        assert_eq!(typing, SendOutcome::Sent { provider_id: None });
        let seen = server.seen();
        assert!(seen[0].line.contains("POST /v23.0/55/messages"), "{}", seen[0].line);
        assert_eq!(
            seen[0].json(),
            json!({"recipient": {"id": "9"}, "messaging_type": "RESPONSE", "message": {"text": "hi",
                "quick_replies": [{"content_type": "text", "title": "A title that is too\u{2026}", "payload": "p"}]}})
        );
        assert_eq!(seen[1].json(), json!({"recipient": {"id": "9"}, "sender_action": "typing_on"}));
    }

    #[test]
    fn each_network_has_its_own_room() {
        let http = Http::new(NetConfig::default()).unwrap();
        let make = |kind| Messenger::new(kind, &MetaConfig::default(), http.clone());
        let part = Part { text: "é".repeat(1_500), ..Part::default() };
        assert_eq!(make(ChannelKind::Messenger).split(&part).len(), 1);
        assert_eq!(make(ChannelKind::Instagram).split(&part).len(), 3);
    }
}
