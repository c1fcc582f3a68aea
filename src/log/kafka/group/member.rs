//! The polling thread of a member: it alone talks to the client.
//!
//! Guarantees: it never waits for the caller, so the group hears of us for as long as the process runs; a partition that
//! is held, or whose batches the caller has not taken, is left unpolled, and librdkafka stops fetching it by itself
//! with its prefetch kept (`pause()` would throw that away); every partition is looked at every 50 ms at least,
//! so that a lost wake-up costs no more than that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::questions::{announce, be_heard, commit, explain};
use super::shared::{Callbacks, Command, Shared};
use crate::log::kafka::arena::Arena;
use crate::log::kafka::lookup::is_unknown;
use crate::log::{LogError, TopicPartition};

/// The thread's own state.
pub(super) struct Member {
    client: Arc<BaseConsumer<Callbacks>>,
    shared: Arc<Shared>,
    /// For questions that block.
    runtime: Handle,
    queues: HashMap<TopicPartition, Queue>,
    swept: Instant,
    joined: Instant,
}

/// A partition's own queue.
struct Queue {
    records: PartitionQueue<Callbacks>,
    epoch: u64,
    /// Set by the client when the queue has become non-empty.
    dirty: Arc<AtomicBool>,
    /// The offset that is expected next.
    next: u64,
    /// What the last batch took, as the next one's first guess.
    capacity: usize,
}

/// A batch: enough to make its costs small, little enough to start work soon.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// Between two looks at everything.
const SWEEP: Duration = Duration::from_millis(50);
/// How many things the client may tell in a round before records have their turn.
const TOLD: usize = 16;
/// How long the brokers of a cluster may differ about new topics.
const PROPAGATION: Duration = Duration::from_secs(30);
/// How long our own joining is waited for before we leave: as long as another member drains (10 s) and hears of it (3 s).
const HEARD: Duration = Duration::from_secs(13);
/// What stands before a goodbye at most: our joining, the assignment that follows it, giving that back.
const ROUNDS: usize = 3;
/// How long the way out of a group may take, once the coordinator hears us.
const CLOSE: Duration = Duration::from_secs(6);

impl Member {
    pub(super) fn new(client: BaseConsumer<Callbacks>, shared: Arc<Shared>, runtime: Handle) -> Self {
        let now = Instant::now();
        Self { client: Arc::new(client), shared, runtime, queues: HashMap::new(), swept: now, joined: now }
    }

    /// Until the caller leaves.
    pub(super) fn run(mut self) {
        self.shared.polled_here();
        loop {
            self.listen();
            if let Some(done) = self.obey() {
                self.close(done);
                return;
            }
            self.ask();
            let shared = Arc::clone(&self.shared);
            {
                let state = shared.lock();
                self.queues.retain(|partition, queue| state.ownership.is_fetched(partition, queue.epoch));
            }
            let busy = self.drain();
            self.commit();
            if !busy {
                std::thread::park_timeout(SWEEP);
            }
        }
    }

    /// Rebalances and errors. Polling is also what tells the group that we live.
    fn listen(&self) {
        for _ in 0..TOLD {
            let told = self.shared.was_told();
            match self.client.poll(Duration::ZERO) {
                None if !told => return,
                None => {}
                Some(Ok(message)) => {
                    // Every queue is split before its partition is fetched.
                    let what = format!("read {}[{}]", message.topic(), message.partition());
                    let reason = "a record came outside of its partition's queue".to_owned();
                    self.shared.fail(LogError::Broker { what, reason, retriable: false });
                }
                Some(Err(error)) => self.complain(&error),
            }
        }
        self.shared.tell();
    }

