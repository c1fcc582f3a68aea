//! Statuses that name our own message: they settle a send whose answer never came, for bots with `on_unknown: reconcile`.

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
use crate::log::{Reader, Record, TopicPartition};
use crate::pipeline::PartitionCx;

/// A status may be there before the first send has asked for it.
const EARLY: Duration = Duration::from_secs(60);

impl Dispatch {
    /// Receipts are read from the first send on that may need them.
    pub(super) fn want_receipts(&mut self, cx: &mut PartitionCx<Effect>) {
        if !std::mem::replace(&mut self.receipts, true) {
            let early = i64::try_from(EARLY.as_millis()).unwrap_or_default();
            let since = Timestamp::from_millis(cx.now().millis().saturating_sub(early));
            self.tail_receipts(cx, None, Begin::Since(since));
        }
    }

    fn tail_receipts(&self, cx: &mut PartitionCx<Effect>, reader: Option<Box<dyn Reader>>, begin: Begin) {
        let partition = TopicPartition::new(ReceiptReceived::TYPE, cx.partition.partition);
        let (log, stop) = (Arc::clone(&cx.log), self.stop.clone());
        cx.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Effect::Stopped,
                (reader, records) = tail::next(log, partition, reader, begin) => {
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
            if let Some((id, part)) = receipt.data.opaque.as_deref().and_then(named) {
                self.machine.receipt(id, part, receipt.data.message_id);
            }
        }
        self.obey(cx);
        self.tail_receipts(cx, Some(reader), Begin::End);
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
}
