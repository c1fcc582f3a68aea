//! Questions to the cluster: topics, offsets, what groups have committed.
//!
//! Guarantee: a question never blocks the runtime and never outlasts `kafka.request_timeout` by much; an answer that
//! can't be had is an error that names the broker and the remedy.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::config::KafkaConfig;
use super::errors::{Listener, Trouble};
use super::{producer, settings};
use crate::domain::time::Timestamp;
use crate::log::{Committed, LogError, TopicName, TopicPartition};

/// The one who asks.
#[derive(Clone)]
pub(super) struct Lookup(Arc<Inner>);

struct Inner {
    config: KafkaConfig,
    client: BaseConsumer<Listener>,
    trouble: Trouble,
    cluster: String,
    /// The last group asked about: whoever asks about one topic of a group asks about its others next.
    observer: Mutex<Option<(String, Arc<BaseConsumer<Listener>>)>>,
}

/// Between two looks at what the connections complain of.
const SLICE: Duration = Duration::from_secs(1);
/// Between two tries of a question.
const AGAIN: Duration = Duration::from_millis(100);

impl Lookup {
    /// Connects: the one moment at which an address or a password that is wrong shows.
    pub(super) async fn connect(config: KafkaConfig) -> Result<Self, LogError> {
        off_runtime(move || Inner::connect(config).map(|inner| Self(Arc::new(inner)))).await
    }

    /// The cluster's own id.
    pub(super) fn cluster(&self) -> &str {
        &self.0.cluster
    }

    /// The name of a topic on the cluster.
    pub(super) fn kafka_name(&self, topic: &TopicName) -> String {
        format!("{}{topic}", self.0.config.prefix)
    }

    /// Every topic of the cluster with its number of partitions.
    pub(super) async fn all_topics(&self) -> Result<HashMap<String, u32>, LogError> {
        self.ask(|inner| inner.topics(|_| true)).await
    }

    /// The same, with only those partitions counted that have a leader.
    pub(super) async fn led_topics(&self) -> Result<HashMap<String, u32>, LogError> {
        self.ask(|inner| inner.topics(|leader| leader >= 0)).await
    }

    /// The number of partitions of a topic.
    pub(super) async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        let topic = topic.clone();
        self.ask(move |inner| inner.partitions(&topic)).await
    }

    /// Who leads a partition.
    pub(super) async fn leader(&self, partition: &TopicPartition) -> Result<Option<u32>, LogError> {
        let partition = partition.clone();
        self.ask(move |inner| inner.leader(&partition)).await
    }

    /// First offset and next offset of a partition.
    pub(super) async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        let partition = partition.clone();
        self.ask(move |inner| inner.range(&partition)).await
    }

    /// The first offset at or after a time.
    pub(super) async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        let partition = partition.clone();
        self.ask(move |inner| inner.offset_at(&partition, at)).await
    }

    /// What a group has committed of a topic.
    pub(super) async fn committed(
        &self,
        group: &str,
        topic: &TopicName,
    ) -> Result<Vec<Option<Committed>>, LogError> {
        let (group, topic) = (format!("{}{group}", self.0.config.prefix), topic.clone());
        self.ask(move |inner| inner.committed(&group, &topic)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&Inner) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let inner = Arc::clone(&self.0);
        off_runtime(move || inner.ask(question)).await
    }
}

impl Inner {
    fn connect(config: KafkaConfig) -> Result<Self, LogError> {
        if let Some(unreadable) = config.security.unreadable() {
            return Err(LogError::Mismatch(unreadable));
        }
        let listener = Listener::default();
        let trouble = listener.0.clone();
        let client: BaseConsumer<Listener> = settings::lookup(&config)
            .create_with_context(listener)
            .map_err(|error| trouble.error("connect", &error))?;
        let what = format!("connect to {}", config.brokers);
        let deadline = Instant::now() + config.request_timeout.get();
        // In slices, because a refused password would otherwise look like a broker that is slow.
        let cluster = loop {
            let error = match client.fetch_metadata(None, SLICE) {
                Ok(_) => match client.client().fetch_cluster_id(SLICE) {
                    Some(cluster) => break cluster,
                    None => KafkaError::MetadataFetch(Code::OperationTimedOut),
                },
                Err(error) => error,
            };
            while client.poll(Duration::ZERO).is_some() {}
            if trouble.refused() || Instant::now() >= deadline {
                return Err(trouble.error(what, &error));
            }
        };
        Ok(Self { config, client, trouble, cluster, observer: Mutex::new(None) })
    }

    /// Puts a question again while leaders move (a new topic, a broker that restarts), within the time of one.
    fn ask<T>(&self, question: impl Fn(&Self) -> Result<T, LogError>) -> Result<T, LogError> {
        let deadline = Instant::now() + self.config.request_timeout.get();
        loop {
            match question(self) {
                Err(LogError::Broker { retriable: true, .. }) if Instant::now() + AGAIN < deadline => {
                    std::thread::park_timeout(AGAIN);
                }
                answer => return answer,
            }
        }
    }

    fn wait(&self) -> Duration {
        // Errors of connections wait in the client's queue, which nobody else reads.
        while self.client.poll(Duration::ZERO).is_some() {}
        self.config.request_timeout.get()
    }

