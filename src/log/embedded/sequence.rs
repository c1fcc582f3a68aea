//! One sequence of segments: where frames are appended.
//!
//! Guarantee: frames are written one after the other with a sequence number that has no gap; offsets are given out under the
//! same lock. A frame that could not be written leaves no trace that a reader could see, and the next one takes its place.
//! A segment is synced, and its successor's name and space are durable, before the successor is written.

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use bytes::Bytes;

use super::body::{Commit, Encoded, Opening, Part};
use super::frame::{self, Head, Kind};
use super::index::Index;
use super::offsets::Offsets;
use super::segment::{Segment, Unbegun, failed};
use super::sync::GroupSync;
use super::topics::{Registry, Topic, Topics, is_kept};
use super::upkeep::Bell;
use super::{lock, read_lock, write_lock};
use crate::domain::time::Timestamp;
use crate::log::types::{LogError, Position};

/// What a sequence is made of.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// `main`, or `keep/TOPIC`.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// The one topic that lives here; `None` = the main sequence.
    pub(super) topic: Option<u16>,
    /// Goes into each frame, so that a file of another log or sequence is not taken for one of this.
    pub(super) salt: u32,
    pub(super) segment: u64,
    pub(super) ring: usize,
    /// Show records only when they are on the disk.
    pub(super) publish_synced: bool,
}

/// A sequence of segments.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) plan: Plan,
    pub(super) registry: Arc<Registry>,
    pub(super) offsets: Arc<Offsets>,
    /// Oldest first, the last one is written.
    pub(super) segments: RwLock<Vec<Arc<Segment>>>,
    pub(super) sync: GroupSync,
    pub(super) writer: Mutex<Writer>,
    spare: Mutex<Spare>,
    shown: Mutex<Shown>,
    /// Rung when a successor should be made ahead of time.
    bell: Arc<Bell>,
    /// The number of the last segment that was looked through by a compaction.
    pub(super) compacted: AtomicU64,
}

/// The successor, made ahead of time so that no append waits for it.
#[derive(Debug)]
struct Spare {
    /// The next segment's number.
    ordinal: u64,
    /// Its file and size.
    made: Option<(Unbegun, u64)>,
}

/// Where the next frame goes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) segment: Arc<Segment>,
    pub(super) at: u64,
    pub(super) capacity: u64,
    /// The next frame's sequence.
    pub(super) next: u64,
    /// The last frame of [`Sequence::mark`].
    pub(super) marked: u64,
}

/// What has been shown to readers, or will be.
#[derive(Debug, Default)]
struct Shown {
    /// Written, not yet on the disk (only with `publish_synced`).
    pending: VecDeque<Pending>,
    /// The partition and cost of each record in the rings, oldest first.
    ring: VecDeque<(Part, usize)>,
    bytes: usize,
}

/// A frame of records, ready to be shown.
#[derive(Debug)]
struct Pending {
    sequence: u64,
    frame: Bytes,
    records: Vec<(Part, u64, u32)>,
}

/// What an entry of the ring takes besides its share of the frame.
const RING_ENTRY: usize = 80;

impl Sequence {
    /// A sequence whose frames up to `writer.next` are on the disk.
    pub(super) fn new(
        plan: Plan,
        registry: Arc<Registry>,
        offsets: Arc<Offsets>,
        segments: Vec<Arc<Segment>>,
        writer: Writer,
        bell: Arc<Bell>,
    ) -> Self {
        let sync = GroupSync::new(&plan.name, Arc::clone(&writer.segment), writer.next - 1);
        let spare = Mutex::new(Spare { ordinal: writer.segment.ordinals.last + 1, made: None });
        let (writer, segments, shown) = (Mutex::new(writer), RwLock::new(segments), Mutex::default());
        Self {
            plan,
            registry,
            offsets,
            segments,
            sync,
            writer,
            spare,
            shown,
            bell,
            compacted: AtomicU64::new(0),
        }
    }

    /// Makes the successor when this segment is half full.
    pub(super) fn prepare(&self) -> Result<(), LogError> {
        let half = {
            let writer = lock(&self.writer);
            writer.at > writer.capacity / 2
        };
        let mut spare = lock(&self.spare);
        if half && spare.made.is_none() {
            let size = self.plan.segment;
            spare.made = Some((Segment::create(&self.plan.folder, spare.ordinal, size)?, size));
        }
        Ok(())
    }

