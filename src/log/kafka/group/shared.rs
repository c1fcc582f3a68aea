//! What the polling thread of a member and its caller share: state under one lock, a wake-up in each direction.
//!
//! Guarantee: the lock is held for memory only, never over a call into librdkafka or an await; callbacks leave a
//! message and return.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::{Notify, oneshot};

use super::commits::Commits;
use super::ownership::Ownership;
use crate::log::kafka::errors::Trouble;
use crate::log::{Lease, LogError, Signal, Subscription, TopicName, TopicPartition};

/// Everything shared.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes the caller.
    pub(super) news: Notify,
    /// The polling thread, once it runs; it sleeps parked.
    thread: OnceLock<Thread>,
    /// Whether the client has something to tell beside records.
    told: AtomicBool,
    pub(super) trouble: Trouble,
    pub(super) names: Names,
    pub(super) lease: Lease,
    /// How long a commit that was taken renews it.
    pub(super) term: Duration,
}

/// What the lock guards.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) ownership: Ownership,
    pub(super) commits: Commits,
    /// Rebalances to tell the caller, in order.
    pub(super) signals: VecDeque<Signal>,
    /// What the caller wants of the thread, in order.
    pub(super) commands: VecDeque<Command>,
    /// Partitions of which the committed offsets are to be asked for.
    pub(super) asking: Vec<(u64, Vec<TopicPartition>)>,
    /// Why the member can't go on; told once.
    pub(super) failed: Option<LogError>,
    /// Whether the thread is gone or going.
    pub(super) ended: bool,
    /// Whether the caller has left: nobody drains any more.
    pub(super) leaving: bool,
}

/// What the caller wants of the thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Fetch this partition of that epoch from an offset.
    Start(TopicPartition, u64, u64),
    /// A revocation has been drained.
    Release(u64),
    /// Leave the group; say when done.
    Leave(Option<oneshot::Sender<()>>),
}

/// The member's topics by both of their names.
#[derive(Debug)]
pub(super) struct Names {
    all: Vec<(String, TopicName)>,
    reads: Subscription,
}

impl Names {
    pub(super) fn new(prefix: &str, reads: &Subscription) -> Self {
        let all = reads.all().map(|topic| (format!("{prefix}{topic}"), topic.clone())).collect();
        Self { all, reads: reads.clone() }
    }

    /// The names on the cluster.
    pub(super) fn kafka(&self) -> Vec<&str> {
        self.all.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Those whose partitions the group shares out.
    pub(super) fn shared_out(&self) -> Vec<&str> {
        self.all.iter().take(self.reads.topics.len()).map(|(name, _)| name.as_str()).collect()
    }

    /// A partition as the client knows it.
    pub(super) fn kafka_partition(&self, partition: &TopicPartition) -> (&str, i32) {
        let name = self
            .all
            .iter()
            .find(|(_, topic)| *topic == partition.topic)
            .map_or("", |(name, _)| name.as_str());
        (name, i32::try_from(partition.partition).unwrap_or(i32::MAX))
    }

    /// A partition as the rest of us know it.
    pub(super) fn partition(&self, name: &str, partition: i32) -> Option<TopicPartition> {
        let (_, topic) = self.all.iter().find(|(known, _)| known == name)?;
        Some(TopicPartition { topic: topic.clone(), partition: u32::try_from(partition).ok()? })
    }

    /// What the group grants or takes with these: themselves, and what goes with them.
    fn partitions(&self, list: &TopicPartitionList) -> Vec<TopicPartition> {
        let elements = list.elements();
        let told: Vec<_> = elements
            .iter()
            .filter_map(|element| self.partition(element.topic(), element.partition()))
            .collect();
        self.reads.with_beside(&told)
    }

    /// The client's list of these partitions, without offsets.
    pub(super) fn list(&self, partitions: &[TopicPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let (name, number) = self.kafka_partition(partition);
            list.add_partition(name, number);
        }
        list
    }
}

impl Shared {
    pub(super) fn new(names: Names, term: Duration) -> Self {
        Self {
            state: Mutex::default(),
            news: Notify::new(),
            thread: OnceLock::new(),
            told: AtomicBool::new(true),
            trouble: Trouble::default(),
            names,
            lease: Lease::over(),
            term,
        }
    }

    /// The state. Held for memory only.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calling thread is the one to wake from now on.
    pub(super) fn polled_here(&self) {
        drop(self.thread.set(std::thread::current()));
    }

    /// Wakes the thread.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// The client has something to tell.
    pub(super) fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the client had something to tell since the last call.
    pub(super) fn was_told(&self) -> bool {
        self.told.swap(false, Ordering::AcqRel)
    }

    /// The member can't go on. The first reason is the one that is told.
    pub(super) fn fail(&self, error: LogError) {
        tracing::error!(%error, "a member of a group can't go on");
        self.lock().failed.get_or_insert(error);
        self.news.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("topics", &self.names).finish_non_exhaustive()
    }
}

/// What librdkafka calls. Rebalances come on the polling thread, inside of a poll.
///
/// Why partitions are not given to the client as they are assigned: it would fetch them at once, from the group's
/// offset, while their state is still being restored. librdkafka keeps what the group has granted (which it reports when
/// it joins again) apart from what it fetches, and the answer that it waits for after a grant may be an
/// `incremental_assign` of nothing; so that is the answer, and each partition follows, with its explicit offset, when
/// the caller starts it. For the same reason a revocation unassigns only what was started. Partitions that go with others
/// ([`Subscription::beside`]) the group knows nothing of: they are assigned, committed and unassigned like those.
pub(super) struct Callbacks(pub(super) std::sync::Arc<Shared>);

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.0.trouble.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka consumer");
    }
}

/// Partitions as a person reads them.
fn listed(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, client: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let shared = &*self.0;
        // There may be more to tell behind this, and a poll ends with it.
        shared.tell();
        let partitions = shared.names.partitions(list);
        let result = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                tracing::info!(partitions = listed(&partitions), "assigned");
                let mut state = shared.lock();
                if !partitions.is_empty() && !state.leaving {
                    let epoch = state.ownership.assign(&partitions);
                    state.asking.push((epoch, partitions));
                }
                drop(state);
                client.incremental_assign(&TopicPartitionList::new())
            }
            _ if client.assignment_lost() => {
                tracing::warn!(partitions = listed(&partitions), "lost");
                let mut state = shared.lock();
                state.commits.forget(&partitions);
                let (known, fetched) = state.ownership.lose(&partitions);
                if !known.is_empty() {
                    state.signals.push_back(Signal::Lost(known));
                }
                drop(state);
                client.incremental_unassign(&shared.names.list(&fetched))
            }
            _ => {
                tracing::info!(partitions = listed(&partitions), "revoked");
                let mut state = shared.lock();
                let (id, known) = state.ownership.revoke(&partitions);
                // Nobody has to drain what nobody has heard of, and nobody is left to drain after a leave.
                let released =
                    (known.is_empty() || state.leaving).then(|| state.ownership.release(id)).flatten();
                if !known.is_empty() {
                    state.signals.push_back(Signal::Revoked { id, partitions: known });
                }
                drop(state);
                released.map_or(Ok(()), |fetched| client.incremental_unassign(&shared.names.list(&fetched)))
            }
        };
        if let Err(error) = result {
            shared.fail(shared.trouble.error("answer a rebalance", &error));
        }
        shared.news.notify_one();
    }
}
