//! Splitting a text where a reader would.
//!
//! Guarantee: pieces in order hold every character of the text but white space at the cuts; none is larger than asked;
//! a word is cut only when it is larger than a piece alone. The same text always gives the same pieces.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// How much of a provider's room a character takes.
pub(super) type Measure = fn(char) -> usize;

/// Counts UTF-16 code units: at least the number of characters by any count, so safe where a provider only says
/// "characters".
pub(super) fn utf16(c: char) -> usize {
    c.len_utf16()
}

/// Counts bytes of UTF-8.
pub(super) fn bytes(c: char) -> usize {
    c.len_utf8()
}

/// The text in pieces of at most `max`; none for a text of white space only.
pub(super) fn pieces(text: &str, max: usize, measure: Measure) -> Vec<&str> {
    let mut rest = text.trim();
    let mut pieces = Vec::with_capacity(1 + rest.len() / max.max(1));
    while !rest.is_empty() {
        // No measure counts more than the bytes.
        let cut = if rest.len() <= max { rest.len() } else { cut(rest, max, measure) };
        pieces.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    pieces
}

/// As [`pieces`], with stretches of the text that are not cut where a cut before them helps: byte ranges that may lie in
/// each other but never cross. One that is larger than a piece is cut like any text.
pub(super) fn pieces_around<'t>(
    text: &'t str,
    max: usize,
    measure: Measure,
    solid: &[Range<usize>],
) -> Vec<&'t str> {
    if solid.is_empty() {
        return pieces(text, max, measure);
    }
    let end = text.trim_end().len();
    let mut at = text.len() - text.trim_start().len();
    let mut pieces = Vec::new();
    while at < end {
        let rest = &text[at..end];
        let mut to = at + if rest.len() <= max { rest.len() } else { cut(rest, max, measure) };
        let size = |range: &Range<usize>| text[range.clone()].chars().map(measure).sum::<usize>();
        let torn = |to: usize| {
            let inside = |range: &&Range<usize>| range.start < to && to < range.end && range.start > at;
            solid.iter().filter(inside).find(|range| size(range) <= max).map(|range| range.start)
        };
        while let Some(before) = torn(to) {
            to = before;
        }
        let first = |range: &&Range<usize>| range.start == at && to < range.end && size(range) <= max;
        if let Some(whole) = solid.iter().filter(first).map(|range| range.end).max() {
            // It may hold the space that the text ends with, which no piece has.
            to = whole.min(end);
        }
        let piece = text[at..to].trim_end();
        if !piece.is_empty() {
            pieces.push(piece);
        }
        at = to + (text[to..end].len() - text[to..end].trim_start().len());
    }
    pieces
}

/// Where to cut, as a byte position above zero.
fn cut(text: &str, max: usize, measure: Measure) -> usize {
    let mut room = max;
    let over = text.char_indices().find(|(_, c)| match room.checked_sub(measure(*c)) {
        Some(left) => {
            room = left;
            false
        }
        None => true,
    });
    let Some((hard, next)) = over else { return text.len() };
    let window = &text[..hard];
    // A paragraph or a line is the better border, unless it leaves the piece less than half full.
    let late = |at: &usize| *at >= hard / 2 && *at > 0;
    window
        .rfind("\n\n")
        .filter(late)
        .or_else(|| window.rfind('\n').filter(late))
        .or_else(|| (next.is_whitespace() && hard > 0).then_some(hard))
        .or_else(|| window.rfind(char::is_whitespace).filter(|at| *at > 0))
        .unwrap_or_else(|| between_letters(text, hard))
}

