//! Sending through the WhatsApp Cloud API.
//!
//! Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>. Our own id travels as
//! `biz_opaque_callback_data` and comes back in every status of the message.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::graph::{self, Graph};
use super::render::{self, payload, title};
use super::split::utf16;
use super::{Channel, MetaConfig, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Button, Part, Signal};
use crate::services::http::Http;

/// The largest text.
const MAX_TEXT: usize = 4096;
/// The largest text over buttons or a list.
const MAX_BODY: usize = 1024;
/// Buttons side by side.
const MAX_BUTTONS: usize = 3;
/// The title of a button, in characters.
const BUTTON_TITLE: usize = 20;
/// Rows of a list, over all its sections.
const MAX_ROWS: usize = 10;
/// The title of a row; what is longer goes on in its description.
const ROW_TITLE: usize = 24;
/// The description of a row.
const ROW_DESCRIPTION: usize = 72;
/// The id of a row in bytes, which is stricter than a button's 256.
const MAX_ID_BYTES: usize = 200;
/// Opens the list.
const LIST_BUTTON: &str = "\u{2630}";

/// Sends for WhatsApp numbers.
#[derive(Debug)]
pub struct Whatsapp {
    graph: Graph,
}

impl Whatsapp {
    /// A sender to the Graph API that `config` names.
    #[must_use]
    pub fn new(config: &MetaConfig, http: Http) -> Self {
        Self { graph: Graph::new(config, http) }
    }
}

#[async_trait]
impl Channel for Whatsapp {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Whatsapp
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        render::messages(part, MAX_TEXT, MAX_BODY, utf16, fits)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        let message = Message::new(&to.chat, part, opaque);
        match self.graph.post(from, &message, graph::whatsapp, limit).await {
            Ok(body) => taken(&body),
            Err(outcome) => outcome,
        }
    }

    async fn signal(&self, from: &Sender, _to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        // There is no typing without a message that is being answered, and no callback to answer.
        let Signal::Typing { message_id: Some(message_id) } = signal else {
            return SendOutcome::Sent { provider_id: None };
        };
        let read = Read {
            messaging_product: "whatsapp",
            status: "read",
            message_id,
            typing_indicator: Typing { kind: "text" },
        };
        match self.graph.post(from, &read, graph::whatsapp, limit).await {
            Ok(_) => SendOutcome::Sent { provider_id: None },
            Err(outcome) => outcome,
        }
    }
}

/// True when buttons or a list can hold the choices. Ids must differ, or one could not tell which was pressed.
fn fits(buttons: &[Button]) -> bool {
    let ids = |upto: usize| buttons[..upto].iter().map(payload);
    buttons.len() <= MAX_ROWS
        && buttons.iter().enumerate().all(|(n, button)| {
            let length = button.title.chars().count();
            (1..=ROW_DESCRIPTION).contains(&length)
                && (1..=MAX_ID_BYTES).contains(&payload(button).len())
                && !ids(n).any(|id| id == payload(button))
        })
}

/// 200 says: accepted. Whether it arrives comes later, as a status.
fn taken(body: &[u8]) -> SendOutcome {
    #[derive(Deserialize)]
    struct Taken {
        messages: Vec<Id>,
    }
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    match serde_json::from_slice::<Taken>(body) {
        Ok(taken) => SendOutcome::Sent { provider_id: taken.messages.into_iter().next().map(|id| id.id) },
        Err(_) => SendOutcome::Unknown { reason: "200 without a readable body".to_owned() },
    }
}

#[derive(Serialize)]
struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    /// A phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// A business-scoped user id (`US.1349...`): who hides the number behind a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(flatten)]
    content: Content<'a>,
    biz_opaque_callback_data: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Content<'a> {
    Text { text: Text<'a> },
    Interactive { interactive: Interactive<'a> },
}

#[derive(Serialize)]
struct Text<'a> {
    body: &'a str,
    preview_url: bool,
}

#[derive(Serialize)]
struct Interactive<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    body: Body<'a>,
    action: Action<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    Buttons { buttons: Vec<Reply<'a>> },
    List { button: &'static str, sections: [Section<'a>; 1] },
}

#[derive(Serialize)]
struct Reply<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    reply: Choice<'a>,
}

#[derive(Serialize)]
struct Section<'a> {
    rows: Vec<Choice<'a>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    id: &'a str,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct Read<'a> {
    messaging_product: &'static str,
    status: &'static str,
    message_id: &'a str,
    typing_indicator: Typing,
}

#[derive(Serialize)]
struct Typing {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> Message<'a> {
    fn new(chat: &'a str, part: &'a Part, opaque: &'a str) -> Self {
        let number = chat.bytes().all(|b| b.is_ascii_digit() || b == b'+');
        let content = if part.buttons.is_empty() {
            Content::Text { text: Text { body: &part.text, preview_url: false } }
        } else {
            Content::Interactive { interactive: Interactive::new(part) }
        };
        Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: number.then_some(chat),
            recipient: (!number).then_some(chat),
            content,
            biz_opaque_callback_data: opaque,
        }
    }
}

impl<'a> Interactive<'a> {
    fn new(part: &'a Part) -> Self {
        let buttons = &part.buttons;
        let short = buttons.iter().all(|button| button.title.chars().count() <= BUTTON_TITLE);
        let body = Body { text: &part.text };
        if buttons.len() <= MAX_BUTTONS && short {
            let reply = |button| Reply { kind: "reply", reply: Choice::new(button, BUTTON_TITLE) };
            let buttons = buttons.iter().map(reply).collect();
            return Self { kind: "button", body, action: Action::Buttons { buttons } };
        }
        let rows = buttons.iter().map(|button| Choice::new(button, ROW_TITLE)).collect();
        Self {
            kind: "list",
            body,
            action: Action::List { button: LIST_BUTTON, sections: [Section { rows }] },
        }
    }
}

impl<'a> Choice<'a> {
    fn new(button: &'a Button, room: usize) -> Self {
        let long = button.title.chars().count() > room;
        Self {
            id: payload(button),
            title: title(&button.title, room),
            description: long.then_some(button.title.as_str()),
        }
    }
}

#[cfg(test)]
mod tests;
