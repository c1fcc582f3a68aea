//! How often strangers may knock: visitors, streams and files per address, messages and files per visitor.
//!
//! Guarantee: bounded memory. At the bound of remembered keys those that are free again are forgotten; if that is not
//! enough, newcomers are told to wait.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use axum::http::{Extensions, HeaderMap};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::units::Rate;
use crate::edge::config::EdgeConfig;
use crate::edge::refusal::Refusal;
use crate::edge::serve::Peer;

/// Addresses and visitors that are remembered at once.
const MAX_KEYS: usize = 100_000;

/// The limits of web chat.
#[derive(Debug)]
pub(in crate::edge) struct Doors {
    addresses: Door<IpAddr>,
    visitors: Door<String>,
    files: Door<String>,
    trusted: Vec<IpAddr>,
}

impl Doors {
    pub(in crate::edge) fn new(config: &EdgeConfig) -> Self {
        Self {
            addresses: Door::new(config.visitors),
            visitors: Door::new(config.visitor_messages),
            files: Door::new(config.visitor_files),
            trusted: config.trusted_proxies.clone(),
        }
    }

    /// A new visitor, stream or file from the request's address.
    pub(super) fn knock(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(Peer(peer)) = extensions.get::<Peer>() else { return Ok(()) };
        self.addresses.pass(network(self.client(peer.ip(), headers)))
    }

    /// A message of a visitor.
    pub(super) fn speak(&self, bot: &str, visitor: &str) -> Result<(), Refusal> {
        self.visitors.pass(format!("{bot}/{visitor}"))
    }

    /// A file of a visitor.
    pub(super) fn hand(&self, bot: &str, visitor: &str) -> Result<(), Refusal> {
        self.files.pass(format!("{bot}/{visitor}"))
    }

    /// Who is behind trusted proxies: the last address in `X-Forwarded-For` that is none of them.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
        for hop in hops.into_iter().rev() {
            if !self.trusted.contains(&client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// One person has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[derive(Debug)]
struct Door<K: Hash + Eq + Clone>(RateLimiter<K, HashMapStateStore<K>, DefaultClock>);

impl<K: Hash + Eq + Clone> Door<K> {
    fn new(rate: Rate) -> Self {
        let burst = std::num::NonZeroU32::new(rate.burst).unwrap_or(std::num::NonZeroU32::MIN);
        let quota = Quota::with_period(rate.every).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        Self(RateLimiter::hashmap(quota))
    }

    fn pass(&self, key: K) -> Result<(), Refusal> {
        if self.0.len() >= MAX_KEYS {
            self.0.retain_recent();
            if self.0.len() >= MAX_KEYS {
                return Err(Refusal::TooMany(60));
            }
        }
        self.0.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::TooMany(wait.as_secs() + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_holds_per_key() {
        let door = Door::new(Rate::new(2, Duration::from_secs(3600)));
        assert!(door.pass("a").is_ok() && door.pass("a").is_ok() && door.pass("b").is_ok());
        assert!(matches!(door.pass("a"), Err(Refusal::TooMany(wait)) if wait > 60));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let config = EdgeConfig {
            trusted_proxies: vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()],
            ..EdgeConfig::default()
        };
        let doors = Doors::new(&config);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2".parse().unwrap());
        let client = |peer: &str| doors.client(peer.parse().unwrap(), &headers).to_string();
        assert_eq!(client("10.0.0.1"), "1.2.3.4");
        assert_eq!(client("9.9.9.9"), "9.9.9.9");
        assert_eq!(network("2001:db8::7".parse().unwrap()), network("2001:db8::8".parse().unwrap()));
    }
}
