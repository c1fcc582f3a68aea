//! Telegram's errors in Telegram's words.

use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::script::Fault;

pub(super) fn ok(result: &Value) -> Answer {
    Answer { status: 200, body: format!("{{\"ok\":true,\"result\":{result}}}").into(), retry_after: None }
}

pub(super) fn error(status: u16, description: &str) -> Answer {
    Answer::json(status, &json!({"ok": false, "error_code": status, "description": description}))
}

pub(super) fn bad(what: &str) -> Answer {
    error(400, &format!("Bad Request: {what}"))
}

pub(super) fn forbidden(what: &str) -> Answer {
    error(403, &format!("Forbidden: {what}"))
}

pub(super) fn conflict(what: &str) -> Answer {
    error(409, &format!("Conflict: {what}"))
}

pub(super) fn unauthorized() -> Answer {
    error(401, "Unauthorized")
}

pub(super) fn not_found(what: &str) -> Answer {
    error(404, what)
}

pub(super) fn too_many(seconds: u64) -> Answer {
    let body = json!({
        "ok": false,
        "error_code": 429,
        "description": format!("Too Many Requests: retry after {seconds}"),
        "parameters": {"retry_after": seconds},
    });
    Answer { retry_after: Some(seconds), ..Answer::json(429, &body) }
}

/// The words for a status that a script asks for.
pub(super) fn scripted(fault: &Fault, status: u16) -> Answer {
    match status {
        200..=299 => Answer::json(status, &json!({"ok": true, "result": true})),
        400 => error(400, "Bad Request: chat not found"),
        401 => unauthorized(),
        403 => forbidden("bot was blocked by the user"),
        404 => not_found("Not Found"),
        409 => conflict(
            "terminated by other getUpdates request; make sure that only one bot instance is running",
        ),
        429 => too_many(fault.retry_after.unwrap_or(1)),
        500 => error(500, "Internal Server Error"),
        502 => error(502, "Bad Gateway"),
        _ => error(status, "Service Unavailable"),
    }
}
