//! Formatting: entities that lie outside of their text, or cross each other, are refused as Telegram refuses them.

use serde_json::{Map, Value};

use super::errors;
use crate::sim::answer::Answer;
use crate::sim::params::text;

/// Kinds that a sender may name.
const KINDS: [&str; 13] = [
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
    "date_time",
];

/// Refuses entities that make no sense in their text.
pub(super) fn check(params: &Map<String, Value>) -> Result<(), Answer> {
    for (words, key) in [("text", "entities"), ("caption", "caption_entities")] {
        let list = match params.get(key) {
            Some(Value::Array(list)) => list.clone(),
            // A form holds it as JSON in a string.
            Some(Value::String(json)) => {
                serde_json::from_str(json).map_err(|_| refusal("expected an Array of MessageEntity"))?
            }
            _ => continue,
        };
        let length = text(params, words).unwrap_or_default().encode_utf16().count();
        let mut ranges = Vec::new();
        for entity in &list {
            let number =
                |key: &str| entity.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            let kind = entity.get("type").and_then(Value::as_str).unwrap_or_default();
            if !KINDS.contains(&kind) {
                // Mentions, hashtags and the like are found by the server; a sender's are passed over.
                continue;
            }
            let (Some(offset), Some(span)) = (number("offset"), number("length")) else {
                return Err(refusal("an entity needs offset and length"));
            };
            if span == 0 || offset.checked_add(span).is_none_or(|end| end > length) {
                return Err(refusal("an entity lies outside of the text"));
            }
            if kind == "text_link" && entity.get("url").and_then(Value::as_str).unwrap_or_default().is_empty()
            {
                return Err(refusal("a text_link needs a url"));
            }
            ranges.push((offset, offset + span));
        }
        let crosses = |a: &(usize, usize), b: &(usize, usize)| a.0 < b.0 && b.0 < a.1 && a.1 < b.1;
        if ranges.iter().any(|a| ranges.iter().any(|b| crosses(a, b))) {
            return Err(refusal("entities cross each other"));
        }
    }
    Ok(())
}

fn refusal(what: &str) -> Answer {
    errors::bad(&format!("can't parse entities: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(entities: Value) -> bool {
        let params = json!({"text": "😀 bold words", "entities": entities});
        check(params.as_object().unwrap()).is_ok()
    }

    #[test]
    fn entities_have_to_lie_in_the_text_and_in_each_other() {
        let bold = |offset: u64, length: u64| json!({"type": "bold", "offset": offset, "length": length});
        assert!(accepts(json!([bold(3, 4), bold(8, 5)])));
        assert!(accepts(json!([bold(0, 13), bold(3, 4)])));
        assert!(!accepts(json!([bold(8, 6)])), "it counts UTF-16 units");
        assert!(!accepts(json!([bold(0, 5), bold(3, 6)])));
        assert!(!accepts(json!([{"type": "text_link", "offset": 0, "length": 2}])));
        assert!(!accepts(json!([bold(0, 0)])));
    }
}
