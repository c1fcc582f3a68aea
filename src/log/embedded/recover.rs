//! Opens a sequence of segments as a crash, a power cut or an accident has left it.
//!
//! Guarantee: the end of the last segment is cut back to its last good frame, and nothing else is ever dropped. A bad frame
//! in an older segment, a gap between frames, or a bad frame in the last segment that a later frame proves to have been on
//! the disk, is a refusal that names file and position.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::body::{self, Commit, Opening, Part};
use super::frame::{Fault, Head, Kind};
use super::index::Index;
use super::offsets::Offsets;
use super::saved;
use super::segment::{Ordinals, Segment, Unbegun, allocate, failed, sync_folder};
use super::sequence::{Plan, Sequence, Writer, begin};
use super::topics::Registry;
use super::upkeep::Bell;
use super::walk::{Step, Walk, beyond};
use crate::domain::time::Timestamp;
use crate::log::types::LogError;

/// Opens the sequence, or makes it when there is none.
pub(super) fn open(
    plan: Plan,
    registry: Arc<Registry>,
    offsets: Arc<Offsets>,
    bell: Arc<Bell>,
    now: Timestamp,
) -> Result<Sequence, LogError> {
    std::fs::create_dir_all(&plan.folder).map_err(failed("creating", &plan.folder))?;
    tidy(&plan.folder)?;
    let mut files = list(&plan.folder)?
        .into_iter()
        .map(|ordinals| Segment::open(&plan.folder, ordinals))
        .collect::<Result<Vec<_>, _>>()?;
    let begun = files.iter().rposition(|file| is_begun(file, plan.salt)).map_or(0, |last| last + 1);
    let idle = files.split_off(begun);

    let mut state = State::default();
    let mut segments = Vec::with_capacity(files.len());
    let mut next = files.first().and_then(|file| (file.ordinals.first == 1).then_some(1));
    for (i, file) in files.into_iter().enumerate() {
        let is_last = i + 1 == begun;
        let scan = match saved::load(&file, plan.salt)
            .filter(|scan| !is_last && next.is_none_or(|n| n == scan.first))
        {
            Some(mut scan) => {
                scan.index.slim_down();
                scan
            }
            None => scan(&file.file, &file.path, plan.salt, next, &mut |head, frame| state.see(head, frame))?,
        };
        if i == 0 {
            state.starts(first_opening(&file.file, &file.path, plan.salt)?);
        }
        if is_last {
            cut(&file, plan.salt, &scan)?;
        } else {
            is_whole(&file, plan.salt, &scan)?;
        }
        next = Some(scan.next);
        segments.push(Arc::new(file.begin(scan.first, scan.index)));
    }
    for file in &idle {
        discard(file, plan.salt, next.unwrap_or(1))?;
    }
    if !idle.is_empty() {
        sync_folder(&plan.folder)?;
    }
    state.apply(&registry, &offsets).map_err(|what| {
        let file = segments.last().map_or_else(|| plan.folder.clone(), |segment| segment.path.clone());
        LogError::Damaged { file, at: 0, what }
    })?;
    let next = next.unwrap_or(1);
    let writer = match segments.last() {
        Some(last) => go_on(last, &plan, next)?,
        None => fresh(&plan, now)?,
    };
    if segments.is_empty() {
        segments.push(Arc::clone(&writer.segment));
    }
    Ok(Sequence::new(plan, registry, offsets, segments, writer, bell))
}

/// Removes what a crash has left: drafts, and what a compaction has replaced.
fn tidy(folder: &Path) -> Result<(), LogError> {
    let kept = list(folder)?;
    for entry in std::fs::read_dir(folder).map_err(failed("reading", folder))? {
        let path = entry.map_err(failed("reading", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let segment = name.strip_suffix(".idx").map_or_else(|| name.to_owned(), |stem| format!("{stem}.seg"));
        let replaced = Ordinals::parse(&segment).is_some_and(|one| !kept.contains(&one));
        if replaced || name.ends_with(".tmp") {
            std::fs::remove_file(&path).map_err(failed("removing", &path))?;
        }
    }
    Ok(())
}

/// The segments that count, oldest first: one that a compaction has replaced does not.
pub(super) fn list(folder: &Path) -> Result<Vec<Ordinals>, LogError> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed("reading", folder))? {
        let name = entry.map_err(failed("reading", folder))?.file_name();
        let Some(name) = name.to_str() else { continue };
        all.extend(Ordinals::parse(name));
    }
    all.sort_unstable();
    Ok(all
        .iter()
        .copied()
        .filter(|one| !all.iter().any(|other| other != one && other.covers(*one)))
        .collect())
}

