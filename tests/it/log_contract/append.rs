//! Appends: all or none, in order, with everything that was in them.

use bytes::Bytes;
use millrace::domain::topics::partition_of;
use millrace::log::{LogError, Outgoing, TopicName};

use super::world::{MAX_BYTES, World, append_all, read_all, record, text, topic};

pub(crate) async fn positions_come_back_in_the_order_given(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "order.v1", 2).await);
    let batch = [1, 0, 1].map(|partition| record(&topic, partition, "k", "v")).to_vec();
    let positions = log.append(&batch).await.unwrap();
    let told: Vec<_> = positions.iter().map(|position| (position.partition, position.offset)).collect();
    assert_eq!(told, [(1, 0), (0, 0), (1, 1)]);
}

pub(crate) async fn a_partition_is_read_in_the_order_of_its_appends(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "sorted.v1", 1).await);
    let wide = "x".repeat(200);
    let values: Vec<String> = (0..500).map(|i| format!("{i} {wide}")).collect();
    for chunk in values.chunks(7) {
        log.append(&chunk.iter().map(|value| record(&topic, 0, "k", value)).collect::<Vec<_>>())
            .await
            .unwrap();
    }
    let read = read_all(&*log, &topic, 0).await;
    assert_eq!(read.iter().map(text).collect::<Vec<_>>(), values);
    let offsets: Vec<_> = read.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (0..500).collect::<Vec<_>>());
}

pub(crate) async fn records_keep_key_value_headers_and_time(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "whole.v1", 1).await);
    let headers = vec![("a".into(), Bytes::from_static(b"1")), ("b".into(), Bytes::from_static(&[0xff]))];
    let sent = Outgoing { headers: headers.clone(), ..record(&topic, 0, "the key", "the value") };
    log.append(&[sent]).await.unwrap();
    let read = read_all(&*log, &topic, 0).await.remove(0);
    assert_eq!((&*read.key, &*read.value, read.headers), (&b"the key"[..], &b"the value"[..], headers));
    assert!(read.at.millis() > 1_600_000_000_000, "{}", read.at);
}

pub(crate) async fn keys_land_where_the_partitioner_says(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "keyed.v1", 8).await);
    for key in ["telegram/1/2", "b", "an entirely different key"] {
        let sent = Outgoing { partition: None, ..record(&topic, 0, key, "v") };
        let position = log.append(&[sent]).await.unwrap()[0];
        assert_eq!(position.partition, partition_of(key.as_bytes(), 8), "{key}");
    }
}

pub(crate) async fn all_of_a_batch_is_there(world: &dyn World) {
    let log = world.log();
    let (one, two) = (topic(world, "batch-one.v1", 2).await, topic(world, "batch-two.v1", 1).await);
    let batch = vec![record(&one, 0, "k", "a"), record(&two, 0, "k", "b"), record(&one, 1, "k", "c")];
    log.append(&batch).await.unwrap();
    for (topic, partition, value) in [(&one, 0, "a"), (&two, 0, "b"), (&one, 1, "c")] {
        let read = read_all(&*log, topic, partition).await;
        assert_eq!(read.iter().map(text).collect::<Vec<_>>(), [value]);
    }
}

pub(crate) async fn an_unknown_topic_is_named(world: &dyn World) {
    let (log, known) = (world.log(), topic(world, "known.v1", 1).await);
    let unknown = TopicName::from(world.name("nobody-made-this.v1").as_str());
    let error = log.append(&[record(&unknown, 0, "k", "v")]).await.unwrap_err();
    assert!(error.to_string().contains(unknown.as_str()), "{error}");
    let error = log.append(&[record(&known, 7, "k", "v")]).await.unwrap_err();
    assert!(error.to_string().contains(known.as_str()), "{error}");
    assert!(log.partitions(&unknown).await.is_err());
    assert!(log.join(&world.name("group"), &unknown.into(), std::time::Duration::ZERO).await.is_err());
}

pub(crate) async fn a_record_over_its_bound_is_refused(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "bounded.v1", 1).await);
    append_all(&*log, &topic, 0, &["before"]).await;
    let wide = "x".repeat(MAX_BYTES + 1);
    let error = log.append(&[record(&topic, 0, "k", &wide)]).await.unwrap_err();
    assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    append_all(&*log, &topic, 0, &["after"]).await;
    let read = read_all(&*log, &topic, 0).await;
    assert_eq!(read.iter().map(text).collect::<Vec<_>>(), ["before", "after"]);
}

pub(crate) async fn an_empty_batch_is_nothing(world: &dyn World) {
    assert!(world.log().append(&[]).await.unwrap().is_empty());
}
