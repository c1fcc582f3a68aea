//! Typing, read marks and callback answers: sent before replies, worth nothing a few seconds later, in no ledger.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Dispatch;
use super::arena::Ix;
use super::queues::LineKey;
use super::send::{Called, Effect};
use super::tail::{self, Begin};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{Signal, SignalReady};
use crate::domain::ids::ConversationId;
use crate::domain::time::Timestamp;
use crate::limits::{Keys, Pause};
use crate::log::{Reader, Record, TopicPartition};
use crate::pipeline::PartitionCx;
use crate::services::channel::SendOutcome;

/// How long a signal is worth sending.
pub(super) fn life(signal: &Signal) -> Duration {
    match signal {
        Signal::Typing { .. } | Signal::Read { .. } => Duration::from_secs(5),
        // The button spins until it is answered; Telegram refuses an answer after about 20 s.
        Signal::AnswerCallback { .. } => Duration::from_secs(15),
    }
}

/// A signal in its line.
#[derive(Debug)]
pub struct Waiting {
    pub(super) keys: Keys,
    pub(super) chat: String,
    pub(super) signal: Signal,
    pub(super) at: Timestamp,
}

impl Waiting {
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.at) >= life(&self.signal)
    }
}

/// Waits for the next signals of this partition, from the end of the topic on where there is no reader yet.
pub(super) fn tail(cx: &mut PartitionCx<Effect>, reader: Option<Box<dyn Reader>>, stop: &CancellationToken) {
    let partition = TopicPartition::new(SignalReady::TYPE, cx.partition.partition);
    let (log, stop) = (Arc::clone(&cx.log), stop.clone());
    cx.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => Effect::Stopped,
            (reader, records) = tail::next(log, partition, reader, Begin::End) => {
                Effect::Signals { reader, records }
            }
        }
    });
}

impl Dispatch {
    /// Signals came in: each waits in its account's line, if it still means something.
    pub(super) fn signals(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        reader: Box<dyn Reader>,
        records: Vec<Record>,
    ) {
        if self.released {
            return;
        }
        let (now, moment) = (cx.now(), self.moment(cx));
        for record in records {
            match Envelope::<SignalReady>::decode(&record.value) {
                Ok(event) => self.signal(event, now, moment),
                Err(error) => {
                    tracing::warn!(offset = record.offset, %error, "a signal can't be read, it is dropped");
                }
            }
        }
        tail(cx, Some(reader), &self.stop);
    }

    fn signal(&mut self, event: Envelope<SignalReady>, now: Timestamp, moment: Duration) {
        let SignalReady { channel, account, chat, signal, at } = event.data;
        // Whoever sees the reply come needs no "is typing"; on WhatsApp it is also the read mark.
        let overtaken = matches!(signal, Signal::Typing { .. })
            && channel != ChannelKind::Whatsapp
            && (self.queues.find(&event.conversation).is_some()
                || !self.machine.is_empty(&event.conversation));
        let keys = self.common.limits().keys(&event.bot, &event.conversation, false);
        let waiting = Waiting { keys, chat, signal, at };
        if event.runid.is_some() || channel == ChannelKind::Webchat || overtaken || waiting.is_stale(now) {
            return;
        }
        let key = LineKey { tenant: event.tenant, bot: event.bot, channel, account };
        let line = self.queues.line(key, moment);
        self.queues.push_signal(line, waiting);
    }

    /// A signal's call is over. Only what the provider said about pauses matters.
    pub(super) fn signalled(&mut self, cx: &PartitionCx<Effect>, line: Ix, keys: Keys, outcome: Called) {
        let outcome = match outcome {
            Called::Over(outcome) => outcome,
            Called::Late(signal) => {
                self.queues.called(line, true);
                // Its turn comes again, if it still means something then.
                return self.queues.push_signal(line, signal);
            }
        };
        self.queues.called(line, !matches!(outcome, SendOutcome::Unknown { .. }));
        if let SendOutcome::Retry { after: Some(after), scope, .. } = &outcome {
            let now = self.now(cx);
            let paused = self.pause(line, &keys, *scope, *after, now.moment);
            // A chat's own is worth nothing to the next owner, who has no signals of before.
            if paused != Some(Pause::Chat)
                && let Some(LineKey { tenant, channel, account, .. }) =
                    self.queues.get(line).map(|line| &line.key)
            {
                let account = ConversationId::new(tenant, *channel, account, "", None);
                self.write_down(line, &account, paused, now.moment + *after, now);
            }
        }
        tracing::debug!(?outcome, "signal");
    }
}
