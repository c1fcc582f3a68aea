//! A fake model server: OpenAI chat completions and Anthropic messages.
//!
//! Guarantee: the answer shows what was asked (it quotes the question, and the first passage as `[1]`), unless a script
//! says otherwise; nothing is random.

mod prompt;
mod shapes;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::shapes::Shape;
use super::answer::{Answer, Request, carry_out_asked};
use super::bucket::{Buckets, Pace, retry_after};
use super::control::{Control, Controlled};
use super::script::{Asked, Fault};
use super::{Core, Journal, Serving, SimOptions};

/// How the model behaves where no script says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelTraits {
    /// How long it thinks.
    pub latency: Duration,
    /// Requests per minute of one key, with the usual 429 above it; `None` = no limit.
    pub per_minute: Option<u32>,
}

/// The fake and its HTTP server; it ends when the last handle goes.
#[derive(Debug, Clone)]
pub struct ModelSim {
    shared: Arc<Shared>,
    server: Arc<Serving>,
}

#[derive(Debug)]
struct Shared {
    core: Core,
    traits: ModelTraits,
    keys: Option<Mutex<Buckets<u64>>>,
}

/// The longest prompt, in bytes.
const MAX_BODY: usize = 8 << 20;

impl ModelSim {
    /// Serves on a bound listener.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(listener: TcpListener, options: SimOptions, traits: ModelTraits) -> std::io::Result<Self> {
        let keys = traits
            .per_minute
            .filter(|count| *count > 0)
            .map(|count| Mutex::new(Buckets::new(Pace::new(count, Duration::from_secs(60) / count))));
        let shared = Arc::new(Shared { core: Core::new(options), traits, keys });
        let router = Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(Arc::clone(&shared));
        Ok(Self { shared, server: Arc::new(Serving::start(listener, router)?) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// For `models.*.base_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.server.address)
    }

    /// What it received.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.core.journal
    }

    /// Adds rules to its script.
    ///
    /// # Errors
    /// When there are too many.
    pub fn script(&self, rules: Vec<Fault>) -> Result<(), String> {
        self.shared.core.faults.add(rules)
    }

    /// For a control port.
    #[must_use]
    pub fn control(&self) -> Control {
        super::control::of(Arc::clone(&self.shared))
    }
}

#[async_trait]
impl Controlled for Shared {
    fn core(&self) -> &Core {
        &self.core
    }

    async fn inject(&self, _: &HashMap<String, String>, _: Bytes) -> Result<Value, String> {
        Err("a model sends nothing by itself: use /script to say what it answers".to_owned())
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shape) = Shape::of(uri.path()) else {
        let known = verb == Method::GET && uri.path().ends_with("/models");
        let models =
            json!({"object": "list", "data": [{"id": "sim", "object": "model", "owned_by": "millrace"}]});
        let lost = Shape::OpenAi.error(404, "the fake knows /chat/completions, /messages and /models");
        return if known { Answer::json(200, &models) } else { lost }.into_response();
    };
    let parsed = serde_json::from_slice::<Value>(&body);
    let readable = parsed.is_ok();
    let body_value = parsed.unwrap_or(Value::Null);
    let model = body_value.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    let question = prompt::question(&body_value);
    let key = shape.key(&headers);

    if !shared.traits.latency.is_zero() {
        tokio::time::sleep(shared.traits.latency).await;
    }
    let request =
        Request { method: shape.method(), account: &model, chat: None, body: body_value, size: body.len() };
    let asked = Asked { method: shape.method(), account: &model, chat: None, text: &question };
    let words = |fault: &Fault, status: u16| shape.scripted(fault, status);
    let duty = |request: &Request<'_>, fault: Option<&Fault>| {
        if !readable || model.is_empty() || request.body.get("messages").is_none_or(|list| !list.is_array()) {
            return shape.error(400, "the request needs JSON with model and messages");
        }
        if let Some(wait) = shared.admit(key) {
            return Answer { retry_after: Some(wait), ..shape.error(429, "too many requests in a minute") };
        }
        let text = fault.and_then(|fault| fault.text.clone());
        let text = text.unwrap_or_else(|| prompt::default_answer(&request.body, &question));
        shape.completion(&model, &text, &request.body)
    };
    carry_out_asked(&shared.core, &request, asked, words, duty).await
}

impl Shared {
    /// `Some(seconds)` when the key must wait.
    fn admit(&self, key: u64) -> Option<u64> {
        let mut keys = self.keys.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.core.clock.now();
        let wait = keys.wait(&key, now);
        if wait.is_zero() {
            keys.take(key, now);
            return None;
        }
        Some(retry_after(wait))
    }
}

#[cfg(test)]
mod tests;
