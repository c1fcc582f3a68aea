//! The edge's own parsers of what strangers send, for fuzz targets and property tests: nothing else calls these.
//!
//! The splitters of webhooks need no such door, [`split`](super::split) is public.

use axum::http::{HeaderMap, HeaderValue, header};

use super::config::EdgeConfig;
use super::{body, meta, webchat};
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;
use crate::store::Account;

/// Reads the body of a web-chat post as an introduction and as a message; `true` where it is either.
#[must_use]
pub fn webchat(body: &[u8]) -> bool {
    webchat::reads(body)
}

/// Shows `text` as every proof that the edge takes, of an account whose secret is a constant: token, ticket, a user's hash,
/// a signature. `true` where one of them is believed.
#[must_use]
pub fn believes(text: &str) -> bool {
    let account = Account {
        tenant: "acme".into(),
        bot: "shop".into(),
        channel: ChannelKind::Webchat,
        id: "shop".into(),
        app: None,
        token: Secret::default(),
        secret: Secret::new("a secret that is in no input".to_owned()),
        origins: vec!["https://shop.example".to_owned()],
        rests_until: Timestamp::default(),
        refusal: None,
        refusals_since: Timestamp::default(),
    };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(text) {
        for name in [header::ORIGIN, header::HOST, header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            headers.insert(name, value.clone());
        }
        headers.insert(meta::SIGNATURE_HEADER, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {text}")) {
        headers.insert(header::AUTHORIZATION, value);
    }
    // This says nothing of who it is.
    let _json = body::check_type(&headers);
    let signed = meta::signature(&headers)
        .is_some_and(|signature| meta::is_signed(&account.secret, text.as_bytes(), &signature));
    let proved =
        webchat::believes(&account, &EdgeConfig::default(), &headers, text, Timestamp::from_millis(0));
    signed || proved
}
