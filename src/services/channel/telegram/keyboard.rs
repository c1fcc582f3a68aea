//! Quick replies as Telegram keyboards.
//!
//! A button that says what it means is a key of the reply keyboard: pressing it sends its title as a message. A button
//! with a payload of its own is an inline button, whose payload comes back as a callback. Where Telegram can't carry it so (a
//! long payload, a request beside it) its title comes back, and *match* knows from what was offered which payload that means.

use serde::Serialize;

use crate::domain::events::{Button, Request};
use crate::services::channel::render::payload;

/// Telegram takes at most 100 inline buttons under a message.
const MAX_BUTTONS: usize = 100;
/// `callback_data` holds 1 to 64 bytes.
const MAX_PAYLOAD_BYTES: usize = 64;
/// So many keys stand side by side, if their titles are short enough to be read on a phone.
const ROW_KEYS: usize = 3;
/// Characters in one row.
const ROW_CHARS: usize = 28;

/// True when a keyboard can hold the buttons.
pub(super) fn fits(buttons: &[Button]) -> bool {
    let titles = buttons.iter().all(|button| !button.title.trim().is_empty());
    // An address can only stand under the message, where nothing long can come back and nothing can be asked for.
    let links = buttons.iter().any(|button| button.url.is_some());
    let beside_links =
        |button: &Button| button.url.is_some() || (button.request.is_none() && carried(button));
    buttons.len() <= MAX_BUTTONS && titles && (!links || buttons.iter().all(beside_links))
}

/// True when Telegram can carry what comes back.
fn carried(button: &Button) -> bool {
    (1..=MAX_PAYLOAD_BYTES).contains(&payload(button).len())
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Markup<'a> {
    Inline { inline_keyboard: Vec<Vec<InlineKey<'a>>> },
    Reply { keyboard: Vec<Vec<Key<'a>>>, one_time_keyboard: bool, resize_keyboard: bool },
}

#[derive(Debug, Serialize)]
pub(super) struct InlineKey<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Key<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    request_contact: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    request_location: bool,
}

impl<'a> Markup<'a> {
    /// The keyboard of a message; `None` without buttons. A payload that Telegram can't carry makes it a reply keyboard:
    /// the title still comes back.
    pub(super) fn of(buttons: &'a [Button]) -> Option<Self> {
        if buttons.is_empty() {
            return None;
        }
        let own = buttons.iter().any(|button| payload(button) != button.title || button.url.is_some());
        let asks = buttons.iter().any(|button| button.request.is_some());
        let fit = buttons.iter().all(|button| button.url.is_some() || carried(button));
        Some(if own && fit && !asks {
            let key = |button: &'a Button| InlineKey {
                text: title(button),
                callback_data: button.url.is_none().then(|| payload(button)),
                url: button.url.as_deref(),
            };
            Self::Inline { inline_keyboard: rows(buttons, key) }
        } else {
            let key = |button: &'a Button| Key {
                text: title(button),
                request_contact: button.request == Some(Request::Contact),
                request_location: button.request == Some(Request::Location),
            };
            Self::Reply { keyboard: rows(buttons, key), one_time_keyboard: true, resize_keyboard: true }
        })
    }
}

fn title(button: &Button) -> &str {
    &button.title
}

fn rows<'a, K>(buttons: &'a [Button], key: impl Fn(&'a Button) -> K) -> Vec<Vec<K>> {
    let mut rows: Vec<Vec<K>> = Vec::new();
    let mut used = ROW_CHARS;
    for button in buttons {
        let length = button.title.chars().count();
        match rows.last_mut().filter(|row| row.len() < ROW_KEYS && used + length <= ROW_CHARS) {
            Some(row) => row.push(key(button)),
            None => {
                rows.push(vec![key(button)]);
                used = 0;
            }
        }
        used += length;
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn button(title: &str, payload: Option<&str>) -> Button {
        Button { title: title.to_owned(), payload: payload.map(str::to_owned), ..Button::default() }
    }

    fn markup(buttons: &[Button]) -> serde_json::Value {
        serde_json::to_value(Markup::of(buttons)).unwrap()
    }

    #[test]
    fn titles_alone_make_a_reply_keyboard() {
        let made = markup(&[button("Prices", None), button("Opening hours", Some("Opening hours"))]);
        assert_eq!(
            made,
            json!({"keyboard": [[{"text": "Prices"}, {"text": "Opening hours"}]],
                "one_time_keyboard": true, "resize_keyboard": true})
        );
    }

    #[test]
    fn payloads_make_an_inline_keyboard() {
        let made = markup(&[button("Prices", Some("show:prices")), button("Help", None)]);
        assert_eq!(
            made,
            json!({"inline_keyboard": [[{"text": "Prices", "callback_data": "show:prices"},
                {"text": "Help", "callback_data": "Help"}]]})
        );
    }

    #[test]
    fn a_payload_that_is_too_long_falls_back_to_titles() {
        let long = "é".repeat(33);
        assert!(markup(&[button("Prices", Some(&long))]).get("keyboard").is_some());
        assert!(markup(&[button("Prices", Some(&long[..64]))]).get("inline_keyboard").is_some());
        assert!(markup(&[button("Prices", Some(""))]).get("keyboard").is_some());
    }

    #[test]
    fn addresses_stand_under_the_message_and_requests_in_the_keyboard() {
        let link = Button { url: Some("https://x.example".into()), ..button("Site", None) };
        let made = markup(&[link.clone(), button("Help", None)]);
        assert_eq!(
            made,
            json!({"inline_keyboard": [[{"text": "Site", "url": "https://x.example"},
                {"text": "Help", "callback_data": "Help"}]]})
        );
        let ask = Button { request: Some(Request::Contact), ..button("My number", None) };
        assert_eq!(
            markup(std::slice::from_ref(&ask))["keyboard"][0][0],
            json!({"text": "My number", "request_contact": true})
        );
        assert!(fits(std::slice::from_ref(&ask)) && !fits(&[link, ask]));
    }

    #[test]
    fn long_titles_stand_alone() {
        let long = "a title that fills a row alone";
        let made = markup(&[
            button("A", None),
            button("B", None),
            button("C", None),
            button("D", None),
            button(long, None),
        ]);
        let rows: Vec<usize> =
            made["keyboard"].as_array().unwrap().iter().map(|r| r.as_array().unwrap().len()).collect();
        assert_eq!(rows, [3, 1, 1]);
        assert!(Markup::of(&[]).is_none());
    }
}
