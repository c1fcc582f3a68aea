//! A stage that does nothing but what every stage does, and a watch on it.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::stage::StageName;
use crate::log::{Record, TopicPartition};
use crate::pipeline::{
    Cx, Emission, Outcome, PartitionCx, PartitionStage, Ports, Restored, Stage, StageError, StageFactory,
};

/// An event whose content nobody reads.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Unread(#[schemars(with = "serde_json::Value")] Box<RawValue>);

impl Event for Unread {
    const TYPE: &'static str = "bench.from.v1";
}

/// An event with this text.
pub(super) fn text(text: String) -> Unread {
    // A string is JSON.
    Unread(serde_json::value::to_raw_value(&serde_json::json!({ "text": text })).unwrap_or_default())
}

/// The same, behind the stage.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Passed(Unread);

impl Event for Passed {
    const TYPE: &'static str = "bench.to.v1";
}

/// Decodes, derives the next id, encodes.
#[derive(Debug)]
pub(super) struct Noop;

/// Its only output.
#[derive(Debug)]
pub(super) struct PassedOn(Envelope<Passed>);

impl Ports for PassedOn {
    const NAMES: &'static [&'static str] = &["passed"];

    fn into_emission(self) -> Emission {
        Emission::by_conversation("passed", &self.0)
    }
}

impl Stage for Noop {
    const NAME: StageName = StageName::Match;
    type In = Unread;
    type Out = PassedOn;

    async fn handle(&self, cx: &Cx, input: &Envelope<Unread>) -> Result<Outcome<PassedOn>, StageError> {
        Ok(Outcome::Emit(PassedOn(input.follow(Self::NAME, cx.now(), 0, Passed(input.data.clone())))))
    }
}

/// Notes when the first record came and when the last one was finished.
#[derive(Debug)]
pub(super) struct Watch {
    begun: OnceLock<Instant>,
    finished: AtomicU64,
    all: u64,
    done: Notify,
}

impl Watch {
    pub(super) fn new(all: u64) -> Self {
        Self { begun: OnceLock::new(), finished: AtomicU64::new(0), all, done: Notify::new() }
    }

    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// The time from the first record until all are finished.
    pub(super) async fn carried(&self) -> Duration {
        self.done.notified().await;
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    fn count(&self, finished: usize) {
        let finished = finished as u64;
        if finished > 0 && self.finished.fetch_add(finished, Ordering::Relaxed) + finished >= self.all {
            self.done.notify_one();
        }
    }
}

/// Makes stages that are watched and begin with the first record, whatever the group has committed.
#[derive(Debug)]
pub(super) struct Seen<F> {
    inner: F,
    watch: Arc<Watch>,
}

impl<F> Seen<F> {
    pub(super) const fn new(inner: F, watch: Arc<Watch>) -> Self {
        Self { inner, watch }
    }
}

impl<F: StageFactory> StageFactory for Seen<F> {
    const NAME: StageName = F::NAME;
    const PORTS: &'static [&'static str] = F::PORTS;
    const LEASED: bool = F::LEASED;
    type Stage = SeenStage<F::Stage>;

    fn create(&self, partition: &TopicPartition) -> Self::Stage {
        SeenStage { inner: self.inner.create(partition), watch: Arc::clone(&self.watch) }
    }
}

/// A partition of it.
pub(super) struct SeenStage<S> {
    inner: S,
    watch: Arc<Watch>,
}

impl<S> fmt::Debug for SeenStage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenStage").field("watch", &self.watch).finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: PartitionStage> PartitionStage for SeenStage<S> {
    type Effect = S::Effect;

    async fn restore(&mut self, cx: &mut PartitionCx<S::Effect>) -> Result<Restored, StageError> {
        self.inner.restore(cx).await?;
        Ok(Restored { from: Some(0) })
    }

    fn admit(&mut self, cx: &mut PartitionCx<S::Effect>, records: Vec<Record>) {
        self.watch.begun.get_or_init(Instant::now);
        self.inner.admit(cx, records);
    }

    fn done(&mut self, cx: &mut PartitionCx<S::Effect>, effect: S::Effect) {
        let before = cx.finished.len();
        self.inner.done(cx, effect);
        self.watch.count(cx.finished.len() - before);
    }

    fn tick(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.tick(cx);
    }

    fn turn(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.turn(cx);
    }

    fn release(&mut self, cx: &mut PartitionCx<S::Effect>) {
        self.inner.release(cx);
    }
}
