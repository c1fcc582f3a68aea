//! `/healthz`, `/readyz`, `/metrics`: what the process says of itself. On the edge, and alone on roles without HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::state::{Probe, Probes};

/// The three addresses.
pub fn probe_routes(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

/// The loops tick.
async fn healthz(State(probes): State<Probes>) -> Response {
    answer(&probes.healthy)
}

/// Work can be taken; what is missing that work goes on without follows the `ok`.
async fn readyz(State(probes): State<Probes>) -> Response {
    match (probes.ready)() {
        Ok(()) => {
            let notes = (probes.notes)().into_iter().map(|note| format!("{note}\n"));
            std::iter::once("ok\n".to_owned()).chain(notes).collect::<String>().into_response()
        }
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}

/// Prometheus' text form.
async fn metrics(State(probes): State<Probes>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (probes.metrics)())
}

fn answer(probe: &Probe) -> Response {
    match probe() {
        Ok(()) => "ok\n".into_response(),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}
