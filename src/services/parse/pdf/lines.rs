//! Glyphs become lines, lines become text.

use hayro_interpret::kurbo::{Point, Vec2};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::bidi;

/// How far from each other's baseline glyphs of one line stand, in sizes: so much that a footnote's number belongs to it.
const SAME_LINE: f64 = 0.45;

/// The gap between two words, in sizes. Spaces are often not drawn.
const WORD_GAP: f64 = 0.18;

/// The gap between lines of two paragraphs, in sizes.
const PARAGRAPH_GAP: f64 = 1.7;

/// A glyph that is drawn again so near is the same one, made bold; in widths.
const DRAWN_AGAIN: f64 = 0.3;

/// How much larger than the running text a heading is.
const HEADING: f64 = 1.18;

/// The longest heading, in characters.
const HEADING_LENGTH: usize = 120;

/// A glyph and where it stands, along its line and across it.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    text: String,
    from: f64,
    to: f64,
    across: f64,
    size: f64,
    /// Which way its line runs, in degrees.
    turn: i32,
}

impl Placed {
    /// A glyph at a place on a page whose y grows downwards. `width` is in lengths of `along`; `None` when it has no place.
    pub(super) fn new(text: String, at: Point, along: Vec2, width: f64, size: f64) -> Option<Self> {
        let (length, line) = (along.hypot(), along.normalize());
        let across = Vec2::new(-line.y, line.x);
        let from = at.to_vec2().dot(line);
        let (to, across) = (from + width * length, at.to_vec2().dot(across));
        let sound = [from, to, across, size].iter().all(|it| it.is_finite()) && size > 0.0;
        #[expect(clippy::cast_possible_truncation, reason = "an angle is at most 180")]
        let turn = line.atan2().to_degrees().round() as i32;
        sound.then_some(Self { text, from, to, across, size, turn })
    }
}

/// A line of a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// As it is read.
    pub(super) text: String,
    across: f64,
    size: f64,
    turn: i32,
}

/// The lines of a page, in the order in which they are drawn: writers of PDFs draw column by column.
pub(super) fn of(glyphs: Vec<Placed>) -> Vec<Line> {
    let from_right = bidi::from_right(glyphs.iter().map(|glyph| glyph.text.as_str()));
    let mut lines: Vec<Vec<Placed>> = Vec::new();
    for glyph in glyphs {
        match lines.last_mut() {
            Some(line) if joins(&line[0], &glyph) => line.push(glyph),
            _ => lines.push(vec![glyph]),
        }
    }
    lines.into_iter().filter_map(|glyphs| line(glyphs, from_right)).collect()
}

fn joins(first: &Placed, glyph: &Placed) -> bool {
    let near = (first.across - glyph.across).abs() < SAME_LINE * first.size.max(glyph.size);
    near && first.turn == glyph.turn
}

/// The glyphs of a line as it is read; `None` when there are only spaces.
fn line(mut glyphs: Vec<Placed>, from_right: bool) -> Option<Line> {
    let largest = glyphs.iter().max_by(|a, b| a.size.total_cmp(&b.size))?;
    let (across, size, turn) = (largest.across, largest.size, largest.turn);
    glyphs.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut units: Vec<String> = Vec::new();
    let mut last: Option<&Placed> = None;
    for glyph in &glyphs {
        let again = |last: &Placed| {
            last.text == glyph.text && glyph.from - last.from < DRAWN_AGAIN * (glyph.to - glyph.from)
        };
        if last.is_some_and(again) {
            continue;
        }
        let space = glyph.text.chars().all(char::is_whitespace);
        let apart = last.is_some_and(|last| glyph.from - last.to > WORD_GAP * glyph.size.min(last.size));
        let mark = glyph.text.chars().all(is_combining_mark);
        match units.last_mut() {
            Some(letter) if mark => {
                letter.push_str(&glyph.text);
                continue;
            }
            Some(before) if (space || apart) && before != " " => units.push(" ".to_owned()),
            _ => {}
        }
        if !space {
            units.push(whole(&glyph.text));
        }
        last = Some(glyph);
    }
    bidi::logical(&mut units, from_right);
    let text = units.concat().trim().to_owned();
    (!text.is_empty()).then_some(Line { text, across, size, turn })
}

/// Letters for the shapes that a font draws of them: joined Latin letters, and Arabic ones by their place in a word.
fn whole(text: &str) -> String {
    let shape = |c: char| matches!(c, '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if text.chars().any(shape) { text.nfkc().collect() } else { text.to_owned() }
}

/// Which sizes of letters are headings', in tenths of a point, the largest first.
#[derive(Debug, Default)]
pub(super) struct Headings {
    body: f64,
    sizes: Vec<i64>,
}

impl Headings {
    /// The running text is what most letters are; what is clearly larger is a heading.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> Self {
        let mut letters = std::collections::BTreeMap::<i64, usize>::new();
        for line in lines {
            *letters.entry(tenths(line.size)).or_default() += line.text.len();
        }
        let most = letters.iter().max_by_key(|(_, count)| **count).map_or(0, |(size, _)| *size);
        #[expect(clippy::cast_precision_loss, reason = "a size has few digits")]
        let body = most as f64 / 10.0;
        let mut sizes: Vec<i64> = letters.into_keys().filter(|size| larger(*size, body)).collect();
        sizes.reverse();
        Self { body, sizes }
    }

    /// How deep a heading is, from 1; `None` for the running text.
    fn level(&self, line: &Line) -> Option<usize> {
        let size = tenths(line.size);
        let heading = larger(size, self.body) && line.text.chars().count() <= HEADING_LENGTH;
        let place = self.sizes.iter().position(|it| *it == size)?;
        heading.then_some((place + 1).min(6))
    }
}

