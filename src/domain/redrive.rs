//! How a record that was driven again is told from the first one, and a mark of it from a dead letter.
//!
//! Guarantee: the id of a redriven reply depends on the first id and on how often it was driven alone, so that a redrive
//! that is repeated after a crash repeats it, and everyone downstream can drop it.

use bytes::Bytes;
use smol_str::SmolStr;

use super::ids::EventId;

/// What the names of our own headers begin with.
pub const OURS: &str = "millrace-";
/// On a record that was driven again: how often, from 1, in decimal.
pub const REDRIVE: &str = "millrace-redrive";
/// On a record that was driven again: its dead letter, `PARTITION:OFFSET` of `dead.letter.v1`.
pub const LETTER: &str = "millrace-letter";
/// On a record of `dead.letter.v1` that is no dead letter, but says of others in its partition that they were driven
/// again: [`BEGIN`] or [`DONE`].
pub const MARK: &str = "millrace-mark";
/// The value of [`MARK`] before the records are written to their topics.
pub const BEGIN: &str = "redrive-begin";
/// The value of [`MARK`] after they were acknowledged.
pub const DONE: &str = "redrive-done";

/// A header's value as text. Ours stand behind what a record had before, so the last one counts.
#[must_use]
pub fn header<'a>(headers: &'a [(SmolStr, Bytes)], name: &str) -> Option<&'a str> {
    let found = headers.iter().rev().find(|(known, _)| known == name)?;
    std::str::from_utf8(&found.1).ok()
}

/// How often a record was driven again; 0 = never.
#[must_use]
pub fn count(headers: &[(SmolStr, Bytes)]) -> u32 {
    header(headers, REDRIVE).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Another id for the same event, for the `n`-th time that it is driven; the id itself for 0.
#[must_use]
pub fn id(id: EventId, n: u32) -> EventId {
    if n == 0 { id } else { id.derive("redrive", n) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    #[test]
    fn a_repeat_has_the_same_id_and_another_time_another() {
        let first = EventId::root(ChannelKind::Telegram, "1", "2");
        assert_eq!(id(first, 0), first);
        assert_eq!(id(first, 1), id(first, 1));
        assert_ne!(id(first, 1), id(first, 2));
        assert_ne!(id(first, 1), first);
        assert_ne!(id(first, 1), EventId::reply(first, 1));
    }

    #[test]
    fn the_last_header_counts() {
        let headers = [("millrace-redrive", "1"), ("a", "b"), ("millrace-redrive", "2")]
            .map(|(name, value)| (SmolStr::from(name), Bytes::from(value)));
        assert_eq!(count(&headers), 2);
        assert_eq!(count(&headers[1..2]), 0);
        assert_eq!(count(&[(REDRIVE.into(), Bytes::from_static(b"\xff"))]), 0);
    }
}
