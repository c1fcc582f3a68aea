//! Writes dead letters back to their topics.
//!
//! Guarantees: never faster than it is told; letters of one partition in their order; each batch between a *begin* and a
//! *done* mark, so that what a crash interrupts is found by the next run. It never tries an append again by itself: after
//! an error nobody knows what was written, and the next run looks.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::judge::Change;
use super::letter::Letter;
use super::mark::{Begun, Mark};
use super::marks::Marks;
use super::place::Place;
use super::plan::Plan;
use crate::domain::redrive::{LETTER, OURS, REDRIVE};
use crate::domain::topics::DEAD_LETTER;
use crate::domain::units::Rate;
use crate::log::{Log, LogError, Outgoing, Position, Reader, Record, TopicName, TopicPartition};

/// Bytes that the reader may hold, and that a batch may have, one record more at most: a dead letter may be 8 MiB.
const PREFETCH: usize = 16 << 20;
const BATCH_BYTES: usize = 1 << 20;
/// A batch is what the rate lets through in this time: marks cost an append each, and nothing should come in gusts.
const BATCH_TIME: Duration = Duration::from_millis(200);
const BATCH_RECORDS: u128 = 256;
/// Letters of one mark.
const MARKED: usize = 1000;
/// Dead letters that give nothing for so long can't be read to their end.
const STALLED: Duration = Duration::from_secs(30);
/// What to do about an error.
const AGAIN: &str = "run the same command again: what was written is found, and is not written twice";

/// What is told of every letter that was written: which, as what, and where it stands now.
pub type Told<'a> = &'a mut (dyn FnMut(&Letter, &Change, Position) -> anyhow::Result<()> + Send);

/// Does what the plan says.
///
/// # Errors
/// When something can't be read or written; what was told of is written all the same.
pub async fn run(
    log: &dyn Log,
    marks: &Marks,
    plan: &Plan,
    rate: Rate,
    told: Told<'_>,
) -> anyhow::Result<()> {
    run_while(log, marks, plan, rate, told, &|| true).await.map(drop)
}

