//! From the order in which letters stand to the order in which they are read.
//!
//! A page shows Hebrew and Arabic from right to left, and numbers and Latin words inside of them from left to right. This is
//! the way back of the Unicode Bidirectional Algorithm (UAX #9, L2), as far as it can be gone without knowing the text: the
//! direction of a page is that of most of its letters, and its numbers keep theirs.

use unicode_bidi::BidiClass;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Left,
    Right,
    Number,
    /// One may stand between two numbers: a point, a colon, a hyphen.
    Separator,
    /// Stands at a number's side: a currency, a percent sign.
    Terminator,
    Neutral,
}

fn way(unit: &str) -> Way {
    match unit.chars().next().map(unicode_bidi::bidi_class) {
        Some(BidiClass::L) => Way::Left,
        Some(BidiClass::R | BidiClass::AL) => Way::Right,
        Some(BidiClass::EN | BidiClass::AN) => Way::Number,
        Some(BidiClass::CS | BidiClass::ES) => Way::Separator,
        Some(BidiClass::ET) => Way::Terminator,
        _ => Way::Neutral,
    }
}

/// Whether a page is read from right to left: whether most of its letters are.
pub(super) fn from_right<'a>(letters: impl Iterator<Item = &'a str>) -> bool {
    let (mut right, mut left) = (0_usize, 0_usize);
    for letter in letters {
        match way(letter) {
            Way::Right => right += 1,
            Way::Left => left += 1,
            _ => {}
        }
    }
    right > left
}

/// Puts a line's letters, from left to right as they stand, in the order in which they are read on such a page.
pub(super) fn logical(units: &mut [String], from_right: bool) {
    let ways: Vec<Way> = units.iter().map(|unit| way(unit)).collect();
    if !ways.contains(&Way::Right) {
        return;
    }
    if from_right {
        turn(units);
        return;
    }
    // Words of another language in a line that runs to the right: from their first letter to their last.
    let mut at = 0;
    while let Some(from) = (at..ways.len()).find(|n| ways[*n] == Way::Right) {
        let end = (from..ways.len()).find(|n| ways[*n] == Way::Left).unwrap_or(ways.len());
        let to = (from..end).rev().find(|n| ways[*n] == Way::Right).unwrap_or(from) + 1;
        turn(&mut units[from..to]);
        at = end;
    }
}

/// Turns letters around, and their numbers and Latin words back.
fn turn(units: &mut [String]) {
    units.reverse();
    let ways: Vec<Way> = units.iter().map(|unit| way(unit)).collect();
    let mut done = 0;
    while let Some(first) = (done..ways.len()).find(|n| matches!(ways[*n], Way::Left | Way::Number)) {
        let (from, to) = run(&ways, done, first);
        units[from..to].reverse();
        done = to;
    }
}

/// From where to where the run with this letter or digit goes that is read from left to right; not before `least`.
fn run(ways: &[Way], least: usize, first: usize) -> (usize, usize) {
    let mut last = first;
    while let Some(next) =
        (last + 1..ways.len()).find(|n| matches!(ways[*n], Way::Left | Way::Number | Way::Right))
    {
        let between = &ways[last + 1..next];
        let latin = ways[last] == Way::Left || ways[next] == Way::Left;
        if ways[next] == Way::Right || !(between.is_empty() || latin || between == [Way::Separator]) {
            break;
        }
        last = next;
    }
    let sides = |n: &usize| ways[*n] == Way::Terminator;
    let (mut from, mut to) = (first, last + 1);
    if ways[first] == Way::Number {
        from -= (least..first).rev().take_while(sides).count();
    }
    if ways[last] == Way::Number {
        to += (to..ways.len()).take_while(sides).count();
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seen: &str, from_right: bool) -> String {
        let mut units: Vec<String> = seen.chars().map(String::from).collect();
        logical(&mut units, from_right);
        units.concat()
    }

    #[test]
    fn numbers_and_latin_words_keep_their_direction() {
        assert_eq!(read("a shoe is 12 EUR", false), "a shoe is 12 EUR");
        // What is read first stands at the right.
        assert_eq!(read(".12.50 ריחמה", true), "המחיר 12.50.");
        assert_eq!(read("5% 10 החנה", true), "הנחה 10 5%");
        assert_eq!(read("iPhone 12 תא הנק", true), "קנה את iPhone 12");
        assert!(from_right(["ש", "ל", "a", "1", "2"].into_iter()) && !from_right(["a", "1"].into_iter()));
        assert_eq!(read("the word םולש means peace", false), "the word שלום means peace");
        assert_eq!(read("see םלוע 24 םולש there", false), "see שלום 24 עולם there");
    }

    proptest::proptest! {
        /// Every letter is there once, whatever stands beside what.
        #[test]
        fn nothing_is_lost(seen in "[אבגa-c0-9 .%:,$٣-]{0,24}", from_right: bool) {
            let mut before: Vec<char> = seen.chars().collect();
            let mut after: Vec<char> = read(&seen, from_right).chars().collect();
            before.sort_unstable();
            after.sort_unstable();
            proptest::prop_assert_eq!(before, after);
        }
    }
}
