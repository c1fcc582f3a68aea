//! Fake Telegram, Meta and model servers with real semantics and faults: for the demo, tests and load.
//!
//! Guarantee: a fake judges like the provider does (limits, errors in its words, delivery in order until a 2xx), shares
//! no limiter or signing code with what it judges, and its [`Journal`] is the truth about what reached it.

pub mod bucket;
pub mod control;
pub mod courier;
mod files;
pub mod journal;
pub mod meta;
pub mod model;
pub mod script;
pub mod telegram;

mod answer;
mod params;
#[cfg(test)]
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub use self::courier::Courier;
pub use self::journal::{Entry, Journal, Keep};
pub use self::script::{Cut, Fault, Faults, On};

use crate::domain::time::{Clock, SystemClock};
use crate::services::http::Http;

/// How a fake behaves.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Where its time comes from: limits, expiry and the dates of messages.
    pub clock: Arc<dyn Clock>,
    /// False: no limit holds and nothing comes back but the answer (no receipts), for load.
    pub limits: bool,
    /// What the journal keeps.
    pub keep: Keep,
    /// Who posts to webhooks.
    pub courier: Arc<dyn Courier>,
}

impl SimOptions {
    /// The machine's clock, every limit, everything kept, real HTTP.
    #[must_use]
    pub fn new(http: &Http) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            limits: true,
            keep: Keep::default(),
            courier: Arc::new(courier::HttpCourier::new(http)),
        }
    }

    /// For load: no limits, no receipts, a journal that keeps nothing (its observer still sees every call).
    #[must_use]
    pub fn for_load(self) -> Self {
        Self { limits: false, keep: Keep::Nothing, ..self }
    }
}

/// What every fake has: its journal and its scripted faults.
#[derive(Debug)]
pub struct Core {
    /// What it received.
    pub journal: Journal,
    /// What it does next instead of its duty.
    pub faults: Faults,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    limits: bool,
    courier: Arc<dyn Courier>,
}

impl Core {
    fn new(options: SimOptions) -> Self {
        Self {
            journal: Journal::new(options.keep, Arc::clone(&options.clock)),
            faults: Faults::default(),
            clock: options.clock,
            limits: options.limits,
            courier: options.courier,
        }
    }

    /// Whole seconds since 1970, as providers count.
    fn unix_seconds(&self) -> i64 {
        self.clock.now().millis().div_euclid(1000)
    }
}

/// Binds an address; port 0 takes a free one.
///
/// # Errors
/// The system's, naming the address.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("can't listen on {address}: {error}")))
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    task: AbortOnDropHandle<()>,
}

impl Serving {
    /// Serves until dropped.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(listener: TcpListener, router: impl Into<Router>) -> std::io::Result<Self> {
        let router = router.into();
        let address = listener.local_addr()?;
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Small answers must not wait for Nagle; a socket that refuses is only slower.
            stream.set_nodelay(true).ok();
        });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%address, %error, "a fake server stopped");
            }
        });
        Ok(Self { address, task: AbortOnDropHandle::new(task) })
    }

    /// Ends when the server does: never, unless its socket breaks.
    pub async fn ended(self) {
        self.task.await.ok();
    }
}
