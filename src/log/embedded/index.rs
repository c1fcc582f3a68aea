//! A segment's index: where its blocks begin, and which partition has which offsets in which block.
//!
//! A block is a run of whole frames of about 64 KiB: what is read, checked and cached at once. An entry says that a
//! partition has records in a block, from which offset on, and how new the newest of it is up to there. So memory grows with
//! the number of blocks a partition occurs in, not with records.
//!
//! Guarantee: a saved index is believed only when its checksum, its log and the length of its segment fit; otherwise it is
//! made again from the frames.

use std::collections::HashMap;

use super::body::Part;

/// A block is full when it has this many bytes: two reads of it take about as long as a call into the kernel costs beside
/// the checksum, and a partition that is read alone wastes no more than this for each record.
const BLOCK: u64 = 64 << 10;

/// The index of one segment.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Where each block begins.
    pub(super) blocks: Vec<u64>,
    /// Where the last frame ends.
    pub(super) len: u64,
    /// When the newest frame was written.
    pub(super) newest: i64,
    pub(super) parts: HashMap<Part, PartIndex>,
    /// The blocks and entries are on the disk only.
    pub(super) slim: bool,
}

/// A partition in a segment.
#[derive(Debug, Clone)]
pub(super) struct PartIndex {
    /// The offset after the last one.
    pub(super) end: u64,
    /// When the first and the newest record were written.
    pub(super) oldest: i64,
    pub(super) newest: i64,
    pub(super) entries: Vec<Entry>,
}

/// A partition in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The first offset.
    pub(super) first: u64,
    /// When the newest record of the partition was written, up to and with this block.
    pub(super) newest: i64,
    pub(super) block: u32,
}

impl Index {
    /// Takes note of a frame that begins where the last one ended.
    pub(super) fn add(&mut self, len: u64, at: i64, records: impl Iterator<Item = (Part, u64)>) {
        if self.blocks.last().is_none_or(|begin| self.len - begin >= BLOCK) {
            self.blocks.push(self.len);
        }
        let block = u32::try_from(self.blocks.len() - 1).unwrap_or(u32::MAX);
        for (part, offset) in records {
            let fresh = || PartIndex { end: 0, oldest: at, newest: at, entries: Vec::new() };
            let part = self.parts.entry(part).or_insert_with(fresh);
            part.end = offset + 1;
            part.newest = part.newest.max(at);
            match part.entries.last_mut() {
                Some(last) if last.block == block => last.newest = part.newest,
                _ => part.entries.push(Entry { first: offset, newest: part.newest, block }),
            }
        }
        self.len += len;
        self.newest = self.newest.max(at);
    }

    /// What the index takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        let entries: usize = self.parts.values().map(|part| part.entries.len()).sum();
        self.blocks.len() * size_of::<u64>() + self.parts.len() * 64 + entries * size_of::<Entry>()
    }

    /// Keeps only what finds a segment.
    pub(super) fn slim_down(&mut self) {
        self.blocks = Vec::new();
        for part in self.parts.values_mut() {
            part.entries = Vec::new();
        }
        self.slim = true;
    }

    /// Where a block lies.
    pub(super) fn block(&self, block: u32) -> std::ops::Range<u64> {
        let block = block as usize;
        let begin = self.blocks.get(block).copied().unwrap_or(self.len);
        begin..self.blocks.get(block + 1).copied().unwrap_or(self.len)
    }
}

impl PartIndex {
    /// The first entry that may hold `from` or what follows it.
    pub(super) fn seek(&self, from: u64) -> usize {
        self.entries.partition_point(|entry| entry.first <= from).saturating_sub(1)
    }
}
