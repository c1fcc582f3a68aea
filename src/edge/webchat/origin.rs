//! Which pages may talk to a bot.
//!
//! Guarantee: a browser's page is let in only when its origin is on the bot's list, or, where the list is empty, when it
//! is the edge's own. `null` (a file, a sandbox) never is. A caller without an `Origin` is no other site's page.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::edge::config::{EdgeConfig, origin_of};
use crate::edge::refusal::Refusal;
use crate::store::Account;

/// The origin to name in `Access-Control-Allow-Origin`, `None` where the request names none.
pub(super) fn check(
    headers: &HeaderMap,
    account: &Account,
    config: &EdgeConfig,
) -> Result<Option<HeaderValue>, Refusal> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin = value.to_str().ok().and_then(origin_of).ok_or(Refusal::Origin)?;
    let listed = |listed: &String| origin_of(listed).is_some_and(|listed| listed == origin);
    let welcome = if account.origins.is_empty() {
        is_own(&origin, headers, config)
    } else {
        account.origins.iter().any(listed)
    };
    if welcome { Ok(Some(value.clone())) } else { Err(Refusal::Origin) }
}

/// Our own page: at the public address, or, on a machine that has none or is looked at from itself, at the host that the
/// request names.
fn is_own(origin: &str, headers: &HeaderMap, config: &EdgeConfig) -> bool {
    if origin_of(&config.public_base()).is_some_and(|own| own == origin) {
        return true;
    }
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    (config.public_url.is_empty() || local) && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::super::token::tests::account;
    use super::*;

    fn allowed(origin: &str, host: &str, origins: &[&str], public_url: &str) -> bool {
        let mut account = account("shop", "s");
        account.origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        let config = EdgeConfig { public_url: public_url.to_owned(), ..EdgeConfig::default() };
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        check(&headers, &account, &config).is_ok()
    }

    #[test]
    fn a_list_lets_in_what_is_on_it_and_nothing_else() {
        let list = ["https://shop.example", "http://localhost:3000/"];
        assert!(allowed("https://shop.example", "bots.example", &list, "https://bots.example"));
        assert!(allowed("http://localhost:3000", "bots.example", &list, ""));
        for other in ["http://shop.example", "https://shop.example:444", "https://evil.example", "null"] {
            assert!(!allowed(other, "bots.example", &list, "https://bots.example"), "{other}");
        }
        assert!(!allowed("https://bots.example", "bots.example", &list, "https://bots.example"));
    }

    #[test]
    fn an_empty_list_lets_in_our_own_page() {
        assert!(allowed("https://bots.example", "x", &[], "https://bots.example/"));
        assert!(allowed("http://127.0.0.1:8080", "127.0.0.1:8080", &[], "https://bots.example"));
        assert!(allowed("http://box:8080", "box:8080", &[], ""));
        assert!(!allowed("http://evil.example", "127.0.0.1:8080", &[], ""));
        assert!(!allowed("http://evil.example", "evil.example", &[], "https://bots.example"));
        assert!(!allowed("null", "null", &[], ""));
    }
}
