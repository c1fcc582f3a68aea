//! What every provider's messages have in common: sources under a text, choices as text, titles cut to size.

use std::ops::Range;

use super::split::{Measure, pieces, pieces_around};
use super::style;
use crate::domain::events::{Button, Content, MediaKind, Part, Place, Span};

/// Stands where a provider wants a text and the part has none.
pub(super) const NO_TEXT: &str = "\u{2026}";

/// What a channel's messages have room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// A text.
    pub(super) text: usize,
    /// A text that carries buttons.
    pub(super) with_buttons: usize,
    /// A caption; 0 where files have none.
    pub(super) caption: usize,
    /// What they count.
    pub(super) measure: Measure,
    /// True where header and footer are fields of a message with buttons.
    pub(super) framed: bool,
    /// True when the buttons can be shown; others become lines of text.
    pub(super) fit: fn(&[Button]) -> bool,
    /// True when a message with its buttons can hold a file, too.
    pub(super) with_file: fn(&Part) -> bool,
}

/// The messages of a part: its text with the sources in pieces, its buttons under the last one, what it holds beside
/// the text behind it or, where the text is short enough for a caption, together with it. Buttons stand under what comes last.
pub(super) fn messages(part: &Part, room: &Room) -> Vec<Part> {
    // What can't be changed is said anew.
    let edits = matches!(part.content.as_deref(), Some(Content::Edit(_)));
    let Some(content) = part.content.clone().filter(|_| !edits) else { return texts(part, room) };
    let alone = Part { content: None, ..part.clone() };
    let mut messages = texts(&alone, room);
    let caption = |text: &str| text.chars().map(room.measure).sum::<usize>() <= room.caption;
    let pressed = messages.last().is_some_and(|last| !last.buttons.is_empty());
    match messages.as_mut_slice() {
        [only] if has_caption(&content) && caption(&only.text) && (room.with_file)(only) => {
            only.content = Some(content);
        }
        _ => {
            let at = if pressed { 0 } else { messages.len() };
            messages.insert(at, Part { content: Some(content), ..Part::default() });
        }
    }
    messages
}

/// Stickers have none anywhere, sounds not everywhere.
fn has_caption(content: &Content) -> bool {
    let Content::Media(media) = content else { return false };
    matches!(media.kind, MediaKind::Image | MediaKind::Video | MediaKind::Document)
}

/// The messages of a text with its buttons.
fn texts(part: &Part, room: &Room) -> Vec<Part> {
    let fits = part.buttons.is_empty() || (room.fit)(&part.buttons);
    let frame = room.framed && fits && !part.buttons.is_empty();
    let framed = (part.header.is_some() || part.footer.is_some()) && !frame;
    let mut whole = None;
    let mut moved = 0;
    if !part.cites.is_empty() || !fits || framed {
        let header = part.header.as_deref().filter(|_| framed).map(|header| format!("{header}\n\n"));
        let mut text = header.unwrap_or_default();
        moved = u32::try_from(text.encode_utf16().count()).unwrap_or_default();
        text.push_str(part.text.trim_end());
        if !fits {
            push_choices(&mut text, &part.buttons);
        }
        if let Some(footer) = part.footer.as_deref().filter(|_| framed) {
            text.push_str(&format!("\n\n{footer}"));
        }
        push_sources(&mut text, part);
        whole = Some(text);
    }
    let text = whole.as_deref().unwrap_or(&part.text);
    let buttons = if fits { part.buttons.clone() } else { Vec::new() };
    let spans: Vec<Span> =
        part.spans.iter().map(|span| Span { start: span.start + moved, ..span.clone() }).collect();
    let ranges = style::ranges(text, &spans);
    let solid: Vec<Range<usize>> = ranges.iter().map(|(range, _)| range.clone()).collect();
    let mut texts = pieces_around(text, room.text, room.measure, &solid);
    if !buttons.is_empty() && room.with_buttons < room.text {
        make_room(&mut texts, room.with_buttons, room.measure);
    }
    if texts.is_empty() && !buttons.is_empty() {
        texts.push(NO_TEXT);
    }
    let base = text.as_ptr() as usize;
    let message = |piece: &str| {
        // A piece is a part of the text but for the sign that stands where there is none.
        let start = (piece.as_ptr() as usize).wrapping_sub(base);
        let ranges = if start <= text.len() { ranges.as_slice() } else { &[] };
        Part { text: piece.to_owned(), spans: style::clip(piece, start, ranges), ..Part::default() }
    };
    let mut messages: Vec<Part> = texts.into_iter().map(message).collect();
    if let Some(last) = messages.last_mut() {
        last.buttons = buttons;
        if frame {
            (last.header, last.footer) = (part.header.clone(), part.footer.clone());
        }
    }
    messages
}

