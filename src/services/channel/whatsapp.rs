//! Sending through the WhatsApp Cloud API.
//!
//! Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>. Our own id travels as
//! `biz_opaque_callback_data` and comes back in every status of the message.

mod message;
mod template;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::files::{self, File, Upload, Uploaded, Way};
use super::form::Form;
use super::graph::{self, Graph};
use super::render::{self, Room};
use super::split::utf16;
use super::style;
use super::{Channel, MetaConfig, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Content, MediaKind, Part, Signal};
use crate::services::http::Http;
use message::Message;

/// The largest text.
const MAX_TEXT: usize = 4096;
/// The largest text over buttons or a list.
const MAX_BODY: usize = 1024;
/// The largest caption.
const MAX_CAPTION: usize = 1024;

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
        let room = |marks: usize| Room {
            text: MAX_TEXT - marks,
            with_buttons: MAX_BODY - marks,
            caption: MAX_CAPTION - marks,
            measure: utf16,
            framed: true,
            fit: message::fits,
            with_file: message::takes_file,
        };
        // A template stands for itself.
        if let Some(Content::Template(_)) = part.content.as_deref() {
            return vec![Part { content: part.content.clone(), ..Part::default() }];
        }
        if let Some(Content::Reaction(reaction)) = part.content.as_deref()
            && reaction.on.is_none()
        {
            return render::messages(&Part { content: None, ..part.clone() }, &room(0));
        }
        if part.spans.is_empty() {
            return render::messages(part, &room(0));
        }
        let (text, spans) = style::without_links(&part.text, &part.spans, true);
        let marks = style::marks(&spans);
        if marks * 2 > MAX_CAPTION {
            // So many marks are no help to a reader.
            return render::messages(&Part { text, spans: Vec::new(), ..part.clone() }, &room(0));
        }
        render::messages(&Part { text, spans, ..part.clone() }, &room(marks))
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
        let (message_id, typing) = match signal {
            Signal::Typing { message_id: Some(message_id) } => (message_id, true),
            Signal::Read { message_id } => (message_id, false),
            Signal::Typing { message_id: None } | Signal::AnswerCallback { .. } => {
                return SendOutcome::Sent { provider_id: None };
            }
        };
        let read = Read {
            messaging_product: "whatsapp",
            status: "read",
            message_id,
            typing_indicator: typing.then_some(Typing { kind: "text" }),
        };
        match self.graph.post(from, &read, graph::whatsapp, limit).await {
            Ok(_) => SendOutcome::Sent { provider_id: None },
            Err(outcome) => outcome,
        }
    }
}

/// How long a number's files are kept: 30 days, less one that clocks and queues may take.
const FILE_HOLDS: Duration = Duration::from_secs(29 * 86_400);

#[async_trait]
impl Upload for Whatsapp {
    const WAY: Way = Way::Apart;

    async fn upload(&self, from: &Sender, _: MediaKind, file: File, limit: Duration) -> Uploaded {
        #[derive(Deserialize)]
        struct Taken {
            id: String,
        }
        let mut form = Form::around(&file);
        form.text("messaging_product", "whatsapp");
        form.text("type", &file.mime);
        let (kind, body) = form.end("file", &file);
        drop(file);
        match self.graph.exchange(from, "media", (&kind, &body), graph::whatsapp, limit).await {
            Ok(body) => match serde_json::from_slice::<Taken>(&body) {
                Ok(taken) => Uploaded::Id(taken.id, Some(FILE_HOLDS)),
                Err(_) => {
                    files::not_uploaded(SendOutcome::Unknown { reason: "200 without an id".to_owned() })
                }
            },
            Err(outcome) => files::not_uploaded(outcome),
        }
    }

    /// 131052 and 131053 are about a file that could not be fetched or taken; an id that is not known any more is a
    /// parameter that is not valid, and the words say of what.
    fn refuses_file(&self, reason: &str) -> bool {
        let reason = reason.to_ascii_lowercase();
        let begins = |code: &&str| reason.starts_with(&format!("{code}:"));
        let parameter = ["100", "131008", "131009", "131051"].iter().any(begins);
        ["131052", "131053"].iter().any(begins)
            || parameter && ["media", "attachment", "upload"].iter().any(|word| reason.contains(word))
    }
}

/// See [`super::rendered`].
pub(super) fn rendered(part: &Part) -> String {
    serde_json::to_string(&Message::new("42", part, "")).unwrap_or_default()
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
struct Read<'a> {
    messaging_product: &'static str,
    status: &'static str,
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    typing_indicator: Option<Typing>,
}

#[derive(Serialize)]
struct Typing {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[cfg(test)]
mod tests;
