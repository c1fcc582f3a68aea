//! What an outcome means for the reply, its chat, its account and its record.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::arena::Ix;
use super::error::DispatchError;
use super::job::Job;
use super::results::Outcome;
use super::send::{Attempt, Effect};
use super::{Dispatch, backoff};
use crate::domain::bot::{Bot, BotLimits};
use crate::domain::channel::ChannelKind;
use crate::domain::events::SettledStatus;
use crate::domain::time::Timestamp;
use crate::limits::{Keys, Pause};
use crate::log::LogError;
use crate::pipeline::{PartitionCx, StageError};
use crate::services::channel::{Scope, SendOutcome};
use crate::store::StoreError;

/// Where a reply stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    chat: Ix,
    line: Ix,
    keys: Keys,
}

/// Calls of one part that may end without a clear answer: the first, and one more.
const MAX_UNKNOWN: u32 = 2;

impl Dispatch {
    /// A bot was looked up for its line.
    pub(super) fn found(&mut self, ix: Ix, limits: Result<(BotLimits, i64), StoreError>) {
        let Some(line) = self.queues.get_mut(ix) else { return };
        line.looking = false;
        match limits {
            Ok((limits, version)) => {
                let plan = self.limits.plan(line.key.channel, &limits);
                line.plan = Some((plan, version));
                self.queues.rouse(ix);
            }
            Err(error) => self.unclear(ix, &error),
        }
    }

    /// A call for a reply is over.
    pub(super) fn sent(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        chat: Ix,
        mut job: Box<Job>,
        attempt: Attempt,
        bot: Option<Arc<Bot>>,
    ) {
        let Some(found) = self.queues.chat(chat) else { return };
        let place = Place { chat, line: found.line, keys: found.keys };
        tracing::debug!(
            bot = %job.reply.bot, conversation = %job.reply.conversation, id = %job.reply.id,
            part = job.next, tries = job.tries, ?attempt, "send"
        );
        self.queues.called(place.line, !matches!(attempt, Attempt::Called(SendOutcome::Unknown { .. })));
        if let Some(bot) = bot {
            self.refresh(place.line, &bot);
        }
        if !matches!(attempt, Attempt::Called(_)) {
            job.tries -= 1;
        }
        match attempt {
            Attempt::Called(outcome) => self.judge(cx, place, job, outcome),
            Attempt::Disabled => {
                job.fail(DispatchError::BotDisabled { bot: job.reply.bot.clone() });
                self.refuse(cx, chat, job, "bot_disabled".to_owned());
            }
            Attempt::Gone(what) => {
                job.fail(DispatchError::NoAccount(what.clone()));
                self.refuse(cx, chat, job, what);
            }
            Attempt::Unlogged(error) => {
                self.queues.again(chat, job, None);
                cx.fail(error);
            }
            Attempt::Unclear(error) => {
                self.queues.again(chat, job, None);
                self.unclear(place.line, &error);
            }
        }
    }

    fn judge(&mut self, cx: &mut PartitionCx<Effect>, place: Place, mut job: Box<Job>, outcome: SendOutcome) {
        let chat = place.chat;
        match outcome {
            SendOutcome::Sent { provider_id } => {
                if let Some(line) = self.queues.get_mut(place.line) {
                    line.failures = 0;
                }
                let status = SettledStatus::Sent;
                self.settle(cx, chat, job, Outcome { status, provider_id, reason: None, rest: None });
            }
            SendOutcome::Retry { after, scope, reason } => {
                self.retry(cx, place, job, (after, scope), reason);
            }
            SendOutcome::Rejected { reason, .. } => {
                job.fail(DispatchError::Rejected { part: job.next, reason: reason.clone() });
                self.refuse(cx, chat, job, reason);
            }
            SendOutcome::Unknown { reason } => {
                job.unknown += 1;
                if job.unknown < MAX_UNKNOWN {
                    return self.queues.again(chat, job, Some(Instant::now() + backoff::unknown()));
                }
                job.fail(DispatchError::InDoubt { part: job.next, reason: reason.clone() });
                let status = SettledStatus::InDoubt;
                let reason = Some(reason);
                self.settle(cx, chat, job, Outcome { status, provider_id: None, reason, rest: None });
            }
        }
    }

