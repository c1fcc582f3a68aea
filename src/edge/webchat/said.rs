//! What a page posts, read: who its user is, and what a visitor says.
//!
//! Guarantee: pure, and no input panics; what is read says exactly one thing, within its bounds.

use serde::Deserialize;

use crate::edge::refusal::Refusal;

/// A page's own id of a message: the same id is the same message.
const MAX_ID: usize = 64;
/// A button's payload or a media id.
const MAX_PAYLOAD: usize = 4 << 10;

/// Who a page says its user is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Introduction {
    pub(super) user: Option<String>,
    pub(super) user_hash: Option<String>,
}

impl Introduction {
    /// Reads a body; an empty one introduces nobody.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(|_| Refusal::Malformed("send {} or {user, user_hash}"))
    }
}

/// What a visitor sends.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) text: Option<String>,
    pub(super) payload: Option<String>,
    pub(super) title: Option<String>,
    pub(super) media: Option<String>,
    /// True: everything that the bot said so far was seen.
    #[serde(default)]
    pub(super) read: bool,
}

impl Said {
    /// Reads a body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        const FORM: Refusal =
            Refusal::Malformed("send {id, text}, {id, payload}, {id, media} or {id, read: true}");
        const LONG: Refusal = Refusal::Malformed("payload, title and media hold at most 4096 bytes");
        const ID: Refusal =
            Refusal::Malformed("id holds 1 to 64 letters, digits, hyphens, dots and underscores");
        let said: Self = serde_json::from_slice(body).map_err(|_| FORM)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if said.id.is_empty() || said.id.len() > MAX_ID || !said.id.bytes().all(plain) {
            return Err(ID);
        }
        if said.says() == said.read {
            return Err(FORM);
        }
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_PAYLOAD);
        if [&said.payload, &said.title, &said.media].into_iter().any(long) {
            return Err(LONG);
        }
        Ok(said)
    }

    /// True where it is something to answer, and not only a sign that all was seen.
    pub(super) fn says(&self) -> bool {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        [&self.text, &self.payload, &self.media].into_iter().any(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_said_at_a_time() {
        for (body, fine) in [
            (r#"{"id":"1","text":"hi"}"#, true),
            (r#"{"id":"1","read":true}"#, true),
            (r#"{"id":"1","text":"hi","read":true}"#, false),
            (r#"{"id":"1","text":""}"#, false),
            (r#"{"id":"a/b","text":"hi"}"#, false),
            (r#"{"text":"hi"}"#, false),
            ("[]", false),
        ] {
            assert_eq!(Said::read(body.as_bytes()).is_ok(), fine, "{body}");
        }
        let long = format!(r#"{{"id":"1","payload":"{}"}}"#, "p".repeat(MAX_PAYLOAD + 1));
        assert!(Said::read(long.as_bytes()).is_err());
        assert!(Introduction::read(b"").is_ok_and(|nobody| nobody.user.is_none()));
        assert!(Introduction::read(b"7").is_err());
    }
}
