//! What the frames hold: records, commits, the state at the beginning of a segment.
//!
//! Guarantee: decoding never panics. A body that passed its checksum and still can't be read (another program's, or a
//! defect) is `None`, which the caller reports as damage.
//!
//! A record: `u64 offset, u16 topic, u16 partition, u32 headers, u32 key, u32 value`, then for each header
//! `u32 name, u32 value` and both, then key and value. Each record names its own offset, so any frame can be read alone.

use bytes::Bytes;

use super::frame;
use super::wire::{Take, put_bytes, put_part, put_u32};
use crate::domain::time::Timestamp;
use crate::log::types::{Committed, Outgoing, Record};

/// A partition as frames name it: the topic's number in the topic table, and the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part {
    pub(super) topic: u16,
    pub(super) partition: u16,
}

/// The bytes of a record before its headers, key and value.
const RECORD: usize = 24;
/// The bytes before the first record: their number, and as many to keep them aligned.
const COUNT: usize = 8;

/// A records frame without its header; offsets are put in when they are known.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) frame: Vec<u8>,
    /// The body's length.
    pub(super) body: usize,
    /// Where each record begins in the frame.
    pub(super) at: Vec<u32>,
}

impl Encoded {
    /// Encodes records with offset 0.
    pub(super) fn records(batch: &[Outgoing], parts: &[Part]) -> Self {
        let mut to = frame::with_room(COUNT + batch.iter().map(record_len).sum::<usize>());
        let mut at = Vec::with_capacity(batch.len());
        put_u32(&mut to, batch.len());
        put_u32(&mut to, 0);
        for (record, part) in batch.iter().zip(parts) {
            at.push(u32::try_from(to.len()).unwrap_or(u32::MAX));
            to.extend_from_slice(&0_u64.to_le_bytes());
            to.extend_from_slice(&part.topic.to_le_bytes());
            to.extend_from_slice(&part.partition.to_le_bytes());
            put_u32(&mut to, record.headers.len());
            put_u32(&mut to, record.key.len());
            put_u32(&mut to, record.value.len());
            for (name, value) in &record.headers {
                put_u32(&mut to, name.len());
                put_u32(&mut to, value.len());
                to.extend_from_slice(name.as_bytes());
                to.extend_from_slice(value);
            }
            to.extend_from_slice(&record.key);
            to.extend_from_slice(&record.value);
        }
        let body = frame::pad(&mut to);
        Self { frame: to, body, at }
    }

    /// Puts in the offset of the record number `i`.
    pub(super) fn set_offset(&mut self, i: usize, offset: u64) {
        let at = self.at[i] as usize;
        self.frame[at..at + 8].copy_from_slice(&offset.to_le_bytes());
    }
}

/// The bytes that a record takes in a frame.
pub(super) fn record_len(record: &Outgoing) -> usize {
    let headers: usize = record.headers.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    RECORD + headers + record.key.len() + record.value.len()
}

/// Where a record lies and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) part: Part,
    pub(super) offset: u64,
    /// Where it begins in the frame.
    pub(super) at: u32,
    /// Where it ends there.
    pub(super) end: u32,
}

/// The records of a frame, without decoding them. `None` when it can't be read.
pub(super) fn places(frame: &[u8]) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    each_place(frame, |place| places.push(place))?;
    Some(places)
}

/// Calls `found` for each record of a frame.
pub(super) fn each_place(frame: &[u8], mut found: impl FnMut(Place)) -> Option<()> {
    let mut from = Take::at(frame, frame::HEADER);
    let count = from.u32()?;
    from.u32()?;
    for _ in 0..count {
        let at = u32::try_from(from.position()).ok()?;
        let (part, offset, headers, key, value) = fixed(&mut from)?;
        for _ in 0..headers {
            let (name, value) = (from.u32()?, from.u32()?);
            from.skip(name as usize)?;
            from.skip(value as usize)?;
        }
        from.skip(key as usize)?;
        from.skip(value as usize)?;
        found(Place { part, offset, at, end: u32::try_from(from.position()).ok()? });
    }
    Some(())
}

/// The record that begins `at` bytes after the beginning of a frame, which begins at `frame` of `bytes`. Its parts share
/// that memory.
pub(super) fn record(bytes: &Bytes, frame: usize, at: u32) -> Option<Record> {
    let mut from = Take::at(bytes, frame + at as usize);
    let (_, offset, count, key, value) = fixed(&mut from)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name, value) = (from.u32()? as usize, from.u32()? as usize);
        let name = std::str::from_utf8(from.take(name)?).ok()?.into();
        headers.push((name, bytes.slice(from.range(value)?)));
    }
    let key = bytes.slice(from.range(key as usize)?);
    let value = bytes.slice(from.range(value as usize)?);
    let at = Timestamp::from_millis(frame::written_at(bytes.get(frame..)?));
    Some(Record { offset, at, key, value, headers })
}

/// The fixed part of a record: partition, offset, number of headers, lengths of key and value.
fn fixed(from: &mut Take<'_>) -> Option<(Part, u64, u32, u32, u32)> {
    let offset = from.u64()?;
    Some((from.part()?, offset, from.u32()?, from.u32()?, from.u32()?))
}

