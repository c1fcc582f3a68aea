//! What others wrote, made fit for a terminal.
//!
//! Guarantee: nothing that comes out of here moves the cursor, colours, rings, or turns the direction of the text around.

/// Characters that a terminal obeys or that hide others.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// On one line, unfit characters escaped as in Rust: `\n`, `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unfit(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// [`line()`], cut to so many characters; `...` where something is missing.
#[must_use]
pub fn short(text: &str, chars: usize) -> String {
    let whole = line(text);
    if whole.chars().count() <= chars {
        return whole;
    }
    let cut: String = whole.chars().take(chars.saturating_sub(3)).collect();
    format!("{}...", cut.trim_end())
}

/// JSON that is still the same JSON: unfit characters escaped as `\uXXXX`. In JSON they stand in strings only, but for
/// line feeds, which are kept.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unfit(c) {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// A value for people: JSON with its members one a line, in the order and spelling that they have; text as [`line()`];
/// anything else as a hex dump.
#[must_use]
pub fn value(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) if is_object(text) => json(&indented(text)),
        Ok(text) => line(text),
        Err(_) => hex(bytes),
    }
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Valid JSON, spread over lines.
fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut quoted, mut escaped, mut opened) = (0_usize, false, false, false);
    let feed = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for c in text.chars() {
        if quoted {
            out.push(c);
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty object or list stays on its line.
        if opened != closes && (opened || closes) {
            feed(&mut out, depth);
        }
        opened = matches!(c, '{' | '[');
        quoted = c == '"';
        out.push(c);
        match c {
            '{' | '[' => depth += 1,
            ',' => feed(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

/// 16 bytes a line: where, in hex, in ASCII.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut lines = Vec::with_capacity(bytes.len() / 16 + 1);
    for (i, row) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String = row
            .iter()
            .map(|byte| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '.' })
            .collect();
        lines.push(format!("{:08x}  {:<47}  {ascii}", i * 16, hex.join(" ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(line("a\x1b[31mred\nb\u{202e}c\u{9b}"), "a\\u{1b}[31mred\\nb\\u{202e}c\\u{9b}");
        assert_eq!(line("سلام, caf\u{e9}"), "سلام, caf\u{e9}");
        assert_eq!(short("abcdefghij", 8), "abcde...");
        assert_eq!(short("abc", 8), "abc");
        assert_eq!(json("{\"a\":\"\u{9b}\u{e0001}\"}"), "{\"a\":\"\\u009b\\udb40\\udc01\"}");
    }

    #[test]
    fn values_are_shown_by_what_they_are() {
        assert_eq!(
            value(b"{\"b\":1e400,\"a\":[],\"c\":[1,{}]}"),
            "{\n  \"b\": 1e400,\n  \"a\": [],\n  \"c\": [\n    1,\n    {}\n  ]\n}"
        );
        assert_eq!(value(b"hello\x07"), "hello\\u{7}");
        assert_eq!(value(b"{not json"), "{not json");
        assert_eq!(value(b""), "(empty)");
        assert_eq!(value(b"\xffA\x1b"), format!("00000000  {:<47}  .A.", "ff 41 1b"));
        assert_eq!(hex(&[0; 17]).lines().count(), 2);
    }

    proptest! {
        #[test]
        fn json_stays_the_same_json(keys in proptest::collection::vec("\\PC{0,6}|[\\x00-\\x1f\\\\\"]{0,3}", 0..5), n in any::<i64>()) {
            let nested: Vec<Value> = keys.iter().map(|key| serde_json::json!({ (key.as_str()): [key, n, {}, []] })).collect();
            let text = Value::from(nested).to_string();
            let shown = value(text.as_bytes());
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
            prop_assert!(shown.chars().all(|c| c == '\n' || !is_unfit(c)));
        }

        #[test]
        fn nothing_unfit_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "(?s).{0,30}") {
            for shown in [value(&bytes), value(text.as_bytes()), line(&text), short(&text, 9)] {
                prop_assert!(shown.chars().all(|c| c == '\n' || !is_unfit(c)), "{:?}", shown);
            }
        }
    }
}
