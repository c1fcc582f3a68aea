//! Sending through the Messenger platform: pages and Instagram accounts.
//!
//! Source: <https://developers.facebook.com/docs/messenger-platform/reference/send-api>.

mod films;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::files::{self, File as OwnFile, Upload, Uploaded, Way};
use super::form::Form;
use super::graph::{self, Graph};
use super::render::{self, Room, payload};
use super::split::{Measure, bytes, utf16};
use super::{Channel, MetaConfig, Scope, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Button, Content, Media, MediaKind, Part, Signal};
use crate::services::http::Http;
use films::{Films, is_film};

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
    films: Films,
}

impl Messenger {
    /// A sender for `kind`, Messenger or Instagram, to the Graph API that `config` names.
    #[must_use]
    pub fn new(kind: ChannelKind, config: &MetaConfig, http: Http) -> Self {
        Self { kind, graph: Graph::new(config, http), films: Films::new() }
    }

    /// Our id of a message, beside it. Instagram's documents name no such field.
    fn mark<'a>(&self, opaque: &'a str) -> Option<&'a str> {
        (self.kind == ChannelKind::Messenger).then_some(opaque)
    }
}

#[async_trait]
impl Channel for Messenger {
    fn kind(&self) -> ChannelKind {
        self.kind
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        let (text, measure): (_, Measure) = match self.kind {
            ChannelKind::Instagram => (INSTAGRAM_TEXT, bytes),
            _ => (MESSENGER_TEXT, utf16),
        };
        let with_file = |_: &Part| true;
        let room =
            Room { text, with_buttons: text, caption: 0, measure, framed: false, fit: fits, with_file };
        let part = render::plain(part);
        let part = match part.content.as_deref() {
            // There are no maps, cards and templates here: the text says it.
            Some(Content::Location(place)) => render::in_words(&part, &render::place_in_words(place)),
            Some(Content::Contact(card)) => {
                render::in_words(&part, &format!("{}: {}", card.name, card.phone))
            }
            Some(Content::Template(_)) => Part { content: None, ..part },
            Some(Content::Reaction(reaction)) if reaction.on.is_none() => Part { content: None, ..part },
            _ => part,
        };
        render::messages(&part, &room)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        if is_film(part)
            && let Err(wait) = self.films.take(&from.account)
        {
            let reason = "sound and film of an account go out ten a second".to_owned();
            return SendOutcome::Retry { after: Some(wait), scope: Scope::Chat, reason };
        }
        let recipient = Recipient { id: &to.chat };
        let answer = match part.content.as_deref() {
            Some(Content::Reaction(reaction)) => {
                let message_id = reaction.on.as_deref().unwrap_or_default();
                let (sender_action, emoji) = match reaction.emoji.as_str() {
                    "" => ("unreact", None),
                    emoji => ("react", Some(emoji)),
                };
                let payload = React { message_id, reaction: emoji };
                self.graph
                    .post(from, &Reacting { recipient, sender_action, payload }, graph::messenger, limit)
                    .await
            }
            content => {
                let attachment = match content {
                    Some(Content::Media(media)) => Some(Attachment::of(media)),
                    _ => None,
                };
                let text = Some(part.text.as_str()).filter(|_| attachment.is_none());
                let quick_replies = part.buttons.iter().map(QuickReply::of).collect();
                let tag = to.human_agent.then_some("HUMAN_AGENT");
                let message = Message {
                    recipient,
                    messaging_type: if tag.is_some() { "MESSAGE_TAG" } else { "RESPONSE" },
                    tag,
                    message: Body { text, attachment, quick_replies, metadata: self.mark(opaque) },
                };
                self.graph.post(from, &message, graph::messenger, limit).await
            }
        };
        match answer {
            Ok(body) => taken(&body),
            Err(outcome) => outcome,
        }
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        let sender_action = match signal {
            Signal::Typing { .. } => "typing_on",
            Signal::Read { .. } => "mark_seen",
            Signal::AnswerCallback { .. } => return SendOutcome::Sent { provider_id: None },
        };
        let body = Action { recipient: Recipient { id: &to.chat }, sender_action };
        match self.graph.post(from, &body, graph::messenger, limit).await {
            Ok(_) => SendOutcome::Sent { provider_id: None },
            Err(outcome) => outcome,
        }
    }
}

