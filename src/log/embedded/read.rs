//! Reads records that have left the ring.
//!
//! Guarantee: every byte is checked before a record is made of it, and a record that should be there and is not is an error,
//! never a step over it.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache as Moka;

use super::body::{self, Part};
use super::frame::{self, Kind};
use super::index::{Entry, Index, PartIndex};
use super::segment::{Segment, failed};
use super::sequence::Sequence;
use super::topics::Limit;
use super::{lock, read_lock, saved};
use crate::log::types::{LogError, Record};

/// Blocks and indexes of older segments, bounded by bytes.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    blocks: Moka<(u64, u32), Arc<Block>>,
    indexes: Moka<u64, Arc<Index>>,
}

impl Cache {
    /// At most this many bytes, half of them for each kind.
    pub(super) fn new(bytes: u64) -> Self {
        let weigh_block = |_: &(u64, u32), block: &Arc<Block>| {
            u32::try_from(block.bytes.len() + block.found.len() * size_of::<Found>()).unwrap_or(u32::MAX)
        };
        let weigh_index = |_: &u64, index: &Arc<Index>| u32::try_from(index.memory()).unwrap_or(u32::MAX);
        Self {
            blocks: Moka::builder().max_capacity(bytes / 2).weigher(weigh_block).build(),
            indexes: Moka::builder().max_capacity(bytes / 2).weigher(weigh_index).build(),
        }
    }
}

/// A run of frames whose checksums were good.
#[derive(Debug)]
struct Block {
    bytes: Bytes,
    /// By partition, then offset.
    found: Vec<Found>,
}

/// A record in a block.
#[derive(Debug, Clone, Copy)]
struct Found {
    part: Part,
    offset: u64,
    frame: u32,
    at: u32,
}

/// What a read brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) records: Vec<Record>,
    /// Where to go on.
    pub(super) next: u64,
}

/// What to read: a partition from an offset on, up to a published end. `gaps` = compaction may have left some out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) part: Part,
    pub(super) from: u64,
    pub(super) below: u64,
    pub(super) gaps: bool,
    pub(super) limit: Limit,
}

/// How many segments one read looks at: one that is full of other partitions must not end the search.
const SEGMENTS: usize = 4;
/// How many blocks of a segment one read looks at. Where a partition's records lie far apart that is less than the limit asks
/// for, and the next read goes on from there.
const BLOCKS: usize = 64;

impl Sequence {
    /// Reads from the segments. Blocks on the disk.
    pub(super) fn read(&self, cache: &Cache, wanted: Wanted) -> Result<Fetched, LogError> {
        let Wanted { part, from, below, gaps, limit } = wanted;
        let mut fetched = Fetched { records: Vec::new(), next: from };
        let mut bytes = 0;
        for segment in self.find(part, SEGMENTS, |known| known.end > from) {
            let blocks = self.blocks(cache, &segment, part, fetched.next, BLOCKS)?;
            let looked = blocks.len();
            for (entry, range, sealed) in blocks {
                let block = self.block(cache, &segment, entry.block, range, sealed)?;
                let begin =
                    block.found.partition_point(|found| (found.part, found.offset) < (part, fetched.next));
                for found in &block.found[begin..] {
                    let full = fetched.records.len() >= limit.records || bytes >= limit.bytes;
                    if found.part != part || found.offset >= below || full {
                        break;
                    }
                    if found.offset != fetched.next && !gaps {
                        return Err(hole(&segment, part, fetched.next));
                    }
                    let record = body::record(&block.bytes, found.frame as usize, found.at)
                        .ok_or_else(|| hole(&segment, part, found.offset))?;
                    bytes += record.bytes();
                    fetched.next = found.offset + 1;
                    fetched.records.push(record);
                }
                if fetched.records.len() >= limit.records || bytes >= limit.bytes || fetched.next >= below {
                    return Ok(fetched);
                }
            }
            // The segment may have more of it: to go on to the next one would pass that over.
            if looked == BLOCKS {
                break;
            }
        }
        if fetched.records.is_empty() {
            if !gaps {
                let file = self.plan.folder.clone();
                let what = format!("offset {from} of partition {} is missing", part.partition);
                return Err(LogError::Damaged { file, at: 0, what });
            }
            fetched.next = below;
        }
        Ok(fetched)
    }

