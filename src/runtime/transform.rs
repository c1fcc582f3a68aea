//! Runs a [`Stage`], which transforms one record, as a [`PartitionStage`].
//!
//! Guarantee: records of a key are handled in order and their outputs appended in that order; an offset is finished after
//! the append that holds its outputs is acknowledged, or after the record is durable where it [waits](super::delayed). One append
//! is in flight for each partition; what becomes ready meanwhile goes together with the next. Where a pipeline names a share, no
//! bot's records hold more lanes than that.

mod handler;
mod waits;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::shares::{Owner, Shares};
use crate::domain::ids::EventId;
use crate::domain::stage::StageName;
use crate::failpoint::{self, Failpoint};
use crate::log::{LogError, Place, Record, TopicPartition};
use crate::pipeline::topology::{Order, Pipeline, Run};
use crate::pipeline::{PartitionCx, PartitionStage, Ports, Restored, Stage, StageError, StageFactory};
use handler::Handler;
pub use handler::{Fate, Whose};
use waits::Waits;

/// Records of an inline stage that are handled between two appends: enough to share the append's cost, few enough to
/// keep the first of them from waiting for the last.
const INLINE_BATCH: usize = 1024;

/// Records that an inline stage handles before others of the process have their turn.
const STRIDE: usize = 256;

/// Bytes of one append, well below what a log takes at once; a single larger record goes alone.
const APPEND_BYTES: usize = 4 << 20;

/// Makes a [`Transform`] for each partition.
#[derive(Debug)]
pub struct Transforms<S> {
    stage: Arc<S>,
    pipeline: Arc<Pipeline>,
    scratch: PathBuf,
}

impl<S: Stage> Transforms<S> {
    /// Runs `stage` as its pipeline file says.
    pub fn new(stage: S, pipeline: Pipeline) -> Self {
        Self { stage: Arc::new(stage), pipeline: Arc::new(pipeline), scratch: std::env::temp_dir() }
    }

    /// Keeps what waits in this folder instead of the system's own for such files.
    #[must_use]
    pub fn with_scratch(self, folder: &Path) -> Self {
        Self { scratch: folder.to_owned(), ..self }
    }
}

