//! Web chat: the channel without a provider.
//!
//! A page makes a visitor, posts messages with the visitor's token, and hears the bot over server-sent events. A
//! visitor is 128 random bits and a signature, so no table of sessions is kept; a token reads and writes its own
//! conversation and no other.

mod doors;
mod files;
mod handlers;
mod hub;
mod origin;
mod page;
mod said;
mod show;
mod tail;
mod ticket;
mod token;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};

pub(super) use doors::Doors;
pub(super) use files::Links;
pub use files::{Kept, KeptFile, NoShelf, Sender, Shelf, ShelfError, Shelved};
pub(super) use hub::Hub;
pub(super) use tail::tail;
pub(super) use ticket::Tickets;

use super::config::EdgeConfig;
use super::state::Edge;
use crate::domain::time::Timestamp;
use crate::store::Account;

/// The addresses of web chat.
pub(super) fn routes() -> Router<Arc<Edge>> {
    Router::new()
        .route("/webchat/{bot}", get(page::page))
        .route("/webchat/{bot}/visitors", post(handlers::visitors).options(handlers::preflight))
        .route("/webchat/{bot}/messages", post(handlers::messages).options(handlers::preflight))
        .route("/webchat/{bot}/stream", post(handlers::stream).options(handlers::preflight))
        .route("/webchat/{bot}/files", post(uploads::files).options(handlers::preflight))
        .route("/webchat/{bot}/files/{link}", get(files::file))
        .route("/webchat/{bot}/events", get(handlers::events).options(handlers::preflight))
}

/// See [`super::parsers::webchat`].
pub(super) fn reads(body: &[u8]) -> bool {
    let (introduction, said) = (said::Introduction::read(body), said::Said::read(body));
    introduction.is_ok() || said.is_ok()
}

/// See [`super::parsers::believes`].
pub(super) fn believes(
    account: &Account,
    config: &EdgeConfig,
    headers: &HeaderMap,
    text: &str,
    now: Timestamp,
) -> bool {
    // An origin is no proof: a page may stand on the list.
    drop(origin::check(headers, account, config));
    Tickets::default().redeem(account, text, now).is_some()
        || token::visitor(account, headers).is_ok()
        || token::known_visitor(account, text, text).is_ok()
}
