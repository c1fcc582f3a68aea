//! Does what the machine says: appends in its order, sends, and finishes what it calls complete.
//!
//! Guarantee: every command is taken in the order in which it was given, and each log's answers go back to the machine in
//! the order of its appends.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Dispatch;
use super::parking::{Command, DeadLetter, Entry, Head, Search, Verdict};
use super::queues::{LineKey, State};
use super::records::{self, Desk, LedgerDraft, LetterDraft, Whose};
use super::send::{self, Attempt, Effect, Sending};
use super::{parking::Change, restore};
use crate::domain::events::Lane;
use crate::domain::failure::{Class, Classify};
use crate::domain::ids::{ConversationId, EventId};
use crate::domain::time::Timestamp;
use crate::failpoint::{self, Failpoint};
use crate::log::{Log, LogError, Payloads, Place, Position, TopicPartition};
use crate::pipeline::{Emission, PartitionCx};

/// How far the clocks of providers and ours may differ, in milliseconds.
const CLOCKS: i64 = 5 * 60 * 1000;
/// Between two tries to search the ledger.
const AGAIN: Duration = Duration::from_secs(1);
/// What a RESULT takes, about.
const RESULT_BYTES: usize = 512;

impl Dispatch {
    /// Takes and does what the machine wants, until it wants nothing.
    pub(super) fn obey(&mut self, cx: &mut PartitionCx<Effect>) {
        loop {
            let commands = self.machine.commands();
            if commands.is_empty() {
                break;
            }
            for command in commands {
                match command {
                    Command::Ledger(Entry::Mark(mark)) => {
                        self.ledger.push(LedgerDraft::Mark(mark), RESULT_BYTES);
                    }
                    Command::Ledger(Entry::Result(verdict)) => self.result(cx, verdict),
                    Command::Parked(change) => self.park(cx, change),
                    Command::DeadLetter(letter) => self.bury(letter),
                    Command::Complete(offset) => {
                        self.jobs.remove(&offset);
                        cx.finish(offset);
                    }
                    Command::Send(head) => self.send(cx, head),
                    Command::LookUp(ids) => self.look_up(cx, ids),
                    Command::Ready(chat) => self.ready(cx, &chat),
                    Command::Crowd(crowd) => self.crowd(cx, crowd),
                    Command::Gone(chat) => self.gone(&chat),
                    Command::Free(place) => self.freed.push(place),
                }
            }
        }
    }

    fn desk(&self, cx: &PartitionCx<Effect>) -> Desk {
        Desk { partition: cx.partition.partition, epoch: cx.epoch, lane: self.lane }
    }

    fn result(&mut self, cx: &mut PartitionCx<Effect>, verdict: Verdict) {
        let now = cx.now();
        let draft = match (self.jobs.get(&verdict.offset), verdict.place) {
            (Some(job), _) => LedgerDraft::Result(verdict, now, Whose::of(&job.reply)),
            (None, Some(place)) => LedgerDraft::Load(verdict, now, place),
            // What is not parked is at hand until it is complete.
            (None, None) => return astray(cx, format!("a RESULT of nothing: {verdict:?}")),
        };
        self.ledger.push(draft, RESULT_BYTES);
    }

    fn park(&mut self, cx: &mut PartitionCx<Effect>, change: Change) {
        let job = match &change {
            Change::Put { offset, .. } => self.jobs.get(offset),
            Change::Del(_) | Change::DelEpoch(_) | Change::Limit { .. } | Change::DelLimit(_) => None,
        };
        match records::parked(change, job.map(AsRef::as_ref), self.desk(cx)) {
            Some(draft) => {
                let bytes = draft.emission.value.len() + draft.emission.key.len();
                self.parked.push(draft, bytes);
            }
            None => astray(cx, "a PUT of nothing".to_owned()),
        }
    }