/// The last position up to `hard` that does not tear an accent or a joined emoji from its letter.
fn between_letters(text: &str, hard: usize) -> usize {
    /// No letter has more marks than this outside of pranks.
    const LOOK_BACK: usize = 16;
    let clings = |c: char| {
        is_combining_mark(c)
            || matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
    };
    let mut at = hard;
    for (before, c) in text[..hard].char_indices().rev().take(LOOK_BACK) {
        let next = text[at..].chars().next();
        if c != '\u{200d}' && !next.is_some_and(clings) {
            return at;
        }
        at = before;
    }
    // A single character larger than the room: it goes out whole rather than never.
    let first = text.chars().next().map_or(text.len(), char::len_utf8);
    hard.max(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stretch_that_holds_the_last_space_is_a_piece_without_it() {
        let solid = 0..3;
        assert_eq!(pieces_around("hi ", 10, utf16, std::slice::from_ref(&solid)), ["hi"]);
    }

    #[test]
    fn short_texts_stay_whole() {
        assert_eq!(pieces("  hello world\n", 4096, utf16), ["hello world"]);
        assert!(pieces(" \n\t", 10, utf16).is_empty());
    }

    #[test]
    fn words_and_lines_are_kept() {
        assert_eq!(pieces("one two three", 8, utf16), ["one two", "three"]);
        assert_eq!(pieces("one two three", 7, utf16), ["one two", "three"]);
        assert_eq!(pieces("aaa bbb\nccc ddd", 11, utf16), ["aaa bbb", "ccc ddd"]);
        assert_eq!(pieces("a b\n\nc\nd e f", 10, utf16), ["a b\n\nc", "d e f"]);
        assert_eq!(pieces("aaaaaaaaaa", 4, utf16), ["aaaa", "aaaa", "aa"]);
    }

    #[test]
    fn characters_outside_the_first_plane_count_twice() {
        assert_eq!(pieces("😀😀😀", 4, utf16), ["😀😀", "😀"]);
        assert_eq!(pieces("éé", 2, bytes), ["é", "é"]);
    }

    #[test]
    fn accents_and_joined_emoji_are_not_torn() {
        assert_eq!(pieces("abce\u{301}f", 4, utf16), ["abc", "e\u{301}f"]);
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(pieces(&format!("ab{family}"), 6, utf16), ["ab", &family[..14], &family[14..]]);
        assert_eq!(pieces(&format!("abcd{family}"), 9, utf16), ["abcd", family]);
    }

    #[test]
    fn a_solid_stretch_is_not_cut_where_it_fits() {
        let text = "one two three four";
        let solid = std::slice::from_ref(&(4..13));
        assert_eq!(pieces_around(text, 10, utf16, solid), ["one", "two three", "four"]);
        assert_eq!(pieces_around(text, 6, utf16, solid), ["one", "two", "three", "four"], "too large");
        assert_eq!(pieces_around(text, 10, utf16, &[]), pieces(text, 10, utf16));
    }

    proptest! {
        #[test]
        fn solid_stretches_stay_whole(text in "([a-c]{1,6} ){1,40}", from in 0..100_usize, length in 1..12_usize, max in 12..40_usize) {
            let text = text.trim();
            let from = from.min(text.len() - 1);
            let solid = from..(from + length).min(text.len());
            let pieces = pieces_around(text, max, utf16, std::slice::from_ref(&solid));
            let base = text.as_ptr() as usize;
            for piece in &pieces {
                let start = piece.as_ptr() as usize - base;
                let torn = |at: usize| solid.start < at && at < solid.end;
                let odd = text[solid.clone()].starts_with(' ') || text[solid.clone()].ends_with(' ');
                prop_assert!(odd || !torn(start) && !torn(start + piece.len()), "{pieces:?}");
                prop_assert!(piece.len() <= max);
            }
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&pieces.concat()), solid(text));
        }

        #[test]
        fn nothing_is_lost_and_nothing_is_too_large(text in "(\\PC|[ \n]|[a-z]{1,9} ){0,300}", max in 8..60_usize) {
            let pieces = pieces(&text, max, utf16);
            for piece in &pieces {
                prop_assert!(piece.chars().map(char::len_utf16).sum::<usize>() <= max);
                prop_assert!(!piece.trim().is_empty() && piece.trim() == *piece);
            }
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&pieces.concat()), solid(&text));
        }

        #[test]
        fn words_are_whole(words in proptest::collection::vec("[a-zçé]{1,8}", 1..60), max in 16..60_usize) {
            let text = words.join(" ");
            let found: Vec<_> = pieces(&text, max, bytes).iter().flat_map(|piece| piece.split(' ')).collect::<Vec<_>>();
            prop_assert_eq!(found, words);
        }
    }
}
