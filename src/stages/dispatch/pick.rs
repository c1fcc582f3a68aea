//! Whose turn it is, and whether the machine, the lease and the limits let it.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::arena::Ix;
use super::job::Foregone;
use super::parking::{Head, May, Now};
use super::queues::Wake;
use super::send::{self, Effect};
use super::{Dispatch, Slot};
use crate::domain::bot::UnknownPolicy;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Lane, Signal};
use crate::domain::ids::ConversationId;
use crate::limits::{Ask, Keys, Limits, Plan, Verdict};
use crate::pipeline::PartitionCx;

/// A chat that waits longer need not be at hand.
const LONG: Duration = Duration::from_secs(2);
/// How soon bulk looks again whether replies still wait in its chat.
const YIELD: Duration = Duration::from_millis(100);
/// How soon it is looked again whether the statuses of earlier sends are read.
const STATUSES: Duration = Duration::from_millis(50);
/// How soon a lease that is over is looked at again.
const LEASE: Duration = Duration::from_millis(100);

/// How old the limits' word may be when a request is written: at 30 a second no more than 6 can come too many.
pub(super) const FRESH: Duration = Duration::from_millis(200);

/// What a line did with its turn.
enum Turn {
    /// Something, or it found out that it has to wait.
    Over,
    /// Nothing: every call of the process is taken.
    NoSlot,
    /// Nothing: somebody else could own the partition by the time a call is over.
    NoLease,
}

impl Dispatch {
    /// Lines take turns, one send each, until none may go.
    pub(super) fn pick(&mut self, cx: &mut PartitionCx<Effect>) {
        let now = self.now(cx);
        if self.lane == Lane::Bulk && !self.common.is_restored() {
            return self.look_again(now);
        }
        while let Some(line) = self.queues.turn() {
            match self.step(cx, line, now) {
                Turn::Over => self.queues.rouse(line),
                Turn::NoSlot => return self.queues.keep_turn(line),
                Turn::NoLease => {
                    self.queues.keep_turn(line);
                    if !self.unleased {
                        tracing::warn!(partition = %cx.partition, "nothing is sent until the group confirms the partition");
                    }
                    return self.look_again(now);
                }
            }
        }
    }

    /// Nothing may be sent for the moment.
    fn look_again(&mut self, now: Now) {
        if !std::mem::replace(&mut self.unleased, true) {
            self.queues.at(now.moment + LEASE, Wake::Lease);
        }
    }

    fn step(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Now) -> Turn {
        let Some(line) = self.queues.get_mut(ix) else { return Turn::Over };
        if line.voice.is_none() {
            line.looking = true;
            send::look_up(cx, &self.shared, ix, line.key.clone());
            return Turn::Over;
        }
        if line.signals.is_empty() { self.step_reply(cx, ix, now) } else { self.step_signal(cx, ix, now) }
    }

    fn step_signal(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Now) -> Turn {
        if now.moment + self.shared.deps.config.send_timeout.get() >= now.lease {
            return Turn::NoLease;
        }
        let Some(slot) = self.slot(cx) else { return Turn::NoSlot };
        let Now { wall, moment, .. } = now;
        let Some(line) = self.queues.get_mut(ix) else { return Turn::Over };
        let Some(voice) = &line.voice else { return Turn::Over };
        while let Some(signal) = line.signals.pop_front() {
            // With replies waiting, "is typing" would take their place.
            let in_the_way = matches!(signal.signal, Signal::Typing { .. }) && line.has_replies();
            if signal.is_stale(wall) || in_the_way {
                continue;
            }
            let verdict = self.common.limits().take(&voice.plan, &signal.keys, Ask::Signal, moment);
            match verdict {
                Verdict::Ready => {
                    let key = line.key.clone();
                    self.queues.call(ix, moment);
                    send::signal(cx, &self.shared, ix, key, signal, slot);
                    return Turn::Over;
                }
                Verdict::NotBefore { at, shared: true } => {
                    line.signals.push_front(signal);
                    self.keep_slot(slot);
                    self.queues.rest_line(ix, at);
                    return Turn::Over;
                }
                // The chat is paused: when it no longer is, the signal says nothing new.
                Verdict::NotBefore { shared: false, .. } => {}
            }
        }
        self.keep_slot(slot);
        Turn::Over
    }

