//! Who carries a fake's events to webhooks: real HTTP, or a test's own hands.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::services::http::{Face, Http};

/// An event on its way to a webhook.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The webhook.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, as it was signed.
    pub body: Bytes,
}

/// What the webhook answered.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The HTTP status.
    pub status: u16,
    /// What `Retry-After` asked for.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

impl Receipt {
    /// True for 200 to 299.
    #[must_use]
    pub const fn delivered(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Posts to webhooks.
#[async_trait]
pub trait Courier: Send + Sync + fmt::Debug + 'static {
    /// Posts once; the error is for people.
    async fn post(&self, parcel: &Parcel) -> Result<Receipt, String>;

    /// Reads an address, for a webhook's handshake.
    async fn get(&self, url: &str) -> Result<Receipt, String>;
}

/// Over HTTP, through the provider face of the one client.
#[derive(Debug, Clone)]
pub struct HttpCourier(Face);

/// Telegram drops a connection that was silent for this long; Meta is less patient, with the same result.
const PATIENCE: Duration = Duration::from_secs(60);

impl HttpCourier {
    /// Shares the client's connections.
    #[must_use]
    pub fn new(http: &Http) -> Self {
        Self(http.provider().clone())
    }
}

#[async_trait]
impl Courier for HttpCourier {
    async fn post(&self, parcel: &Parcel) -> Result<Receipt, String> {
        let headers: Vec<_> = parcel.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.0.post_json(&parcel.url, &headers, parcel.body.clone(), PATIENCE).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let retry_after = answer.retry_after();
        Ok(Receipt { status: answer.status, retry_after, body: answer.body })
    }

    async fn get(&self, url: &str) -> Result<Receipt, String> {
        let answer = self.0.get(url, &[], PATIENCE).await.map_err(|error| error.to_string())?;
        Ok(Receipt { status: answer.status, retry_after: None, body: answer.body })
    }
}

#[cfg(test)]
mod hand;
#[cfg(test)]
pub(crate) use self::hand::HandCourier;
