//! How a fake answers: through its script, with its own verdict, or by cutting the connection.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::Core;
use super::journal::{Call, text_of};
use super::script::{Asked, Cut, Fault};

/// What goes back to the caller.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) retry_after: Option<u64>,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into(), retry_after: None }
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A request that a fake understood enough to name.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) account: &'a str,
    pub(super) chat: Option<String>,
    pub(super) body: Value,
    /// Its length in bytes.
    pub(super) size: usize,
}

/// Carries a request out: by the script where a rule matches, else by `duty`; then writes the journal. `words` is the
/// provider's own body for a scripted status.
pub(super) async fn carry_out(
    core: &Core,
    request: Request<'_>,
    words: impl FnOnce(&Fault, u16) -> Answer,
    duty: impl FnOnce(&Request<'_>, Option<&Fault>) -> Answer,
) -> Response {
    let asked = Asked {
        method: request.method,
        account: request.account,
        chat: request.chat.as_deref(),
        text: text_of(&request.body).unwrap_or_default(),
    };
    carry_out_asked(core, &request, asked, words, duty).await
}

/// As [`carry_out`], for requests whose text lies elsewhere.
pub(super) async fn carry_out_asked(
    core: &Core,
    request: &Request<'_>,
    asked: Asked<'_>,
    words: impl FnOnce(&Fault, u16) -> Answer,
    duty: impl FnOnce(&Request<'_>, Option<&Fault>) -> Answer,
) -> Response {
    let fault = core.faults.take(&asked);
    let cut = fault.as_ref().and_then(|fault| fault.drop);
    let mut done = None;
    let answer = match &fault {
        Some(fault) if fault.drop == Some(Cut::Before) => words(fault, 503),
        Some(fault @ Fault { status: Some(status), accept: true, .. }) => {
            done = Some(duty(request, Some(fault)).status);
            fault.body.as_ref().map_or_else(|| words(fault, *status), |body| Answer::json(*status, body))
        }
        Some(Fault { status: Some(status), body: Some(body), retry_after, .. }) => Answer {
            retry_after: retry_after
                .or_else(|| body.pointer("/parameters/retry_after").and_then(Value::as_u64)),
            ..Answer::json(*status, body)
        },
        Some(fault @ Fault { status: Some(status), .. }) => words(fault, *status),
        Some(Fault { body: Some(body), .. }) => Answer::json(200, body),
        fault => duty(request, fault.as_ref()),
    };
    let status = if cut == Some(Cut::Before) { 0 } else { done.unwrap_or(answer.status) };
    let call = Call {
        method: request.method,
        account: request.account,
        chat: request.chat.as_deref(),
        body: &request.body,
        status,
        fault: fault.as_ref(),
        retry_after: answer.retry_after.filter(|_| cut.is_none()),
    };
    core.journal.record(&call, request.size);
    if let Some(fault) = fault
        && fault.delay_ms > 0
    {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    if cut.is_some() { hang_up() } else { answer.into_response() }
}

/// A response whose body fails at its first byte: the server then closes the connection and sends nothing, not even a
/// status line.
fn hang_up() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut by the script")) });
    Response::new(Body::from_stream(broken))
}