/// Splits the last piece in two where it is larger than `last`: as few messages as possible.
fn make_room(texts: &mut Vec<&str>, last: usize, measure: Measure) {
    let Some(text) = texts.pop() else { return };
    let small = pieces(text, last, measure);
    if let [.., end] = small[..] {
        let head = text[..text.len() - end.len()].trim_end();
        texts.extend([head, end].into_iter().filter(|text| !text.is_empty()));
    }
}

fn push_choices(text: &mut String, buttons: &[Button]) {
    for (n, button) in (1..).zip(buttons) {
        let between = if n > 1 || text.is_empty() { "" } else { "\n" };
        let line = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{between}{line}{n}. {}", button.title));
        if let Some(url) = &button.url {
            text.push_str(&format!(": {url}"));
        }
    }
}

/// The text already holds the marks `[1]`; this says what they stand for.
fn push_sources(text: &mut String, part: &Part) {
    let mut known = Vec::with_capacity(part.cites.len());
    for cite in &part.cites {
        if known.contains(&cite.n) {
            continue;
        }
        text.push_str(if known.is_empty() { "\n\nSources: " } else { ", " });
        let title = if cite.title.is_empty() { &cite.document } else { &cite.title };
        text.push_str(&format!("[{}] {title}", cite.n));
        known.push(cite.n);
    }
}

/// A place in words, for channels without maps.
pub(super) fn place_in_words(place: &Place) -> String {
    let at = format!("{}, {}", place.latitude.get(), place.longitude.get());
    let words = [place.title.as_deref(), place.address.as_deref(), Some(at.as_str())];
    words.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// A part that a channel without formatting says: links behind their words, no spans.
pub(super) fn plain(part: &Part) -> Part {
    if part.spans.is_empty() {
        return part.clone();
    }
    let (text, spans) = style::without_links(&part.text, &part.spans, false);
    Part { text, spans, ..part.clone() }
}

/// The same part with its content said in words.
pub(super) fn in_words(part: &Part, words: &str) -> Part {
    let between = if part.text.is_empty() { "" } else { "\n\n" };
    Part { text: format!("{}{between}{words}", part.text), content: None, ..part.clone() }
}

/// What comes back when the button is pressed.
pub(super) fn payload(button: &Button) -> &str {
    button.payload.as_deref().unwrap_or(&button.title)
}

/// The first `max` characters, the last of them an ellipsis where something was cut off.
pub(super) fn title(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}\u{2026}", kept.trim_end())
}

