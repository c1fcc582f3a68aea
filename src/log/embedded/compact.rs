//! Rewrites the sealed segments of a compacted topic with the newest record of each key.
//!
//! Guarantee: a record is left out only when a newer one of its key is in the log, or when it is a deletion that everyone had
//! a day to see. A rewritten segment appears by one rename, which is also the moment at which those it stands for are gone;
//! offsets stay, and a bridge frame says how many frames are missing, so that a gap is never mistaken for one.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::body::{self, Part};
use super::frame::{self, Head, Kind};
use super::index::Index;
use super::recover::scan;
use super::segment::{Ordinals, Segment, failed, sync_folder};
use super::sequence::{Plan, Sequence};
use super::upkeep::remove;
use super::{lock, saved, write_lock};
use crate::domain::time::Timestamp;
use crate::domain::topics::Keep;
use crate::log::types::{LogError, Record};

/// How long a deletion stays: a reader that was away for less sees every one of them.
const DELETIONS_MS: i64 = 24 * 3_600_000;
/// How many keys one pass knows, at 32 bytes each: records of further keys stay until the next pass.
const KEYS: usize = 1_000_000;

/// The newest offset of each key of each partition; both are known by 128 bits of their hash.
type Newest = HashMap<u128, u64>;

impl Sequence {
    /// Compacts, if this is a compacted topic's sequence and at least half of what is sealed has not been compacted.
    pub(super) fn compact(&self, stop: &AtomicBool, now: Timestamp) -> Result<(), LogError> {
        let topics = self.registry.load();
        let compacted =
            |topic: u16| topics.by_id.get(usize::from(topic)).is_some_and(|t| t.spec.keep == Keep::Compact);
        if !self.plan.topic.is_some_and(compacted) {
            return Ok(());
        }
        let segments = self.segments();
        let Some((last, sealed)) = segments.split_last() else { return Ok(()) };
        let size = |segment: &Arc<Segment>| lock(&segment.index).len;
        let total: u64 = sealed.iter().map(size).sum();
        let done = self.compacted.load(Ordering::Relaxed);
        let is_clean = |segment: &&Arc<Segment>| segment.is_compacted() || segment.ordinals.last <= done;
        let clean: u64 = sealed.iter().filter(is_clean).map(size).sum();
        if total == clean || total - clean < clean {
            return Ok(());
        }
        let mut newest = Newest::new();
        for segment in &segments {
            self.learn(segment, &mut newest)?;
        }
        // What was learned must not be lost once what it replaces is gone.
        self.sync.flush()?;
        let mut draft = Draft::default();
        for (i, segment) in sealed.iter().enumerate() {
            if stop.load(Ordering::Acquire) {
                return Ok(());
            }
            let frames = self.survivors(segment, &newest, now)?;
            let bytes: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
            if draft.bytes + bytes > self.plan.segment && !draft.sources.is_empty() {
                let end = segment.sequence;
                self.replace(std::mem::take(&mut draft), end, now)?;
            }
            draft.sources.push(Arc::clone(segment));
            draft.frames.extend(frames);
            draft.bytes += bytes;
            if i + 1 == sealed.len() {
                self.replace(std::mem::take(&mut draft), last.sequence, now)?;
            }
        }
        self.compacted.store(last.ordinals.first - 1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes note of the newest offset of each key.
    fn learn(&self, segment: &Segment, newest: &mut Newest) -> Result<(), LogError> {
        self.each_record(segment, |part, record, _| {
            let key = hash(part, &record.key);
            if newest.len() < KEYS || newest.contains_key(&key) {
                newest.insert(key, record.offset);
            }
        })
    }

    /// The frames of a segment without what is superseded.
    fn survivors(
        &self,
        segment: &Segment,
        newest: &Newest,
        now: Timestamp,
    ) -> Result<Vec<Survivor>, LogError> {
        let mut frames: Vec<Survivor> = Vec::new();
        self.each_record(segment, |part, record, raw| {
            let superseded = match newest.get(&hash(part, &record.key)) {
                Some(offset) if *offset == record.offset => {
                    record.value.is_empty() && now.millis().saturating_sub(record.at.millis()) > DELETIONS_MS
                }
                Some(_) => true,
                None => false,
            };
            if superseded {
                return;
            }
            match frames.last_mut() {
                Some(frame) if frame.of == raw.frame => frame.push(part, record.offset, raw.bytes),
                _ => {
                    let mut frame = Survivor::new(raw.frame, record.at.millis());
                    frame.push(part, record.offset, raw.bytes);
                    frames.push(frame);
                }
            }
        })?;
        Ok(frames)
    }

    /// Shows every record of a segment: of the last one those that are there now.
    fn each_record(
        &self,
        segment: &Segment,
        mut show: impl FnMut(Part, Record, Raw<'_>),
    ) -> Result<(), LogError> {
        let upto = lock(&segment.index).len;
        let mut at = 0;
        let stopped = scan(
            &segment.file,
            &segment.path,
            self.plan.salt,
            Some(segment.sequence),
            &mut |head, frame| {
                let begin = at;
                at += frame.len() as u64;
                if head.kind != Kind::Records || begin >= upto {
                    return Some(());
                }
                let bytes = Bytes::copy_from_slice(frame);
                body::each_place(frame, |place| {
                    let raw = Raw {
                        frame: begin,
                        bytes: frame.get(place.at as usize..place.end as usize).unwrap_or_default(),
                    };
                    if let Some(record) = body::record(&bytes, 0, place.at) {
                        show(place.part, record, raw);
                    }
                })
            },
        )?;
        if stopped.index.len < upto {
            let what = stopped.stop.map_or("the file ends too early", frame::Fault::what).to_owned();
            return Err(LogError::Damaged { file: segment.path.clone(), at: stopped.index.len, what });
        }
        Ok(())
    }

    /// Puts one segment in the place of those that the draft was made from.
    fn replace(&self, draft: Draft, next: u64, now: Timestamp) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (draft.sources.first(), draft.sources.last()) else { return Ok(()) };
        let before: u64 = draft.sources.iter().map(|segment| lock(&segment.index).len).sum();
        if draft.sources.len() == 1 && draft.bytes + frame::HEADER as u64 * 2 >= before {
            return Ok(());
        }
        let ordinals = Ordinals { first: first.ordinals.first, last: last.ordinals.last };
        let path = self.plan.folder.join(ordinals.name());
        let made = path.with_extension("tmp");
        let index = write(&draft, &self.plan, first, next, now, &made)?;
        // An index of the same name would speak of other frames.
        drop(std::fs::remove_file(saved::path(&path)));
        std::fs::rename(&made, &path).map_err(failed("renaming", &made))?;
        sync_folder(&self.plan.folder)?;
        let segment = Arc::new(Segment::open(&self.plan.folder, ordinals)?.begin(first.sequence, index));
        {
            let mut segments = write_lock(&self.segments);
            let gone = |one: &Arc<Segment>| draft.sources.iter().any(|source| source.id == one.id);
            let at = segments.iter().position(gone).unwrap_or(0);
            segments.retain(|one| !gone(one));
            segments.insert(at, segment);
        }
        for source in draft.sources.iter().filter(|source| source.path != path) {
            remove(&source.path)?;
        }
        tracing::debug!(path = %path.display(), before, after = draft.bytes, "compacted");
        Ok(())
    }
}

/// A record as it lies in its frame.
struct Raw<'a> {
    /// Where its frame begins.
    frame: u64,
    bytes: &'a [u8],
}

/// What will become one segment.
#[derive(Default)]
struct Draft {
    sources: Vec<Arc<Segment>>,
    frames: Vec<Survivor>,
    bytes: u64,
}

/// A frame with the records that stay.
struct Survivor {
    /// Where the frame began that it was.
    of: u64,
    at: i64,
    records: Vec<(Part, u64)>,
    bytes: Vec<u8>,
}

impl Survivor {
    fn new(of: u64, at: i64) -> Self {
        Self { of, at, records: Vec::new(), bytes: Vec::new() }
    }

