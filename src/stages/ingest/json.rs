//! JSON of others as a borrowed tree that keeps the order of keys, and reads what it can.
//!
//! Guarantee: no input panics. A field that is absent or of another type is `None`; half of a surrogate pair, which some
//! senders leave behind when they cut a text, becomes U+FFFD, and so does U+0000, which databases refuse.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// What an absent field is.
static NOTHING: Json<'static> = Json::Null;

impl<'a> Json<'a> {
    /// Reads `text`, mending it only if that is needed: the mended copy goes into `room`.
    ///
    /// # Errors
    /// When it is not JSON, or nested deeper than 128 levels.
    pub(crate) fn read(text: &'a str, room: &'a mut String) -> Result<Self, serde_json::Error> {
        match serde_json::from_str(text) {
            Ok(json) => Ok(json),
            Err(error) => {
                *room = mend(text).ok_or(error)?;
                serde_json::from_str(room)
            }
        }
    }

    /// A field; [`Json::Null`] where there is none.
    pub(crate) fn at(&self, key: &str) -> &Self {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(name, _)| name == key).map_or(&NOTHING, |(_, value)| value)
            }
            _ => &NOTHING,
        }
    }

    /// A field that is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        *self.at(key) != Self::Null
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string or a number, as text: ids come as either.
    pub(crate) fn id(&self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.clone().into_owned()),
            Self::Int(number) => Some(number.to_string()),
            Self::Float(number) => Some(format!("{number:?}")),
            _ => None,
        }
    }

    /// A whole number, also one that is written as a string.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// True only for `true`.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The fields of an object in their order; none of anything else.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = if let Self::Object(fields) = self { fields.as_slice() } else { &[] };
        fields.iter().map(|(name, value)| (&**name, value))
    }

    /// The value as compact JSON.
    pub(crate) fn compact(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Replaces halves of surrogate pairs; `None` when there are none.
fn mend(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let (mut mended, mut at, mut from) = (String::new(), 0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let pair = (unit(at), unit(at + 6));
        match pair {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.push_str(&text[from..at]);
                mended.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    (from > 0).then(|| mended + &text[from..])
}

fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        // No provider has such ids; as text it is at least not another number.
        Ok(i64::try_from(number).map_or_else(|_| Json::Text(Cow::Owned(number.to_string())), Json::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Json::Float(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(without_nul(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(without_nul(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some(key) = map.next_key::<Json<'de>>()? {
            if let Json::Text(key) = key {
                fields.push((key, map.next_value()?));
            }
        }
        Ok(Json::Object(fields))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(key, value)| (key, value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(json: &str) -> Option<String> {
        let mut room = String::new();
        Json::read(json, &mut room).ok()?.at("t").text().map(str::to_owned)
    }

    #[test]
    fn cut_surrogates_are_mended() {
        assert_eq!(text_of(r#"{"t":"a\ud83d"}"#).unwrap(), "a\u{fffd}");
        assert_eq!(text_of(r#"{"t":"\ude00 \ud83d\ud83d\ude00"}"#).unwrap(), "\u{fffd} \u{fffd}😀");
        assert_eq!(text_of(r#"{"t":"\\ud83d \u0000"}"#).unwrap(), "\\ud83d \u{fffd}");
        assert_eq!(text_of(r#"{"t":"\ud83d" "#), None);
    }

    #[test]
    fn order_and_numbers_are_kept() {
        let mut room = String::new();
        let text = r#"{"z":1,"a":[-1.5,1e3,true,null],"big":18446744073709551615}"#;
        let json = Json::read(text, &mut room).unwrap();
        assert_eq!(json.fields().map(|(key, _)| key).collect::<Vec<_>>(), ["z", "a", "big"]);
        assert_eq!(json.compact(), r#"{"z":1,"a":[-1.5,1000.0,true,null],"big":"18446744073709551615"}"#);
        assert_eq!(json.at("nowhere").at("at all").id(), None);
    }

    #[test]
    fn too_deep_is_an_error() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Json::read(&deep, &mut String::new()).is_err());
    }

    proptest! {
        #[test]
        fn mending_never_panics_and_makes_strings_readable(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let body: String = units.iter().map(|unit| format!("\\u{unit:04x}é")).collect();
            let json = format!("{{\"t\":\"{body}\"}}");
            let expected = String::from_utf16_lossy(&units.iter().flat_map(|u| [*u, 0xe9]).collect::<Vec<_>>());
            prop_assert_eq!(text_of(&json).unwrap(), expected.replace('\0', "\u{fffd}"));
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            drop(Json::read(&text, &mut String::new()));
            drop(mend(&text));
        }
    }
}
