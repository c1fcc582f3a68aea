//! One batch of a partition on its way: owners are looked up, events normalised, outputs appended together.
//!
//! Guarantee: nothing of a batch is finished before its outputs are durable. While the store or the log is away the
//! batch waits; what can't be processed ever is given up alone, and its neighbours go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::albums::Group;
use super::emit::{self, Known};
use super::normalised::{Normalised, normalise};
use super::people;
use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ConsentNews, TakenBy, WebhookReceived};
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::{ConversationId, EventId};
use crate::domain::modes::Modes;
use crate::domain::time::{Clock, Timestamp};
use crate::failpoint::{self, Failpoint};
use crate::log::{Log, LogError};
use crate::pipeline::partition::Outputs;
use crate::pipeline::{Emission, StageError};
use crate::store::{Directory, StoreError};

/// First and last wait while the store is away.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// How long after a reply was written its echo may come: it waits for the provider, and the provider for us.
const ECHOED_WITHIN_MS: i64 = 86_400_000;

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Offsets whose outputs are durable, and duplicates among them.
    pub(super) finished: Vec<u64>,
    /// Offsets and ids of events that are given up, with the reason.
    pub(super) dead: Vec<(u64, Option<EventId>, StageError)>,
    /// The log can't be written any more, or the partition was lost: nothing after this batch is begun.
    pub(super) failed: Option<LogError>,
}

/// What ingest knows of the people behind an account.
#[derive(Debug, Clone)]
pub(super) struct People {
    /// Who answers where.
    pub(super) modes: Arc<Modes>,
    /// Apps that are inboxes: what they send, a person wrote.
    pub(super) inboxes: Arc<[String]>,
    /// How many partitions the topic of the modes has.
    pub(super) partitions: u32,
}

/// What a batch works with.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) people: People,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: Arc<dyn Log>,
    pub(super) outputs: Arc<Outputs>,
    pub(super) cancel: CancellationToken,
}

/// What a batch takes as one: an event, or the items of an album, whose offsets finish together.
#[derive(Debug)]
pub(super) struct Admitted {
    offsets: Vec<u64>,
    /// None for a duplicate, which has no effect and is finished with its batch.
    events: Vec<Envelope<WebhookReceived>>,
}

impl Admitted {
    pub(super) fn of(group: Group) -> Self {
        let held = std::iter::once(group.first).chain(group.more);
        let (offsets, events) = held.map(|held| (held.offset, *held.event)).unzip();
        Self { offsets, events }
    }

    pub(super) fn duplicate(offset: u64) -> Self {
        Self { offsets: vec![offset], events: Vec::new() }
    }
}

/// What an [`Admitted`] became.
struct Made {
    offsets: Vec<u64>,
    ids: Vec<EventId>,
    emissions: Vec<Emission>,
}

