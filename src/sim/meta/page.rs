//! `POST /<page or me>/messages` of Messenger and Instagram.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::events::Event;
use super::people::{HUMAN_AGENT, Key, KeyKind, WINDOW};
use super::{Shared, errors};
use crate::domain::channel::ChannelKind;
use crate::sim::answer::Answer;

/// Characters of a Messenger text; Instagram's thousand bytes are for the sender to know.
const MAX_TEXT: usize = 2000;
const MAX_QUICK_REPLIES: usize = 13;
const MAX_TITLE: usize = 20;
const MAX_PAYLOAD: usize = 1000;

/// Carries a send or a sender action out.
pub(super) fn messages(shared: &Arc<Shared>, page: &str, body: &Value) -> Answer {
    let Some(to) = body.pointer("/recipient/id").and_then(Value::as_str).filter(|to| !to.is_empty()) else {
        return errors::error(100, "the parameter recipient.id is required");
    };
    if let Some(action) = body.get("sender_action").and_then(Value::as_str) {
        return match action {
            "react" | "unreact" if body.pointer("/payload/message_id").is_some_and(Value::is_string) => {
                errors::ok(&json!({"recipient_id": to}))
            }
            "typing_on" | "typing_off" | "mark_seen" if body.get("message").is_none() => {
                errors::ok(&json!({"recipient_id": to}))
            }
            _ => errors::error(100, "sender_action is typing_on, typing_off or mark_seen, without a message"),
        };
    }
    let keys = match check(body.get("message").unwrap_or(&Value::Null)) {
        Ok(keys) => keys,
        Err(details) => return errors::error(100, &details),
    };
    let now = shared.core.clock.now();
    if shared.core.limits
        && let Err(code) = shared.limiter.lock().unwrap_or_else(PoisonError::into_inner).page(page, now)
    {
        return errors::error(code, "too many calls of this page");
    }
    let tag = body.get("tag").and_then(Value::as_str);
    let tagged = body.get("messaging_type").and_then(Value::as_str) == Some("MESSAGE_TAG");
    if tagged && tag != Some("HUMAN_AGENT") {
        return errors::error(100, "a MESSAGE_TAG needs a tag; this fake knows HUMAN_AGENT");
    }
    let window = if tagged { HUMAN_AGENT } else { WINDOW };
    let open = shared.people.lock().unwrap_or_else(PoisonError::into_inner).in_window(page, to, window, now);
    if shared.core.limits && !open {
        return errors::outside_window();
    }
    let id = shared.next_id(ChannelKind::Messenger);
    if !keys.is_empty() {
        shared.people.lock().unwrap_or_else(PoisonError::into_inner).show(page, to, &id, keys);
    }
    if shared.core.limits {
        echo(shared, page, to, &id, body);
    }
    errors::ok(&json!({"recipient_id": to, "message_id": id}))
}

fn check(message: &Value) -> Result<Vec<Key>, String> {
    let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
    let attachment = message.get("attachment");
    if text.is_empty() == attachment.is_none() {
        return Err("the message has neither text nor attachment, or both".to_owned());
    }
    if let Some(attachment) = attachment {
        let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default();
        let held = |key: &str| attachment.pointer(key).is_some();
        let known = ["image", "audio", "video", "file", "template"].contains(&kind);
        if !known || (kind != "template" && held("/payload/url") == held("/payload/attachment_id")) {
            return Err("an attachment has a type, and a url or an attachment_id in its payload".to_owned());
        }
    }
    if text.chars().count() > MAX_TEXT {
        return Err(format!("length of param message[text] must be at most {MAX_TEXT}"));
    }
    let replies =
        message.get("quick_replies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if replies.len() > MAX_QUICK_REPLIES {
        return Err(format!("at most {MAX_QUICK_REPLIES} quick replies are allowed"));
    }
    let key = |reply: &Value| {
        let text = |name: &str| reply.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, payload) = (text("title"), text("payload"));
        if title.is_empty() || title.chars().count() > MAX_TITLE {
            return Err(format!("a quick reply's title has 1 to {MAX_TITLE} characters"));
        }
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(format!("a quick reply's payload has 1 to {MAX_PAYLOAD} characters"));
        }
        Ok(Key { kind: KeyKind::QuickReply, id: payload, title })
    };
    replies.iter().map(key).collect()
}

/// What a page sends comes back as an echo: whoever answers it talks to itself.
fn echo(shared: &Shared, page: &str, to: &str, id: &str, body: &Value) {
    let now = shared.core.clock.now().millis();
    let mut message = body.get("message").cloned().unwrap_or_default();
    message["mid"] = id.into();
    message["is_echo"] = true.into();
    if shared.channel_of(page) == ChannelKind::Instagram {
        // Instagram repeats neither what the sender put beside the message nor, for some apps, which one sent it.
        message.as_object_mut().map(|message| message.remove("metadata"));
    } else {
        message["app_id"] = 1.into();
    }
    let item = json!({"sender": {"id": page}, "recipient": {"id": to}, "timestamp": now, "message": message});
    let read = json!({"sender": {"id": to}, "recipient": {"id": page}, "timestamp": now, "read": {"watermark": now}});
    for item in [item, read] {
        if let Ok(event) = Event::of(shared.channel_of(page), page, item, None) {
            shared.post(event);
        }
    }
}
