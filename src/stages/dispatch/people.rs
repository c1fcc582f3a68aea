//! People first: a bot's reply that was begun before people took the conversation over is not sent.
//!
//! Guarantee: a new owner knows every change that was durable before it was assigned; later ones are read as they come.
//! A read that fails begins again at the beginning, and reading a change twice changes nothing.

use std::sync::Arc;

use super::Dispatch;
use super::send::Effect;
use super::tail::{self, Begin};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::ConversationMode;
use crate::log::{LogError, Reader, Record, Scan, TopicPartition};
use crate::pipeline::PartitionCx;

impl Dispatch {
    /// Reads who answers where, of every conversation whose bot's replies come by this partition, and reads on.
    ///
    /// # Errors
    /// When it can't be read: nothing may be sent then.
    pub(super) async fn read_modes(&mut self, cx: &mut PartitionCx<Effect>) -> Result<(), LogError> {
        let partition = TopicPartition::new(ConversationMode::TYPE, cx.partition.partition);
        let range = cx.log.range(&partition).await?;
        if !range.is_empty() {
            let mut scan = Scan::new(&*cx.log, partition, range.start).await?;
            while let Some(batch) = scan.batch(range.end).await? {
                self.note_modes(&batch);
            }
        }
        self.tail_modes(cx, None, Begin::At(range.end));
        Ok(())
    }

    /// Changes came in.
    pub(super) fn modes(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        reader: Box<dyn Reader>,
        records: &[Record],
    ) {
        self.note_modes(records);
        self.tail_modes(cx, Some(reader), Begin::Start);
    }

    fn note_modes(&mut self, records: &[Record]) {
        for record in records.iter().filter(|record| !record.value.is_empty()) {
            match Envelope::<ConversationMode>::decode(&record.value) {
                Ok(change) => self.modes.note(&change.conversation, &change.data),
                Err(error) => tracing::error!(offset = record.offset, %error, "a mode can't be read"),
            }
        }
    }

    fn tail_modes(&self, cx: &mut PartitionCx<Effect>, reader: Option<Box<dyn Reader>>, begin: Begin) {
        let partition = TopicPartition::new(ConversationMode::TYPE, cx.partition.partition);
        let (log, stop) = (Arc::clone(&cx.log), self.stop.clone());
        cx.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Effect::Stopped,
                (reader, records) = tail::next(log, partition, reader, begin) => {
                    Effect::Modes { reader, records }
                }
            }
        });
    }
}
