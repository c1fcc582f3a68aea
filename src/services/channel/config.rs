//! Where the providers are, which hosts may see a token, and how files come to them.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};
use crate::services::http::address::{Reach, reach};

/// The providers' addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelsConfig {
    /// Telegram.
    pub telegram: TelegramConfig,
    /// WhatsApp, Messenger and Instagram.
    pub meta: MetaConfig,
    /// Files of bots' own on their way to the providers.
    pub uploads: UploadsConfig,
}

/// How files that bots send come to the providers: once for each account, then messages name the provider's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UploadsConfig {
    /// How long one upload to WhatsApp, Messenger or Instagram may take. It is no part of a send: messages with the file
    /// wait meanwhile, for as long as their replies may.
    pub timeout: Span,
    /// The most memory that uploads of this process take together; each takes twice its file's size. A file that needs
    /// more goes alone.
    pub memory: Size,
    /// The bandwidth to Telegram that can be counted on, in a second. Telegram takes a file the first time with its
    /// message only, so within `dispatch.send_timeout`: a file that needs more at this rate is refused at once.
    pub rate: Size,
}

impl Default for UploadsConfig {
    fn default() -> Self {
        Self { timeout: Span::secs(5 * 60), memory: Size::mib(256), rate: Size::mib(4) }
    }
}

impl UploadsConfig {
    fn validate(&self, at: &str, problems: &mut Problems) {
        if self.timeout < Span::secs(10) || self.timeout > Span::secs(10 * 60) {
            let what = format!("{} is not between 10s and 10m", self.timeout);
            problems.add(format!("{at}.timeout"), what, "use for example 5m");
        }
        if self.memory < Size::mib(16) {
            let what = format!("{} lets large files go one by one only", self.memory);
            problems.add(format!("{at}.memory"), what, "use 16 MiB or more");
        }
        if self.rate < Size::kib(64) {
            let what = format!("{} a second lets hardly any file through", self.rate);
            problems.add(format!("{at}.rate"), what, "use 64 KiB or more");
        }
    }
}

/// Telegram's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// The Bot API: Telegram's own, a Bot API server of one's own, or a fake.
    pub api_url: String,
    /// The only hosts that a bot's token is ever sent to. Empty = the host of `api_url`.
    pub hosts: Vec<String>,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self { api_url: "https://api.telegram.org".to_owned(), hosts: Vec::new() }
    }
}

/// The Graph API's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetaConfig {
    /// The Graph API with its version, or a fake.
    pub graph_url: String,
    /// The only hosts that an account's token is ever sent to. Empty = the host of `graph_url`.
    pub hosts: Vec<String>,
    /// Beside these, the hosts that WhatsApp's files stand at and that want to see the token too; https only.
    pub media_hosts: Vec<String>,
}

impl Default for MetaConfig {
    fn default() -> Self {
        Self {
            graph_url: "https://graph.facebook.com/v23.0".to_owned(),
            hosts: Vec::new(),
            media_hosts: vec!["lookaside.fbsbx.com".to_owned()],
        }
    }
}

impl ChannelsConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        check(&format!("{at}.telegram.api_url"), &self.telegram.api_url, &self.telegram.hosts, problems);
        check(&format!("{at}.meta.graph_url"), &self.meta.graph_url, &self.meta.hosts, problems);
        self.uploads.validate(&format!("{at}.uploads"), problems);
    }
}

fn check(at: &str, url: &str, hosts: &[String], problems: &mut Problems) {
    let Some((secure, host)) = host_of(url) else {
        let what = format!("`{url}` is not an address of a server");
        return problems.add(at, what, "write for example https://api.telegram.org");
    };
    if !hosts.is_empty() && !hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        let what = format!("tokens may go to {} only, not to {host}", hosts.join(", "));
        problems.add(at, what, format!("add {host} to `hosts` beside it, or correct the address"));
    }
    if !secure && !is_near(host) {
        let what = format!("would send tokens to {host} unencrypted");
        problems.add(at, what, "write https://");
    }
}

/// Whether the address is https, and its host without port. `None` for anything that is not a plain http(s) address.
fn host_of(url: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = match scheme {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?
    } else {
        authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
    };
    let plain = !host.is_empty() && !host.contains(['@', ' ', '%']) && !rest.contains(['?', '#']);
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (plain && port).then_some((secure, host))
}

/// This machine or the private network: a fake, a container beside ours.
fn is_near(host: &str) -> bool {
    host.parse::<IpAddr>().map_or(!host.contains('.'), |ip| reach(ip) == Reach::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(telegram: &str, hosts: &[&str]) -> String {
        let mut config = ChannelsConfig::default();
        config.telegram.api_url = telegram.to_owned();
        config.telegram.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut problems = Problems::default();
        config.validate("channels", &mut problems);
        problems.to_string()
    }

    #[test]
    fn a_token_goes_to_known_hosts_only() {
        assert_eq!(problems("https://api.telegram.org", &[]), "");
        assert_eq!(problems("https://API.telegram.org:443/x", &["api.telegram.org"]), "");
        let text = problems("https://api.telegram.example", &["api.telegram.org"]);
        assert!(text.contains("channels.telegram.api_url") && text.contains("hosts"), "{text}");
    }

    #[test]
    fn a_token_travels_encrypted_unless_it_stays_near() {
        for near in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://sim:9000", "http://localhost:1"] {
            assert_eq!(problems(near, &[]), "", "{near}");
        }
        for far in ["http://api.telegram.org", "http://8.8.8.8"] {
            assert!(problems(far, &[]).contains("https://"), "{far}");
        }
    }

    #[test]
    fn an_upload_has_time_memory_and_a_rate() {
        let none = UploadsConfig { timeout: Span::secs(0), memory: Size::kib(0), rate: Size::kib(0) };
        let config = ChannelsConfig { uploads: none, ..ChannelsConfig::default() };
        let mut problems = Problems::default();
        config.validate("channels", &mut problems);
        let text = problems.to_string();
        for key in ["timeout", "memory", "rate"] {
            assert!(text.contains(&format!("channels.uploads.{key}")), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for wrong in
            ["", "api.telegram.org", "ftp://x", "https://", "https://a@b", "https://x?y", "http://x:0"]
        {
            assert!(problems(wrong, &[]).contains("not an address"), "{wrong}");
        }
    }
}