    fn bury(&mut self, letter: DeadLetter) {
        let job = self.jobs.get(&letter.offset);
        let record = job.map(|job| (job.record.clone(), job.reply.bot.clone()));
        let bytes = record.as_ref().map_or(RESULT_BYTES, |(record, _)| record.bytes());
        self.letters.push(LetterDraft { letter, record }, bytes);
    }

    /// The request is written now.
    fn send(&mut self, cx: &mut PartitionCx<Effect>, head: Head) {
        let Some(job) = self.jobs.remove(&head.offset) else {
            return astray(cx, format!("a call for nothing: {head:?}"));
        };
        let Some(chat) = self.queues.find(&job.reply.conversation) else {
            return astray(cx, format!("a call in no chat: {head:?}"));
        };
        let (now, group) = (self.moment(cx), job.is_group());
        let in_time = self.is_in_time(chat, (&job.reply.conversation, group), head, now);
        self.queues.aside(chat, State::Out);
        let slot = self.queues.chat_mut(chat).and_then(|chat| chat.slot.take());
        let line = self.queues.chat(chat).and_then(|chat| self.queues.get(chat.line));
        let Some(key) = line.map(|line| line.key.clone()) else {
            return astray(cx, format!("a call without an account: {head:?}"));
        };
        if in_time {
            send::send(cx, &self.shared, Sending { chat, head, job, key, slot });
        } else {
            let attempt = Attempt::Late;
            cx.spawn(async move { Effect::Sent { chat, head, job, attempt, bot: None, wider: None } });
        }
    }

    fn look_up(&self, cx: &mut PartitionCx<Effect>, ids: Vec<EventId>) {
        let ledger = TopicPartition::new(cx.outputs.topic(records::SETTLED), cx.partition.partition);
        // A part is settled after what it answers was written, by clocks that differ a little.
        let asked: HashSet<EventId> = ids.into_iter().collect();
        let roots = self.jobs.values().filter(|job| asked.contains(&job.reply.id));
        let since = roots.map(|job| job.reply.roottime).min().unwrap_or_default();
        let since = Timestamp::from_millis(since.millis().saturating_sub(CLOCKS));
        let (log, stop, lane) = (Arc::clone(&cx.log), self.stop.clone(), self.lane);
        cx.spawn(async move {
            tokio::select! {
                // Whoever comes next asks again.
                () = stop.cancelled() => Effect::Stopped,
                found = search_again(&*log, lane, &ledger, since, &asked) => Effect::Searched(found),
            }
        });
    }

    /// A chat's head may have become free to send.
    fn ready(&mut self, cx: &PartitionCx<Effect>, conversation: &ConversationId) {
        let now = self.moment(cx);
        let chat = match self.queues.find(conversation) {
            Some(chat) => chat,
            None => {
                let (Some((tenant, channel, account)), Some(bot)) =
                    (conversation.account(), self.machine.bot_of(conversation).cloned())
                else {
                    return tracing::error!(%conversation, "a conversation that nobody can speak in");
                };
                let line = self.queues.line(LineKey { tenant, bot, channel, account }, now);
                if self.lane == Lane::Ready {
                    self.common.replies_wait(conversation, true);
                }
                self.queues.add(conversation.clone(), line)
            }
        };
        match self.queues.chat(chat).map(|chat| chat.state) {
            // They come back by themselves.
            Some(State::Loading | State::Out) | None => {}
            Some(State::Begun) => {
                self.queues.undo(chat);
                self.queues.ready(chat);
            }
            Some(State::Idle | State::Ready | State::Waiting(_)) => self.queues.ready(chat),
        }
    }

