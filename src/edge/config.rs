//! The `edge` section of the settings.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Rate, Size, Span};

/// Where roles without webhooks say how they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// The address at which `work` and `api` serve `/healthz`, `/readyz` and `/metrics`, to whoever reaches it; absent =
    /// nowhere. Two processes of one machine need one each: `work --probe`, or `MILLRACE__PROBE__LISTEN`.
    pub listen: Option<SocketAddr>,
}

impl ProbeConfig {
    /// Adds what is wrong with these settings: nothing can be before somebody listens.
    pub const fn validate(&self, _: &str, _: &mut Problems) {}
}

/// How the HTTP side takes webhooks and web chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeConfig {
    /// The address to listen on. Speaks HTTP: a proxy in front speaks TLS.
    pub listen: SocketAddr,
    /// The address that providers and pages reach this edge by, for example `https://bots.example.com`; webhook
    /// addresses are made from it. Empty = `http://` and the listening address.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed; from anyone else the header is ignored.
    pub trusted_proxies: Vec<IpAddr>,
    /// The largest body. Meta sends up to 3 MB.
    pub max_body: Size,
    /// How long a body may take to arrive.
    pub body_timeout: Span,
    /// How long an append may take; after that the answer is 503.
    pub append_timeout: Span,
    /// How many bytes of bodies and records may be at work at once; above it the answer is 503.
    pub in_flight: Size,
    /// The part of the log's disk that has to be free, in percent; of a large disk no more than 4 GiB; below it
    /// the answer is 503. 0 = it is not looked at. Of the embedded log only: a cluster's disks are its own.
    pub free_disk: u8,
    /// What a 503 asks for in `Retry-After`. Telegram honours it up to an hour; Meta has its own pace.
    pub retry_after: Span,
    /// How many connections may be open at once, event streams included; further ones wait to be accepted.
    pub connections: u32,
    /// How many web-chat visitors one address may make, and how many streams it may open.
    pub visitors: Rate,
    /// How many messages one web-chat visitor may send.
    pub visitor_messages: Rate,
    /// How many event streams one visitor may hold open.
    pub visitor_streams: u32,
    /// What the edge remembers of web-chat conversations for pages that come back; what is older is read from the log.
    pub webchat_memory: Size,
    /// The most memory for bots' files on their way to web-chat pages; above it the answer is 503.
    pub downloads: Size,
    /// How many files one web-chat visitor may send. How large, and of which types: `media.max_size`, `media.types`.
    pub visitor_files: Rate,
    /// What the visitors of one bot may send together within two days; above it the answer is 429.
    pub visitor_room: Size,
    /// The most memory for visitors' files on their way in; above it the answer is 503.
    pub uploads: Size,
    /// How long a visitor's file may take to arrive.
    pub upload_timeout: Span,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            max_body: Size::kib(3 * 1024 + 64),
            body_timeout: Span::secs(10),
            append_timeout: Span::secs(2),
            in_flight: Size::mib(128),
            free_disk: 10,
            retry_after: Span::secs(2),
            connections: 10_000,
            visitors: Rate::new(60, std::time::Duration::from_secs(60)),
            visitor_messages: Rate::new(30, std::time::Duration::from_secs(30)),
            visitor_streams: 8,
            webchat_memory: Size::mib(64),
            downloads: Size::mib(128),
            visitor_files: Rate::new(10, std::time::Duration::from_secs(600)),
            visitor_room: Size::mib(1024),
            uploads: Size::mib(64),
            upload_timeout: Span::secs(60),
        }
    }
}

impl EdgeConfig {
    /// Adds every mistake of the section at `at` to `problems`.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if !self.public_url.is_empty() && origin_of(&self.public_url).is_none() {
            problems.add(
                format!("{at}.public_url"),
                format!("`{}` is not an address", self.public_url),
                "write https://HOST or https://HOST:PORT",
            );
        }
        if self.max_body.bytes() < 3_000_000 || self.max_body.bytes() > 7 << 20 {
            problems.add(
                format!("{at}.max_body"),
                format!("{} can't be", self.max_body),
                "set 3 MiB to 7 MiB: Meta sends up to 3 MB, and a record holds at most 8 MiB",
            );
        }
        if self.in_flight < self.max_body || self.in_flight.bytes() > u64::from(u32::MAX) {
            problems.add(
                format!("{at}.in_flight"),
                format!("{} can't be", self.in_flight),
                "set at least max_body and at most 4095 MiB",
            );
        }
        for (key, span) in [
            ("body_timeout", self.body_timeout),
            ("append_timeout", self.append_timeout),
            ("retry_after", self.retry_after),
            ("upload_timeout", self.upload_timeout),
        ] {
            if span.get().is_zero() || span.get().as_secs() > 3600 {
                problems.add(format!("{at}.{key}"), format!("{span} can't be"), "set 1ms to 1h");
            }
        }
        for (key, memory, way) in [("downloads", self.downloads, "out"), ("uploads", self.uploads, "in")] {
            if memory < Size::mib(1) {
                let what = format!("{memory} lets no file {way}");
                problems.add(format!("{at}.{key}"), what, "set 1 MiB or more");
            }
        }
        if self.free_disk > 90 {
            let what = format!("{} % can't be", self.free_disk);
            problems.add(format!("{at}.free_disk"), what, "set 0 to 90");
        }
        for (key, count) in [("connections", self.connections), ("visitor_streams", self.visitor_streams)] {
            if count == 0 {
                problems.add(format!("{at}.{key}"), "0 lets nobody in", "set at least 1");
            }
        }
    }

    /// The address that people and providers use, without a slash at its end.
    #[must_use]
    pub fn public_base(&self) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.listen),
            url => url.to_owned(),
        }
    }
}

/// `scheme://host[:port]` of an http or https address, in lower case; `None` for anything else.
pub(super) fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let plain = authority.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    (known && plain).then(|| format!("{scheme}://{authority}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let mut problems = Problems::default();
        EdgeConfig::default().validate("edge", &mut problems);
        assert_eq!(problems.0, []);
    }

    #[test]
    fn every_mistake_is_reported() {
        let config = EdgeConfig {
            public_url: "bots.example.com".into(),
            max_body: Size::kib(1),
            in_flight: Size::kib(0),
            retry_after: Span::secs(0),
            connections: 0,
            ..EdgeConfig::default()
        };
        let mut problems = Problems::default();
        config.validate("edge", &mut problems);
        let keys: Vec<_> = problems.0.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(
            keys,
            ["edge.public_url", "edge.max_body", "edge.in_flight", "edge.retry_after", "edge.connections"]
        );
    }

    #[test]
    fn origins_are_told_from_addresses() {
        assert_eq!(origin_of("https://Shop.example/a?b").as_deref(), Some("https://shop.example"));
        assert_eq!(origin_of("http://[::1]:8080").as_deref(), Some("http://[::1]:8080"));
        for wrong in ["null", "shop.example", "ftp://x", "https://", "https://a b", "https://u@h"] {
            assert_eq!(origin_of(wrong), None, "{wrong}");
        }
    }
}
