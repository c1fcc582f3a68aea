//! Files at Telegram: `getFile` gives a path, which holds for an hour and is read with the token in it.
//!
//! Source: <https://core.telegram.org/bots/api#getfile>. Guarantee: what Telegram gives as a path becomes part of an address
//! only where it is made of letters, digits and single dots between slashes.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Address, Bounds, DownloadError, content};
use crate::domain::events::Attachment;
use crate::services::channel::{Sender, TelegramConfig, is_bot_token};
use crate::services::http::{Call, Http};

/// What `getFile` gives bots at most.
const MAX_FILE: u64 = 20 << 20;

/// Words of a 400 that say that the id leads to no file. "wrong `file_id` or the file is temporarily unavailable" does not.
const GONE: [&str; 6] = [
    "wrong file_id",
    "wrong file identifier",
    "wrong remote file",
    "invalid file_id",
    "file not found",
    "file_reference_expired",
];

#[derive(Debug)]
pub(super) struct Telegram {
    api_url: String,
    http: Http,
}

#[derive(Debug, Deserialize)]
struct Told {
    result: Option<File>,
    error_code: Option<i64>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Debug, Deserialize)]
struct File {
    file_path: Option<String>,
    file_size: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

impl Telegram {
    pub(super) fn new(config: &TelegramConfig, http: Http) -> Self {
        Self { api_url: config.api_url.trim_end_matches('/').to_owned(), http }
    }

    pub(super) async fn download(
        &self,
        to: &Sender,
        file: &Attachment,
        bounds: Bounds,
    ) -> Result<Bytes, DownloadError> {
        let until = Instant::now() + bounds.limit;
        let most = bounds.most.min(MAX_FILE);
        let token = to.token.expose();
        let Some(id) = file.id.as_deref().filter(|_| is_bot_token(token)) else {
            return Err(DownloadError::Refused(
                "the message names no file that could be asked for".to_owned(),
            ));
        };
        let url = Zeroizing::new(format!("{}/bot{token}/getFile", self.api_url));
        let body = Bytes::from(json!({"file_id": id}).to_string());
        let answer = self.http.provider().post_json(&url, &[], body, bounds.limit).await?;
        let told: Told = serde_json::from_slice(&answer.body).map_err(|_| {
            DownloadError::Lost(format!("Telegram answers {} without a readable body", answer.status))
        })?;
        let path = path_of(told, most)?;
        let url = Zeroizing::new(format!("{}/file/bot{token}/{path}", self.api_url));
        let limit = until.saturating_duration_since(Instant::now());
        let call = Call { method: "GET", url: &url, headers: &[], body: None, limit, max_body: Some(most) };
        content(self.http.provider().call(call).await?, Address::Fresh)
    }
}

/// The path of a file that is small enough.
fn path_of(told: Told, most: u64) -> Result<String, DownloadError> {
    let Some(file) = told.result else { return Err(refusal(told)) };
    if file.file_size.is_some_and(|size| size > most) {
        return Err(DownloadError::TooLarge { most });
    }
    let none = || DownloadError::Lost("Telegram gives no path to the file".to_owned());
    let path = file.file_path.ok_or_else(none)?;
    let segment = |segment: &str| {
        !segment.trim_matches('.').is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    if path.len() > 512 || !path.split('/').all(segment) {
        return Err(DownloadError::Refused("Telegram gives a path that is none of its own".to_owned()));
    }
    Ok(path)
}

fn refusal(told: Told) -> DownloadError {
    let text = told.description.to_ascii_lowercase();
    match told.error_code.unwrap_or_default() {
        429 => {
            let after = told.parameters.retry_after.map(Duration::from_secs);
            DownloadError::Throttled { after, reason: told.description }
        }
        400 if text.contains("too big") => DownloadError::TooLarge { most: MAX_FILE },
        400 if GONE.iter().any(|words| text.contains(words)) && !text.contains("temporarily") => {
            DownloadError::Expired(format!("Telegram: {}", told.description))
        }
        401 | 403 | 404 => DownloadError::Closed(format!("Telegram refuses the bot: {}", told.description)),
        _ => DownloadError::Lost(format!("Telegram: {}", told.description)),
    }
}
