//! What the JSON Schema of the settings says about one key.
//!
//! A variable and a flag are text; whether `8081` is a number or a word, only the schema knows.

use serde_json::{Number, Value};

/// A schema that can be asked by key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    root: &'a Value,
}

impl<'a> Shape<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// True when the value of a key must not be shown.
    pub(super) fn is_secret(&self, path: &[String]) -> bool {
        self.alternatives(path).iter().any(|node| node.get("writeOnly") == Some(&Value::Bool(true)))
    }

    /// Reads the text of a variable or a flag as the key's type; text where nothing else fits, which the strict reader
    /// then refuses with a good message.
    pub(super) fn read_text(&self, path: &[String], text: &str) -> Value {
        let alternatives = self.alternatives(path);
        let allows = |name: &str| {
            alternatives.iter().any(|node| match node.get("type") {
                Some(Value::String(one)) => one == name,
                Some(Value::Array(many)) => many.iter().any(|one| one == name),
                _ => false,
            })
        };
        if allows("boolean")
            && let Ok(flag) = text.parse::<bool>()
        {
            return Value::Bool(flag);
        }
        if (allows("integer") || allows("number"))
            && let Ok(number) = text.parse::<Number>()
        {
            return Value::Number(number);
        }
        if allows("array") && !text.starts_with('[') {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            return Value::Array(items.map(Value::from).collect());
        }
        if (allows("array") || allows("object"))
            && let Ok(table) = toml::from_str::<Value>(&format!("value = {text}"))
        {
            return table["value"].clone();
        }
        Value::from(text)
    }

    /// The schemas that hold for a key: several where a type has variants.
    fn alternatives(&self, path: &[String]) -> Vec<&'a Value> {
        let mut here = self.resolve(self.root);
        for key in path {
            here = here
                .into_iter()
                .filter_map(|node| {
                    node.get("properties")
                        .and_then(|keys| keys.get(key))
                        .or_else(|| node.get("additionalProperties").filter(|schema| schema.is_object()))
                })
                .flat_map(|node| self.resolve(node))
                .collect();
        }
        here
    }

    /// Follows references and opens variants.
    fn resolve(&self, node: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![node];
        if let Some(name) = node.get("$ref").and_then(Value::as_str)
            && let Some(target) = name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
        {
            found.extend(self.resolve(target));
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            for variant in node.get(word).and_then(Value::as_array).into_iter().flatten() {
                found.extend(self.resolve(variant));
            }
        }
        found
    }
}