/// A provider's words, fit for a log line and a ledger record.
pub(super) fn words(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::split::utf16;
    use super::*;
    use crate::domain::events::{Card, Citation, Media};
    use crate::domain::markup;

    fn room(text: usize, with_buttons: usize, fit: fn(&[Button]) -> bool) -> Room {
        let with_file = |_: &Part| true;
        Room { text, with_buttons, caption: 20, measure: utf16, framed: false, fit, with_file }
    }

    fn buttons(titles: &[&str]) -> Vec<Button> {
        titles
            .iter()
            .map(|title| Button { title: (*title).to_owned(), payload: None, ..Button::default() })
            .collect()
    }

    fn cite(n: u32, title: &str) -> Citation {
        Citation { n, document: "prices.md".to_owned(), title: title.to_owned(), ..Citation::default() }
    }

    #[test]
    fn sources_stand_under_the_text_once() {
        let cites = vec![cite(1, "Prices"), cite(2, ""), cite(1, "Prices")];
        let part =
            Part { text: "It is 12 EUR [1][2].".to_owned(), buttons: Vec::new(), cites, ..Part::default() };
        let sent = messages(&part, &room(4096, 4096, |_| true));
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].text, "It is 12 EUR [1][2].\n\nSources: [1] Prices, [2] prices.md");
        assert!(sent[0].cites.is_empty());
    }

    #[test]
    fn buttons_stand_under_the_last_piece() {
        let part = Part {
            text: "one two".to_owned(),
            buttons: buttons(&["A"]),
            cites: Vec::new(),
            ..Part::default()
        };
        let sent = messages(&part, &room(4, 4, |_| true));
        assert_eq!(sent.iter().map(|part| part.buttons.len()).collect::<Vec<_>>(), [0, 1]);
        let part = Part { text: String::new(), ..part };
        assert_eq!(messages(&part, &room(4, 4, |_| true))[0].text, NO_TEXT);
        assert!(messages(&Part::default(), &room(4, 4, |_| true)).is_empty());
    }

    #[test]
    fn a_text_with_buttons_may_have_less_room() {
        let text = "aaaa bbbb cccc dddd eeee".to_owned();
        let part = Part { text, buttons: buttons(&["A"]), cites: Vec::new(), ..Part::default() };
        let sent = messages(&part, &room(100, 10, |_| true));
        let texts: Vec<_> = sent.iter().map(|part| part.text.as_str()).collect();
        assert_eq!(texts, ["aaaa bbbb cccc dddd", "eeee"]);
        assert_eq!(sent[1].buttons.len(), 1);
    }

    #[test]
    fn choices_that_do_not_fit_become_lines() {
        let part = Part {
            text: "Pick".to_owned(),
            buttons: buttons(&["A", "B"]),
            cites: Vec::new(),
            ..Part::default()
        };
        let sent = messages(&part, &room(4096, 4096, |_| false));
        assert_eq!(sent[0].text, "Pick\n\n1. A\n2. B");
        assert!(sent[0].buttons.is_empty());
        let part = Part { text: String::new(), ..part };
        assert_eq!(messages(&part, &room(4096, 4096, |_| false))[0].text, "1. A\n2. B");
    }

    #[test]
    fn formatting_follows_its_words_into_each_message() {
        let (text, spans) = markup::parse("aaaa **bbbb cccc** dddd");
        let part = Part { text, spans, header: Some("Top".to_owned()), ..Part::default() };
        let sent = messages(&part, &room(9, 9, |_| true));
        let seen: Vec<_> = sent.iter().map(|p| (p.text.as_str(), p.spans.len())).collect();
        assert_eq!(seen, [("Top", 0), ("aaaa", 0), ("bbbb cccc", 1), ("dddd", 0)]);
        assert_eq!((sent[2].spans[0].start, sent[2].spans[0].length), (0, 9));
    }

    #[test]
    fn a_short_text_is_the_caption_and_other_content_follows() {
        let media = Content::Media(Media {
            kind: MediaKind::Image,
            id: Some("p".to_owned()),
            url: None,
            name: None,
            file: None,
            hash: None,
        });
        let part = Part { text: "short".to_owned(), content: Some(Box::new(media)), ..Part::default() };
        assert_eq!(messages(&part, &room(99, 99, |_| true)), std::slice::from_ref(&part));
        let long = Part { text: "a text that is no caption".to_owned(), ..part.clone() };
        let sent = messages(&long, &room(99, 99, |_| true));
        assert_eq!((sent.len(), sent[1].text.as_str(), &sent[1].content), (2, "", &part.content));
        let card = Content::Contact(Card { phone: "1".to_owned(), name: "A".to_owned() });
        let card = Part { content: Some(Box::new(card)), ..part.clone() };
        let sent = messages(&card, &room(99, 99, |_| true));
        assert_eq!((sent.len(), &sent[1].content), (2, &card.content));
        // With buttons it goes before: nothing comes between them and who presses them.
        let sent = messages(&Part { buttons: buttons(&["A"]), ..card.clone() }, &room(99, 99, |_| true));
        assert_eq!((&sent[0].content, sent[1].buttons.len()), (&card.content, 1));
        let apart = Room { with_file: |part| part.buttons.is_empty(), ..room(99, 99, |_| true) };
        assert_eq!(messages(&part, &apart).len(), 1);
        let sent = messages(&Part { buttons: buttons(&["A"]), ..part.clone() }, &apart);
        assert_eq!((sent.len(), &sent[0].content, sent[1].buttons.len()), (2, &part.content, 1));
    }

    #[test]
    fn titles_are_cut_with_a_sign() {
        assert_eq!(title("Opening hours", 20), "Opening hours");
        assert_eq!(title("Opening hours", 9), "Opening\u{2026}");
        assert_eq!(title("Öffnungszeiten", 5), "Öffn\u{2026}");
    }
}
