//! Topics, ranges, times, readers; what retention and compaction leave.

use std::time::Duration;

use millrace::domain::topics::Keep;
use millrace::log::{LogError, Outgoing, TopicName, TopicPartition};

use super::world::{
    PATIENCE, SHORT, WEEK, World, append_all, read_all, record, spec, text, topic, topic_kept,
};

pub(crate) async fn ensuring_topics_twice_changes_nothing(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "twice.v1", 3).await);
    append_all(&*log, &topic, 2, &["kept"]).await;
    let specs = [spec(topic.as_str(), 3, WEEK)];
    log.ensure_topics(&specs).await.unwrap();
    log.check_topics(&specs).await.unwrap();
    assert_eq!(log.partitions(&topic).await.unwrap(), 3);
    assert_eq!(read_all(&*log, &topic, 2).await.len(), 1);
}

pub(crate) async fn another_number_of_partitions_is_refused_and_named(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "fixed.v1", 3).await);
    let other = [spec(topic.as_str(), 4, WEEK)];
    let ensured = log.ensure_topics(&other).await.unwrap_err().to_string();
    assert!(ensured.contains(topic.as_str()), "{ensured}");
    let checked = log.check_topics(&other).await.unwrap_err().to_string();
    assert!(checked.contains(topic.as_str()), "{checked}");
    assert_eq!(log.partitions(&topic).await.unwrap(), 3);
}

pub(crate) async fn missing_topics_are_all_named(world: &dyn World) {
    let names = ["missing-one.v1", "missing-two.v1"].map(|name| world.name(name));
    let specs = names.clone().map(|name| spec(&name, 1, WEEK));
    let error = world.log().check_topics(&specs).await.unwrap_err().to_string();
    assert!(names.iter().all(|name| error.contains(name.as_str())), "{error}");
    let unknown = TopicName::from(names[0].as_str());
    assert!(world.log().partitions(&unknown).await.is_err(), "a check creates nothing");
}

pub(crate) async fn the_range_of_a_new_partition_is_empty(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "empty.v1", 1).await);
    let at = TopicPartition::new(topic.clone(), 0);
    assert_eq!(log.range(&at).await.unwrap(), 0..0);
    append_all(&*log, &topic, 0, &["a", "b"]).await;
    assert_eq!(log.range(&at).await.unwrap(), 0..2);
    assert!(log.range(&TopicPartition::new(topic, 1)).await.is_err());
}

pub(crate) async fn an_offset_is_found_by_time(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "times.v1", 1).await);
    let at = TopicPartition::new(topic.clone(), 0);
    append_all(&*log, &topic, 0, &["a", "b", "c"]).await;
    let times: Vec<_> = read_all(&*log, &topic, 0).await.iter().map(|record| record.at).collect();
    assert_eq!(log.offset_at(&at, times[0]).await.unwrap(), 0);
    let first_of_last = times.iter().position(|time| *time >= times[2]).unwrap() as u64;
    assert_eq!(log.offset_at(&at, times[2]).await.unwrap(), first_of_last);
    assert_eq!(log.offset_at(&at, times[2].plus(Duration::from_secs(60))).await.unwrap(), 3);
}

pub(crate) async fn a_reader_seeks_and_tails(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "tail.v1", 1).await);
    let at = TopicPartition::new(topic.clone(), 0);
    append_all(&*log, &topic, 0, &["a", "b", "c"]).await;
    let mut reader = log.reader(1 << 20).await.unwrap();
    for from in [2, 0] {
        reader.assign(&at, from).await.unwrap();
        let mut offsets = Vec::new();
        while offsets.last() != Some(&2) {
            let batch = reader.next(PATIENCE).await.unwrap().expect("records up to the end");
            offsets.extend(batch.records.iter().map(|record| record.offset));
        }
        assert_eq!(offsets, (from..3).collect::<Vec<_>>());
    }
    let late = tokio::spawn(async move { reader.next(PATIENCE).await });
    append_all(&*log, &topic, 0, &["d"]).await;
    let batch = late.await.unwrap().unwrap().expect("what was appended later");
    assert_eq!(text(&batch.records[0]), "d");
}

