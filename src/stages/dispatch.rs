//! Sends replies: within every limit, in order per chat, each part once.
//!
//! Reads `reply.ready` (keyed by bot, so that a bot has one dispatcher), and `signal.ready` of the same partition beside
//! it. Writes the ledger, `reply.settled`, into the partition of the reply, and web-chat messages. Never sends a replay.
//!
//! Guarantees:
//! 1. A conversation has at most one message under way, and goes on only when the RESULT of the last is acknowledged.
//!    First deliveries follow the order of the replies.
//! 2. A part with a RESULT is not sent again. After a crash only the last part of a chat can be: it was taken, and its
//!    RESULT was not written. After an unknown outcome a part is sent once more, then it is in doubt.
//! 3. An offset is finished when every part has a RESULT, and in the dead letters too where one was not sent. The RESULT
//!    comes first: when the process ends between the two, the ledger says at the next start what is still owed.
//! 4. No account waits for another: they take turns, each with its own limits, pauses and number of calls under way.
//! 5. A wait that a provider asks for is kept to its end; without one it grows, with jitter.
//!
//! Safe to repeat: ids are derived and the ledger is read back at every assignment. Memory is bounded by the runtime,
//! which stops reading a partition whose unfinished records take too much; parking them, marks before a send, leases and
//! fair shares between bots will stand beside [`settle`](self), in modules of their own.

mod arena;
mod backoff;
mod config;
mod error;
mod job;
mod ledger;
#[cfg(test)]
mod parking;
mod pick;
mod queues;
mod results;
mod send;
mod settle;
mod signals;
#[cfg(test)]
mod tests;

pub use config::DispatchConfig;
pub use error::DispatchError;
pub use send::{Attempt, Effect};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::ReplyReady;
use crate::domain::stage::StageName;
use crate::limits::{Limits, LimitsConfig};
use crate::log::{Record, TopicPartition};
use crate::pipeline::{PartitionCx, PartitionStage, Restored, StageError, StageFactory};
use crate::services::channel::Channel;
use crate::store::Directory;
use job::Job;
use ledger::{Known, Ledger};
use queues::{Queues, Wake};
use results::Results;

/// What dispatch stands on.
#[derive(Debug)]
pub struct DispatchDeps {
    /// Bots and accounts.
    pub directory: Arc<dyn Directory>,
    /// One sender per provider; the web chat needs none.
    pub channels: Vec<Arc<dyn Channel>>,
    /// What the channels allow.
    pub limits: LimitsConfig,
    /// Timeouts and bounds.
    pub config: DispatchConfig,
}

/// Makes a [`Dispatch`] per partition of `reply.ready`. Clones share the bound on calls under way.
#[derive(Debug, Clone)]
pub struct DispatchFactory {
    shared: Arc<Shared>,
}

impl DispatchFactory {
    /// One factory per process.
    #[must_use]
    pub fn new(deps: DispatchDeps) -> Self {
        let slots = Arc::new(Semaphore::new(deps.config.in_flight as usize));
        Self { shared: Arc::new(Shared { deps, slots }) }
    }
}

/// What all partitions of a process share.
#[derive(Debug)]
struct Shared {
    deps: DispatchDeps,
    /// Calls of providers under way in this process.
    slots: Arc<Semaphore>,
}

impl Shared {
    fn channel(&self, kind: ChannelKind) -> Option<&Arc<dyn Channel>> {
        self.deps.channels.iter().find(|channel| channel.kind() == kind)
    }
}

impl StageFactory for DispatchFactory {
    const NAME: StageName = StageName::Dispatch;
    const PORTS: &'static [&'static str] = &[results::PORT, send::WEBCHAT_PORT];
    type Stage = Dispatch;

    fn create(&self, _partition: &TopicPartition) -> Dispatch {
        Dispatch {
            limits: Limits::new(self.shared.deps.limits.clone()),
            queues: Queues::new(self.shared.deps.config.in_flight_per_account),
            shared: Arc::clone(&self.shared),
            ledger: Ledger::default(),
            results: Results::default(),
            start: Instant::now(),
            slot: Slot::Free,
            stop: CancellationToken::new(),
            released: false,
        }
    }
}

/// One partition's sends.
#[derive(Debug)]
pub struct Dispatch {
    shared: Arc<Shared>,
    limits: Limits,
    queues: Queues,
    ledger: Ledger,
    results: Results,
    /// Where the limits' moments begin, less [`PAST`].
    start: Instant,
    slot: Slot,
    /// Ends what waits for nothing in particular: the next signal, a free call.
    stop: CancellationToken,
    /// The partition is being given back: nothing new is begun.
    released: bool,
}

