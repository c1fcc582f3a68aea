//! The parts that every role stands on: clock, log, store, caches, HTTP client, health.
//!
//! Guarantee: nothing is served or consumed before the topics are as configured, the database speaks this version, and the
//! journal's positions belong to this log.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::observed::ObservedLog;
use super::pipelines::Pipelines;
use super::searching::Searching;
use super::settings::Settings;
use crate::domain::body::Texts;
use crate::domain::modes::Modes;
use crate::domain::time::Clock;
use crate::domain::topics::{BOT_CHANGED, TopicSpec, catalog};
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::KafkaLog;
use crate::log::{Log, TopicPartition};
use crate::runtime::{Health, Turns};
use crate::services::http::Http;
use crate::services::objects::Objects;
use crate::services::search::Scratch;
use crate::store::{CachedDirectory, Store};

/// What a process holds open.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The merged settings.
    pub settings: Arc<Settings>,
    /// Which stage reads and writes what.
    pub pipelines: Arc<Pipelines>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The log.
    pub log: Arc<dyn Log>,
    /// The database.
    pub store: Arc<Store>,
    /// The caches over it.
    pub directory: Arc<CachedDirectory>,
    /// Who answers where, bots or people; kept up to date until the process ends.
    pub modes: Arc<Modes>,
    /// The HTTP client.
    pub http: Http,
    /// Raw files.
    pub objects: Objects,
    /// Files that hold texts and indexes instead of memory, for as long as this process lives.
    pub scratch: Arc<Scratch>,
    /// The text search, where a role of this process needs one.
    pub searching: Arc<Searching>,
    /// What the loops report.
    pub health: Health,
    /// What of log and store can't be reached, looked at every few seconds.
    pub reachable: watch::Receiver<Vec<String>>,
    /// Bytes of records in memory, over all stages of the process.
    pub process_bytes: Arc<AtomicUsize>,
    /// Whose turn it is after crashes, over all stages of the process.
    pub turns: Turns,
    /// Fires when the process is to end: stop reading, finish, commit, leave.
    pub stop: CancellationToken,
    /// Everything that has to end before the log is closed.
    pub tasks: TaskTracker,
}

/// Whether a role may create what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// `up`: creates topics, migrates the database.
    Create,
    /// The other roles: only check.
    Check,
}

impl Parts {
    /// Opens everything and starts the tasks that every process needs.
    ///
    /// # Errors
    /// Names the part that can't be had and what to do.
    pub async fn open(settings: Settings, clock: Arc<dyn Clock>, setup: Setup) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let pipelines = Pipelines::load(&settings.pipelines)?;
        let log: Arc<dyn Log> = Arc::new(ObservedLog::new(open_log(&settings, &clock).await?));
        let topics = topics(&settings);
        match setup {
            Setup::Create => log.ensure_topics(&topics).await?,
            Setup::Check => log.check_topics(&topics).await?,
        }
        let store = match setup {
            Setup::Create => Store::open_migrated(&settings.store, &settings.data, Arc::clone(&clock)).await,
            Setup::Check => Store::open(&settings.store, &settings.data, Arc::clone(&clock)).await,
        }
        .context("the database can't be opened")?;
        let scratch = Arc::new(Scratch::new(settings.data.join("scratch")));
        let texts: Arc<dyn Texts> = Arc::clone(&scratch) as _;
        let (seen, reachable) = watch::channel(Vec::new());
        let parts = Self {
            reachable,
            pipelines: Arc::new(pipelines),
            directory: Arc::new(CachedDirectory::new(Arc::clone(&store)).with_texts(texts)),
            scratch,
            modes: Arc::default(),
            http: Http::new(settings.net.clone())?,
            objects: Objects::open(&settings.object_store, &settings.data)?,
            searching: Arc::default(),
            health: Health::default(),
            process_bytes: Arc::default(),
            turns: Turns::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            settings,
            clock,
            log,
            store,
        };
        parts.follow_changes().await?;
        let reader = super::modes::load(&*parts.log, &parts.modes).await?;
        let (log, modes) = (Arc::clone(&parts.log), Arc::clone(&parts.modes));
        parts.tasks.spawn(super::modes::follow(log, modes, reader, parts.stop.clone()));
        parts.watch_reach(seen);
        Ok(parts)
    }

    /// Stops everything: waits for the tasks within the shutdown time, then closes store and log.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        let patience = self.settings.shutdown.get();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                ?patience,
                "not everything ended in time; what was in flight is repeated at the next start"
            );
        }
        self.store.close().await;
        self.log.close().await;
    }

    /// Looks whether log and store answer, so that readiness is a look at a value and never a query.
    fn watch_reach(&self, seen: watch::Sender<Vec<String>>) {
        let (log, store, stop) = (Arc::clone(&self.log), Arc::clone(&self.store), self.stop.clone());
        self.tasks.spawn(async move {
            let partition = TopicPartition::new(BOT_CHANGED, 0);
            loop {
                let log = tokio::time::timeout(REACH_LIMIT, log.range(&partition));
                let store = tokio::time::timeout(REACH_LIMIT, store.ping());
                let (log, store) = tokio::join!(log, store);
                let mut missing = Vec::new();
                missing.extend(failed("log", log));
                missing.extend(failed("database", store));
                seen.send_replace(missing);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(REACH_EVERY) => {}
                }
            }
        });
    }

    async fn follow_changes(&self) -> anyhow::Result<()> {
        let reader = super::changes::tail(&*self.log).await?;
        let (directory, stop) = (Arc::clone(&self.directory), self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(error) = super::changes::follow(reader, directory, stop.clone()).await {
                tracing::error!(%error, "changes of bots can't be read any more: ending, so that no cache grows old");
                stop.cancel();
            }
        });
        let publish = super::changes::publish(
            Arc::clone(&self.store),
            Arc::clone(&self.log),
            Arc::clone(&self.clock),
            self.stop.clone(),
        );
        self.tasks.spawn(publish);
        let (directory, stop) = (Arc::clone(&self.directory), self.stop.clone());
        self.tasks.spawn(async move { directory.write_missed(stop).await });
        Ok(())
    }
}

/// The log that the settings choose: Kafka when brokers are named, else the folder.
///
/// # Errors
/// When it can't be opened.
pub async fn open_log(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Log>> {
    if settings.kafka.brokers.is_empty() {
        let config = settings.log.clone().under(&settings.data);
        let clock = Arc::clone(clock);
        Ok(tokio::task::spawn_blocking(move || EmbeddedLog::open(config, clock)).await??)
    } else {
        Ok(KafkaLog::connect(settings.kafka.clone(), Arc::clone(clock)).await?)
    }
}

/// Partitions of the topics that are keyed by knowledge base.
#[must_use]
pub fn shards(settings: &Settings) -> u32 {
    settings.topics.counts(!settings.kafka.brokers.is_empty()).shards
}

/// Every topic with the counts that the settings give, or the engine's own.
#[must_use]
pub fn topics(settings: &Settings) -> Vec<TopicSpec> {
    catalog(settings.topics.counts(!settings.kafka.brokers.is_empty()))
}

/// How often log and store are asked whether they answer.
const REACH_EVERY: Duration = Duration::from_secs(3);
/// How long they may take.
const REACH_LIMIT: Duration = Duration::from_secs(3);

fn failed<T, E: std::fmt::Display>(what: &str, asked: Result<Result<T, E>, Elapsed>) -> Option<String> {
    match asked {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("{what}: {error}")),
        Err(_) => Some(format!("{what}: no answer within {REACH_LIMIT:?}")),
    }
}
