//! What an answer means for the reply, its chat and its account: how long to wait, and what the machine is told.

use std::sync::Arc;
use std::time::Duration;

use super::arena::Ix;
use super::error::{ACCOUNT_REFUSED, BOT_DISABLED, NO_ACCOUNT};
use super::job::{Foregone, Job};
use super::parking::{Head, Now, Outcome};
use super::queues::{State, Voice};
use super::send::{Attempt, Effect};
use super::{Dispatch, backoff};
use crate::domain::bot::Bot;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Lane, Limited, SettledStatus};
use crate::domain::ids::{BotId, ConversationId};
use crate::limits::{Keys, Pause, Plan, Wider};
use crate::pipeline::PartitionCx;
use crate::services::channel::{Scope, SendOutcome};
use crate::store::StoreError;

/// A number that has to rest for so long has lost its recipients' trust: somebody should look.
const ALARMING: Duration = Duration::from_secs(10 * 60);

/// Where a reply stands.
#[derive(Debug)]
struct Place {
    chat: Ix,
    line: Ix,
    keys: Keys,
    conversation: ConversationId,
    bot: BotId,
    head: Head,
}

impl Dispatch {
    /// A bot was looked up for its line. One that does not exist has the channel's limits; what is sent for it says so.
    pub(super) fn found(
        &mut self,
        cx: &PartitionCx<Effect>,
        ix: Ix,
        found: Result<(Option<Arc<Bot>>, Wider), StoreError>,
    ) {
        match found {
            Ok((bot, wider)) => self.refresh(ix, bot.as_deref(), Some(wider)),
            Err(error) => self.unclear(cx, ix, &error),
        }
        if let Some(line) = self.queues.get_mut(ix) {
            line.looking = false;
            self.queues.rouse(ix);
        }
    }

    /// A call for a reply is over.
    pub(super) fn sent(
        &mut self,
        cx: &mut PartitionCx<Effect>,
        (chat, head): (Ix, Head),
        job: Box<Job>,
        attempt: Attempt,
        (bot, wider): (Option<&Bot>, Option<Wider>),
    ) {
        let Some(found) = self.queues.chat(chat) else { return };
        let keys = found.keys.unwrap_or_else(|| {
            self.common.limits().keys(&job.reply.bot, &job.reply.conversation, job.is_group())
        });
        let (bot_id, conversation) = (job.reply.bot.clone(), job.reply.conversation.clone());
        let place = Place { chat, line: found.line, keys, conversation, bot: bot_id, head };
        tracing::debug!(
            bot = %place.bot, conversation = %place.conversation, id = %head.id, part = head.part,
            tries = head.attempt, ?attempt, "send"
        );
        self.jobs.insert(head.offset, job);
        self.aside(chat);
        self.queues.called(place.line, !matches!(attempt, Attempt::Called(SendOutcome::Unknown { .. })));
        if bot.is_some() {
            self.refresh(place.line, bot, wider);
        }
        if let (Attempt::Called(_), Some(voice)) =
            (&attempt, self.queues.get(place.line).and_then(|line| line.voice.as_ref()))
        {
            self.common.limits().answered(&voice.plan, &keys, self.moment(cx));
        }
        let goes_on = matches!(attempt, Attempt::Called(SendOutcome::Sent { .. })) && head.part + 1 < head.of;
        let outcome = self.judge(cx, &place, attempt);
        let now = self.now(cx);
        self.machine.outcome(head.offset, outcome, now);
        self.obey(cx);
        if head.place.is_some() && !goes_on {
            self.unload(chat);
        }
    }

    fn judge(&mut self, cx: &mut PartitionCx<Effect>, place: &Place, attempt: Attempt) -> Outcome {
        match attempt {
            Attempt::Called(SendOutcome::Sent { provider_id }) => {
                if let Some(line) = self.queues.get_mut(place.line) {
                    line.failures = 0;
                }
                Outcome::Sent { provider_id }
            }
            Attempt::Called(SendOutcome::Retry { after, scope, reason }) => {
                self.retry(cx, place, (after, scope), reason)
            }
            Attempt::Called(SendOutcome::Rejected { reason, .. }) => Outcome::Rejected { reason },
            Attempt::Called(SendOutcome::Unknown { reason }) => {
                // For its second call, if there is one.
                let until = self.moment(cx) + backoff::unknown();
                self.machine.park_wait_chat(&place.conversation, until);
                Outcome::Unknown { reason }
            }
            Attempt::Disabled => Outcome::Barred { word: BOT_DISABLED, reason: BOT_DISABLED.to_owned() },
            Attempt::Refused(reason) => Outcome::Barred { word: ACCOUNT_REFUSED, reason },
            Attempt::Gone(reason) => Outcome::Barred { word: NO_ACCOUNT, reason },
            Attempt::Unlogged(error) => {
                cx.fail(error);
                Outcome::Unwritten
            }
            Attempt::Unclear(error) => {
                self.unclear(cx, place.line, &error);
                Outcome::Unwritten
            }
            Attempt::Unleased | Attempt::Late => Outcome::Unwritten,
        }
    }

