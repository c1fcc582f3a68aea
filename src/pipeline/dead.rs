//! Dead letters: the original record untouched, the reason in headers.
//!
//! Guarantee: whoever gives a record up finishes it only after its dead letter is acknowledged.

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::error::StageError;
use crate::domain::failure::{Class, Origin};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics::DEAD_LETTER;
use crate::log::{Log, LogError, Outgoing, Record, TopicName, TopicPartition};

/// The longest error text in a header: enough for a chain of causes, not for a payload.
const MAX_ERROR_BYTES: usize = 1024;

/// Why a record is given up.
#[derive(Debug, Clone)]
pub struct Cause {
    /// A fixed word: `rejected`, `bug`, `exhausted`, `expired`, ...
    pub reason: &'static str,
    /// What was wrong, for a person.
    pub error: String,
    /// What sort of failure.
    pub class: Class,
    /// Whose.
    pub origin: Origin,
    /// How often it was tried.
    pub attempts: u32,
}

impl Cause {
    /// A stage's own verdict on a record. The reason is the error's own word, or its class's.
    #[must_use]
    pub fn of(error: &StageError, attempts: u32) -> Self {
        let reason = error.reason.unwrap_or(match error.class {
            Class::Permanent => "rejected",
            Class::Bug => "bug",
            Class::Transient { .. } => "exhausted",
            Class::Throttled { .. } => "expired",
        });
        Self { reason, error: error.to_string(), class: error.class, origin: error.origin, attempts }
    }
}

/// The dead letter of a record.
#[must_use]
pub fn letter(
    stage: StageName,
    from: &TopicPartition,
    record: &Record,
    cause: &Cause,
    at: Timestamp,
) -> Outgoing {
    let mut headers = record.headers.clone();
    let error = crate::domain::text::cut(&cause.error, MAX_ERROR_BYTES);
    let ours = [
        ("millrace-stage", stage.to_string()),
        ("millrace-reason", cause.reason.to_owned()),
        ("millrace-error", error.to_owned()),
        ("millrace-origin", cause.origin.as_str().to_owned()),
        ("millrace-topic", from.topic.to_string()),
        ("millrace-partition", from.partition.to_string()),
        ("millrace-offset", record.offset.to_string()),
        ("millrace-attempts", cause.attempts.to_string()),
        ("millrace-time", at.to_string()),
    ];
    headers.extend(ours.into_iter().map(|(name, value)| (name.into(), Bytes::from(value))));
    Outgoing {
        topic: TopicName::from(DEAD_LETTER),
        partition: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// Appends a dead letter, trying again until it is acknowledged or the partition is gone.
///
/// # Errors
/// When trying again can't help.
pub async fn append(log: &dyn Log, letter: Outgoing, cancel: &CancellationToken) -> Result<(), LogError> {
    super::partition::append_until_acked(log, vec![letter], cancel).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_is_untouched_and_the_reason_beside_it() {
        let record = Record {
            offset: 7,
            at: Timestamp::default(),
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(b"\xff\x00 not json"),
            headers: vec![("a".into(), Bytes::from_static(b"b"))],
        };
        let cause = Cause {
            reason: "bug",
            error: "x".repeat(5_000),
            class: Class::Bug,
            origin: Origin::Platform,
            attempts: 1,
        };
        let from = TopicPartition::new("turn.opened.v1", 3);
        let letter = letter(StageName::Match, &from, &record, &cause, Timestamp::from_millis(0));
        assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
        assert_eq!(letter.headers[0], record.headers[0]);
        let header = |name: &str| letter.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(header("millrace-offset"), "7");
        assert_eq!(header("millrace-partition"), "3");
        assert_eq!(header("millrace-error").len(), MAX_ERROR_BYTES);
    }
}