/// The same, for as long as it may go on, which is asked before each batch; false when it was stopped.
///
/// # Errors
/// As [`run`].
pub async fn run_while(
    log: &dyn Log,
    marks: &Marks,
    plan: &Plan,
    rate: Rate,
    told: Told<'_>,
    may: &(dyn Fn() -> bool + Sync),
) -> anyhow::Result<bool> {
    for found in plan.found.chunks(MARKED) {
        log.append(&done(marks, found.iter().copied())?).await.context(AGAIN)?;
    }
    let mut writer = Writer { log, marks, pace: Pace::new(rate), ends: HashMap::new(), told };
    let wanted: HashMap<Place, &(Letter, Change)> =
        plan.writes.iter().map(|write| (write.0.position, write)).collect();
    let mut left: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for Place { partition, offset } in wanted.keys() {
        let (first, last) = left.entry(*partition).or_insert((*offset, *offset));
        (*first, *last) = ((*first).min(*offset), (*last).max(*offset));
    }
    let mut reader = log.reader(PREFETCH).await?;
    for (partition, (first, _)) in &left {
        reader.assign(&TopicPartition::new(DEAD_LETTER, *partition), *first).await?;
    }
    let batch_records = writer.pace.batch();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while !left.is_empty() {
        let (partition, records) = next(&mut *reader).await?;
        for record in records {
            let place = Place { partition, offset: record.offset };
            if left.get(&partition).is_some_and(|(_, last)| record.offset >= *last) {
                left.remove(&partition);
            }
            let Some((letter, change)) = wanted.get(&place).copied() else { continue };
            bytes += record.bytes();
            batch.push(Write::new(letter, change, record)?);
            if batch.len() >= batch_records || bytes >= BATCH_BYTES {
                if !may() {
                    return Ok(false);
                }
                writer.write(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
    }
    if !may() {
        return Ok(false);
    }
    writer.write(batch).await?;
    Ok(true)
}

async fn next(reader: &mut dyn Reader) -> Result<(u32, Vec<Record>), LogError> {
    let batch = reader.next(STALLED).await?;
    let batch = batch.ok_or_else(|| LogError::Busy(format!("{DEAD_LETTER} gave nothing for {STALLED:?}")))?;
    Ok((batch.partition.partition, batch.records))
}

/// A letter on its way back.
#[derive(Debug)]
struct Write<'p> {
    letter: &'p Letter,
    change: &'p Change,
    out: Outgoing,
}

impl<'p> Write<'p> {
    fn new(letter: &'p Letter, change: &'p Change, record: Record) -> anyhow::Result<Self> {
        let place = letter.position;
        let from = letter.from.as_ref().with_context(|| format!("{place} has no topic to go back to"))?;
        let value = change.edit.apply(&record.value).with_context(|| format!("{place} is no JSON object"))?;
        let mut headers: Vec<(SmolStr, Bytes)> =
            record.headers.into_iter().filter(|(name, _)| !name.starts_with(OURS)).collect();
        headers.push((SmolStr::new_static(REDRIVE), Bytes::from(change.redrive.to_string())));
        headers.push((SmolStr::new_static(LETTER), Bytes::from(place.to_string())));
        let (topic, partition) = (TopicName::from(from.topic.as_str()), Some(from.partition));
        Ok(Self { letter, change, out: Outgoing { topic, partition, key: record.key, value, headers } })
    }
}

struct Writer<'a> {
    log: &'a dyn Log,
    marks: &'a Marks,
    pace: Pace,
    /// Where each partition that was written to ends, at least.
    ends: HashMap<TopicPartition, u64>,
    told: Told<'a>,
}

impl Writer<'_> {
    /// Begin marks, records, done marks.
    async fn write(&mut self, batch: Vec<Write<'_>>) -> anyhow::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.pace.wait(batch.len()).await;
        let begin = self.begin(&batch).await.context(AGAIN)?;
        self.log.append(&begin).await.context(AGAIN)?;
        let mut by_topic: BTreeMap<TopicName, Vec<&Write<'_>>> = BTreeMap::new();
        for write in &batch {
            by_topic.entry(write.out.topic.clone()).or_default().push(write);
        }
        let mut written = Vec::with_capacity(batch.len());
        for (topic, writes) in by_topic {
            let out = writes.iter().map(|write| write.out.clone()).collect::<Vec<_>>();
            let positions = self.log.append(&out).await.context(AGAIN)?;
            for (write, position) in writes.into_iter().zip(positions) {
                let end =
                    self.ends.entry(TopicPartition::new(topic.clone(), position.partition)).or_default();
                *end = (*end).max(position.offset + 1);
                written.push((write, position));
            }
        }
        let places = batch.iter().map(|write| write.letter.position);
        self.log.append(&done(self.marks, places)?).await.context(AGAIN)?;
        for (write, position) in written {
            (self.told)(write.letter, write.change, position)?;
        }
        Ok(())
    }

    async fn begin(&mut self, batch: &[Write<'_>]) -> anyhow::Result<Vec<Outgoing>> {
        let mut begun: BTreeMap<u32, Vec<Begun>> = BTreeMap::new();
        for Write { letter, out, .. } in batch {
            let to = TopicPartition::new(out.topic.clone(), out.partition.unwrap_or_default());
            let end = match self.ends.get(&to) {
                Some(end) => *end,
                None => self.log.range(&to).await?.end,
            };
            let (topic, partition) = (to.topic.to_string(), to.partition);
            self.ends.insert(to, end);
            let Place { partition: of, offset } = letter.position;
            begun.entry(of).or_default().push(Begun { offset, topic, partition, end });
        }
        let marks = begun.into_iter().map(|(partition, begun)| Mark::Begin(begun).record(partition));
        Ok(marks.collect::<Result<_, _>>()?)
    }
}

/// Done marks. The first letter of the same record is marked with each, and so are all of that record.
fn done(marks: &Marks, places: impl Iterator<Item = Place>) -> anyhow::Result<Vec<Outgoing>> {
    let mut by_partition: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for place in places {
        let first = marks.first(place);
        let done = by_partition.entry(place.partition).or_default();
        done.push(place.offset);
        done.extend(Some(first.offset).filter(|_| first != place && first.partition == place.partition));
    }
    let marks = by_partition.into_iter().map(|(partition, done)| Mark::Done(done).record(partition));
    Ok(marks.collect::<Result<_, _>>()?)
}

/// A batch at a time, each when the one before it has had its time.
#[derive(Debug)]
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    fn new(rate: Rate) -> Self {
        Self { every: rate.every, next: Instant::now() }
    }

    /// How many records go together.
    fn batch(&self) -> usize {
        let fit = BATCH_TIME.as_nanos() / self.every.as_nanos().max(1);
        usize::try_from(fit.clamp(1, BATCH_RECORDS)).unwrap_or(1)
    }

    async fn wait(&mut self, records: usize) {
        tokio::time::sleep_until(self.next).await;
        let span = self.every * u32::try_from(records).unwrap_or(u32::MAX);
        self.next = self.next.max(Instant::now()) + span;
    }
}

/// How long a redrive of so many records takes, about.
#[must_use]
pub fn takes(rate: Rate, records: usize) -> Duration {
    rate.every * u32::try_from(records).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests;
