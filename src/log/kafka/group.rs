//! A member of a consumer group.
//!
//! Guarantee: rebalances and records reach the caller through one call, rebalances first; no call here waits for the
//! client but [`KafkaGroup::leave`], which waits without blocking and not for ever.

mod commits;
mod member;
mod ownership;
mod questions;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use self::member::Member;
use self::shared::{Callbacks, Command, Names, Shared};
use super::config::KafkaConfig;
use super::{producer, settings};
use crate::log::{CommitAnswer, Group, Lease, LogError, Progress, Signal, Subscription, TopicPartition};

/// A member of a consumer group.
#[derive(Debug)]
pub(super) struct KafkaGroup {
    shared: Arc<Shared>,
    /// Cancelled when the log is closed.
    closed: CancellationToken,
    overlap: Duration,
}

/// How long an answer to a commit is waited for. A broker serves one request of a connection at a time, so a commit may
/// wait behind our own joining, and that for as long as another member drains (10 s) and hears of it (3 s).
const COMMIT: Duration = Duration::from_secs(15);
/// What a broker keeps beside an offset (`offset.metadata.max.bytes`).
const METADATA: usize = 4096;
/// How long leaving may take: a rebalance that is under way is waited for.
const LEAVE: Duration = Duration::from_secs(20);

impl KafkaGroup {
    /// Joins. The topics exist; `partitions` is how many they have together.
    pub(super) fn join(
        config: &KafkaConfig,
        group: &str,
        reads: &Subscription,
        partitions: u32,
        gather: Duration,
        closed: CancellationToken,
    ) -> Result<Self, LogError> {
        let shared = Arc::new(Shared::new(Names::new(&config.prefix, reads), config.lease()));
        let name = format!("{}{group}", config.prefix);
        let what = || format!("join group {name}");
        let mut client: BaseConsumer<Callbacks> = settings::member(config, &name, partitions, gather)
            .create_with_context(Callbacks(Arc::clone(&shared)))
            .map_err(|error| shared.trouble.error(what(), &error))?;
        let told = Arc::clone(&shared);
        client.set_nonempty_callback(move || told.tell());
        client.subscribe(&shared.names.shared_out()).map_err(|error| shared.trouble.error(what(), &error))?;
        let member = Member::new(client, Arc::clone(&shared), Handle::current());
        std::thread::Builder::new()
            .name(format!("kafka-{group}"))
            .spawn(move || member.run())
            .map_err(|source| LogError::Io { what: format!("start the thread of group {name}"), source })?;
        let overlap = if config.instance_id.is_some() { config.lease() } else { Duration::ZERO };
        Ok(Self { shared, closed, overlap })
    }

    fn command(&self, command: Command) {
        self.shared.lock().commands.push_back(command);
        self.shared.wake();
    }

    /// What there is to tell now.
    fn poll(&self) -> Result<Option<Signal>, LogError> {
        let mut state = self.shared.lock();
        if let Some(error) = state.failed.take() {
            state.ended = true;
            return Err(error);
        }
        if state.ended || self.closed.is_cancelled() {
            return Err(producer::closed());
        }
        if let Some(signal) = state.signals.pop_front() {
            return Ok(Some(signal));
        }
        let batch = state.ownership.take();
        drop(state);
        if batch.is_some() {
            // There is room for another one now.
            self.shared.wake();
        }
        Ok(batch.map(Signal::Records))
    }

    /// Hands over what is still owned, and says of which partitions.
    fn submit(&self, upto: &[Progress]) -> Result<Vec<TopicPartition>, LogError> {
        if let Some(long) = upto.iter().find(|progress| progress.committed.metadata.len() > METADATA) {
            let reason =
                format!("{} bytes of metadata are more than {METADATA}", long.committed.metadata.len());
            return Err(LogError::Broker {
                what: format!("commit {}", long.partition),
                reason,
                retriable: false,
            });
        }
        let mut state = self.shared.lock();
        if state.ended || self.closed.is_cancelled() {
            return Err(producer::closed());
        }
        let owned: Vec<Progress> =
            upto.iter().filter(|progress| state.ownership.owns(&progress.partition)).cloned().collect();
        let partitions = owned.iter().map(|progress| progress.partition.clone()).collect();
        if !owned.is_empty() {
            state.commits.submit(owned);
        }
        Ok(partitions)
    }
}

#[async_trait]
impl Group for KafkaGroup {
    async fn next(&mut self, wait: Duration) -> Result<Signal, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let news = self.shared.news.notified();
            if let Some(signal) = self.poll()? {
                return Ok(signal);
            }
            tokio::select! {
                waited = timeout_at(deadline, news) => if waited.is_err() {
                    return Ok(self.poll()?.unwrap_or(Signal::Idle));
                },
                () = self.closed.cancelled() => {}
            }
        }
    }

    fn start(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        let epoch = self.shared.lock().ownership.start(partition);
        let epoch = epoch.ok_or_else(|| LogError::Fenced(partition.clone()))?;
        self.command(Command::Start(partition.clone(), epoch, from));
        Ok(())
    }

    fn hold(&mut self, partition: &TopicPartition, held: bool) {
        self.shared.lock().ownership.hold(partition, held);
        if held {
            return;
        }
        self.shared.news.notify_one();
        self.shared.wake();
    }

    fn commit(&mut self, upto: &[Progress]) -> Result<(), LogError> {
        if !self.submit(upto)?.is_empty() {
            self.shared.wake();
        }
        Ok(())
    }

    fn commit_told(&mut self, upto: &[Progress]) -> CommitAnswer {
        let partitions = match self.submit(upto) {
            Ok(partitions) => partitions,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let lost = upto.iter().map(|progress| &progress.partition).find(|asked| !partitions.contains(asked));
        let lost = lost.map_or(Ok(()), |lost| Err(LogError::Fenced(lost.clone())));
        if partitions.is_empty() {
            return Box::pin(std::future::ready(lost));
        }
        let answer = self.shared.lock().commits.wait(partitions);
        self.shared.wake();
        let answer = timeout(COMMIT, answer);
        Box::pin(async move {
            match answer.await {
                Ok(Ok(result)) => result.and(lost),
                Ok(Err(_)) => Err(producer::closed()),
                Err(_) => Err(LogError::Broker {
                    what: "commit".to_owned(),
                    reason: format!("the group's coordinator did not answer in {} s", COMMIT.as_secs()),
                    retriable: true,
                }),
            }
        })
    }

    fn release(&mut self, id: u64) {
        self.command(Command::Release(id));
    }

    fn lease(&self) -> Lease {
        self.shared.lease.clone()
    }

    fn overlap(&self) -> Duration {
        self.overlap
    }

    async fn leave(self: Box<Self>) {
        let (done, left) = oneshot::channel();
        self.command(Command::Leave(Some(done)));
        if timeout(LEAVE, left).await.is_err() {
            tracing::warn!("leaving a group took too long; its session will time out");
        }
    }
}

impl Drop for KafkaGroup {
    fn drop(&mut self) {
        self.command(Command::Leave(None));
    }
}
