//! Who waits for records hears of them at once, not at the end of its wait.

use std::time::Duration;

use millrace::domain::time::SystemClock;
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Keep, Log, Outgoing, Signal, TopicName, TopicPartition, TopicSpec};

/// Far longer than the test may take.
const WAIT: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_append_wakes_members_and_readers() {
    for keep in [Keep::For(Duration::from_secs(3600)), Keep::Compact] {
        let folder = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig { folder: folder.path().to_owned(), ..EmbeddedConfig::default() };
        let log = EmbeddedLog::open(config, std::sync::Arc::new(SystemClock)).unwrap();
        let spec =
            TopicSpec { name: "wake.v1".to_owned(), partitions: 1, keep, max_bytes: 1 << 20, synced: false };
        log.ensure_topics(&[spec]).await.unwrap();
        let (topic, partition) = (TopicName::from("wake.v1"), TopicPartition::new("wake.v1", 0));
        let mut member = log.join("wake", &topic.clone().into(), std::time::Duration::ZERO).await.unwrap();
        while !matches!(member.next(SOON).await.unwrap(), Signal::Assigned(_)) {}
        member.start(&partition, 0).unwrap();
        let mut reader = log.reader(1 << 20).await.unwrap();
        reader.assign(&partition, 0).await.unwrap();

        let wait = async {
            let (heard, read) = tokio::join!(member.next(WAIT), reader.next(WAIT));
            assert!(matches!(heard.unwrap(), Signal::Records(_)), "{keep:?}");
            assert!(read.unwrap().is_some(), "{keep:?}");
        };
        let append = async {
            tokio::task::yield_now().await;
            log.append(&[Outgoing::event(topic.clone(), "k", "v".into())]).await.unwrap();
        };
        let both = async { tokio::join!(wait, append) };
        assert!(tokio::time::timeout(SOON, both).await.is_ok(), "nobody was woken: {keep:?}");
    }
}
