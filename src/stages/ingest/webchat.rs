//! Web chat: the edge's own items, `{id, visitor, text | payload | media | read, title}`.

use super::json::Json;
use super::normalised::{Kind, Normalised, attachment};
use crate::domain::events::{AttachmentKind, TurnKind};

/// Reads a message of a visitor.
pub(super) fn normalise(item: &Json<'_>) -> Normalised {
    let visitor = item.at("visitor").id();
    if let Some(upto) = item.at("read").id() {
        // All that was said up to then: no turn.
        return Normalised {
            kind: Kind::Receipt,
            sender: visitor.clone(),
            chat: visitor,
            status: Some("read".to_owned()),
            text: Some(upto),
            ..Normalised::ignored("read")
        };
    }
    let mut it = Normalised {
        kind: Kind::Message,
        sender: visitor.clone(),
        chat: visitor,
        message_id: item.at("id").id(),
        ..Normalised::default()
    };
    let text = item.at("text").id();
    let (raw_kind, turn) = if let Some(payload) = item.at("payload").id() {
        it.kind = Kind::Callback;
        it.title = item.at("title").id().or(text);
        it.text = Some(payload);
        ("message:press", TurnKind::Press)
    } else if let Some(media) = item.at("media").id() {
        it.text = text;
        it.attachments.push(attachment(AttachmentKind::Other, Some(media)));
        ("message:media", TurnKind::Attachment)
    } else {
        it.text = text;
        ("message:text", TurnKind::Text)
    };
    it.turn = Some(turn);
    it.raw_kind = raw_kind.to_owned();
    it
}
