//! Logs to be damaged: what was written, and whether what is left is a prefix of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::domain::time::{ManualClock, Timestamp};
use millrace::domain::topics::{Keep, TopicSpec};
use millrace::domain::units::Size;
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Log, LogError, Outgoing, Record, TopicName, TopicPartition};

/// Written and not waited for.
pub(super) const PLAIN: &str = "plain.v1";
/// Waits for the disk.
pub(super) const SYNCED: &str = "synced.v1";
/// Compacted.
pub(super) const KEPT: &str = "kept.v1";
/// Partitions of each topic.
pub(super) const PARTITIONS: u32 = 2;

/// A folder in memory where there is one, so that thousands of opens take seconds.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_700_000_000_000))
}

/// Segments of 4 KiB.
pub(super) fn config(folder: &Path) -> EmbeddedConfig {
    EmbeddedConfig {
        folder: folder.to_owned(),
        segment: Size::kib(4),
        keep_segment: Size::kib(4),
        ring: Size::kib(4),
        upkeep: millrace::domain::units::Span::secs(86_400),
        ..EmbeddedConfig::default()
    }
}

pub(super) fn open(folder: &Path) -> Result<Arc<EmbeddedLog>, LogError> {
    EmbeddedLog::open(config(folder), Arc::new(clock()))
}

pub(super) async fn topics(log: &dyn Log) {
    let week = Keep::For(Duration::from_secs(7 * 86_400));
    let spec = |name: &str, keep, synced| TopicSpec {
        name: name.to_owned(),
        partitions: PARTITIONS,
        keep,
        max_bytes: 1 << 20,
        synced,
    };
    let specs = [spec(PLAIN, week, false), spec(SYNCED, week, true), spec(KEPT, Keep::Compact, false)];
    log.ensure_topics(&specs).await.unwrap();
}

pub(super) fn record(topic: &str, partition: u32, key: &str, value: &str) -> Outgoing {
    let (key, value) = (Bytes::from(key.to_owned()), Bytes::from(value.to_owned()));
    Outgoing { topic: TopicName::from(topic), partition: Some(partition), key, value, headers: Vec::new() }
}

/// The records of frame `number`: three, over both partitions, each saying whose it is.
pub(super) fn frame(topic: &str, number: usize) -> Vec<Outgoing> {
    let one = |partition: u32, part: &str| {
        record(
            topic,
            partition,
            &format!("{number}{part}"),
            &format!("{number}{part} {}", "x".repeat(number % 90)),
        )
    };
    vec![one(0, "a"), one(1, "b"), one(0, "c")]
}

/// What a partition holds after the first `frames` frames.
fn expected(topic: &str, partition: u32, frames: usize) -> Vec<String> {
    let all = (0..frames).flat_map(|number| frame(topic, number));
    let mine = all.filter(|record| record.partition == Some(partition));
    mine.map(|record| String::from_utf8(record.value.to_vec()).unwrap()).collect()
}

/// Everything of a partition.
pub(super) async fn read(log: &dyn Log, topic: &str, partition: u32) -> Result<Vec<Record>, LogError> {
    let at = TopicPartition::new(topic, partition);
    let range = log.range(&at).await?;
    let mut reader = log.reader(1 << 20).await?;
    reader.assign(&at, range.start).await?;
    let mut all: Vec<Record> = Vec::new();
    while all.last().map_or(range.start, |last| last.offset + 1) < range.end {
        match reader.next(Duration::from_millis(100)).await? {
            Some(batch) => all.extend(batch.records),
            None => break,
        }
    }
    Ok(all)
}

/// How many whole frames of [`frame`] are in the topic; panics when it is not a prefix of them.
pub(super) async fn frames(log: &dyn Log, topic: &str) -> Result<usize, LogError> {
    let second = read(log, topic, 1).await?;
    let count = second.len();
    for (partition, records) in [(0, read(log, topic, 0).await?), (1, second)] {
        let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(&record.value)).collect();
        assert_eq!(texts, expected(topic, partition, count), "partition {partition} is not a prefix");
    }
    Ok(count)
}

/// The same for what came after the first `known` frames, without a look at those.
pub(super) async fn frames_after(log: &dyn Log, topic: &str, known: usize) -> Result<usize, LogError> {
    let count = log.range(&TopicPartition::new(topic, 1)).await?.end as usize;
    for (partition, each) in [(0, 2), (1, 1)] {
        let mut reader = log.reader(1 << 20).await?;
        reader.assign(&TopicPartition::new(topic, partition), (known * each) as u64).await?;
        let mut texts = Vec::new();
        while texts.len() < (count - known) * each {
            let batch = reader.next(Duration::from_secs(5)).await?.expect("records up to the end");
            texts.extend(
                batch.records.into_iter().map(|record| String::from_utf8(record.value.to_vec()).unwrap()),
            );
        }
        let sent =
            (known..count).flat_map(|number| frame(topic, number)).filter(|r| r.partition == Some(partition));
        assert!(sent.map(|record| record.value).eq(texts), "partition {partition} goes on as it was written");
    }
    Ok(count)
}

/// Every file below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Copies a folder.
pub(super) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// Makes `to` the same as `from` again, when only `file` was changed or files were made.
pub(super) fn restore(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

/// The segments of a sequence, oldest first.
pub(super) fn segments(folder: &Path, sequence: &str) -> Vec<PathBuf> {
    let mut all = files(&folder.join(sequence));
    all.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    all
}

/// Where the last byte that is not zero ends.
pub(super) fn data_len(file: &Path) -> usize {
    std::fs::read(file).unwrap().iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}
