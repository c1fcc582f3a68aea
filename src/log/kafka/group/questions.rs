//! What a member asks the cluster beside its records.
//!
//! Guarantee: an answer about an ownership that is over is dropped; one that can't be had is told, not guessed.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::shared::{Callbacks, Shared};
use crate::domain::time::uptime;
use crate::log::kafka::errors::is_retriable;
use crate::log::kafka::lookup::{committed_of, is_unknown};
use crate::log::{LogError, Progress, Signal, TopicPartition};

/// How long a question may take, and how often it is put again.
const ASK: Duration = Duration::from_secs(5);
const ASKS: usize = 12;

/// Waits until the coordinator listens. It serves the requests of a connection one after the other, so a goodbye stands
/// behind our own joining; librdkafka hangs up before, and a member that nobody is behind stays until its session ends.
pub(super) fn be_heard(client: &BaseConsumer<Callbacks>, shared: &Shared, until: Instant) {
    let Some(name) = shared.names.kafka().first().copied() else { return };
    let mut any = TopicPartitionList::with_capacity(1);
    any.add_partition(name, 0);
    if let Err(error) = client.committed_offsets(any, until.saturating_duration_since(Instant::now())) {
        tracing::debug!(%error, "a group is left unheard; the member's session will time out");
    }
}

/// Why a partition can't be read.
pub(super) fn explain(
    client: &BaseConsumer<Callbacks>,
    shared: &Shared,
    partition: &TopicPartition,
    asked: u64,
    error: &KafkaError,
) -> LogError {
    let (name, number) = shared.names.kafka_partition(partition);
    match error.rdkafka_error_code() {
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
            match client.fetch_watermarks(name, number, ASK) {
                Ok((first, end)) => LogError::OutOfRange {
                    partition: partition.clone(),
                    first: u64::try_from(first).unwrap_or_default(),
                    end: u64::try_from(end).unwrap_or_default(),
                    asked,
                },
                Err(error) => shared
                    .trouble
                    .error(format!("read {partition} at {asked}, which is out of range"), &error),
            }
        }
        Some(code) if is_unknown(code) => LogError::Unknown(partition.to_string()),
        _ => shared.trouble.error(format!("read {partition}"), error),
    }
}

/// Tells the caller of new partitions once it is known what the group has committed of them. Runs on the blocking pool.
pub(super) fn announce(
    client: &BaseConsumer<Callbacks>,
    shared: &Shared,
    epoch: u64,
    partitions: &[TopicPartition],
) {
    let mut last = None;
    for _ in 0..ASKS {
        if !shared.lock().ownership.is_asking(epoch) {
            return;
        }
        let answer = client.committed_offsets(shared.names.list(partitions), ASK).and_then(|list| {
            let elements = list.elements();
            for element in &elements {
                element.error()?;
            }
            Ok(elements
                .iter()
                .filter_map(|element| {
                    let partition = shared.names.partition(element.topic(), element.partition())?;
                    Some((partition, committed_of(element.offset(), element.metadata())))
                })
                .collect::<Vec<_>>())
        });
        match answer {
            Ok(answers) => {
                let mut state = shared.lock();
                let announced = state.ownership.announce(epoch, answers);
                if !announced.is_empty() {
                    state.signals.push_back(Signal::Assigned(announced));
                }
                drop(state);
                shared.news.notify_one();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the group's offsets could not be read and are asked for again");
                last = Some(error);
            }
        }
    }
    if let Some(error) = last {
        shared.fail(shared.trouble.error("read what the group has committed", &error));
    }
}

/// Commits, and says how it went. Runs on the blocking pool; at most one of a member does.
pub(super) fn commit(client: &BaseConsumer<Callbacks>, shared: &Shared, number: u64, progress: &[Progress]) {
    // A new list each time: setting metadata twice on one leaks.
    let mut list = TopicPartitionList::with_capacity(progress.len());
    for item in progress {
        let (name, partition) = shared.names.kafka_partition(&item.partition);
        let mut element = list.add_partition(name, partition);
        let offset = Offset::Offset(i64::try_from(item.committed.offset).unwrap_or(i64::MAX));
        if element.set_offset(offset).is_ok() {
            element.set_metadata(&item.committed.metadata);
        }
    }
    // Whoever is in the group now stays in it for a session.
    let asked = uptime();
    let result = client.commit(&list, CommitMode::Sync);
    if result.is_ok() {
        shared.lease.renew(asked + shared.term);
    }
    let mut state = shared.lock();
    match result {
        Ok(()) => state.commits.landed(number),
        Err(error) => {
            tracing::warn!(%error, "a commit failed and will be tried again");
            let told = || shared.trouble.error("commit", &error);
            let hopeless =
                !error.rdkafka_error_code().is_some_and(|code| is_retriable(code) || is_passing(code));
            let told: Option<&dyn Fn() -> LogError> = if hopeless { Some(&told) } else { None };
            state.commits.failed(number, Instant::now(), told);
        }
    }
    drop(state);
    // The next one may go.
    shared.wake();
}

/// A commit that met a rebalance. What stays ours is committed under the next generation; what does not is revoked or
/// lost, and forgotten then.
fn is_passing(code: Code) -> bool {
    matches!(code, Code::IllegalGeneration | Code::UnknownMemberId | Code::StaleMemberEpoch)
}
