//! The log on Apache Kafka.
//!
//! Guarantees: those of [`crate::log`]. An append is acknowledged by all in-sync replicas; a key lands where any Kafka
//! client would put it; progress is committed by us alone, with metadata; an offset that is gone is an error, never a
//! jump; nothing here blocks the runtime. `rdkafka` is named in this folder and nowhere else.

mod arena;
mod config;
mod deliveries;
mod errors;
mod group;
mod lookup;
mod producer;
mod raw;
mod reader;
mod settings;
mod topics;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::config::{KafkaConfig, Mechanism, Sasl, Security, Tls};
use self::group::KafkaGroup;
use self::lookup::Lookup;
use self::producer::{Addressed, Producer, closed, headers};
use self::reader::KafkaReader;
use self::topics::{Registry, Topic};
use super::{
    Committed, Group, Log, LogError, Outgoing, Position, Reader, Subscription, TopicName, TopicPartition,
    TopicSpec,
};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::topics::partition_of;

/// A Kafka cluster as a log.
#[derive(Debug)]
pub struct KafkaLog {
    config: KafkaConfig,
    clock: Arc<dyn Clock>,
    id: String,
    producer: Arc<Producer>,
    lookup: Lookup,
    topics: Registry,
    closed: CancellationToken,
}

impl KafkaLog {
    /// Connects. Topics are not touched: call [`Log::ensure_topics`] or [`Log::check_topics`] next, which also tells
    /// how large records may be.
    ///
    /// # Errors
    /// When no broker answers within `kafka.request_timeout`, when one refuses who we are, or when librdkafka doesn't
    /// know one of `kafka.properties`. The error names the address or key and the remedy.
    pub async fn connect(config: KafkaConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, LogError> {
        let lookup = Lookup::connect(config.clone()).await?;
        let producer = Arc::new(Producer::new(&config)?);
        // The prefix is part of it: two installations on one cluster are two logs.
        let id = format!("kafka:{}:{}", lookup.cluster(), config.prefix);
        let closed = CancellationToken::new();
        Ok(Arc::new(Self { config, clock, id, producer, lookup, topics: Registry::default(), closed }))
    }

    /// The number of the broker that leads a partition; `None` while there is none.
    ///
    /// # Errors
    /// When the cluster can't be asked or the partition doesn't exist.
    pub async fn leader(&self, partition: &TopicPartition) -> Result<Option<u32>, LogError> {
        self.known(partition).await?;
        self.lookup.leader(partition).await
    }

    fn open(&self) -> Result<(), LogError> {
        if self.closed.is_cancelled() { Err(closed()) } else { Ok(()) }
    }

    async fn topic(&self, name: &TopicName) -> Result<Arc<Topic>, LogError> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(topic);
        }
        let partitions = self.lookup.partitions(name).await?;
        Ok(self.topics.meet(name, self.lookup.kafka_name(name), partitions))
    }

    /// These are there, as specified.
    fn learn(&self, topics: &[TopicSpec]) {
        self.topics.limit(topics);
        for spec in topics {
            let name = TopicName::from(spec.name.as_str());
            self.topics.meet(&name, self.lookup.kafka_name(&name), spec.partitions);
        }
    }

    /// An error unless the partition exists: brokers answer some questions about partitions that do not.
    async fn known(&self, partition: &TopicPartition) -> Result<(), LogError> {
        self.open()?;
        let topic = self.topic(&partition.topic).await?;
        if partition.partition < topic.partitions {
            Ok(())
        } else {
            Err(LogError::Unknown(partition.to_string()))
        }
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError> {
        self.open()?;
        // One or two topics an append: looked up once each.
        let mut topics: HashMap<&TopicName, Arc<Topic>> = HashMap::with_capacity(2);
        for record in batch {
            if !topics.contains_key(&record.topic) {
                topics.insert(&record.topic, self.topic(&record.topic).await?);
            }
        }
        let mut addressed = Vec::with_capacity(batch.len());
        for record in batch {
            let Some(topic) = topics.get(&record.topic) else { continue };
            let partition = record.partition.unwrap_or_else(|| partition_of(&record.key, topic.partitions));
            if partition >= topic.partitions {
                return Err(LogError::Unknown(format!("{}[{partition}]", record.topic)));
            }
            let bytes = record.key.len() + record.value.len() + headers(record);
            if bytes > topic.max_bytes() {
                let topic_name = record.topic.clone();
                return Err(LogError::TooLarge { topic: topic_name, bytes, max: topic.max_bytes() });
            }
            addressed.push(Addressed { topic, partition, record });
        }
        self.producer.append(&addressed, self.clock.now()).await
    }

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.open()?;
        topics::ensure(&self.config, &self.lookup, topics).await?;
        self.learn(topics);
        Ok(())
    }

    async fn check_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.open()?;
        topics::check(&self.config, &self.lookup, topics).await?;
        self.learn(topics);
        Ok(())
    }

    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError> {
        self.open()?;
        let mut partitions = 0;
        for topic in reads.all() {
            partitions += self.topic(topic).await?.partitions;
        }
        for (leader, topic) in &reads.beside {
            let (leads, goes) = (self.topic(leader).await?.partitions, self.topic(topic).await?.partitions);
            Subscription::check_beside((leader, leads), (topic, goes))?;
        }
        let member = KafkaGroup::join(&self.config, group, reads, partitions, gather, self.closed.clone())?;
        Ok(Box::new(member))
    }

    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError> {
        self.open()?;
        let reader = KafkaReader::new(&self.config, prefetch, self.lookup.clone(), self.closed.clone())?;
        Ok(Box::new(reader))
    }

    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError> {
        self.open()?;
        Ok(self.topic(topic).await?.partitions)
    }

    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError> {
        self.known(partition).await?;
        self.lookup.range(partition).await
    }

    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError> {
        self.known(partition).await?;
        self.lookup.offset_at(partition, at).await
    }

    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError> {
        self.open()?;
        self.lookup.committed(group, topic).await
    }

    fn log_id(&self) -> &str {
        &self.id
    }

    async fn close(&self) {
        if self.closed.is_cancelled() {
            return;
        }
        self.closed.cancel();
        let producer = Arc::clone(&self.producer);
        if tokio::task::spawn_blocking(move || producer.close()).await.is_err() {
            tracing::error!("the producer could not be closed");
        }
    }
}
