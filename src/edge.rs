//! Webhooks in, topics out. No business rule.
//!
//! Guarantees: (1) 200 is said only for what is durable in the log; (2) when the log is slow, full or away the answer is
//! 503 with `Retry-After`, and nothing is lost, since the sender keeps it; (3) a body is parsed only after its secret or
//! signature was verified over the bytes as they came; (4) an answer to a webhook has no body, and no answer repeats
//! what a stranger wrote; (5) connections, bytes at work, streams, visitors and memory are bounded.
//!
//! [`router`] is the whole of it as an axum router; [`serve()`] speaks HTTP on a listener.

mod bare;
mod body;
mod config;
mod lenient;
mod meta;
#[doc(hidden)]
pub mod parsers;
mod probe;
mod record;
mod refusal;
mod serve;
pub mod split;
mod state;
mod telegram;
mod webchat;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use bare::bare_router;
pub use config::{EdgeConfig, ProbeConfig};
pub use probe::probe_routes;
pub use serve::serve;
pub use state::{EdgeDeps, Probe, Probes};
pub use webchat::{Kept, KeptFile, NoShelf, Sender, Shelf, ShelfError, Shelved};

use refusal::Refusal;
use state::Edge;

/// Every address of the edge. Starts the tail of `webchat.out.v1`, which ends with `deps.shutdown`; has to be called
/// inside a tokio runtime.
pub fn router(deps: EdgeDeps) -> Router {
    let links = Arc::new(webchat::Links { shelf: Arc::clone(&deps.shelf), base: deps.config.public_base() });
    let hub = Arc::new(webchat::Hub::new(&deps.config, Arc::clone(&links)));
    let probes = deps.probes.clone();
    tokio::spawn(webchat::tail(Arc::clone(&deps.log), Arc::clone(&hub), deps.shutdown.clone()));
    Router::new()
        .route("/webhooks/telegram/{bot}", post(telegram::receive))
        .route("/webhooks/meta/{app}", get(meta::handshake).post(meta::receive))
        .merge(webchat::routes())
        .fallback(async || Refusal::UnknownPath)
        .with_state(Arc::new(Edge::new(deps, hub, links)))
        .merge(probe_routes(probes))
}
