//! `POST /<phone_number_id>/messages` of the `WhatsApp` Cloud API.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::events::Event;
use super::people::Key;
use super::{Shared, content, errors, interactive};
use crate::domain::channel::ChannelKind;
use crate::sim::answer::Answer;

const MAX_TEXT: usize = 4096;
/// How long delivery and reading take at this fake.
const DELIVERED: Duration = Duration::from_millis(20);
const READ: Duration = Duration::from_millis(40);

/// The person that a request is for.
pub(super) fn recipient(body: &Value) -> Option<String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("to")
        .map(|to| to.trim_start_matches('+').to_owned())
        .or_else(|| text("recipient").map(str::to_owned))
}

/// Carries a send or a read mark out.
pub(super) fn messages(shared: &Arc<Shared>, number: &str, body: &Value) -> Answer {
    if body.get("messaging_product").and_then(Value::as_str) != Some("whatsapp") {
        return errors::error(100, "the parameter messaging_product is required and must be whatsapp");
    }
    if body.get("status").is_some() {
        return read_mark(body);
    }
    let Some(to) = recipient(body) else {
        return errors::error(100, "the parameter to (or recipient) is required");
    };
    let keys = match check(body) {
        Ok(keys) => keys,
        Err((code, details)) => return errors::error(code, &details),
    };
    let now = shared.core.clock.now();
    if shared.core.limits {
        let admitted = shared.limiter.lock().unwrap_or_else(PoisonError::into_inner).number(number, &to, now);
        if let Err(code) = admitted {
            return errors::error(code, "too many messages were sent from this number");
        }
    }
    let id = shared.next_id(ChannelKind::Whatsapp);
    let free_form = body.get("type").and_then(Value::as_str) != Some("template");
    let open = {
        let mut people = shared.people.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.is_empty() {
            people.show(number, &to, &id, keys);
        }
        !free_form || people.in_window(number, &to, now)
    };
    if shared.core.limits {
        let opaque = body.get("biz_opaque_callback_data").cloned();
        report(shared, number, &to, &id, opaque, open);
    }
    errors::ok(&json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": id}],
    }))
}

fn read_mark(body: &Value) -> Answer {
    let known = body.get("status").and_then(Value::as_str) == Some("read");
    match body.get("message_id").and_then(Value::as_str) {
        Some(id) if known && !id.is_empty() => errors::ok(&json!({"success": true})),
        _ => errors::error(100, "a read mark needs status=read and message_id"),
    }
}

/// What can be pressed on a good message; the code and the reason of a bad one.
fn check(body: &Value) -> Result<Vec<Key>, (u32, String)> {
    let kind = body.get("type").and_then(Value::as_str).unwrap_or("text");
    match kind {
        "text" => {
            let text = body.pointer("/text/body").and_then(Value::as_str).unwrap_or_default();
            match text.chars().count() {
                0 => Err((100, "the parameter text.body is required".to_owned())),
                n if n > MAX_TEXT => {
                    Err((100, format!("text.body has {n} characters: at most {MAX_TEXT} are allowed")))
                }
                _ => Ok(Vec::new()),
            }
        }
        "interactive" => {
            interactive::read(body.get("interactive").unwrap_or(&Value::Null)).map_err(|what| (131_009, what))
        }
        kind => match content::check(kind, body.get(kind).unwrap_or(&Value::Null)) {
            Ok(()) => Ok(Vec::new()),
            Err(details) => Err((100, details)),
        },
    }
}

/// Statuses come back as webhooks: sent, delivered, read; or failed when the 24 hours are over.
fn report(shared: &Arc<Shared>, number: &str, to: &str, id: &str, opaque: Option<Value>, open: bool) {
    let (shared, number) = (Arc::clone(shared), number.to_owned());
    let (to, id) = (to.to_owned(), id.to_owned());
    tokio::spawn(async move {
        let steps: &[(&str, Duration)] = if open {
            &[("sent", Duration::ZERO), ("delivered", DELIVERED), ("read", READ)]
        } else {
            &[("failed", Duration::ZERO)]
        };
        for (status, wait) in steps {
            tokio::time::sleep(*wait).await;
            let mut item = json!({
                "id": id,
                "status": status,
                "timestamp": shared.core.unix_seconds().to_string(),
                "recipient_id": to,
            });
            match *status {
                "failed" => {
                    item["errors"] =
                        errors::in_status(131_047, "more than 24 hours have passed since the person wrote")
                }
                "sent" => {
                    item["pricing"] =
                        json!({"billable": false, "pricing_model": "PMP", "category": "service"})
                }
                _ => {}
            }
            if let Some(opaque) = &opaque {
                item["biz_opaque_callback_data"] = opaque.clone();
            }
            if let Ok(event) = Event::of(ChannelKind::Whatsapp, &number, item, None) {
                shared.post(event);
            }
        }
    });
}