/// A panic while an event was read.
#[derive(Debug, Error)]
#[error("a {0} event made ingest panic")]
struct Panicked(&'static str);

impl Classify for Panicked {
    fn class(&self) -> Class {
        Class::Bug
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }
}

/// Reads an event; the attachments of an album stand in one, with the first caption.
fn read(
    event: &Envelope<WebhookReceived>,
    more: &[Envelope<WebhookReceived>],
) -> Result<Normalised, StageError> {
    let mut it = normalise(&event.data)?;
    for item in more {
        let item = normalise(&item.data)?;
        it.text = it.text.take().or(item.text);
        it.attachments.extend(item.attachments);
        it.mentions.extend(item.mentions);
    }
    Ok(it)
}

/// The verdict of an error without the error.
fn error_like(error: &StageError) -> StageError {
    let StageError { class, origin, reason, attempts, .. } = *error;
    StageError { class, origin, reason, attempts, source: String::new().into() }
}

impl Done {
    /// Gives up what belongs together.
    fn bury(&mut self, offsets: Vec<u64>, ids: &[EventId], error: StageError) {
        let mut rest = offsets.into_iter().zip(ids.iter().copied().map(Some).chain(std::iter::repeat(None)));
        let Some((first, id)) = rest.next() else { return };
        for (offset, id) in rest {
            let source = format!("the album of offset {first}: {error}").into();
            self.dead.push((offset, id, StageError { source, ..error_like(&error) }));
        }
        self.dead.push((first, id, error));
    }
}

impl Worker {
    /// Works a batch off.
    pub(super) async fn run(self, batch: Vec<Admitted>) -> Done {
        let mut done = Done::default();
        let mut out = Vec::with_capacity(batch.len());
        for Admitted { offsets, events } in batch {
            let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
            match self.events(events).await {
                Ok(Some(emissions)) => out.push(Made { offsets, ids, emissions }),
                Ok(None) => return Self::lost(),
                Err(error) => done.bury(offsets, &ids, error),
            }
        }
        let all: Vec<Emission> = out.iter().flat_map(|made| made.emissions.iter().cloned()).collect();
        match self.append(all).await {
            Ok(()) => done.finished.extend(out.into_iter().flat_map(|made| made.offsets)),
            // One of them will never fit; which one, each append of its own tells.
            Err(error) if error.class() == Class::Permanent => {
                for Made { offsets, ids, emissions } in out {
                    match self.append(emissions).await {
                        Ok(()) => done.finished.extend(offsets),
                        Err(error) if error.class() == Class::Permanent => {
                            done.bury(offsets, &ids, error.into());
                        }
                        Err(error) => return Done { failed: Some(error), ..done },
                    }
                }
            }
            Err(error) => return Done { failed: Some(error), ..Done::default() },
        }
        done
    }

    fn lost() -> Done {
        let why = "the partition was given up while the store was away".to_owned();
        Done { failed: Some(LogError::Busy(why)), ..Done::default() }
    }

    /// The outputs of one event, or of an album; `None` when the partition was lost.
    async fn events(
        &self,
        mut events: Vec<Envelope<WebhookReceived>>,
    ) -> Result<Option<Vec<Emission>>, StageError> {
        if events.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let event = events.remove(0);
        let now = self.clock.now();
        let drop = |reason| Ok(Some(vec![emit::dropped(&event, reason, None, None, now)]));
        if event.tenant.is_unresolved() || event.bot.is_unresolved() {
            return drop("unknown_account");
        }
        let Some(found) = self.ask(|| self.directory.bot(&event.tenant, &event.bot)).await? else {
            return Ok(None);
        };
        let Some(bot) = found else { return drop("unknown_bot") };
        let (began, channel) = (Instant::now(), event.data.channel.as_str());
        let read = catch_unwind(AssertUnwindSafe(|| read(&event, &events)));
        let it = read.unwrap_or_else(|_| Err(Panicked(channel).into()))?;
        if !self.note_failure(&event, &it).await? || !self.note_business(&event, &it).await? {
            return Ok(None);
        }
        let Some(mut known) = self.known(&event, &it).await? else { return Ok(None) };
        let mut out = Vec::with_capacity(1 + events.len());
        let Some(consents) = self.consents(&event, &it).await? else { return Ok(None) };
        known.consents = consents;
        let Some(handed) = self.hand_over(&event, &it, &bot).await? else { return Ok(None) };
        out.extend(handed);
        let conversation = emit::conversation(&event, &it, known.chat.as_deref());
        known.standing = conversation.and_then(|conversation| self.people.modes.get(&conversation));
        let made = catch_unwind(AssertUnwindSafe(|| {
            emit::emissions(event, it, &bot, &known, self.clock.now(), began.elapsed())
        }));
        out.extend(made.map_err(|_| StageError::from(Panicked(channel)))?);
        for item in &events {
            out.push(emit::dropped(item, "album", Some("an item of the album before it".into()), None, now));
        }
        Ok(Some(out))
    }

    /// Which conversation the event belongs to and what its bot is called; `None` when the partition was lost.
    async fn known(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
    ) -> Result<Option<Known>, StoreError> {
        let (tenant, channel, account) = (&root.tenant, root.data.channel, &root.data.account);
        let directory = &self.directory;
        let mut known = Known { chat: it.chat.clone(), ..Known::default() };
        if let (Some(old), Some(new)) = (&it.chat, &it.moved_to) {
            let asked = || {
                directory.number_changed(tenant, (channel, account), (old, new), &it.aliases, root.roottime)
            };
            let Some(chat) = self.ask(asked).await? else { return Ok(None) };
            known.chat = Some(chat);
        } else if let Some(chat) = it.chat.as_ref().filter(|_| it.may_have_aliases(channel)) {
            let (first, aliases) = it.identity(chat);
            let asked = || directory.conversation_chat(tenant, channel, account, first, &aliases);
            let Some(chat) = self.ask(asked).await? else { return Ok(None) };
            known.chat = Some(chat);
        }
        let shown = it.shown_bot.as_ref().filter(|(id, _)| id == account.as_str());
        if let Some((_, handle)) = shown {
            known.handle = Some(handle.clone());
            let learned = || directory.learn_handle(tenant, channel, account, handle);
            if self.ask(learned).await?.is_none() {
                return Ok(None);
            }
        } else if it.may_name_a_bot() {
            let Some(handle) = self.ask(|| directory.handle(tenant, channel, account)).await? else {
                return Ok(None);
            };
            known.handle = handle;
        }
        Ok(Some(known))
    }

    /// The records that hand conversations to people, where the event says that somebody spoke there, or back to the bot;
    /// `None` when the partition was lost.
    async fn hand_over(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
        bot: &Bot,
    ) -> Result<Option<Vec<Emission>>, StoreError> {
        let mut out = Vec::new();
        let taken = people::taken(it, root.data.channel, &self.people.inboxes);
        let (by, chats) = taken.map_or((None, Vec::new()), |(by, chats)| (Some(by), chats));
        for (ordinal, chat) in (0..).zip(&chats) {
            let Some(conversation) = self.conversation_of(root, it, chat).await? else { return Ok(None) };
            let Some(by) = by else { break };
            match self.is_own(root, it, (by, &conversation)).await? {
                Some(true) => continue,
                Some(false) => {}
                None => return Ok(None),
            }
            let (whose, now) = ((bot, &*self.people.modes), self.clock.now());
            let what = (&conversation, by, ordinal);
            out.extend(people::handed_over(root, what, whose, self.people.partitions, now));
        }
        if let Some(chat) = people::passed(it, &self.people.inboxes) {
            let Some(conversation) = self.conversation_of(root, it, chat).await? else { return Ok(None) };
            let (modes, partitions) = (&*self.people.modes, self.people.partitions);
            out.extend(people::given_back(root, &conversation, modes, partitions, self.clock.now()));
        }
        Ok(Some(out))
    }

    /// True for an echo without our mark that is a message of ours all the same, by what the provider calls it; `None` when the
    /// partition was lost.
    async fn is_own(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
        (by, conversation): (TakenBy, &ConversationId),
    ) -> Result<Option<bool>, StoreError> {
        let Some(message) = it.message_id.as_deref().filter(|_| by == TakenBy::Echo) else {
            return Ok(Some(false));
        };
        let since = Timestamp::from_millis(root.roottime.millis().saturating_sub(ECHOED_WITHIN_MS));
        self.ask(|| self.directory.has_sent(&root.tenant, conversation, message, since)).await
    }

    /// Whose wish to be written to the event changes; `None` when the partition was lost.
    async fn consents(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
    ) -> Result<Option<Vec<ConsentNews>>, StoreError> {
        let mut news = Vec::with_capacity(it.consents.len());
        for (chat, consent, by) in &it.consents {
            let Some(conversation) = self.conversation_of(root, it, chat).await? else { return Ok(None) };
            news.push(ConsentNews { conversation, consent: *consent, by: *by });
        }
        Ok(Some(news))
    }

    /// The conversation of another chat than the event's own; `None` when the partition was lost.
    async fn conversation_of(
        &self,
        root: &Envelope<WebhookReceived>,
        it: &Normalised,
        chat: &str,
    ) -> Result<Option<ConversationId>, StoreError> {
        let (tenant, channel, account) = (&root.tenant, root.data.channel, &root.data.account);
        let mut named = chat.to_owned();
        if it.may_have_aliases(channel) {
            let asked = || self.directory.conversation_chat(tenant, channel, account, chat, &[]);
            let Some(first) = self.ask(asked).await? else { return Ok(None) };
            named = first;
        }
        Ok(Some(ConversationId::new(tenant, channel, account, &named, it.thread.as_deref())))
    }

    /// Asks the store until it answers; `None` when the partition was lost meanwhile.
    pub(super) async fn ask<T, F>(&self, ask: impl Fn() -> F) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut wait = AGAIN.0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if matches!(error.class(), Class::Transient { .. } | Class::Throttled { .. }) => {
                    tracing::warn!(%error, "the store can't be asked, trying again");
                }
                Err(error) => return Err(error),
            }
            if !self.pause(&mut wait).await {
                return Ok(None);
            }
        }
    }

    /// Returns when everything is durable. Who answers where goes first, by itself: what is kept for ever stands apart
    /// from the other topics, and a turn behind a hand-over knows of it.
    async fn append(&self, emissions: Vec<Emission>) -> Result<(), LogError> {
        let (modes, rest): (Vec<_>, Vec<_>) =
            emissions.into_iter().partition(|emission| emission.port == people::PORT);
        for part in [modes, rest].into_iter().filter(|part| !part.is_empty()) {
            failpoint::pass(Failpoint::Ingesting);
            self.outputs.append(&*self.log, part, &self.cancel).await?;
            failpoint::pass(Failpoint::Ingested);
        }
        Ok(())
    }

    /// Waits longer each time; false when the partition was lost.
    async fn pause(&self, wait: &mut Duration) -> bool {
        tokio::select! {
            () = self.cancel.cancelled() => false,
            () = tokio::time::sleep(*wait) => {
                *wait = (*wait * 2).min(AGAIN.1);
                true
            }
        }
    }
}
