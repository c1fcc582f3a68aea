//! Sends replies: within every limit, in order per chat, each part once.
//!
//! Reads `reply.ready` (keyed by bot, so that a bot has one dispatcher), and beside it, of the same partition, `reply.bulk`,
//! a lane of its own that yields to replies (`common`), `signal.ready`, `receipt.received` for bots that reconcile, and
//! `conversation.mode`, which says where people answer. Writes the ledger, `reply.settled`, and the parked topic,
//! `reply.parked`, into the partition of the reply, web-chat messages, and how far a bot is behind (`bot.backlog`). Never
//! sends a replay.
//!
//! What may be sent, and what has to be durable first, the machine (`parking`) knows, which has no clock, log or provider.
//! Around it: whose turn it is (`pick`) by lines and chats (`queues`) and limits, what an answer means (`outcomes`),
//! doing what the machine says (`obey`), taking a partition over (`restore`).
//!
//! Guarantees, beside the machine's:
//! 1. No account waits for another: they take turns, each with its own limits, pauses and number of calls under way.
//! 2. A wait that a provider asks for is kept to its end; without one it grows, with jitter.
//! 3. Memory is bounded by the machine's bounds; what waits beyond them lies in the parked topic.
//!
//! Safe to repeat: ids are derived and the ledger is read back at every assignment.

mod answers;
mod appends;
mod arena;
mod backlog;
mod backoff;
mod common;
mod config;
mod crowd;
mod error;
mod job;
mod obey;
mod outcomes;
mod parking;
mod people;
mod pick;
mod queues;
mod receipts;
mod records;
mod restore;
mod send;
mod signals;
mod tail;
#[cfg(test)]
mod tests;

pub use config::DispatchConfig;
pub use error::DispatchError;
pub use send::{Attempt, Called, Effect};
pub use signals::Waiting;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::channel::ChannelKind;
use crate::domain::events::Lane;
use crate::domain::modes::ModeTable;
use crate::domain::stage::StageName;
use crate::domain::topics::REPLY_BULK;
use crate::limits::LimitsConfig;
use crate::log::{Payloads, Place, Record, TopicPartition};
use crate::pipeline::{PartitionCx, PartitionStage, Restored, StageError, StageFactory};
use crate::services::channel::Channel;
use crate::store::Directory;
use appends::Appends;
use arena::Ix;
use common::{Common, Pairs};
use job::{Job, Reply};
use parking::{Arrival, Machine, Now, Restore};
use queues::{LineKey, Queues, Wake};
use records::{LedgerDraft, LetterDraft, ParkedDraft};

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
    /// A folder for replies that are parked; what is in it does not outlive the process.
    pub scratch: PathBuf,
    /// Called on the blocking pool when a restore has let go of much memory.
    pub let_go: fn(),
}

/// Makes a [`Dispatch`] per partition of `reply.ready` and of `reply.bulk`. Clones share the bound on calls under way.
#[derive(Debug, Clone)]
pub struct DispatchFactory {
    shared: Arc<Shared>,
}

impl DispatchFactory {
    /// One factory per process.
    #[must_use]
    pub fn new(deps: DispatchDeps) -> Self {
        // Campaigns never hold so many calls that replies have none.
        let bulk = (deps.config.in_flight as usize / BULK_SHARE).max(1);
        let slots = Arc::new(Semaphore::new((deps.config.in_flight as usize).saturating_sub(bulk).max(1)));
        let bulk_slots = Arc::new(Semaphore::new(bulk));
        Self { shared: Arc::new(Shared { deps, slots, bulk_slots, pairs: Pairs::default() }) }
    }
}

/// What all partitions of a process share.
#[derive(Debug)]
struct Shared {
    deps: DispatchDeps,
    /// Calls of providers under way in this process, for replies and signals.
    slots: Arc<Semaphore>,
    /// The same for campaigns.
    bulk_slots: Arc<Semaphore>,
    pairs: Pairs,
}

impl Shared {
    fn channel(&self, kind: ChannelKind) -> Option<&Arc<dyn Channel>> {
        self.deps.channels.iter().find(|channel| channel.kind() == kind)
    }
}

