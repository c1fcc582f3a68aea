//! The portable markup of authors: `**bold**`, `_italic_`, `~~struck~~`, `` `code` ``, fenced blocks, `[words](address)`.
//!
//! Guarantees: no input is an error, and none panics: a mark without its partner is a plain character, and a backslash
//! makes one of any mark. Spans lie in the text, hold something, and never overlap in part. Time is linear but for the
//! depth of nesting, which the number of marks bounds.

use super::events::{Span, Style};

/// A text without marks, and its spans in the order of their beginnings, outer ones first.
#[must_use]
pub fn parse(markup: &str) -> (String, Vec<Span>) {
    let mut out = Out::default();
    inline(markup, &mut out, 0);
    out.spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.length)));
    (out.text, out.spans)
}

/// Deeper marks stay characters.
const DEEPEST: usize = 8;

#[derive(Default)]
struct Out {
    text: String,
    /// The length of `text` in UTF-16 units.
    units: u32,
    spans: Vec<Span>,
}

impl Out {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.units += u32::try_from(c.len_utf16()).unwrap_or_default();
    }

    fn span(&mut self, start: u32, style: Style) {
        if self.units > start {
            self.spans.push(Span { start, length: self.units - start, style });
        }
    }
}

/// A mark and the partner that closes it.
static MARKS: [(&str, Style); 5] = [
    ("```", Style::Pre),
    ("**", Style::Bold),
    ("~~", Style::Strike),
    ("`", Style::Code),
    ("_", Style::Italic),
];

/// Where links stand among what can be missing.
const LINK: usize = 5;
const KINDS: usize = LINK + 1;

fn inline(text: &str, out: &mut Out, depth: usize) {
    // Where a partner is missing from one place on, it is missing from every later one.
    let mut missing = [false; KINDS];
    let (mut at, mut before) = (0, None);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\\'
            && let Some(plain) = rest[1..].chars().next().filter(char::is_ascii_punctuation)
        {
            out.push(plain);
            at += 1 + plain.len_utf8();
            before = Some(plain);
            continue;
        }
        if depth < DEEPEST
            && let Some(length) = span(rest, before, out, depth, &mut missing)
        {
            at += length;
            before = text[..at].chars().next_back();
            continue;
        }
        out.push(c);
        at += c.len_utf8();
        before = Some(c);
    }
}

/// Writes the span that `rest` begins with; how long it was with its marks, or `None` where it begins with none.
fn span(
    rest: &str,
    before: Option<char>,
    out: &mut Out,
    depth: usize,
    missing: &mut [bool; KINDS],
) -> Option<usize> {
    let start = out.units;
    if rest.starts_with('[') && !missing[LINK] {
        let Some((words, address)) = link(rest) else {
            missing[LINK] = !rest.contains("](");
            return None;
        };
        inline(words, out, depth + 1);
        out.span(start, Style::Link(address.to_owned()));
        return Some(words.len() + address.len() + 4);
    }
    let (n, (mark, style)) = MARKS.iter().enumerate().find(|(_, (mark, _))| rest.starts_with(mark))?;
    let inside = &rest[mark.len()..];
    let opens = !missing[n]
        && !inside.starts_with(char::is_whitespace)
        && (*mark != "_" || !before.is_some_and(char::is_alphanumeric));
    // A block may begin with a line break.
    let block = *mark == "```" && !missing[n];
    if !opens && !block {
        return None;
    }
    let Some(length) = partner(inside, mark) else {
        missing[n] = true;
        return None;
    };
    let inner = &inside[..length];
    match style {
        Style::Code | Style::Pre => inner.trim_matches('\n').chars().for_each(|c| out.push(c)),
        _ => inline(inner, out, depth + 1),
    }
    out.span(start, style.clone());
    Some(2 * mark.len() + length)
}

