//! Events for webhooks: a person's messages, statuses, messaging entries, and the envelope that holds many of them.

use serde_json::{Map, Value, json};

use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;

/// One entry of a POST.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) object: &'static str,
    pub(super) account: String,
    entry: Value,
}

impl Event {
    /// A message from a person: `content` is what makes it a text, a button, an image.
    pub(super) fn from_person(
        channel: ChannelKind,
        account: &str,
        from: &str,
        id: &str,
        content: Value,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut item = Map::new();
        if channel == ChannelKind::Whatsapp {
            item.insert("from".to_owned(), from.into());
            item.insert("id".to_owned(), id.into());
            item.insert("timestamp".to_owned(), now.millis().div_euclid(1000).to_string().into());
            item.extend(content.as_object().cloned().unwrap_or_default());
        } else {
            let mut message = Map::from_iter([("mid".to_owned(), Value::from(id))]);
            message.extend(content.as_object().cloned().unwrap_or_default());
            item.insert("sender".to_owned(), json!({"id": from}));
            item.insert("recipient".to_owned(), json!({"id": account}));
            item.insert("timestamp".to_owned(), now.millis().into());
            item.insert("message".to_owned(), message.into());
        }
        Self::of(channel, account, Value::Object(item), Some(from))
    }

    /// Any item in the envelope of its channel. A `WhatsApp` item with `status` is a status, with `code` an error, with `to` what
    /// the business wrote from its own phone; `{standby: ITEM}` is a messaging item while another app has the thread.
    pub(super) fn of(
        channel: ChannelKind,
        account: &str,
        item: Value,
        from: Option<&str>,
    ) -> Result<Self, String> {
        let messaging = |object| {
            let (place, item) = match item.get("standby") {
                Some(held) => ("standby", held),
                None => ("messaging", &item),
            };
            let time = item.get("timestamp").cloned().unwrap_or(Value::Null);
            let mut entry = json!({"id": account, "time": time});
            entry[place] = json!([item]);
            Self { object, account: account.to_owned(), entry }
        };
        match channel {
            ChannelKind::Messenger => Ok(messaging("page")),
            ChannelKind::Instagram => Ok(messaging("instagram")),
            ChannelKind::Whatsapp => Ok(Self::whatsapp(account, item, from)),
            ChannelKind::Telegram | ChannelKind::Webchat => {
                Err(format!("{channel} is none of Meta's channels"))
            }
        }
    }

    fn whatsapp(number: &str, item: Value, from: Option<&str>) -> Self {
        let mut value = Map::new();
        value.insert("messaging_product".to_owned(), "whatsapp".into());
        let metadata = json!({"display_phone_number": number, "phone_number_id": number});
        value.insert("metadata".to_owned(), metadata);
        if item.get("to").is_some() {
            value.insert("message_echoes".to_owned(), json!([item]));
            let change = json!({"field": "smb_message_echoes", "value": value});
            let entry = json!({"id": business(number), "changes": [change]});
            return Self { object: "whatsapp_business_account", account: number.to_owned(), entry };
        }
        let from = from.or_else(|| item.get("from").and_then(Value::as_str));
        if let Some(from) = from {
            value.insert("contacts".to_owned(), json!([{"wa_id": from, "profile": {"name": "Visitor"}}]));
        }
        let place = match (item.get("status"), item.get("code")) {
            (Some(_), _) => "statuses",
            (None, Some(_)) => "errors",
            (None, None) => "messages",
        };
        value.insert(place.to_owned(), json!([item]));
        let change = json!({"field": "messages", "value": value});
        let entry = json!({"id": business(number), "changes": [change]});
        Self { object: "whatsapp_business_account", account: number.to_owned(), entry }
    }

    /// News of a template: they name the business account, and no number.
    pub(super) fn template(number: &str, name: &str, language: &str, status: &str) -> Self {
        let value = json!({
            "event": status,
            "message_template_id": 1,
            "message_template_name": name,
            "message_template_language": language,
            "reason": "NONE",
        });
        let change = json!({"field": "message_template_status_update", "value": value});
        let entry = json!({"id": business(number), "changes": [change]});
        Self { object: "whatsapp_business_account", account: number.to_owned(), entry }
    }

    /// The body of a POST with all of these events, which share an object.
    pub(super) fn body(events: Vec<Self>) -> Option<String> {
        let object = events.first()?.object;
        let entries: Vec<_> = events.into_iter().map(|event| event.entry).collect();
        Some(escape(&json!({"object": object, "entry": entries}).to_string()))
    }
}

/// The business account of a number.
pub(super) fn business(number: &str) -> String {
    format!("waba-{number}")
}

/// JSON as Meta writes it: everything beyond ASCII as `\uXXXX`, slashes with a backslash.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '/' => escaped.push_str("\\/"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_is_ascii_and_means_the_same() {
        let body = json!({"text": "سلام é 😀 \"quoted\" a/b \\ \n"});
        let escaped = escape(&body.to_string());
        assert!(
            escaped.is_ascii() && escaped.contains("\\ud83d\\ude00") && escaped.contains("a\\/b"),
            "{escaped}"
        );
        assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), body);
    }

    #[test]
    fn an_item_stands_where_its_kind_belongs() {
        let event = |item| Event::of(ChannelKind::Whatsapp, "9", item, None).unwrap().entry;
        let status = event(json!({"id": "wamid.1", "status": "read"}));
        assert_eq!(status.pointer("/changes/0/value/statuses/0/status"), Some(&json!("read")));
        assert_eq!(status.pointer("/changes/0/value/contacts"), None);
        let message = event(json!({"from": "4", "type": "text"}));
        assert_eq!(message.pointer("/changes/0/value/contacts/0/wa_id"), Some(&json!("4")));
        assert!(Event::of(ChannelKind::Telegram, "9", json!({}), None).is_err());
        let phone = event(json!({"from": "9", "to": "4", "type": "text"}));
        assert_eq!(phone.pointer("/changes/0/field"), Some(&json!("smb_message_echoes")));
        assert_eq!(phone.pointer("/changes/0/value/message_echoes/0/to"), Some(&json!("4")));
        let held = json!({"standby": {"sender": {"id": "5"}, "timestamp": 7}});
        let held = Event::of(ChannelKind::Messenger, "9", held, None).unwrap().entry;
        assert_eq!(held, json!({"id": "9", "time": 7, "standby": [{"sender": {"id": "5"}, "timestamp": 7}]}));
    }
}
