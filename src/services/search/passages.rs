//! Documents become passages: small enough to be an answer, large enough to make sense alone.
//!
//! A text is split at Markdown headings (never across one), then paragraphs are packed up to [`MAX_TOKENS`]; a longer
//! paragraph is split at sentence ends, a longer sentence between words. A passage begins with the last sentences of the
//! one before it, so that what stands at the border is found in either. Guarantee: every passage is a piece of its
//! document's own text, none is empty, and none is much longer than the limit.

mod piece;

use std::ops::Range;

pub(super) use piece::{Headings, Piece, Place};

use crate::domain::bot::Document;

/// About what one idea takes, and what retrieval was measured with.
const MAX_TOKENS: usize = 256;

/// What a passage repeats of the one before it, at most: 15 %.
const OVERLAP: usize = MAX_TOKENS * 15 / 100;

/// The passages of a corpus's document with this number, in order.
pub(super) fn pieces(n: u32, document: &Document) -> Vec<Piece> {
    let mut out = Vec::new();
    for (pair, _) in document.qa.iter().enumerate().filter(|(_, pair)| !pair.a.trim().is_empty()) {
        out.extend(Piece::new(n, &Place::Pair(pair), Headings::default()));
    }
    let text = document.text.as_str();
    for (headings, range) in sections(text) {
        let headings = Headings::from(headings.as_str());
        // Never across a page either: a citation names the page that it stands on.
        let of_page = by_page(range, &document.pages).into_iter();
        for range in of_page.flat_map(|range| pack(text, range)) {
            out.extend(Piece::new(n, &Place::Text(range), headings.clone()));
        }
    }
    out
}

/// A section, cut where a page begins.
fn by_page(section: Range<usize>, pages: &[u64]) -> Vec<Range<usize>> {
    let begins = pages.iter().filter_map(|page| usize::try_from(*page).ok());
    let mut out = Vec::new();
    let mut start = section.start;
    for page in begins.filter(|page| section.start < *page && *page < section.end) {
        out.push(start..page);
        start = page;
    }
    out.push(start..section.end);
    out
}

/// The texts between headings, each with the headings above it.
fn sections(text: &str) -> Vec<(String, Range<usize>)> {
    let mut out = Vec::new();
    let mut path: Vec<(usize, &str)> = Vec::new();
    let (mut start, mut at, mut fenced) = (0, 0, false);
    let join = |path: &[(usize, &str)]| path.iter().map(|(_, h)| *h).collect::<Vec<_>>().join(" > ");
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced && let Some((level, heading)) = heading(line) {
            out.push((join(&path), start..at));
            path.retain(|(above, _)| *above < level);
            path.push((level, heading));
            start = at + line.len();
        }
        at += line.len();
    }
    out.push((join(&path), start..at));
    out
}

/// What is told of a title or a heading: every passage below it says it again, so a long one would cost its square.
fn short(text: &str) -> &str {
    const MOST: usize = 200;
    text.char_indices().nth(MOST).map_or(text, |(end, _)| &text[..end])
}

/// `## Heading ##` as its level and its text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|b| *b == b'#').count();
    let rest = &line[level..];
    if !(1..=6).contains(&level) || !rest.starts_with([' ', '\t']) {
        return None;
    }
    let text = short(rest.trim().trim_end_matches('#').trim_end());
    (!text.is_empty()).then_some((level, text))
}