    fn step_reply(&mut self, cx: &mut PartitionCx<Effect>, ix: Ix, now: Now) -> Turn {
        let Some(chat) = self.next_chat(ix) else { return Turn::Over };
        let Some(conversation) = self.queues.chat(chat).map(|chat| chat.conversation.clone()) else {
            return Turn::Over;
        };
        if self.lane == Lane::Bulk && self.common.do_replies_wait(&conversation) {
            self.rest(chat, now.moment + YIELD, now);
            return Turn::Over;
        }
        match self.machine.may_send(&conversation, now) {
            May::Send(head) => self.try_head(cx, (ix, chat), &conversation, head, now),
            May::NotBefore(at) => {
                // What the whole bot waits for takes one timer.
                if self.machine.bot_until(&conversation) >= at {
                    self.queues.rest_line(ix, at);
                } else {
                    self.rest(chat, at, now);
                }
                Turn::Over
            }
            May::NoLease => Turn::NoLease,
            // The next sweep, or an acknowledgement, says more.
            May::Late | May::Busy => {
                self.aside(chat);
                Turn::Over
            }
            May::Empty => {
                self.drop_chat(chat);
                Turn::Over
            }
        }
    }

    fn try_head(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        (line, chat): (Ix, Ix),
        conversation: &ConversationId,
        head: Head,
        now: Now,
    ) -> Turn {
        let policy = self.policy(line);
        if policy == UnknownPolicy::Reconcile {
            self.want_receipts(cx);
            if !self.statuses.are_read() {
                self.queues.rest_line(line, now.moment + STATUSES);
                return Turn::Over;
            }
            if let Some(provider_id) = self.statuses.reached(head.id, head.part).cloned() {
                self.aside(chat);
                self.machine.reached(conversation, provider_id);
                self.obey(cx);
                return Turn::Over;
            }
        }
        let Some(job) = self.jobs.get_mut(&head.offset) else {
            self.load(cx, (line, chat), conversation, head, now);
            return Turn::Over;
        };
        let closed = job.pass(head.part, now.wall).err().map(Foregone::Window);
        if let Some(why) = job.is_foregone(self.modes.get(conversation), now.wall).or(closed) {
            self.forgo(conversation, why);
            self.obey(cx);
            return Turn::Over;
        }
        let group = job.is_group();
        // A web-chat message calls nobody: it is an append.
        let slot = match job.reply.data.channel {
            ChannelKind::Webchat => None,
            _ => match self.slot(cx) {
                Some(slot) => Some(slot),
                None => return Turn::NoSlot,
            },
        };
        match self.ask((line, chat), (conversation, group), head, now.moment, Limits::take) {
            Verdict::Ready => {
                self.queues.begin(chat, slot, now.moment);
                if !self.machine.send(conversation, policy, now) {
                    // Not reached: it was asked a moment ago.
                    self.queues.undo(chat);
                    self.queues.ready(chat);
                }
                self.obey(cx);
            }
            Verdict::NotBefore { at, shared } => {
                if let Some(slot) = slot {
                    self.keep_slot(slot);
                }
                if shared { self.queues.rest_line(line, at) } else { self.rest(chat, at, now) }
            }
        }
        Turn::Over
    }

    /// A chat waits; for a long time it need not be at hand.
    fn rest(&mut self, chat: Ix, at: Duration, now: Now) {
        self.queues.rest(chat, at);
        if at > now.moment + LONG {
            self.unload(chat);
        }
    }

    /// Has a parked reply loaded, if the limits would let it go now.
    fn load(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        (line, chat): (Ix, Ix),
        conversation: &ConversationId,
        head: Head,
        now: Now,
    ) {
        // Whether it is a group's only the reply itself says; it is asked again when it is at hand.
        match self.ask((line, chat), (conversation, false), head, now.moment, Limits::ask) {
            Verdict::Ready => {
                self.queues.load(chat);
                match head.place {
                    Some(place) => send::load(cx, (&self.shared, &self.payloads), chat, head.offset, place),
                    None => super::obey::astray(cx, format!("a head that is nowhere: {head:?}")),
                }
            }
            Verdict::NotBefore { at, shared: true } => self.queues.rest_line(line, at),
            Verdict::NotBefore { at, shared: false } => self.rest(chat, at, now),
        }
    }

