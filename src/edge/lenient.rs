//! Reads the few fields of a JSON value that the edge needs, and passes over the rest without a copy.
//!
//! Guarantee: a field of an unexpected type counts as absent; only text that is no JSON is an error. Whether an event
//! makes sense is for ingest to say, after it is durable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The fields that a sketch of an object takes.
pub(super) trait Fields<'de>: Default {
    /// Reads the value of `key` if it is wanted; `false` = not wanted, and not read.
    ///
    /// # Errors
    /// When the text is not JSON.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// A sketch of an object: the default where the value is anything else.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch<T>(pub(super) T);

impl<'de, T: Fields<'de>> Deserialize<'de> for Sketch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SketchVisitor(PhantomData))
    }
}

/// A value that has to be an object: elsewhere a list of the right values would be taken for one.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A string or a number as text; `None` for everything else.
#[derive(Debug, Clone, Default)]
pub(super) struct Scalar<'a>(pub(super) Option<Cow<'a, str>>);

impl Scalar<'_> {
    /// The value as a whole number.
    pub(super) fn number(&self) -> Option<i64> {
        self.0.as_deref()?.trim().parse().ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// True only for the JSON value `true`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Truth(pub(super) bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TruthVisitor).map(Self)
    }
}

/// An object's key, borrowed where it holds no escape.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// The visits that mean "something else": passed over, and the default is the answer.
macro_rules! anything_else {
    ($($visit:ident($arg:ty)),*) => {
        $(fn $visit<E: Error>(self, _: $arg) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

struct SketchVisitor<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for SketchVisitor<T> {
    type Value = Sketch<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = T::default();
        while let Some(Key(key)) = map.next_key()? {
            if !fields.take(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Sketch(fields))
    }

    anything_else!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

impl<T> Default for SketchVisitor<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }

    anything_else!(visit_bool(bool));
}

struct TruthVisitor;

impl<'de> Visitor<'de> for TruthVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<bool, E> {
        Ok(truth)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    anything_else!(visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Peer<'a> {
        id: Scalar<'a>,
    }

    impl<'de> Fields<'de> for Peer<'de> {
        fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
            if key == "id" {
                self.id = map.next_value()?;
            }
            Ok(key == "id")
        }
    }

    fn id(json: &str) -> Option<String> {
        serde_json::from_str::<Sketch<Peer>>(json).unwrap().0.id.0.map(Cow::into_owned)
    }

    #[test]
    fn ids_are_strings_or_numbers_of_any_size() {
        assert_eq!(id(r#"{"x":[1,{}],"id":-1001234567890123}"#).unwrap(), "-1001234567890123");
        assert_eq!(id(r#"{"id":"US.13","id2":{}}"#).unwrap(), "US.13");
        assert_eq!(id(r#"{"id":18446744073709551615}"#).unwrap(), "18446744073709551615");
        assert_eq!(id(r#"{"id":"a\u0062"}"#).unwrap(), "ab");
    }

    #[test]
    fn what_is_of_another_type_is_absent() {
        for json in ["null", "5", "[1,[2]]", "\"x\"", "true", "1.5", "{}"] {
            assert_eq!(id(json), None, "{json}");
        }
        for value in ["null", "true", "[1]", "{\"id\":1}"] {
            assert_eq!(id(&format!("{{\"id\":{value}}}")), None, "{value}");
        }
        assert!(serde_json::from_str::<Sketch<Peer>>("{\"id\":").is_err());
    }
}
