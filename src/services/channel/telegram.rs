//! Sending through the Telegram Bot API. Source: <https://core.telegram.org/bots/api>.
//!
//! Guarantee: the token stands in the request's path and nowhere else, no redirect is followed, and no error or log
//! shows the address.

mod judge;
mod keyboard;
mod request;
#[cfg(test)]
mod tests;
mod updates;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::files::{File, Upload, Way};
use super::render::{self, Room};
use super::split::utf16;
use super::{Channel, Scope, SendOutcome, Sender, Target, TelegramConfig};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Content, Part, Signal};
use crate::services::http::{Call, Http};
use judge::Ruling;
use request::{Request, chat_id};

pub use updates::{TelegramUpdates, Update, UpdatesError};

/// The largest text. Telegram does not say in which unit; UTF-16 is safe under every reading.
const MAX_TEXT: usize = 4096;
/// The largest caption.
const MAX_CAPTION: usize = 1024;

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
        let body = match serde_json::to_vec(body) {
            Ok(body) => Bytes::from(body),
            Err(error) => unreachable!("a request of ours did not serialise: {error}"),
        };
        self.post(token, method, ("application/json", &body), limit).await.0
    }

    /// What an answer asks for, and the answer itself.
    async fn post(
        &self,
        token: &Secret,
        method: &str,
        body: (&str, &Bytes),
        limit: Duration,
    ) -> (Ruling, Bytes) {
        if !is_token(token.expose()) {
            let reason =
                "the bot's token is malformed: connect the bot again with the token that BotFather gave";
            let outcome = SendOutcome::Rejected { scope: Scope::Bot, reason: reason.to_owned() };
            return (Ruling::Is(outcome), Bytes::new());
        }
        let url = Zeroizing::new(format!("{}/bot{}/{method}", self.api_url, token.expose()));
        let call = Call { method: "POST", url: &url, headers: &[], body: Some(body), limit, max_body: None };
        match self.http.provider().call(call).await {
            Ok(answer) => (judge::answer(answer.status, answer.retry_after(), &answer.body), answer.body),
            Err(error) => (Ruling::Is(super::graph::unanswered(&error)), Bytes::new()),
        }
    }

    /// Sends a message, with a file in it where there is one; then Telegram's id of the file comes back too.
    async fn deliver(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        file: Option<&File>,
        limit: Duration,
    ) -> (SendOutcome, Option<String>) {
        let until = Instant::now() + limit;
        let mut request = Request::of(to, part);
        let mut moved = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (kind, body) = request.encode(file);
            let (ruling, answer) = self.post(&from.token, request.method, (&kind, &body), left).await;
            match ruling {
                // The message is gone or too old to be changed: what it would say is said anew.
                Ruling::Is(SendOutcome::Rejected { scope: Scope::Message, .. }) if request.say_anew() => {}
                Ruling::Is(outcome) => return (outcome, file.and_then(|_| judge::file_id(&answer))),
                // The group became a supergroup with another id; Telegram sent nothing.
                Ruling::Moved(chat) if !std::mem::replace(&mut moved, true) => request.move_to(chat),
                Ruling::Moved(_) => {
                    let reason = "the group moves from id to id".to_owned();
                    return (SendOutcome::Rejected { scope: Scope::Chat, reason }, None);
                }
                // Better without formatting than never.
                Ruling::Unformatted(reason) => {
                    if !request.make_plain() {
                        return (SendOutcome::Rejected { scope: Scope::Message, reason }, None);
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Upload for Telegram {
    const WAY: Way = Way::WithMessage;

    async fn send_with(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        file: &File,
        limit: Duration,
    ) -> (SendOutcome, Option<String>) {
        self.deliver(from, to, part, Some(file), limit).await
    }

    /// For example "wrong file identifier/HTTP URL specified", "wrong remote file identifier", `FILE_REFERENCE_EXPIRED`,
    /// `MEDIA_EMPTY`.
    fn refuses_file(&self, reason: &str) -> bool {
        let reason = reason.to_ascii_lowercase();
        ["file", "media_empty", "media_invalid"].iter().any(|word| reason.contains(word))
    }
}

#[async_trait]
impl Channel for Telegram {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Telegram
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        let room = Room {
            text: MAX_TEXT,
            with_buttons: MAX_TEXT,
            caption: MAX_CAPTION,
            measure: utf16,
            framed: false,
            fit: keyboard::fits,
            with_file: |_| true,
        };
        match part.content.as_deref() {
            // There are no templates here: the text says it.
            Some(Content::Template(_)) => render::messages(&Part { content: None, ..part.clone() }, &room),
            // A reaction has to be to something.
            Some(Content::Reaction(reaction)) if reaction.on.is_none() => {
                render::messages(&Part { content: None, ..part.clone() }, &room)
            }
            Some(Content::Edit(edit)) if edit.on.is_some() => {
                let mut messages = render::messages(part, &room);
                // One message takes the place of one.
                if let [only] = messages.as_mut_slice() {
                    only.content.clone_from(&part.content);
                }
                messages
            }
            _ => render::messages(part, &room),
        }
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        _opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        self.deliver(from, to, part, None, limit).await.0
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        let (method, body) = match signal {
            Signal::Typing { .. } => {
                let mut body = json!({"chat_id": chat_id(&to.chat), "action": "typing"});
                if let Some(thread) = to.thread.as_deref().and_then(|thread| thread.parse::<i64>().ok()) {
                    body["message_thread_id"] = thread.into();
                }
                ("sendChatAction", body)
            }
            Signal::AnswerCallback { callback_id } => {
                ("answerCallbackQuery", json!({"callback_query_id": callback_id}))
            }
            // Bots can't mark anything as read.
            Signal::Read { .. } => return SendOutcome::Sent { provider_id: None },
        };
        match self.call(&from.token, method, &body, limit).await {
            Ruling::Is(outcome) => outcome,
            Ruling::Moved(_) | Ruling::Unformatted(_) => {
                SendOutcome::Rejected { scope: Scope::Message, reason: "the group has moved".to_owned() }
            }
        }
    }
}

/// See [`super::rendered`].
pub(super) fn rendered(part: &Part) -> String {
    let to = Target { chat: "42".to_owned(), thread: Some("7".to_owned()), human_agent: false };
    serde_json::Value::Object(Request::of(&to, part).body).to_string()
}

/// `123456:ABC-def_0`: nothing else may become part of an address.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'))
}
