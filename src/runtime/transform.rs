//! Runs a [`Stage`], which transforms one record, as a [`PartitionStage`].
//!
//! Guarantee: records of a key are handled in order and their outputs appended in that order; an offset is finished after
//! the append that holds its outputs is acknowledged. One append is in flight for each partition; what becomes ready
//! meanwhile goes together with the next. Where a pipeline names a share, no bot's records hold more lanes than that.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::panic_text;
use super::lanes::Lanes;
use super::retry::{Verdict, judge};
use super::shares::{Owner, Shares};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::TurnDropped;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::{BotId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Clock;
use crate::log::{LogError, Record, TopicPartition};
use crate::pipeline::topology::{DROPPED, Order, Pipeline, Run};
use crate::pipeline::{
    Cx, Emission, Outcome, PartitionCx, PartitionStage, Ports, Restored, Stage, StageError, StageFactory,
};

/// Records of an inline stage that are handled between two appends: enough to share the append's cost, few enough to
/// keep the first of them from waiting for the last.
const INLINE_BATCH: usize = 1024;

/// Makes a [`Transform`] for each partition.
#[derive(Debug)]
pub struct Transforms<S> {
    stage: Arc<S>,
    pipeline: Arc<Pipeline>,
}

impl<S: Stage> Transforms<S> {
    /// Runs `stage` as its pipeline file says.
    pub fn new(stage: S, pipeline: Pipeline) -> Self {
        Self { stage: Arc::new(stage), pipeline: Arc::new(pipeline) }
    }
}

impl<S: Stage> StageFactory for Transforms<S> {
    const NAME: StageName = S::NAME;
    const PORTS: &'static [&'static str] = S::Out::NAMES;
    type Stage = Transform<S>;

    fn create(&self, _: &TopicPartition) -> Transform<S> {
        self.stage.assigned();
        Transform {
            stage: Arc::clone(&self.stage),
            pipeline: Arc::clone(&self.pipeline),
            lanes: Lanes::new(self.pipeline.lanes),
            shares: self.pipeline.share.map(|of| Shares::new(self.pipeline.lanes, of.lanes, of.waiting)),
            queue: VecDeque::new(),
            batch_out: false,
            outbox: Vec::new(),
            append_out: false,
            releasing: false,
        }
    }
}

/// A partition of a stage that transforms records.
#[derive(Debug)]
pub struct Transform<S> {
    stage: Arc<S>,
    pipeline: Arc<Pipeline>,
    /// `run: async`: what waits behind each key.
    lanes: Lanes<Bytes, Item>,
    /// The same where each bot has a share, and nothing has an order.
    shares: Option<Shares<Whose, Item>>,
    /// `run: inline`: what waits for the batch at work.
    queue: VecDeque<Item>,
    batch_out: bool,
    /// Handled records whose outputs are not appended.
    outbox: Vec<Handled>,
    append_out: bool,
    releasing: bool,
}

/// A record and when it came.
#[derive(Debug)]
struct Item {
    record: Record,
    admitted: Instant,
}

/// Whose a record is; nobody's where it can't be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Whose {
    #[serde(default)]
    tenant: TenantId,
    #[serde(default)]
    bot: BotId,
}

impl Whose {
    fn of(record: &Record) -> Self {
        serde_json::from_slice(&record.value).unwrap_or_default()
    }
}

/// A record whose fate is known.
#[derive(Debug)]
pub struct Handled {
    offset: u64,
    result: Result<Vec<Emission>, StageError>,
}

/// What comes back from a spawned future.
#[derive(Debug)]
pub enum Effect {
    /// One record of a lane.
    One(Bytes, Handled),
    /// One record of a share.
    Shared(Owner<Whose>, Handled),
    /// A batch of an inline stage.
    Batch(Vec<Handled>),
    /// Outputs were appended.
    Appended(Vec<u64>, Result<(), LogError>),
}

#[async_trait]
impl<S: Stage> PartitionStage for Transform<S> {
    type Effect = Effect;

    async fn restore(&mut self, _: &mut PartitionCx<Effect>) -> Result<Restored, StageError> {
        Ok(Restored::default())
    }

    fn admit(&mut self, cx: &mut PartitionCx<Effect>, records: Vec<Record>) {
        let admitted = Instant::now();
        for record in records {
            if let Some(shares) = &mut self.shares {
                shares.push(Whose::of(&record), Item { record, admitted });
                continue;
            }
            match (self.pipeline.run, self.pipeline.order) {
                (Run::Inline, _) => self.queue.push_back(Item { record, admitted }),
                (Run::Async, Order::Key) => self.lanes.push(record.key.clone(), Item { record, admitted }),
                // Without order every record is a key of its own.
                (Run::Async, Order::None) => {
                    let key = Bytes::copy_from_slice(&record.offset.to_be_bytes());
                    self.lanes.push(key, Item { record, admitted });
                }
            }
        }
        self.start(cx);
    }

    fn done(&mut self, cx: &mut PartitionCx<Effect>, effect: Effect) {
        match effect {
            Effect::One(key, handled) => {
                self.outbox.push(handled);
                if let Some(next) = self.lanes.done(&key)
                    && !self.releasing
                {
                    self.spawn_one(cx, key, next);
                }
            }
            Effect::Shared(owner, handled) => {
                self.outbox.push(handled);
                if let Some(shares) = &mut self.shares {
                    shares.done(&owner);
                }
            }
            Effect::Batch(handled) => {
                self.batch_out = false;
                self.outbox.extend(handled);
            }
            Effect::Appended(offsets, result) => {
                self.append_out = false;
                match result {
                    Ok(()) => offsets.into_iter().for_each(|offset| cx.finish(offset)),
                    Err(error) => cx.fail(error),
                }
            }
        }
        self.start(cx);
    }

