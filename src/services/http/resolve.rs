//! Name resolution that refuses before anything connects.
//!
//! Guarantee: the client connects only to addresses that this resolver returned, and it returns none when one of a
//! name's addresses is closed: a name that leads both outside and inside is an attempt, not a coincidence.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::reach;

/// Look-ups at once: each holds a thread of the blocking pool, and a burst of new connections must not take them all.
const LOOKUPS: usize = 16;

/// Which addresses may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All: the operator named the host.
    Any,
    /// Those on the public internet, and private ones if the operator says so.
    Checked {
        /// `net.allow_private`.
        allow_private: bool,
    },
}

impl Scope {
    /// Refuses an address outside of the scope.
    pub(super) fn check(self, ip: IpAddr) -> Result<(), ForbiddenAddress> {
        match self {
            Self::Any => Ok(()),
            Self::Checked { allow_private } if reach(ip).allowed(allow_private) => Ok(()),
            Self::Checked { .. } => Err(ForbiddenAddress(ip)),
        }
    }
}

/// A closed address, found again in the client's chain of errors.
#[derive(Debug)]
pub(super) struct ForbiddenAddress(pub(super) IpAddr);

impl fmt::Display for ForbiddenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a public address", self.0)
    }
}

impl Error for ForbiddenAddress {}

/// The system's resolver behind a check.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    scope: Scope,
    lookups: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { scope, lookups } = self.clone();
        Box::pin(async move {
            let _permit = lookups.acquire_owned().await?;
            // Port 0 stands for the port of the address that is being requested.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                scope.check(address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
