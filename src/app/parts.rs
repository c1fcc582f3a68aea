//! The parts that every role stands on: clock, log, store, caches, HTTP client, health.
//!
//! Guarantee: nothing is served or consumed before the topics are as configured, the database speaks this version, and the
//! journal's positions belong to this log.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pipelines::Pipelines;
use super::settings::Settings;
use crate::domain::time::Clock;
use crate::domain::topics::{TopicSpec, catalog};
use crate::log::Log;
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::KafkaLog;
use crate::runtime::Health;
use crate::services::http::Http;
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
    /// The HTTP client.
    pub http: Http,
    /// What the loops report.
    pub health: Health,
    /// Bytes of records in memory, over all stages of the process.
    pub process_bytes: Arc<AtomicUsize>,
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
        let pipelines = match &settings.pipelines {
            Some(folder) => Pipelines::load(folder)?,
            None => Pipelines::built_in()?,
        };
        let log = open_log(&settings, &clock).await?;
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
        let parts = Self {
            pipelines: Arc::new(pipelines),
            directory: Arc::new(CachedDirectory::new(Arc::clone(&store))),
            http: Http::new(settings.net.clone())?,
            health: Health::default(),
            process_bytes: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            settings,
            clock,
            log,
            store,
        };
        parts.follow_changes().await?;
        Ok(parts)
    }

    /// Stops everything: waits for the tasks within the shutdown time, then closes store and log.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        let patience = self.settings.shutdown.get();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(?patience, "not everything ended in time; what was in flight is repeated at the next start");
        }
        self.store.close().await;
        self.log.close().await;
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
        Ok(EmbeddedLog::open(config, Arc::clone(clock)).await?)
    } else {
        Ok(KafkaLog::connect(settings.kafka.clone(), Arc::clone(clock)).await?)
    }
}

/// Every topic with the counts that the settings give, or the engine's own.
#[must_use]
pub fn topics(settings: &Settings) -> Vec<TopicSpec> {
    catalog(settings.topics.counts(!settings.kafka.brokers.is_empty()))
}