/// Offsets that a group commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) group: String,
    pub(super) offsets: Vec<(Part, Committed)>,
}

impl Commit {
    /// A frame without its header, and the body's length.
    pub(super) fn encode(&self) -> (Vec<u8>, usize) {
        let mut to = frame::with_room(0);
        self.put(&mut to);
        let body = frame::pad(&mut to);
        (to, body)
    }

    fn put(&self, to: &mut Vec<u8>) {
        put_bytes(to, self.group.as_bytes());
        put_u32(to, self.offsets.len());
        for (part, committed) in &self.offsets {
            put_part(to, *part);
            to.extend_from_slice(&committed.offset.to_le_bytes());
            put_bytes(to, committed.metadata.as_bytes());
        }
    }

    /// The commit of a frame.
    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        Self::take(&mut Take::at(frame, frame::HEADER))
    }

    fn take(from: &mut Take<'_>) -> Option<Self> {
        let group = from.text()?;
        let count = from.u32()?;
        let mut offsets = Vec::new();
        for _ in 0..count {
            let part = from.part()?;
            offsets.push((part, Committed { offset: from.u64()?, metadata: from.text()? }));
        }
        Some(Self { group, offsets })
    }
}

/// What the first frame of a segment repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// First kept offset and next offset of each partition.
    pub(super) ranges: Vec<(Part, u64, u64)>,
    /// What is committed.
    pub(super) commits: Vec<Commit>,
}

impl Opening {
    /// A frame without its header, and the body's length.
    pub(super) fn encode(&self) -> (Vec<u8>, usize) {
        let mut to = frame::with_room(0);
        put_u32(&mut to, self.ranges.len());
        for (part, start, end) in &self.ranges {
            put_part(&mut to, *part);
            to.extend_from_slice(&start.to_le_bytes());
            to.extend_from_slice(&end.to_le_bytes());
        }
        put_u32(&mut to, self.commits.len());
        for commit in &self.commits {
            commit.put(&mut to);
        }
        let body = frame::pad(&mut to);
        (to, body)
    }

    /// The state that a segment's first frame repeats.
    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut from = Take::at(frame, frame::HEADER);
        let mut opening = Self::default();
        for _ in 0..from.u32()? {
            opening.ranges.push((from.part()?, from.u64()?, from.u64()?));
        }
        for _ in 0..from.u32()? {
            opening.commits.push(Commit::take(&mut from)?);
        }
        Some(opening)
    }
}

/// A records frame without its header, of records that are encoded already.
pub(super) fn encode_raw(count: usize, records: &[u8]) -> (Vec<u8>, usize) {
    let mut to = frame::with_room(COUNT + records.len());
    put_u32(&mut to, count);
    put_u32(&mut to, 0);
    to.extend_from_slice(records);
    let body = frame::pad(&mut to);
    (to, body)
}

/// A bridge's frame without its header, and the body's length.
pub(super) fn encode_bridge(next: u64) -> (Vec<u8>, usize) {
    let mut to = frame::with_room(8);
    to.extend_from_slice(&next.to_le_bytes());
    let body = frame::pad(&mut to);
    (to, body)
}

/// The sequence after a bridge.
pub(super) fn decode_bridge(frame: &[u8]) -> Option<u64> {
    Take::at(frame, frame::HEADER).u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::types::TopicName;

    #[test]
    fn records_read_back() {
        let part = Part { topic: 3, partition: 4 };
        let mut first = Outgoing::event(TopicName::from("a.v1"), "key", Bytes::from_static(b"value"));
        first.headers.push(("x".into(), Bytes::new()));
        let second = Outgoing { headers: Vec::new(), value: Bytes::new(), ..first.clone() };
        let mut encoded = Encoded::records(&[first.clone(), second], &[part, part]);
        encoded.set_offset(0, 10);
        encoded.set_offset(1, 11);
        let frame = Bytes::from(encoded.frame);
        let places = places(&frame).unwrap();
        assert_eq!(places.iter().map(|p| (p.part, p.offset)).collect::<Vec<_>>(), [(part, 10), (part, 11)]);
        let read = record(&frame, 0, places[0].at).unwrap();
        assert_eq!(
            (read.offset, read.key, read.value, read.headers),
            (10, first.key, first.value, first.headers)
        );
        assert!(record(&frame, 0, places[1].at).unwrap().value.is_empty());
    }

    #[test]
    fn an_opening_reads_back_and_a_cut_one_does_not_panic() {
        let part = Part { topic: 1, partition: 0 };
        let committed = Committed { offset: 5, metadata: "bits".to_owned() };
        let opening = Opening {
            ranges: vec![(part, 2, 9)],
            commits: vec![Commit { group: "millrace.match".to_owned(), offsets: vec![(part, committed)] }],
        };
        let (frame, body) = opening.encode();
        assert_eq!(Opening::decode(&frame), Some(opening));
        for end in 0..frame::HEADER + body {
            assert_eq!(Opening::decode(&frame[..end]), None, "cut at {end}");
        }
    }
}