/// What a scan of a segment found.
#[derive(Debug)]
pub(super) struct Scan {
    /// The sequence of the first frame.
    pub(super) first: u64,
    /// The sequence after the last frame.
    pub(super) next: u64,
    pub(super) index: Index,
    /// Why the scan ended before the file did.
    pub(super) stop: Option<Fault>,
}

/// Walks a segment, and shows each frame to `see`, which answers `None` for one that it can't read.
pub(super) fn scan(
    file: &File,
    path: &Path,
    salt: u32,
    expect: Option<u64>,
    see: &mut dyn FnMut(&Head, &[u8]) -> Option<()>,
) -> Result<Scan, LogError> {
    let reading = || failed("reading", path);
    let mut walk = Walk::new(file, salt, 0, expect).map_err(reading())?;
    let mut found =
        Scan { first: expect.unwrap_or(1), next: expect.unwrap_or(1), index: Index::default(), stop: None };
    loop {
        match walk.step().map_err(reading())? {
            Step::End => break,
            Step::Bad(fault) => {
                found.stop = Some(fault);
                break;
            }
            Step::Frame { at, head, frame } => {
                let places = if head.kind == Kind::Records { body::places(frame) } else { Some(Vec::new()) };
                let (Some(places), Some(())) = (places, see(&head, frame)) else {
                    let what =
                        "a frame with a good checksum can't be read: is it of a newer version?".to_owned();
                    return Err(LogError::Damaged { file: path.to_owned(), at, what });
                };
                if at == 0 {
                    found.first = head.sequence;
                }
                let records = places.iter().map(|place| (place.part, place.offset));
                found.index.add(head.len() as u64, head.at, records);
            }
        }
        found.next = walk.expect().unwrap_or(found.next);
    }
    Ok(found)
}

/// Partitions and offsets as the frames tell them.
#[derive(Debug, Default)]
struct State {
    ranges: BTreeMap<Part, (u64, u64)>,
    /// First offsets that the first segment still has.
    first: BTreeMap<Part, u64>,
    commits: Vec<Commit>,
}

impl State {
    fn see(&mut self, head: &Head, frame: &[u8]) -> Option<()> {
        match head.kind {
            Kind::Segment => {
                let opening = Opening::decode(frame)?;
                self.ranges =
                    opening.ranges.iter().map(|(part, start, end)| (*part, (*start, *end))).collect();
                self.commits = opening.commits;
            }
            Kind::Records => body::each_place(frame, |place| {
                self.ranges.entry(place.part).or_default().1 = place.offset + 1;
            })?,
            Kind::Commit => self.commits.push(Commit::decode(frame)?),
            Kind::Bridge | Kind::Mark => {}
        }
        Some(())
    }

    fn starts(&mut self, opening: Opening) {
        self.first = opening.ranges.into_iter().map(|(part, _, end)| (part, end)).collect();
    }

    fn apply(self, registry: &Registry, offsets: &Offsets) -> Result<(), String> {
        let topics = registry.load();
        for (part, (start, end)) in self.ranges {
            let Some(partition) = topics.part(part) else {
                let Part { topic, partition } = part;
                return Err(format!(
                    "it names partition {partition} of topic {topic}, which the topic table does not have"
                ));
            };
            partition.restore(start.max(self.first.get(&part).copied().unwrap_or(0)), end);
        }
        for commit in self.commits {
            offsets.apply(commit);
        }
        Ok(())
    }
}

/// True when the file begins with the first frame of a segment.
pub(super) fn is_begun(file: &Unbegun, salt: u32) -> bool {
    matches!(
        Walk::new(&file.file, salt, 0, None).as_mut().map(Walk::step),
        Ok(Ok(Step::Frame { head: Head { kind: Kind::Segment, .. }, .. }))
    )
}