    /// The limits let a chat's head go a moment ago, or do so once more: what waited since, for the ledger as a rule, would
    /// go out together with all that waited with it. What it took first is lost, which is stricter than asked. A head is
    /// late once: a ledger that is always slow would hold it for ever where a limit lets through less than one a moment.
    pub(super) fn is_in_time(
        &mut self,
        chat: Ix,
        (conversation, group): (&ConversationId, bool),
        head: Head,
        now: Duration,
    ) -> bool {
        let Some((line, begun)) = self.queues.chat(chat).map(|chat| (chat.line, chat.begun)) else {
            return false;
        };
        let late = (head.offset, head.part);
        let in_time = now.saturating_sub(begun) <= FRESH
            || self.queues.chat(chat).is_some_and(|chat| chat.late == Some(late))
            || self.ask((line, chat), (conversation, group), head, now, Limits::take) == Verdict::Ready;
        if let Some(chat) = self.queues.chat_mut(chat) {
            chat.late = (!in_time).then_some(late);
        }
        in_time
    }

    /// Asks all limits in this way.
    fn ask(
        &mut self,
        (line, chat): (Ix, Ix),
        (conversation, group): (&ConversationId, bool),
        head: Head,
        moment: Duration,
        way: fn(&mut Limits, &Plan, &Keys, Ask, Duration) -> Verdict,
    ) -> Verdict {
        let ask = match self.lane {
            Lane::Bulk => Ask::Bulk,
            Lane::Ready if head.part == 0 && head.attempt == 0 => Ask::Answer,
            Lane::Ready => Ask::Message,
        };
        let Some(found) = self.queues.get(line) else {
            return Verdict::NotBefore { at: moment, shared: true };
        };
        let keys = self.common.limits().keys(&found.key.bot, conversation, group);
        if let Some(chat) = self.queues.chat_mut(chat) {
            chat.keys = Some(keys);
        }
        match self.queues.get(line).and_then(|line| line.voice.as_ref()) {
            Some(voice) => way(&mut self.common.limits(), &voice.plan, &keys, ask, moment),
            // Not reached: a line without a voice is looked up first.
            None => Verdict::NotBefore { at: moment + super::SWEEP, shared: true },
        }
    }

    /// What the bot wants when nobody can tell; `reconcile` only where statuses name the message.
    fn policy(&self, line: Ix) -> UnknownPolicy {
        let Some(line) = self.queues.get(line) else { return UnknownPolicy::default() };
        match line.voice.as_ref().map_or_else(UnknownPolicy::default, |voice| voice.policy) {
            UnknownPolicy::Reconcile if line.key.channel != ChannelKind::Whatsapp => UnknownPolicy::Resend,
            policy => policy,
        }
    }

    /// One of the process's calls; `None` when all are taken, and then this partition is woken when some are free: one alone
    /// would cost a turn for each call of a busy process. They are given in the order in which partitions asked.
    fn slot(&mut self, cx: &mut PartitionCx<Effect>) -> Option<OwnedSemaphorePermit> {
        match std::mem::replace(&mut self.slot, Slot::Awaited) {
            Slot::Held(mut slots) => {
                let one = slots.split(1);
                self.slot = if slots.num_permits() > 0 { Slot::Held(slots) } else { Slot::Free };
                one
            }
            Slot::Awaited => None,
            Slot::Free => {
                let slots = std::sync::Arc::clone(match self.lane {
                    Lane::Ready => &self.shared.slots,
                    Lane::Bulk => &self.shared.bulk_slots,
                });
                if let Ok(slot) = std::sync::Arc::clone(&slots).try_acquire_owned() {
                    self.slot = Slot::Free;
                    return Some(slot);
                }
                let (stop, some) = (self.stop.clone(), some_slots(self.shared.deps.config.in_flight));
                cx.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => Effect::Stopped,
                        Ok(slots) = slots.acquire_many_owned(some) => Effect::Slot(slots),
                    }
                });
                None
            }
        }
    }

    /// A call that was not needed after all goes to the next line, or to another partition.
    fn keep_slot(&mut self, slot: OwnedSemaphorePermit) {
        match &mut self.slot {
            Slot::Held(slots) => slots.merge(slot),
            other => *other = Slot::Held(slot),
        }
    }
}

/// How many calls are waited for together: a few, of which either lane has many.
fn some_slots(in_flight: u32) -> u32 {
    (in_flight / 32).clamp(1, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_together_can_always_come() {
        for in_flight in 1..2_000 {
            let bulk = (in_flight as usize / super::super::BULK_SHARE).max(1);
            let ready = (in_flight as usize).saturating_sub(bulk).max(1);
            assert!(some_slots(in_flight) as usize <= bulk.min(ready), "{in_flight}");
        }
    }
}
