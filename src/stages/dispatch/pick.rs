//! Whose turn it is, and whether the limits let it.

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::arena::Ix;
use super::send::{self, Effect};
use super::{Dispatch, Slot};
use crate::domain::channel::ChannelKind;
use crate::domain::events::Signal;
use crate::limits::{Ask, Verdict};
use crate::pipeline::PartitionCx;

/// What a line did with its turn.
enum Turn {
    /// Something, or it found out that it has to wait.
    Over,
    /// Nothing: every call of the process is taken.
    NoSlot,
}

impl Dispatch {
    /// Lines take turns, one send each, until none may go.
    pub(super) fn pick(&mut self, cx: &mut PartitionCx<Effect>, now: Instant) {
        while let Some(line) = self.queues.turn() {
            match self.step(cx, line, now) {
                Turn::Over => self.queues.rouse(line),
                Turn::NoSlot => return self.queues.keep_turn(line),
            }
        }
    }

    fn step(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Instant) -> Turn {
        let Some(line) = self.queues.get_mut(ix) else { return Turn::Over };
        if line.plan.is_none() {
            line.looking = true;
            send::look_up(cx, &self.shared, ix, line.key.clone());
            return Turn::Over;
        }
        if line.signals.is_empty() { self.step_reply(cx, ix, now) } else { self.step_signal(cx, ix, now) }
    }

    fn step_signal(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Instant) -> Turn {
        let Some(slot) = self.slot(cx) else { return Turn::NoSlot };
        let (wall, moment) = (cx.now(), self.moment(now));
        let Some(line) = self.queues.get_mut(ix) else { return Turn::Over };
        let Some((plan, _)) = &line.plan else { return Turn::Over };
        while let Some(signal) = line.signals.pop_front() {
            // With replies waiting, "is typing" would take their place.
            let in_the_way = matches!(signal.signal, Signal::Typing { .. }) && line.has_replies();
            if signal.is_stale(wall) || in_the_way {
                continue;
            }
            match self.limits.take(plan, &signal.keys, Ask::Signal, moment) {
                Verdict::Ready => {
                    let key = line.key.clone();
                    self.queues.call(ix, now);
                    send::signal(cx, &self.shared, ix, key, signal, slot);
                    return Turn::Over;
                }
                Verdict::NotBefore { at, shared: true } => {
                    line.signals.push_front(signal);
                    self.slot = Slot::Held(slot);
                    let at = self.instant(at);
                    self.queues.rest_line(ix, at);
                    return Turn::Over;
                }
                // The chat is paused: when it no longer is, the signal says nothing new.
                Verdict::NotBefore { shared: false, .. } => {}
            }
        }
        self.slot = Slot::Held(slot);
        Turn::Over
    }

    fn step_reply(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Instant) -> Turn {
        let wall = cx.now();
        let Some((chat, job)) = self.queues.first(ix) else { return Turn::Over };
        if job.is_foregone(wall) {
            self.forgo(cx, chat, wall);
            return Turn::Over;
        }
        let ask = if job.next == 0 && job.tries == 0 { Ask::Answer } else { Ask::Message };
        // A web-chat message calls nobody: it is an append.
        let slot = match job.reply.data.channel {
            ChannelKind::Webchat => None,
            _ => match self.slot(cx) {
                Some(slot) => Some(slot),
                None => return Turn::NoSlot,
            },
        };
        match self.may_send(ix, chat, ask, now) {
            Verdict::Ready => self.begin(cx, ix, chat, slot, now),
            Verdict::NotBefore { at, shared } => {
                self.slot = slot.map_or(Slot::Free, Slot::Held);
                let at = self.instant(at);
                if shared { self.queues.rest_line(ix, at) } else { self.queues.rest(chat, at) }
            }
        }
        Turn::Over
    }

    fn may_send(&mut self, line: Ix, chat: Ix, ask: Ask, now: Instant) -> Verdict {
        let moment = self.moment(now);
        match (self.queues.get(line).and_then(|line| line.plan.as_ref()), self.queues.chat(chat)) {
            (Some((plan, _)), Some(chat)) => self.limits.take(plan, &chat.keys, ask, moment),
            // Not reached: both were there a moment ago.
            _ => Verdict::NotBefore { at: moment + super::SWEEP, shared: true },
        }
    }

    fn begin(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        line: Ix,
        chat: Ix,
        slot: Option<OwnedSemaphorePermit>,
        now: Instant,
    ) {
        let Some(key) = self.queues.get(line).map(|line| line.key.clone()) else { return };
        if let Some(mut job) = self.queues.begin(chat) {
            job.tries += 1;
            self.queues.call(line, now);
            send::send(cx, &self.shared, chat, job, key, slot);
        }
    }

    /// One of the process's calls; `None` when all are taken, and then this partition is woken when one is free. They
    /// are given in the order in which partitions asked.
    fn slot(&mut self, cx: &mut PartitionCx<Effect>) -> Option<OwnedSemaphorePermit> {
        match std::mem::replace(&mut self.slot, Slot::Awaited) {
            Slot::Held(slot) => {
                self.slot = Slot::Free;
                Some(slot)
            }
            Slot::Awaited => None,
            Slot::Free => {
                let slots = std::sync::Arc::clone(&self.shared.slots);
                if let Ok(slot) = std::sync::Arc::clone(&slots).try_acquire_owned() {
                    self.slot = Slot::Free;
                    return Some(slot);
                }
                let stop = self.stop.clone();
                cx.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => Effect::Stopped,
                        Ok(slot) = slots.acquire_owned() => Effect::Slot(slot),
                    }
                });
                None
            }
        }
    }
}