/// This partition's claim to one of the process's calls.
#[derive(Debug)]
enum Slot {
    /// Ask when needed.
    Free,
    /// All were taken; one is being waited for.
    Awaited,
    /// The one that was waited for.
    Held(OwnedSemaphorePermit),
}

/// What lies before a restore: the ledger is read this far back, and its sends count for the limits.
const PAST: Duration = Duration::from_secs(15 * 60);
/// How often waiting replies are looked at for their deadline.
const SWEEP: Duration = Duration::from_secs(1);

#[async_trait]
impl PartitionStage for Dispatch {
    type Effect = Effect;

    async fn restore(&mut self, cx: &mut PartitionCx<Effect>) -> Result<Restored, StageError> {
        self.start = Instant::now();
        ledger::read(cx, PAST, &mut self.ledger, &mut self.limits).await?;
        self.stop = cx.cancel.child_token();
        signals::tail(cx, None, &self.stop);
        self.queues.at(self.start + PAST, Wake::Forget);
        self.queues.at(self.start + SWEEP, Wake::Sweep);
        self.ask_for_wake(cx);
        Ok(Restored::default())
    }

    fn admit(&mut self, cx: &mut PartitionCx<Effect>, records: Vec<Record>) {
        for record in records {
            match Envelope::<ReplyReady>::decode(&record.value) {
                Ok(reply) => self.take_in(cx, record.offset, reply),
                Err(error) => cx.dead_letter(record.offset, error.into()),
            }
        }
        self.advance(cx);
    }

    fn done(&mut self, cx: &mut PartitionCx<Effect>, effect: Effect) {
        match effect {
            Effect::Found { line, limits } => self.found(line, limits),
            Effect::Sent { chat, job, attempt, bot } => self.sent(cx, chat, job, attempt, bot),
            Effect::Signalled { line, keys, outcome } => self.signalled(line, keys, &outcome),
            Effect::Settled(answer) => self.settled(cx, answer),
            Effect::Signals { reader, records } => self.signals(cx, reader, records),
            Effect::Slot(permit) => self.slot = Slot::Held(permit),
            Effect::Stopped => {}
        }
        self.advance(cx);
    }

    fn tick(&mut self, cx: &mut PartitionCx<Effect>) {
        self.advance(cx);
    }

    fn release(&mut self, _cx: &mut PartitionCx<Effect>) {
        self.released = true;
        self.stop.cancel();
    }
}

impl Dispatch {
    /// A reply goes to the end of its chat, unless the ledger or the memory knows it.
    fn take_in(&mut self, cx: &mut PartitionCx<Effect>, offset: u64, reply: Envelope<ReplyReady>) {
        let begin = match self.ledger.look_up(reply.id) {
            Known::New => ledger::Begin::default(),
            Known::Half(begin) => begin,
            // The original is still tracked, at a lower offset.
            Known::Open | Known::Settled => return cx.finish(offset),
            Known::Owed(error) => {
                self.ledger.close(reply.id);
                return cx.dead_letter(offset, error.into());
            }
        };
        let channel = self.shared.channel(reply.data.channel).map(AsRef::as_ref);
        let job = Job::new(offset, reply, begin, channel);
        self.ledger.open(job.reply.id);
        self.queues.push(job, &self.limits);
    }

    /// Everything that can be done now is begun.
    fn advance(&mut self, cx: &mut PartitionCx<Effect>) {
        let now = Instant::now();
        while let Some(wake) = self.queues.due(now) {
            match wake {
                Wake::Sweep => self.sweep(cx, now),
                Wake::Forget => {
                    self.ledger.forget_restored();
                    self.limits.forget_seen();
                }
                Wake::Chat(_) | Wake::Line(_) => {}
            }
        }
        if !self.released {
            self.pick(cx, now);
        }
        // A slot that nobody needed goes to another partition.
        if matches!(self.slot, Slot::Held(_)) {
            self.slot = Slot::Free;
        }
        self.results.flush(cx);
        self.ask_for_wake(cx);
    }

    /// Replies whose time passed while their chat or account waited; accounts that nobody uses.
    fn sweep(&mut self, cx: &mut PartitionCx<Effect>, now: Instant) {
        let wall = cx.now();
        for chat in self.queues.overdue(wall) {
            self.forgo(cx, chat, wall);
        }
        self.queues.drop_idle(now);
        self.queues.at(now + SWEEP, Wake::Sweep);
    }

    fn ask_for_wake(&self, cx: &mut PartitionCx<Effect>) {
        if let Some(at) = self.queues.next_wake() {
            cx.wake_at(at);
        }
    }

    /// A moment as the limits count it.
    fn moment(&self, now: Instant) -> Duration {
        PAST + now.saturating_duration_since(self.start)
    }

    /// The moment of the limits as the runtime counts it.
    fn instant(&self, moment: Duration) -> Instant {
        self.start + moment.saturating_sub(PAST)
    }
}