/// Ranges of at most about [`MAX_TOKENS`], made of whole paragraphs where they fit. What is open is counted on, never anew: a
/// line may have millions of sentences.
fn pack(text: &str, section: Range<usize>) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(Range<usize>, Cost)> = None;
    for unit in units(text, section) {
        let (from, mut cost) = match &open {
            Some((open, cost)) => (open.end, *cost),
            None => (unit.start, Cost::default()),
        };
        cost.add_all(&text[from..unit.end]);
        if cost.tokens() <= MAX_TOKENS {
            let start = open.map_or(unit.start, |(open, _)| open.start);
            open = Some((start..unit.end, cost));
        } else if let Some((full, _)) = open.take() {
            let with_border = border(text, &full).unwrap_or(unit.start)..unit.end;
            let fits = tokens(&text[with_border.clone()]) <= MAX_TOKENS;
            let next = if fits { with_border } else { unit };
            let mut cost = Cost::default();
            cost.add_all(&text[next.clone()]);
            open = Some((next, cost));
            out.push(full);
        } else {
            out.push(unit);
        }
    }
    out.extend(open.map(|(open, _)| open));
    out.into_iter().map(|range| trim(text, range)).filter(|range| !range.is_empty()).collect()
}

/// Where the last whole sentences of a passage begin that fit into [`OVERLAP`].
fn border(text: &str, full: &Range<usize>) -> Option<usize> {
    let mut sentences = split(text, full.clone(), sentence_ends);
    // The first one may be the passage itself: then nothing would be gained.
    sentences.remove(0);
    let starts = sentences.into_iter().rev().map(|sentence| sentence.start);
    starts.take_while(|start| tokens(&text[*start..full.end]) <= OVERLAP).last()
}

/// Between these two characters a sentence ends.
fn sentence_ends(before: char, after: char) -> bool {
    before == '\n' || (".!?؟".contains(before) && after.is_whitespace()) || "。！？".contains(before)
}

/// Paragraphs, or sentences of those that are too long, or words of such sentences.
fn units(text: &str, section: Range<usize>) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for paragraph in split(text, section, |before, after| before == '\n' && after == '\n') {
        if tokens(&text[paragraph.clone()]) <= MAX_TOKENS {
            out.push(paragraph);
            continue;
        }
        for sentence in split(text, paragraph, sentence_ends) {
            if tokens(&text[sentence.clone()]) <= MAX_TOKENS {
                out.push(sentence);
            } else {
                out.extend(words(text, sentence));
            }
        }
    }
    out
}

/// Cuts where `border` holds between two characters.
fn split(text: &str, range: Range<usize>, border: impl Fn(char, char) -> bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut before) = (range.start, None);
    for (at, c) in text[range.clone()].char_indices() {
        let at = range.start + at;
        if before.is_some_and(|before| border(before, c)) {
            out.push(start..at);
            start = at;
        }
        // Windows line ends must not hide an empty line.
        if c != '\r' {
            before = Some(c);
        }
    }
    out.push(start..range.end);
    out
}

/// Cuts a run between words so that each piece fits; inside a word where a word alone is too long.
fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut space, mut cost) = (range.start, None, Cost::default());
    for (at, c) in text[range.clone()].char_indices() {
        let at = range.start + at;
        cost.add(c);
        if cost.tokens() > MAX_TOKENS {
            let end = space.unwrap_or(at);
            out.push(start..end);
            start = end;
            space = None;
            cost = Cost::default();
            text[start..at + c.len_utf8()].chars().for_each(|c| cost.add(c));
        }
        if c.is_whitespace() {
            space = Some(at + c.len_utf8());
        }
    }
    out.push(start..range.end);
    out
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// About how many tokens a model makes of a text.
pub(super) fn tokens(text: &str) -> usize {
    let mut cost = Cost::default();
    cost.add_all(text);
    cost.tokens()
}

/// Quarters of a token: four ASCII characters make one, two of any other script.
#[derive(Default, Clone, Copy)]
struct Cost(usize);

impl Cost {
    fn add_all(&mut self, text: &str) {
        text.chars().for_each(|c| self.add(c));
    }

    const fn add(&mut self, c: char) {
        self.0 += if c.is_ascii() { 1 } else { 2 };
    }

