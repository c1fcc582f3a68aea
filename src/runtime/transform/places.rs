//! The lanes of the process: asked for, waited for, given back.
//!
//! Guarantee: a partition holds a lane only for a record at work, and asks for one at a time for each bot: who waits holds
//! nothing. A partition that is given back waits for none.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::waits::SHARE;
use super::{Came, Effect, Handled, INLINE_BATCH, Transform, Whose};
use crate::pipeline::{PartitionCx, Stage};
use crate::runtime::room::{Permit, Room};
use crate::runtime::shares::{Owner, Shares};

/// What the partitions of a stage in one process share.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// All lanes.
    room: Room<Whose>,
    /// Those of them that records may have that have waited.
    pub(super) waited: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(lanes: usize) -> Self {
        Self { room: Room::new(lanes), waited: Arc::new(Semaphore::new((lanes / SHARE).max(1))) }
    }
}

/// A lane for what has a share of its own to keep to.
#[derive(Debug)]
pub(super) enum Spare {
    /// Not asked for.
    None,
    /// All are taken: one is waited for.
    Awaited,
    /// It came.
    Held(Permit<Whose>),
}

impl<S: Stage> Transform<S> {
    /// Bots take turns, one key each, until there is no lane for any.
    pub(super) fn fill_lanes(&mut self, cx: &mut PartitionCx<Effect>) {
        // A log that stands still bounds what is handled meanwhile.
        while self.outbox.len() < INLINE_BATCH
            && let Some(owner) = self.lanes.turn()
        {
            match self.places.room.take(&owner) {
                Ok(permit) => self.start_one(cx, &owner, permit),
                Err(permit) => self.wait_for(cx, owner, permit),
            }
        }
    }

    /// The same for records that have no order, of which each bot has its share.
    pub(super) fn fill_shares(&mut self, cx: &mut PartitionCx<Effect>) {
        while self.shares.as_ref().is_some_and(Shares::may_start) {
            let permit = match std::mem::replace(&mut self.spare, Spare::Awaited) {
                Spare::Held(permit) => permit,
                Spare::Awaited => return,
                // Whose they are is the shares' to say: here they are all nobody's.
                Spare::None => match self.places.room.take(&Whose::default()) {
                    Ok(permit) => permit,
                    Err(permit) => return self.wait_for(cx, Whose::default(), permit),
                },
            };
            self.spare = Spare::None;
            let Some((owner, (record, admitted))) = self.shares.as_mut().and_then(Shares::start) else {
                return;
            };
            let handler = self.handler(cx);
            cx.spawn(async move {
                let fate = handler.handle_shared(&record, admitted, owner == Owner::Late).await;
                drop(permit);
                Effect::Shared(owner, Handled { came: Came::Read(record.offset), fate })
            });
        }
        // One that nobody needed goes to another partition.
        if matches!(self.spare, Spare::Held(_)) {
            self.spare = Spare::None;
        }
    }

    /// A lane came that was waited for.
    pub(super) fn placed(&mut self, cx: &mut PartitionCx<Effect>, owner: &Whose, permit: Permit<Whose>) {
        let leaves = self.leaving.is_cancelled();
        if self.shares.is_some() {
            self.spare = if leaves { Spare::None } else { Spare::Held(permit) };
        } else if leaves || self.outbox.len() >= INLINE_BATCH {
            self.lanes.pass(owner);
        } else {
            self.start_one(cx, owner, permit);
        }
    }

    fn start_one(&mut self, cx: &mut PartitionCx<Effect>, owner: &Whose, permit: Permit<Whose>) {
        if let Some((key, item)) = self.lanes.start(owner) {
            self.begin(cx, key, item, permit);
        }
    }

    fn wait_for(&self, cx: &mut PartitionCx<Effect>, owner: Whose, permit: oneshot::Receiver<Permit<Whose>>) {
        let leaving = self.leaving.clone();
        cx.spawn(async move {
            tokio::select! {
                Ok(permit) = permit => Effect::Place(owner, permit),
                () = leaving.cancelled() => Effect::Done,
            }
        });
    }
}
