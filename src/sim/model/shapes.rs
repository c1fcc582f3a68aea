//! The two shapes of requests and answers.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::script::Fault;

/// Whose API a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    OpenAi,
    Anthropic,
}

impl Shape {
    /// By the end of the path: any prefix and version is taken.
    pub(super) fn of(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAi)
        } else {
            path.ends_with("/messages").then_some(Self::Anthropic)
        }
    }

    /// As in the journal.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::OpenAi => "chat.completions",
            Self::Anthropic => "messages",
        }
    }

    /// A number for the key that was given, 0 for none: the key itself is never kept, and any key will do.
    pub(super) fn key(self, headers: &HeaderMap) -> u64 {
        let names: &[&str] = match self {
            Self::OpenAi => &["authorization", "api-key"],
            Self::Anthropic => &["x-api-key", "authorization"],
        };
        let Some(key) = names.iter().find_map(|name| headers.get(*name)) else { return 0 };
        let mut hasher = DefaultHasher::new();
        key.as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn completion(self, model: &str, text: &str, body: &Value) -> Answer {
        // About four characters a token: near enough for budgets.
        let read = body.get("messages").map(|messages| messages.to_string().len() / 4).unwrap_or_default();
        let wrote = text.len() / 4 + 1;
        let answer = match self {
            Self::OpenAi => json!({
                "id": "chatcmpl-sim",
                "object": "chat.completion",
                "created": 0,
                "model": model,
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }],
                "usage": {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote},
            }),
            Self::Anthropic => json!({
                "id": "msg_sim",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": null,
                "usage": {"input_tokens": read, "output_tokens": wrote},
            }),
        };
        Answer::json(200, &answer)
    }

    pub(super) fn error(self, status: u16, message: &str) -> Answer {
        let body = match self {
            Self::OpenAi => {
                let (kind, code) = match status {
                    401 => ("invalid_request_error", "invalid_api_key"),
                    404 => ("invalid_request_error", "model_not_found"),
                    429 => ("requests", "rate_limit_exceeded"),
                    400..=499 => ("invalid_request_error", "invalid_request"),
                    _ => ("server_error", "server_error"),
                };
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
            Self::Anthropic => {
                let kind = match status {
                    401 => "authentication_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    413 => "request_too_large",
                    429 => "rate_limit_error",
                    529 => "overloaded_error",
                    400..=499 => "invalid_request_error",
                    _ => "api_error",
                };
                json!({"type": "error", "error": {"type": kind, "message": message}})
            }
        };
        Answer::json(status, &body)
    }

    /// The words for a status that a script asks for.
    pub(super) fn scripted(self, fault: &Fault, status: u16) -> Answer {
        let wait = (status == 429).then(|| fault.retry_after.unwrap_or(1)).or(fault.retry_after);
        Answer { retry_after: wait, ..self.error(status, "the script says so") }
    }
}
