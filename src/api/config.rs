//! The `api` section of the settings.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Problems, Secret};
use crate::domain::units::{Size, Span};
use crate::services::parse::MAX_INPUT;

/// The admin API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// The address to listen on. Speaks HTTP: leave it on the loopback, or put a TLS proxy in front.
    pub listen: SocketAddr,
    /// The operator's bearer token, 32 characters or more. Absent = made anew at each start and written to
    /// `admin.json` in the data folder, which commands on this machine read.
    pub token: Option<Secret>,
    /// The largest request body: a bot's file with its documents. Files of knowledge bases have `uploads`.
    pub max_body: Size,
    /// How long a request may take.
    pub timeout: Span,
    /// How many requests may be at work at once; above it the answer is `busy`.
    pub concurrent: u32,
    /// The most memory for files that people sent and that are on their way to whoever has a link; above it the answer is
    /// `busy`.
    pub downloads: Size,
    /// The most memory for files on their way into knowledge bases, 100 MiB for each at most; above it the answer is `busy`.
    pub uploads: Size,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            token: None,
            max_body: Size::mib(16),
            timeout: Span::secs(30),
            concurrent: 64,
            downloads: Size::mib(128),
            uploads: Size::mib(256),
        }
    }
}

/// Fewer characters can be guessed, given time.
const SHORTEST_TOKEN: usize = 32;

impl ApiConfig {
    /// Reports what can't work.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.token.as_ref().is_some_and(|token| token.expose().len() < SHORTEST_TOKEN) {
            problems.add(
                format!("{at}.token"),
                "the token is too short",
                format!("use {SHORTEST_TOKEN} random characters or more"),
            );
        }
        if self.max_body < Size::kib(64) || self.max_body > Size::mib(256) {
            problems.add(
                format!("{at}.max_body"),
                format!("{} can't be", self.max_body),
                "use 64 KiB to 256 MiB",
            );
        }
        if self.timeout.get().is_zero() {
            problems.add(format!("{at}.timeout"), "is zero", "write for example 30s");
        }
        if self.downloads < Size::mib(1) {
            let what = format!("{} lets no file out", self.downloads);
            problems.add(format!("{at}.downloads"), what, "use 1 MiB or more");
        }
        if self.uploads < Size::from_bytes(MAX_INPUT as u64) {
            let what = format!("{} lets no file of {} MB in", self.uploads, MAX_INPUT >> 20);
            problems.add(format!("{at}.uploads"), what, format!("use {} MiB or more", MAX_INPUT >> 20));
        }
        if self.concurrent == 0 {
            problems.add(format!("{at}.concurrent"), "is zero", "use 1 or more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guessable_token_is_refused_without_being_shown() {
        let mut problems = Problems::default();
        ApiConfig { token: Some(Secret::new("letmein".into())), concurrent: 0, ..ApiConfig::default() }
            .validate("api", &mut problems);
        let text = problems.to_string();
        assert!(text.contains("api.token") && text.contains("api.concurrent"), "{text}");
        assert!(!text.contains("letmein"), "{text}");
    }
}
