//! Chat completions: OpenAI, Azure, Groq and every compatible server.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>,
//! <https://learn.microsoft.com/azure/ai-services/openai/reference>, <https://console.groq.com/docs/api-reference>.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::config::{ModelEntry, ModelKind};
use super::verdict;
use super::{Completion, Model, ModelError, Prompt, Role};
use crate::services::http::Http;

/// A client for one entry of the config.
#[derive(Debug)]
pub(super) struct OpenAi {
    entry: ModelEntry,
    base: String,
    http: Http,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Response {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Some compatible servers answer in pieces.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl OpenAi {
    pub(super) fn new(entry: ModelEntry, http: Http) -> Self {
        let base = entry.base("https://api.openai.com/v1");
        Self { entry, base, http }
    }

    fn url(&self, model: &str) -> String {
        match self.entry.kind {
            ModelKind::Azure => {
                let version = &self.entry.api_version.0;
                format!("{}/openai/deployments/{model}/chat/completions?api-version={version}", self.base)
            }
            ModelKind::Openai | ModelKind::Anthropic => format!("{}/chat/completions", self.base),
        }
    }

    fn body(&self, prompt: &Prompt) -> Result<Bytes, ModelError> {
        let system = Said { role: "system", content: &prompt.system };
        let said = prompt.messages.iter().map(|message| Said {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: &message.text,
        });
        let (new, old) = if self.entry.legacy_max_tokens {
            (None, Some(prompt.max_tokens))
        } else {
            (Some(prompt.max_tokens), None)
        };
        let request = Request {
            model: &prompt.model,
            messages: std::iter::once(system).filter(|s| !s.content.is_empty()).chain(said).collect(),
            max_completion_tokens: new,
            max_tokens: old,
        };
        let body = serde_json::to_vec(&request).map_err(|error| ModelError::Refused(error.to_string()))?;
        Ok(Bytes::from(body))
    }
}

#[async_trait]
impl Model for OpenAi {
    async fn complete(&self, prompt: &Prompt, limit: Duration) -> Result<Completion, ModelError> {
        let limit = limit.min(self.entry.timeout.0.get());
        let bearer = format!("Bearer {}", self.entry.key.expose());
        let auth = match self.entry.kind {
            ModelKind::Azure => ("api-key", self.entry.key.expose().as_str()),
            ModelKind::Openai | ModelKind::Anthropic => ("authorization", bearer.as_str()),
        };
        let headers: &[_] = if self.entry.key.expose().is_empty() { &[] } else { &[auth] };
        let url = self.url(&prompt.model);
        let request = self.http.outside().post_json(&url, headers, self.body(prompt)?, limit);
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
    let Some(choice) = response.choices.into_iter().next() else {
        return Err(ModelError::Garbled("no choice in the answer".to_owned()));
    };
    let reason = choice.finish_reason.as_deref().unwrap_or_default();
    if reason == "content_filter" || choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(ModelError::Refused("content_filter".to_owned()));
    }
    let text = match choice.message.content {
        Some(Content::Text(text)) => text,
        Some(Content::Pieces(pieces)) => pieces.into_iter().map(|piece| piece.text).collect(),
        None => String::new(),
    };
    let cut = reason == "length";
    if text.trim().is_empty() {
        let why = if cut { "no text within the token limit" } else { "no text in the answer" };
        return Err(ModelError::Garbled(why.to_owned()));
    }
    let Usage { prompt_tokens: input_tokens, completion_tokens: output_tokens } = response.usage;
    Ok(Completion { text, cut, input_tokens, output_tokens })
}
