//! What a transforming stage does with records that failed for longer than their budget.
//!
//! Guarantee: behind a record that waits every later one of its key waits too; a record that waits holds no lane, and its
//! offset is finished as soon as it is durable where it waits.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{APPEND_BYTES, Came, Effect, Fate, Handled, Item, Transform, Whose};
use crate::domain::envelope::Envelope;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::EventId;
use crate::failpoint::{self, Failpoint};
use crate::log::{LogError, Place, Record};
use crate::pipeline::dead::{self, Cause};
use crate::pipeline::topology::Delay;
use crate::pipeline::{PartitionCx, Stage, StageError};
use crate::runtime::delayed::shelf::{Put, Shelf};
use crate::runtime::delayed::{self, Delayed, Waiting};

/// Of all lanes, one in so many at most is for records that have waited: what is fresh goes on.
pub(super) const SHARE: usize = 4;
/// What waits is looked at this often, whatever the timers say: clocks may be moved.
const LOOK: Duration = Duration::from_secs(1);

/// What waits in a partition.
#[derive(Debug)]
pub(super) struct Waits {
    delayed: Delayed,
    shelf: Shelf,
    puts: Vec<Put>,
    put_out: bool,
    dels: Vec<(EventId, Place)>,
    del_out: bool,
    /// Offsets that an earlier owner put to wait and did not finish: they are read once more, waiting or not.
    again: HashSet<u64>,
    /// Nothing that waits goes out before what came before the last of those is read: it may have to go first.
    barrier: u64,
}

/// A bot has as many records waiting as it may.
#[derive(Debug, thiserror::Error)]
#[error("the bot has as many records waiting as it may (`delay.most_per_bot`)")]
struct Overfull;

impl Classify for Overfull {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn origin(&self) -> Origin {
        Origin::Upstream
    }

    fn reason(&self) -> Option<&'static str> {
        Some("bot_backlog_full")
    }
}

impl Waits {
    pub(super) fn new(delay: Delay, lanes: usize, partition: u32, scratch: &Path) -> Self {
        Self {
            delayed: Delayed::new(delay, lanes / SHARE),
            shelf: Shelf::new(partition, scratch),
            puts: Vec::new(),
            put_out: false,
            dels: Vec::new(),
            del_out: false,
            again: HashSet::new(),
            barrier: 0,
        }
    }

    pub(super) fn shelf(&self) -> Shelf {
        self.shelf.clone()
    }

    pub(super) async fn restore(&mut self, cx: &mut PartitionCx<Effect>) -> Result<(), LogError> {
        self.shelf.restore(cx, &mut self.delayed).await?;
        // What lies behind the lane's end is not read again: its log was repaired.
        let unread = cx.start..cx.log.range(&cx.partition).await?.end;
        self.again = self.delayed.offsets().filter(|offset| unread.contains(offset)).collect();
        self.barrier = self.again.iter().max().map_or(0, |last| last + 1);
        Ok(())
    }

    /// The next record whose wait is over.
    pub(super) fn next(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        waited: &Arc<Semaphore>,
    ) -> Option<(Whose, Bytes, Item)> {
        if cx.position < self.barrier || self.delayed.is_empty() {
            return None;
        }
        let Ok(turn) = Arc::clone(waited).try_acquire_owned() else {
            // Other partitions have them all.
            cx.wake_at(Instant::now() + LOOK);
            return None;
        };
        let now = cx.clock.uptime();
        let next = self.delayed.next(now);
        if let Some(at) = self.delayed.wake().filter(|_| next.is_none()) {
            cx.wake_at(Instant::now() + at.saturating_sub(now).min(LOOK));
        }
        let (key, Waiting { offset, id, place, .. }) = next?;
        let whose = self.delayed.whose(&key).cloned().unwrap_or_default();
        Some((whose.into(), key, Item::Waited { offset, id, place: place?, turn }))
    }

    /// What came of these is durable.
    pub(super) fn over(&mut self, waited: Vec<(EventId, Place)>) {
        self.dels.extend(waited);
    }

    pub(super) fn done(&mut self, cx: &mut PartitionCx<Effect>, effect: Effect) {
        match effect {
            Effect::Kept(puts, Ok(places)) => {
                self.put_out = false;
                for ((key, offset), place) in puts.into_iter().zip(places) {
                    self.delayed.durable(&key, offset, place);
                    cx.finish(offset);
                }
            }
            Effect::Buried(id, place, Ok(())) => self.dels.push((id, place)),
            Effect::Deleted(places, Ok(())) => {
                self.del_out = false;
                let shelf = self.shelf();
                cx.spawn(async move {
                    for place in places {
                        shelf.free(place).await;
                    }
                    Effect::Done
                });
            }
            Effect::Kept(_, Err(error))
            | Effect::Buried(_, _, Err(error))
            | Effect::Deleted(_, Err(error))
            | Effect::Unreadable(error) => cx.fail(error),
            Effect::One(..)
            | Effect::Place(..)
            | Effect::Shared(..)
            | Effect::Batch(_)
            | Effect::Appended(..)
            | Effect::Done => {}
        }
    }

