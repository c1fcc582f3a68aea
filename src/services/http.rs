//! The one HTTP client. Two faces: [`Http::provider`] for hosts that the operator configured, [`Http::outside`] for
//! addresses that tenants, visitors or providers can influence.
//!
//! Guarantees:
//! 1. The outside face speaks http and https only, resolves a name once, refuses every address that is not on the public
//!    internet (see [`address`]) and connects to the very addresses that it checked. Each of at most five redirects is
//!    checked again. Proxy variables of the environment are ignored by both faces.
//! 2. A body is counted after decompression and never grows past its limit; every call ends within its time limit.
//! 3. An error names the host and nothing else of the address, for a token may stand in the path.
//! 4. [`HttpError::certainly_not_sent`] is true only when the other side can't have got the whole request.

pub mod address;
mod answer;
mod error;
mod face;
mod resolve;
mod sent;
#[cfg(test)]
pub(crate) mod testing;

pub use answer::{Answer, Streamed};
pub use error::HttpError;
pub use face::{Call, Face, Hop};

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// How this process reaches other hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NetConfig {
    /// Lets addresses that tenants can influence lead to loopback and private networks. For machines where the fakes or
    /// a model of one's own run; link-local and metadata addresses stay closed.
    pub allow_private: bool,
    /// How long a connection may take to open.
    pub connect_timeout: Span,
    /// How long an unused connection is kept. Below the 60 to 75 s after which most servers close it, so that a request
    /// is not written to a connection that is just going away.
    pub idle_timeout: Span,
    /// Unused connections kept per host.
    pub idle_per_host: usize,
    /// The largest answer that is read, after decompression, where a call does not say otherwise.
    pub max_body: Size,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            allow_private: false,
            connect_timeout: Span::secs(2),
            idle_timeout: Span::secs(45),
            idle_per_host: 512,
            max_body: Size::mib(8),
        }
    }
}

impl NetConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.connect_timeout.get().is_zero() {
            problems.add(format!("{at}.connect_timeout"), "is zero", "write for example 2s");
        }
        if self.idle_per_host == 0 {
            let remedy = "use 1 or more, or every request opens a connection";
            problems.add(format!("{at}.idle_per_host"), "is zero", remedy);
        }
        if self.max_body.bytes() < 4096 {
            let what = format!("{} is too small for an error answer", self.max_body);
            problems.add(format!("{at}.max_body"), what, "use at least 4 KiB");
        }
    }
}

/// The client; clones share its connections.
#[derive(Debug, Clone)]
pub struct Http {
    provider: Face,
    outside: Face,
}

impl Http {
    /// Builds both faces. No network is touched.
    ///
    /// # Errors
    /// When the TLS library can't be set up.
    pub fn new(config: NetConfig) -> Result<Self, HttpError> {
        Ok(Self { provider: Face::provider(&config)?, outside: Face::outside(&config)? })
    }

    /// For hosts from the operator's config: channel APIs, the fakes. No redirects, no decompression: the hot path.
    #[must_use]
    pub const fn provider(&self) -> &Face {
        &self.provider
    }

    /// For addresses that others can influence.
    #[must_use]
    pub const fn outside(&self) -> &Face {
        &self.outside
    }
}

/// The number of redirects that the outside face follows; only for GET.
pub const MAX_REDIRECTS: usize = 5;

/// No call holds its caller longer than this, whatever limit it names.
const LONGEST: Duration = Duration::from_secs(600);
