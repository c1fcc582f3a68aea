//! Formatting on its way to a provider: spans of a piece of text, and texts where a channel has no spans.
//!
//! Guarantee: a mark that opens is closed in the same message, whatever was cut; the words stay as they are.

use std::ops::Range;

use crate::domain::events::{Span, Style};

/// The byte range of each span in its text; spans that do not lie in it are left out.
pub(super) fn ranges(text: &str, spans: &[Span]) -> Vec<(Range<usize>, Style)> {
    if spans.is_empty() {
        return Vec::new();
    }
    // The byte position of each UTF-16 unit; the second unit of a pair has none.
    let mut bytes = Vec::with_capacity(text.len() + 1);
    for (at, c) in text.char_indices() {
        bytes.push(Some(at));
        bytes.extend((1..c.len_utf16()).map(|_| None));
    }
    bytes.push(Some(text.len()));
    let at = |unit: u32| bytes.get(unit as usize).copied().flatten();
    let range = |span: &Span| Some(at(span.start)?..at(span.end())?).filter(|range| range.start < range.end);
    spans.iter().filter_map(|span| Some((range(span)?, span.style.clone()))).collect()
}

/// The spans of `piece`, which begins at byte `start` of the text that `ranges` are of. What is cut goes on in the next.
pub(super) fn clip(piece: &str, start: usize, ranges: &[(Range<usize>, Style)]) -> Vec<Span> {
    let end = start + piece.len();
    let units = |to: usize| u32::try_from(piece[..to - start].encode_utf16().count()).unwrap_or(u32::MAX);
    let clipped = |(range, style): &(Range<usize>, Style)| {
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from >= to {
            return None;
        }
        let (from, to) = (units(from), units(to));
        Some(Span { start: from, length: to - from, style: style.clone() })
    };
    ranges.iter().filter_map(clipped).collect()
}

/// The text with the address of each link behind its words, and the spans that are left; where all go, none are.
pub(super) fn without_links(text: &str, spans: &[Span], keep: bool) -> (String, Vec<Span>) {
    let ranges = ranges(text, spans);
    let mut ends: Vec<(usize, &str)> = Vec::new();
    for (range, style) in &ranges {
        if let Style::Link(address) = style
            && text[range.clone()] != **address
        {
            ends.push((range.end, address));
        }
    }
    ends.sort_by_key(|(end, _)| *end);
    let mut out = String::with_capacity(text.len() + ends.iter().map(|(_, a)| a.len() + 3).sum::<usize>());
    let mut from = 0;
    for (end, address) in &ends {
        out.push_str(&text[from..*end]);
        out.push_str(&format!(" ({address})"));
        from = *end;
    }
    out.push_str(&text[from..]);
    // A span moves by what was put in before its ends; what ends where a link does ends before its address.
    let moved = |at: usize, at_end: bool| {
        let before = ends.iter().filter(|(end, _)| if at_end { *end < at } else { *end <= at });
        at + before.map(|(_, address)| address.len() + 3).sum::<usize>()
    };
    let left = ranges.iter().filter(|(_, style)| keep && !matches!(style, Style::Link(_)));
    let left: Vec<_> =
        left.map(|(r, style)| (moved(r.start, false)..moved(r.end, true), style.clone())).collect();
    let spans = clip(&out, 0, &left);
    (out, spans)
}

/// `WhatsApp`'s mark of a style.
const fn mark(style: &Style) -> &'static str {
    match style {
        Style::Bold => "*",
        Style::Italic => "_",
        Style::Strike => "~",
        Style::Code => "`",
        Style::Pre => "```",
        Style::Link(_) => "",
    }
}

/// How many characters the marks of these spans take.
pub(super) fn marks(spans: &[Span]) -> usize {
    spans.iter().map(|span| 2 * mark(&span.style).len()).sum()
}

/// The text as `WhatsApp` reads it.
pub(super) fn marked(text: &str, spans: &[Span]) -> String {
    let mut ranges = ranges(text, spans);
    ranges.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len() + marks(spans));
    let (mut open, mut from, mut next): (Vec<(usize, &str)>, _, _) =
        (Vec::new(), 0, ranges.iter().peekable());
    loop {
        let opens = next.peek().map(|(range, _)| range.start);
        let closes = open.last().map(|(end, _)| *end);
        let (at, is_close) = match (opens, closes) {
            (_, Some(end)) if opens.is_none_or(|start| end <= start) => (end, true),
            (Some(start), _) => (start, false),
            _ => break,
        };
        out.push_str(&text[from..at]);
        from = at;
        if is_close {
            out.push_str(open.pop().map_or("", |(_, mark)| mark));
        } else if let Some((range, style)) = next.next() {
            // Spans never cross; one that did would end with the span that it began in.
            let end = open.last().map_or(range.end, |(outer, _)| range.end.min(*outer));
            out.push_str(mark(style));
            open.push((end, mark(style)));
        }
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::markup::parse;

    #[test]
    fn whatsapp_gets_its_own_marks() {
        let whatsapp = |markup: &str| {
            let (text, spans) = parse(markup);
            let (text, spans) = without_links(&text, &spans, true);
            marked(&text, &spans)
        };
        assert_eq!(whatsapp("😀 **a _b_** ~~c~~ `d`"), "😀 *a _b_* ~c~ `d`");
        assert_eq!(whatsapp("see **[here](https://x.example)** now"), "see *here* (https://x.example) now");
        assert_eq!(whatsapp("[https://x.example](https://x.example)"), "https://x.example");
    }

    #[test]
    fn a_piece_has_its_own_spans() {
        let (text, spans) = parse("😀😀 **bold** x");
        let ranges = ranges(&text, &spans);
        let at = text.find("bold").unwrap();
        let piece = &text[at..];
        assert_eq!(clip(piece, at, &ranges), [Span { start: 0, length: 4, style: Style::Bold }]);
        assert_eq!(clip(&text[..at + 2], 0, &ranges), [Span { start: 5, length: 2, style: Style::Bold }]);
    }

    proptest! {
        #[test]
        fn words_stay_and_marks_are_paired(markup in r"([*_~`\[\]() ]|https://a|é|😀|[a-c]){0,40}") {
            let (text, spans) = parse(&markup);
            let out = marked(&text, &spans);
            prop_assert_eq!(out.len(), text.len() + marks(&spans));
            let (plain, left) = without_links(&text, &spans, false);
            prop_assert!(left.is_empty() && plain.len() >= text.len());
        }
    }
}
