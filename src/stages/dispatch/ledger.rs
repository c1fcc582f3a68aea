//! What is known to be settled: from the ledger at the restore, from memory after it.
//!
//! Guarantee: a reply that is open or settled here is never begun a second time. Memory is bounded: ids that were
//! settled are remembered in two generations of at most [`REMEMBERED`]; the newest stay.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::error::DispatchError;
use super::results;
use crate::domain::events::{Settled, SettledStatus};
use crate::domain::ids::EventId;
use crate::limits::Limits;
use crate::log::{LogError, TopicPartition};
use crate::pipeline::PartitionCx;

/// Ids of settled replies in one generation: minutes at full load, 1 MB. What was unfinished when the last owner
/// stopped is at most the tracker's span, 16384 offsets.
const REMEMBERED: usize = 1 << 16;
/// Bytes that the reader may hold while the ledger is read.
const PREFETCH: usize = 4 << 20;
/// A ledger that gives nothing for so long can't be read to its end.
const STALLED: Duration = Duration::from_secs(30);

/// Open and settled replies of a partition.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: HashSet<EventId>,
    /// Settled in every part, newest and older generation.
    settled: [HashSet<EventId>; 2],
    /// From the restore: replies that are half settled, or owe a dead letter.
    restored: HashMap<EventId, Restored>,
}

#[derive(Debug, Default)]
struct Restored {
    of: u32,
    /// Every part below has a RESULT.
    next: u32,
    /// Parts above `next` with a RESULT; parts are settled in order, so this stays empty but for a late append.
    ahead: Vec<u32>,
    owed: Option<SettledStatus>,
}

/// What is known about a reply that comes in.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// It is here, on its way.
    Open,
    /// Nothing is left to do.
    Settled,
    /// Some parts have a RESULT.
    Half(Begin),
    /// All parts have a RESULT, and its record belongs into the dead letters.
    Owed(DispatchError),
}

/// Where a reply begins.
#[derive(Debug, Default)]
pub(super) struct Begin {
    /// The first part without a RESULT.
    pub(super) next: u32,
    /// What an earlier part owes.
    pub(super) failure: Option<DispatchError>,
}

impl Ledger {
    pub(super) fn look_up(&self, id: EventId) -> Known {
        if self.open.contains(&id) {
            return Known::Open;
        }
        if self.settled.iter().any(|settled| settled.contains(&id)) {
            return Known::Settled;
        }
        match self.restored.get(&id) {
            None => Known::New,
            Some(found) => {
                let failure = found.owed.map(DispatchError::Settled);
                match failure {
                    Some(error) if found.next >= found.of => Known::Owed(error),
                    failure => Known::Half(Begin { next: found.next, failure }),
                }
            }
        }
    }

    pub(super) fn open(&mut self, id: EventId) {
        self.open.insert(id);
    }

    /// Every part is settled.
    pub(super) fn close(&mut self, id: EventId) {
        self.open.remove(&id);
        self.restored.remove(&id);
        self.remember(id);
    }

    /// What the restore found and nobody asked for stands before the committed offset: it will not be asked for.
    pub(super) fn forget_restored(&mut self) {
        self.restored = HashMap::new();
    }

    fn remember(&mut self, id: EventId) {
        if self.settled[0].len() >= REMEMBERED {
            self.settled.swap(0, 1);
            self.settled[0].clear();
        }
        self.settled[0].insert(id);
    }

    fn restore(&mut self, id: EventId, part: u32, of: u32, status: SettledStatus) {
        let owed = match status {
            SettledStatus::Rejected | SettledStatus::Expired | SettledStatus::InDoubt => Some(status),
            SettledStatus::Sent | SettledStatus::Skipped | SettledStatus::Dropped => None,
        };
        // Nearly every reply has one part, which was sent: 16 bytes.
        if (part, of, owed) == (0, 1, None) && !self.restored.contains_key(&id) {
            return self.remember(id);
        }
        let found = self.restored.entry(id).or_default();
        found.of = of;
        found.owed = found.owed.or(owed);
        if part >= found.next {
            found.ahead.push(part);
            while let Some(at) = found.ahead.iter().position(|ahead| *ahead <= found.next) {
                found.next = found.next.max(found.ahead.swap_remove(at) + 1);
            }
        }
        if found.next >= found.of && found.owed.is_none() {
            self.restored.remove(&id);
            self.remember(id);
        }
    }
}

