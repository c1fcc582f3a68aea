//! Bare clients with our settings: what every other figure on this cluster is compared with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::errors::Trouble;
use super::{KafkaLog, settings, topics};
use crate::log::{LogError, TopicName};

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages between two looks at the producer.
const LOOK: u64 = 256;

impl KafkaLog {
    /// Copies the first `records` records of `from` to the same partitions of `to`, unread, with one consumer and one
    /// producer in one thread; gives the time from the first record until all are acknowledged. Blocks.
    ///
    /// # Errors
    /// When a client fails or nothing happens for half a minute.
    pub fn carry(
        &self,
        from: &TopicName,
        to: &TopicName,
        partitions: u32,
        records: u64,
    ) -> Result<Duration, LogError> {
        let trouble = Trouble::default();
        let failed = |what: &str, error: &KafkaError| trouble.error(what, error);
        let consumer: BaseConsumer = settings::member(&self.config, "bench.raw", partitions, Duration::ZERO)
            .create()
            .map_err(|error| failed("make the bare consumer", &error))?;
        let acked = Arc::new(Acked::default());
        let producer: BaseProducer<Counter> = settings::producer(&self.config)
            .create_with_context(Counter(Arc::clone(&acked)))
            .map_err(|error| failed("make the bare producer", &error))?;
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            all.add_partition_offset(&self.lookup.kafka_name(from), partition, Offset::Offset(0))
                .map_err(|error| failed("assign the partitions", &error))?;
        }
        consumer.assign(&all).map_err(|error| failed("assign the partitions", &error))?;
        let to = self.lookup.kafka_name(to);
        let (mut begun, mut taken, mut last) = (None, 0, Instant::now());
        while acked.good.load(Ordering::Relaxed) < records {
            if acked.bad.load(Ordering::Relaxed) > 0 {
                return Err(LogError::Busy(
                    "the bare producer's records were not all acknowledged".to_owned(),
                ));
            }
            if last.elapsed() > PATIENCE {
                return Err(LogError::Busy(format!(
                    "nothing moved for {PATIENCE:?} after {taken} bare records"
                )));
            }
            if taken == records {
                producer.poll(Duration::from_millis(1));
                continue;
            }
            let Some(message) = consumer.poll(Duration::from_millis(1)) else {
                producer.poll(Duration::ZERO);
                continue;
            };
            let message = message.map_err(|error| failed("read", &error))?;
            begun.get_or_insert_with(Instant::now);
            let mut record = BaseRecord::<[u8], [u8]>::to(&to).partition(message.partition());
            record.key = message.key();
            record.payload = message.payload();
            record.headers = message
                .headers()
                .map(|headers| headers.iter().fold(OwnedHeaders::new(), OwnedHeaders::insert));
            while let Err((error, back)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(failed("send", &error));
                }
                producer.poll(Duration::from_millis(1));
                record = back;
            }
            (taken, last) = (taken + 1, Instant::now());
            if taken % LOOK == 0 {
                producer.poll(Duration::ZERO);
            }
        }
        Ok(begun.map_or(Duration::ZERO, |begun: Instant| begun.elapsed()))
    }

    /// Removes topics that were made for a bench, with all that is in them.
    ///
    /// # Errors
    /// When a broker refuses.
    pub async fn remove_topics(&self, topics: &[TopicName]) -> Result<(), LogError> {
        let (admin, trouble) = topics::admin(&self.config)?;
        // One at a time: of several, librdkafka leaves out the answers that came late, and the binding reads them still.
        for topic in topics {
            let name = self.lookup.kafka_name(topic);
            let answers = admin.delete_topics(&[&name], &topics::options(&self.config)).await;
            for answer in answers.map_err(|error| trouble.error("remove topics", &error))? {
                answer.map_err(|(topic, code)| LogError::Broker {
                    what: format!("remove {topic}"),
                    reason: code.to_string(),
                    retriable: false,
                })?;
            }
        }
        Ok(())
    }
}

/// What the brokers said.
#[derive(Debug, Default)]
struct Acked {
    good: AtomicU64,
    bad: AtomicU64,
}

/// Counts it.
struct Counter(Arc<Acked>);

impl ClientContext for Counter {}

impl ProducerContext for Counter {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.0.good } else { &self.0.bad };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
