//! What is done beside appends and reads: successors made ahead, old segments removed, indexes saved, topics compacted.
//!
//! Guarantee: a step that fails leaves the log as it was and is tried again; it is never in an append's way for longer than
//! a rename.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::core::Core;
use super::segment::{failed, sync_folder};
use super::sequence::Sequence;
use super::topics::{Partition, Topic};
use super::{lock, saved, write_lock};
use crate::domain::topics::Keep;
use crate::log::types::LogError;

/// Wakes the thread of the upkeep.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<Rung>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    ended: bool,
}

/// Why the thread woke.
#[derive(Debug, PartialEq, Eq)]
enum Why {
    Rung,
    Time,
    Ended,
}

impl Bell {
    /// A segment is half full.
    pub(super) fn ring(&self) {
        lock(&self.state).rung = true;
        self.wake.notify_one();
    }

    /// The log is closed.
    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.wake.notify_all();
    }

    fn wait(&self, most: Duration) -> Why {
        let state = lock(&self.state);
        let wait = self.wake.wait_timeout_while(state, most, |state| !state.rung && !state.ended);
        let (mut state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            Why::Ended
        } else if std::mem::take(&mut state.rung) {
            Why::Rung
        } else {
            Why::Time
        }
    }
}

/// The thread's loop.
pub(super) fn run(core: &Core) {
    let mut why = Why::Time;
    while why != Why::Ended {
        let done = if why == Why::Time { pass(core) } else { prepare(core) };
        if let Err(error) = done
            && core.check_open().is_ok()
        {
            tracing::warn!(%error, "the log's upkeep failed, it is tried again");
        }
        why = core.bell.wait(core.config.upkeep.get());
    }
}

/// Everything, once.
pub(super) fn pass(core: &Core) -> Result<(), LogError> {
    let _one = lock(&core.upkeep);
    prepare(core)?;
    for sequence in core.sequences() {
        core.check_open()?;
        if core.waits() {
            sequence.mark(core.clock.now())?;
        }
        retain(core, &sequence)?;
        sequence.compact(&core.closed, core.clock.now())?;
        settle(&sequence)?;
    }
    Ok(())
}

/// Moves every first offset.
pub(super) fn retain_all(core: &Core) -> Result<(), LogError> {
    core.sequences().iter().try_for_each(|sequence| retain(core, sequence))
}

fn prepare(core: &Core) -> Result<(), LogError> {
    core.sequences().iter().try_for_each(|sequence| sequence.prepare())
}

/// Moves the first offsets and removes the segments that are before all of them.
fn retain(core: &Core, sequence: &Sequence) -> Result<(), LogError> {
    let topics = core.registry.load_full();
    for topic in topics.by_id.iter().filter(|topic| sequence.holds(topic)) {
        let Keep::For(time) = topic.spec.keep else { continue };
        let cutoff =
            core.clock.now().millis().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        for partition in topic.partitions.iter() {
            expire(core, sequence, topic, partition, cutoff)?;
        }
    }
    while let Some((first, second)) = sequence.oldest_two() {
        let kept = |(part, known): (&super::body::Part, &super::index::PartIndex)| {
            topics.part(*part).is_none_or(|partition| partition.range().start < known.end)
        };
        if lock(&first.index).parts.iter().any(kept) {
            break;
        }
        // The successor repeats what is committed; it has to be on the disk before this one goes.
        if sequence.sync.synced() < second.sequence {
            sequence.sync.flush()?;
        }
        remove(&first.path)?;
        sync_folder(&sequence.plan.folder)?;
        write_lock(&sequence.segments).retain(|segment| segment.id != first.id);
        tracing::debug!(path = %first.path.display(), "removed a segment that is past its time");
    }
    Ok(())
}

/// Moves a partition's first offset to the first record that is not older than `cutoff`.
fn expire(
    core: &Core,
    sequence: &Sequence,
    topic: &Topic,
    partition: &Partition,
    cutoff: i64,
) -> Result<(), LogError> {
    let range = partition.range();
    if range.is_empty() || sequence.oldest(partition.part, range.start).is_none_or(|oldest| oldest >= cutoff)
    {
        return Ok(());
    }
    let start = sequence.offset_at(&core.cache, partition.part, cutoff)?.unwrap_or(range.end);
    if start > range.start {
        partition.advance_start(start);
        tracing::debug!(topic = %topic.name, partition = partition.part.partition, start, "records are past their time");
    }
    Ok(())
}

/// Gives back the space that sealed segments did not use, and keeps their indexes on the disk instead of in memory.
fn settle(sequence: &Sequence) -> Result<(), LogError> {
    let segments = sequence.segments();
    for pair in segments.windows(2) {
        let [segment, next] = pair else { continue };
        let index = lock(&segment.index);
        if index.slim {
            continue;
        }
        let index = {
            let copy = index.clone();
            drop(index);
            copy
        };
        segment.file.set_len(index.len).map_err(failed("trimming", &segment.path))?;
        saved::save(segment, &index, sequence.plan.salt, next.sequence)?;
        lock(&segment.index).slim_down();
    }
    Ok(())
}

/// Removes a segment and its index.
pub(super) fn remove(segment: &Path) -> Result<(), LogError> {
    for path in [saved::path(segment), segment.to_owned()] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("removing", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
