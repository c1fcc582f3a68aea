//! Updates: what they look like, which queue they belong to, when they are given up.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::account::Account;
use super::keyboard::Shown;
use crate::domain::time::Timestamp;

/// An update that waits for its webhook or for `getUpdates`.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    pub(super) queue: QueueKey,
    pub(super) expires: Timestamp,
    pub(super) body: Bytes,
}

/// Updates of one queue are delivered one after the other; queues are independent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum QueueKey {
    /// Messages, edits, posts and `my_chat_member` of a chat.
    Chat(i64),
    /// What a user presses, asks inline or pays, and membership; each kind is a namespace of its own.
    User(String, i64),
    /// Everything else, by kind.
    Kind(String),
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Update {
    /// Reads queue and expiry from an update's content.
    pub(super) fn of(id: i64, kind: &str, update: &Value, body: Bytes, now: Timestamp) -> Self {
        let content = update.get(kind).unwrap_or(&Value::Null);
        let number = |pointer: &str| content.pointer(pointer).and_then(Value::as_i64);
        let user = |name: &str| number("/from/id").map(|user| QueueKey::User(name.to_owned(), user));
        let queue = match kind {
            "callback_query" | "inline_query" | "chosen_inline_result" => user(kind),
            "shipping_query" | "pre_checkout_query" => user("payment"),
            "chat_member" | "chat_join_request" => user("membership"),
            "message_reaction" | "message_reaction_count" | "chat_boost" | "removed_chat_boost" => {
                number("/chat/id").map(|chat| QueueKey::User(kind.to_owned(), chat))
            }
            _ => number("/chat/id").map(QueueKey::Chat),
        };
        let expires = match kind {
            "callback_query" | "shipping_query" | "pre_checkout_query" => now.plus(Duration::from_secs(150)),
            "inline_query" => now.plus(Duration::from_secs(30)),
            "chosen_inline_result" => now.plus(Duration::from_secs(600)),
            _ => number("/date").and_then(Timestamp::from_provider).unwrap_or(now).plus(DAY),
        };
        Self { id, queue: queue.unwrap_or_else(|| QueueKey::Kind(kind.to_owned())), expires, body }
    }
}

/// A chat as messages name it: positive ids are people, -100... are supergroups, other negative ones groups.
pub(super) fn chat(id: i64) -> Value {
    if id > 0 {
        json!({"id": id, "first_name": "Visitor", "username": format!("visitor_{id}"), "type": "private"})
    } else if id <= -1_000_000_000_000 {
        json!({"id": id, "title": "A supergroup", "type": "supergroup"})
    } else {
        json!({"id": id, "title": "A group", "type": "group", "all_members_are_administrators": false})
    }
}

/// The person who writes in a chat; in a group, a person of its own.
fn person(chat: i64) -> Value {
    let id = chat.unsigned_abs() % (1 << 52);
    json!({"id": id, "is_bot": false, "first_name": "Visitor", "username": format!("visitor_{id}"), "language_code": "en"})
}

pub(super) fn text_message(account: &Account, to: i64, text: &str, date: i64) -> Value {
    let mut message = json!({
        "message_id": account.next_message(),
        "from": person(to),
        "chat": chat(to),
        "date": date,
        "text": text,
    });
    let entities = entities(text);
    if !entities.is_empty() {
        message["entities"] = entities.into();
    }
    message
}

/// A command at the beginning, and every `@handle` that begins a word. Offsets count UTF-16 units.
fn entities(text: &str) -> Vec<Value> {
    let units = |text: &str| text.encode_utf16().count();
    let mut found = Vec::new();
    if text.starts_with('/') {
        let command = text.split_whitespace().next().unwrap_or_default();
        found.push(json!({"offset": 0, "length": units(command), "type": "bot_command"}));
    }
    for (at, _) in text.match_indices('@') {
        let begins = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if begins && end > 0 {
            found.push(json!({"offset": units(&text[..at]), "length": 1 + end, "type": "mention"}));
        }
    }
    found
}

pub(super) fn callback_query(
    account: &Account,
    in_chat: i64,
    on: &Shown,
    data: &str,
    now: Timestamp,
) -> Value {
    let person = person(in_chat);
    let id = format!("{}{:05}", now.millis(), account.next_message() % 100_000);
    account.issue_callback(in_chat, id.clone(), now);
    json!({
        "id": id,
        "from": person,
        "message": {
            "message_id": on.message_id,
            "from": account.user(),
            "chat": chat(in_chat),
            "date": now.millis().div_euclid(1000),
            "text": on.text,
        },
        "chat_instance": in_chat.unsigned_abs().to_string(),
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(kind: &str, content: Value) -> (QueueKey, i64) {
        let update =
            Update::of(1, kind, &json!({kind: content}), Bytes::new(), Timestamp::from_millis(1_000_000));
        (update.queue, update.expires.millis())
    }

    #[test]
    fn a_callback_travels_apart_from_its_chat() {
        let chat = json!({"id": 7});
        let (message, until) =
            queue("message", json!({"chat": chat, "from": {"id": 7}, "date": 1_700_000_000}));
        assert_eq!((message, until), (QueueKey::Chat(7), 1_700_086_400_000));
        let (edit, _) = queue("edited_message", json!({"chat": chat}));
        assert_eq!(edit, QueueKey::Chat(7));
        let (callback, until) =
            queue("callback_query", json!({"from": {"id": 7}, "message": {"chat": chat}}));
        assert_eq!((callback, until), (QueueKey::User("callback_query".into(), 7), 1_150_000));
        let (shipping, _) = queue("shipping_query", json!({"from": {"id": 7}}));
        let (checkout, _) = queue("pre_checkout_query", json!({"from": {"id": 7}}));
        assert_eq!(shipping, checkout);
        assert_eq!(queue("poll", json!({})).0, QueueKey::Kind("poll".into()));
    }

    #[test]
    fn handles_and_a_command_are_entities() {
        let of = |text: &str| {
            let word = |entity: Value| {
                let number = |key: &str| entity[key].as_u64().unwrap();
                format!("{} {} {}", entity["type"].as_str().unwrap(), number("offset"), number("length"))
            };
            entities(text).into_iter().map(word).collect::<Vec<_>>()
        };
        assert_eq!(of("/start@a_bot x"), ["bot_command 0 12"]);
        assert_eq!(of("\u{1f600} @a_bot, @b!"), ["mention 3 6", "mention 11 2"]);
        assert_eq!(of("me@a.example @ x"), [""; 0]);
    }
}
