//! `POST /<phone_number_id>/messages` of the `WhatsApp` Cloud API.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::events::Event;
use super::people::{Key, WINDOW};
use super::{Shared, content, errors, interactive};
use crate::domain::channel::ChannelKind;
use crate::sim::answer::Answer;
use crate::sim::script::Statuses;

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
pub(super) fn messages(shared: &Arc<Shared>, number: &str, body: &Value, statuses: Statuses) -> Answer {
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
        !free_form || people.in_window(number, &to, WINDOW, now)
    };
    if shared.core.limits {
        let opaque = body.get("biz_opaque_callback_data").cloned();
        report(shared, number, (&to, &id, opaque), steps(open, &statuses));
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

/// A status and how long after the one before it comes; a failed one has its code and words.
type Step = (&'static str, Duration, Option<(u32, &'static str)>);

/// What statuses a message has: sent, delivered, read; or failed when the 24 hours are over; or as the script wants them.
fn steps(open: bool, wanted: &Statuses) -> Vec<Step> {
    let sent = ("sent", Duration::ZERO, None);
    let mut steps: Vec<Step> = match wanted.failed {
        _ if !open => {
            let why = (131_047, "more than 24 hours have passed since the person wrote");
            vec![("failed", Duration::ZERO, Some(why))]
        }
        Some(code) => vec![sent, ("failed", DELIVERED, Some((code, "the script says so")))],
        None => vec![sent, ("delivered", DELIVERED, None), ("read", READ, None)],
    };
    if wanted.shuffled {
        steps.reverse();
    }
    if wanted.doubled {
        steps = steps.iter().flat_map(|step| [*step, *step]).collect();
    }
    if let Some((_, wait, _)) = steps.first_mut() {
        *wait += Duration::from_millis(wanted.delay_ms);
    }
    steps
}

/// Statuses come back as webhooks.
fn report(
    shared: &Arc<Shared>,
    number: &str,
    (to, id, opaque): (&str, &str, Option<Value>),
    steps: Vec<Step>,
) {
    let (shared, number) = (Arc::clone(shared), number.to_owned());
    let (to, id) = (to.to_owned(), id.to_owned());
    tokio::spawn(async move {
        for (status, wait, failed) in steps {
            tokio::time::sleep(wait).await;
            let mut item = json!({
                "id": id,
                "status": status,
                "timestamp": shared.core.unix_seconds().to_string(),
                "recipient_id": to,
            });
            if let Some((code, words)) = failed {
                item["errors"] = errors::in_status(code, words);
            } else if status == "sent" {
                item["pricing"] = json!({"billable": false, "pricing_model": "PMP", "category": "service"});
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