/// Reads the partition's ledger from `past` ago to its end: what is settled, and what was sent under which limits.
///
/// # Errors
/// When the log can't be read. A record of a kind that this program does not know is passed over and counted.
pub(super) async fn read<E: Send + 'static>(
    cx: &mut PartitionCx<E>,
    past: Duration,
    ledger: &mut Ledger,
    limits: &mut Limits,
) -> Result<(), LogError> {
    let partition = TopicPartition::new(cx.outputs.topic(results::PORT), cx.partition.partition);
    let now = cx.now();
    let since = crate::domain::time::Timestamp::from_millis(
        now.millis().saturating_sub(i64::try_from(past.as_millis()).unwrap_or(i64::MAX)),
    );
    let range = cx.log.range(&partition).await?;
    let mut next = cx.log.offset_at(&partition, since).await?.max(range.start);
    if next >= range.end {
        return Ok(());
    }
    let mut reader = cx.log.reader(PREFETCH).await?;
    reader.assign(&partition, next).await?;
    let (mut results, mut unknown) = (0_u64, 0_u64);
    while next < range.end {
        let Some(batch) = reader.next(STALLED).await? else {
            let what = format!("{partition} gave nothing from offset {next} on, its end is {}", range.end);
            return Err(LogError::Busy(what));
        };
        for record in batch.records {
            next = record.offset + 1;
            let Ok(settled) = serde_json::from_slice::<Settled>(&record.value) else {
                unknown += 1;
                continue;
            };
            let Settled::Result { id, part, of, status, bot, conversation, at, attempt, .. } = settled else {
                continue;
            };
            results += 1;
            ledger.restore(id, part, of, status);
            if attempt > 0 {
                let keys = limits.keys(&bot, &conversation, false);
                limits.seen(&keys, past.saturating_sub(now.since(at)));
            }
        }
    }
    if unknown > 0 {
        tracing::warn!(%partition, unknown, "ledger records of an unknown kind were passed over");
    }
    tracing::debug!(%partition, results, "ledger read");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    fn id(n: u32) -> EventId {
        EventId::root(ChannelKind::Telegram, "1", &n.to_string())
    }

    #[test]
    fn a_half_settled_reply_goes_on_at_its_first_open_part() {
        let mut ledger = Ledger::default();
        ledger.restore(id(1), 0, 3, SettledStatus::Sent);
        assert!(matches!(ledger.look_up(id(1)), Known::Half(Begin { next: 1, failure: None })));
        ledger.restore(id(1), 2, 3, SettledStatus::Sent);
        ledger.restore(id(1), 2, 3, SettledStatus::Sent);
        assert!(matches!(ledger.look_up(id(1)), Known::Half(Begin { next: 1, .. })));
        ledger.restore(id(1), 1, 3, SettledStatus::Sent);
        assert!(matches!(ledger.look_up(id(1)), Known::Settled));
        assert!(matches!(ledger.look_up(id(2)), Known::New));
    }

    #[test]
    fn a_dead_letter_that_was_owed_still_is() {
        let mut ledger = Ledger::default();
        ledger.restore(id(1), 0, 2, SettledStatus::Rejected);
        assert!(matches!(ledger.look_up(id(1)), Known::Half(Begin { next: 1, failure: Some(_) })));
        ledger.restore(id(1), 1, 2, SettledStatus::Skipped);
        assert!(matches!(
            ledger.look_up(id(1)),
            Known::Owed(DispatchError::Settled(SettledStatus::Rejected))
        ));
        ledger.close(id(1));
        assert!(matches!(ledger.look_up(id(1)), Known::Settled));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut ledger = Ledger::default();
        let many = u32::try_from(REMEMBERED).unwrap() * 3;
        for n in 0..many {
            ledger.open(id(n));
            ledger.close(id(n));
        }
        assert!(ledger.settled.iter().map(HashSet::len).sum::<usize>() <= 2 * REMEMBERED);
        assert!(matches!(ledger.look_up(id(many - 1)), Known::Settled));
        assert!(matches!(ledger.look_up(id(0)), Known::New));
        assert!(ledger.open.is_empty());
    }
}