    /// Begins the appends that wait.
    pub(super) fn flush(&mut self, cx: &mut PartitionCx<Effect>) {
        let desk = self.desk(cx);
        if let Some(drafts) = self.ledger.depart() {
            let marks = |unsent| drafts.iter().any(|draft| draft.marks(unsent));
            let (marked, unmarked) = (marks(false), marks(true));
            let (outputs, payloads) = (Arc::clone(&cx.outputs), Arc::clone(&self.payloads));
            let (log, cancel) = (Arc::clone(&cx.log), cx.cancel.clone());
            cx.spawn(async move {
                Effect::Settled(match records::ledger(drafts, desk, &payloads).await {
                    Ok(emissions) => {
                        let appended = outputs.append(&*log, emissions, &cancel).await;
                        failpoint::pass(Failpoint::Settled);
                        pass_if(marked, Failpoint::Marked);
                        pass_if(unmarked, Failpoint::Unmarked);
                        appended
                    }
                    Err(error) => Err(error),
                })
            });
        }
        if let Some(drafts) = self.parked.depart() {
            let payloads = Arc::clone(&self.payloads);
            let (emissions, kept): (Vec<_>, Vec<_>) =
                drafts.into_iter().map(|draft| (draft.emission, draft.payload)).unzip();
            let puts = kept.iter().any(Option::is_some);
            let dels = emissions
                .iter()
                .any(|emission: &Emission| emission.value.is_empty() && !emission.key.contains(&b':'));
            let append = cx.append(emissions);
            cx.spawn(async move {
                pass_if(puts, Failpoint::Parking);
                pass_if(dels, Failpoint::Unparking);
                let appended = append.await;
                pass_if(puts, Failpoint::Parked);
                pass_if(dels, Failpoint::Unparked);
                Effect::Parked(keep(appended, kept, payloads).await)
            });
        }
        if let Some(drafts) = self.letters.depart() {
            let (lane, now) = (cx.partition.clone(), cx.now());
            let parts = (Arc::clone(&self.payloads), Arc::clone(&cx.log), cx.cancel.clone());
            cx.spawn(async move {
                let buried = records::bury(drafts, lane, now, parts).await;
                failpoint::pass(Failpoint::Buried);
                Effect::Buried(buried)
            });
        }
        if !self.freed.is_empty() {
            let (payloads, freed) = (Arc::clone(&self.payloads), std::mem::take(&mut self.freed));
            cx.spawn(async move {
                let free = move || freed.into_iter().for_each(|place| payloads.free(place));
                // It only gives space back, and nobody waits for it.
                drop(tokio::task::spawn_blocking(free).await);
                Effect::Stopped
            });
        }
    }
}

/// Searches until it succeeds or trying again can't help.
async fn search_again(
    log: &dyn Log,
    lane: Lane,
    ledger: &TopicPartition,
    since: Timestamp,
    ids: &HashSet<EventId>,
) -> Result<Search, LogError> {
    loop {
        let mut search = Search::new(lane, ids.iter().copied());
        match restore::search_since(log, ledger, since, &mut search).await {
            Ok(()) => return Ok(search),
            // The beginning may be deleted while it is read.
            Err(error)
                if matches!(error, LogError::OutOfRange { .. })
                    || matches!(error.class(), Class::Transient { .. }) =>
            {
                tracing::warn!(%ledger, %error, "the ledger can't be searched now, trying again");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The machine and the stage differ about what there is: a defect. The loop stops with its offsets kept, and everything
/// is read anew.
pub(super) fn astray(cx: &mut PartitionCx<Effect>, what: String) {
    debug_assert!(false, "{what}");
    cx.fail(LogError::Mismatch(format!("{} holds {what}", cx.partition)));
}

fn pass_if(passes: bool, point: Failpoint) {
    if passes {
        failpoint::pass(point);
    }
}

/// Keeps the replies of an append that is durable where the machine can ask for them again.
async fn keep(
    appended: Result<Vec<Position>, LogError>,
    kept: Vec<Option<bytes::Bytes>>,
    payloads: Arc<Payloads>,
) -> Result<Vec<Place>, LogError> {
    appended?;
    let replies: Vec<_> = kept.iter().flatten().cloned().collect();
    let stored = tokio::task::spawn_blocking(move || payloads.store(&replies)).await;
    let mut stored = stored.map_err(|gone| LogError::Closed(gone.to_string()))??.into_iter();
    Ok(kept.into_iter().map(|reply| reply.and_then(|_| stored.next()).unwrap_or_default()).collect())
}
