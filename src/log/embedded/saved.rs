//! A sealed segment's index on the disk, so that opening a long log reads its last segment only.
//!
//! Guarantee: a saved index is believed only when its checksum, its log, its segment's length and the sequence before it fit;
//! otherwise it is as if it were not there. It is saved after its segment was synced, so it never knows more than the disk.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::body::Part;
use super::index::{Entry, Index, PartIndex};
use super::recover::{self, Scan};
use super::segment::{Segment, Unbegun, failed};
use super::sequence::Plan;
use super::wire::{Take, put_part, put_u32, put_u64};
use crate::log::types::LogError;

/// The saved index of a segment, if there is one that fits.
pub(super) fn load(file: &Unbegun, salt: u32) -> Option<Scan> {
    let scan = read(&path(&file.path), salt)?;
    (file.file.metadata().ok()?.len() == scan.index.len).then_some(scan)
}

/// The index of a sealed segment again, after it was dropped from memory; from its frames, should the file be gone.
pub(super) fn reload(segment: &Segment, plan: &Plan) -> Result<Index, LogError> {
    if let Some(scan) = read(&path(&segment.path), plan.salt).filter(|scan| scan.first == segment.sequence) {
        return Ok(scan.index);
    }
    let scan =
        recover::scan(&segment.file, &segment.path, plan.salt, Some(segment.sequence), &mut |_, _| Some(()))?;
    match scan.stop {
        None => Ok(scan.index),
        Some(fault) => {
            let (file, what) = (segment.path.clone(), fault.what().to_owned());
            Err(LogError::Damaged { file, at: scan.index.len, what })
        }
    }
}

/// Saves the index of a sealed segment: `next` is the sequence after its last frame.
pub(super) fn save(segment: &Segment, index: &Index, salt: u32, next: u64) -> Result<(), LogError> {
    let to = path(&segment.path);
    let draft = to.with_extension("tmp");
    let bytes = encode(index, salt, segment.sequence, next);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_data()?;
        std::fs::rename(&draft, &to)
    });
    written.map_err(failed("writing", &to))
}

/// Where the index of a segment is saved.
pub(super) fn path(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

fn encode(index: &Index, salt: u32, first: u64, next: u64) -> Vec<u8> {
    let mut to = vec![0; 4];
    put_u32(&mut to, salt as usize);
    for number in [first, next, index.len, index.newest.cast_unsigned()] {
        put_u64(&mut to, number);
    }
    put_u32(&mut to, index.blocks.len());
    put_u32(&mut to, index.parts.len());
    for block in &index.blocks {
        put_u64(&mut to, *block);
    }
    for (part, known) in &index.parts {
        put_part(&mut to, *part);
        put_u32(&mut to, known.entries.len());
        for number in [known.end, known.oldest.cast_unsigned(), known.newest.cast_unsigned()] {
            put_u64(&mut to, number);
        }
        for entry in &known.entries {
            put_u64(&mut to, entry.first);
            put_u64(&mut to, entry.newest.cast_unsigned());
            put_u32(&mut to, entry.block as usize);
        }
    }
    let sum = crc32fast::hash(&to[4..]);
    to[..4].copy_from_slice(&sum.to_le_bytes());
    to
}

fn read(path: &Path, salt: u32) -> Option<Scan> {
    let bytes = std::fs::read(path).ok()?;
    let mut from = Take::at(&bytes, 0);
    if from.u32()? != crc32fast::hash(bytes.get(4..)?) || from.u32()? != salt {
        return None;
    }
    let (first, next, len, newest) = (from.u64()?, from.u64()?, from.u64()?, from.u64()?.cast_signed());
    let (blocks, parts) = (from.u32()?, from.u32()?);
    let mut index = Index { len, newest, ..Index::default() };
    for _ in 0..blocks {
        index.blocks.push(from.u64()?);
    }
    for _ in 0..parts {
        let (part, known) = read_part(&mut from)?;
        index.parts.insert(part, known);
    }
    Some(Scan { first, next, index, stop: None })
}

fn read_part(from: &mut Take<'_>) -> Option<(Part, PartIndex)> {
    let part = from.part()?;
    let count = from.u32()?;
    let (end, oldest, newest) = (from.u64()?, from.u64()?.cast_signed(), from.u64()?.cast_signed());
    let mut known = PartIndex { end, oldest, newest, entries: Vec::new() };
    for _ in 0..count {
        known.entries.push(Entry {
            first: from.u64()?,
            newest: from.u64()?.cast_signed(),
            block: from.u32()?,
        });
    }
    Some((part, known))
}
