//! Buttons and lists of `WhatsApp`: checked against Meta's limits, and read so that a person can press them.

use std::collections::HashSet;

use serde_json::Value;

use super::content;
use super::people::{Key, KeyKind};

/// Every limit in characters.
const BODY: usize = 1024;
const FRAME: usize = 60;
const BUTTONS: usize = 3;
const BUTTON_TITLE: usize = 20;
const BUTTON_ID: usize = 256;
const ROWS: usize = 10;
const ROW_TITLE: usize = 24;
const ROW_ID: usize = 200;
const ROW_DESCRIPTION: usize = 72;

/// What can be pressed; an error says which limit is broken.
pub(super) fn read(interactive: &Value) -> Result<Vec<Key>, String> {
    let body = interactive.pointer("/body/text").and_then(Value::as_str).unwrap_or_default();
    within("interactive body", body, BODY)?;
    for part in ["header", "footer"] {
        let text = interactive.get(part).map(|held| text(held, "text"));
        if text.is_some_and(|text| text.chars().count() > FRAME) {
            return Err(format!("{part} is longer than {FRAME} characters"));
        }
    }
    let kind = interactive.get("type").and_then(Value::as_str);
    over(kind, interactive.get("header").unwrap_or(&Value::Null))?;
    let action = interactive.get("action").unwrap_or(&Value::Null);
    let keys = match kind {
        Some("button") => buttons(action)?,
        Some("list") => rows(action)?,
        Some("cta_url") => {
            let parameters = action.get("parameters").unwrap_or(&Value::Null);
            within("display_text", &text(parameters, "display_text"), BUTTON_TITLE)?;
            if text(parameters, "url").is_empty() {
                return Err("cta_url needs parameters.url".to_owned());
            }
            return Ok(Vec::new());
        }
        Some(_) => return Ok(Vec::new()),
        None => return Err("interactive.type is required".to_owned()),
    };
    let ids: HashSet<_> = keys.iter().map(|key| &key.id).collect();
    if ids.len() < keys.len() {
        return Err("button and row ids must be unique in a message".to_owned());
    }
    Ok(keys)
}

/// What stands over the text: words, or a file where there are buttons or an address.
fn over(kind: Option<&str>, header: &Value) -> Result<(), String> {
    match header.get("type").and_then(Value::as_str) {
        None | Some("text") => Ok(()),
        Some(file @ ("image" | "video" | "document")) if matches!(kind, Some("button" | "cta_url")) => {
            content::check(file, header.get(file).unwrap_or(&Value::Null))
        }
        Some(other) => Err(format!("header.type {other} is not allowed here")),
    }
}

fn buttons(action: &Value) -> Result<Vec<Key>, String> {
    let buttons = action.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if buttons.is_empty() || buttons.len() > BUTTONS {
        return Err(format!("{} buttons: 1 to {BUTTONS} are allowed", buttons.len()));
    }
    let key = |button: &Value| {
        let reply = button.get("reply").unwrap_or(&Value::Null);
        let title = text(reply, "title");
        let id = text(reply, "id");
        within("button title", &title, BUTTON_TITLE)?;
        within("button id", &id, BUTTON_ID)?;
        Ok(Key { kind: KeyKind::Button, id, title })
    };
    buttons.iter().map(key).collect()
}

fn rows(action: &Value) -> Result<Vec<Key>, String> {
    within("list button", &text(action, "button"), BUTTON_TITLE)?;
    let sections = action.get("sections").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut keys = Vec::new();
    for section in sections {
        if sections.len() > 1 {
            within("section title", &text(section, "title"), ROW_TITLE)?;
        }
        for row in section.get("rows").and_then(Value::as_array).into_iter().flatten() {
            let (id, title) = (text(row, "id"), text(row, "title"));
            within("row title", &title, ROW_TITLE)?;
            within("row id", &id, ROW_ID)?;
            if text(row, "description").chars().count() > ROW_DESCRIPTION {
                return Err(format!("a row description is longer than {ROW_DESCRIPTION} characters"));
            }
            keys.push(Key { kind: KeyKind::Row, id, title });
        }
    }
    if keys.is_empty() || keys.len() > ROWS {
        return Err(format!("{} rows: 1 to {ROWS} in all sections are allowed", keys.len()));
    }
    Ok(keys)
}

fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn within(what: &str, text: &str, most: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err(format!("{what} is required")),
        n if n > most => Err(format!("{what} has {n} characters: at most {most} are allowed")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn button(title: &str, id: &str) -> Value {
        json!({"type": "reply", "reply": {"id": id, "title": title}})
    }

    fn message(buttons: &[Value]) -> Value {
        json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}})
    }

    #[test]
    fn three_buttons_and_no_more() {
        let three = [button("A", "1"), button("B", "2"), button("C", "3")];
        assert_eq!(read(&message(&three)).unwrap().len(), 3);
        let four = [three.to_vec(), vec![button("D", "4")]].concat();
        assert!(read(&message(&four)).unwrap_err().contains("4 buttons"));
        assert!(read(&message(&[button(&"x".repeat(21), "1")])).unwrap_err().contains("20"));
        assert!(read(&message(&[button("A", "1"), button("B", "1")])).unwrap_err().contains("unique"));
    }

    #[test]
    fn a_file_may_stand_over_buttons_and_over_no_list() {
        let with = |kind: &str, header: Value| {
            let action = json!({"buttons": [button("A", "1")], "button": "?", "sections": [{"rows": [{"id": "1", "title": "A"}]}]});
            read(&json!({"type": kind, "header": header, "body": {"text": "?"}, "action": action}))
        };
        let image = json!({"type": "image", "image": {"id": "9"}});
        assert_eq!(with("button", image.clone()).unwrap().len(), 1);
        assert!(with("list", image).unwrap_err().contains("image"));
        assert!(with("button", json!({"type": "image", "image": {}})).unwrap_err().contains("id or link"));
        assert_eq!(with("list", json!({"type": "text", "text": "Top"})).unwrap().len(), 1);
    }

    #[test]
    fn ten_rows_over_all_sections() {
        let rows = |from: usize, to: usize| -> Vec<_> {
            (from..to).map(|n| json!({"id": n.to_string(), "title": format!("Row {n}")})).collect()
        };
        let list = |sections: Value| json!({"type": "list", "body": {"text": "?"}, "action": {"button": "Choose", "sections": sections}});
        assert_eq!(read(&list(json!([{"rows": rows(0, 10)}]))).unwrap().len(), 10);
        let eleven = json!([{"title": "a", "rows": rows(0, 6)}, {"title": "b", "rows": rows(6, 11)}]);
        assert!(read(&list(eleven)).unwrap_err().contains("11 rows"));
    }
}
