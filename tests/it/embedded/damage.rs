//! Cuts, zeros and flipped bits: a log either opens with a prefix of what was written, or says where it is damaged.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use millrace::log::{Log, LogError};

use super::support::{
    PLAIN, SYNCED, clock, config, copy, data_len, files, folder, frame, frames, open, restore,
};
use super::support::{segments, topics};

/// A log that was dropped without being closed: some frames that are known to be on the disk, then some that are not.
struct Wreck {
    _folder: tempfile::TempDir,
    whole: PathBuf,
    /// The copy that is damaged.
    broken: PathBuf,
    /// Frames of [`SYNCED`] in it, in the older segments and the last one.
    synced: usize,
    /// Frames of [`PLAIN`] after those.
    plain: usize,
    /// The last segment that was begun, how much of it was on the disk, and how much of it is data.
    last: PathBuf,
    durable: usize,
    len: usize,
}

async fn wreck(synced: usize, plain: usize) -> Wreck {
    let kept = folder();
    let (whole, broken) = (kept.path().join("whole"), kept.path().join("broken"));
    let log = open(&whole).unwrap();
    topics(&*log).await;
    for number in 0..synced {
        log.append(&frame(SYNCED, number)).await.unwrap();
    }
    let last = |whole: &Path| segments(whole, "main").into_iter().rfind(|path| data_len(path) > 0).unwrap();
    let (before, durable) = (last(&whole), data_len(&last(&whole)).next_multiple_of(8));
    for number in 0..plain {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    drop(log);
    let last = last(&whole);
    assert_eq!(before, last, "the frames that are not synced are in the same segment");
    let len = data_len(&last).next_multiple_of(8);
    copy(&whole, &broken);
    Wreck {
        _folder: kept,
        whole,
        broken,
        synced,
        plain,
        last: last.file_name().unwrap().into(),
        durable,
        len,
    }
}

impl Wreck {
    fn file(&self) -> PathBuf {
        self.broken.join("main").join(&self.last)
    }

    /// Opens the damaged copy, counts frames and goes on appending; afterwards it is whole again.
    async fn open(&self) -> Result<(usize, usize), LogError> {
        let found = self.count_and_go_on().await;
        restore(&self.whole, &self.broken);
        found
    }

    async fn count(&self) -> Result<(usize, usize), LogError> {
        let log = open(&self.broken)?;
        Ok((frames(&*log, SYNCED).await?, frames(&*log, PLAIN).await?))
    }

    async fn count_and_go_on(&self) -> Result<(usize, usize), LogError> {
        let log = open(&self.broken)?;
        let found = (frames(&*log, SYNCED).await?, frames(&*log, PLAIN).await?);
        // What was opened can be written, and what is written then is there at the next open.
        log.append(&frame(PLAIN, found.1)).await?;
        drop(log);
        let log = open(&self.broken)?;
        assert_eq!(frames(&*log, PLAIN).await?, found.1 + 1);
        Ok(found)
    }
}

fn overwrite(file: &Path, at: usize, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at as u64).unwrap();
}

#[tokio::test]
async fn a_cut_at_every_byte_leaves_a_prefix() {
    let wreck = wreck(24, 9).await;
    let mut most = 0;
    for len in 0..=wreck.len {
        OpenOptions::new().write(true).open(wreck.file()).unwrap().set_len(len as u64).unwrap();
        let (synced, plain) = wreck.open().await.unwrap();
        assert!(synced == wreck.synced || plain == 0, "cut at {len}: {synced} and {plain}");
        assert!((synced, plain) >= (most / 100, most % 100), "a longer file holds no less: {len}");
        most = synced * 100 + plain;
        if len >= wreck.durable {
            assert_eq!(synced, wreck.synced, "cut at {len}");
        }
    }
    assert_eq!(most, wreck.synced * 100 + wreck.plain);
}

