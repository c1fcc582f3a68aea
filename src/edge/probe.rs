//! `/healthz`, `/readyz`, `/metrics`: what the process says of itself.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::state::{Edge, Probe};

/// The loops tick.
pub(super) async fn healthz(State(edge): State<Arc<Edge>>) -> Response {
    answer(&edge.probes.healthy)
}

/// Work can be taken.
pub(super) async fn readyz(State(edge): State<Arc<Edge>>) -> Response {
    answer(&edge.probes.ready)
}

/// Prometheus' text form.
pub(super) async fn metrics(State(edge): State<Arc<Edge>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (edge.probes.metrics)())
}

fn answer(probe: &Probe) -> Response {
    match probe() {
        Ok(()) => "ok\n".into_response(),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}