    fn complain(&self, error: &KafkaError) {
        let topics = self.shared.names.kafka().join(", ");
        let code = error.rdkafka_error_code();
        match (error, code) {
            (KafkaError::MessageConsumptionFatal(_), _) => {
                let reason = self
                    .client
                    .client()
                    .fatal_error()
                    .map_or_else(|| error.to_string(), |(_, reason)| reason);
                self.shared
                    .fail(LogError::Closed(format!("the consumer of {topics} failed for good: {reason}")));
            }
            // The topics were there when we joined: a broker that has not heard of them yet will.
            (_, Some(code)) if is_unknown(code) && self.joined.elapsed() < PROPAGATION => {
                tracing::warn!(%error, topics, "kafka consumer");
            }
            (_, Some(code)) if is_unknown(code) => self.shared.fail(LogError::Unknown(topics)),
            (
                _,
                Some(
                    Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::Authentication
                    | Code::SaslAuthenticationFailed
                    | Code::InconsistentGroupProtocol
                    | Code::FencedInstanceId,
                ),
            ) => self.shared.fail(self.shared.trouble.error(format!("read {topics}"), error)),
            // Connections come back by themselves; a poll that came too late shows as a loss.
            _ => tracing::warn!(%error, topics, "kafka consumer"),
        }
    }

    /// What the caller wants. Some = to leave.
    fn obey(&mut self) -> Option<Option<oneshot::Sender<()>>> {
        let shared = Arc::clone(&self.shared);
        let mut starts = Vec::new();
        loop {
            let mut state = shared.lock();
            match state.commands.pop_front() {
                None => break,
                Some(Command::Start(partition, epoch, from)) => starts.push((partition, epoch, from)),
                Some(Command::Release(id)) => {
                    let released = state.ownership.release(id);
                    if let Some(fetched) = released {
                        drop(state);
                        self.give_back(&fetched);
                    }
                }
                Some(Command::Leave(done)) => return Some(done),
            }
        }
        if !starts.is_empty() {
            self.start(starts);
        }
        None
    }

    fn give_back(&mut self, fetched: &[TopicPartition]) {
        for partition in fetched {
            self.queues.remove(partition);
        }
        if let Err(error) = self.client.incremental_unassign(&self.shared.names.list(fetched)) {
            self.shared.fail(self.shared.trouble.error("give partitions back", &error));
        }
    }

    fn start(&mut self, starts: Vec<(TopicPartition, u64, u64)>) {
        // An assignment that is lost is told by the next poll. To assign now would clear the client's mark of it, and a
        // loss would look like a revocation.
        if self.client.assignment_lost() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for (partition, epoch, from) in starts {
            if !self.shared.lock().ownership.fetch(&partition, epoch) {
                continue;
            }
            let (name, number) = self.shared.names.kafka_partition(&partition);
            let Some(mut records) = self.client.split_partition_queue(name, number) else {
                self.shared.fail(LogError::Unknown(partition.to_string()));
                return;
            };
            let dirty = Arc::new(AtomicBool::new(true));
            let (flag, shared) = (Arc::clone(&dirty), Arc::clone(&self.shared));
            records.set_nonempty_callback(move || {
                flag.store(true, Ordering::Release);
                shared.wake();
            });
            let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
            if let Err(error) = list.add_partition_offset(name, number, offset) {
                self.shared.fail(self.shared.trouble.error(format!("start {partition} at {from}"), &error));
                return;
            }
            self.queues.insert(partition, Queue { records, epoch, dirty, next: from, capacity: 0 });
        }
        if list.count() > 0
            && let Err(error) = self.client.incremental_assign(&list)
        {
            self.shared.fail(self.shared.trouble.error("start partitions", &error));
        }
    }

    /// Asks, off this thread, what the group has committed of new partitions, and then announces them.
    fn ask(&self) {
        let asking = std::mem::take(&mut self.shared.lock().asking);
        for (epoch, partitions) in asking {
            let (client, shared) = (Arc::clone(&self.client), Arc::clone(&self.shared));
            self.runtime.spawn_blocking(move || announce(&client, &shared, epoch, &partitions));
        }
    }

