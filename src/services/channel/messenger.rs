//! Sending through the Messenger platform: pages and Instagram accounts.
//!
//! Source: <https://developers.facebook.com/docs/messenger-platform/reference/send-api>.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::files::{self, File as OwnFile, Upload, Uploaded, Way};
use super::form::Form;
use super::graph::{self, Graph};
use super::render::{self, Room, payload};
use super::split::{Measure, bytes, utf16};
use super::{Channel, MetaConfig, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Button, Content, Media, MediaKind, Part, Signal};
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Secret;
    use crate::domain::events::{Card, Reaction};
    use crate::domain::ids::AccountId;
    use crate::services::http::NetConfig;
    use crate::services::http::testing::{Canned, TestServer};

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_message_carries_its_quick_replies() {
        let taken = Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#);
        let server = TestServer::start(vec![taken, Canned::json(200, r#"{"recipient_id":"9"}"#)]).await;
        let config = MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() };
        let channel =
            Messenger::new(ChannelKind::Messenger, &config, Http::new(NetConfig::default()).unwrap());
        let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
        let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
        let button = Button {
            title: "A title of 20 signs.".to_owned(),
            payload: Some("p".to_owned()),
            ..Button::default()
        };
        let part =
            Part { text: "hi".to_owned(), buttons: vec![button], cites: Vec::new(), ..Part::default() };
        let sent = channel.send(&from, &to, &part, "x", LIMIT).await;
        assert_eq!(sent, SendOutcome::Sent { provider_id: Some("m_1".to_owned()) });
        let typing = channel.signal(&from, &to, &Signal::Typing { message_id: None }, LIMIT).await;
        assert_eq!(typing, SendOutcome::Sent { provider_id: None });
        let seen = server.seen();
        assert!(seen[0].line.contains("POST /v23.0/55/messages"), "{}", seen[0].line);
        assert_eq!(
            seen[0].json(),
            json!({"recipient": {"id": "9"}, "messaging_type": "RESPONSE", "message": {"text": "hi", "metadata": "x",
                "quick_replies": [{"content_type": "text", "title": "A title of 20 signs.", "payload": "p"}]}})
        );
        assert_eq!(seen[1].json(), json!({"recipient": {"id": "9"}, "sender_action": "typing_on"}));
    }

    #[tokio::test]
    async fn files_and_reactions_have_their_own_form_and_the_rest_is_said_in_words() {
        let taken = || Canned::json(200, r#"{"recipient_id":"9","message_id":"m_1"}"#);
        let reacted = Canned::json(200, r#"{"recipient_id":"9"}"#);
        let server = TestServer::start(vec![taken(), reacted]).await;
        let config = MetaConfig { graph_url: server.url("/v23.0"), ..MetaConfig::default() };
        let channel =
            Messenger::new(ChannelKind::Messenger, &config, Http::new(NetConfig::default()).unwrap());
        let from = Sender { account: AccountId::from("55"), token: Secret::new("EAAx".to_owned()) };
        let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
        let holding =
            |content| Part { text: "See".into(), content: Some(Box::new(content)), ..Part::default() };
        let url = Some("https://x.example/a.png".to_owned());
        let image = holding(Content::Media(Media {
            kind: MediaKind::Image,
            id: None,
            url,
            name: None,
            file: None,
            hash: None,
        }));
        let messages = channel.split(&image);
        assert_eq!(messages.iter().map(|part| part.text.as_str()).collect::<Vec<_>>(), ["See", ""]);
        channel.send(&from, &to, &messages[1], "x", LIMIT).await;
        let reaction = Reaction { emoji: "👍".into(), on: Some("m_7".into()) };
        let outcome = channel.send(&from, &to, &holding(Content::Reaction(reaction)), "x", LIMIT).await;
        assert_eq!(outcome, SendOutcome::Sent { provider_id: None });
        let seen = server.seen();
        assert_eq!(
            seen[0].json()["message"],
            json!({"metadata": "x", "attachment": {"type": "image", "payload": {"url": "https://x.example/a.png"}}})
        );
        let wanted = json!({"message_id": "m_7", "reaction": "👍"});
        assert_eq!(
            (&seen[1].json()["sender_action"], &seen[1].json()["payload"]),
            (&json!("react"), &wanted)
        );

        let card = Card { phone: "+49151".into(), name: "Ann".into() };
        assert_eq!(channel.split(&holding(Content::Contact(card)))[0].text, "See\n\nAnn: +49151");
        let (text, spans) = crate::domain::markup::parse("**a** [b](https://x.example)");
        assert_eq!(
            channel.split(&Part { text, spans, ..Part::default() })[0].text,
            "a b (https://x.example)"
        );
    }

    #[test]
    fn each_network_has_its_own_room() {
        let http = Http::new(NetConfig::default()).unwrap();
        let make = |kind| Messenger::new(kind, &MetaConfig::default(), http.clone());
        let part = Part { text: "é".repeat(1_500), ..Part::default() };
        assert_eq!(make(ChannelKind::Messenger).split(&part).len(), 1);
        assert_eq!(make(ChannelKind::Instagram).split(&part).len(), 3);
        // A title that has no room is read whole, and its number selects.
        let named = |title: &str| Button { title: title.to_owned(), ..Button::default() };
        let part =
            |title| Part { text: "?".into(), buttons: vec![named("Yes"), named(title)], ..Part::default() };
        for kind in [ChannelKind::Messenger, ChannelKind::Instagram] {
            let sent = make(kind).split(&part("A title of 21 signs.."));
            assert_eq!(sent[0].text, "?\n\n1. Yes\n2. A title of 21 signs..");
            assert_eq!(make(kind).split(&part("A title of 20 signs."))[0].buttons.len(), 2);
        }
    }
}
