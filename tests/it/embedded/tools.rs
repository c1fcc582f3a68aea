//! `verify`, `dump` and `repair`.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use millrace::domain::time::Timestamp;
use millrace::log::embedded::tool::{Wanted, dump, repair, verify};
use millrace::log::{Log, LogError};

use super::support::{KEPT, PLAIN, data_len, folder, frame, frames, open, segments, topics};

fn wanted(topic: &str) -> Wanted {
    Wanted { topic: topic.to_owned(), partition: None, from: 0, limit: usize::MAX }
}

#[tokio::test]
async fn a_good_log_is_good_also_while_it_is_open() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    for number in 0..60 {
        log.append(&frame(PLAIN, number)).await.unwrap();
        log.append(&frame(KEPT, number)).await.unwrap();
    }
    let health = verify(kept.path()).unwrap();
    assert!(health.is_good());
    assert_eq!(health.log_id, log.log_id());
    let names: Vec<_> = health.sequences.iter().map(|sequence| sequence.name.as_str()).collect();
    assert_eq!(names, ["main", "keep/kept.v1"]);
    let records: u64 = health.sequences[0].segments.iter().map(|segment| segment.records).sum();
    assert_eq!(records, 180);
    assert!(matches!(repair(kept.path(), Timestamp::from_millis(1)), Err(LogError::Locked(_))));
}

#[tokio::test]
async fn records_are_shown_by_topic_partition_and_offset() {
    let kept = folder();
    let log = open(kept.path()).unwrap();
    topics(&*log).await;
    for number in 0..60 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    log.upkeep().await.unwrap();
    let show = |wanted: &Wanted| {
        let mut shown = Vec::new();
        dump(kept.path(), wanted, &mut |at, record| {
            shown.push((at.partition, record.offset));
            true
        })
        .unwrap();
        shown
    };
    assert_eq!(show(&wanted(PLAIN)).len(), 180);
    let some = Wanted { partition: Some(1), from: 55, limit: 3, ..wanted(PLAIN) };
    assert_eq!(show(&some), [(1, 55), (1, 56), (1, 57)]);
    assert!(show(&wanted(KEPT)).is_empty());
    let unknown = dump(kept.path(), &wanted("nothing.v1"), &mut |_, _| true).unwrap_err();
    assert!(unknown.to_string().contains("nothing.v1"), "{unknown}");
}

#[tokio::test]
async fn a_repair_saves_what_it_cuts_and_the_log_opens_again() {
    // In the last segment with frames behind it, and in an older one.
    for segment in [1, usize::MAX] {
        let kept = folder();
        let log = open(kept.path()).unwrap();
        topics(&*log).await;
        for number in 0..60 {
            log.append(&frame(PLAIN, number)).await.unwrap();
        }
        log.close().await;
        drop(log);
        let all: Vec<_> =
            segments(kept.path(), "main").into_iter().filter(|path| data_len(path) > 0).collect();
        assert!(all.len() > 2);
        let bad = &all[segment.min(all.len() - 1)];
        let at = data_len(bad) as u64 / 3;
        let file = OpenOptions::new().read(true).write(true).open(bad).unwrap();
        let before = std::fs::read(bad).unwrap();
        file.write_all_at(&[!before[at as usize]], at).unwrap();

        let health = verify(kept.path()).unwrap();
        let (found, damage) = health.damages().next().unwrap();
        assert_eq!(&found.file, bad);
        assert!(damage.at <= at);
        // Behind a saved index it would be found by the first read.
        drop(std::fs::remove_file(bad.with_extension("idx")));
        let opened = open(kept.path());
        let is_last = segment == usize::MAX;
        assert!(
            is_last || matches!(opened, Err(LogError::Damaged { .. })),
            "an older segment is not cut by itself"
        );
        drop(opened);

        let cuts = repair(kept.path(), Timestamp::from_millis(5)).unwrap();
        if !is_last {
            let cut = &cuts[0];
            assert_eq!((cut.sequence.as_str(), &cut.file, cut.at), ("main", bad, damage.at));
            assert_eq!(cut.segments.len(), all.len() - 2);
            let saved = std::fs::read_dir(&cut.saved).unwrap().count();
            assert_eq!(saved, 1 + cut.segments.len());
            assert!(cut.frames > 0 && cut.bytes > 0);
        }
        assert!(verify(kept.path()).unwrap().is_good());
        let log = open(kept.path()).unwrap();
        let left = frames(&*log, PLAIN).await.unwrap();
        assert!(left > 0 && left < 60, "{left}");
        log.append(&frame(PLAIN, left)).await.unwrap();
    }
}
