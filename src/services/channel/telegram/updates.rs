//! Asking Telegram for updates, for machines that it can't reach. Source: <https://core.telegram.org/bots/api#getupdates>.
//!
//! Guarantee: an update stays at Telegram until a later call names an offset above it, so what is not handed on is given
//! again; each update comes as the bytes that Telegram sent, as a webhook would bring them.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{TelegramConfig, is_token};
use crate::config::Secret;
use crate::services::channel::render::words;
use crate::services::http::{Http, HttpError};

/// Updates of one answer: Telegram gives 100 at most.
const MOST: usize = 100;
/// Bytes of one answer; an update is a few KB.
const MAX_BODY: u64 = 16 << 20;
/// What an answer may take beyond the time that Telegram was asked to wait.
const SLACK: Duration = Duration::from_secs(10);

/// Asks for updates of bots.
#[derive(Debug, Clone)]
pub struct TelegramUpdates {
    api_url: String,
    http: Http,
}

/// One update.
#[derive(Debug, Clone)]
pub struct Update {
    /// Rises with every update of a bot.
    pub id: i64,
    /// What a webhook's body would be.
    pub body: Bytes,
}

/// Why no updates came.
#[derive(Debug, Error)]
pub enum UpdatesError {
    /// The bot has a webhook: Telegram posts its updates there and gives them to nobody else.
    #[error("the bot has a webhook: {0}")]
    Webhook(String),
    /// Another process asks for the same bot's updates.
    #[error("another process asks for this bot's updates, end one of them: {0}")]
    Other(String),
    /// The token is not, or no longer, a bot's.
    #[error("Telegram refuses the token, connect the bot again with the one that BotFather gave: {0}")]
    Token(String),
    /// Anything else; trying again may help.
    #[error("{reason}")]
    Failed {
        /// What was said.
        reason: String,
        /// How long Telegram asks to wait.
        after: Option<Duration>,
    },
}

impl From<HttpError> for UpdatesError {
    fn from(error: HttpError) -> Self {
        Self::Failed { reason: error.to_string(), after: None }
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    ok: bool,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error_code: Option<i64>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

impl TelegramUpdates {
    /// For the Bot API that `config` names.
    #[must_use]
    pub fn new(config: &TelegramConfig, http: Http) -> Self {
        Self { api_url: config.api_url.trim_end_matches('/').to_owned(), http }
    }

    /// The updates from `offset` on; those below it are forgotten by Telegram. Waits for the first one up to `wait`.
    ///
    /// # Errors
    /// See [`UpdatesError`]; nothing is forgotten then.
    pub async fn next(
        &self,
        token: &Secret,
        offset: i64,
        wait: Duration,
    ) -> Result<Vec<Update>, UpdatesError> {
        let query = format!("offset={offset}&limit={MOST}&timeout={}", wait.as_secs());
        let answer = self.call(token, "getUpdates", &query, wait + SLACK).await?;
        let raw: Vec<&RawValue> = read(&answer)?;
        raw.into_iter()
            .map(|update| {
                let Numbered { update_id } = serde_json::from_str(update.get()).map_err(unreadable)?;
                Ok(Update { id: update_id, body: Bytes::copy_from_slice(update.get().as_bytes()) })
            })
            .collect()
    }

    /// Takes the bot's webhook away; updates that wait there are kept.
    ///
    /// # Errors
    /// See [`UpdatesError`].
    pub async fn delete_webhook(&self, token: &Secret) -> Result<(), UpdatesError> {
        let answer = self.call(token, "deleteWebhook", "", SLACK).await?;
        read::<serde::de::IgnoredAny>(&answer).map(drop)
    }

    async fn call(
        &self,
        token: &Secret,
        method: &str,
        query: &str,
        limit: Duration,
    ) -> Result<Bytes, UpdatesError> {
        if !is_token(token.expose()) {
            return Err(UpdatesError::Token("it is malformed".to_owned()));
        }
        let url = Zeroizing::new(format!("{}/bot{}/{method}?{query}", self.api_url, token.expose()));
        let call = crate::services::http::Call {
            method: "GET",
            url: &url,
            headers: &[],
            body: None,
            limit,
            max_body: Some(MAX_BODY),
        };
        Ok(self.http.provider().call(call).await?.body)
    }
}

/// The result of an answer, or what its error means.
fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, UpdatesError> {
    let body: Body<'a> = serde_json::from_slice(answer).map_err(unreadable)?;
    if let (true, Some(result)) = (body.ok, body.result) {
        return serde_json::from_str(result.get()).map_err(unreadable);
    }
    let code = body.error_code.unwrap_or_default();
    let text = body.description.unwrap_or_default();
    let reason = words(&format!("{code}: {text}"));
    Err(match code {
        409 if text.contains("webhook") => UpdatesError::Webhook(reason),
        409 => UpdatesError::Other(reason),
        401 | 404 => UpdatesError::Token(reason),
        _ => UpdatesError::Failed { reason, after: body.parameters.retry_after.map(Duration::from_secs) },
    })
}

fn unreadable(error: serde_json::Error) -> UpdatesError {
    UpdatesError::Failed { reason: format!("Telegram's answer can't be read: {error}"), after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let error = |text: &str| read::<serde::de::IgnoredAny>(text.as_bytes()).unwrap_err();
        let conflict = |text| format!(r#"{{"ok":false,"error_code":409,"description":"Conflict: {text}"}}"#);
        assert!(matches!(
            error(&conflict("can't use getUpdates while webhook is active")),
            UpdatesError::Webhook(_)
        ));
        assert!(matches!(error(&conflict("terminated by other getUpdates request")), UpdatesError::Other(_)));
        let refused = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        assert!(error(refused).to_string().contains("BotFather"));
        let slow = r#"{"ok":false,"error_code":429,"description":"Too Many","parameters":{"retry_after":7}}"#;
        assert!(matches!(error(slow), UpdatesError::Failed { after: Some(wait), .. } if wait.as_secs() == 7));
        assert!(error("<html>").to_string().contains("can't be read"));
    }
}
