//! What every request of the edge works with.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::body::Share;
use super::config::EdgeConfig;
use super::record;
use super::refusal::Refusal;
use super::split::{Item, SplitError};
use super::webchat::{Doors, Hub, Links, Shelf, Tickets};
use crate::domain::failure::{Class, Origin};
use crate::domain::ids::TenantId;
use crate::domain::stage::StageName;
use crate::domain::time::Clock;
use crate::domain::topics;
use crate::failpoint::{self, Failpoint};
use crate::log::{Log, Outgoing, TopicName};
use crate::services::media::Handing;
use crate::store::{Directory, StoreError};
use crate::telemetry;

/// The records of one body may take this much together: a body of millions of empty items is kept whole instead.
const MAX_BATCH_BYTES: usize = 32 << 20;

/// A check that the app gives: `Err` says what is missing, for a person.
pub type Probe = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the app knows of the process: health, readiness, metrics.
#[derive(Clone)]
pub struct Probes {
    /// `/healthz`: the loops tick.
    pub healthy: Probe,
    /// `/readyz`: log and store are reachable, restores done, not draining.
    pub ready: Probe,
    /// What `/readyz` says although it is ready: what is missing that work goes on without.
    pub notes: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Whether webhooks are taken at all: asked before each append, so it only looks at a value.
    pub room: Probe,
    /// `/metrics`, in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for Probes {
    /// Always well, and no metrics.
    fn default() -> Self {
        let well: Probe = Arc::new(|| Ok(()));
        Self {
            healthy: Arc::clone(&well),
            ready: Arc::clone(&well),
            notes: Arc::new(Vec::new),
            room: well,
            metrics: Arc::new(String::new),
        }
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").finish_non_exhaustive()
    }
}

/// What the edge is built from.
#[derive(Debug, Clone)]
pub struct EdgeDeps {
    /// The section of the settings.
    pub config: EdgeConfig,
    /// Where webhooks go, and where web chat's answers come from.
    pub log: Arc<dyn Log>,
    /// Who is who.
    pub directory: Arc<dyn Directory>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Files of web chat.
    pub shelf: Arc<dyn Shelf>,
    /// What the app knows of the process.
    pub probes: Probes,
    /// Ends event streams and the tail of web chat's answers.
    pub shutdown: CancellationToken,
}

/// The shared state of all requests.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) config: EdgeConfig,
    pub(super) max_body: usize,
    pub(super) log: Arc<dyn Log>,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) clock: Arc<dyn Clock>,
    /// Bytes of bodies and records at work.
    pub(super) budget: Arc<Semaphore>,
    pub(super) hub: Arc<Hub>,
    /// How pages come to bots' files.
    pub(super) links: Arc<Links>,
    /// The room for these on their way.
    pub(super) downloads: Handing,
    /// Bytes of visitors' files on their way in.
    pub(super) uploads: Arc<Semaphore>,
    /// The most that one of them may have of it.
    pub(super) max_upload: usize,
    pub(super) tickets: Tickets,
    pub(super) doors: Doors,
    pub(super) shutdown: CancellationToken,
    probes: Probes,
    webhooks: TopicName,
    dead_letters: TopicName,
}

impl Edge {
    pub(super) fn new(deps: EdgeDeps, hub: Arc<Hub>, links: Arc<Links>) -> Self {
        let bytes = |size: crate::domain::units::Size| usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        Self {
            max_body: bytes(deps.config.max_body),
            budget: Arc::new(Semaphore::new(bytes(deps.config.in_flight).min(Semaphore::MAX_PERMITS))),
            hub,
            links,
            downloads: Handing::new(deps.config.downloads),
            uploads: Arc::new(Semaphore::new(bytes(deps.config.uploads).min(Semaphore::MAX_PERMITS))),
            max_upload: bytes(deps.config.uploads),
            tickets: Tickets::default(),
            doors: Doors::new(&deps.config),
            webhooks: TopicName::from(topics::WEBHOOK_RECEIVED),
            dead_letters: TopicName::from(topics::DEAD_LETTER),
            config: deps.config,
            log: deps.log,
            directory: deps.directory,
            clock: deps.clock,
            shutdown: deps.shutdown,
            probes: deps.probes,
        }
    }

    /// "Come back later."
    pub(super) fn busy(&self) -> Refusal {
        Refusal::Busy(self.config.retry_after.get().as_secs().max(1))
    }

    /// A store that can't answer is a reason to come back, not a reason to forget.
    pub(super) fn lookup<T>(&self, found: Result<T, StoreError>) -> Result<T, Refusal> {
        found.map_err(|error| {
            tracing::warn!(%error, "an owner could not be looked up");
            self.busy()
        })
    }

    /// The record of an item.
    pub(super) fn record(&self, item: &Item<'_>, owner: &record::Owner) -> Outgoing {
        record::received(self.webhooks.clone(), item, owner, self.clock.now())
    }

    /// The records of a body's items, or `None` when they grow past every bound.
    pub(super) fn records<'a>(
        &self,
        items: impl Iterator<Item = (Item<'a>, record::Owner)>,
    ) -> Option<(Vec<Outgoing>, usize)> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        for (item, owner) in items {
            let record = self.record(&item, &owner);
            bytes += record.key.len() + record.value.len();
            if bytes > MAX_BATCH_BYTES {
                return None;
            }
            records.push(record);
        }
        Some((records, bytes))
    }

    /// Appends, and returns only when it is durable. `share` is held until then.
    pub(super) async fn append(&self, batch: Vec<Outgoing>, share: Share) -> Result<(), Refusal> {
        if let Err(why) = (self.probes.room)() {
            tracing::debug!(why, "no room: the sender is asked to come back");
            return Err(self.busy());
        }
        failpoint::pass(Failpoint::EdgeRead);
        let done = tokio::time::timeout(self.config.append_timeout.get(), self.log.append(&batch)).await;
        drop(share);
        failpoint::pass(Failpoint::EdgeAppended);
        match done {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "an append failed: the sender is asked to come back");
                Err(self.busy())
            }
            Err(_) => {
                tracing::warn!("an append took too long: the sender is asked to come back");
                Err(self.busy())
            }
        }
    }

    /// Keeps a signed body that has no items to find: anything but 200 would bring it back for days.
    pub(super) async fn keep_whole(
        &self,
        from: &str,
        tenant: &TenantId,
        body: Bytes,
        why: SplitError,
        share: Share,
    ) -> Result<(), Refusal> {
        let (reason, bytes) = (why.reason(), body.len());
        let letter = record::dead(self.dead_letters.clone(), from, tenant, body, &why, self.clock.now());
        self.append(vec![letter], share).await?;
        // What serde says may quote the body: it is in the record, and stays out of the logs.
        tracing::debug!(from, bytes, "a body was kept whole");
        telemetry::dead_lettered(StageName::Edge, Class::Permanent, Origin::Upstream, &reason);
        Ok(())
    }
}