#[tokio::test]
async fn zeroed_sectors_and_pages_in_the_unsynced_end_leave_a_prefix() {
    let wreck = wreck(2, 15).await;
    assert!(wreck.len - wreck.durable > 1500, "several sectors are not synced");
    for size in [64, 512, 1024, 4096] {
        let mut from = wreck.durable;
        while from < wreck.len {
            // A sector that was on the disk keeps what it had.
            let end = (from + size) / size * size;
            overwrite(&wreck.file(), from, &vec![0; end.min(wreck.len) - from]);
            let (synced, plain) = wreck.open().await.unwrap();
            assert_eq!(synced, wreck.synced, "{size} zeros at {from}");
            assert!(plain < wreck.plain, "{size} zeros at {from}");
            from = end;
        }
    }
    // Every other small sector is missing, beginning with the first or the second.
    for first in [0, 1] {
        for begin in (wreck.durable..wreck.len).step_by(64).skip(first).step_by(2) {
            overwrite(&wreck.file(), begin, &[0; 64][..64.min(wreck.len - begin)]);
        }
        let (synced, plain) = wreck.open().await.unwrap();
        assert_eq!(synced, wreck.synced);
        assert!(plain < 4, "{plain}");
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_a_refusal_or_leaves_a_prefix() {
    let wreck = wreck(40, 6).await;
    assert!(segments(&wreck.whole, "main").len() > 2);
    for file in files(&wreck.broken) {
        let is_last = file == wreck.file();
        let whole = std::fs::read(&file).unwrap();
        let len = if file.extension().is_some_and(|e| e == "seg") { data_len(&file) } else { whole.len() };
        // Every byte of the last segment; of the others enough to meet every field of many frames.
        for at in (0..len).step_by(if is_last { 1 } else { 5 }) {
            overwrite(&file, at, &[whole[at] ^ (1 << (at % 8))]);
            let found = wreck.count().await;
            restore(&wreck.whole, &wreck.broken);
            let place = format!("{} at {at}", file.display());
            match found {
                Ok((synced, plain)) => {
                    assert_eq!(synced, wreck.synced, "what was on the disk is lost: {place}");
                    assert!(plain == wreck.plain || (is_last && at >= wreck.durable), "{place}");
                }
                Err(LogError::Damaged { file: named, at: position, .. }) => {
                    assert_eq!(named, file, "{place}");
                    assert!(position <= at as u64, "{place}: {position}");
                    assert!(!is_last || at < wreck.durable, "an unsynced end is no damage: {place}");
                }
                Err(error) => panic!("{place}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_missing_is_a_refusal() {
    let wreck = wreck(60, 1).await;
    let all = segments(&wreck.broken, "main");
    assert!(all.len() > 3);
    std::fs::remove_file(&all[1]).unwrap();
    let error = wreck.open().await.unwrap_err();
    assert!(error.to_string().contains("millrace log repair"), "{error}");
    // The second begins where the first one ends.
    let shorter = std::fs::metadata(&all[0]).unwrap().len() / 2;
    OpenOptions::new().write(true).open(&all[0]).unwrap().set_len(shorter).unwrap();
    assert!(matches!(wreck.open().await, Err(LogError::Damaged { .. })));
}

#[tokio::test]
async fn damage_behind_a_saved_index_is_found_by_the_read_and_never_passed_over() {
    let kept = folder();
    let path = kept.path().join("log");
    let log = open(&path).unwrap();
    topics(&*log).await;
    for number in 0..60 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    log.upkeep().await.unwrap();
    log.close().await;
    let first = segments(&path, "main").remove(0);
    assert!(first.with_extension("idx").exists());
    let middle = data_len(&first) / 2;
    let byte = std::fs::read(&first).unwrap()[middle];
    overwrite(&first, middle, &[byte ^ 0x10]);

    let log =
        millrace::log::embedded::EmbeddedLog::open(config(&path), std::sync::Arc::new(clock())).unwrap();
    let error = frames(&*log, PLAIN).await.unwrap_err();
    let LogError::Damaged { file, at, .. } = &error else { panic!("{error}") };
    assert_eq!(*file, first);
    assert!(*at <= middle as u64);
}

#[tokio::test]
async fn a_saved_index_that_does_not_fit_is_made_again() {
    let kept = folder();
    let path = kept.path().join("log");
    let log = open(&path).unwrap();
    topics(&*log).await;
    for number in 0..60 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    log.upkeep().await.unwrap();
    log.close().await;
    for file in files(&path).iter().filter(|path| path.extension().is_some_and(|e| e == "idx")) {
        let len = std::fs::metadata(file).unwrap().len() as usize;
        for at in (0..len).step_by(len / 7) {
            let byte = std::fs::read(file).unwrap()[at];
            overwrite(file, at, &[!byte]);
        }
    }
    let log = open(&path).unwrap();
    assert_eq!(frames(&*log, PLAIN).await.unwrap(), 60);
}