    /// The first offset of a partition at or after a time; `None` where there is none. Blocks on the disk.
    pub(super) fn offset_at(&self, cache: &Cache, part: Part, at: i64) -> Result<Option<u64>, LogError> {
        let newer = |known: &PartIndex| known.newest >= at;
        for segment in self.find(part, usize::MAX, newer) {
            for (entry, range, sealed) in self.blocks(cache, &segment, part, 0, usize::MAX)? {
                if entry.newest < at {
                    continue;
                }
                let block = self.block(cache, &segment, entry.block, range, sealed)?;
                let found = block.found.iter().find(|found| {
                    let written = block.bytes.get(found.frame as usize..).map(frame::written_at);
                    found.part == part && written.is_some_and(|written| written >= at)
                });
                if let Some(found) = found {
                    return Ok(Some(found.offset));
                }
            }
        }
        Ok(None)
    }

    /// The first segments whose part of a partition fits.
    fn find(&self, part: Part, most: usize, fits: impl Fn(&PartIndex) -> bool) -> Vec<Arc<Segment>> {
        let holds = |segment: &&Arc<Segment>| lock(&segment.index).parts.get(&part).is_some_and(&fits);
        read_lock(&self.segments).iter().filter(holds).take(most).cloned().collect()
    }

    /// The blocks of a segment that hold `from` of a partition or what follows it, where they lie, and whether they can still
    /// grow.
    fn blocks(
        &self,
        cache: &Cache,
        segment: &Segment,
        part: Part,
        from: u64,
        most: usize,
    ) -> Result<Vec<(Entry, std::ops::Range<u64>, bool)>, LogError> {
        let list = |index: &Index| {
            let Some(known) = index.parts.get(&part) else { return Vec::new() };
            let entries = &known.entries[known.seek(from)..];
            let sealed = |entry: &Entry| (entry.block as usize) + 1 < index.blocks.len();
            entries.iter().take(most).map(|entry| (*entry, index.block(entry.block), sealed(entry))).collect()
        };
        {
            let index = lock(&segment.index);
            if !index.slim {
                return Ok(list(&index));
            }
        }
        if let Some(index) = cache.indexes.get(&segment.id) {
            return Ok(list(&index));
        }
        let index = Arc::new(saved::reload(segment, &self.plan)?);
        cache.indexes.insert(segment.id, Arc::clone(&index));
        Ok(list(&index))
    }

    fn block(
        &self,
        cache: &Cache,
        segment: &Segment,
        number: u32,
        range: std::ops::Range<u64>,
        sealed: bool,
    ) -> Result<Arc<Block>, LogError> {
        if let Some(block) = cache.blocks.get(&(segment.id, number)) {
            return Ok(block);
        }
        let block = Arc::new(load(segment, self.plan.salt, range)?);
        if sealed {
            cache.blocks.insert((segment.id, number), Arc::clone(&block));
        }
        Ok(block)
    }
}

/// Reads and checks a block.
fn load(segment: &Segment, salt: u32, range: std::ops::Range<u64>) -> Result<Block, LogError> {
    let size = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let at = range.start + bytes.len() as u64;
        let spare = rustix::buffer::spare_capacity(&mut bytes);
        match rustix::io::pread(&segment.file, spare, at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("reading", &segment.path)(error.into())),
        }
    }
    bytes.truncate(size);
    let damaged = |at: usize, what: &str| LogError::Damaged {
        file: segment.path.clone(),
        at: range.start + at as u64,
        what: what.to_owned(),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let head = frame::read(&bytes[at..], salt).map_err(|fault| damaged(at, fault.what()))?;
        if head.kind == Kind::Records {
            let frame = u32::try_from(at).unwrap_or(u32::MAX);
            body::each_place(&bytes[at..at + head.len()], |place| {
                found.push(Found { part: place.part, offset: place.offset, frame, at: place.at });
            })
            .ok_or_else(|| damaged(at, "a frame can't be read"))?;
        }
        at += head.len();
    }
    if at < size {
        return Err(damaged(at, "the file ends here"));
    }
    found.sort_by_key(|found| (found.part, found.offset));
    Ok(Block { bytes: Bytes::from(bytes), found })
}

fn hole(segment: &Segment, part: Part, offset: u64) -> LogError {
    let what = format!("offset {offset} of partition {} is missing", part.partition);
    LogError::Damaged { file: segment.path.clone(), at: 0, what }
}
