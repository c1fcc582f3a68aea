//! Statuses that name our own message: they settle a send whose answer never came, for bots with `on_unknown: reconcile`.
//!
//! Guarantee: before the first send of such a bot every status is read that may be of an earlier owner's send, so what
//! arrived is not sent again because its RESULT was lost; from then on none is passed over, whatever fails.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Dispatch;
use super::send::Effect;
use super::tail::{self, Begin};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::ReceiptReceived;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::log::{Log, LogError, Reader, Record, TopicPartition};
use crate::pipeline::PartitionCx;

/// What is remembered of parts that were not sent here yet; the oldest goes.
const MOST: usize = 1 << 14;
/// Between two tries to learn where to begin.
const AGAIN: Duration = Duration::from_secs(1);

/// What statuses say of parts that this owner has not sent.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    /// No send whose RESULT may be missing is older.
    since: Timestamp,
    reading: Reading,
    /// The provider's ids of parts that arrived.
    reached: HashMap<(EventId, u32), String>,
    /// Its keys, oldest first.
    order: VecDeque<(EventId, u32)>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Reading {
    /// Nobody has asked yet.
    #[default]
    Not,
    /// What there was when somebody asked is not read to its end.
    Until(u64),
    /// It is, and what comes is read as it comes.
    Follows,
}

impl Statuses {
    /// Earlier owners' sends whose RESULT may be missing began after this.
    pub(super) fn since(at: Timestamp) -> Self {
        Self { since: at, ..Self::default() }
    }

    fn note(&mut self, part: (EventId, u32), provider_id: String) {
        if self.reached.insert(part, provider_id).is_some() {
            return;
        }
        self.order.push_back(part);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.reached.remove(&oldest);
        }
    }

    /// The provider's id of a part that arrived although nobody here sent it.
    pub(super) fn reached(&self, id: EventId, part: u32) -> Option<&String> {
        self.reached.get(&(id, part))
    }

    /// Everything that there was when it was first asked for is read.
    pub(super) const fn are_read(&self) -> bool {
        matches!(self.reading, Reading::Follows)
    }
}

impl Dispatch {
    /// Statuses are read from the first send on that may need them.
    pub(super) fn want_receipts(&mut self, cx: &mut PartitionCx<Effect>) {
        if !matches!(self.statuses.reading, Reading::Not) {
            return;
        }
        self.statuses.reading = Reading::Until(u64::MAX);
        let (log, stop, since) = (Arc::clone(&cx.log), self.stop.clone(), self.statuses.since);
        let partition = receipts_of(cx);
        cx.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Effect::Stopped,
                (from, end) = stretch(&*log, &partition, since) => Effect::Statuses { from, end },
            }
        });
    }

    /// Where the statuses begin and end that have to be read first.
    pub(super) fn statuses(&mut self, cx: &mut PartitionCx<Effect>, from: u64, end: u64) {
        self.statuses.reading = if from < end { Reading::Until(end) } else { Reading::Follows };
        self.tail_receipts(cx, None, from);
    }

    fn tail_receipts(&self, cx: &mut PartitionCx<Effect>, reader: Option<Box<dyn Reader>>, next: u64) {
        let partition = receipts_of(cx);
        let (log, stop) = (Arc::clone(&cx.log), self.stop.clone());
        cx.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Effect::Stopped,
                (reader, records) = tail::next(log, partition, reader, Begin::At(next)) => {
                    Effect::Receipts { reader, records }
                }
            }
        });
    }

    /// Receipts came in.
    pub(super) fn receipts(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        reader: Box<dyn Reader>,
        records: &[Record],
    ) {
        for record in records {
            // What can't be read is ingest's to complain about.
            let Ok(receipt) = Envelope::<ReceiptReceived>::decode(&record.value) else { continue };
            let Some((id, part)) = receipt.data.opaque.as_deref().and_then(named) else { continue };
            let provider_id = receipt.data.message_id;
            if !self.machine.receipt(id, part, provider_id.clone()) {
                self.statuses.note((id, part), provider_id);
            }
        }
        self.obey(cx);
        let next = records.last().map_or(0, |record| record.offset + 1);
        if matches!(self.statuses.reading, Reading::Until(end) if next >= end) {
            self.statuses.reading = Reading::Follows;
        }
        self.tail_receipts(cx, Some(reader), next);
    }
}

fn receipts_of(cx: &PartitionCx<Effect>) -> TopicPartition {
    TopicPartition::new(ReceiptReceived::TYPE, cx.partition.partition)
}

/// From the first status since a moment to the last that there is; asked until the log says so.
async fn stretch(log: &dyn Log, partition: &TopicPartition, since: Timestamp) -> (u64, u64) {
    loop {
        let stretch = async {
            let range = log.range(partition).await?;
            let from = log.offset_at(partition, since).await?.clamp(range.start, range.end);
            Ok::<_, LogError>((from, range.end))
        };
        match stretch.await {
            Ok(stretch) => return stretch,
            Err(error) => {
                tracing::warn!(%partition, %error, "statuses can't be read, bots that reconcile wait");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// The reply and the part that our id names: `ID:PART`, as every send says it.
fn named(opaque: &str) -> Option<(EventId, u32)> {
    let (id, part) = opaque.split_once(':')?;
    Some((id.parse().ok()?, part.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    #[test]
    fn our_id_is_understood_and_nothing_else() {
        let id = EventId::root(ChannelKind::Whatsapp, "1", "2");
        assert_eq!(named(&format!("{id}:3")), Some((id, 3)));
        for other in ["", "x:1", "campaign 7", &format!("{id}")] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_the_oldest_goes() {
        let mut statuses = Statuses::default();
        let id = EventId::root(ChannelKind::Whatsapp, "1", "2");
        for part in 0..=MOST as u32 {
            statuses.note((id, part), part.to_string());
            statuses.note((id, part), "again".to_owned());
        }
        assert_eq!((statuses.reached.len(), statuses.order.len()), (MOST, MOST));
        assert_eq!((statuses.reached(id, 0), statuses.reached(id, 1).is_some()), (None, true));
    }
}
