//! What the loop of a stage costs: the same records through a loop whose handler does nothing, and through bare clients.
//!
//! Guarantee: both take the same records from the same topic to an equal one, wait until all of them are acknowledged, and
//! are timed from the first record that they hold.

mod noop;
mod raw;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use self::noop::{Noop, Seen, Watch};
use super::settings::Settings;
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use crate::domain::time::{Clock, SystemClock, Timestamp};
use crate::domain::topics::{Keep, TopicSpec};
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::KafkaLog;
use crate::log::{Log, Outgoing, TopicName};
use crate::pipeline::topology::Pipeline;
use crate::runtime::transform::Transforms;
use crate::runtime::{Health, Turns, Worker, WorkerSpec};

/// Records of one append while the topic is filled.
const FILL: u64 = 1000;
/// The longest run: a stage that takes this long stands still.
const PATIENCE: Duration = Duration::from_secs(300);
/// Partitions of both topics, as many as a small cluster's conversations have.
const PARTITIONS: u32 = 8;

/// The records to carry and where.
#[derive(Debug, Clone)]
pub struct Course {
    from: TopicName,
    to: TopicName,
    /// How many records are carried.
    pub records: u64,
    /// Bytes of text in each.
    pub payload: usize,
}

/// The log that they are carried over.
#[derive(Debug)]
pub enum Road {
    /// In a folder.
    Embedded(Arc<EmbeddedLog>),
    /// A cluster.
    Kafka(Arc<KafkaLog>),
}

impl Road {
    /// Opens the log of the settings.
    ///
    /// # Errors
    /// When it can't be had.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock);
        Ok(if settings.kafka.brokers.is_empty() {
            Self::Embedded(EmbeddedLog::open(settings.log.clone().under(&settings.data), clock)?)
        } else {
            Self::Kafka(KafkaLog::connect(settings.kafka.clone(), clock).await?)
        })
    }

    fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Embedded(log) => Arc::clone(log) as _,
            Self::Kafka(log) => Arc::clone(log) as _,
        }
    }

    /// Fills a topic of its own with `records` records of `payload` bytes of text in `chats` conversations.
    ///
    /// # Errors
    /// When the log refuses.
    pub async fn fill(
        &self,
        records: u64,
        payload: usize,
        (chats, seed): (u64, u64),
    ) -> anyhow::Result<Course> {
        let log = self.log();
        let [from, to] = ["from", "to"].map(|end| format!("bench.{end}-{payload}-{records}.v1"));
        let keep = Keep::For(Duration::from_secs(86_400));
        let spec = |name: &String| TopicSpec {
            name: name.clone(),
            partitions: PARTITIONS,
            keep,
            max_bytes: 1 << 20,
            synced: false,
        };
        log.ensure_topics(&[spec(&from), spec(&to)]).await?;
        let [from, to] = [from, to].map(|name| TopicName::from(name.as_str()));
        let (mut random, now) = (fastrand::Rng::with_seed(seed), SystemClock.now());
        let mut done = 0;
        while done < records {
            let end = records.min(done + FILL);
            let batch =
                (done..end).map(|n| record(&from, n, chats, payload, now, &mut random)).collect::<Vec<_>>();
            log.append(&batch).await?;
            done = end;
        }
        Ok(Course { from, to, records, payload })
    }

    /// Carries the records by bare clients, unread.
    ///
    /// # Errors
    /// When the log refuses.
    pub async fn raw(&self, course: &Course) -> anyhow::Result<Duration> {
        match self {
            Self::Embedded(log) => raw::carry(&**log, course, PARTITIONS).await,
            Self::Kafka(log) => {
                let (log, course) = (Arc::clone(log), course.clone());
                let carry = move || log.carry(&course.from, &course.to, PARTITIONS, course.records);
                Ok(tokio::task::spawn_blocking(carry).await??)
            }
        }
    }

    /// Carries the records by the loop of the match stage, with a handler that decodes the envelope and derives the next
    /// one's id.
    ///
    /// # Errors
    /// When the loop fails or stands still.
    pub async fn stage(&self, course: &Course, settings: &Settings) -> anyhow::Result<Duration> {
        let file = format!(
            "{{stage: match, reads: {}, writes: {{passed: {}}}, order: key, run: inline}}",
            course.from, course.to
        );
        let pipeline = Pipeline::parse(&file).map_err(anyhow::Error::msg)?;
        let watch = Arc::new(Watch::new(course.records));
        let factory = Seen::new(Transforms::new(Noop, pipeline.clone()), Arc::clone(&watch));
        let spec = WorkerSpec {
            reads: course.from.clone().into(),
            outputs: pipeline.outputs(&["passed"]),
            commit: pipeline.commit.get(),
            gather: pipeline.gather.get(),
            drain: settings.shutdown.get(),
            config: settings.runtime.clone(),
            process_bytes: Arc::default(),
            turns: Turns::default(),
            health: Health::default(),
        };
        let worker = Worker::join(Arc::new(factory), spec, self.log(), Arc::new(SystemClock)).await?;
        let stop = CancellationToken::new();
        let mut running = tokio::spawn(worker.run(stop.clone()));
        let carried = tokio::select! {
            taken = tokio::time::timeout(PATIENCE, watch.carried()) => {
                taken.with_context(|| format!("only {} of {} records in {PATIENCE:?}", watch.finished(), course.records))
            }
            ended = &mut running => anyhow::bail!("the loop ended too soon: {ended:?}"),
        };
        stop.cancel();
        running.await??;
        carried
    }

    /// Removes what was made where it would stay, and closes the log.
    pub async fn close(self, courses: &[Course]) {
        if let Self::Kafka(log) = &self {
            let topics: Vec<_> =
                courses.iter().flat_map(|course| [course.from.clone(), course.to.clone()]).collect();
            if let Err(error) = log.remove_topics(&topics).await {
                tracing::warn!(%error, "the topics of this bench stay behind");
            }
        }
        self.log().close().await;
    }
}

/// A record as the match stage reads it, with text that compresses like people's.
fn record(
    topic: &TopicName,
    n: u64,
    chats: u64,
    payload: usize,
    now: Timestamp,
    random: &mut fastrand::Rng,
) -> Outgoing {
    let chat = (n % chats.max(1)).to_string();
    let text = std::iter::repeat_with(|| random.alphanumeric()).take(payload).collect();
    let (tenant, account) = (TenantId::from("bench"), AccountId::from("1"));
    let id = EventId::root(ChannelKind::Telegram, "1", &n.to_string());
    let mut event = Envelope::root(id, chat.as_str(), now, now, noop::text(text));
    event.conversation = ConversationId::new(&tenant, ChannelKind::Telegram, &account, &chat, None);
    (event.tenant, event.bot) = (tenant, BotId::from("bench"));
    let key = Bytes::copy_from_slice(event.conversation.as_str().as_bytes());
    Outgoing::event(topic.clone(), key, event.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_ways_carry_every_record_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { data: folder.path().to_owned(), ..Settings::default() };
        let road = Road::open(&settings).await.unwrap();
        let course = road.fill(2500, 100, (10, 1)).await.unwrap();
        for round in 1..=2 {
            assert!(road.raw(&course).await.unwrap() > Duration::ZERO);
            assert!(road.stage(&course, &settings).await.unwrap() > Duration::ZERO);
            let (log, mut carried) = (road.log(), 0);
            for partition in 0..PARTITIONS {
                let to = crate::log::TopicPartition::new(course.to.clone(), partition);
                carried += log.range(&to).await.unwrap().end;
            }
            assert_eq!(carried, round * 2 * 2500);
        }
        road.close(&[course]).await;
    }
}
