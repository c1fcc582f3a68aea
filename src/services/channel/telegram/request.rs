//! A message as a method of the Bot API and its parameters.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::keyboard::Markup;
use crate::domain::events::{Content, Media, MediaKind, Part, Span, Style};
use crate::services::channel::Target;
use crate::services::channel::files::File;
use crate::services::channel::form::Form;

const SEND: &str = "sendMessage";
const EDIT: &str = "editMessageText";

/// A call that sends one message.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) body: Map<String, Value>,
    /// Where a file stands.
    file: Option<&'static str>,
}

impl Request {
    /// The call for a message that `split` gave.
    pub(super) fn of(to: &Target, part: &Part) -> Self {
        let mut body = Map::new();
        body.insert("chat_id".to_owned(), chat_id(&to.chat));
        if let Some(thread) = to.thread.as_deref().and_then(|thread| thread.parse::<i64>().ok()) {
            body.insert("message_thread_id".to_owned(), thread.into());
        }
        let mut set = |key: &str, value: Value| {
            body.insert(key.to_owned(), value);
        };
        let method = match part.content.as_deref() {
            None | Some(Content::Template(_)) => {
                set("text", part.text.as_str().into());
                words(&mut set, "entities", part);
                SEND
            }
            Some(Content::Location(place)) => {
                set("latitude", json!(place.latitude.get()));
                set("longitude", json!(place.longitude.get()));
                match &place.title {
                    Some(title) => {
                        set("title", title.as_str().into());
                        set("address", place.address.as_deref().unwrap_or(title).into());
                        "sendVenue"
                    }
                    None => "sendLocation",
                }
            }
            Some(Content::Contact(card)) => {
                set("phone_number", card.phone.as_str().into());
                set("first_name", card.name.as_str().into());
                "sendContact"
            }
            Some(Content::Media(media)) => {
                let (method, field) = sends(media.kind);
                set(field, source(media).into());
                if !part.text.is_empty() {
                    set("caption", part.text.as_str().into());
                    words(&mut set, "caption_entities", part);
                }
                method
            }
            Some(Content::Edit(edit)) => {
                set("text", part.text.as_str().into());
                words(&mut set, "entities", part);
                let on = edit.on.as_deref().and_then(|on| on.parse::<i64>().ok());
                // Only buttons under a message can be changed with it.
                match on.filter(|_| !matches!(Markup::of(&part.buttons), Some(Markup::Reply { .. }))) {
                    Some(on) => {
                        set("message_id", on.into());
                        EDIT
                    }
                    None => SEND,
                }
            }
            Some(Content::Reaction(reaction)) => {
                set("message_id", json!(reaction.on.as_deref().and_then(|on| on.parse::<i64>().ok())));
                let emoji = reaction.emoji.as_str();
                let list =
                    if emoji.is_empty() { json!([]) } else { json!([{"type": "emoji", "emoji": emoji}]) };
                set("reaction", list);
                "setMessageReaction"
            }
        };
        if let Some(markup) = Markup::of(&part.buttons) {
            set("reply_markup", json!(markup));
        }
        let file = match part.content.as_deref() {
            Some(Content::Media(media)) => Some(sends(media.kind).1),
            _ => None,
        };
        Self { method, body, file }
    }

    /// The body with its type: JSON, or a form around a file.
    pub(super) fn encode(&self, file: Option<&File>) -> (String, Bytes) {
        let (Some(file), Some(field)) = (file, self.file) else {
            return match serde_json::to_vec(&self.body) {
                Ok(body) => ("application/json".to_owned(), Bytes::from(body)),
                Err(error) => unreachable!("a request of ours did not serialise: {error}"),
            };
        };
        let mut form = Form::around(file);
        for (name, value) in self.body.iter().filter(|(name, _)| *name != field) {
            match value {
                Value::String(text) => form.text(name, text),
                other => form.text(name, &other.to_string()),
            }
        }
        form.end(field, file)
    }

    /// Says as a new message what was to change an old one; false where it was none of these.
    pub(super) fn say_anew(&mut self) -> bool {
        let edits = self.method == EDIT;
        if edits {
            self.method = SEND;
            self.body.remove("message_id");
        }
        edits
    }

    /// The group has another id now.
    pub(super) fn move_to(&mut self, chat: i64) {
        self.body.insert("chat_id".to_owned(), chat.into());
    }

    /// Takes the formatting out; false when there was none.
    pub(super) fn make_plain(&mut self) -> bool {
        let plain = [self.body.remove("entities"), self.body.remove("caption_entities")];
        plain.iter().any(Option::is_some)
    }
}

/// A chat is a number, a public channel a name.
pub(super) fn chat_id(chat: &str) -> Value {
    chat.parse::<i64>().map_or_else(|_| chat.into(), Value::from)
}

fn words(set: &mut impl FnMut(&str, Value), key: &str, part: &Part) {
    if !part.spans.is_empty() {
        set(key, part.spans.iter().map(entity).collect());
    }
}

fn entity(span: &Span) -> Value {
    let kind = match &span.style {
        Style::Bold => "bold",
        Style::Italic => "italic",
        Style::Strike => "strikethrough",
        Style::Code => "code",
        Style::Pre => "pre",
        Style::Link(url) => {
            return json!({"type": "text_link", "offset": span.start, "length": span.length, "url": url});
        }
    };
    json!({"type": kind, "offset": span.start, "length": span.length})
}

const fn sends(kind: MediaKind) -> (&'static str, &'static str) {
    match kind {
        MediaKind::Image => ("sendPhoto", "photo"),
        MediaKind::Video => ("sendVideo", "video"),
        MediaKind::Audio => ("sendAudio", "audio"),
        MediaKind::Voice => ("sendVoice", "voice"),
        MediaKind::Document => ("sendDocument", "document"),
        MediaKind::Sticker => ("sendSticker", "sticker"),
    }
}

/// Telegram takes an id or an address in the same field.
fn source(media: &Media) -> &str {
    media.id.as_deref().or(media.url.as_deref()).unwrap_or_default()
}
