//! Telling a provider where to post: a webhook is set, looked at, taken away.
//!
//! Sources: <https://core.telegram.org/bots/api#setwebhook>,
//! <https://developers.facebook.com/docs/messenger-platform/reference/page/subscribed_apps>. Guarantee: nothing is set
//! that stands already unless it is asked for; a token appears in no error.

mod meta;
mod telegram;
mod templates;

use std::time::Duration;

use thiserror::Error;

use super::ChannelsConfig;
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::services::http::{Http, HttpError};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks the providers. One value serves all accounts.
#[derive(Debug, Clone)]
pub struct Registrar {
    api_url: String,
    graph_url: String,
    http: Http,
}

/// An account and what its webhook is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id of the account.
    pub account: String,
    /// The provider's token.
    pub token: Secret,
    /// Where it is to post.
    pub url: String,
    /// What it shows when it posts (Telegram), or what it asks for in the handshake (Meta).
    pub secret: Secret,
}

/// What a provider says of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// True when it posts where it should.
    pub registered: bool,
    /// The handle or the name that people see.
    pub name: Option<String>,
    /// Where it posts.
    pub url: Option<String>,
    /// Updates that wait to be posted.
    pub pending: Option<u64>,
    /// The last failure to post, in the provider's words.
    pub last_error: Option<String>,
    /// When that was, in seconds since 1970.
    pub last_error_at: Option<i64>,
    /// The quality of a number.
    pub quality: Option<String>,
    /// Kinds of updates, or fields, that it is not asked to tell of and that are read here.
    pub missing: Vec<String>,
}

/// Why nothing came of it.
#[derive(Debug, Error)]
pub enum RegistrationError {
    /// The provider refuses the token.
    #[error("the provider refuses the token, connect the bot again with a new one: {0}")]
    Token(String),
    /// Too many questions: after this long.
    #[error("the provider asks to wait {}s: {reason}", .after.as_secs())]
    Wait {
        /// How long.
        after: Duration,
        /// In its words.
        reason: String,
    },
    /// The provider refuses, in its words.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// No answer that can be read.
    #[error("the provider can't be asked: {0}")]
    Unreachable(String),
}

impl From<HttpError> for RegistrationError {
    fn from(error: HttpError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl Registrar {
    /// Asks the servers that `config` names.
    #[must_use]
    pub fn new(config: &ChannelsConfig, http: Http) -> Self {
        let plain = |url: &str| url.trim_end_matches('/').to_owned();
        Self { api_url: plain(&config.telegram.api_url), graph_url: plain(&config.meta.graph_url), http }
    }

    /// What the provider says of the account now.
    ///
    /// # Errors
    /// See [`RegistrationError`].
    pub async fn status(&self, wanted: &Wanted) -> Result<Standing, RegistrationError> {
        match wanted.channel {
            ChannelKind::Telegram => self.telegram_status(wanted).await,
            _ => self.meta_status(wanted).await,
        }
    }

    /// Makes the provider post to us; what it says of the account afterwards.
    ///
    /// # Errors
    /// See [`RegistrationError`].
    pub async fn register(&self, wanted: &Wanted) -> Result<Standing, RegistrationError> {
        match wanted.channel {
            ChannelKind::Telegram => self.telegram_register(wanted).await?,
            _ => self.meta_register(wanted).await?,
        }
        self.status(wanted).await
    }

    /// Makes the provider post to us no more.
    ///
    /// # Errors
    /// See [`RegistrationError`].
    pub async fn unregister(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        match wanted.channel {
            ChannelKind::Telegram => self.telegram_unregister(wanted).await,
            _ => self.meta_unregister(wanted).await,
        }
    }
}

#[cfg(test)]
mod tests;