    const fn tokens(&self) -> usize {
        self.0 / 4
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split_all(text: &str) -> Vec<(String, &str)> {
        let parts = sections(text).into_iter();
        parts.flat_map(|(h, r)| pack(text, r).into_iter().map(move |r| (h.clone(), &text[r]))).collect()
    }

    #[test]
    fn a_long_heading_is_cut() {
        let text = format!("# {}\nText.", "ä".repeat(1000));
        assert_eq!(split_all(&text)[0], ("ä".repeat(200), "Text."));
    }

    #[test]
    fn headings_part_passages() {
        let text = "Intro.\n\n# Shop\n\n## Prices\nA haircut is 12 EUR.\n\n```\n# no heading\n```\n## Hours ##\nNine to five.\n#hashtag\n";
        let parts = split_all(text);
        assert_eq!(parts[0], (String::new(), "Intro."));
        assert_eq!(parts[1].0, "Shop > Prices");
        assert!(parts[1].1.contains("12 EUR") && parts[1].1.contains("# no heading"));
        assert_eq!(parts[2], ("Shop > Hours".to_owned(), "Nine to five.\n#hashtag"));
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn long_texts_are_cut_at_paragraphs_then_sentences_then_words() {
        let paragraph = "word ".repeat(60);
        let paragraphs = format!("{paragraph}\n\n{paragraph}\r\n\r\n{paragraph}\n\n{paragraph}");
        let parts = split_all(&paragraphs);
        assert_eq!(parts.len(), 2, "two paragraphs fit into one passage");
        let sentences: String = (0..60).map(|n| format!("The short sentence {n} stands here. ")).collect();
        let parts = split_all(&sentences);
        assert!(parts.len() > 2 && parts.iter().all(|(_, part)| part.ends_with("here.")));
        for pair in parts.windows(2) {
            let first = pair[1].1.split_inclusive("here.").next().unwrap();
            assert!(pair[0].1.contains(first), "the border is in both");
        }
        let word = "x".repeat(5000);
        assert!(split_all(&word).len() > 4);
    }

    #[test]
    fn a_line_of_ten_megabytes_becomes_passages_like_any_other() {
        for line in
            ["word ".repeat(2 << 20), "x".repeat(10 << 20), "中".repeat(3 << 20), ". ".repeat(5 << 20)]
        {
            let parts = pack(&line, 0..line.len());
            assert!(!parts.is_empty());
            assert!(parts.iter().all(|part| tokens(&line[part.clone()]) <= MAX_TOKENS), "{}", &line[..9]);
        }
    }

    #[test]
    fn a_passage_stands_on_one_page() {
        let text = "Paddles are free.\n\nThe deposit is 25 EUR.\n\n";
        let document = Document { pages: vec![0, 19].into(), ..Document::text("a.pdf", text) };
        let base = crate::domain::knowledge::KnowledgeBase {
            tenant: "t".into(),
            base: "b".into(),
            version: 1,
            documents: vec![document],
            pinned: vec![],
        };
        let corpus = crate::domain::knowledge::Corpus::Base(std::sync::Arc::new(base));
        let pieces = pieces(0, &corpus.documents()[0]);
        let found: Vec<_> = pieces.iter().map(|p| (p.page(&corpus), p.text(&corpus))).collect();
        assert_eq!(found, [(Some(1), "Paddles are free."), (Some(2), "The deposit is 25 EUR.")]);
    }

    proptest! {
        /// Nothing but whitespace and headings is lost, nothing is invented, nothing is far too long.
        #[test]
        fn passages_cover_the_text(text in "([a-zäш中.!? \n\r]{0,80}){0,20}") {
            let parts: Vec<_> = sections(&text).into_iter().flat_map(|(_, section)| pack(&text, section)).collect();
            let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let (mut joined, mut end) = (String::new(), 0);
            for part in parts {
                let whole = &text[part.clone()];
                prop_assert!(!whole.is_empty() && tokens(whole) <= MAX_TOKENS && part.end > end);
                joined += &squeeze(&text[part.start.max(end)..part.end]);
                end = part.end;
            }
            prop_assert_eq!(joined, squeeze(&text));
        }
    }
}