    /// It was certainly not sent: wait for as long as was asked for, or longer each time.
    fn retry(
        &mut self,
        cx: &PartitionCx<Effect>,
        place: &Place,
        (after, scope): (Option<Duration>, Scope),
        reason: String,
    ) -> Outcome {
        let Head { offset, part, attempt, .. } = place.head;
        let span = match (after, scope) {
            (Some(after), _) => after,
            (None, Scope::Message | Scope::Chat | Scope::Templates) => {
                let refusals = self.queues.chat_mut(place.chat).map_or(1, |chat| chat.refused(offset, part));
                if scope != Scope::Chat && refusals >= self.shared.deps.config.tries {
                    return Outcome::Rejected { reason: format!("given up after {attempt} tries: {reason}") };
                }
                if scope == Scope::Chat { backoff::chat(refusals) } else { backoff::message(refusals) }
            }
            (None, Scope::Number | Scope::Bot | Scope::Address) => {
                let failures = self.queues.get_mut(place.line).map_or(1, |line| {
                    line.failures = line.failures.saturating_add(1);
                    line.failures
                });
                backoff::account(failures)
            }
            (None, Scope::App | Scope::Business) => backoff::app(),
        };
        if scope == Scope::Number && span >= ALARMING {
            tracing::error!(bot = %place.bot, seconds = span.as_secs(), reason, "the provider wants the number to rest");
        }
        let now = self.now(cx);
        // What the account or the app has to wait for is the limits' to say; this chat's replies wait at least as long.
        self.machine.park_wait_chat(&place.conversation, now.moment + span);
        let paused = self.pause(place.line, &place.keys, scope, span, now.moment);
        self.write_down(place.line, &place.conversation, paused, now.moment + span, now);
        if matches!(scope, Scope::Chat | Scope::Bot) {
            // Telegram does not say whether it is the chat or the bot: the limits make it the bot's in the end.
            let paused = self
                .queues
                .get(place.line)
                .and_then(|line| line.voice.as_ref())
                .map(|voice| self.common.limits().paused(&voice.plan, &place.keys, now.moment));
            if let Some(paused) = paused.filter(|paused| *paused > now.moment) {
                self.machine.park_wait_bot(&place.bot, paused, now);
            }
        }
        if span > super::SWEEP {
            self.park_soon(now.moment);
        }
        Outcome::Refused
    }

    /// Learns a pause. Returns of what, in the end.
    pub(super) fn pause(
        &mut self,
        line: Ix,
        keys: &Keys,
        scope: Scope,
        span: Duration,
        now: Duration,
    ) -> Option<Pause> {
        let line = self.queues.get(line)?;
        let telegram = line.key.channel == ChannelKind::Telegram;
        let what = match scope {
            Scope::Message | Scope::Templates => return None,
            // Telegram says "too fast" and not who.
            Scope::Chat if telegram => Pause::ChatOrBot,
            Scope::Chat => Pause::Chat,
            Scope::Number => Pause::Number,
            Scope::Bot => Pause::Bot,
            Scope::App => Pause::App,
            Scope::Business => Pause::Business,
            Scope::Address => Pause::NumberOrAddress,
        };
        let plan = line.voice.as_ref().map(|voice| &voice.plan);
        Some(self.common.limits().pause(what, plan.unwrap_or(&Plan::default()), keys, now + span, now))
    }

