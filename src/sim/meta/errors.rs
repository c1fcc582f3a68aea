//! Graph's errors: the code decides, words and HTTP status go with it.

use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::script::Fault;

pub(super) fn ok(body: &Value) -> Answer {
    Answer::json(200, body)
}

/// An error by its code; `details` are for people.
pub(super) fn error(code: u32, details: &str) -> Answer {
    let (status, words) = words(code);
    let kind = if code == 190 || code == 200 { "OAuthException" } else { "GraphMethodException" };
    let body = json!({"error": {
        "message": format!("(#{code}) {words}"),
        "type": kind,
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": "AsimSimSimSimSimSimSim",
    }});
    Answer::json(status, &body)
}

/// A page writes to somebody who has not written for longer than the window.
pub(super) fn outside_window() -> Answer {
    let body = json!({"error": {
        "message": "(#10) This message is sent outside of allowed window.",
        "type": "OAuthException",
        "code": 10,
        "error_subcode": 2_018_278,
        "fbtrace_id": "AsimSimSimSimSimSimSim",
    }});
    Answer::json(400, &body)
}

/// As it stands in a status: `errors: [{code, title, ...}]`.
pub(super) fn in_status(code: u32, details: &str) -> Value {
    let (_, title) = words(code);
    json!([{"code": code, "title": title, "message": title, "error_data": {"details": details}}])
}

fn words(code: u32) -> (u16, &'static str) {
    match code {
        1 => (500, "An unknown error occurred"),
        2 => (503, "Service temporarily unavailable"),
        4 => (429, "Application request limit reached"),
        10 => (403, "Application does not have permission for this action"),
        100 => (400, "Invalid parameter"),
        190 => (401, "Invalid OAuth access token - Cannot parse access token"),
        200 => (403, "Permissions error"),
        368 => (403, "Temporarily blocked for policies violations"),
        613 => (429, "Calls to this api have exceeded the rate limit"),
        2200 => (400, "Callback verification failed"),
        130_429 => (429, "Rate limit hit"),
        131_000 => (500, "Something went wrong"),
        131_009 => (400, "Parameter value is not valid"),
        131_016 => (503, "Service unavailable"),
        131_026 => (400, "Message undeliverable"),
        131_047 => (400, "Re-engagement message"),
        131_051 => (400, "Unsupported message type"),
        131_056 => (429, "(Business Account, Consumer Account) pair rate limit hit"),
        _ => (400, "Unsupported request"),
    }
}

/// The words for a status that a script asks for.
pub(super) fn scripted(_: &Fault, status: u16) -> Answer {
    match status {
        200..=299 => Answer::json(status, &json!({"success": true})),
        401 => error(190, "the access token was refused"),
        403 => error(10, "the script says so"),
        429 => error(130_429, "the script says so"),
        400 => error(100, "the script says so"),
        500 => error(131_000, "the script says so"),
        _ => Answer { status, ..error(131_016, "the script says so") },
    }
}
