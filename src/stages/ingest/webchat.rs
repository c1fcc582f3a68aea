//! Web chat: the edge's own items, `{id, visitor, text | payload | media | read, title, kind, mime, name}`. `media` is the hash of
//! a file that the edge has kept for the visitor; `kind`, `mime` and `name` are the file's.

use super::json::Json;
use super::normalised::{Kind, Normalised, attachment};
use crate::domain::events::{Attachment, AttachmentKind, TurnKind};

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
        let kind = item.at("kind").id().and_then(|word| serde_json::from_value(word.into()).ok());
        it.attachments.push(Attachment {
            mime: item.at("mime").id(),
            name: item.at("name").id(),
            ..attachment(kind.unwrap_or(AttachmentKind::Other), Some(media))
        });
        ("message:media", TurnKind::Attachment)
    } else {
        it.text = text;
        ("message:text", TurnKind::Text)
    };
    it.turn = Some(turn);
    it.raw_kind = raw_kind.to_owned();
    it
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitors_file_is_an_attachment_of_its_kind() {
        let read = |item: &str| normalise(&serde_json::from_str(item).unwrap());
        let it = read(
            r#"{"id":"1","visitor":"v","media":"ab","kind":"image","mime":"image/png","name":"a.png","text":"me"}"#,
        );
        assert_eq!((it.turn, it.text.as_deref()), (Some(TurnKind::Attachment), Some("me")));
        let file = &it.attachments[0];
        assert_eq!((file.kind, file.id.as_deref()), (AttachmentKind::Image, Some("ab")));
        assert_eq!((file.mime.as_deref(), file.name.as_deref()), (Some("image/png"), Some("a.png")));
        for unknown in [r#"{"visitor":"v","media":"ab"}"#, r#"{"visitor":"v","media":"ab","kind":"x"}"#] {
            assert_eq!(read(unknown).attachments[0].kind, AttachmentKind::Other);
        }
    }
}
