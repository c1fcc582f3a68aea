//! Web chat: the channel without a provider.
//!
//! A page makes a visitor, posts messages with the visitor's token, and hears the bot over server-sent events. A
//! visitor is 128 random bits and a signature, so no table of sessions is kept; a token reads and writes its own
//! conversation and no other.

mod doors;
mod handlers;
mod hub;
mod origin;
mod page;
mod show;
mod tail;
mod ticket;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(super) use doors::Doors;
pub(super) use hub::Hub;
pub(super) use tail::tail;
pub(super) use ticket::Tickets;

use super::state::Edge;

/// The addresses of web chat.
pub(super) fn routes() -> Router<Arc<Edge>> {
    Router::new()
        .route("/webchat/{bot}", get(page::page))
        .route("/webchat/{bot}/visitors", post(handlers::visitors).options(handlers::preflight))
        .route("/webchat/{bot}/messages", post(handlers::messages).options(handlers::preflight))
        .route("/webchat/{bot}/stream", post(handlers::stream).options(handlers::preflight))
        .route("/webchat/{bot}/events", get(handlers::events).options(handlers::preflight))
}
