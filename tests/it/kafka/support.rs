//! A log on the test broker under a prefix of its own, and a member that does what the runtime does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use millrace::domain::time::SystemClock;
use millrace::domain::topics::{Keep, TopicSpec};
use millrace::log::kafka::{KafkaConfig, KafkaLog};
use millrace::log::{Committed, Group, Log, LogError, Outgoing, Progress, Signal, TopicName, TopicPartition};

/// Long enough for a broker that shares two cores with everything else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A variable that a suite can't run without.
#[expect(
    clippy::disallowed_methods,
    reason = "the address of the broker under test is no setting of the product"
)]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: scripts/kafka.sh start prints what belongs there"))
}

/// Settings for the test broker, with names that no other test uses.
pub(crate) fn config() -> KafkaConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let test = NEXT.fetch_add(1, Ordering::Relaxed);
    let seed = fastrand::u64(..);
    KafkaConfig {
        brokers: variable("MILLRACE_TEST_KAFKA"),
        prefix: format!("test-{seed:016x}-{test}."),
        // A machine that compiles beside the tests must not look like a member that died.
        session_timeout: millrace::domain::units::Span::secs(45),
        ..KafkaConfig::default()
    }
}

pub(crate) fn spec(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        keep: Keep::For(Duration::from_secs(7 * 86_400)),
        max_bytes: 1 << 20,
        synced: false,
    }
}

/// A log with one topic, whose members are given up after [`SHORT_SESSION`].
pub(crate) async fn log_with_short_session(topic: &str, partitions: u32) -> Arc<KafkaLog> {
    let session_timeout = millrace::domain::units::Span::secs(SHORT_SESSION.as_secs());
    let log = connect(KafkaConfig { session_timeout, ..config() }).await;
    log.ensure_topics(&[spec(topic, partitions)]).await.unwrap();
    log
}

/// Short enough to outlast in a test.
pub(crate) const SHORT_SESSION: Duration = Duration::from_secs(10);

/// A log with one topic.
pub(crate) async fn log_with(topic: &str, partitions: u32) -> Arc<KafkaLog> {
    let log = connect(config()).await;
    log.ensure_topics(&[spec(topic, partitions)]).await.unwrap();
    log
}

pub(crate) async fn connect(config: KafkaConfig) -> Arc<KafkaLog> {
    // Shown with a test that fails. Another test may have been first.
    let subscriber = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::INFO);
    drop(subscriber.try_init());
    KafkaLog::connect(config, Arc::new(SystemClock)).await.unwrap()
}

pub(crate) fn record(topic: &str, partition: u32, value: impl Into<Bytes>) -> Outgoing {
    let value = value.into();
    Outgoing {
        topic: topic.into(),
        partition: Some(partition),
        key: Bytes::from_static(b"k"),
        value,
        headers: vec![],
    }
}

/// `count` records of `0, 1, 2, ...` in one partition.
pub(crate) async fn fill(log: &dyn Log, topic: &str, partition: u32, count: u32) {
    let batch = (0..count).map(|n| record(topic, partition, n.to_string())).collect::<Vec<_>>();
    let positions = log.append(&batch).await.unwrap();
    assert_eq!(positions.len(), count as usize);
}

pub(crate) fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

pub(crate) fn upto(partition: &TopicPartition, offset: u64, metadata: &str) -> Progress {
    let committed = Committed { offset, metadata: metadata.to_owned() };
    Progress { partition: partition.clone(), committed }
}

/// The next signal that isn't idleness.
pub(crate) async fn signal(group: &mut dyn Group) -> Signal {
    let wait = async {
        loop {
            match group.next(Duration::from_secs(1)).await.unwrap() {
                Signal::Idle => {}
                signal => return signal,
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("nothing happened")
}

/// Waits until `count` partitions have been assigned, and starts each where the group is, or at the beginning.
pub(crate) async fn assigned(
    group: &mut dyn Group,
    count: usize,
) -> Vec<(TopicPartition, Option<Committed>)> {
    let mut all = Vec::new();
    while all.len() < count {
        match signal(group).await {
            Signal::Assigned(partitions) => {
                for (partition, committed) in &partitions {
                    let from = committed.as_ref().map_or(0, |committed| committed.offset);
                    group.start(partition, from).unwrap();
                }
                all.extend(partitions);
            }
            other => panic!("not an assignment: {other:?}"),
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// Reads `count` values of any partition.
pub(crate) async fn values(group: &mut dyn Group, count: usize) -> Vec<(TopicPartition, u64, String)> {
    let mut all = Vec::new();
    while all.len() < count {
        if let Signal::Records(batch) = signal(group).await {
            let value = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            all.extend(batch.records.iter().map(|r| (batch.partition.clone(), r.offset, value(&r.value))));
        }
    }
    all
}

pub(crate) async fn join(log: &dyn Log, group: &str, topic: &str) -> Result<Box<dyn Group>, LogError> {
    log.join(group, &TopicName::from(topic).into(), Duration::ZERO).await
}
