//! What a template's gaps are filled with: its body's, its header's, its buttons'.
//!
//! Guarantee: pure. What [`mistake`] names the provider refuses; it says what to do instead.

use crate::domain::events::{Media, MediaKind, Template, TemplateButton, TemplateHeader};
use crate::domain::media::label;

/// A header's text, in characters; its gap has to fit.
const HEADER: usize = 60;
/// A value of the body, in characters.
const VALUE: usize = 1024;
/// The buttons of a template.
const BUTTONS: usize = 10;
/// The end of an address, in bytes.
const ADDRESS: usize = 2000;
/// What a pressed button sends back, in bytes.
const PAYLOAD: usize = 256;
/// A code to copy, in characters.
const CODE: usize = 15;

/// Where a column of a campaign's file goes in its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The next value of the body.
    Body,
    /// `header`: the gap in the header's text.
    HeaderText,
    /// `header_image`, `header_video`, `header_document`: the address of the header's file.
    HeaderFile(MediaKind),
    /// `button_1_url`: the end of an address. Buttons count from 1 here, and from 0 inside.
    Url(usize),
    /// `button_1_payload`: what pressing it sends back.
    Payload(usize),
    /// `button_1_code`: the code to copy.
    Code(usize),
}

impl Slot {
    /// The slot of a column; `None` for a name that begins like one and is none.
    #[must_use]
    pub fn of(column: &str) -> Option<Self> {
        if let Some(kind) = column.strip_prefix("header_") {
            return Some(Self::HeaderFile(match kind {
                "image" => MediaKind::Image,
                "video" => MediaKind::Video,
                "document" => MediaKind::Document,
                _ => return None,
            }));
        }
        if let Some(rest) = column.strip_prefix("button_") {
            let (number, what) = rest.split_once('_')?;
            let number: usize = number.parse().ok().filter(|n| (1..=BUTTONS).contains(n))?;
            return Some(match what {
                "url" => Self::Url(number - 1),
                "payload" => Self::Payload(number - 1),
                "code" => Self::Code(number - 1),
                _ => return None,
            });
        }
        Some(if column == "header" { Self::HeaderText } else { Self::Body })
    }

    /// Puts a value there.
    pub fn fill(self, template: &mut Template, value: &str) {
        let value = value.to_owned();
        let (at, button) = match self {
            Self::Body => return template.parameters.push(value),
            Self::HeaderText => {
                template.header = Some(TemplateHeader::Text(value));
                return;
            }
            Self::HeaderFile(kind) => {
                let name = (kind == MediaKind::Document).then(|| file_name(&value)).flatten();
                let media = Media { kind, id: None, url: Some(value), file: None, hash: None, name };
                template.header = Some(TemplateHeader::Media(media));
                return;
            }
            Self::Url(at) => (at, TemplateButton::Url(value)),
            Self::Payload(at) => (at, TemplateButton::Payload(value)),
            Self::Code(at) => (at, TemplateButton::Code(value)),
        };
        if template.buttons.len() <= at {
            template.buttons.resize(at + 1, TemplateButton::Plain);
        }
        template.buttons[at] = button;
    }
}

/// The name that a document is shown under: the end of its address.
fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let name = label(path.rsplit('/').next()?);
    (!name.is_empty()).then_some(name)
}

