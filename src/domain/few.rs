//! A list that is nearly always empty: it takes one pointer then, where a `Vec` takes three words.
//!
//! Guarantee: it reads and is written like a `Vec`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// See the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Few<T>(Option<Box<Box<[T]>>>);

impl<T> Few<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// The same as a `Vec`.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0.map(|items| (*items).into_vec()).unwrap_or_default()
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map(|items| &**items).unwrap_or_default()
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(items: Vec<T>) -> Self {
        Self((!items.is_empty()).then(|| Box::new(items.into_boxed_slice())))
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().collect::<Vec<T>>().into()
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Serialize> Serialize for Few<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

impl<T: JsonSchema> JsonSchema for Few<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list() {
        let few: Few<u8> = vec![1, 2].into();
        assert_eq!((few.len(), few[1], few.clone().into_vec()), (2, 2, vec![1, 2]));
        let json = serde_json::to_string(&few).unwrap();
        assert_eq!((json.as_str(), serde_json::from_str::<Few<u8>>(&json).unwrap()), ("[1,2]", few));
        assert_eq!((Few::<u8>::from(vec![]), Few::<u8>::new().len()), (Few::new(), 0));
        assert_eq!(size_of::<Few<String>>(), size_of::<usize>());
    }
}
