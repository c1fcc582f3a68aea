//! What a page is told of a message: text, formatting, buttons, files, sources. All of it is data; the page makes text
//! nodes of it.

use std::borrow::Cow;

use serde::Serialize;

use super::files::Links;
use super::hub::Shown;
use crate::domain::events::{Citation, Content, MediaKind, Part, Span, WebchatOut};
use crate::domain::ids::{EventId, TenantId};
use crate::domain::media::label;

/// The `data:` of a message event.
#[derive(Serialize)]
struct Message<'a> {
    id: String,
    text: String,
    buttons: Vec<Choice<'a>>,
    media: Vec<Media<'a>>,
    cites: &'a [Citation],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    spans: Vec<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reaction: Option<&'a str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    title: &'a str,
    payload: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Media<'a> {
    kind: MediaKind,
    url: Cow<'a, str>,
    name: Option<String>,
}

/// A message event; `offset` = its place in the log.
pub(super) fn message(
    offset: u64,
    id: EventId,
    tenant: &TenantId,
    out: &WebchatOut,
    links: &Links,
) -> Option<Shown> {
    let part = &out.message;
    let (text, spans) = words(part);
    let content = part.content.as_deref();
    let media = match content {
        // A provider's id means nothing to a page.
        Some(Content::Media(media)) => {
            let own = |hash: &String| {
                let name = media.name.as_deref().unwrap_or_default();
                links.address(tenant, out.account.as_str(), hash, name).map(Cow::Owned)
            };
            let url = media.url.as_deref().map(Cow::Borrowed);
            url.or_else(|| media.hash.as_ref().and_then(own)).map(|url| (media, url))
        }
        _ => None,
    };
    let message = Message {
        id: id.to_string(),
        text,
        buttons: part
            .buttons
            .iter()
            .map(|button| Choice {
                title: &button.title,
                payload: button.payload.as_deref().unwrap_or(&button.title),
                url: button.url.as_deref(),
            })
            .collect(),
        media: media
            .map(|(media, url)| Media { kind: media.kind, url, name: media.name.as_deref().and_then(named) })
            .into_iter()
            .collect(),
        cites: &part.cites,
        spans,
        reaction: match content {
            Some(Content::Reaction(reaction)) => Some(&reaction.emoji),
            _ => None,
        },
    };
    let data = serde_json::to_string(&message).ok()?;
    Some(Shown { offset, id: Some(id), event: "message", data })
}

/// A file's name as people may read it; `None` where nothing is left of it.
fn named(name: &str) -> Option<String> {
    Some(label(name)).filter(|name| !name.is_empty())
}

/// The text with what a page has no place for: header, footer, places, cards. Spans move with their words.
fn words(part: &Part) -> (String, Vec<Span>) {
    let mut text = part.header.as_ref().map(|header| format!("{header}\n\n")).unwrap_or_default();
    let moved = u32::try_from(text.encode_utf16().count()).unwrap_or_default();
    text.push_str(&part.text);
    let more = match part.content.as_deref() {
        Some(Content::Location(place)) => {
            let at = format!("{}, {}", place.latitude.get(), place.longitude.get());
            let words = [place.title.as_deref(), place.address.as_deref(), Some(at.as_str())];
            Some(words.into_iter().flatten().collect::<Vec<_>>().join("\n"))
        }
        Some(Content::Contact(card)) => Some(format!("{}: {}", card.name, card.phone)),
        Some(Content::Media(_) | Content::Template(_) | Content::Reaction(_) | Content::Edit(_)) | None => {
            None
        }
    };
    for piece in [more.as_ref(), part.footer.as_ref()].into_iter().flatten() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(piece);
    }
    let spans = part.spans.iter().map(|span| Span { start: span.start + moved, ..span.clone() });
    (text, spans.collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::channel::ChannelKind;
    use crate::domain::events::{Button, Card, Style};
    use crate::edge::webchat::{Kept, KeptFile, Sender, Shelf, ShelfError, Shelved};

    fn shown(message: Part) -> Value {
        let out = WebchatOut { chat: "v".into(), account: "shop".into(), part: 0, of: 1, message };
        let id = EventId::root(ChannelKind::Webchat, "shop", "1");
        let links = Links { shelf: Arc::new(Sealed), base: "https://bots.example".to_owned() };
        serde_json::from_str(&super::message(0, id, &"acme".into(), &out, &links).unwrap().data).unwrap()
    }

    #[derive(Debug)]
    struct Sealed;

    #[async_trait]
    impl Shelf for Sealed {
        fn link(&self, tenant: &TenantId, hash: &str, name: &str) -> Option<String> {
            Some(format!("{tenant}-{hash}-{name}"))
        }

        async fn find(&self, _: &str) -> Result<Option<Shelved>, ShelfError> {
            Ok(None)
        }

        async fn read(&self, _: &Shelved) -> Result<Option<Bytes>, ShelfError> {
            Ok(None)
        }

        fn largest(&self) -> u64 {
            0
        }

        async fn keep(&self, _: Sender<'_>, _: &str, _: Bytes) -> Result<Kept, ShelfError> {
            Ok(Kept::Full)
        }

        fn named(&self, _: Sender<'_>, _: &str) -> Option<KeptFile> {
            None
        }
    }

    #[test]
    fn a_file_of_the_bots_own_has_a_link() {
        let called = |name: &str, hash: Option<&str>, url: Option<&str>| {
            let media = super::Content::Media(crate::domain::events::Media {
                kind: MediaKind::Image,
                id: None,
                url: url.map(str::to_owned),
                name: Some(name.to_owned()),
                file: None,
                hash: hash.map(str::to_owned),
            });
            shown(Part { content: Some(Box::new(media)), ..Part::default() })["media"].take()
        };
        let file = |hash, url| called("menu.png", hash, url);
        let own = json!([{"kind": "image", "url": "https://bots.example/webchat/shop/files/acme-ab-menu.png", "name": "menu.png"}]);
        assert_eq!(file(Some("ab"), None), own);
        assert_eq!(file(None, Some("https://x.example/a"))[0]["url"], "https://x.example/a");
        assert_eq!(file(None, None), json!([]));
        let name = |name| called(name, None, Some("https://x.example/a"))[0]["name"].take();
        assert_eq!(name("../bill\u{202e}gnp.svg"), "billgnp.svg", "a name that turns its end around");
        assert_eq!(name("\u{202e}/"), Value::Null);
    }

    #[test]
    fn a_page_gets_everything_as_data() {
        let link =
            Button { url: Some("https://x.example".into()), title: "Open".into(), ..Button::default() };
        let spans = vec![Span { start: 0, length: 2, style: Style::Bold }];
        let told = shown(Part {
            text: "<b>hi</b>".into(),
            header: Some("😀".into()),
            spans,
            buttons: vec![link],
            ..Part::default()
        });
        assert_eq!(told["text"], "😀\n\n<b>hi</b>");
        assert_eq!(told["spans"], json!([{"start": 4, "length": 2, "style": "bold"}]));
        assert_eq!(
            told["buttons"][0],
            json!({"title": "Open", "payload": "Open", "url": "https://x.example"})
        );
        assert_eq!(told["media"], json!([]));

        let card = Content::Contact(Card { phone: "+49151".into(), name: "Ann".into() });
        let told =
            shown(Part { content: Some(Box::new(card)), footer: Some("Bye".into()), ..Part::default() });
        assert_eq!(told["text"], "Ann: +49151\n\nBye");
    }
}
