//! What every provider's messages have in common: sources under a text, choices as text, titles cut to size.

use crate::domain::events::{Button, Part};

use super::split::{Measure, pieces};

/// Stands where a provider wants a text and the part has none.
pub(super) const NO_TEXT: &str = "\u{2026}";

/// The messages of a part: its text with the sources in pieces of at most `max`, its buttons under the last one. Buttons
/// that `fit` refuses become lines of text. `last` is the room of a text that carries buttons.
pub(super) fn messages(
    part: &Part,
    max: usize,
    last: usize,
    measure: Measure,
    fit: fn(&[Button]) -> bool,
) -> Vec<Part> {
    let fits = part.buttons.is_empty() || fit(&part.buttons);
    let mut whole = None;
    if !part.cites.is_empty() || !fits {
        let mut text = part.text.trim_end().to_owned();
        if !fits {
            push_choices(&mut text, &part.buttons);
        }
        push_sources(&mut text, part);
        whole = Some(text);
    }
    let text = whole.as_deref().unwrap_or(&part.text);
    let buttons = if fits { part.buttons.clone() } else { Vec::new() };
    let mut texts = pieces(text, max, measure);
    if !buttons.is_empty() && last < max {
        make_room(&mut texts, last, measure);
    }
    if texts.is_empty() && !buttons.is_empty() {
        texts.push(NO_TEXT);
    }
    let message = |text: &str| Part { text: text.to_owned(), ..Part::default() };
    let mut messages: Vec<Part> = texts.into_iter().map(message).collect();
    if let Some(last) = messages.last_mut() {
        last.buttons = buttons;
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
    use crate::domain::events::Citation;

    fn buttons(titles: &[&str]) -> Vec<Button> {
        titles.iter().map(|title| Button { title: (*title).to_owned(), payload: None }).collect()
    }

    fn cite(n: u32, title: &str) -> Citation {
        Citation { n, document: "prices.md".to_owned(), title: title.to_owned() }
    }

    #[test]
    fn sources_stand_under_the_text_once() {
        let cites = vec![cite(1, "Prices"), cite(2, ""), cite(1, "Prices")];
        let part = Part { text: "It is 12 EUR [1][2].".to_owned(), buttons: Vec::new(), cites };
        let sent = messages(&part, 4096, 4096, utf16, |_| true);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].text, "It is 12 EUR [1][2].\n\nSources: [1] Prices, [2] prices.md");
        assert!(sent[0].cites.is_empty());
    }

    #[test]
    fn buttons_stand_under_the_last_piece() {
        let part = Part { text: "one two".to_owned(), buttons: buttons(&["A"]), cites: Vec::new() };
        let sent = messages(&part, 4, 4, utf16, |_| true);
        assert_eq!(sent.iter().map(|part| part.buttons.len()).collect::<Vec<_>>(), [0, 1]);
        let part = Part { text: String::new(), ..part };
        assert_eq!(messages(&part, 4, 4, utf16, |_| true)[0].text, NO_TEXT);
        assert!(messages(&Part::default(), 4, 4, utf16, |_| true).is_empty());
    }

    #[test]
    fn a_text_with_buttons_may_have_less_room() {
        let text = "aaaa bbbb cccc dddd eeee".to_owned();
        let part = Part { text, buttons: buttons(&["A"]), cites: Vec::new() };
        let sent = messages(&part, 100, 10, utf16, |_| true);
        let texts: Vec<_> = sent.iter().map(|part| part.text.as_str()).collect();
        assert_eq!(texts, ["aaaa bbbb cccc dddd", "eeee"]);
        assert_eq!(sent[1].buttons.len(), 1);
    }

    #[test]
    fn choices_that_do_not_fit_become_lines() {
        let part = Part { text: "Pick".to_owned(), buttons: buttons(&["A", "B"]), cites: Vec::new() };
        let sent = messages(&part, 4096, 4096, utf16, |_| false);
        assert_eq!(sent[0].text, "Pick\n\n1. A\n2. B");
        assert!(sent[0].buttons.is_empty());
        let part = Part { text: String::new(), ..part };
        assert_eq!(messages(&part, 4096, 4096, utf16, |_| false)[0].text, "1. A\n2. B");
    }

    #[test]
    fn titles_are_cut_with_a_sign() {
        assert_eq!(title("Opening hours", 20), "Opening hours");
        assert_eq!(title("Opening hours", 9), "Opening\u{2026}");
        assert_eq!(title("Öffnungszeiten", 5), "Öffn\u{2026}");
    }
}