    fn topics(&self, counts: impl Fn(i32) -> bool) -> Result<HashMap<String, u32>, LogError> {
        let metadata = self
            .client
            .fetch_metadata(None, self.wait())
            .map_err(|error| self.trouble.error("list the topics", &error))?;
        let count = |partitions: &[rdkafka::metadata::MetadataPartition]| {
            u32::try_from(partitions.iter().filter(|partition| counts(partition.leader())).count())
                .unwrap_or(u32::MAX)
        };
        Ok(metadata
            .topics()
            .iter()
            .map(|topic| (topic.name().to_owned(), count(topic.partitions())))
            .collect())
    }

    fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        let name = format!("{}{topic}", self.config.prefix);
        let what = || format!("look up {name}");
        let metadata = self
            .client
            .fetch_metadata(Some(&name), self.wait())
            .map_err(|error| self.lookup_error(&name, what(), &error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == name) else {
            return Err(LogError::Unknown(name));
        };
        match found.error().map(Code::from) {
            Some(code) if is_unknown(code) => Err(LogError::Unknown(name)),
            Some(code) if found.partitions().is_empty() => Err(self.trouble.code(what(), code)),
            _ if found.partitions().is_empty() => Err(LogError::Unknown(name)),
            _ => Ok(u32::try_from(found.partitions().len()).unwrap_or(u32::MAX)),
        }
    }

    fn leader(&self, partition: &TopicPartition) -> Result<Option<u32>, LogError> {
        let (name, number) = self.named(partition);
        let metadata = self
            .client
            .fetch_metadata(Some(&name), self.wait())
            .map_err(|error| self.trouble.error(format!("ask who leads {name}[{number}]"), &error))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        let found = topic.and_then(|topic| topic.partitions().iter().find(|found| found.id() == number));
        Ok(found.and_then(|found| u32::try_from(found.leader()).ok()))
    }

    fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        let (name, number) = self.named(partition);
        let (first, end) = self.client.fetch_watermarks(&name, number, self.wait()).map_err(|error| {
            self.lookup_error(
                &format!("{name}[{number}]"),
                format!("ask for the offsets of {name}[{number}]"),
                &error,
            )
        })?;
        Ok(u64::try_from(first).unwrap_or_default()..u64::try_from(end).unwrap_or_default())
    }

    fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        let (name, number) = self.named(partition);
        let error = |error: &KafkaError| {
            self.lookup_error(&format!("{name}[{number}]"), format!("find a time in {name}[{number}]"), error)
        };
        let mut times = TopicPartitionList::new();
        // Negative times have meanings of their own.
        let asked = Offset::Offset(at.millis().max(0));
        times.add_partition_offset(&name, number, asked).map_err(|e| error(&e))?;
        let found = self.client.offsets_for_times(times, self.wait()).map_err(|e| error(&e))?;
        let Some(answer) = found.find_partition(&name, number) else {
            return Err(LogError::Unknown(partition.to_string()));
        };
        answer.error().map_err(|e| error(&e))?;
        match answer.offset() {
            Offset::Offset(offset) => Ok(u64::try_from(offset).unwrap_or_default()),
            _ => Ok(self.range(partition)?.end),
        }
    }

    fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        let count = self.partitions(topic)?;
        let name = format!("{}{topic}", self.config.prefix);
        let observer = self.observer(group)?;
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(&name, 0, i32::try_from(count).unwrap_or(i32::MAX) - 1);
        let what = || format!("ask what group {group} has committed of {name}");
        let list = observer
            .committed_offsets(wanted, self.wait())
            .map_err(|error| observer.context().0.error(what(), &error))?;
        let mut answer = vec![None; count as usize];
        for element in list.elements() {
            element.error().map_err(|error| observer.context().0.error(what(), &error))?;
            let Ok(index) = usize::try_from(element.partition()) else { continue };
            if let (Some(place), Some(committed)) =
                (answer.get_mut(index), committed_of(element.offset(), element.metadata()))
            {
                *place = Some(committed);
            }
        }
        Ok(answer)
    }

    fn observer(&self, group: &str) -> Result<Arc<BaseConsumer<Listener>>, LogError> {
        let mut last = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, client)) = &*last
            && name == group
        {
            return Ok(Arc::clone(client));
        }
        let client: BaseConsumer<Listener> = settings::observer(&self.config, group)
            .create_with_context(Listener(self.trouble.clone()))
            .map_err(|error| self.trouble.error(format!("look at group {group}"), &error))?;
        let client = Arc::new(client);
        *last = Some((group.to_owned(), Arc::clone(&client)));
        Ok(client)
    }

    fn named(&self, partition: &TopicPartition) -> (String, i32) {
        let number = i32::try_from(partition.partition).unwrap_or(i32::MAX);
        (format!("{}{}", self.config.prefix, partition.topic), number)
    }

    fn lookup_error(&self, thing: &str, what: String, error: &KafkaError) -> LogError {
        match error.rdkafka_error_code() {
            Some(code) if is_unknown(code) => LogError::Unknown(thing.to_owned()),
            _ => self.trouble.error(what, error),
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("cluster", &self.0.cluster).finish_non_exhaustive()
    }
}

/// A committed offset, if there is one.
pub(super) fn committed_of(offset: Offset, metadata: &str) -> Option<Committed> {
    match offset {
        Offset::Offset(offset) => {
            Some(Committed { offset: u64::try_from(offset).ok()?, metadata: metadata.to_owned() })
        }
        _ => None,
    }
}

/// Whether a topic or partition is not there.
pub(super) fn is_unknown(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::InvalidTopic
    )
}

/// Runs a blocking question on the blocking pool.
async fn off_runtime<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(question).await.unwrap_or_else(|_| Err(producer::closed()))
}
