//! Files that people send: fetching them from their provider, and telling by their bytes what they are.
//!
//! Guarantees: a token goes to the provider's configured hosts only, and every other address passes the outside face of the
//! one client; a file never grows past its limit and never takes longer than its time; nothing here opens a file beyond
//! its first bytes.

mod config;
pub mod fake;
mod handing;
mod kind;
mod meta;
mod provider;
mod room;
mod telegram;

pub use config::MediaConfig;
pub use handing::{Handing, Place, headers, pieces};
pub use kind::{is_taken, type_of};
pub use provider::Providers;
pub use room::Room;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use super::channel::Sender;
use super::http::{Answer, HttpError};
use crate::domain::channel::ChannelKind;
use crate::domain::events::Attachment;
use crate::domain::failure::{Class, Classify, Origin};

/// How much a fetch may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest file, in bytes.
    pub most: u64,
    /// The longest time, for all requests together.
    pub limit: Duration,
}

/// Fetches files from providers.
#[async_trait]
pub trait Download: Send + Sync + fmt::Debug + 'static {
    /// A file that somebody sent to this account.
    async fn download(
        &self,
        channel: ChannelKind,
        to: &Sender,
        file: &Attachment,
        bounds: Bounds,
    ) -> Result<Bytes, DownloadError>;
}

/// Why a file did not come. The words are for people and hold no address.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The provider certainly has it no more: asking again is of no use.
    #[error("{0}")]
    Expired(String),
    /// It is larger than is taken.
    #[error("the file is larger than {most} bytes")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// It is fetched from nowhere.
    #[error("{0}")]
    Refused(String),
    /// The provider refuses the account.
    #[error("{0}")]
    Closed(String),
    /// The provider wants us to be slower.
    #[error("the provider asks to wait: {reason}")]
    Throttled {
        /// For how long, where it said so.
        after: Option<Duration>,
        /// Its words.
        reason: String,
    },
    /// No clear answer came, or one that may be another the next time.
    #[error("{0}")]
    Lost(String),
}

impl Classify for DownloadError {
    fn class(&self) -> Class {
        match self {
            Self::Expired(_) | Self::TooLarge { .. } | Self::Refused(_) | Self::Closed(_) => Class::Permanent,
            Self::Throttled { after, .. } => Class::Throttled { retry_after: *after },
            Self::Lost(_) => Class::TRANSIENT,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Closed(_) => Origin::Tenant,
            Self::Expired(_)
            | Self::TooLarge { .. }
            | Self::Refused(_)
            | Self::Throttled { .. }
            | Self::Lost(_) => Origin::Upstream,
        }
    }
}

impl From<HttpError> for DownloadError {
    fn from(error: HttpError) -> Self {
        match &error {
            HttpError::TooLarge { limit, .. } => Self::TooLarge { most: *limit },
            HttpError::NotSent { .. } | HttpError::Cut { .. } | HttpError::Unclear { .. } => {
                Self::Lost(error.to_string())
            }
            HttpError::Forbidden { .. }
            | HttpError::Redirect { .. }
            | HttpError::Invalid(_)
            | HttpError::Setup(_) => Self::Refused(error.to_string()),
        }
    }
}

/// Where an address of a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    /// The provider gave it just now, and gives another when it is asked again.
    Fresh,
    /// It came with the message, and there is no other.
    Given,
}

/// The file in an answer of whoever serves files. Only an address that there is no other for says that a file is gone.
fn content(answer: Answer, address: Address) -> Result<Bytes, DownloadError> {
    match answer.status {
        200..=299 if answer.body.is_empty() => Err(DownloadError::Refused("the file is empty".to_owned())),
        200..=299 => Ok(answer.body),
        401 | 403 | 404 | 410 if address == Address::Given => Err(DownloadError::Expired(format!(
            "the file's address is not valid any more ({})",
            answer.status
        ))),
        429 => {
            let after = answer.retry_after();
            Err(DownloadError::Throttled { after, reason: "429 from the file's server".to_owned() })
        }
        // A new address, or a moment, may help.
        status @ (401 | 403 | 404 | 408 | 410 | 421 | 423 | 425) => {
            Err(DownloadError::Lost(format!("the file's server answers {status}")))
        }
        status @ 400..=499 => Err(DownloadError::Refused(format!("the file's server answers {status}"))),
        status => Err(DownloadError::Lost(format!("the file's server answers {status}"))),
    }
}

#[cfg(test)]
mod tests;
