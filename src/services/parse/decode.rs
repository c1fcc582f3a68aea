//! Bytes become text.
//!
//! Guarantee: whatever comes in, what comes out is text without NUL and control characters, with `\n` at line ends; what
//! is no text at all is said to be none.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// Text in whatever encoding it is: as its first bytes say, as it says of itself (`label`), UTF-8, or what it looks like.
///
/// # Errors
/// Words for its author when it is no text.
pub(super) fn text(file: &[u8], label: Option<&[u8]>) -> Result<String, String> {
    let of_mark = Encoding::for_bom(file).map(|(encoding, _)| encoding);
    let encoding = of_mark.unwrap_or_else(|| {
        if std::str::from_utf8(file).is_ok() {
            return UTF_8;
        }
        label.and_then(Encoding::for_label).unwrap_or_else(|| guess(file))
    });
    let (text, ..) = encoding.decode(file);
    let odd = text.chars().filter(|c| is_odd(*c)).count();
    // A stray one hurts nobody; many mean that these bytes are no letters.
    if odd > 8 && odd * 20 > text.chars().count() {
        return Err("it is no text in any encoding that is known here".to_owned());
    }
    Ok(clean(&text))
}

fn guess(file: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(file, true);
    detector.guess(None, Utf8Detection::Allow)
}

fn is_odd(c: char) -> bool {
    c == '\u{fffd}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{b}'))
}

/// A text without what can't be shown, with one kind of line end.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\u{c}' | '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{feff}' => {}
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}
