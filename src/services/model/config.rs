//! Which models this installation may ask.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::registry::EXTRACTIVE;
use crate::config::{Problems, Secret};
use crate::domain::units::Span;

/// Model providers by the name that a bot's `model.provider` uses. `extractive` is always there and needs no entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ModelsConfig(pub BTreeMap<String, ModelEntry>);

/// One provider's account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelEntry {
    /// How the provider is spoken to.
    pub kind: ModelKind,
    /// Where it is: `https://api.groq.com/openai/v1`, `https://NAME.openai.azure.com`. Empty = the provider's own
    /// address. An address without a path gets `/v1`.
    pub base_url: String,
    /// The key; empty for a server that asks for none.
    pub key: Secret,
    /// The longest wait for an answer; a turn's own remaining time may be shorter.
    pub timeout: ModelTimeout,
    /// Azure only: the API's version.
    pub api_version: ApiVersion,
    /// Sends `max_tokens` where the newer `max_completion_tokens` is not understood.
    pub legacy_max_tokens: bool,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Chat completions: OpenAI, Groq, Mistral, vLLM, Ollama and whatever else speaks them.
    #[default]
    Openai,
    /// The same on Azure: `api-key`, a deployment in the path, a version.
    Azure,
    /// Anthropic's messages.
    Anthropic,
}

/// The longest wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ModelTimeout(pub Span);

impl Default for ModelTimeout {
    /// Below the answer stage's budget of 45 s, so that a fallback is still in time.
    fn default() -> Self {
        Self(Span::secs(30))
    }
}

/// Azure's API version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ApiVersion(pub String);

impl Default for ApiVersion {
    /// The newest stable one.
    fn default() -> Self {
        Self("2024-10-21".to_owned())
    }
}

impl ModelsConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        for (name, entry) in &self.0 {
            entry.validate(&format!("{at}.{name}"), problems);
            if name == EXTRACTIVE {
                let remedy = "choose another name for the entry";
                problems.add(
                    format!("{at}.{name}"),
                    "`extractive` is built in and takes no settings",
                    remedy,
                );
            }
        }
    }
}

impl ModelEntry {
    fn validate(&self, at: &str, problems: &mut Problems) {
        let own = self.base_url.is_empty();
        if own && self.kind == ModelKind::Azure {
            let remedy = "write https://NAME.openai.azure.com";
            problems.add(format!("{at}.base_url"), "an azure entry has no address of its own", remedy);
        }
        if own && self.key.expose().is_empty() {
            problems.add(format!("{at}.key"), "the provider asks for a key", "set it by environment or file");
        }
        if !own && !self.base_url.starts_with("http://") && !self.base_url.starts_with("https://") {
            let remedy = "begin it with https:// or http://";
            problems.add(format!("{at}.base_url"), format!("`{}` is no address", self.base_url), remedy);
        }
        if self.base_url.contains(['?', '#']) {
            let what = "an address with a query can't be extended";
            problems.add(format!("{at}.base_url"), what, "leave out everything from `?` on");
        }
        if self.timeout.0.get().is_zero() {
            problems.add(format!("{at}.timeout"), "is zero", "write for example 30s");
        }
        if self.kind == ModelKind::Azure && self.api_version.0.is_empty() {
            problems.add(format!("{at}.api_version"), "is empty", "write for example 2024-10-21");
        }
    }

    /// `base_url` or the provider's own address, without a slash at the end; `/v1` where there is no path.
    pub(super) fn base(&self, own: &str) -> String {
        let base = if self.base_url.is_empty() { own } else { &self.base_url };
        let base = base.trim_end_matches('/');
        let host = base.split_once("://").map_or(base, |(_, rest)| rest);
        if self.kind != ModelKind::Azure && !host.contains('/') {
            return format!("{base}/v1");
        }
        base.to_owned()
    }
}