impl StageFactory for DispatchFactory {
    const NAME: StageName = StageName::Dispatch;
    const PORTS: &'static [&'static str] =
        &[records::SETTLED, records::PARKED, send::WEBCHAT_PORT, backlog::PORT];
    const LEASED: bool = true;
    type Stage = Dispatch;

    fn create(&self, partition: &TopicPartition) -> Dispatch {
        let lane = if partition.topic.as_str() == REPLY_BULK { Lane::Bulk } else { Lane::Ready };
        Dispatch {
            lane,
            common: self.shared.pairs.join(partition.partition, lane, &self.shared.deps.limits),
            queues: Queues::new(match lane {
                Lane::Ready => self.shared.deps.config.in_flight_per_account,
                Lane::Bulk => self.shared.deps.config.in_flight_per_account.div_ceil(2),
            }),
            payloads: Arc::new(Payloads::new(&self.shared.deps.scratch)),
            shared: Arc::clone(&self.shared),
            machine: Restore::nothing().machine(Now::default()),
            jobs: HashMap::new(),
            ledger: Appends::default(),
            parked: Appends::default(),
            letters: Appends::default(),
            told: backlog::Told::default(),
            modes: ModeTable::default(),
            freed: Vec::new(),
            idle: Vec::new(),
            swept: Duration::ZERO,
            looked: (Duration::ZERO, false),
            slot: Slot::Free,
            stop: CancellationToken::new(),
            statuses: receipts::Statuses::default(),
            unleased: false,
            released: false,
        }
    }
}

/// The sends of one lane of a partition.
#[derive(Debug)]
pub struct Dispatch {
    shared: Arc<Shared>,
    lane: Lane,
    common: Common,
    machine: Machine,
    queues: Queues,
    /// By offset: what waits in memory, and parked replies whose turn has come. One that is being sent is not here.
    jobs: HashMap<u64, Box<Job>>,
    payloads: Arc<Payloads>,
    ledger: Appends<LedgerDraft>,
    parked: Appends<ParkedDraft>,
    letters: Appends<LetterDraft>,
    told: backlog::Told,
    /// Who answers where.
    modes: ModeTable,
    /// What nobody will ask the payloads for any more.
    freed: Vec<Place>,
    /// Chats that may have nothing to send any more.
    idle: Vec<Ix>,
    /// When the next sweep is; a timer for any other moment is passed over.
    swept: Duration,
    /// When it was last looked for what waits long, and whether that is about to be done again.
    looked: (Duration, bool),
    slot: Slot,
    /// Ends what waits for nothing in particular: the next signal, a free call.
    stop: CancellationToken,
    /// What statuses say of parts that an earlier owner may have sent.
    statuses: receipts::Statuses,
    /// The lease is over, and looked at again by a timer.
    unleased: bool,
    /// The partition is being given back: nothing new is begun.
    released: bool,
}

/// This partition's claim to some of the process's calls.
#[derive(Debug)]
enum Slot {
    /// Ask when needed.
    Free,
    /// All were taken; some are being waited for.
    Awaited,
    /// Those that were waited for.
    Held(OwnedSemaphorePermit),
}

/// What lies before a restore: the ledger is read this far back, and its sends count for the limits.
const PAST: Duration = Duration::from_secs(15 * 60);
/// Of so many calls under way one may be a campaign's.
const BULK_SHARE: usize = 4;
/// How often waiting replies are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How soon those in memory are looked at again when a long wait was learned.
const PARK_SOON: Duration = Duration::from_millis(100);
/// The longest wait for a timer.
const TIMER: Duration = Duration::from_secs(3600);

#[async_trait]
impl PartitionStage for Dispatch {
    type Effect = Effect;

    async fn restore(&mut self, cx: &mut PartitionCx<Effect>) -> Result<Restored, StageError> {
        self.rebuild(cx).await?;
        cx.low = self.machine.low();
        self.stop = cx.cancel.child_token();
        self.read_modes(cx).await?;
        if self.lane == Lane::Ready {
            self.common.restored();
            signals::tail(cx, None, &self.stop);
        }
        let now = self.moment(cx);
        self.queues.at(now + PAST, Wake::Forget);
        self.sweep_at(now + SWEEP);
        self.advance(cx);
        Ok(Restored::default())
    }

    fn admit(&mut self, cx: &mut PartitionCx<Effect>, records: Vec<Record>) {
        for record in records {
            match Reply::decode(&record.value) {
                Ok(reply) => self.take_in(cx, record, reply),
                Err(error) => cx.dead_letter(record.offset, error.into()),
            }
        }
    }

    fn done(&mut self, cx: &mut PartitionCx<Effect>, effect: Effect) {
        match effect {
            Effect::Found { line, found } => self.found(cx, line, found),
            Effect::Loaded { chat, job } => self.loaded(cx, chat, job),
            Effect::Sent { chat, head, job, attempt, bot, wider } => {
                self.sent(cx, (chat, head), job, attempt, (bot.as_deref(), wider));
            }
            Effect::Signalled { line, keys, outcome } => self.signalled(cx, line, keys, outcome),
            Effect::Settled(answer) => self.settled(cx, answer),
            Effect::Parked(answer) => self.put(cx, answer),
            Effect::Buried(answer) => self.buried(cx, answer),
            Effect::Searched(answer) => self.searched(cx, answer),
            Effect::Signals { reader, records } => self.signals(cx, reader, records),
            Effect::Statuses { from, end } => self.statuses(cx, from, end),
            Effect::Receipts { reader, records } => self.receipts(cx, reader, &records),
            Effect::Modes { reader, records } => self.modes(cx, reader, &records),
            Effect::Slot(permit) => self.slot = Slot::Held(permit),
            Effect::Stopped => {}
        }
    }