/// How far it is to the mark that closes; something must stand between, and no space before it.
fn partner(inside: &str, mark: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = inside[from..].find(mark) {
        let at = from + found;
        let before = inside[..at].chars().next_back();
        let after = inside[at + mark.len()..].chars().next();
        let escaped = before == Some('\\') && !matches!(mark, "`" | "```");
        let closes = match mark {
            "`" | "```" => at > 0,
            "_" => before.is_some_and(|c| !c.is_whitespace()) && !after.is_some_and(char::is_alphanumeric),
            _ => before.is_some_and(|c| !c.is_whitespace()),
        };
        if closes && !escaped {
            return Some(at);
        }
        from = at + mark.len();
    }
    None
}

/// `[words](address)` with an address that is safe to open.
fn link(rest: &str) -> Option<(&str, &str)> {
    let (words, tail) = rest[1..].split_once("](")?;
    let (address, _) = tail.split_once(')')?;
    let safe = ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| address.starts_with(scheme));
    let plain = !address.contains(|c: char| c.is_whitespace() || c.is_control());
    (safe && plain && !words.is_empty() && !words.contains(['[', '\n'])).then_some((words, address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(markup: &str) -> (String, Vec<(String, Style)>) {
        let (text, spans) = parse(markup);
        let units: Vec<u16> = text.encode_utf16().collect();
        let words =
            |span: &Span| String::from_utf16(&units[span.start as usize..span.end() as usize]).unwrap();
        let spans = spans.iter().map(|span| (words(span), span.style.clone())).collect();
        (text, spans)
    }

    #[test]
    fn each_mark_is_read() {
        let (text, spans) = seen("😀 **bold** _italic_ ~~old~~ `a*b` [site](https://x.example/a_b)");
        assert_eq!(text, "😀 bold italic old a*b site");
        let link = Style::Link("https://x.example/a_b".into());
        let wanted = [
            ("bold", Style::Bold),
            ("italic", Style::Italic),
            ("old", Style::Strike),
            ("a*b", Style::Code),
            ("site", link),
        ];
        assert_eq!(spans, wanted.map(|(words, style)| (words.to_owned(), style)));
        assert_eq!(seen("```\nlet a;\n```"), ("let a;".into(), vec![("let a;".into(), Style::Pre)]));
    }

    #[test]
    fn marks_nest_and_never_cross() {
        let (text, spans) = seen("**a _b_ c**");
        assert_eq!(text, "a b c");
        assert_eq!(spans, [("a b c".to_owned(), Style::Bold), ("b".to_owned(), Style::Italic)]);
        let (text, spans) = seen("**a _b** c_");
        assert_eq!(text, "a _b c_");
        assert_eq!(spans, [("a _b".to_owned(), Style::Bold)]);
    }

    #[test]
    fn what_is_no_mark_stays() {
        for plain in [
            "2 ** 3 ** 4",
            "snake_case_name",
            "a ~~ b",
            "****",
            "[x](javascript:alert(1))",
            "[]()",
            "**x",
            "`",
        ] {
            assert_eq!(seen(plain), (plain.to_owned(), vec![]), "{plain}");
        }
        assert_eq!(seen(r"\**a\*\*").0, "**a**");
    }

    proptest! {
        #[test]
        fn spans_lie_in_the_text_and_never_cross(markup in r"([*_~`\[\]()\\ ]|https://a|é|😀|[a-c]){0,40}") {
            let (text, spans) = parse(&markup);
            let end = u32::try_from(text.encode_utf16().count()).unwrap();
            for span in &spans {
                prop_assert!(span.length > 0 && span.end() <= end);
            }
            for a in &spans {
                for b in &spans {
                    let crosses = a.start < b.start && b.start < a.end() && a.end() < b.end();
                    prop_assert!(!crosses, "{:?} {:?}", a, b);
                }
            }
        }

        #[test]
        fn a_text_without_marks_is_itself(text in "[a-z \n0-9.,!?é]{0,60}") {
            prop_assert_eq!(parse(&text), (text, Vec::new()));
        }
    }
}