    /// Has the next owner learn a long wait too. A bot's the machine writes down itself; a message's own is nobody else's.
    pub(super) fn write_down(
        &mut self,
        line: Ix,
        conversation: &ConversationId,
        paused: Option<Pause>,
        until: Duration,
        now: Now,
    ) {
        let Some((key, wider)) = self.queues.get(line).and_then(|line| {
            let voice = line.voice.as_ref()?;
            Some((&line.key, &voice.wider))
        }) else {
            return;
        };
        let of = match paused {
            Some(Pause::Chat) => Some(Limited::Chat(conversation.clone())),
            Some(Pause::Number) => Some(Limited::Number(conversation.beginning(3).to_owned())),
            Some(Pause::App) => wider.app.clone().map(Limited::App),
            Some(Pause::Business) => wider.business.clone().map(Limited::Business),
            Some(Pause::Address) => key.channel.provider().map(|name| Limited::Address(name.to_owned())),
            Some(Pause::Bot | Pause::ChatOrBot | Pause::NumberOrAddress) | None => None,
        };
        if let Some(of) = of {
            self.machine.write_down(of, until, now);
        }
    }

    /// The head of a chat will not be sent, whatever the provider would say.
    pub(super) fn forgo(&mut self, conversation: &ConversationId, why: Foregone) {
        let (status, reason) = match why {
            Foregone::Replay => (SettledStatus::Dropped, "a replay is never sent".to_owned()),
            Foregone::Human => {
                (SettledStatus::Dropped, "human: people have taken the conversation over".to_owned())
            }
            Foregone::Window(refusal) => (SettledStatus::Rejected, refusal.to_string()),
            Foregone::Empty => (SettledStatus::Skipped, "nothing to send".to_owned()),
        };
        tracing::debug!(%conversation, reason, "not sent");
        if let Some(chat) = self.queues.find(conversation) {
            self.aside(chat);
        }
        self.machine.forgo(conversation, status, &reason);
    }

    /// A chat waits for the machine's word; if it has nothing to say, the chat goes when an append is acknowledged.
    pub(super) fn aside(&mut self, chat: Ix) {
        self.queues.aside(chat, State::Idle);
        self.idle.push(chat);
    }

    /// Forgets chats that have nothing to send any more.
    pub(super) fn drop_idle_chats(&mut self) {
        let mut idle = std::mem::take(&mut self.idle);
        idle.retain(|chat| {
            let Some(found) = self.queues.chat(*chat).filter(|found| found.state == State::Idle) else {
                return false;
            };
            let gone = self.machine.is_empty(&found.conversation);
            if gone {
                self.drop_chat(*chat);
            }
            !gone
        });
        self.idle = idle;
    }

    /// A chat has nothing to send any more.
    pub(super) fn drop_chat(&mut self, chat: Ix) {
        self.unload(chat);
        if let (Lane::Ready, Some(found)) = (self.lane, self.queues.chat(chat)) {
            self.common.replies_wait(&found.conversation, false);
        }
        self.queues.remove(chat);
    }

    /// A parked reply need not be at hand any more.
    pub(super) fn unload(&mut self, chat: Ix) {
        if let Some(offset) = self.queues.chat_mut(chat).and_then(|chat| chat.loaded.take()) {
            self.jobs.remove(&offset);
        }
    }

    /// The store can't say who speaks: the account waits, its replies stay.
    fn unclear(&mut self, cx: &PartitionCx<Effect>, ix: Ix, error: &StoreError) {
        let Some(line) = self.queues.get_mut(ix) else { return };
        line.failures = line.failures.saturating_add(1);
        tracing::warn!(bot = %line.key.bot, %error, "who speaks can't be looked up, waiting");
        let wait = backoff::account(line.failures);
        let now = self.moment(cx);
        self.queues.rest_line(ix, now + wait);
    }

    /// A bot that changed may have other limits; an account, another app or business account.
    fn refresh(&mut self, ix: Ix, bot: Option<&Bot>, wider: Option<Wider>) {
        let version = bot.map_or(0, |bot| bot.version);
        let Some(line) = self.queues.get_mut(ix) else { return };
        let known = line.voice.as_ref();
        let same = known.is_some_and(|voice| wider.as_ref().is_none_or(|wider| *wider == voice.wider));
        if same && known.is_some_and(|voice| voice.version == version) {
            return;
        }
        let wider = wider.or_else(|| known.map(|voice| voice.wider.clone())).unwrap_or_default();
        let ttl = bot.and_then(|bot| bot.spec.reply_ttl.span()).map(|span| span.get());
        let (limits, policy) =
            bot.map(|bot| (bot.spec.limits.clone(), bot.spec.on_unknown)).unwrap_or_default();
        let plan = self.common.limits().plan(line.key.channel, &limits, &wider);
        line.voice = Some(Voice { plan, wider, policy, ttl, version });
    }
}
