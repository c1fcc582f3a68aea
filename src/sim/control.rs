//! The control port: `POST /inject`, `POST /script`, `DELETE /script`, `GET /journal?after=N`.
//!
//! For people and checks on the same machine; it has no authentication and listens on loopback.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Core, Fault};

/// A fake that can be steered.
#[async_trait]
pub(super) trait Controlled: Send + Sync + 'static {
    /// Its journal and script.
    fn core(&self) -> &Core;

    /// Takes a raw event in, signs it and delivers it. `query` names the account where there are several. The answer
    /// is shown to the caller.
    async fn inject(&self, query: &HashMap<String, String>, body: Bytes) -> Result<Value, String>;

    /// Registers where events go; only Meta's fake needs it.
    async fn webhook(&self, _settings: Value) -> Result<Value, String> {
        Err("this fake learns its webhooks from the provider's own API".to_owned())
    }
}

/// The largest injected body: above the 3 MB of the largest real one.
const MAX_INJECT: usize = 16 << 20;

/// What a control port serves; give it to [`super::Serving::start`].
#[derive(Debug)]
pub struct Control(pub(super) Router);

/// The doors of a fake's control port.
pub(super) fn of<C: Controlled>(fake: Arc<C>) -> Control {
    let router = Router::new()
        .route("/inject", post(inject::<C>))
        .route("/script", post(add_script::<C>).delete(clear_script::<C>))
        .route("/journal", get(journal::<C>))
        .route("/webhook", post(webhook::<C>))
        .layer(DefaultBodyLimit::max(MAX_INJECT))
        .with_state(fake);
    Control(router)
}

impl From<Control> for Router {
    fn from(control: Control) -> Self {
        control.0
    }
}

async fn inject<C: Controlled>(
    State(fake): State<Arc<C>>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    answer(fake.inject(&query, body).await)
}

async fn webhook<C: Controlled>(State(fake): State<Arc<C>>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(settings) => answer(fake.webhook(settings).await),
        Err(error) => answer(Err(format!("the webhook settings can't be read: {error}"))),
    }
}

async fn add_script<C: Controlled>(State(fake): State<Arc<C>>, body: Bytes) -> Response {
    let rules = serde_json::from_slice::<Vec<Fault>>(&body)
        .map_err(|error| format!("the script can't be read, send a JSON array of rules: {error}"));
    answer(rules.and_then(|rules| {
        let added = rules.len();
        fake.core().faults.add(rules).map(|()| json!({"added": added}))
    }))
}

async fn clear_script<C: Controlled>(State(fake): State<Arc<C>>) -> Response {
    fake.core().faults.clear();
    answer(Ok(json!({"cleared": true})))
}

async fn journal<C: Controlled>(
    State(fake): State<Arc<C>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let after = match query.get("after").map_or(Ok(0), |after| after.parse()) {
        Ok(after) => after,
        Err(_) => return answer(Err("`after` is not a number: use the last seq that you have".to_owned())),
    };
    let mut lines = String::new();
    for entry in fake.core().journal.after(after) {
        match serde_json::to_string(&*entry) {
            Ok(line) => {
                lines.push_str(&line);
                lines.push('\n');
            }
            Err(error) => return answer(Err(format!("entry {} can't be written: {error}", entry.seq))),
        }
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from(lines)).into_response()
}

fn answer(result: Result<Value, String>) -> Response {
    let (status, body) = match result {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error})),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
