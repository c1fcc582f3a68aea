//! What is wrong with what a reply holds beside its text.

use crate::config::Problems;
use crate::domain::events::{Button, Content, Media};
use crate::domain::template::mistake;

/// A header or footer: every channel shows the beginning at least.
const LONGEST_LINE: usize = 1_000;

/// Adds every mistake of a reply's content.
pub(super) fn check_content(at: &str, content: &Content, problems: &mut Problems) {
    let mut add = |what: &str, remedy: &str| problems.add(at, what, remedy);
    match content {
        Content::Location(place) => {
            if place.latitude.get().abs() > 90.0 {
                add("a latitude lies outside of -90 to 90", "exchange latitude and longitude");
            }
        }
        Content::Contact(card) => {
            let digits = card.phone.chars().filter(char::is_ascii_digit).count();
            if digits < 3 || card.name.trim().is_empty() {
                add("a contact has no number or no name", "write `phone: +4915112345678` and `name`");
            }
        }
        Content::Media(Media { id, url, file, hash, .. }) => {
            let given = [id, url, file, hash].into_iter().flatten().count();
            if given != 1 {
                let remedy = "write where the provider finds it, or which file is sent";
                add("a file needs one of `id`, `url` and `file`, and only one", remedy);
            } else if url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                add("a file's address is not https", "providers fetch from https:// only");
            } else if hash.as_ref().is_some_and(|hash| !is_hash(hash)) {
                add("a file's hash is none", "write the 64 digits that the upload gave");
            }
        }
        Content::Template(template) => {
            if let Some((what, remedy)) = mistake(template) {
                add(what, remedy);
            }
        }
        Content::Edit(_) => {}
        Content::Reaction(reaction) => {
            if reaction.emoji.chars().count() > 16 {
                add("a reaction is more than an emoji", "write one emoji, or nothing to take it back");
            }
        }
    }
}

/// 64 hexadecimal digits.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Adds every mistake of a button's address and of the lines around a text.
pub(super) fn check_frame(
    at: &str,
    buttons: &[&Button],
    lines: [Option<&String>; 2],
    problems: &mut Problems,
) {
    let opens = |url: &str| ["https://", "http://", "tel:", "mailto:"].iter().any(|s| url.starts_with(s));
    if buttons.iter().filter_map(|button| button.url.as_deref()).any(|url| !opens(url)) {
        problems.add(at, "a button's address can't be opened", "begin it with https://");
    }
    if buttons.iter().any(|button| button.url.is_some() && button.request.is_some()) {
        problems.add(at, "a button opens an address and asks for something", "make two buttons of it");
    }
    if lines.into_iter().flatten().any(|line| line.trim().is_empty() || line.len() > LONGEST_LINE) {
        let remedy = format!("write 1 to {LONGEST_LINE} bytes");
        problems.add(at, "a header or footer is empty or too long", remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(content: &str) -> usize {
        let mut problems = Problems::default();
        check_content("a", &serde_saphyr::from_str(content).unwrap(), &mut problems);
        problems.0.len()
    }

    #[test]
    fn content_is_checked() {
        assert_eq!(problems("{location: {latitude: 52.5, longitude: 13.4}}"), 0);
        assert_eq!(problems("{location: {latitude: 113.4, longitude: 52.5}}"), 1);
        assert_eq!(problems("{media: {kind: image, url: 'https://x.example/a.png'}}"), 0);
        assert_eq!(problems("{media: {kind: image, url: 'http://x.example/a.png'}}"), 1);
        assert_eq!(problems("{media: {kind: image}}"), 1);
        assert_eq!(problems("{media: {kind: image, file: menu.png}}"), 0);
        assert_eq!(problems("{media: {kind: image, file: menu.png, id: x}}"), 1);
        assert_eq!(problems("{media: {kind: image, hash: 12}}"), 1);
        assert_eq!(problems("{contact: {phone: '', name: A}}"), 1);
        assert_eq!(problems("{template: {name: '', language: en}}"), 1);
        assert_eq!(problems("{reaction: {emoji: 👍}}"), 0);
    }
}
