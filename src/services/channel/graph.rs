//! The Graph API, as far as sending needs it: one call, and what its error codes mean.
//!
//! Sources: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>,
//! <https://developers.facebook.com/docs/messenger-platform/error-codes>. Guarantee: a structured error is judged by its
//! code alone, since Meta answers some of them with a status that says something else.

mod codes;
#[cfg(test)]
mod tests;

pub(super) use codes::{LIMIT, Ruling, SPAM, SPAM_RATE, TEMPLATE, messenger, whatsapp};

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::render::words;
use super::{MetaConfig, Scope, SendOutcome, Sender};
use crate::domain::refusal::Refused;
use crate::services::http::{Answer, Call, Http, HttpError};

/// The rule for a product's codes: code, subcode.
pub(super) type Table = fn(i64, i64) -> Option<Ruling>;

/// What a code of this table refuses of the whole account.
pub(super) fn refuses(table: Table, code: i64) -> Option<Refused> {
    match table(code, 0)? {
        Ruling::Reject(scope) => scope.refuses(),
        Ruling::Retry(_) | Ruling::Rest(..) | Ruling::Once => None,
    }
}

/// Calls `POST /ACCOUNT/messages` and its neighbours.
#[derive(Debug)]
pub(super) struct Graph {
    graph_url: String,
    http: Http,
}

impl Graph {
    pub(super) fn new(config: &MetaConfig, http: Http) -> Self {
        Self { graph_url: config.graph_url.trim_end_matches('/').to_owned(), http }
    }

    /// Sends a body in the account's name. `Ok` = taken, with the answer's body.
    pub(super) async fn post(
        &self,
        from: &Sender,
        body: &(impl Serialize + Sync),
        table: Table,
        limit: Duration,
    ) -> Result<Bytes, SendOutcome> {
        let body = match serde_json::to_vec(body) {
            Ok(body) => Bytes::from(body),
            Err(error) => unreachable!("a request of ours did not serialise: {error}"),
        };
        self.exchange(from, "messages", ("application/json", &body), table, limit).await
    }

    /// Posts a body to an edge of the account. `Ok` = taken, with the answer's body.
    pub(super) async fn exchange(
        &self,
        from: &Sender,
        edge: &str,
        body: (&str, &Bytes),
        table: Table,
        limit: Duration,
    ) -> Result<Bytes, SendOutcome> {
        let account = from.account.as_str();
        if account.is_empty() || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let reason = "the account's id is malformed: connect the account again".to_owned();
            return Err(SendOutcome::Rejected { scope: Scope::Bot, reason });
        }
        let url = format!("{}/{account}/{edge}", self.graph_url);
        let bearer = Zeroizing::new(format!("Bearer {}", from.token.expose()));
        let headers = [("authorization", bearer.as_str())];
        let until = Instant::now() + limit;
        let mut again = true;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let body = Some(body);
            let call =
                Call { method: "POST", url: &url, headers: &headers, body, limit: left, max_body: None };
            let answer = self.http.provider().call(call).await;
            let answer = answer.map_err(|error| unanswered(&error))?;
            if !(std::mem::take(&mut again) && wants_another_try(&answer, table)) {
                return judge(&answer, table);
            }
        }
    }
}

/// No whole answer came: was anything sent?
pub(super) fn unanswered(error: &HttpError) -> SendOutcome {
    let reason = error.to_string();
    if matches!(error, HttpError::Cut { .. }) {
        // It is about this body and its size.
        SendOutcome::Retry { after: None, scope: Scope::Message, reason }
    } else if error.certainly_not_sent() {
        // Whoever can't be reached for one chat can't be reached for the account's others.
        SendOutcome::Retry { after: None, scope: Scope::Number, reason }
    } else {
        SendOutcome::Unknown { reason }
    }
}

#[derive(Debug, Deserialize)]
struct Failure {
    error: Error,
}

#[derive(Debug, Deserialize)]
struct Error {
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: ErrorData,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorData {
    #[serde(default)]
    details: String,
}

fn wants_another_try(answer: &Answer, table: Table) -> bool {
    let failure = || serde_json::from_slice::<Failure>(&answer.body).ok();
    let once = |Failure { error }| table(error.code, error.error_subcode) == Some(Ruling::Once);
    !answer.ok() && failure().is_some_and(once)
}

fn judge(answer: &Answer, table: Table) -> Result<Bytes, SendOutcome> {
    if answer.ok() {
        return Ok(answer.body.clone());
    }
    Err(refusal(answer.status, answer.retry_after(), &answer.body, table))
}

fn refusal(status: u16, after: Option<Duration>, body: &[u8], table: Table) -> SendOutcome {
    let Ok(Failure { error }) = serde_json::from_slice(body) else {
        let reason = format!("{status} without a readable body");
        return match status {
            429 => SendOutcome::Retry { after, scope: Scope::Address, reason },
            _ => by_status(status, after, reason),
        };
    };
    let said = if error.error_data.details.is_empty() { &error.message } else { &error.error_data.details };
    let reason = words(&format!("{}: {said}", error.code));
    match table(error.code, error.error_subcode) {
        Some(Ruling::Retry(scope)) => SendOutcome::Retry { after, scope, reason },
        Some(Ruling::Rest(scope, span)) => SendOutcome::Retry { after: after.or(Some(span)), scope, reason },
        Some(Ruling::Once) => SendOutcome::Rejected { scope: Scope::Message, reason },
        Some(Ruling::Reject(scope)) => SendOutcome::Rejected { scope, reason },
        None => by_status(status, after, reason),
    }
}

fn by_status(status: u16, after: Option<Duration>, reason: String) -> SendOutcome {
    match status {
        429 => SendOutcome::Retry { after, scope: Scope::Number, reason },
        401 => SendOutcome::Rejected { scope: Scope::Bot, reason },
        400..=499 => SendOutcome::Rejected { scope: Scope::Message, reason },
        _ => SendOutcome::Unknown { reason },
    }
}