    fn tick(&mut self, _: &mut PartitionCx<Effect>) {}

    fn release(&mut self, _: &mut PartitionCx<Effect>) {
        self.releasing = true;
    }
}

impl<S: Stage> Transform<S> {
    fn start(&mut self, cx: &mut PartitionCx<Effect>) {
        if !self.append_out && !self.outbox.is_empty() {
            self.flush(cx);
        }
        if self.releasing {
            return;
        }
        while let Some((key, item)) = self.lanes.start() {
            self.spawn_one(cx, key, item);
        }
        while let Some((owner, item)) = self.shares.as_mut().and_then(Shares::start) {
            let handler = self.handler(cx);
            let budget = if owner == Owner::Late { Duration::ZERO } else { self.pipeline.budget.get() };
            cx.spawn(async move { Effect::Shared(owner, handler.handle_within(item, budget).await) });
        }
        // An inline stage runs one batch ahead of the append, no more: order within the outbox is order of handling.
        if !self.queue.is_empty() && !self.batch_out && self.outbox.is_empty() {
            let take = self.queue.len().min(INLINE_BATCH);
            let items: Vec<Item> = self.queue.drain(..take).collect();
            let handler = self.handler(cx);
            self.batch_out = true;
            cx.spawn(async move {
                let mut done = Vec::with_capacity(items.len());
                for item in items {
                    done.push(handler.handle(item).await);
                }
                Effect::Batch(done)
            });
        }
    }

    fn spawn_one(&self, cx: &mut PartitionCx<Effect>, key: Bytes, item: Item) {
        let handler = self.handler(cx);
        cx.spawn(async move { Effect::One(key, handler.handle(item).await) });
    }

    /// Appends the outputs of everything that is handled; gives up what failed.
    fn flush(&mut self, cx: &mut PartitionCx<Effect>) {
        let (mut offsets, mut emissions) = (Vec::with_capacity(self.outbox.len()), Vec::new());
        for Handled { offset, result } in std::mem::take(&mut self.outbox) {
            match result {
                Ok(out) => {
                    offsets.push(offset);
                    emissions.extend(out);
                }
                Err(error) => cx.dead_letter(offset, error),
            }
        }
        if offsets.is_empty() {
            return;
        }
        self.append_out = true;
        let append = cx.append(emissions);
        cx.spawn(async move { Effect::Appended(offsets, append.await.map(drop)) });
    }

    fn handler(&self, cx: &PartitionCx<Effect>) -> Handler<S> {
        Handler {
            stage: Arc::clone(&self.stage),
            pipeline: Arc::clone(&self.pipeline),
            clock: Arc::clone(&cx.clock),
            cancel: cx.cancel.clone(),
        }
    }
}

/// Handles one record, tries included.
struct Handler<S> {
    stage: Arc<S>,
    pipeline: Arc<Pipeline>,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
}

/// A stage panicked on a record.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

impl Classify for Panicked {
    fn class(&self) -> Class {
        Class::Bug
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }

    fn reason(&self) -> Option<&'static str> {
        Some("panic")
    }
}

impl<S: Stage> Handler<S> {
    async fn handle(&self, item: Item) -> Handled {
        self.handle_within(item, self.pipeline.budget.get()).await
    }

    async fn handle_within(&self, item: Item, budget: Duration) -> Handled {
        let result = match Envelope::<S::In>::decode(&item.record.value) {
            Ok(input) => self.try_until_judged(&input, item.admitted + budget).await,
            Err(error) => Err(error.into()),
        };
        Handled { offset: item.record.offset, result }
    }

    async fn try_until_judged(
        &self,
        input: &Envelope<S::In>,
        until: Instant,
    ) -> Result<Vec<Emission>, StageError> {
        let mut cx = Cx { clock: Arc::clone(&self.clock), until, attempt: 1, cancel: self.cancel.clone() };
        loop {
            let tried = AssertUnwindSafe(self.stage.handle(&cx, input)).catch_unwind().await;
            let (mut error, panicked) = match tried {
                Ok(Ok(outcome)) => return Ok(emissions(S::NAME, &cx, input, outcome)),
                Ok(Err(error)) => (error, false),
                Err(panic) => (Panicked(panic_text(&*panic)).into(), true),
            };
            error.attempts = cx.attempt;
            let left = cx.remaining();
            match judge(&self.pipeline.retry, error.class, panicked, cx.attempt, left, fastrand::f64()) {
                Verdict::Again(wait) => {
                    tracing::debug!(stage = %S::NAME, id = %input.id, attempt = cx.attempt, wait_ms = wait.as_millis(), %error, "trying again");
                    tokio::time::sleep(wait).await;
                    cx.attempt += 1;
                }
                Verdict::Dead(reason) => {
                    error.reason.get_or_insert(reason);
                    return Err(error);
                }
            }
        }
    }
}

/// What an outcome appends.
fn emissions<T: Event, O: Ports>(
    name: StageName,
    cx: &Cx,
    input: &Envelope<T>,
    outcome: Outcome<O>,
) -> Vec<Emission> {
    match outcome {
        Outcome::Emit(output) => vec![output.into_emission()],
        Outcome::EmitAll(outputs) => outputs.into_iter().map(Ports::into_emission).collect(),
        Outcome::Drop(why) => {
            let dropped =
                TurnDropped { stage: name, reason: why.reason.to_owned(), note: why.note, noted: None };
            vec![Emission::by_conversation(DROPPED, &input.follow(name, cx.now(), 0, dropped))]
        }
    }
}