    /// A batch of each partition that has records and whose caller has room. Whether any had.
    fn drain(&mut self) -> bool {
        let sweep = self.swept.elapsed() >= SWEEP;
        if sweep {
            self.swept = Instant::now();
            self.shared.tell();
        }
        let mut busy = false;
        for (partition, queue) in &mut self.queues {
            if !(sweep || queue.dirty.load(Ordering::Acquire))
                || !self.shared.lock().ownership.wants(partition, queue.epoch)
            {
                continue;
            }
            queue.dirty.store(false, Ordering::Release);
            match queue.gather() {
                Ok((arena, more)) => {
                    queue.dirty.fetch_or(more, Ordering::AcqRel);
                    if arena.records() > 0 {
                        let batch = arena.finish(partition.clone());
                        queue.next = batch.records.last().map_or(queue.next, |record| record.offset + 1);
                        self.shared.lock().ownership.push(queue.epoch, batch);
                        self.shared.news.notify_one();
                        busy = true;
                    }
                }
                Err(error) => {
                    let error = explain(&self.client, &self.shared, partition, queue.next, &error);
                    match error {
                        LogError::Broker { retriable: true, .. } => tracing::warn!(%error, "kafka consumer"),
                        error => self.shared.fail(error),
                    }
                }
            }
        }
        busy
    }

    /// Sends what is to be committed, off this thread: the client reports the result only to a caller that waits for it
    /// (rdkafka's event queue never sees that of an asynchronous commit).
    fn commit(&self) {
        // Of a lost assignment nothing may be committed; the next poll tells it and forgets what was pending.
        if self.client.assignment_lost() {
            return;
        }
        let Some((number, progress)) = self.shared.lock().commits.depart(Instant::now()) else { return };
        let (client, shared) = (Arc::clone(&self.client), Arc::clone(&self.shared));
        self.runtime.spawn_blocking(move || commit(&client, &shared, number, &progress));
    }

    /// Leaves the group: what is ours goes to others at once.
    ///
    /// Closing alone is not enough. A client of librdkafka 2.12 that is closed while it joins, or while it owns nothing,
    /// says no goodbye, and stays a member until its session ends; one that unsubscribes waits for the rebalance first.
    fn close(mut self, done: Option<oneshot::Sender<()>>) {
        let open = {
            let mut state = self.shared.lock();
            state.leaving = true;
            state.ownership.is_revoking().then(|| state.ownership.release_all())
        };
        self.client.unsubscribe();
        if let Some(fetched) = open {
            self.give_back(&fetched);
        }
        let until = Instant::now() + HEARD;
        for _ in 0..ROUNDS {
            self.listen();
            be_heard(&self.client, &self.shared, until);
        }
        self.queues.clear();
        let deadline = Instant::now() + CLOSE;
        match self.client.close_queue() {
            Ok(()) => {
                while !self.client.closed() && Instant::now() < deadline {
                    self.client.poll(Duration::from_millis(20));
                }
            }
            Err(error) => tracing::debug!(%error, "a consumer was closed already"),
        }
        let mut state = self.shared.lock();
        state.ended = true;
        drop(state);
        drop(self.client);
        if done.is_some_and(|done| done.send(()).is_err()) {
            tracing::debug!("a group was left after its caller stopped waiting");
        }
        self.shared.news.notify_one();
    }
}

impl Queue {
    /// What is there, up to a batch; whether there may be more.
    fn gather(&mut self) -> Result<(Arena, bool), KafkaError> {
        let mut arena = Arena::with_capacity(self.capacity);
        loop {
            if arena.records() == BATCH_RECORDS || arena.bytes() >= BATCH_BYTES {
                self.capacity = arena.bytes();
                return Ok((arena, true));
            }
            match self.records.poll(Duration::ZERO) {
                None => {
                    self.capacity = arena.bytes();
                    return Ok((arena, false));
                }
                Some(Ok(message)) => arena.push(&message),
                // What was read before the error is delivered first; the error comes again, or the gap shows.
                Some(Err(error)) if arena.records() == 0 => return Err(error),
                Some(Err(error)) => {
                    tracing::warn!(%error, "kafka consumer");
                    return Ok((arena, true));
                }
            }
        }
    }
}
