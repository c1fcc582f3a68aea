//! What bare files reach: the same bytes, the same checksums, the same syncs, nothing else.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::FallocateFlags;

use crate::log::embedded::EmbeddedConfig;

/// What a record takes in the log besides its value: so the raw files carry the same.
const OVERHEAD: usize = 75;
/// One read.
const CHUNK: usize = 1 << 20;

/// What bare files do in a second; `None` where there is nothing to compare with.
pub(super) fn limit(
    op: &str,
    folder: &Path,
    config: &EmbeddedConfig,
    waiters: usize,
    value: &Bytes,
    time: Duration,
) -> anyhow::Result<Option<f64>> {
    let mut frame = vec![0; OVERHEAD];
    frame.extend_from_slice(value);
    let mut files = Files { folder, size: config.segment.bytes(), number: 0, file: None, at: 0 };
    let done = match op {
        "append" => appends(&mut files, &mut frame, usize::MAX, time)?,
        "append_synced" => appends(&mut files, &mut frame, waiters, time)?,
        "read" => reads(&mut files, &mut frame, time)?,
        _ => return Ok(None),
    };
    for number in 1..=files.number {
        std::fs::remove_file(files.path(number))?;
    }
    Ok(Some(done))
}

/// Preallocated files, one after the other.
struct Files<'a> {
    folder: &'a Path,
    size: u64,
    number: u64,
    file: Option<File>,
    at: u64,
}

impl Files<'_> {
    fn path(&self, number: u64) -> std::path::PathBuf {
        self.folder.join(format!("raw-{number}"))
    }

    /// Writes a checksum and the frame.
    fn write(&mut self, frame: &mut [u8]) -> io::Result<()> {
        if self.file.is_none() || self.at + frame.len() as u64 > self.size {
            self.sync()?;
            self.number += 1;
            let path = self.path(self.number);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
            rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, self.size)?;
            (self.file, self.at) = (Some(file), 0);
        }
        let sum = crc32fast::hash(&frame[4..]);
        frame[..4].copy_from_slice(&sum.to_le_bytes());
        if let Some(file) = &self.file {
            file.write_all_at(frame, self.at)?;
        }
        self.at += frame.len() as u64;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| Ok(rustix::fs::fdatasync(file)?))
    }
}

/// Writes, with a sync after each `group`.
fn appends(files: &mut Files<'_>, frame: &mut [u8], group: usize, time: Duration) -> io::Result<f64> {
    let (begin, mut count) = (Instant::now(), 0_usize);
    while begin.elapsed() < time {
        for _ in 0..group.min(256) {
            files.write(frame)?;
            count += 1;
        }
        if group != usize::MAX {
            files.sync()?;
        }
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

/// Reads one file again and again, and checks every sum.
fn reads(files: &mut Files<'_>, frame: &mut [u8], time: Duration) -> io::Result<f64> {
    let each = frame.len();
    let frames = CHUNK / each;
    for _ in 0..frames * 32 {
        files.write(frame)?;
    }
    let file = files.file.take().ok_or_else(|| io::Error::other("nothing was written"))?;
    let mut chunk = vec![0; frames * each];
    let (begin, mut count, mut at) = (Instant::now(), 0_usize, 0);
    while begin.elapsed() < time {
        file.read_exact_at(&mut chunk, at)?;
        for frame in chunk.chunks_exact(each) {
            let sum = crc32fast::hash(&frame[4..]);
            if frame[..4] != sum.to_le_bytes() {
                return Err(io::Error::other("a checksum of the raw file differs"));
            }
            count += 1;
        }
        at = (at + chunk.len() as u64) % (chunk.len() as u64 * 32);
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}
