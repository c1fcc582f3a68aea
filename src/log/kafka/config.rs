//! The section `kafka`: where the cluster is, who we are to it, and the few bounds worth turning.
//!
//! Guarantee: whatever librdkafka setting the engine's promises stand on can't be changed from outside; a try is one
//! clear problem that names every such key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::OWNED;
use crate::config::{Problems, Secret};
use crate::domain::units::{Size, Span};

/// The log on Apache Kafka.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// The brokers to ask first: `HOST:PORT`, several separated by commas. Empty = the embedded log is used.
    pub brokers: String,
    /// Put before the name of every topic and group, so that installations can share a cluster: `staging.`.
    pub prefix: String,
    /// How we speak to the brokers and who we are: `plaintext`, or one of the tables `tls` and `sasl`.
    pub security: Security,
    /// Any other setting of librdkafka by its own name. Those that the engine owns are refused.
    pub properties: BTreeMap<String, String>,
    /// A fixed name of this process within its groups (static membership): a restart within the session timeout then
    /// moves no partition. Must differ in every process. Unset = every start is a new member. After a process that ended
    /// without a goodbye, the next one of its name sends nothing for the session timeout less 2 s: the old one may live.
    pub instance_id: Option<String>,
    /// Copies of each partition of topics that we create; unset = the cluster's own default. From 3 on, an append waits
    /// for 2 of them.
    pub replication: Option<u16>,
    /// How long a member that went silent keeps its partitions.
    pub session_timeout: Span,
    /// How long the producer waits for more records before it sends a batch: throughput against latency.
    pub linger: Span,
    /// What may be on its way to the brokers at once, in a process.
    pub in_flight: Size,
    /// How long an append waits for room in `in_flight` before it is refused as busy.
    pub append_wait: Span,
    /// What a member of a group fetches ahead, over all its partitions.
    pub prefetch: Size,
    /// How long a look-up (metadata, offsets, topics) may take, the first connection included.
    pub request_timeout: Span,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            prefix: String::new(),
            security: Security::default(),
            properties: BTreeMap::new(),
            instance_id: None,
            replication: None,
            // Failover after a kill within 15 s; longer than a provider's call (8 s) by more than the lease's margin.
            session_timeout: Span::secs(15),
            // Five hops lie between a webhook and its reply: 2 ms each still fill batches at thousands a second.
            linger: Span::millis(2),
            in_flight: Size::mib(64),
            append_wait: Span::secs(5),
            prefetch: Size::mib(64),
            request_timeout: Span::secs(10),
        }
    }
}

/// How we speak to the brokers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Security {
    /// In the clear, to brokers that ask for no name.
    #[default]
    Plaintext,
    /// Encrypted; with `certificate` and `key` the broker knows us by our certificate.
    Tls(Tls),
    /// With a user and a password.
    Sasl(Sasl),
}

/// Encryption.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with the authorities that sign the brokers' certificates; unset = the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file with our certificate.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its private key.
    pub key: Option<PathBuf>,
    /// What the private key is encrypted with.
    pub key_password: Option<Secret>,
}

/// A user and a password.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sasl {
    /// How the password is proved.
    pub mechanism: Mechanism,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Encrypt; unset = in the clear, which shows a `PLAIN` password to the network.
    pub tls: Option<Tls>,
}

/// How a password is proved to the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mechanism {
    /// It is sent as it is.
    #[serde(rename = "PLAIN")]
    Plain,
    /// It never leaves us; SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// It never leaves us; SHA-512.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// How much earlier than its session a member's lease ends: clocks of two machines drift apart by less in that time.
const LEASE_MARGIN: Duration = Duration::from_secs(2);

impl KafkaConfig {
    /// How long a commit that was taken keeps what a member owns from everybody else.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.session_timeout.get().saturating_sub(LEASE_MARGIN)
    }

    /// Reports every mistake; pure. `at` is the section's name.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if let Some(bad) = self.addresses().find(|address| !is_address(address)) {
            problems.add(
                format!("{at}.brokers"),
                format!("`{bad}` is not an address"),
                "write HOST:PORT, several separated by commas",
            );
        }
        if let Some(bad) = self.prefix.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c)) {
            problems.add(
                format!("{at}.prefix"),
                format!("`{bad}` can't stand in a topic's name"),
                "use ASCII letters, digits, `.`, `_` and `-`",
            );
        }
        if self.prefix.len() > MAX_PREFIX {
            let what = format!("{} characters are too long", self.prefix.len());
            problems.add(format!("{at}.prefix"), what, format!("use at most {MAX_PREFIX}"));
        }
        let owned: Vec<&str> =
            self.properties.keys().map(String::as_str).filter(|key| is_owned(key)).collect();
        if !owned.is_empty() {
            problems.add(
                format!("{at}.properties"),
                format!("{} can't be set here: the log's guarantees stand on them", owned.join(", ")),
                format!("remove them; {at}.brokers, security, linger and the other keys of {at} cover what may vary"),
            );
        }
        if self.instance_id.as_deref() == Some("") {
            problems.add(format!("{at}.instance_id"), "it is empty", "give a name, or remove the key");
        }
        if self.replication == Some(0) {
            problems.add(
                format!("{at}.replication"),
                "0 copies hold nothing",
                "set 1 or more; 3 in production",
            );
        }
        self.validate_bounds(at, problems);
        self.security.validate(&format!("{at}.security"), problems);
    }

    fn validate_bounds(&self, at: &str, problems: &mut Problems) {
        let session = self.session_timeout.get().as_secs();
        if !(3..=300).contains(&session) {
            let what = format!("{} is outside of what brokers allow", self.session_timeout);
            problems.add(format!("{at}.session_timeout"), what, "set 3s to 5m");
        }
        if self.linger.get().as_millis() > 1_000 {
            let what = format!("{} delays every hop of a message", self.linger);
            problems.add(format!("{at}.linger"), what, "set 0ms to 1s");
        }
        for (key, size) in [("in_flight", self.in_flight), ("prefetch", self.prefetch)] {
            if !(Size::mib(16)..=Size::mib(1024)).contains(&size) {
                problems.add(
                    format!("{at}.{key}"),
                    format!("{size} is out of bounds"),
                    "set 16 MiB to 1 GiB",
                );
            }
        }
        for (key, span) in [("append_wait", self.append_wait), ("request_timeout", self.request_timeout)] {
            if span.get().is_zero() || span > Span::secs(120) {
                problems.add(format!("{at}.{key}"), format!("{span} is out of bounds"), "set 1ms to 2m");
            }
        }
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.brokers.split(',').map(str::trim).filter(|_| !self.brokers.trim().is_empty())
    }
}

