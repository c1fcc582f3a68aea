//! What Telegram's answers mean.

use std::time::Duration;

use serde::Deserialize;

use crate::services::channel::render::words;
use crate::services::channel::{Scope, SendOutcome};

/// What an answer asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The send is over.
    Is(SendOutcome),
    /// Nothing was sent: the group has another id now.
    Moved(i64),
    /// Nothing was sent: the formatting was refused, in these words.
    Unformatted(String),
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    ok: bool,
    result: Option<Taken>,
    error_code: Option<i64>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

/// `sendMessage` gives the message, the other methods `true`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Taken {
    Message { message_id: i64 },
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// Judges an answer by its status, its `Retry-After` header and its body.
pub(super) fn answer(status: u16, header: Option<Duration>, body: &[u8]) -> Ruling {
    let read = serde_json::from_slice::<Body>(body).ok();
    if let Some(Body { ok: true, result, .. }) = &read {
        let provider_id = match result {
            Some(Taken::Message { message_id }) => Some(message_id.to_string()),
            _ => None,
        };
        return Ruling::Is(SendOutcome::Sent { provider_id });
    }
    let Some(body) = read.filter(|body| body.error_code.is_some()) else {
        return Ruling::Is(without_words(status, header));
    };
    let code = body.error_code.unwrap_or_else(|| i64::from(status));
    let text = body.description.unwrap_or_default();
    if let (400, Some(chat)) = (code, body.parameters.migrate_to_chat_id) {
        return Ruling::Moved(chat);
    }
    if code == 400 && text.to_ascii_lowercase().contains("can't parse entities") {
        return Ruling::Unformatted(words(&format!("{code}: {text}")));
    }
    let after = body.parameters.retry_after.map(Duration::from_secs).or(header);
    Ruling::Is(refusal(code, &text, after))
}

/// Telegram's id of the file in a message that it took; of a picture the largest size's.
pub(super) fn file_id(body: &[u8]) -> Option<String> {
    const HOLD: [&str; 6] = ["document", "video", "audio", "voice", "sticker", "animation"];
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = answer.get("result")?;
    let photo = message.get("photo").and_then(|sizes| sizes.as_array()?.last());
    let file = photo.or_else(|| HOLD.iter().find_map(|name| message.get(name)))?;
    file.get("file_id")?.as_str().map(str::to_owned)
}

fn refusal(code: i64, text: &str, after: Option<Duration>) -> SendOutcome {
    let reason = words(&format!("{code}: {text}"));
    let lower = text.to_ascii_lowercase();
    let says = |any: &[&str]| any.iter().any(|words| lower.contains(words));
    let rejected = |scope, reason| SendOutcome::Rejected { scope, reason };
    match code {
        // Whether the chat or the bot is too fast is not said: dispatch finds out.
        429 => SendOutcome::Retry { after, scope: Scope::Chat, reason },
        500.. => SendOutcome::Unknown { reason },
        401 => rejected(Scope::Bot, reason),
        // The hosted service is said to answer a malformed token so; an unknown method would be our own mistake.
        404 if !says(&["method"]) => rejected(Scope::Bot, reason),
        403 => rejected(Scope::Chat, reason),
        400 if says(&["message is not modified"]) => SendOutcome::Sent { provider_id: None },
        400 if says(&CHAT_CLOSED) => rejected(Scope::Chat, reason),
        // Another request about the same bot was under way.
        409 => SendOutcome::Retry { after, scope: Scope::Message, reason },
        _ => rejected(Scope::Message, reason),
    }
}

/// Descriptions of a 400 that are about the chat.
const CHAT_CLOSED: [&str; 7] = [
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "group chat was deactivated",
    "chat_write_forbidden",
    "not enough rights",
    "have no rights to send",
];

/// A proxy's answer, or half of one.
fn without_words(status: u16, after: Option<Duration>) -> SendOutcome {
    let reason = format!("{status} without a readable body");
    match status {
        429 => SendOutcome::Retry { after, scope: Scope::Address, reason },
        401 => SendOutcome::Rejected { scope: Scope::Bot, reason },
        400..=499 => SendOutcome::Rejected { scope: Scope::Message, reason },
        _ => SendOutcome::Unknown { reason },
    }
}
