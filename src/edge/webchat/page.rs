//! The built-in page: one file, no request to anywhere else, a policy that runs nothing but its own script.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::domain::channel::ChannelKind;
use crate::domain::ids::BotId;
use crate::edge::refusal::Refusal;
use crate::edge::state::Edge;

const PAGE: &str = include_str!("page.html");

/// Allows the page's own script and style by their hashes, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("<script>", "</script>"),
        hash("<style>", "</style>"),
    )
});

fn hash(open: &str, close: &str) -> String {
    let inside = PAGE.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    let (inside, _) = inside.unwrap_or_default();
    format!("sha256-{}", BASE64.encode(&Sha256::digest(inside.as_bytes())))
}

/// The page of a bot. It reads the bot's name from its own address, so the file is the same for all.
pub(super) async fn page(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    let found = edge.directory.account_of(ChannelKind::Webchat, &BotId::from(bot)).await;
    edge.lookup(found)?.ok_or(Refusal::UnknownBot)?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_one_script_and_one_style_and_no_handler_in_its_markup() {
        assert_eq!((PAGE.matches("<script").count(), PAGE.matches("<style").count()), (1, 1));
        for wrong in ["innerHTML", "insertAdjacentHTML", "document.write", " onclick=", " style=", "eval("] {
            assert!(!PAGE.contains(wrong), "{wrong}");
        }
        assert!(POLICY.contains("script-src 'sha256-") && !POLICY.contains("unsafe"));
    }
}
