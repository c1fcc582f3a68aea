//! Text normalisation: what two people would call the same words compares equal.
//!
//! Guarantee: `normalise(normalise(x)) == normalise(x)`, and a script written with one keyboard matches what another
//! types: NFKC, case folding, Arabic and Persian letters unified, marks nobody sees removed, spaces collapsed.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The form in which script conditions and messages are compared.
#[must_use]
pub fn normalise(text: &str) -> String {
    if text.is_ascii() {
        return collapse(text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())), text.len());
    }
    // Folding may leave what is no longer composed, and composing may make what folds again; two rounds reach the end.
    let once = fold(&fold(text));
    collapse(once.chars().filter_map(unify), once.len())
}

/// Compatibility composition and full case folding.
fn fold(text: &str) -> String {
    let composed: Cow<'_, str> = match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfkc().collect()),
    };
    caseless::default_case_fold_str(&composed).nfkc().collect()
}

/// One letter for what Arabic, Persian and Urdu keyboards write differently; `None` for marks that carry no meaning.
fn unify(c: char) -> Option<char> {
    Some(match c {
        // Yeh and alef maksura.
        'ي' | 'ى' | 'ئ' => 'ی',
        'ك' => 'ک',
        'ة' | 'ۀ' | 'ۂ' | 'ە' => 'ه',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ؤ' => 'و',
        // Arabic-Indic and Persian digits.
        '٠'..='٩' => digit(c, '٠'),
        '۰'..='۹' => digit(c, '۰'),
        // The zero-width non-joiner stands between the parts of a Persian word, where others type a space.
        '\u{200c}' => ' ',
        // Tatweel and harakat, zero-width and bidi marks, tag characters, the soft hyphen, variation selectors.
        'ـ'
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{200b}'
        | '\u{200d}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0000}'..='\u{e007f}' => return None,
        other => other,
    })
}

fn digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap_or(c)
}

/// One space between words, none at the ends.
fn collapse(chars: impl Iterator<Item = char>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    let mut gap = false;
    for c in chars {
        if c.is_whitespace() || c.is_control() {
            gap = !out.is_empty();
        } else {
            if gap {
                out.push(' ');
                gap = false;
            }
            out.push(c);
        }
    }
    out
}

/// Cuts a text to at most `limit` bytes at a character border.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_word_are_equal() {
        assert_eq!(normalise("  Opening \t HOURS \n"), "opening hours");
        assert_eq!(normalise("Straße"), normalise("STRASSE"));
        assert_eq!(normalise("كتاب"), normalise("کتاب"));
        assert_eq!(normalise("می\u{200c}خواهم"), normalise("می خواهم"));
        assert_eq!(normalise("مُحَمَّد"), normalise("محمد"));
        assert_eq!(normalise("۱۲۳ ١٢٣"), "123 123");
        assert_eq!(normalise("ﬁne"), "fine");
        assert_eq!(normalise("pa\u{200b}y\u{202e}"), "pay");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("abc", 99), "abc");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn ascii_takes_the_same_way_as_the_rest(text in "[ -~\\t\\n]{0,40}") {
            let long = normalise(&format!("é {text}"));
            let short = normalise(&text);
            prop_assert_eq!(long.strip_prefix("é").unwrap().trim_start(), short);
        }
    }
}
