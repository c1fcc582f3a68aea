//! What can go wrong with a request. No variant holds an address: a host at most.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use super::resolve::ForbiddenAddress;
use crate::domain::failure::{Class, Classify, Origin};

/// A failed request. An answer with an error status is no failure here: whoever asked knows what it means.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No connection came about: certainly not sent.
    #[error("{host} can't be reached: {reason}")]
    NotSent {
        /// The other side.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// Time ran out or the connection was lost while the body was on its way: the other side has half a request at most.
    #[error("{host} did not get the whole request: {reason}")]
    Cut {
        /// The other side.
        host: String,
        /// What happened.
        reason: String,
    },
    /// Time ran out or the connection was lost: the request may have been carried out.
    #[error("no clear answer from {host}: {reason}")]
    Unclear {
        /// The other side.
        host: String,
        /// True when time ran out.
        timed_out: bool,
        /// What happened.
        reason: String,
    },
    /// The answer is larger than the call allows. The request was carried out.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The other side.
        host: String,
        /// The most bytes allowed.
        limit: u64,
    },
    /// The host leads to an address that may not be reached from here: certainly not sent.
    #[error(
        "{host} leads to {address}, which is not a public address; an operator can set net.allow_private"
    )]
    Forbidden {
        /// The other side.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// More redirects than are followed, or one that leads nowhere.
    #[error("{host} redirects {reason}")]
    Redirect {
        /// The last host.
        host: String,
        /// In which way it fails.
        reason: &'static str,
    },
    /// The address or a header can't be used: certainly not sent.
    #[error("the request can't be made: {0}")]
    Invalid(String),
    /// The client can't be built.
    #[error("the HTTP client can't be set up: {0}")]
    Setup(String),
}

impl HttpError {
    /// True when the other side can't have got the whole request, so that trying again can't do anything twice.
    #[must_use]
    pub const fn certainly_not_sent(&self) -> bool {
        match self {
            Self::NotSent { .. }
            | Self::Cut { .. }
            | Self::Forbidden { .. }
            | Self::Invalid(_)
            | Self::Setup(_) => true,
            Self::Unclear { .. } | Self::TooLarge { .. } | Self::Redirect { .. } => false,
        }
    }

    /// True when time ran out after the request may have been written.
    #[must_use]
    pub const fn timed_out(&self) -> bool {
        matches!(self, Self::Unclear { timed_out: true, .. })
    }

    /// Judges the client's own error. Its text is not used as a whole: it may hold the address.
    pub(super) fn from_client(host: &str, limit: Duration, error: &reqwest::Error) -> Self {
        let host = host.to_owned();
        if let Some(ForbiddenAddress(address)) = find::<ForbiddenAddress>(error) {
            return Self::Forbidden { host, address: *address };
        }
        if error.is_builder() {
            return Self::Invalid("the address or a header is malformed".to_owned());
        }
        if error.is_connect() {
            let reason =
                if error.is_timeout() { "connecting took too long".to_owned() } else { deepest(error) };
            return Self::NotSent { host, reason };
        }
        if error.is_timeout() {
            return Self::Unclear { host, timed_out: true, reason: format!("nothing within {limit:?}") };
        }
        Self::Unclear { host, timed_out: false, reason: deepest(error) }
    }
}

impl Classify for HttpError {
    fn class(&self) -> Class {
        match self {
            Self::NotSent { .. } | Self::Cut { .. } | Self::Unclear { .. } => Class::TRANSIENT,
            Self::TooLarge { .. }
            | Self::Forbidden { .. }
            | Self::Redirect { .. }
            | Self::Invalid(_)
            | Self::Setup(_) => Class::Permanent,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::NotSent { .. }
            | Self::Cut { .. }
            | Self::Unclear { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. } => Origin::Upstream,
            Self::Forbidden { .. } | Self::Invalid(_) => Origin::Tenant,
            Self::Setup(_) => Origin::Platform,
        }
    }
}

/// The first error of type `T` in the chain of sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The text of the innermost source: the operating system's or the protocol's words, which hold no address of ours.
fn deepest(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else { return "the request failed".to_owned() };
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