/// The first thing that the provider would refuse of a template's values: what is wrong, and what to do.
#[must_use]
pub fn mistake(template: &Template) -> Option<(&'static str, &'static str)> {
    if template.name.trim().is_empty() || template.language.trim().is_empty() {
        return Some((
            "a template has no name or no language",
            "write both as WhatsApp's manager shows them",
        ));
    }
    let broken = |text: &str| text.contains(['\n', '\r', '\t']) || text.contains("     ");
    if template.parameters.iter().any(|value| value.trim().is_empty() || value.chars().count() > VALUE) {
        return Some(("a value of a template's body is empty or too long", "write 1 to 1024 characters"));
    }
    if template.parameters.iter().any(|value| broken(value)) {
        return Some((
            "a value of a template's body has a line break, a tab or five spaces in a row",
            "write it in one line",
        ));
    }
    match &template.header {
        None | Some(TemplateHeader::Location(_)) => {}
        Some(TemplateHeader::Text(text)) => {
            if text.trim().is_empty() || text.chars().count() > HEADER || broken(text) {
                return Some((
                    "a template's header is empty, too long or not one line",
                    "write 1 to 60 characters in one line",
                ));
            }
        }
        Some(TemplateHeader::Media(media)) => {
            if !matches!(media.kind, MediaKind::Image | MediaKind::Video | MediaKind::Document) {
                return Some((
                    "a template's header can't be a file of this kind",
                    "use image, video or document",
                ));
            }
            if media.file.is_some() || media.hash.is_some() || media.id.is_some() == media.url.is_some() {
                return Some((
                    "a template's header needs one of `url` and `id`",
                    "write where the provider finds the file",
                ));
            }
            if media.url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                return Some((
                    "the address of a template's header is not https",
                    "providers fetch from https:// only",
                ));
            }
        }
    }
    if template.buttons.len() > BUTTONS {
        return Some((
            "a template has more than ten buttons",
            "leave out those that need nothing at the end",
        ));
    }
    template.buttons.iter().find_map(|button| match button {
        TemplateButton::Plain => None,
        TemplateButton::Url(end) => (end.trim().is_empty()
            || end.len() > ADDRESS
            || end.contains(|c: char| c.is_whitespace() || c.is_control()))
        .then_some((
            "the end of a template's address is empty, too long or has spaces",
            "write what follows the template's own part",
        )),
        TemplateButton::Payload(payload) => (payload.is_empty() || payload.len() > PAYLOAD)
            .then_some(("what a template's button sends back is empty or too long", "write 1 to 256 bytes")),
        TemplateButton::Code(code) => (code.trim().is_empty() || code.chars().count() > CODE)
            .then_some(("a code to copy is empty or too long", "write 1 to 15 characters")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(values: &str) -> Template {
        let mut whole: serde_json::Value = serde_json::from_str(values).unwrap();
        (whole["name"], whole["language"]) = ("offer".into(), "en".into());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn what_the_provider_refuses_is_named() {
        for (values, wrong) in [
            (
                r#"{"parameters":["a"],"header":{"text":"b"},"buttons":["plain",{"url":"x/1"},{"payload":"p"},{"code":"SALE"}]}"#,
                None,
            ),
            (r#"{"header":{"media":{"kind":"image","url":"https://x.example/a.png"}}}"#, None),
            (r#"{"header":{"location":{"latitude":1.5,"longitude":2}}}"#, None),
            (r#"{"parameters":[""]}"#, Some("empty")),
            (r#"{"parameters":["a\nb"]}"#, Some("line break")),
            (r#"{"header":{"text":"a\nb"}}"#, Some("header")),
            (r#"{"header":{"media":{"kind":"voice","url":"https://x.example/a"}}}"#, Some("kind")),
            (r#"{"header":{"media":{"kind":"image","file":"a.png"}}}"#, Some("`url` and `id`")),
            (r#"{"header":{"media":{"kind":"image","url":"http://x.example/a"}}}"#, Some("https")),
            (r#"{"buttons":[{"url":"a b"}]}"#, Some("address")),
            (r#"{"buttons":[{"payload":""}]}"#, Some("sends back")),
            (r#"{"buttons":[{"code":"1234567890123456"}]}"#, Some("copy")),
        ] {
            let found = mistake(&template(values)).map(|(what, _)| what);
            match wrong {
                None => assert_eq!(found, None, "{values}"),
                Some(piece) => assert!(found.is_some_and(|what| what.contains(piece)), "{values}: {found:?}"),
            }
        }
        assert!(mistake(&Template { name: String::new(), ..template("{}") }).is_some());
    }

    #[test]
    fn columns_go_where_their_names_say() {
        let mut it = template("{}");
        for (column, value) in [
            ("name", "Ann"),
            ("header_document", "https://x.example/bills/7.pdf?a=1"),
            ("button_2_url", "orders/7"),
            ("price", "12 EUR"),
        ] {
            Slot::of(column).unwrap().fill(&mut it, value);
        }
        assert_eq!(it.parameters, ["Ann", "12 EUR"]);
        assert_eq!(it.buttons, [TemplateButton::Plain, TemplateButton::Url("orders/7".into())]);
        let Some(TemplateHeader::Media(media)) = &it.header else { panic!("{it:?}") };
        assert_eq!((media.kind, media.name.as_deref()), (MediaKind::Document, Some("7.pdf")));
        assert_eq!(Slot::of("header"), Some(Slot::HeaderText));
        for typo in ["button_0_url", "button_11_url", "button_1_link", "button_url", "header_sound"] {
            assert_eq!(Slot::of(typo), None, "{typo}");
        }
    }
}