    fn push(&mut self, part: Part, offset: u64, raw: &[u8]) {
        self.records.push((part, offset));
        self.bytes.extend_from_slice(raw);
    }

    fn len(&self) -> usize {
        frame::HEADER + self.bytes.len() + 16
    }
}

/// Writes a draft to `path` and syncs it.
fn write(
    draft: &Draft,
    plan: &Plan,
    first: &Segment,
    next: u64,
    now: Timestamp,
    path: &std::path::Path,
) -> Result<Index, LogError> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let file = file.map_err(failed("creating", path))?;
    let mut index = Index::default();
    let mut put = |mut frame: Vec<u8>, head: Head, records: &[(Part, u64)]| {
        frame::seal(&mut frame, plan.salt, &head);
        let written = file.write_all_at(&frame, index.len);
        index.add(frame.len() as u64, head.at, records.iter().copied());
        written.map_err(failed("writing", path))
    };
    // Everything here was on the disk before, so everything may say so.
    let head = |sequence, at, kind, body| Head { sequence, synced: sequence, at, kind, body };
    let (frame, body) = super::recover::first_opening(&first.file, &first.path, plan.salt)?.encode();
    put(frame, head(first.sequence, now.millis(), Kind::Segment, body), &[])?;
    let mut sequence = first.sequence;
    for survivor in &draft.frames {
        sequence += 1;
        let (frame, body) = body::encode_raw(survivor.records.len(), &survivor.bytes);
        put(frame, head(sequence, survivor.at, Kind::Records, body), &survivor.records)?;
    }
    if sequence + 1 < next {
        let (frame, body) = body::encode_bridge(next);
        put(frame, head(sequence + 1, now.millis(), Kind::Bridge, body), &[])?;
    }
    file.sync_all().map_err(failed("syncing", path))?;
    Ok(index)
}

fn hash(part: Part, key: &[u8]) -> u128 {
    let mut hash = blake3::Hasher::new();
    hash.update(&part.topic.to_le_bytes()).update(&part.partition.to_le_bytes()).update(key);
    hash.finalize().as_bytes().first_chunk().map_or(0, |half| u128::from_le_bytes(*half))
}
