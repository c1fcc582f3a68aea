//! A message in the Cloud API's form.
//!
//! Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>.

use std::borrow::Cow;

use serde::Serialize;

use super::template::Template;
use crate::domain::events::{Button, Content, Media, MediaKind, Part, Place, Request};
use crate::services::channel::render::{payload, title};
use crate::services::channel::style;

/// Header and footer, in characters.
const FRAME: usize = 60;
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

/// True when buttons or a list can hold the choices. Ids must differ, or one could not tell which was pressed.
pub(super) fn fits(buttons: &[Button]) -> bool {
    // One address, or one request, is a message of its own kind; beside others it has no place.
    if let [only] = buttons
        && (only.url.is_some() || only.request == Some(Request::Location))
    {
        return !only.title.trim().is_empty();
    }
    if buttons.iter().any(|button| button.url.is_some()) {
        return false;
    }
    let ids = |upto: usize| buttons[..upto].iter().map(payload);
    buttons.len() <= MAX_ROWS
        && buttons.iter().enumerate().all(|(n, button)| {
            let length = button.title.chars().count();
            (1..=ROW_DESCRIPTION).contains(&length)
                && (1..=MAX_ID_BYTES).contains(&payload(button).len())
                && !ids(n).any(|id| id == payload(button))
        })
}

/// True when a file can stand over the message's buttons. A list has no place for one, nor has a request, and where the author
/// wrote a header that stands there.
pub(super) fn takes_file(part: &Part) -> bool {
    let buttons = &part.buttons;
    buttons.is_empty() || (part.header.is_none() && matches!(kind(buttons), "button" | "cta_url"))
}

