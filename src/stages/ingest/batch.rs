//! One batch of a partition on its way: owners are looked up, events normalised, outputs appended together.
//!
//! Guarantee: nothing of a batch is finished before its outputs are durable. While the store or the log is away the
//! batch waits; what can't be processed ever is given up alone, and its neighbours go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::emit;
use super::normalised::normalise;
use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::WebhookReceived;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::EventId;
use crate::domain::time::Clock;
use crate::log::{Log, LogError};
use crate::pipeline::partition::Outputs;
use crate::pipeline::{Emission, StageError};
use crate::store::{Directory, StoreError};

/// First and last wait while the store is away.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Offsets whose outputs are durable, and duplicates among them.
    pub(super) finished: Vec<u64>,
    /// Offsets and ids of events that are given up, with the reason.
    pub(super) dead: Vec<(u64, Option<EventId>, StageError)>,
    /// The log can't be written any more, or the partition was lost: nothing after this batch is begun.
    pub(super) failed: Option<LogError>,
}

/// What a batch works with.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: Arc<dyn Log>,
    pub(super) outputs: Arc<Outputs>,
    pub(super) cancel: CancellationToken,
}

/// An event in a batch.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) offset: u64,
    /// `None` for a duplicate, which has no effect and is finished with its batch.
    pub(super) event: Option<Box<Envelope<WebhookReceived>>>,
}

/// A panic while an event was read.
#[derive(Debug, Error)]
#[error("a {0} event made ingest panic")]
struct Panicked(&'static str);

impl Classify for Panicked {
    fn class(&self) -> Class {
        Class::Bug
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }
}

impl Worker {
    /// Works a batch off.
    pub(super) async fn run(self, batch: Vec<Admitted>) -> Done {
        let mut done = Done::default();
        let mut out = Vec::with_capacity(batch.len());
        for Admitted { offset, event } in batch {
            let Some(event) = event else {
                out.push((offset, None, Vec::new()));
                continue;
            };
            let id = Some(event.id);
            match self.event(*event).await {
                Ok(Some(emissions)) => out.push((offset, id, emissions)),
                Ok(None) => return Self::lost(),
                Err(error) => done.dead.push((offset, id, error)),
            }
        }
        let all: Vec<Emission> = out.iter().flat_map(|(_, _, emissions)| emissions.iter().cloned()).collect();
        match self.append(all).await {
            Ok(()) => done.finished.extend(out.into_iter().map(|(offset, ..)| offset)),
            // One of them will never fit; which one, each append of its own tells.
            Err(error) if error.class() == Class::Permanent => {
                for (offset, id, emissions) in out {
                    match self.append(emissions).await {
                        Ok(()) => done.finished.push(offset),
                        Err(error) if error.class() == Class::Permanent => {
                            done.dead.push((offset, id, error.into()));
                        }
                        Err(error) => return Done { failed: Some(error), ..done },
                    }
                }
            }
            Err(error) => return Done { failed: Some(error), ..Done::default() },
        }
        done
    }

    fn lost() -> Done {
        let why = "the partition was given up while the store was away".to_owned();
        Done { failed: Some(LogError::Busy(why)), ..Done::default() }
    }

    /// The outputs of one event; `None` when the partition was lost.
    async fn event(&self, event: Envelope<WebhookReceived>) -> Result<Option<Vec<Emission>>, StageError> {
        let drop = |reason| Ok(Some(vec![emit::dropped(&event, reason, None, self.clock.now())]));
        if event.tenant.is_unresolved() || event.bot.is_unresolved() {
            return drop("unknown_account");
        }
        let Some(found) = self.bot(&event).await? else { return Ok(None) };
        let Some(bot) = found else { return drop("unknown_bot") };
        let (began, channel) = (Instant::now(), event.data.channel.as_str());
        let read = catch_unwind(AssertUnwindSafe(|| {
            let it = normalise(&event.data)?;
            Ok::<_, StageError>(emit::emissions(event, it, &bot, self.clock.now(), began.elapsed()))
        }));
        read.unwrap_or_else(|_| Err(Panicked(channel).into())).map(Some)
    }

    /// The bot of an event; the outer `None` when the partition was lost while the store was away.
    async fn bot(&self, event: &Envelope<WebhookReceived>) -> Result<Option<Option<Arc<Bot>>>, StoreError> {
        let mut wait = AGAIN.0;
        loop {
            match self.directory.bot(&event.tenant, &event.bot).await {
                Ok(bot) => return Ok(Some(bot)),
                Err(error) if matches!(error.class(), Class::Transient { .. } | Class::Throttled { .. }) => {
                    tracing::warn!(%error, "a bot can't be looked up, trying again");
                }
                Err(error) => return Err(error),
            }
            if !self.pause(&mut wait).await {
                return Ok(None);
            }
        }
    }

    /// Returns when everything is durable.
    async fn append(&self, emissions: Vec<Emission>) -> Result<(), LogError> {
        if emissions.is_empty() {
            return Ok(());
        }
        self.outputs.append(&*self.log, emissions, &self.cancel).await.map(drop)
    }

    /// Waits longer each time; false when the partition was lost.
    async fn pause(&self, wait: &mut Duration) -> bool {
        tokio::select! {
            () = self.cancel.cancelled() => false,
            () = tokio::time::sleep(*wait) => {
                *wait = (*wait * 2).min(AGAIN.1);
                true
            }
        }
    }
}
