//! What a provider's refusal means. The status alone does not say: a 429 without money left never ends by waiting.
//!
//! Guarantee: a verdict quotes the provider's status and code words, never its message, which may repeat the prompt or
//! a piece of the key.

use std::time::Duration;

use serde::Deserialize;

use super::ModelError;
use crate::services::http::{Answer, HttpError};

/// `{"error": {...}}` of every provider; Anthropic's `type: error` stands beside it.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: Detail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// A word; a number at some compatible servers.
    code: serde_json::Value,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    error_code: Option<String>,
}

impl Detail {
    fn of(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error)
    }

    /// The words that tell what it is about, the most exact first.
    fn words(&self) -> [Option<&str>; 3] {
        let exact = self.details.as_ref().and_then(|details| details.error_code.as_deref());
        [exact, self.code.as_str(), self.kind.as_deref()]
    }

    fn says(&self, any: &[&str]) -> bool {
        self.words().into_iter().flatten().any(|word| any.contains(&word))
    }

    /// The most exact word, if it is one: a code may be shown, a sentence may not.
    fn word(&self) -> Option<&str> {
        let code = |word: &&str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            !word.is_empty() && word.len() <= 64 && word.bytes().all(known)
        };
        self.words().into_iter().flatten().find(code)
    }
}

/// Codes that mean that money or quota is gone.
const NO_QUOTA: [&str; 6] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "enforced_spend_limit_reached",
];

const FILTERED: [&str; 2] = ["content_filter", "content_policy_violation"];

const LIMITED: [&str; 3] = ["rate_limit_exceeded", "rate_limit_error", "slow_down"];

const TROUBLE: [&str; 6] =
    ["server_error", "api_error", "overloaded_error", "timeout_error", "capacity_exceeded", "internal_error"];

/// What an answer with an error status means.
pub(super) fn of_status(answer: &Answer) -> ModelError {
    let detail = Detail::of(&answer.body).unwrap_or_default();
    let reason = match detail.word() {
        Some(word) => format!("{} {word}", answer.status),
        None => answer.status.to_string(),
    };
    // Anthropic tells of an empty account in the words of an ordinary 400.
    let no_money = answer.status == 400
        && detail.message.as_deref().is_some_and(|message| message.contains("credit balance is too low"));
    if no_money || detail.says(&NO_QUOTA) {
        return ModelError::Quota(reason);
    }
    match answer.status {
        402 => ModelError::Quota(reason),
        429 => ModelError::Limited { retry_after: answer.retry_after(), reason },
        503 if detail.says(&["slow_down"]) => {
            ModelError::Limited { retry_after: answer.retry_after(), reason }
        }
        401 | 403 => ModelError::Key(reason),
        408 | 409 | 498 | 500..=599 => ModelError::Unavailable(reason),
        _ => ModelError::Refused(reason),
    }
}

/// What an error inside of an answer with status 200 means; `None` where there is none.
pub(super) fn of_body(body: &[u8]) -> Option<ModelError> {
    let detail = Detail::of(body)?;
    let reason = format!("200 {}", detail.word().unwrap_or("error"));
    Some(if detail.says(&NO_QUOTA) {
        ModelError::Quota(reason)
    } else if detail.says(&LIMITED) {
        ModelError::Limited { retry_after: None, reason }
    } else if detail.says(&FILTERED) || detail.says(&["invalid_request_error", "context_length_exceeded"]) {
        ModelError::Refused(reason)
    } else if detail.says(&TROUBLE) {
        ModelError::Unavailable(reason)
    } else {
        ModelError::Garbled(reason)
    })
}

/// What a request without an answer means.
pub(super) fn of_http(error: &HttpError, limit: Duration) -> ModelError {
    match error {
        HttpError::Unclear { timed_out: true, .. } => ModelError::Timeout(limit),
        HttpError::NotSent { .. }
        | HttpError::Cut { .. }
        | HttpError::Unclear { .. }
        | HttpError::Setup(_) => ModelError::Unavailable(error.to_string()),
        HttpError::TooLarge { .. } => ModelError::Garbled(error.to_string()),
        HttpError::Forbidden { .. } | HttpError::Redirect { .. } | HttpError::Invalid(_) => {
            ModelError::Refused(error.to_string())
        }
    }
}