    /// Writes what is to wait, and what waits no more.
    pub(super) fn flush(&mut self, cx: &mut PartitionCx<Effect>) {
        if !self.put_out && !self.puts.is_empty() {
            self.put_out = true;
            let mut bytes = 0;
            let fits = |put: &&Put| {
                bytes += put.value.len();
                bytes <= APPEND_BYTES
            };
            let count = self.puts.iter().take_while(fits).count().max(1);
            let (puts, shelf) = (self.puts.drain(..count).collect::<Vec<_>>(), self.shelf());
            let (log, outputs, cancel) = (cx.log.clone(), cx.outputs.clone(), cx.cancel.clone());
            cx.spawn(async move {
                let which = puts.iter().map(|put| (put.key.clone(), put.waiting.offset)).collect();
                let kept = async {
                    let (emissions, places) = shelf.store(puts).await?;
                    failpoint::pass(Failpoint::TurnParking);
                    outputs.append(&*log, emissions, &cancel).await?;
                    failpoint::pass(Failpoint::TurnParked);
                    Ok(places)
                };
                Effect::Kept(which, kept.await)
            });
        }
        if !self.del_out && !self.dels.is_empty() {
            self.del_out = true;
            let dels = std::mem::take(&mut self.dels);
            let append = cx.append(dels.iter().map(|(id, _)| self.shelf.del(*id)).collect());
            let places = dels.into_iter().map(|(_, place)| place).collect();
            cx.spawn(async move {
                failpoint::pass(Failpoint::TurnUnparking);
                let deleted = append.await.map(drop);
                failpoint::pass(Failpoint::TurnUnparked);
                Effect::Deleted(places, deleted)
            });
        }
    }

    fn park(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        key: &Bytes,
        record: Record,
        (whose, id): (delayed::Whose, EventId),
    ) {
        let waiting = Waiting { offset: record.offset, id, since: cx.now(), place: None };
        match self.delayed.park(key, &whose, waiting) {
            Ok(()) => self.puts.push(Put { key: key.clone(), whose, waiting, value: record.value }),
            Err(_) => cx.dead_letter(record.offset, Overfull.into()),
        }
    }
}

impl<S: Stage> Transform<S> {
    /// An item that is to be handled now; `None` = it waits from here on.
    pub(super) fn unless_it_waits(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        key: &Bytes,
        item: Item,
    ) -> Option<Item> {
        let any = |waits: &&mut Waits| !waits.delayed.is_empty() || !waits.again.is_empty();
        let Some(waits) = self.waits.as_mut().filter(any) else { return Some(item) };
        let Item::Read(record, admitted) = item else { return Some(item) };
        if waits.again.remove(&record.offset) {
            cx.finish(record.offset);
            return None;
        }
        // What can't be read is found out where it is handled.
        let Ok(input) = Envelope::<S::In>::decode(&record.value) else {
            return Some(Item::Read(record, admitted));
        };
        let whose = (input.tenant.clone(), input.bot.clone());
        let with_its_bot = || waits.delayed.fails(&whose) && self.stage.waits_with_its_bot(&input);
        if !waits.delayed.holds(key) && !with_its_bot() {
            return Some(Item::Read(record, admitted));
        }
        waits.park(cx, key, record, (whose, input.id));
        None
    }

    /// A record came back from its lane.
    pub(super) fn one(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        key: &Bytes,
        item: Item,
        content: Option<Record>,
        fate: Fate,
    ) {
        let (now, wall, dice) = (cx.clock.uptime(), cx.now(), fastrand::f64());
        let (id, place, (record, fate), waits) = match (item, fate, content, self.waits.as_mut()) {
            (Item::Read(record, _), Fate::Later(error, asked), _, Some(waits)) => {
                let Ok(input) = Envelope::<S::In>::decode(&record.value) else { return };
                let whose = (input.tenant.clone(), input.bot.clone());
                tracing::warn!(stage = %S::NAME, tenant = %whose.0, bot = %whose.1, %error, "the record waits");
                waits.park(cx, key, record, (whose.clone(), input.id));
                return waits.delayed.fail(&whose, asked, now, dice);
            }
            (Item::Read(record, _), fate, ..) => {
                return self.outbox.push(Handled { came: Came::Read(record.offset), fate });
            }
            (Item::Waited { id, place, .. }, fate, Some(record), Some(waits)) => {
                (id, place, (record, fate), waits)
            }
            (Item::Waited { .. }, ..) => return,
        };
        let error = match fate {
            Fate::Out(out, well) => {
                waits.delayed.over(key, well);
                let fate = Fate::Out(out, well);
                return self.outbox.push(Handled { came: Came::Waited(id, place), fate });
            }
            Fate::Later(_, asked) if waits.delayed.again(key, asked, (now, wall), dice) => return,
            Fate::Later(mut error, _) => {
                error.reason.get_or_insert("expired");
                error
            }
            Fate::Dead(error) => error,
            // It lies where it waits: the next owner finds it there.
            Fate::Left => return,
        };
        waits.delayed.over(key, false);
        self.bury(cx, record, (id, place), &error);
    }

    /// Gives a record up that has waited: its offset is finished long since.
    fn bury(
        &self,
        cx: &mut PartitionCx<Effect>,
        record: Record,
        (id, place): (EventId, Place),
        error: &StageError,
    ) {
        let letter =
            dead::letter(S::NAME, &cx.partition, &record, &Cause::of(error, error.attempts), cx.now());
        let (log, cancel) = (cx.log.clone(), cx.cancel.clone());
        cx.spawn(async move { Effect::Buried(id, place, dead::append(&*log, letter, &cancel).await) });
    }
}
