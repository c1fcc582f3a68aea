//! Appends: positions, order, partitions, bounds, errors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::domain::topics::partition_of;
use millrace::domain::units::{Size, Span};
use millrace::log::kafka::KafkaConfig;
use millrace::log::{Log, LogError, Outgoing};

use super::support::{at, config, connect, fill, log_with, record, spec};

#[tokio::test(flavor = "multi_thread")]
async fn positions_come_back_in_the_order_given_and_rise() {
    let log = log_with("t.v1", 3).await;
    let batch: Vec<Outgoing> = (0..3000u32).map(|n| record("t.v1", n % 3, n.to_string())).collect();
    let positions = log.append(&batch).await.unwrap();
    for (n, position) in positions.iter().enumerate() {
        assert_eq!((position.partition as usize, position.offset as usize), (n % 3, n / 3));
    }
    let mut reader = log.reader(1 << 20).await.unwrap();
    reader.assign(&at("t.v1", 1), 0).await.unwrap();
    let mut next = 0;
    while next < 1000 {
        for record in
            reader.next(Duration::from_secs(20)).await.unwrap().expect("records are missing").records
        {
            assert_eq!(record.offset, next);
            assert_eq!(record.value, (next * 3 + 1).to_string());
            next += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lands_where_every_kafka_client_would_put_it() {
    let log = log_with("t.v1", 7).await;
    for key in ["21", "foobar", "a-little-bit-long-string", "abc", ""] {
        let record = Outgoing { partition: None, key: Bytes::from(key), ..record("t.v1", 0, "v") };
        let positions = log.append(&[record]).await.unwrap();
        assert_eq!(positions[0].partition, partition_of(key.as_bytes(), 7), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_back_whole() {
    let log = log_with("t.v1", 1).await;
    let headers = vec![("content-type".into(), Bytes::from("x/y")), ("empty".into(), Bytes::new())];
    let sent =
        Outgoing { key: Bytes::from_static(&[0, 255]), headers, ..record("t.v1", 0, vec![7u8; 500_000]) };
    let gone = Outgoing { key: Bytes::from_static(b"gone"), ..record("t.v1", 0, "") };
    log.append(&[sent.clone(), gone]).await.unwrap();
    let mut reader = log.reader(4 << 20).await.unwrap();
    reader.assign(&at("t.v1", 0), 0).await.unwrap();
    let mut records = Vec::new();
    while records.len() < 2 {
        records.extend(
            reader.next(Duration::from_secs(20)).await.unwrap().expect("records are missing").records,
        );
    }
    assert_eq!(
        (&records[0].key, &records[0].value, &records[0].headers),
        (&sent.key, &sent.value, &sent.headers)
    );
    assert!(records[1].value.is_empty());
    let now = millrace::domain::time::Clock::now(&millrace::domain::time::SystemClock);
    assert!(now.since(records[0].at) < Duration::from_secs(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_appended_says_why_and_leaves_nothing() {
    let log = log_with("t.v1", 1).await;
    let large = record("t.v1", 0, vec![0u8; (1 << 20) + 1]);
    let error = log.append(&[record("t.v1", 0, "first"), large]).await.unwrap_err();
    assert!(matches!(&error, LogError::TooLarge { max: 1_048_576, .. }), "{error}");
    let error = log.append(&[record("nothing.v1", 0, "v")]).await.unwrap_err();
    assert!(matches!(&error, LogError::Unknown(name) if name.contains("nothing.v1")), "{error}");
    let error = log.append(&[record("t.v1", 1, "v")]).await.unwrap_err();
    assert!(matches!(&error, LogError::Unknown(name) if name.contains("t.v1[1]")), "{error}");
    assert_eq!(log.range(&at("t.v1", 0)).await.unwrap(), 0..0);
    assert_eq!(log.append(&[]).await.unwrap(), vec![]);
}

/// The largest record that a topic may take goes through, and reaches a group whose buffers are smaller.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_webhook_goes_through() {
    let log = connect(config()).await;
    let mut webhooks = spec("webhook.received.v1", 1);
    webhooks.max_bytes = 8 << 20;
    log.ensure_topics(&[webhooks]).await.unwrap();
    // Random bytes: compression must not help.
    let mut value = vec![0u8; (8 << 20) - 16];
    fastrand::Rng::with_seed(7).fill(&mut value);
    log.append(&[record("webhook.received.v1", 0, value.clone())]).await.unwrap();
    let mut group = super::support::join(&*log, "g", "webhook.received.v1").await.unwrap();
    super::support::assigned(&mut *group, 1).await;
    let millrace::log::Signal::Records(batch) = super::support::signal(&mut *group).await else {
        panic!("no record")
    };
    assert_eq!(batch.records[0].value, value);
    group.leave().await;
}

/// Beyond the bound appenders wait, and none of them is dropped at the client's door.
#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_waits_its_turn() {
    let config = KafkaConfig { in_flight: Size::mib(16), append_wait: Span::secs(60), ..config() };
    let log = connect(config).await;
    log.ensure_topics(&[spec("t.v1", 4)]).await.unwrap();
    let appenders: Vec<_> = (0..60u32)
        .map(|n| {
            let log = Arc::clone(&log);
            let batch: Vec<_> =
                (0..4).map(|p| record("t.v1", p, vec![u8::try_from(n).unwrap(); 250_000])).collect();
            tokio::spawn(async move { log.append(&batch).await })
        })
        .collect();
    for appender in appenders {
        assert_eq!(appender.await.unwrap().unwrap().len(), 4);
    }
    for partition in 0..4 {
        assert_eq!(log.range(&at("t.v1", partition)).await.unwrap(), 0..60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_finds_its_offset() {
    let clock = millrace::domain::time::ShiftedClock::default();
    let start = millrace::domain::time::Clock::now(&clock);
    let log = millrace::log::kafka::KafkaLog::connect(config(), Arc::new(clock.clone())).await.unwrap();
    log.ensure_topics(&[spec("t.v1", 1)]).await.unwrap();
    fill(&*log, "t.v1", 0, 10).await;
    clock.advance(Duration::from_secs(3600));
    fill(&*log, "t.v1", 0, 10).await;
    let partition = at("t.v1", 0);
    assert_eq!(log.offset_at(&partition, start.plus(Duration::from_secs(1800))).await.unwrap(), 10);
    assert_eq!(log.offset_at(&partition, start.plus(Duration::from_secs(9000))).await.unwrap(), 20);
    assert_eq!(
        log.offset_at(&partition, millrace::domain::time::Timestamp::from_millis(-5)).await.unwrap(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_refuses_and_has_flushed() {
    let log = log_with("t.v1", 1).await;
    let mut group = super::support::join(&*log, "g", "t.v1").await.unwrap();
    let appender = Arc::clone(&log);
    let appended = tokio::spawn(async move { appender.append(&[record("t.v1", 0, "last")]).await });
    tokio::task::yield_now().await;
    log.close().await;
    // Either it came before the end and is durable, or it was refused: never lost in between.
    let outcome = appended.await.unwrap();
    assert!(matches!(&outcome, Ok(_) | Err(LogError::Closed(_))), "{outcome:?}");
    assert!(matches!(log.append(&[record("t.v1", 0, "late")]).await, Err(LogError::Closed(_))));
    assert!(matches!(group.next(Duration::from_secs(1)).await, Err(LogError::Closed(_))));
}