impl Security {
    /// The first of the named files that can't be read, and why. Looks at the disk.
    pub(super) fn unreadable(&self) -> Option<String> {
        let (at, tls) = match self {
            Self::Plaintext => return None,
            Self::Tls(tls) => ("tls", tls),
            Self::Sasl(sasl) => ("sasl.tls", sasl.tls.as_ref()?),
        };
        let files = [("ca", &tls.ca), ("certificate", &tls.certificate), ("key", &tls.key)];
        files.into_iter().find_map(|(key, file)| {
            let file = file.as_ref()?;
            let error = std::fs::File::open(file).err()?;
            Some(format!(
                "kafka.security.{at}.{key}: {}: {error}; name a PEM file that can be read",
                file.display()
            ))
        })
    }

    fn validate(&self, at: &str, problems: &mut Problems) {
        match self {
            Self::Plaintext => {}
            Self::Tls(tls) => tls.validate(&format!("{at}.tls"), problems),
            Self::Sasl(sasl) => {
                if sasl.user.is_empty() {
                    problems.add(format!("{at}.sasl.user"), "it is missing", "name the user");
                }
                if sasl.password.expose().is_empty() {
                    let remedy = "set it, best by the environment: MILLRACE__KAFKA__SECURITY__SASL__PASSWORD";
                    problems.add(format!("{at}.sasl.password"), "it is missing", remedy);
                }
                if let Some(tls) = &sasl.tls {
                    tls.validate(&format!("{at}.sasl.tls"), problems);
                }
            }
        }
    }
}

impl Tls {
    fn validate(&self, at: &str, problems: &mut Problems) {
        if self.certificate.is_some() != self.key.is_some() {
            problems.add(
                at,
                "a certificate and its key go together",
                "set both `certificate` and `key`, or none",
            );
        }
    }
}

/// Kafka takes 249 characters; the longest of our names has 26, and groups get a few more.
const MAX_PREFIX: usize = 180;

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains("://") && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn is_owned(key: &str) -> bool {
    OWNED.contains(&key) || key.starts_with("sasl.oauthbearer.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &KafkaConfig) -> Vec<String> {
        let mut problems = Problems::default();
        config.validate("kafka", &mut problems);
        problems.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_default_is_valid() {
        assert_eq!(problems(&KafkaConfig::default()), Vec::<String>::new());
        let brokers = "a:9092, [::1]:9092,b.example:1".to_owned();
        assert_eq!(problems(&KafkaConfig { brokers, ..Default::default() }), Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let config: KafkaConfig = toml::from_str(
            r#"
            brokers = "a:9092,b"
            prefix = "a b"
            session_timeout = "1s"
            replication = 0
            [properties]
            "enable.idempotence" = "false"
            "socket.nagle.disable" = "true"
            "group.id" = "mine"
            [security.sasl]
            user = ""
            tls = {certificate = "c.pem"}
            "#,
        )
        .unwrap();
        let all = problems(&config);
        let expected = ["brokers", "prefix", "properties", "replication", "session_timeout"];
        for key in expected.iter().map(|key| format!("kafka.{key}")) {
            assert!(all.iter().any(|line| line.starts_with(&key)), "{key} in {all:#?}");
        }
        for key in ["sasl.user", "sasl.password", "sasl.tls"] {
            assert!(all.iter().any(|line| line.starts_with(&format!("kafka.security.{key}"))), "{key}");
        }
        let owned = all.iter().find(|line| line.starts_with("kafka.properties")).unwrap();
        assert!(owned.contains("enable.idempotence, group.id"), "{owned}");
        assert!(!owned.contains("nagle"), "{owned}");
    }

    #[test]
    fn a_password_never_shows() {
        let text = "[security.sasl]\nuser = \"u\"\npassword = \"hunter2\"\nmechanism = \"PLAIN\"";
        let config: KafkaConfig = toml::from_str(text).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
    }
}