    fn tick(&mut self, _: &mut PartitionCx<Effect>) {}

    fn turn(&mut self, cx: &mut PartitionCx<Effect>) {
        self.advance(cx);
    }

    fn release(&mut self, _cx: &mut PartitionCx<Effect>) {
        self.released = true;
        self.stop.cancel();
    }
}

impl Dispatch {
    /// A reply goes to the machine, with what it will have to wait for as far as that can be told now.
    fn take_in(&mut self, cx: &mut PartitionCx<Effect>, record: Record, reply: Reply) {
        let channel = self.shared.channel(reply.data.channel).map(AsRef::as_ref);
        let bytes = u32::try_from(record.bytes()).unwrap_or(u32::MAX);
        let offset = record.offset;
        let job = Job::new(record, reply, channel);
        let reply = &job.reply;
        let arrival = Arrival {
            offset,
            id: reply.id,
            bot: reply.bot.clone(),
            chat: reply.conversation.clone(),
            of: job.of(),
            bytes,
            roottime: reply.roottime,
            deadline: reply.deadline,
            predicted: self.predict(cx, &job),
        };
        // Before the machine says anything of it.
        self.jobs.insert(offset, job);
        self.machine.admit(&arrival, self.now(cx));
        self.obey(cx);
    }

    fn predict(&mut self, cx: &PartitionCx<Effect>, job: &Job) -> Duration {
        let now = self.moment(cx);
        let (reply, of) = (&job.reply, job.of());
        let (tenant, bot) = (reply.tenant.clone(), reply.bot.clone());
        let key = LineKey { tenant, bot, channel: reply.data.channel, account: reply.data.account.clone() };
        let line = self.queues.line(key, now);
        let Some(voice) = self.queues.get(line).and_then(|line| line.voice.as_ref()) else {
            return Duration::ZERO;
        };
        let keys = self.common.limits().keys(&reply.bot, &reply.conversation, job.is_group());
        let (shared, own) = self.machine.ahead(&reply.bot, &reply.conversation);
        self.common.limits().wait(&voice.plan, &keys, shared.saturating_add(of), own.saturating_add(of), now)
    }

    /// Everything that can be done now is begun.
    fn advance(&mut self, cx: &mut PartitionCx<Effect>) {
        self.machine.passed(cx.position);
        let now = self.moment(cx);
        while let Some(wake) = self.queues.due(now) {
            match wake {
                Wake::Sweep => self.sweep(cx),
                Wake::Park => self.park_waiting(cx),
                Wake::Forget => self.common.limits().forget_seen(),
                Wake::Lease => self.unleased = false,
                Wake::Chat(_) | Wake::Line(_) => {}
            }
        }
        self.obey(cx);
        if !self.released {
            self.pick(cx);
        }
        self.flush(cx);
        // A slot that nobody needed goes to another partition.
        if matches!(self.slot, Slot::Held(_)) {
            self.slot = Slot::Free;
        }
        cx.low = self.machine.low();
        if let Some(at) = self.queues.next_wake() {
            cx.wake_at(Instant::now() + at.saturating_sub(self.moment(cx)).min(TIMER));
        }
    }

    /// What only time brings about; accounts that nobody uses.
    fn sweep(&mut self, cx: &mut PartitionCx<Effect>) {
        let now = self.now(cx);
        if now.moment < self.swept {
            return;
        }
        if !self.released {
            self.machine.sweep(now);
            // Of campaigns nobody who answers need know.
            if self.lane == Lane::Ready {
                self.tell_backlogs(cx);
            }
        }
        self.queues.drop_idle(now.moment);
        self.sweep_at(now.moment + SWEEP);
    }

    fn sweep_at(&mut self, at: Duration) {
        self.swept = at;
        self.queues.at(at, Wake::Sweep);
    }

    /// What waits long now need not wait for the next sweep to be parked.
    fn park_soon(&mut self, now: Duration) {
        let at = now.max(self.looked.0 + PARK_SOON);
        if !std::mem::replace(&mut self.looked.1, true) {
            self.queues.at(at, Wake::Park);
        }
    }

    fn park_waiting(&mut self, cx: &PartitionCx<Effect>) {
        let now = self.now(cx);
        self.looked = (now.moment, false);
        if !self.released {
            self.machine.park_waiting(now);
        }
    }

    /// The present, as the limits and the machine count it: both lanes alike, and with room for what lies before.
    fn moment(&self, cx: &PartitionCx<Effect>) -> Duration {
        PAST + cx.clock.uptime()
    }
}
