//! Numbers and bytes, one after the other, little-endian.
//!
//! Guarantee: taking never panics and never reads past the end; lengths are checked before they are believed.

use std::ops::Range;

use super::body::Part;

pub(super) fn put_u32(to: &mut Vec<u8>, number: usize) {
    to.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

pub(super) fn put_u64(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_part(to: &mut Vec<u8>, part: Part) {
    to.extend_from_slice(&part.topic.to_le_bytes());
    to.extend_from_slice(&part.partition.to_le_bytes());
}

pub(super) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(to, bytes.len());
    to.extend_from_slice(bytes);
}

/// Takes what was put.
#[derive(Debug)]
pub(super) struct Take<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Take<'a> {
    /// Begins at `at`.
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next one begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Where the next `len` bytes lie; they count as taken.
    pub(super) fn range(&mut self, len: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len())?;
        let range = self.at..end;
        self.at = end;
        Some(range)
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let range = self.range(len)?;
        self.bytes.get(range)
    }

    pub(super) fn skip(&mut self, len: usize) -> Option<()> {
        self.range(len).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn part(&mut self) -> Option<Part> {
        Some(Part { topic: self.u16()?, partition: self.u16()? })
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let len = self.u32()? as usize;
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }
}