/// What a segment's first frame says.
pub(super) fn first_opening(file: &File, path: &Path, salt: u32) -> Result<Opening, LogError> {
    let reading = || failed("reading", path);
    let mut walk = Walk::new(file, salt, 0, None).map_err(reading())?;
    let what = match walk.step().map_err(reading())? {
        Step::Frame { frame, .. } => match Opening::decode(frame) {
            Some(opening) => return Ok(opening),
            None => "the first frame can't be read",
        },
        Step::End => "the segment is empty",
        Step::Bad(fault) => fault.what(),
    };
    Err(LogError::Damaged { file: path.to_owned(), at: 0, what: what.to_owned() })
}

/// Nothing but zeros may follow the last frame of a segment that has a successor.
fn is_whole(file: &Unbegun, salt: u32, scan: &Scan) -> Result<(), LogError> {
    let at = scan.index.len;
    let Some(fault) = scan.stop else { return Ok(()) };
    if fault == Fault::Empty && after(&file.file, &file.path, salt, scan)?.bytes == 0 {
        return Ok(());
    }
    Err(LogError::Damaged { file: file.path.clone(), at, what: fault.what().to_owned() })
}

/// Cuts the end of the last segment, unless what is lost was on the disk once.
fn cut(file: &Unbegun, salt: u32, scan: &Scan) -> Result<(), LogError> {
    let at = scan.index.len;
    if let Some(fault) = scan.stop {
        let what = fault.what();
        let damaged = |what: String| LogError::Damaged { file: file.path.clone(), at, what };
        if fault == Fault::Gap {
            // No crash makes a good frame in the wrong place.
            return Err(damaged(what.to_owned()));
        }
        let beyond = after(&file.file, &file.path, salt, scan)?;
        if let Some(proof) = beyond.proof {
            return Err(damaged(format!(
                "{what}, and the frame at byte {proof} says that it was on the disk"
            )));
        }
        if beyond.bytes > 0 {
            let path = file.path.display();
            tracing::warn!(%path, at, bytes = beyond.bytes, frames = beyond.frames, "cut the unfinished end of the log");
        }
    }
    // Also when it is only zeros: frames of before a crash must never stand behind new ones.
    let cut = file.file.set_len(at).and_then(|()| file.file.sync_all());
    cut.map_err(failed("cutting the end of", &file.path))
}

/// A successor that was made ahead of time, or whose first frame did not reach the disk.
fn discard(file: &Unbegun, salt: u32, lost: u64) -> Result<(), LogError> {
    let beyond = beyond(&file.file, salt, 0, lost).map_err(failed("reading", &file.path))?;
    if let Some(proof) = beyond.proof {
        let what =
            format!("the first frame is bad, and the frame at byte {proof} says that it was on the disk");
        return Err(LogError::Damaged { file: file.path.clone(), at: 0, what });
    }
    std::fs::remove_file(&file.path).map_err(failed("removing", &file.path))
}

fn after(file: &File, path: &Path, salt: u32, scan: &Scan) -> Result<super::walk::Beyond, LogError> {
    beyond(file, salt, scan.index.len, scan.next).map_err(failed("reading", path))
}

/// Goes on writing after the last frame.
fn go_on(last: &Arc<Segment>, plan: &Plan, next: u64) -> Result<Writer, LogError> {
    let at = super::lock(&last.index).len;
    let capacity = match allocate(&last.file, plan.segment.max(at)) {
        Ok(()) => plan.segment.max(at),
        // What is there can still be read; the first append asks for the next segment and says what is missing.
        Err(error) => {
            tracing::warn!(path = %last.path.display(), %error, "no space to go on writing in the last segment");
            at
        }
    };
    last.sync.sync_all().map_err(failed("syncing", &last.path))?;
    Ok(Writer { segment: Arc::clone(last), at, capacity, next, marked: 0 })
}

/// The first segment of a new sequence.
fn fresh(plan: &Plan, now: Timestamp) -> Result<Writer, LogError> {
    let (frame, body) = Opening::default().encode();
    let size = plan.segment.max(frame.len() as u64);
    let unbegun = Segment::create(&plan.folder, 1, size)?;
    let segment = Arc::new(begin(unbegun, plan, frame, body, 1, 0, now)?);
    plan.folder.parent().map_or(Ok(()), sync_folder)?;
    segment.sync.sync_all().map_err(failed("syncing", &segment.path))?;
    let at = super::lock(&segment.index).len;
    Ok(Writer { segment, at, capacity: size, next: 2, marked: 0 })
}
