//! What the edge is measured against: the same HTTP, which reads a body and appends it, and nothing else.
//!
//! Guarantee: no more work than any edge on this HTTP stack and this log has to do. Nobody is asked who they are, so it is
//! served by benches only, on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;

use crate::domain::topics;
use crate::log::{Log, Outgoing, TopicName};

/// What every request works with; the number of those before it spreads them over the partitions.
struct Bare {
    log: Arc<dyn Log>,
    topic: TopicName,
    taken: AtomicU64,
}

/// The webhooks' addresses, where everybody's body of up to `max_body` bytes goes to the webhooks' topic as it is.
pub fn bare_router(log: Arc<dyn Log>, max_body: usize) -> Router {
    let topic = TopicName::from(topics::WEBHOOK_RECEIVED);
    Router::new()
        .route("/webhooks/telegram/{bot}", post(receive))
        .route("/webhooks/meta/{app}", post(receive))
        .layer(DefaultBodyLimit::max(max_body))
        .with_state(Arc::new(Bare { log, topic, taken: AtomicU64::new(0) }))
}

async fn receive(State(bare): State<Arc<Bare>>, body: Bytes) -> Result<(), StatusCode> {
    let number = bare.taken.fetch_add(1, Ordering::Relaxed);
    let record = Outgoing {
        topic: bare.topic.clone(),
        partition: None,
        key: Bytes::copy_from_slice(&number.to_le_bytes()),
        value: body,
        headers: Vec::new(),
    };
    match bare.log.append(&[record]).await {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::warn!(%error, "an append failed");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
