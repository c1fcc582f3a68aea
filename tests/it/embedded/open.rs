//! What a log knows when it is opened again, and what its two kinds of sequences promise each other.

use std::time::Duration;

use millrace::domain::topics::{Keep, TopicSpec};
use millrace::domain::units::{Size, Span};
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog, SyncMode};
use millrace::log::{Committed, Log, LogError, Progress, Signal, TopicName, TopicPartition};

use super::support::{KEPT, PLAIN, SYNCED, clock, config, files, folder, frame, frames, open, read, record};
use super::support::{segments, topics};

async fn commit(log: &dyn Log, group: &str, partition: u32, offset: u64) {
    let mut member = log.join(group, &TopicName::from(PLAIN).into(), Duration::ZERO).await.unwrap();
    while !matches!(member.next(Duration::from_secs(1)).await.unwrap(), Signal::Assigned(_)) {}
    let committed = Committed { offset, metadata: "m".to_owned() };
    let progress = Progress { partition: TopicPartition::new(PLAIN, partition), committed };
    member.commit_now(&[progress]).await.unwrap();
    member.leave().await;
}

#[tokio::test]
async fn everything_is_there_again_whether_it_was_closed_or_dropped() {
    for closed in [true, false] {
        let kept = folder();
        let log = open(kept.path()).unwrap();
        topics(&*log).await;
        let id = log.log_id().to_owned();
        for number in 0..50 {
            log.append(&frame(PLAIN, number)).await.unwrap();
            log.append(&frame(KEPT, number)).await.unwrap();
        }
        commit(&*log, "again", 1, 33).await;
        if closed {
            log.close().await;
            assert!(matches!(log.append(&frame(PLAIN, 50)).await, Err(LogError::Closed(_))));
        }
        drop(log);
        let log = open(kept.path()).unwrap();
        assert_eq!(log.log_id(), id);
        assert_eq!((frames(&*log, PLAIN).await.unwrap(), frames(&*log, KEPT).await.unwrap()), (50, 50));
        let committed = log.committed("again", &TopicName::from(PLAIN)).await.unwrap();
        assert_eq!(committed, [None, Some(Committed { offset: 33, metadata: "m".to_owned() })]);
        log.append(&frame(PLAIN, 50)).await.unwrap();
        assert_eq!(frames(&*log, PLAIN).await.unwrap(), 51);
    }
}

#[tokio::test]
async fn nothing_is_lost_with_a_segment_that_is_past_its_time() {
    let kept = folder();
    let clock = clock();
    let log = EmbeddedLog::open(config(kept.path()), std::sync::Arc::new(clock.clone())).unwrap();
    topics(&*log).await;
    commit(&*log, "old", 0, 0).await;
    for number in 0..80 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    commit(&*log, "old", 1, 40).await;
    for number in 80..160 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    let before = segments(kept.path(), "main").len();
    clock.advance(Duration::from_secs(9 * 86_400));
    log.upkeep().await.unwrap();
    log.append(&[record(PLAIN, 1, "k", "new")]).await.unwrap();
    let at = TopicPartition::new(PLAIN, 1);
    let range = log.range(&at).await.unwrap();
    assert!(range.start > 0 && range.end == 161, "{range:?}");
    log.close().await;
    let after = segments(kept.path(), "main");
    assert!(after.len() < before / 2, "{after:?} of {before}");
    drop(log);
    let log = EmbeddedLog::open(config(kept.path()), std::sync::Arc::new(clock)).unwrap();
    assert_eq!(log.range(&at).await.unwrap(), range, "the first offset too");
    let committed = log.committed("old", &TopicName::from(PLAIN)).await.unwrap();
    assert_eq!(committed.iter().flatten().map(|c| c.offset).collect::<Vec<_>>(), [0, 40]);
}

#[tokio::test]
async fn one_append_goes_to_topics_of_one_kind() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    let both = vec![record(PLAIN, 0, "k", "v"), record(KEPT, 0, "k", "v")];
    let error = log.append(&both).await.unwrap_err();
    assert!(matches!(error, LogError::Mixed(..)) && error.to_string().contains(KEPT), "{error}");
    log.append(&[record(PLAIN, 0, "k", "v"), record(SYNCED, 0, "k", "v")]).await.unwrap();
    assert_eq!(read(&*log, KEPT, 0).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_topic_that_is_stored_apart_can_not_move() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    let week = Keep::For(Duration::from_secs(7 * 86_400));
    let spec =
        |keep| TopicSpec { name: KEPT.to_owned(), partitions: 2, keep, max_bytes: 1 << 20, synced: false };
    let error = log.ensure_topics(&[spec(week)]).await.unwrap_err().to_string();
    assert!(error.contains(KEPT), "{error}");
    log.ensure_topics(&[spec(Keep::Compact)]).await.unwrap();
}

