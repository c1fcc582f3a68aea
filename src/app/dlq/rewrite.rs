//! An envelope with another id or without its deadline.
//!
//! Guarantee: every other member stays byte for byte as it was, in its place, also those that this program doesn't know.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::ids::EventId;

/// What to change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edit {
    /// The id to give it.
    pub id: Option<EventId>,
    /// Whether to leave the deadline out.
    pub drop_deadline: bool,
}

impl Edit {
    /// The value with the change made; nothing to change = the very same bytes.
    ///
    /// # Errors
    /// When the value is not a JSON object.
    pub fn apply(self, value: &Bytes) -> serde_json::Result<Bytes> {
        if self == Self::default() {
            return Ok(value.clone());
        }
        let Members(members) = serde_json::from_slice(value)?;
        let mut out = String::with_capacity(value.len() + 16);
        for (name, raw) in members {
            let id = self.id.filter(|_| name == "id").map(|id| format!("\"{id}\""));
            if self.drop_deadline && name == "deadline" {
                continue;
            }
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(&serde_json::to_string(&name)?);
            out.push(':');
            out.push_str(id.as_deref().unwrap_or(raw.get()));
        }
        out.push_str(if out.is_empty() { "{}" } else { "}" });
        Ok(Bytes::from(out))
    }
}

/// An object's members in their order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::domain::channel::ChannelKind;

    fn some_id() -> EventId {
        EventId::root(ChannelKind::Telegram, "1", "2")
    }

    #[test]
    fn what_is_not_to_change_does_not() {
        let value =
            Bytes::from_static(br#"{ "z":1.50, "id":"old", "new":{"id": 7}, "deadline":"x", "a":[1e400]}"#);
        assert_eq!(Edit::default().apply(&value).unwrap(), value);
        let edited = Edit { id: Some(some_id()), drop_deadline: true }.apply(&value).unwrap();
        let expected = format!("{{\"z\":1.50,\"id\":\"{}\",\"new\":{{\"id\": 7}},\"a\":[1e400]}}", some_id());
        assert_eq!(edited, expected.as_bytes());
        let kept = Edit { id: None, drop_deadline: true }.apply(&value).unwrap();
        assert!(kept.windows(10).any(|part| part == br#""id":"old""#));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let edit = Edit { id: Some(some_id()), drop_deadline: false };
        for value in [&b"[1]"[..], b"7", b"{", b"\xff", b""] {
            assert!(edit.apply(&Bytes::copy_from_slice(value)).is_err(), "{value:?}");
        }
        assert_eq!(Edit { id: None, drop_deadline: true }.apply(&Bytes::from_static(b"{}")).unwrap(), "{}");
    }

    proptest! {
        #[test]
        fn all_other_members_survive(members in proptest::collection::btree_map("\\PC{1,5}", any::<Option<i64>>(), 0..6), drop_deadline in any::<bool>()) {
            let mut object: serde_json::Map<String, Value> =
                members.into_iter().map(|(name, value)| (name, value.into())).collect();
            object.insert("id".to_owned(), "old".into());
            object.insert("deadline".to_owned(), "then".into());
            let value = Bytes::from(Value::from(object.clone()).to_string());
            let edited = Edit { id: Some(some_id()), drop_deadline }.apply(&value).unwrap();
            object.insert("id".to_owned(), some_id().to_string().into());
            if drop_deadline {
                object.remove("deadline");
            }
            prop_assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), Value::from(object));
        }
    }
}