impl<S: Stage> StageFactory for Transforms<S> {
    const NAME: StageName = S::NAME;
    const PORTS: &'static [&'static str] = S::Out::NAMES;
    type Stage = Transform<S>;

    fn create(&self, partition: &TopicPartition) -> Transform<S> {
        self.stage.assigned();
        let lanes = self.pipeline.lanes;
        let waits = self.pipeline.delay;
        Transform {
            stage: Arc::clone(&self.stage),
            pipeline: Arc::clone(&self.pipeline),
            lanes: Lanes::new(lanes),
            shares: self.pipeline.share.map(|of| Shares::new(lanes, of.lanes, of.waiting)),
            queue: VecDeque::new(),
            batch_out: false,
            outbox: Vec::new(),
            append_out: false,
            waits: waits.map(|delay| Waits::new(delay, lanes, partition.partition, &self.scratch)),
            leaving: CancellationToken::new(),
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
    /// The same where each bot has a share, and nothing has an order: a record, and when it came.
    shares: Option<Shares<Whose, (Record, Instant)>>,
    /// `run: inline`: what waits for the batch at work.
    queue: VecDeque<Item>,
    batch_out: bool,
    /// Handled records whose outputs are not appended.
    outbox: Vec<Handled>,
    append_out: bool,
    /// With a `delay`: what waits for longer than its budget.
    waits: Option<Waits>,
    /// The partition is to be given back: nothing begins any more, and what waits for a further try hears it.
    leaving: CancellationToken,
}

/// A record at work.
#[derive(Debug)]
pub enum Item {
    /// As it was read, and when it came.
    Read(Record, Instant),
    /// One that has waited, and where it lies.
    Waited {
        /// Its offset.
        offset: u64,
        /// Its event's id.
        id: EventId,
        /// Where it lies.
        place: Place,
    },
}

/// What became of a record; with what it is finished.
#[derive(Debug)]
pub struct Handled {
    came: Came,
    fate: Fate,
}

/// With what a record is finished once its outputs are durable.
#[derive(Debug)]
enum Came {
    /// Its offset.
    Read(u64),
    /// The record that says that it waits no more.
    Waited(EventId, Place),
}

/// What comes back from a spawned future.
#[derive(Debug)]
pub enum Effect {
    /// One record of a lane; with its content where it had waited.
    One(Bytes, Item, Option<Record>, Fate),
    /// One record of a share.
    Shared(Owner<Whose>, Handled),
    /// A batch of an inline stage.
    Batch(Vec<Handled>),
    /// Outputs were appended: of these offsets, and of these that had waited.
    Appended(Vec<u64>, Vec<(EventId, Place)>, Result<(), LogError>),
    /// Records are durable where they wait: behind which keys, and where.
    Kept(Vec<(Bytes, u64)>, Result<Vec<Place>, LogError>),
    /// A record that had waited is in the dead letters.
    Buried(EventId, Place, Result<(), LogError>),
    /// The log knows which records wait no more.
    Deleted(Vec<Place>, Result<(), LogError>),
    /// What waits can't be read.
    Unreadable(LogError),
    /// Nothing to do.
    Done,
}

#[async_trait]
impl<S: Stage> PartitionStage for Transform<S> {
    type Effect = Effect;

    async fn restore(&mut self, cx: &mut PartitionCx<Effect>) -> Result<Restored, StageError> {
        if let Some(waits) = &mut self.waits {
            waits.restore(cx).await?;
            cx.wake_at(Instant::now());
        }
        Ok(Restored::default())
    }

    fn admit(&mut self, _: &mut PartitionCx<Effect>, records: Vec<Record>) {
        let admitted = Instant::now();
        for record in records {
            if let Some(shares) = &mut self.shares {
                shares.push(Whose::of(&record), (record, admitted));
                continue;
            }
            let key = match self.pipeline.order {
                Order::Key => record.key.clone(),
                // Without order every record is a key of its own.
                Order::None => Bytes::copy_from_slice(&record.offset.to_be_bytes()),
            };
            let item = Item::Read(record, admitted);
            match self.pipeline.run {
                Run::Inline => self.queue.push_back(item),
                Run::Async => self.lanes.push(key, item),
            }
        }
    }

    fn done(&mut self, cx: &mut PartitionCx<Effect>, effect: Effect) {
        match effect {
            Effect::One(key, item, content, fate) => {
                self.one(cx, &key, item, content, fate);
                if let Some(next) = self.lanes.done(&key)
                    && !self.leaving.is_cancelled()
                {
                    self.begin(cx, key, next);
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
            Effect::Appended(offsets, waited, result) => {
                self.append_out = false;
                match result {
                    Ok(()) => offsets.into_iter().for_each(|offset| cx.finish(offset)),
                    Err(error) => cx.fail(error),
                }
                if let Some(waits) = &mut self.waits {
                    waits.over(waited);
                }
            }
            Effect::Kept(..)
            | Effect::Buried(..)
            | Effect::Deleted(..)
            | Effect::Unreadable(_)
            | Effect::Done => {
                if let Some(waits) = &mut self.waits {
                    waits.done(cx, effect);
                }
            }
        }
    }

    fn tick(&mut self, _: &mut PartitionCx<Effect>) {}

    fn turn(&mut self, cx: &mut PartitionCx<Effect>) {
        self.start(cx);
    }

    fn release(&mut self, _: &mut PartitionCx<Effect>) {
        self.leaving.cancel();
    }
}

impl<S: Stage> Transform<S> {
    fn start(&mut self, cx: &mut PartitionCx<Effect>) {
        while !self.append_out && !self.outbox.is_empty() {
            self.flush(cx);
        }
        if !self.leaving.is_cancelled() {
            self.fill(cx);
        }
        if let Some(waits) = &mut self.waits {
            waits.flush(cx);
        }
    }

    /// Gives out what may be handled.
    fn fill(&mut self, cx: &mut PartitionCx<Effect>) {
        if let Some(waits) = &mut self.waits {
            while let Some((key, item)) = waits.next(cx) {
                self.lanes.push(key, item);
            }
        }
        // A log that stands still bounds what is handled meanwhile.
        while self.outbox.len() < INLINE_BATCH
            && let Some((key, item)) = self.lanes.start()
        {
            self.begin(cx, key, item);
        }
        while let Some((owner, (record, admitted))) = self.shares.as_mut().and_then(Shares::start) {
            let handler = self.handler(cx);
            cx.spawn(async move {
                let fate = handler.handle_shared(&record, admitted, owner == Owner::Late).await;
                Effect::Shared(owner, Handled { came: Came::Read(record.offset), fate })
            });
        }
        // An inline stage runs one batch ahead of the append, no more: order within the outbox is order of handling.
        if !self.queue.is_empty() && !self.batch_out && self.outbox.is_empty() {
            let take = self.queue.len().min(INLINE_BATCH);
            let items: Vec<Item> = self.queue.drain(..take).collect();
            let handler = self.handler(cx);
            self.batch_out = true;
            cx.spawn(async move {
                let mut done = Vec::with_capacity(items.len());
                for (n, item) in items.into_iter().enumerate() {
                    if n % STRIDE == STRIDE - 1 {
                        tokio::task::yield_now().await;
                    }
                    if let Item::Read(record, admitted) = item {
                        let fate = handler.handle(&record, admitted).await;
                        // What follows may be of the same key: it is the next owner's too.
                        if matches!(fate, Fate::Left) {
                            break;
                        }
                        done.push(Handled { came: Came::Read(record.offset), fate });
                    }
                }
                Effect::Batch(done)
            });
        }
    }

    /// Begins an item of a lane; one that has to wait makes room for the one behind it.
    fn begin(&mut self, cx: &mut PartitionCx<Effect>, key: Bytes, item: Item) {
        let mut next = Some(item);
        while let Some(item) = next {
            match self.unless_it_waits(cx, &key, item) {
                Some(item) => return self.spawn_one(cx, key, item),
                None => next = self.lanes.done(&key),
            }
        }
    }

    fn spawn_one(&self, cx: &mut PartitionCx<Effect>, key: Bytes, item: Item) {
        let handler = self.handler(cx);
        let shelf = self.waits.as_ref().map(Waits::shelf);
        cx.spawn(async move {
            let (content, fate) = match (&item, shelf) {
                (Item::Read(record, admitted), _) => (None, handler.handle(record, *admitted).await),
                (Item::Waited { offset, place, .. }, Some(shelf)) => {
                    match shelf.load(key.clone(), *offset, *place).await {
                        Ok(record) => {
                            let fate = handler.handle_once(&record).await;
                            (Some(record), fate)
                        }
                        Err(error) => return Effect::Unreadable(error),
                    }
                }
                (Item::Waited { .. }, None) => return Effect::Done,
            };
            Effect::One(key, item, content, fate)
        });
    }

    /// Appends the outputs of everything that is handled; gives up what failed.
    fn flush(&mut self, cx: &mut PartitionCx<Effect>) {
        let (mut offsets, mut waited) = (Vec::with_capacity(self.outbox.len()), Vec::new());
        let mut emissions = Vec::new();
        let count = one_append(&self.outbox);
        for Handled { came, fate } in self.outbox.drain(..count) {
            match (came, fate) {
                (Came::Read(offset), Fate::Out(out, _)) => {
                    offsets.push(offset);
                    emissions.extend(out);
                }
                (Came::Waited(id, place), Fate::Out(out, _)) => {
                    waited.push((id, place));
                    emissions.extend(out);
                }
                (Came::Read(offset), Fate::Dead(error) | Fate::Later(error, _)) => {
                    cx.dead_letter(offset, error)
                }
                // Buried when it came back.
                (Came::Waited(..), Fate::Dead(_) | Fate::Later(..)) => {}
                (_, Fate::Left) => {}
            }
        }
        if offsets.is_empty() && waited.is_empty() {
            return;
        }
        self.append_out = true;
        let append = cx.append(emissions);
        cx.spawn(async move {
            let appended = append.await.map(drop);
            failpoint::pass(Failpoint::StageAppended);
            Effect::Appended(offsets, waited, appended)
        });
    }

    fn handler(&self, cx: &PartitionCx<Effect>) -> Handler<S> {
        Handler {
            stage: Arc::clone(&self.stage),
            pipeline: Arc::clone(&self.pipeline),
            clock: Arc::clone(&cx.clock),
            cancel: cx.cancel.clone(),
            leaving: self.leaving.clone(),
        }
    }
}

/// How many of these go with one append.
fn one_append(outbox: &[Handled]) -> usize {
    let mut bytes = 0;
    let fits = |handled: &&Handled| {
        if let Fate::Out(out, _) = &handled.fate {
            bytes += out.iter().map(|emission| emission.value.len() + emission.key.len()).sum::<usize>();
        }
        bytes <= APPEND_BYTES
    };
    outbox.iter().take(INLINE_BATCH).take_while(fits).count().max(1).min(outbox.len())
}
