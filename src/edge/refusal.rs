//! Every way in which the edge says no: a closed list of answers.
//!
//! Guarantee: an answer holds fixed words only, never a part of the request, a secret or an internal error.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::channel::ChannelKind;
use crate::telemetry;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such bot.
    UnknownBot,
    /// No such Meta app.
    UnknownApp,
    /// No such page.
    UnknownPath,
    /// The secret header is absent or wrong.
    Secret,
    /// The signature is absent or wrong.
    Signature,
    /// The handshake's token is wrong.
    VerifyToken,
    /// The visitor's token is absent or wrong.
    Token,
    /// The ticket is wrong, used or over.
    Ticket,
    /// The page that asks is not on the bot's list.
    Origin,
    /// The hash beside a user's name is wrong.
    UserHash,
    /// A body that is longer than allowed.
    TooLarge,
    /// A body that is not JSON by its own word, or is compressed.
    MediaType,
    /// A visitor's file that comes as a form or compressed.
    FileForm,
    /// A visitor's file of a type that is not taken.
    FileType,
    /// The bot takes no files.
    NoFiles,
    /// A request of ours (web chat) that is not as described.
    Malformed(&'static str),
    /// The body took too long.
    Slow,
    /// More than the limit of this visitor or address; how long to wait, in seconds.
    TooMany(u64),
    /// The log or the store is slow, full or away; how long to wait, in seconds.
    Busy(u64),
}

impl Refusal {
    /// Counts the refusal.
    pub(super) fn count(self, channel: ChannelKind) {
        telemetry::webhook_refused(channel, self.parts().0.as_u16(), self.as_str());
    }

    const fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownBot => {
                (StatusCode::NOT_FOUND, "no such bot: check the address that `bot connect` printed")
            }
            Self::UnknownApp => {
                (StatusCode::NOT_FOUND, "no such app: check the address that `bot connect` printed")
            }
            Self::UnknownPath => (StatusCode::NOT_FOUND, "no such page"),
            Self::Secret => (
                StatusCode::UNAUTHORIZED,
                "X-Telegram-Bot-Api-Secret-Token is absent or wrong: set the webhook again with `bot connect`",
            ),
            Self::Signature => (
                StatusCode::UNAUTHORIZED,
                "X-Hub-Signature-256 is absent or wrong: check the app secret, and that nothing changes the body",
            ),
            Self::VerifyToken => (StatusCode::FORBIDDEN, "hub.verify_token is wrong"),
            Self::Token => (StatusCode::UNAUTHORIZED, "the visitor's token is absent or wrong"),
            Self::Ticket => {
                (StatusCode::UNAUTHORIZED, "the ticket is wrong, used or older than 30 s: ask for a new one")
            }
            Self::Origin => (StatusCode::FORBIDDEN, "this page's origin is not on the bot's list"),
            Self::UserHash => (StatusCode::UNAUTHORIZED, "user_hash does not belong to user"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json without a content encoding")
            }
            Self::FileForm => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send the file's bytes as the body, without a form and without a content encoding",
            ),
            Self::FileType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "files of this type are not taken"),
            Self::NoFiles => (StatusCode::FORBIDDEN, "this bot takes no files"),
            Self::Malformed(what) => (StatusCode::BAD_REQUEST, what),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body took too long"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too many requests: wait"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "can't take more now: send it again"),
        }
    }

    /// The label in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownBot | Self::UnknownApp | Self::UnknownPath => "unknown",
            Self::Secret | Self::Signature | Self::VerifyToken | Self::Token | Self::Ticket => "unauthorized",
            Self::Origin => "origin",
            Self::UserHash => "user_hash",
            Self::TooLarge => "too_large",
            Self::MediaType | Self::FileForm | Self::FileType => "media_type",
            Self::NoFiles => "no_files",
            Self::Malformed(_) => "malformed",
            Self::Slow => "slow",
            Self::TooMany(_) => "too_many",
            Self::Busy(_) => "busy",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = self.parts();
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Self::Busy(seconds) | Self::TooMany(seconds) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Self::Token = self {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
