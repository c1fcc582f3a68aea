//! What librdkafka says, as errors of the log: which broker or topic, what it said last, what to do.
//!
//! Guarantee: no password and no value of a setting is ever part of an error.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::log::LogError;

/// The last complaint of a client's connections, which says why a request times out. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trouble")
    }
}

impl Trouble {
    /// Takes a line of librdkafka's log.
    pub(super) fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::warn!(facility, line, "kafka client");
                self.set(line);
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                // Lost connections are told at this level.
                if matches!(facility, "FAIL" | "DISCONNECT") {
                    self.set(line);
                }
                tracing::debug!(facility, line, "kafka client");
            }
            RDKafkaLogLevel::Debug => tracing::trace!(facility, line, "kafka client"),
        }
    }

    fn set(&self, line: &str) {
        // `[thrd:...]: ` says nothing to an operator.
        let text = line.rsplit_once("]: ").map_or(line, |(_, text)| text);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.trim().to_owned());
    }

    /// What was said last.
    pub(super) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a broker refused who we are.
    pub(super) fn refused(&self) -> bool {
        self.last().is_some_and(|line| is_refusal(&line))
    }

    /// An error of `what`, with what was said last beside it.
    pub(super) fn error(&self, what: impl Into<String>, error: &KafkaError) -> LogError {
        let said = self.last();
        broker(what.into(), error, said.as_deref())
    }

    /// Like [`Trouble::error`], of a code alone.
    pub(super) fn code(&self, what: impl Into<String>, code: Code) -> LogError {
        let said = self.last();
        of_code(what.into(), code, said.as_deref())
    }
}

/// A context that only listens.
#[derive(Debug, Clone, Default)]
pub(super) struct Listener(pub(super) Trouble);

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.0.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for Listener {}

/// Whether another try may help without anybody's help.
pub(super) fn is_retriable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::WaitingForCoordinator
            | Code::InProgress
            | Code::PreviousInProgress
            | Code::State
            | Code::PurgeQueue
            | Code::PurgeInflight
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::RebalanceInProgress
            | Code::QueueFull
            | Code::KafkaStorageError
            | Code::ThrottlingQuotaExceeded
    )
}

fn broker(what: String, error: &KafkaError, said: Option<&str>) -> LogError {
    match error {
        // The value may be a password: the key and librdkafka's complaint about it are enough.
        KafkaError::ClientConfig(_, complaint, key, _) => LogError::Mismatch(format!(
            "kafka.properties or kafka.security, librdkafka's `{key}`: {complaint}"
        )),
        KafkaError::ClientCreation(complaint) => LogError::Mismatch(format!(
            "the kafka client can't be made: {complaint}; check the files named in kafka.security and kafka.properties"
        )),
        other => match other.rdkafka_error_code() {
            Some(code) => of_code(what, code, said),
            None => LogError::Broker { what, reason: other.to_string(), retriable: false },
        },
    }
}

fn of_code(what: String, code: Code, said: Option<&str>) -> LogError {
    let retriable = is_retriable(code);
    let refused = said.is_some_and(is_refusal);
    let reason = match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            refusal(said.unwrap_or("the broker refused this client"))
        }
        _ if retriable && refused => refusal(said.unwrap_or_default()),
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => {
            format!("{code}: allow it to this user with an ACL on the cluster")
        }
        Code::InvalidReplicationFactor => {
            format!("{code}: the cluster has fewer brokers; set kafka.replication to their number")
        }
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut => {
            let said = said.unwrap_or("no broker answered");
            format!("{said}; is the cluster up at kafka.brokers, and does it speak what kafka.security says?")
        }
        Code::MessageTimedOut => format!("{code}; {}", said.unwrap_or("no broker acknowledged in time")),
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => {
            format!(
                "{code}: too few copies are in step for min.insync.replicas; bring the missing brokers back"
            )
        }
        code => code.to_string(),
    };
    let auth = matches!(code, Code::Authentication | Code::SaslAuthenticationFailed) || refused;
    LogError::Broker { what, reason, retriable: retriable && !auth }
}

/// Whether a complaint is about who we are, or who the broker is: no try heals that.
fn is_refusal(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("authentication") || line.contains("certificate")
}

fn refusal(said: &str) -> String {
    format!("{said}; check kafka.security: the mechanism, the user and the password, or the certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_broker_is_named_with_the_remedy() {
        let trouble = Trouble::default();
        trouble.log(
            RDKafkaLogLevel::Error,
            "FAIL",
            "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        );
        let error = trouble.error("fetch metadata", &KafkaError::MetadataFetch(Code::BrokerTransportFailure));
        let text = error.to_string();
        assert!(
            text.contains("Connect to ipv4#127.0.0.1:1 failed") && text.contains("kafka.brokers"),
            "{text}"
        );
        assert!(matches!(error, LogError::Broker { retriable: true, .. }));
    }

    #[test]
    fn a_refused_user_is_not_tried_again() {
        let trouble = Trouble::default();
        let line = "[thrd:x]: a:1/1: SASL authentication error: Authentication failed during authentication";
        trouble.log(RDKafkaLogLevel::Error, "FAIL", line);
        let error = trouble.error("fetch metadata", &KafkaError::MetadataFetch(Code::OperationTimedOut));
        assert!(matches!(&error, LogError::Broker { retriable: false, .. }), "{error}");
        assert!(error.to_string().contains("kafka.security"), "{error}");
        assert!(trouble.refused());
    }

    #[test]
    fn a_setting_is_named_without_its_value() {
        let config = rdkafka::ClientConfig::new().set("ssl.no.such", "hunter2").create_native_config();
        let Err(error) = config else { panic!("librdkafka took an unknown key") };
        let text = Trouble::default().error("connect", &error).to_string();
        assert!(text.contains("ssl.no.such") && !text.contains("hunter2"), "{text}");
    }
}