#[tokio::test]
async fn a_frame_larger_than_a_segment_gets_one_of_its_own() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    for topic in [PLAIN, KEPT] {
        for (key, len) in [("before", 6), ("large", 100_000), ("after", 5)] {
            log.append(&[record(topic, 0, key, &"x".repeat(len))]).await.unwrap();
        }
    }
    drop(log);
    let log = open(kept.path()).unwrap();
    for topic in [PLAIN, KEPT] {
        let sizes: Vec<_> = read(&*log, topic, 0).await.unwrap().iter().map(|r| r.value.len()).collect();
        assert_eq!(sizes, [6, 100_000, 5]);
    }
}

#[tokio::test]
async fn an_append_over_the_bounds_is_refused() {
    let kept = folder();
    let config =
        EmbeddedConfig { frame_max: Size::kib(16), waiting_max: Size::kib(8), ..config(kept.path()) };
    let log = EmbeddedLog::open(config, std::sync::Arc::new(clock())).unwrap();
    topics(&*log).await;
    let error = log.append(&[record(PLAIN, 0, "k", &"x".repeat(17_000))]).await.unwrap_err();
    assert!(matches!(error, LogError::TooLarge { max: 16_384, .. }), "{error}");
    log.append(&[record(PLAIN, 0, "k", &"x".repeat(9_000))]).await.unwrap();
    let error = log.append(&[record(SYNCED, 0, "k", &"x".repeat(9_000))]).await.unwrap_err();
    assert!(matches!(error, LogError::Busy(_)), "more bytes than may wait for the disk: {error}");
    log.append(&[record(SYNCED, 0, "k", &"x".repeat(5_000))]).await.unwrap();
}

#[tokio::test]
async fn compaction_survives_a_reopen_and_a_half_done_one() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    for number in 0..300 {
        log.append(&[record(KEPT, 0, &format!("key {}", number % 7), &format!("{number}"))]).await.unwrap();
    }
    let before = segments(kept.path(), &format!("keep/{KEPT}"));
    log.upkeep().await.unwrap();
    log.close().await;
    drop(log);
    let after = segments(kept.path(), &format!("keep/{KEPT}"));
    assert!(after.len() < before.len(), "{before:?} became {after:?}");
    // A draft that was not finished, and a segment that was replaced but not yet removed.
    let folder = kept.path().join("keep").join(KEPT);
    std::fs::write(folder.join("0000000001-0000000002.tmp"), b"half").unwrap();
    std::fs::write(folder.join("0000000002.seg"), b"replaced").unwrap();
    let log = open(kept.path()).unwrap();
    let read = read(&*log, KEPT, 0).await.unwrap();
    assert!(read.len() < 200, "{}", read.len());
    for number in 293..300 {
        let newest = read.iter().rfind(|record| record.key == format!("key {}", number % 7)).unwrap();
        assert_eq!(newest.value, format!("{number}"));
    }
    assert!(!files(&folder).iter().any(|path| path.ends_with("0000000002.seg")));
    log.append(&[record(KEPT, 0, "new", "v")]).await.unwrap();
    assert!(millrace::log::embedded::tool::verify(kept.path()).unwrap().is_good());
}

#[tokio::test]
async fn without_syncs_nothing_waits_and_everything_is_there() {
    let kept = folder();
    let config = EmbeddedConfig { sync: SyncMode::Os, upkeep: Span::secs(60), ..config(kept.path()) };
    let log = EmbeddedLog::open(config.clone(), std::sync::Arc::new(clock())).unwrap();
    topics(&*log).await;
    for number in 0..40 {
        log.append(&frame(SYNCED, number)).await.unwrap();
        log.append(&frame(KEPT, number)).await.unwrap();
    }
    drop(log);
    let log = EmbeddedLog::open(config, std::sync::Arc::new(clock())).unwrap();
    assert_eq!((frames(&*log, SYNCED).await.unwrap(), frames(&*log, KEPT).await.unwrap()), (40, 40));
}