#[async_trait]
impl Upload for Messenger {
    const WAY: Way = Way::Apart;

    /// Source: <https://developers.facebook.com/docs/messenger-platform/reference/attachment-upload-api>; how long an id
    /// holds is not said there.
    async fn upload(&self, from: &Sender, kind: MediaKind, file: OwnFile, limit: Duration) -> Uploaded {
        #[derive(Deserialize)]
        struct Taken {
            attachment_id: String,
        }
        let kind = attachment_kind(kind);
        let message = serde_json::json!({"attachment": {"type": kind, "payload": {"is_reusable": true}}});
        let mut form = Form::around(&file);
        form.text("message", &message.to_string());
        if self.kind == ChannelKind::Instagram {
            form.text("platform", "instagram");
        }
        let (kind, body) = form.end("filedata", &file);
        drop(file);
        let answer =
            self.graph.exchange(from, "message_attachments", (&kind, &body), graph::messenger, limit);
        match answer.await {
            Ok(body) => match serde_json::from_slice::<Taken>(&body) {
                Ok(taken) => Uploaded::Id(taken.attachment_id, None),
                Err(_) => {
                    files::not_uploaded(SendOutcome::Unknown { reason: "200 without an id".to_owned() })
                }
            },
            Err(outcome) => files::not_uploaded(outcome),
        }
    }

    /// There is one code for every parameter that is not valid, and the words say of what.
    fn refuses_file(&self, reason: &str) -> bool {
        let reason = reason.to_ascii_lowercase();
        reason.starts_with("100:") && ["attachment", "upload"].iter().any(|word| reason.contains(word))
    }
}

/// True when quick replies can hold the choices, and people can read them: a title that is too long would be cut.
fn fits(buttons: &[Button]) -> bool {
    let fit = |button: &Button| {
        button.url.is_none()
            && !button.title.trim().is_empty()
            && button.title.chars().count() <= REPLY_TITLE
            && (1..=REPLY_PAYLOAD).contains(&payload(button).chars().count())
    };
    buttons.len() <= MAX_REPLIES && buttons.iter().all(fit)
}

fn taken(body: &[u8]) -> SendOutcome {
    #[derive(Deserialize)]
    struct Taken {
        /// Absent in the answer to a reaction.
        message_id: Option<String>,
    }
    match serde_json::from_slice::<Taken>(body) {
        Ok(taken) => SendOutcome::Sent { provider_id: taken.message_id },
        Err(_) => SendOutcome::Unknown { reason: "200 without a readable body".to_owned() },
    }
}

#[derive(Serialize)]
struct Message<'a> {
    recipient: Recipient<'a>,
    messaging_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'static str>,
    message: Body<'a>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quick_replies: Vec<QuickReply<'a>>,
    /// Comes back in the message's echo: so we know our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
}

/// A file by an address that Meta fetches, or by the id of an earlier upload.
#[derive(Serialize)]
struct Attachment<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    payload: File<'a>,
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment_id: Option<&'a str>,
}

impl<'a> Attachment<'a> {
    fn of(media: &'a Media) -> Self {
        let kind = attachment_kind(media.kind);
        let url = media.url.as_deref().filter(|_| media.id.is_none());
        Self { kind, payload: File { url, attachment_id: media.id.as_deref() } }
    }
}

const fn attachment_kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image | MediaKind::Sticker => "image",
        MediaKind::Video => "video",
        MediaKind::Audio | MediaKind::Voice => "audio",
        MediaKind::Document => "file",
    }
}

#[derive(Serialize)]
struct Reacting<'a> {
    recipient: Recipient<'a>,
    sender_action: &'static str,
    payload: React<'a>,
}

#[derive(Serialize)]
struct React<'a> {
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reaction: Option<&'a str>,
}

#[derive(Serialize)]
struct QuickReply<'a> {
    content_type: &'static str,
    title: &'a str,
    payload: &'a str,
}

impl<'a> QuickReply<'a> {
    fn of(button: &'a Button) -> Self {
        Self { content_type: "text", title: &button.title, payload: payload(button) }
    }
}

#[derive(Serialize)]
struct Action<'a> {
    recipient: Recipient<'a>,
    sender_action: &'static str,
}

#[cfg(test)]
mod tests;