/// What shows the buttons.
fn kind(buttons: &[Button]) -> &'static str {
    let short = buttons.iter().all(|button| button.title.chars().count() <= BUTTON_TITLE);
    match buttons {
        [Button { url: Some(_), .. }] => "cta_url",
        [Button { request: Some(Request::Location), .. }] => "location_request_message",
        buttons if buttons.len() <= MAX_BUTTONS && short => "button",
        _ => "list",
    }
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    /// A phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// A business-scoped user id (`US.1349...`): who hides the number behind a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(flatten)]
    content: Body<'a>,
    biz_opaque_callback_data: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Body<'a> {
    Text { text: Text<'a> },
    Interactive { interactive: Box<Interactive<'a>> },
    Image { image: File<'a> },
    Video { video: File<'a> },
    Audio { audio: File<'a> },
    Document { document: File<'a> },
    Sticker { sticker: File<'a> },
    Location { location: Location<'a> },
    Contacts { contacts: [Card<'a>; 1] },
    Template { template: Template<'a> },
    Reaction { reaction: Reaction<'a> },
}

/// By the provider's id, or by an address that it fetches.
#[derive(Serialize)]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Location<'a> {
    latitude: f64,
    longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

#[derive(Serialize)]
struct Card<'a> {
    name: CardName<'a>,
    phones: [Phone<'a>; 1],
}

#[derive(Serialize)]
struct CardName<'a> {
    formatted_name: &'a str,
    first_name: &'a str,
}

#[derive(Serialize)]
struct Phone<'a> {
    phone: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Reaction<'a> {
    message_id: &'a str,
    emoji: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    body: Cow<'a, str>,
    preview_url: bool,
}

#[derive(Serialize)]
struct Interactive<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    body: Words<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Words<String>>,
    action: Action<'a>,
}

#[derive(Serialize)]
struct Words<T> {
    text: T,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Header<'a> {
    Text { text: String },
    Image { image: File<'a> },
    Video { video: File<'a> },
    Document { document: File<'a> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    Buttons { buttons: Vec<Reply<'a>> },
    List { button: &'static str, sections: [Section<'a>; 1] },
    Link { name: &'static str, parameters: Link<'a> },
    Ask { name: &'static str },
}

#[derive(Serialize)]
struct Reply<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    reply: Choice<'a>,
}

#[derive(Serialize)]
struct Link<'a> {
    display_text: String,
    url: &'a str,
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

impl<'a> Message<'a> {
    /// The message that `split` gave.
    pub(super) fn new(chat: &'a str, part: &'a Part, opaque: &'a str) -> Self {
        let number = chat.bytes().all(|b| b.is_ascii_digit() || b == b'+');
        Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: number.then_some(chat),
            recipient: (!number).then_some(chat),
            content: Body::of(part),
            biz_opaque_callback_data: opaque,
        }
    }
}

impl<'a> Body<'a> {
    fn of(part: &'a Part) -> Self {
        match part.content.as_deref() {
            // `split` takes an edit's content away: there is nothing to change here.
            None | Some(Content::Edit(_)) if part.buttons.is_empty() => {
                Self::Text { text: Text { body: words(part), preview_url: false } }
            }
            None | Some(Content::Edit(_)) => {
                Self::Interactive { interactive: Box::new(Interactive::new(part, None)) }
            }
            Some(Content::Media(media)) if !part.buttons.is_empty() => {
                Self::Interactive { interactive: Box::new(Interactive::new(part, Some(media))) }
            }
            Some(Content::Location(place)) => Self::Location { location: Location::of(place) },
            Some(Content::Contact(card)) => Self::Contacts {
                contacts: [Card {
                    name: CardName { formatted_name: &card.name, first_name: &card.name },
                    phones: [Phone { phone: &card.phone, kind: "CELL" }],
                }],
            },
            Some(Content::Media(media)) => Self::file(media, part),
            Some(Content::Template(template)) => Self::Template { template: Template::of(template) },
            Some(Content::Reaction(reaction)) => Self::Reaction {
                reaction: Reaction {
                    message_id: reaction.on.as_deref().unwrap_or_default(),
                    emoji: &reaction.emoji,
                },
            },
        }
    }

    fn file(media: &'a Media, part: &'a Part) -> Self {
        let captioned = matches!(media.kind, MediaKind::Image | MediaKind::Video | MediaKind::Document);
        let file = File::of(media, (captioned && !part.text.is_empty()).then(|| words(part)));
        match media.kind {
            MediaKind::Image => Self::Image { image: file },
            MediaKind::Video => Self::Video { video: file },
            MediaKind::Audio | MediaKind::Voice => Self::Audio { audio: file },
            MediaKind::Document => Self::Document { document: file },
            MediaKind::Sticker => Self::Sticker { sticker: file },
        }
    }
}

impl<'a> Location<'a> {
    pub(super) fn of(place: &'a Place) -> Self {
        Self {
            latitude: place.latitude.get(),
            longitude: place.longitude.get(),
            name: place.title.as_deref(),
            address: place.address.as_deref(),
        }
    }
}

impl<'a> File<'a> {
    pub(super) fn of(media: &'a Media, caption: Option<Cow<'a, str>>) -> Self {
        Self {
            id: media.id.as_deref(),
            link: media.url.as_deref().filter(|_| media.id.is_none()),
            caption,
            filename: media.name.as_deref().filter(|_| media.kind == MediaKind::Document),
        }
    }
}

impl<'a> Header<'a> {
    /// A file over the text; `None` for what can't stand there.
    fn file(media: &'a Media) -> Option<Self> {
        let file = File::of(media, None);
        match media.kind {
            MediaKind::Image => Some(Self::Image { image: file }),
            MediaKind::Video => Some(Self::Video { video: file }),
            MediaKind::Document => Some(Self::Document { document: file }),
            MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker => None,
        }
    }
}

/// The text with WhatsApp's own marks.
fn words(part: &Part) -> Cow<'_, str> {
    if part.spans.is_empty() {
        return Cow::Borrowed(&part.text);
    }
    Cow::Owned(style::marked(&part.text, &part.spans))
}

impl<'a> Interactive<'a> {
    fn new(part: &'a Part, file: Option<&'a Media>) -> Self {
        let buttons = part.buttons.as_slice();
        let kind = kind(buttons);
        let action = match (kind, buttons) {
            ("cta_url", [Button { url: Some(url), title: words, .. }]) => {
                let parameters = Link { display_text: title(words, BUTTON_TITLE), url };
                Action::Link { name: "cta_url", parameters }
            }
            ("location_request_message", _) => Action::Ask { name: "send_location" },
            ("button", buttons) => {
                let reply = |button| Reply { kind: "reply", reply: Choice::new(button, BUTTON_TITLE) };
                Action::Buttons { buttons: buttons.iter().map(reply).collect() }
            }
            (_, buttons) => {
                let rows = buttons.iter().map(|button| Choice::new(button, ROW_TITLE)).collect();
                Action::List { button: LIST_BUTTON, sections: [Section { rows }] }
            }
        };
        let header = part.header.as_deref().filter(|_| kind != "location_request_message");
        let footer = part.footer.as_deref().filter(|_| kind != "location_request_message");
        Self {
            kind,
            header: file
                .and_then(Header::file)
                .or_else(|| header.map(|text| Header::Text { text: title(text, FRAME) })),
            body: Words { text: words(part) },
            footer: footer.map(|text| Words { text: title(text, FRAME) }),
            action,
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
