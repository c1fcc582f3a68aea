//! A text that stands in memory of its own or, among many others, in a file that is mapped.
//!
//! Guarantee: what reads as a text is UTF-8, whatever became of the file; reading a stretch costs what the stretch is long,
//! not what its document is. A text takes 16 bytes beside its letters.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bot::Document;

/// Where texts can stand that are no process's private memory.
pub trait Texts: Send + Sync + fmt::Debug + 'static {
    /// Moves the texts of documents there, where that is worth it; the others stay as they are.
    fn lay(&self, documents: &mut [Document]);
}

/// Bytes that others keep, such as a mapped file; they never change.
pub trait Kept: Send + Sync + fmt::Debug + 'static {
    /// All of them.
    fn bytes(&self) -> &[u8];
}

/// See the module.
#[derive(Clone, Default)]
pub struct Text {
    /// Absent where there is no text.
    held: Option<Arc<Held>>,
    start: u32,
    len: u32,
}

enum Held {
    Own(Box<str>),
    Kept(Box<dyn Kept>),
}

/// What many texts are stretches of.
#[derive(Clone)]
pub struct Sheet(Arc<Held>);

impl Sheet {
    /// Of bytes that somebody keeps.
    #[must_use]
    pub fn new(kept: impl Kept) -> Self {
        Self(Arc::new(Held::Kept(Box::new(kept))))
    }

    /// A stretch of it; `None` where it is no UTF-8, or does not stand there, or its place has no number of 32 bits.
    #[must_use]
    pub fn text(&self, stretch: Range<usize>) -> Option<Text> {
        let bytes = self.0.bytes().get(stretch.clone())?;
        std::str::from_utf8(bytes).ok()?;
        if bytes.is_empty() {
            return Some(Text::default());
        }
        let (start, len) = (u32::try_from(stretch.start).ok()?, u32::try_from(bytes.len()).ok()?);
        Some(Text { held: Some(Arc::clone(&self.0)), start, len })
    }
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet").field("bytes", &self.0.bytes().len()).finish()
    }
}

impl Held {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(text) => text.as_bytes(),
            Self::Kept(kept) => kept.bytes(),
        }
    }
}

impl Text {
    /// All of it. Of a mapped one every byte is looked at: whoever needs a stretch of a long one takes [`Self::get`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.get(0..self.len()).unwrap_or_default()
    }

    /// These bytes of it; `None` where they are not there or cut a character.
    #[must_use]
    pub fn get(&self, stretch: Range<usize>) -> Option<&str> {
        match self.held.as_deref() {
            Some(Held::Own(text)) => text.get(stretch),
            Some(Held::Kept(_)) => std::str::from_utf8(self.bytes().get(stretch)?).ok(),
            None => "".get(stretch),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let Some(held) = self.held.as_deref() else { return &[] };
        let start = self.start as usize;
        held.bytes().get(start..start + self.len()).unwrap_or_default()
    }

    /// How many characters (Unicode scalar values) stand in these bytes; `None` where they are not there.
    #[must_use]
    pub fn count(&self, stretch: Range<usize>) -> Option<u64> {
        /// What every byte of a character but its first looks like in UTF-8.
        const FOLLOWS: std::ops::RangeInclusive<u8> = 0x80..=0xbf;
        let bytes = self.bytes().get(stretch)?;
        Some(bytes.iter().filter(|byte| !FOLLOWS.contains(byte)).count() as u64)
    }

    /// In bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// True where nothing stands in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it takes of the process's own memory beside itself, in bytes.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        match self.held.as_deref() {
            // Two counters stand before it.
            Some(Held::Own(text)) => text.len() + size_of::<Held>() + 2 * size_of::<usize>(),
            Some(Held::Kept(_)) | None => 0,
        }
    }
}

impl From<String> for Text {
    /// What is longer than 4 GiB is cut there; no document may be.
    fn from(mut text: String) -> Self {
        const MOST: usize = u32::MAX as usize;
        text.truncate(text.floor_char_boundary(MOST));
        let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let held = (len > 0).then(|| Arc::new(Held::Own(text.into_boxed_str())));
        Self { held, start: 0, len }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.held, &other.held) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two) && self.start == other.start,
            (one, two) => one.is_none() && two.is_none(),
        };
        self.len == other.len && (same || self.bytes() == other.bytes())
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Bytes(Vec<u8>);

    impl Kept for Bytes {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
    }

    #[test]
    fn a_stretch_reads_like_a_text_of_its_own() {
        let sheet = Sheet::new(Bytes("zwölf EURein Schuh".into()));
        let (price, shoe) = (sheet.text(0..10).unwrap(), sheet.text(10..19).unwrap());
        assert_eq!((price.as_str(), shoe.as_str()), ("zwölf EUR", "ein Schuh"));
        assert_eq!((price.clone(), price.len()), (Text::from("zwölf EUR"), 10));
        assert!(price != shoe && price != "zwölf" && price == "zwölf EUR");
        assert_eq!(price.get(7..10), Some("EUR"));
        assert_eq!([price.get(0..3), price.get(8..11), price.get(0..usize::MAX)], [None; 3]);
        assert_eq!((price.count(0..10), price.count(0..11)), (Some(9), None));
        assert_eq!((price.own_bytes(), Text::from("ab").own_bytes()), (0, 2 + size_of::<Held>() + 16));
        assert_eq!(size_of::<Text>(), 16);
    }

    #[test]
    fn nothing_is_read_that_is_no_text() {
        let sheet = Sheet::new(Bytes(vec![b'a', 0xff, b'b']));
        assert!(sheet.text(0..2).is_none() && sheet.text(2..4).is_none());
        assert_eq!(sheet.text(3..3), Some(Text::default()));
        let empty = Text::default();
        assert_eq!((empty.as_str(), empty.get(0..0), empty.get(0..1)), ("", Some(""), None));
        assert_eq!(empty, Text::from(String::new()));
    }

    #[test]
    fn it_is_stored_as_any_string() {
        let text = Text::from("a \"b\"");
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(json, r#""a \"b\"""#);
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }
}