    /// It was certainly not sent: wait for as long as was asked for, or longer each time.
    fn retry(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        Place { chat, line, keys }: Place,
        mut job: Box<Job>,
        (after, scope): (Option<Duration>, Scope),
        reason: String,
    ) {
        let span = match (after, scope) {
            (Some(after), _) => after,
            (None, Scope::Message | Scope::Chat) => {
                job.refusals += 1;
                if scope == Scope::Chat {
                    backoff::chat(job.refusals)
                } else {
                    backoff::message(job.refusals)
                }
            }
            (None, Scope::Number | Scope::Bot) => {
                let failures = self.queues.get_mut(line).map_or(1, |line| {
                    line.failures = line.failures.saturating_add(1);
                    line.failures
                });
                backoff::account(failures)
            }
            (None, Scope::App) => backoff::app(),
        };
        if scope != Scope::Message {
            // The limits hold the chat back, and all that it concerns.
            self.pause(line, &keys, scope, span);
            return self.queues.again(chat, job, None);
        }
        if job.refusals >= self.shared.deps.config.tries {
            let reason = format!("given up after {} tries: {reason}", job.tries);
            job.fail(DispatchError::Rejected { part: job.next, reason: reason.clone() });
            return self.refuse(cx, chat, job, reason);
        }
        self.queues.again(chat, job, Some(Instant::now() + span));
    }

    /// Learns a pause.
    pub(super) fn pause(&mut self, line: Ix, keys: &Keys, scope: Scope, span: Duration) {
        let telegram = self.queues.get(line).is_some_and(|line| line.key.channel == ChannelKind::Telegram);
        let what = match scope {
            Scope::Message => return,
            // Telegram says "too fast" and not who.
            Scope::Chat if telegram => Pause::ChatOrBot,
            Scope::Chat => Pause::Chat,
            Scope::Number => Pause::Number,
            Scope::Bot => Pause::Bot,
            Scope::App => Pause::App,
        };
        let now = self.moment(Instant::now());
        self.limits.pause(what, keys, now + span, now);
    }

    /// The first reply of a chat that will not be sent, whatever the provider would say.
    pub(super) fn forgo(&mut self, cx: &mut PartitionCx<Effect>, chat: Ix, now: Timestamp) {
        let Some(mut job) = self.queues.begin(chat) else { return };
        let (status, reason) = if job.reply.runid.is_some() {
            (SettledStatus::Dropped, "a replay is never sent")
        } else if job.messages.is_empty() {
            (SettledStatus::Skipped, "nothing to send")
        } else if job.is_late(now) {
            job.fail(DispatchError::Expired);
            (SettledStatus::Expired, "its deadline passed")
        } else {
            return self.queues.again(chat, job, None);
        };
        tracing::debug!(bot = %job.reply.bot, id = %job.reply.id, part = job.next, reason, "not sent");
        let reason = Some(reason.to_owned());
        self.settle(cx, chat, job, Outcome { status, provider_id: None, reason, rest: Some(status) });
    }

    /// The provider will not take it: what follows is not tried.
    fn refuse(&mut self, cx: &mut PartitionCx<Effect>, chat: Ix, job: Box<Job>, reason: String) {
        let rest = Some(SettledStatus::Skipped);
        let (status, reason) = (SettledStatus::Rejected, Some(reason));
        self.settle(cx, chat, job, Outcome { status, provider_id: None, reason, rest });
    }

    fn settle(&mut self, cx: &mut PartitionCx<Effect>, chat: Ix, job: Box<Job>, outcome: Outcome) {
        self.results.push(chat, job, outcome, cx.now(), (cx.partition.partition, cx.epoch));
    }

    /// An append to the ledger is over: the chats whose RESULTs it held go on.
    pub(super) fn settled(&mut self, cx: &mut PartitionCx<Effect>, answer: Result<(), LogError>) {
        if let Err(error) = answer {
            return cx.fail(error);
        }
        for settling in self.results.appended() {
            let (chat, mut job) = (settling.chat, settling.job);
            job.go_on(settling.next);
            if job.next < job.of() {
                self.queues.again(chat, job, None);
                continue;
            }
            self.ledger.close(job.reply.id);
            match job.failure.take() {
                Some((error, tries)) => {
                    cx.dead_letter(job.offset, StageError { attempts: tries, ..error.into() });
                }
                None => cx.finish(job.offset),
            }
            self.queues.over(chat);
        }
    }

    /// The store can't say who speaks: the account waits, its replies stay.
    fn unclear(&mut self, ix: Ix, error: &StoreError) {
        let Some(line) = self.queues.get_mut(ix) else { return };
        line.failures = line.failures.saturating_add(1);
        tracing::warn!(bot = %line.key.bot, %error, "who speaks can't be looked up, waiting");
        let wait = backoff::account(line.failures);
        self.queues.rest_line(ix, Instant::now() + wait);
    }

    /// A bot that changed may have other limits.
    fn refresh(&mut self, ix: Ix, bot: &Bot) {
        if let Some(line) = self.queues.get_mut(ix)
            && line.plan.as_ref().is_none_or(|(_, version)| *version != bot.version)
        {
            line.plan = Some((self.limits.plan(line.key.channel, &bot.spec.limits), bot.version));
        }
    }
}