pub(crate) async fn a_reader_of_many_partitions_reads_them_all(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "many.v1", 4).await);
    for round in 0..40 {
        let batch = (0..4).map(|partition| record(&topic, partition, "k", &format!("{partition}-{round}")));
        log.append(&batch.collect::<Vec<_>>()).await.unwrap();
    }
    let mut reader = log.reader(64 << 10).await.unwrap();
    for partition in 0..4 {
        reader.assign(&TopicPartition::new(topic.clone(), partition), 0).await.unwrap();
    }
    let mut next = [0; 4];
    while next != [40; 4] {
        let batch = reader.next(PATIENCE).await.unwrap().expect("all partitions to the end");
        for record in batch.records {
            let partition = batch.partition.partition;
            assert_eq!(text(&record), format!("{partition}-{}", next[partition as usize]));
            next[partition as usize] += 1;
        }
    }
}

pub(crate) async fn a_reader_outside_the_range_is_told(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "outside.v1", 1).await);
    append_all(&*log, &topic, 0, &["a"]).await;
    let mut reader = log.reader(1 << 20).await.unwrap();
    let at = TopicPartition::new(topic.clone(), 0);
    let error = reader.assign(&at, 5).await.unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { first: 0, end: 1, asked: 5, .. }), "{error}");
    assert!(reader.assign(&TopicPartition::new(topic, 9), 0).await.is_err());
}

pub(crate) async fn an_idle_reader_waits_no_longer_than_told(world: &dyn World) {
    let (log, topic) = (world.log(), topic(world, "quiet.v1", 1).await);
    let mut reader = log.reader(1 << 20).await.unwrap();
    reader.assign(&TopicPartition::new(topic, 0), 0).await.unwrap();
    let before = tokio::time::Instant::now();
    assert!(reader.next(SHORT).await.unwrap().is_none());
    assert!(before.elapsed() < PATIENCE / 2);
}

pub(crate) async fn expired_records_leave_the_range(world: &dyn World) {
    let log = world.log();
    for (base, keep) in [("hour.v1", Keep::For(Duration::from_secs(3600))), ("month.v1", Keep::For(30 * DAY))]
    {
        let topic = topic_kept(world, base, 1, keep).await;
        let at = TopicPartition::new(topic.clone(), 0);
        let wide = "x".repeat(1000);
        append_all(&*log, &topic, 0, &[wide.as_str(); 30]).await;
        if !world.expire(&topic).await {
            return;
        }
        append_all(&*log, &topic, 0, &["new"]).await;
        let range = log.range(&at).await.unwrap();
        assert!(range.start > 0 && range.end == 31, "{range:?}");
        let read = read_all(&*log, &topic, 0).await;
        assert_eq!(read.last().map(text), Some("new"));
        let mut reader = log.reader(1 << 20).await.unwrap();
        let error = reader.assign(&at, 0).await.unwrap_err();
        assert!(matches!(error, LogError::OutOfRange { asked: 0, .. }), "{error}");
    }
}

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) async fn compaction_keeps_the_newest_of_each_key(world: &dyn World) {
    let (log, topic) = (world.log(), topic_kept(world, "newest.v1", 1, Keep::Compact).await);
    let wide = "x".repeat(300);
    for round in 0..40 {
        for key in ["a", "b", "gone"] {
            log.append(&[record(&topic, 0, key, &format!("{key}{round} {wide}"))]).await.unwrap();
        }
    }
    let deleted = Outgoing { value: bytes::Bytes::new(), ..record(&topic, 0, "gone", "") };
    log.append(&[deleted]).await.unwrap();
    // What is appended last is what no engine compacts yet.
    append_all(&*log, &topic, 0, &[wide.as_str(); 40]).await;
    let before = log.range(&TopicPartition::new(topic.clone(), 0)).await.unwrap();
    if !world.compact(&topic).await {
        return;
    }
    let after = log.range(&TopicPartition::new(topic.clone(), 0)).await.unwrap();
    assert_eq!(before.end, after.end, "offsets stay");
    let read = read_all(&*log, &topic, 0).await;
    assert!(read.len() < 80, "{} records are left", read.len());
    assert!(read.is_sorted_by_key(|record| record.offset));
    for key in ["a", "b"] {
        let newest = read.iter().rfind(|record| record.key == key).map(text).unwrap_or_default();
        assert!(newest.starts_with(&format!("{key}39")), "{key}: {newest}");
    }
    let gone = read.iter().rfind(|record| record.key == "gone");
    assert!(gone.is_none_or(|record| record.value.is_empty()));
}
