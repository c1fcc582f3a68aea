//! Buttons under a message: checked as Telegram checks them, and remembered so that a person can press them.

use serde_json::Value;

/// A message with buttons.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) message_id: i64,
    pub(super) text: String,
    pub(super) buttons: Vec<Key>,
}

/// One button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) title: String,
    /// Callback data of an inline button; `None` for a key of a keyboard, which writes its title.
    pub(super) data: Option<String>,
}

/// The most bytes of `callback_data`.
const MAX_DATA: usize = 64;

/// The buttons of a `reply_markup`; an error in Telegram's words.
pub(super) fn read(markup: &Value) -> Result<Vec<Key>, &'static str> {
    let Value::Object(markup) = markup else { return Err("object expected as reply markup") };
    if let Some(rows) = markup.get("inline_keyboard") {
        return rows_of(rows)?.map(inline).filter_map(Result::transpose).collect();
    }
    if let Some(rows) = markup.get("keyboard") {
        return rows_of(rows)?.map(key).collect();
    }
    Ok(Vec::new())
}

fn rows_of(rows: &Value) -> Result<impl Iterator<Item = &Value>, &'static str> {
    let rows = rows.as_array().ok_or("can't parse keyboard markup: an Array of Array is expected")?;
    if rows.iter().any(|row| !row.is_array()) {
        return Err("can't parse keyboard markup: an Array of Array is expected");
    }
    Ok(rows.iter().filter_map(Value::as_array).flatten())
}

/// An inline button; one that opens an address is nothing to press.
fn inline(button: &Value) -> Result<Option<Key>, &'static str> {
    let title = title(button)?;
    match button.get("callback_data").map(|data| data.as_str().unwrap_or_default()) {
        Some(data) if data.is_empty() || data.len() > MAX_DATA => Err("BUTTON_DATA_INVALID"),
        Some(data) => Ok(Some(Key { title, data: Some(data.to_owned()) })),
        None if button.get("url").is_some() || button.get("web_app").is_some() => Ok(None),
        None => Err("Text buttons are unallowed in the inline keyboard"),
    }
}

fn key(button: &Value) -> Result<Key, &'static str> {
    Ok(Key { title: title(button)?, data: None })
}

fn title(button: &Value) -> Result<String, &'static str> {
    let text = button.as_str().or_else(|| button.get("text").and_then(Value::as_str)).unwrap_or_default();
    if text.is_empty() { Err("can't parse keyboard button: text is empty") } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_kinds_are_read() {
        let inline = json!({"inline_keyboard": [[{"text": "A", "callback_data": "a"}], [{"text": "B", "url": "https://x"}]]});
        assert_eq!(read(&inline).unwrap(), [Key { title: "A".into(), data: Some("a".into()) }]);
        let keyboard = json!({"keyboard": [["A", {"text": "B"}]], "resize_keyboard": true});
        let titles: Vec<_> = read(&keyboard).unwrap().into_iter().map(|key| key.title).collect();
        assert_eq!(titles, ["A", "B"]);
        assert!(read(&json!({"remove_keyboard": true})).unwrap().is_empty());
    }

    #[test]
    fn callback_data_is_counted_in_bytes() {
        let markup = |data: String| json!({"inline_keyboard": [[{"text": "A", "callback_data": data}]]});
        assert!(read(&markup("é".repeat(32))).is_ok());
        assert_eq!(read(&markup("é".repeat(33))), Err("BUTTON_DATA_INVALID"));
        assert_eq!(read(&markup(String::new())), Err("BUTTON_DATA_INVALID"));
        assert!(read(&json!({"inline_keyboard": [{"text": "A"}]})).is_err());
    }
}
