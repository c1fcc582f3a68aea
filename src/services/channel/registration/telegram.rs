//! Webhooks of Telegram bots.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{LIMIT, Registrar, RegistrationError, Standing, Wanted};
use crate::services::channel::render::words;
use crate::services::channel::telegram::is_token;

/// What ingest reads. Telegram leaves reactions and members out unless they are named.
pub(super) const UPDATES: [&str; 12] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "message_reaction",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "poll_answer",
    "pre_checkout_query",
    "shipping_query",
];
/// Of these, what is told only when it is named.
const NOT_BY_DEFAULT: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];
/// Posts side by side; one chat's come one after the other all the same.
const CONNECTIONS: u32 = 40;
/// Where Telegram asks to wait and does not say how long.
const WAIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Me {
    username: Option<String>,
    first_name: Option<String>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    url: String,
    #[serde(default)]
    pending_update_count: u64,
    last_error_date: Option<i64>,
    last_error_message: Option<String>,
    /// Absent = all but those that have to be named.
    allowed_updates: Option<Vec<String>>,
}

impl Info {
    fn tells(&self, kind: &str) -> bool {
        match self.allowed_updates.as_deref().filter(|kinds| !kinds.is_empty()) {
            Some(kinds) => kinds.iter().any(|told| told == kind),
            None => !NOT_BY_DEFAULT.contains(&kind),
        }
    }
}

impl Registrar {
    pub(super) async fn telegram_status(&self, wanted: &Wanted) -> Result<Standing, RegistrationError> {
        let me: Me = self.telegram(wanted, "getMe", &json!({})).await?;
        let info: Info = self.telegram(wanted, "getWebhookInfo", &json!({})).await?;
        let registered = info.url == wanted.url;
        let missing = UPDATES.into_iter().filter(|kind| registered && !info.tells(kind));
        Ok(Standing {
            missing: missing.map(str::to_owned).collect(),
            registered,
            name: me.username.or(me.first_name),
            url: Some(info.url).filter(|url| !url.is_empty()),
            pending: Some(info.pending_update_count),
            last_error: info.last_error_message.as_deref().map(words),
            last_error_at: info.last_error_date,
            quality: None,
        })
    }

    pub(super) async fn telegram_register(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        let body = json!({
            "url": wanted.url,
            "secret_token": wanted.secret.expose(),
            "allowed_updates": UPDATES,
            "max_connections": CONNECTIONS,
        });
        self.telegram::<Value>(wanted, "setWebhook", &body).await.map(drop)
    }

    pub(super) async fn telegram_unregister(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        self.telegram::<Value>(wanted, "deleteWebhook", &json!({})).await.map(drop)
    }

    async fn telegram<T: DeserializeOwned>(
        &self,
        wanted: &Wanted,
        method: &str,
        body: &Value,
    ) -> Result<T, RegistrationError> {
        if !is_token(wanted.token.expose()) {
            return Err(RegistrationError::Token("it is malformed".to_owned()));
        }
        let url = Zeroizing::new(format!("{}/bot{}/{method}", self.api_url, wanted.token.expose()));
        let body = Bytes::from(body.to_string());
        let answer = self.http.provider().post_json(&url, &[], body, LIMIT).await?;
        read(&answer.body)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, RegistrationError> {
    #[derive(Deserialize)]
    struct Body {
        ok: bool,
        result: Option<Value>,
        error_code: Option<i64>,
        description: Option<String>,
        #[serde(default)]
        parameters: Parameters,
    }
    #[derive(Default, Deserialize)]
    struct Parameters {
        retry_after: Option<u64>,
    }
    let unreadable = |error: serde_json::Error| {
        RegistrationError::Unreachable(format!("Telegram's answer can't be read: {error}"))
    };
    let body: Body = serde_json::from_slice(body).map_err(unreadable)?;
    if let (true, Some(result)) = (body.ok, body.result) {
        return serde_json::from_value(result).map_err(unreadable);
    }
    let code = body.error_code.unwrap_or_default();
    let reason = words(&format!("{code}: {}", body.description.unwrap_or_default()));
    Err(match code {
        401 | 404 => RegistrationError::Token(reason),
        429 => RegistrationError::Wait {
            after: body.parameters.retry_after.map_or(WAIT, Duration::from_secs),
            reason,
        },
        500.. => RegistrationError::Unreachable(reason),
        _ => RegistrationError::Refused(reason),
    })
}
