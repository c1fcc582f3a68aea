//! Topics and connections: every difference named at once, with what to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace::domain::time::SystemClock;
use millrace::domain::topics::{Counts, Keep, catalog};
use millrace::domain::units::Span;
use millrace::log::kafka::{KafkaConfig, KafkaLog};
use millrace::log::{Log, LogError, TopicName};

use super::support::{config, connect, spec};

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_catalog_is_made_once_and_then_found_right() {
    let log = connect(config()).await;
    let topics = catalog(Counts { conversations: 2, replies: 2, shards: 1 });
    let error = log.check_topics(&topics).await.unwrap_err();
    assert!(
        error.to_string().contains("webhook.received.v1") && error.to_string().contains("dead.letter.v1"),
        "{error}"
    );
    log.ensure_topics(&topics).await.unwrap();
    log.ensure_topics(&topics).await.unwrap();
    log.check_topics(&topics).await.unwrap();
    assert_eq!(log.partitions(&TopicName::from("reply.ready.v1")).await.unwrap(), 2);
    assert!(matches!(log.partitions(&TopicName::from("no.such.v1")).await, Err(LogError::Unknown(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_topic_that_differs_is_named_at_once() {
    let log = connect(config()).await;
    let mut short = spec("short.v1", 2);
    short.keep = Keep::For(Duration::from_secs(3600));
    log.ensure_topics(&[spec("a.v1", 2), spec("b.v1", 2), short]).await.unwrap();
    let mut compact = spec("b.v1", 2);
    compact.keep = Keep::Compact;
    let wanted = [spec("a.v1", 3), compact, spec("short.v1", 2), spec("missing.v1", 1)];
    let text = log.check_topics(&wanted).await.unwrap_err().to_string();
    for part in [
        "a.v1 has 2 partitions",
        "says 3",
        "cleanup.policy",
        "retention.ms",
        "missing.v1",
        "millrace topics apply",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let error = log.ensure_topics(&wanted).await.unwrap_err();
    assert!(matches!(error, LogError::Mismatch(_)), "{error}");
    assert!(
        matches!(log.partitions(&TopicName::from("missing.v1")).await, Err(LogError::Unknown(_))),
        "nothing was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_keep_installations_apart() {
    let (one, two) = (connect(config()).await, connect(config()).await);
    assert_ne!(one.log_id(), two.log_id());
    one.ensure_topics(&[spec("t.v1", 1)]).await.unwrap();
    assert!(matches!(two.partitions(&TopicName::from("t.v1")).await, Err(LogError::Unknown(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named_soon() {
    let config = KafkaConfig { brokers: "127.0.0.1:1".into(), request_timeout: Span::secs(3), ..config() };
    let began = Instant::now();
    let error = KafkaLog::connect(config, Arc::new(SystemClock)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(15));
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:1") && text.contains("kafka.brokers"), "{text}");
    assert!(matches!(error, LogError::Broker { retriable: true, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_librdkafka_does_not_know_is_named() {
    let mut config = config();
    config.properties.insert("no.such.key".into(), "hunter2".into());
    let text = KafkaLog::connect(config, Arc::new(SystemClock)).await.unwrap_err().to_string();
    assert!(text.contains("no.such.key") && !text.contains("hunter2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_copies_than_brokers_says_what_to_set() {
    let log = connect(KafkaConfig { replication: Some(9), ..config() }).await;
    let text = log.ensure_topics(&[spec("t.v1", 1)]).await.unwrap_err().to_string();
    assert!(text.contains("kafka.replication"), "{text}");
}