fn larger(tenths: i64, body: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a size has few digits")]
    let size = tenths as f64 / 10.0;
    size >= body * HEADING
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of floats saturates, and no letter is that large"
)]
fn tenths(size: f64) -> i64 {
    (size * 10.0).round() as i64
}

/// A page's text as Markdown: paragraphs apart, headings marked, words whole again that a line's end parted.
pub(super) fn text(lines: &[Line], headings: &Headings) -> String {
    let mut out = String::new();
    let mut last: Option<(&Line, Option<usize>)> = None;
    for line in lines {
        let level = headings.level(line);
        match last {
            Some((above, of)) if follows(above, line) && of == level => {
                match (level, parted(&out, &line.text)) {
                    (Some(_), _) => out.push(' '),
                    (None, true) => drop(out.pop()),
                    (None, false) => out.push('\n'),
                }
            }
            before => {
                if before.is_some() {
                    out.push_str("\n\n");
                }
                if let Some(level) = level {
                    out.push_str(&"#".repeat(level));
                    out.push(' ');
                }
            }
        }
        out.push_str(&line.text);
        last = Some((line, level));
    }
    out
}

/// Whether a line goes on with the paragraph above.
fn follows(above: &Line, line: &Line) -> bool {
    let gap = line.across - above.across;
    let size = above.size.max(line.size);
    above.turn == line.turn
        && gap > 0.0
        && gap <= PARAGRAPH_GAP * size
        && tenths(above.size) == tenths(line.size)
}

/// Whether a word's two parts stand at the end of a line and at the beginning of the next.
fn parted(above: &str, line: &str) -> bool {
    let mut end = above.chars().rev();
    matches!(end.next(), Some('-' | '\u{ad}' | '\u{2010}'))
        && end.next().is_some_and(char::is_lowercase)
        && line.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters of 10 points, 6 wide, from `x` on; a space is only a gap.
    fn drawn(text: &str, x: f64, y: f64) -> Vec<Placed> {
        sized(text, x, y, 10.0)
    }

    fn sized(text: &str, x: f64, y: f64, size: f64) -> Vec<Placed> {
        let width = 0.6 * size;
        let place = |(n, c): (usize, char)| {
            let at = Point::new(x + n as f64 * width, y);
            Placed::new(c.to_string(), at, Vec2::new(size, 0.0), 0.6, size)
        };
        text.chars().enumerate().filter(|(_, c)| *c != ' ').filter_map(place).collect()
    }

    fn page(glyphs: Vec<Placed>) -> String {
        let lines = of(glyphs);
        text(&lines, &Headings::of(lines.iter()))
    }

    #[test]
    fn gaps_are_spaces_and_marks_stay_with_their_letters() {
        assert_eq!(page(drawn("a shoe is 12", 0.0, 10.0)), "a shoe is 12");
        let mut raised = drawn("price", 0.0, 10.0);
        raised.extend(sized("1", 30.0, 7.0, 6.0));
        assert_eq!(page(raised), "price1");
        let mut marked = drawn("ae", 0.0, 10.0);
        marked.insert(
            1,
            Placed::new("\u{301}".into(), Point::new(1.0, 10.0), Vec2::new(10.0, 0.0), 0.0, 10.0).unwrap(),
        );
        assert_eq!(page(marked), "a\u{301}e");
    }

    #[test]
    fn what_is_drawn_twice_to_look_bold_is_read_once() {
        let glyphs = [drawn("hello", 0.0, 10.0), drawn("hello", 0.4, 10.0)].concat();
        assert_eq!(page(glyphs), "hello");
    }

    #[test]
    fn lines_are_paragraphs_and_words_are_whole() {
        let lines = [("the deliv-", 10.0), ("ery is free", 22.0), ("Returns", 50.0)];
        let glyphs = lines.iter().flat_map(|(text, y)| drawn(text, 0.0, *y)).collect();
        assert_eq!(page(glyphs), "the delivery is free\n\nReturns");
    }

    #[test]
    fn large_lines_are_headings_by_size() {
        let glyphs = [
            sized("Handbook", 0.0, 20.0, 24.0),
            sized("Delivery", 0.0, 50.0, 14.0),
            drawn("it is free everywhere and takes three days", 0.0, 70.0),
        ];
        assert_eq!(
            page(glyphs.concat()),
            "# Handbook\n\n## Delivery\n\nit is free everywhere and takes three days"
        );
    }

    #[test]
    fn right_to_left_is_read_so_however_it_was_drawn() {
        // On the page, from left to right: the end of the sentence first.
        let seen = "םולש";
        assert_eq!(page(drawn(seen, 0.0, 10.0)), "שלום");
        let mut late = drawn(seen, 0.0, 10.0);
        late.reverse();
        assert_eq!(page(late), "שלום");
        assert_eq!(page(drawn("\u{fe8e}\u{fee3}", 0.0, 10.0)), "ما");
    }

    #[test]
    fn a_line_up_the_margin_is_a_line_of_its_own() {
        let up = |(n, c): (usize, char)| {
            Placed::new(
                c.to_string(),
                Point::new(5.0, 90.0 - 6.0 * n as f64),
                Vec2::new(0.0, -10.0),
                0.6,
                10.0,
            )
        };
        let glyphs: Vec<_> =
            drawn("text", 20.0, 90.0).into_iter().chain("side".chars().enumerate().filter_map(up)).collect();
        assert_eq!(page(glyphs), "text\n\nside");
        assert!(Placed::new("x".into(), Point::ZERO, Vec2::ZERO, 0.6, 10.0).is_none());
    }
}