    /// Appends the records as one frame and gives back its sequence and where they stand. On the disk it is only after
    /// [`GroupSync::wait`].
    pub(super) fn append(
        &self,
        topics: &Topics,
        mut encoded: Encoded,
        parts: &[Part],
        now: Timestamp,
    ) -> Result<(u64, Vec<Position>), LogError> {
        let mut writer = lock(&self.writer);
        // Before offsets are given out: the first frame of a segment says where the frames before it end.
        self.make_room(&mut writer, encoded.frame.len() as u64, now)?;
        let mut positions = Vec::with_capacity(parts.len());
        for (i, part) in parts.iter().enumerate() {
            let partition = topics.part(*part).ok_or_else(|| LogError::Unknown(format!("{part:?}")))?;
            let offset = partition.next.fetch_add(1, Ordering::Relaxed);
            encoded.set_offset(i, offset);
            positions.push(Position { partition: u32::from(part.partition), offset });
        }
        let records = || parts.iter().zip(&positions).map(|(part, position)| (*part, position.offset));
        let (frame, body) = (&mut encoded.frame, encoded.body);
        let sequence = match self.put(&mut writer, frame, body, Kind::Records, now, records()) {
            Ok(sequence) => sequence,
            Err(error) => {
                for part in parts {
                    if let Some(partition) = topics.part(*part) {
                        partition.next.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                return Err(error);
            }
        };
        let frame = Bytes::from(encoded.frame);
        let mut shown = lock(&self.shown);
        if self.plan.publish_synced {
            let records =
                records().zip(&encoded.at).map(|((part, offset), at)| (part, offset, *at)).collect();
            shown.pending.push_back(Pending { sequence, frame, records });
        } else {
            let records =
                records().zip(encoded.at.iter().copied()).map(|((part, offset), at)| (part, offset, at));
            shown.show(&self.registry.load(), frame, parts.len(), records, self.plan.ring);
            drop(shown);
            wake(topics, parts);
        }
        Ok((sequence, positions))
    }

    /// Appends a commit, and takes it over in memory.
    pub(super) fn commit(&self, commit: Commit, now: Timestamp) -> Result<u64, LogError> {
        let (mut frame, body) = commit.encode();
        let mut writer = lock(&self.writer);
        self.make_room(&mut writer, frame.len() as u64, now)?;
        let sequence = self.put(&mut writer, &mut frame, body, Kind::Commit, now, std::iter::empty())?;
        self.offsets.apply(commit);
        Ok(sequence)
    }

    /// Syncs, and writes a frame that says so, unless that is the last one: from then on, damage to what came before is told
    /// from an unfinished end.
    pub(super) fn mark(&self, now: Timestamp) -> Result<(), LogError> {
        let mut writer = lock(&self.writer);
        if writer.marked + 1 == writer.next {
            return Ok(());
        }
        self.sync.flush()?;
        self.publish(self.sync.synced());
        let mut frame = frame::with_room(0);
        self.make_room(&mut writer, frame.len() as u64, now)?;
        writer.marked = self.put(&mut writer, &mut frame, 0, Kind::Mark, now, std::iter::empty())?;
        Ok(())
    }

    /// Shows what is on the disk up to a frame.
    pub(super) fn publish(&self, upto: u64) {
        if !self.plan.publish_synced {
            return;
        }
        let topics = self.registry.load();
        let mut shown = lock(&self.shown);
        while shown.pending.front().is_some_and(|pending| pending.sequence <= upto) {
            let Some(pending) = shown.pending.pop_front() else { break };
            let count = pending.records.len();
            shown.show(&topics, pending.frame, count, pending.records.into_iter(), self.plan.ring);
        }
        drop(shown);
        if let Some(topic) = self.plan.topic.and_then(|id| topics.by_id.get(usize::from(id))) {
            topic.listeners.wake();
        }
    }

    /// True when a topic lives here.
    pub(super) fn holds(&self, topic: &Topic) -> bool {
        match self.plan.topic {
            Some(id) => id == topic.id,
            None => !is_kept(topic.spec.keep),
        }
    }

    /// Begins the next segment when a frame of `len` bytes doesn't fit into this one.
    fn make_room(&self, writer: &mut Writer, len: u64, now: Timestamp) -> Result<(), LogError> {
        self.sync.writable()?;
        if writer.at + len > writer.capacity { self.roll(writer, len, now) } else { Ok(()) }
    }

    /// Writes one frame, for which there is room.
    fn put(
        &self,
        writer: &mut Writer,
        frame: &mut [u8],
        body: usize,
        kind: Kind,
        now: Timestamp,
        records: impl Iterator<Item = (Part, u64)>,
    ) -> Result<u64, LogError> {
        let len = frame.len() as u64;
        let head = Head { sequence: writer.next, synced: self.sync.synced(), at: now.millis(), kind, body };
        frame::seal(frame, self.plan.salt, &head);
        let segment = &writer.segment;
        segment.file.write_all_at(frame, writer.at).map_err(failed("writing", &segment.path))?;
        lock(&segment.index).add(len, head.at, records);
        if writer.at <= writer.capacity / 2 && writer.at + len > writer.capacity / 2 {
            self.bell.ring();
        }
        writer.at += len;
        writer.next += 1;
        self.sync.wrote(head.sequence);
        Ok(head.sequence)
    }

    /// Begins the next segment, with room for a frame of `need` bytes.
    fn roll(&self, writer: &mut Writer, need: u64, now: Timestamp) -> Result<(), LogError> {
        let (frame, body) = self.opening().encode();
        let size = self.plan.segment.max(frame.len() as u64 + need);
        let mut spare = lock(&self.spare);
        let (unbegun, size) = match spare.made.take() {
            Some(made) if made.1 >= size => made,
            _ => (Segment::create(&self.plan.folder, spare.ordinal, size)?, size),
        };
        self.sync.flush()?;
        let synced = self.sync.synced();
        self.publish(synced);
        let segment = Arc::new(begin(unbegun, &self.plan, frame, body, writer.next, synced, now)?);
        spare.ordinal += 1;
        drop(spare);
        write_lock(&self.segments).push(Arc::clone(&segment));
        self.sync.turn(Arc::clone(&segment));
        writer.at = lock(&segment.index).len;
        writer.capacity = size;
        writer.segment = segment;
        self.sync.wrote(writer.next);
        writer.next += 1;
        Ok(())
    }

    /// What the first frame of a new segment repeats.
    fn opening(&self) -> Opening {
        let topics = self.registry.load();
        let here = topics.by_id.iter().filter(|topic| self.holds(topic));
        let range = |partition: &Arc<super::topics::Partition>| {
            (partition.part, partition.range().start, partition.next.load(Ordering::Relaxed))
        };
        let ranges = here.flat_map(|topic| topic.partitions.iter().map(range)).collect();
        let commits = if self.plan.topic.is_none() { self.offsets.all() } else { Vec::new() };
        Opening { ranges, commits }
    }

    /// The two oldest segments, when there are as many.
    pub(super) fn oldest_two(&self) -> Option<(Arc<Segment>, Arc<Segment>)> {
        let segments = read_lock(&self.segments);
        Some((Arc::clone(segments.first()?), Arc::clone(segments.get(1)?)))
    }

    /// When the oldest record of a partition was written, in the segment that holds `start` of it.
    pub(super) fn oldest(&self, part: Part, start: u64) -> Option<i64> {
        read_lock(&self.segments).iter().find_map(|segment| {
            lock(&segment.index).parts.get(&part).filter(|known| known.end > start).map(|known| known.oldest)
        })
    }

    /// The segments as they are now.
    pub(super) fn segments(&self) -> Vec<Arc<Segment>> {
        read_lock(&self.segments).clone()
    }
}

/// Writes a segment's first frame.
pub(super) fn begin(
    unbegun: Unbegun,
    plan: &Plan,
    mut frame: Vec<u8>,
    body: usize,
    sequence: u64,
    synced: u64,
    now: Timestamp,
) -> Result<Segment, LogError> {
    let head = Head { sequence, synced, at: now.millis(), kind: Kind::Segment, body };
    frame::seal(&mut frame, plan.salt, &head);
    unbegun.file.write_all_at(&frame, 0).map_err(failed("writing", &unbegun.path))?;
    let mut index = Index::default();
    index.add(frame.len() as u64, head.at, std::iter::empty());
    Ok(unbegun.begin(sequence, index))
}

impl Shown {
    /// Shows the records of a frame, and lets the oldest go when the ring is over its bound.
    fn show(
        &mut self,
        topics: &Topics,
        frame: Bytes,
        count: usize,
        records: impl Iterator<Item = (Part, u64, u32)>,
        bound: usize,
    ) {
        let cost = frame.len() / count.max(1) + RING_ENTRY;
        for (part, offset, at) in records {
            if let Some(partition) = topics.part(part) {
                partition.push(offset, frame.clone(), at);
                self.ring.push_back((part, cost));
                self.bytes += cost;
            }
        }
        while self.bytes > bound {
            let Some((part, cost)) = self.ring.pop_front() else { break };
            self.bytes -= cost;
            if let Some(partition) = topics.part(part) {
                partition.evict();
            }
        }
    }
}

/// Tells who waits for the topics of these records that there are some.
fn wake(topics: &Topics, parts: &[Part]) {
    let mut last = None;
    for topic in parts.iter().map(|part| part.topic).filter(|topic| last.replace(*topic) != Some(*topic)) {
        if let Some(topic) = topics.by_id.get(usize::from(topic)) {
            topic.listeners.wake();
        }
    }
}
