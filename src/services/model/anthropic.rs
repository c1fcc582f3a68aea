//! Anthropic's messages.
//!
//! Source: <https://docs.anthropic.com/en/api/messages>, <https://docs.anthropic.com/en/api/errors>.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::config::ModelEntry;
use super::verdict;
use super::{Completion, Model, ModelError, Prompt, Role};
use crate::services::http::Http;

/// A client for one entry of the config.
#[derive(Debug)]
pub(super) struct Anthropic {
    entry: ModelEntry,
    base: String,
    http: Http,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    system: &'a str,
    messages: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Response {
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Usage,
}

/// A block that is no text (thinking, tools) has none.
#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Anthropic {
    pub(super) fn new(entry: ModelEntry, http: Http) -> Self {
        let base = entry.base("https://api.anthropic.com");
        Self { entry, base, http }
    }
}

#[async_trait]
impl Model for Anthropic {
    async fn complete(&self, prompt: &Prompt, limit: Duration) -> Result<Completion, ModelError> {
        let limit = limit.min(self.entry.timeout.0.get());
        let said = prompt.messages.iter().map(|message| Said {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: &message.text,
        });
        let request = Request {
            model: &prompt.model,
            max_tokens: prompt.max_tokens,
            system: &prompt.system,
            messages: said.collect(),
        };
        let body = serde_json::to_vec(&request).map_err(|error| ModelError::Refused(error.to_string()))?;
        let headers = [("x-api-key", self.entry.key.expose().as_str()), ("anthropic-version", "2023-06-01")];
        let url = format!("{}/messages", self.base);
        let request = self.http.outside().post_json(&url, &headers, Bytes::from(body), limit);
        let answer = request.await.map_err(|error| verdict::of_http(&error, limit))?;
        if !answer.ok() {
            return Err(verdict::of_status(&answer));
        }
        read(&answer.body)
    }
}

fn read(body: &[u8]) -> Result<Completion, ModelError> {
    let response: Response = match serde_json::from_slice(body) {
        Ok(response) => response,
        Err(error) => {
            // serde's words name a place and a field, not the text.
            return Err(verdict::of_body(body).unwrap_or_else(|| ModelError::Garbled(error.to_string())));
        }
    };
    let reason = response.stop_reason.as_deref().unwrap_or_default();
    if reason == "refusal" {
        return Err(ModelError::Refused("refusal".to_owned()));
    }
    let blocks = response.content.into_iter().filter(|block| block.kind == "text");
    let text: String = blocks.map(|block| block.text).collect();
    let cut = reason == "max_tokens";
    if text.trim().is_empty() {
        let why = if cut { "no text within the token limit" } else { "no text in the answer" };
        return Err(ModelError::Garbled(why.to_owned()));
    }
    let usage = response.usage;
    let cached = usage.cache_creation_input_tokens.unwrap_or(0) + usage.cache_read_input_tokens.unwrap_or(0);
    Ok(Completion {
        text,
        cut,
        input_tokens: usage.input_tokens + cached,
        output_tokens: usage.output_tokens,
    })
}
