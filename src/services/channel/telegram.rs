//! Sending through the Telegram Bot API. Source: <https://core.telegram.org/bots/api>.
//!
//! Guarantee: the token stands in the request's path and nowhere else, no redirect is followed, and no error or log
//! shows the address.

mod judge;
mod keyboard;
#[cfg(test)]
mod tests;
mod updates;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::render;
use super::split::utf16;
use super::{Channel, Scope, SendOutcome, Sender, Target, TelegramConfig};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Part, Signal};
use crate::services::http::Http;
use judge::Ruling;
use keyboard::Markup;

pub use updates::{TelegramUpdates, Update, UpdatesError};

/// The largest text. Telegram does not say in which unit; UTF-16 is safe under every reading.
const MAX_TEXT: usize = 4096;

/// Sends for Telegram bots.
#[derive(Debug)]
pub struct Telegram {
    api_url: String,
    http: Http,
}

impl Telegram {
    /// A sender to the Bot API that `config` names.
    #[must_use]
    pub fn new(config: &TelegramConfig, http: Http) -> Self {
        Self { api_url: config.api_url.trim_end_matches('/').to_owned(), http }
    }

    async fn call(
        &self,
        token: &Secret,
        method: &str,
        body: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Ruling {
        if !is_token(token.expose()) {
            return Ruling::Is(SendOutcome::Rejected {
                scope: Scope::Bot,
                reason:
                    "the bot's token is malformed: connect the bot again with the token that BotFather gave"
                        .to_owned(),
            });
        }
        let url = Zeroizing::new(format!("{}/bot{}/{method}", self.api_url, token.expose()));
        let body = match serde_json::to_vec(body) {
            Ok(body) => Bytes::from(body),
            Err(error) => unreachable!("a request of ours did not serialise: {error}"),
        };
        match self.http.provider().post_json(&url, &[], body, limit).await {
            Ok(answer) => judge::answer(answer.status, answer.retry_after(), &answer.body),
            Err(error) => Ruling::Is(super::graph::unanswered(&error)),
        }
    }
}

#[async_trait]
impl Channel for Telegram {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Telegram
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        render::messages(part, MAX_TEXT, MAX_TEXT, utf16, keyboard::fits)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        _opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        let until = Instant::now() + limit;
        let message = |chat| SendMessage {
            chat_id: chat,
            text: &part.text,
            message_thread_id: to.thread.as_deref().and_then(|thread| thread.parse().ok()),
            reply_markup: Markup::of(&part.buttons),
        };
        match self.call(&from.token, "sendMessage", &message(ChatId::of(&to.chat)), limit).await {
            Ruling::Is(outcome) => outcome,
            Ruling::Moved(chat) => {
                // The group became a supergroup with another id; Telegram sent nothing.
                let left = until.saturating_duration_since(Instant::now());
                match self.call(&from.token, "sendMessage", &message(ChatId::Number(chat)), left).await {
                    Ruling::Is(outcome) => outcome,
                    Ruling::Moved(_) => SendOutcome::Rejected {
                        scope: Scope::Chat,
                        reason: "the group moves from id to id".to_owned(),
                    },
                }
            }
        }
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        let ruling = match signal {
            Signal::Typing { .. } => {
                let body = SendChatAction {
                    chat_id: ChatId::of(&to.chat),
                    message_thread_id: to.thread.as_deref().and_then(|thread| thread.parse().ok()),
                    action: "typing",
                };
                self.call(&from.token, "sendChatAction", &body, limit).await
            }
            Signal::AnswerCallback { callback_id } => {
                let body = AnswerCallbackQuery { callback_query_id: callback_id };
                self.call(&from.token, "answerCallbackQuery", &body, limit).await
            }
        };
        match ruling {
            Ruling::Is(outcome) => outcome,
            Ruling::Moved(_) => {
                SendOutcome::Rejected { scope: Scope::Message, reason: "the group has moved".to_owned() }
            }
        }
    }
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: ChatId<'a>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<Markup<'a>>,
}

#[derive(Serialize)]
struct SendChatAction<'a> {
    chat_id: ChatId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    action: &'static str,
}

#[derive(Serialize)]
struct AnswerCallbackQuery<'a> {
    callback_query_id: &'a str,
}

/// A chat is a number, a public channel a name.
#[derive(Clone, Copy)]
enum ChatId<'a> {
    Number(i64),
    Name(&'a str),
}

impl<'a> ChatId<'a> {
    fn of(chat: &'a str) -> Self {
        chat.parse().map_or(Self::Name(chat), Self::Number)
    }
}

impl Serialize for ChatId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(id) => serializer.serialize_i64(*id),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

/// `123456:ABC-def_0`: nothing else may become part of an address.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'))
}
