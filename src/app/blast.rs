//! What dispatch costs a message: the same messages to the same fake provider, once by dispatch and once by a bare client.
//!
//! Guarantee: both have the same HTTP client, as many calls under way, the same bots, chats and texts and no limit that holds
//! them back; dispatch keeps its ledger. Timed is from the first message until the provider has the last.

pub mod parked;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::fakes::Fakes;
use super::load::bed::{self, TENANT};
use super::load::plan::Plan;
use super::parts::{Parts, Setup};
use super::settings::Settings;
use super::{roles, work};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{ChatKind, Part, ReplyReady, Route};
use crate::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, SystemClock, Timestamp};
use crate::domain::topics::REPLY_READY;
use crate::domain::units::Rate;
use crate::log::{Outgoing, TopicName};
use crate::services::http::Http;
use crate::sim::SimOptions;
use crate::sim::journal::{Call, Observer};

/// Messages on their way: enough for every connection to be busy, few enough for memory to hold them.
const WINDOW: u64 = 4096;
/// Replies of one append.
const BATCH: usize = 128;
/// Appends under way at once.
const WRITERS: usize = 8;
/// Connections of the bare client, and calls that dispatch may have under way for replies: against a provider that answers at
/// once, more only wait for a processor.
const CONNECTIONS: u32 = 128;
/// How long one call may take.
const CALL: Duration = Duration::from_secs(8);
/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Blast {
    /// Bots that speak.
    pub bots: u32,
    /// Chats that they speak to, spread evenly.
    pub chats: u32,
    /// Bytes of text.
    pub payload: usize,
    /// Sets the texts.
    pub seed: u64,
}

/// A running dispatcher, and a fake provider that takes everything.
#[derive(Debug)]
pub struct Range {
    blast: Blast,
    fakes: Fakes,
    parts: Parts,
    arrived: Arc<Arrived>,
    text: String,
    /// Messages that dispatch was given, over all runs.
    given: AtomicU64,
}

impl Range {
    /// Starts everything.
    ///
    /// # Errors
    /// Names the part that can't be had.
    pub async fn open(settings: Settings, blast: Blast) -> anyhow::Result<Self> {
        let range = Self::idle(settings, blast).await?;
        range.start().await?;
        Ok(range)
    }

    /// Starts everything but dispatch.
    async fn idle(mut settings: Settings, blast: Blast) -> anyhow::Result<Self> {
        let fakes = Fakes::start(SimOptions::for_load, Duration::ZERO).await?;
        fakes.serve(&mut settings);
        // No provider allows this; a limit would be all that is measured.
        let free = Rate::new(1_000_000, Duration::from_secs(1));
        (settings.limits.telegram.bot, settings.limits.telegram.chat) = (free, free);
        // A quarter is kept for campaigns.
        settings.dispatch.in_flight = CONNECTIONS.div_ceil(3) * 4;
        let parts = Parts::open(settings, Arc::new(SystemClock), Setup::Create).await?;
        bed::make_bots(&parts, blast.bots, || ()).await?;
        (0..blast.bots).for_each(|bot| fakes.telegram.register(&bed::token(bot)));
        let arrived = Arc::new(Arrived::default());
        fakes.telegram.journal().observe(Counter(Arc::clone(&arrived)));
        let mut random = fastrand::Rng::with_seed(blast.seed);
        let text = std::iter::repeat_with(|| random.alphanumeric()).take(blast.payload.max(1)).collect();
        Ok(Self { blast, fakes, parts, arrived, text, given: AtomicU64::new(0) })
    }

    /// Starts dispatch.
    async fn start(&self) -> anyhow::Result<()> {
        work::start(&self.parts, StageName::Dispatch)?;
        roles::until_ready(&self.parts, PATIENCE).await
    }

    /// Sends `messages` with a bare client over as many connections as dispatch may use.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn raw(&self, messages: u64) -> anyhow::Result<Duration> {
        let (next, until) = (Arc::new(AtomicU64::new(0)), self.arrived.expect(messages));
        let begun = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (next, http, url) = (Arc::clone(&next), self.parts.http.clone(), self.fakes.telegram.url());
            let (blast, text) = (self.blast, self.text.clone());
            senders.spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= messages {
                        return anyhow::Ok(());
                    }
                    post(&http, &url, blast, n, &text).await?;
                }
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        self.arrived.until(until).await?;
        Ok(begun.elapsed())
    }

    /// Sends `messages` by dispatch, which is always given a little more than it can send.
    ///
    /// # Errors
    /// When the log refuses or nothing arrives any more.
    pub async fn dispatch(&self, messages: u64) -> anyhow::Result<Duration> {
        let first = self.given.fetch_add(messages, Ordering::Relaxed);
        let now = SystemClock.now();
        let replies: Vec<Outgoing> = (first..first + messages).map(|n| self.reply(n, now)).collect();
        let batches: Vec<Vec<Outgoing>> = replies.chunks(BATCH).map(<[_]>::to_vec).collect();
        drop(replies);
        let (base, until) = (self.arrived.count(), self.arrived.expect(messages));
        let begun = Instant::now();
        let (mut given, mut under_way) = (0, JoinSet::new());
        for batch in batches {
            self.arrived.until((base + given).saturating_sub(WINDOW)).await?;
            given += batch.len() as u64;
            // One after the other would measure how soon the disk has a batch.
            if under_way.len() >= WRITERS
                && let Some(written) = under_way.join_next().await
            {
                written??;
            }
            let log = Arc::clone(&self.parts.log);
            under_way.spawn(async move { log.append(&batch).await.map(drop) });
        }
        while let Some(written) = under_way.join_next().await {
            written??;
        }
        self.arrived.until(until).await?;
        Ok(begun.elapsed())
    }

    /// Stops everything.
    pub async fn close(self) {
        self.parts.close().await;
    }

    fn reply(&self, n: u64, now: Timestamp) -> Outgoing {
        let reply = self.envelope(n, now);
        let key = Bytes::copy_from_slice(reply.bot.as_str().as_bytes());
        Outgoing::event(TopicName::from(REPLY_READY), key, reply.encode())
    }

    fn envelope(&self, n: u64, now: Timestamp) -> Envelope<ReplyReady> {
        let (bot, chat) = place(self.blast, n);
        let (tenant, account) = (TenantId::from(TENANT), AccountId::from(Plan::bot_id(bot).to_string()));
        let chat = Plan::chat_id(chat).to_string();
        let root = EventId::root(ChannelKind::Telegram, account.as_str(), &n.to_string());
        let data = ReplyReady {
            channel: ChannelKind::Telegram,
            account: account.clone(),
            chat: chat.clone(),
            thread: None,
            chat_kind: ChatKind::default(),
            route: Route::Script { rule: "bench".to_owned() },
            parts: vec![Part { text: self.text.clone(), ..Part::default() }],
            heard_at: None,
            epoch: None,
            hops: Vec::new(),
        };
        let mut reply = Envelope::root(root, chat.as_str(), now, now, data);
        reply.id = EventId::reply(root, 0);
        reply.conversation = ConversationId::new(&tenant, ChannelKind::Telegram, &account, &chat, None);
        (reply.tenant, reply.bot) = (tenant, BotId::from(Plan::bot_name(bot)));
        reply
    }
}

/// Which bot speaks to which chat: a chat has one bot.
const fn place(blast: Blast, n: u64) -> (u32, u32) {
    let chats = if blast.chats < blast.bots { blast.bots } else { blast.chats };
    let chat = (n % chats as u64) as u32;
    (chat % blast.bots, chat)
}

async fn post(http: &Http, url: &str, blast: Blast, n: u64, text: &str) -> anyhow::Result<()> {
    let (bot, chat) = place(blast, n);
    let url = format!("{url}/bot{}/sendMessage", bed::token(bot));
    let body = format!(r#"{{"chat_id":{},"text":"{text}"}}"#, Plan::chat_id(chat));
    let answer = http.provider().post_json(&url, &[], Bytes::from(body), CALL).await?;
    anyhow::ensure!(answer.status == 200, "the fake provider answered {}", answer.status);
    Ok(())
}

/// Messages that reached the provider.
#[derive(Debug, Default)]
struct Arrived {
    count: AtomicU64,
    /// The count that is waited for: nobody is woken for less, which would cost each message something.
    wanted: AtomicU64,
    news: Notify,
}

impl Arrived {
    fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// The count at which so many more have come.
    fn expect(&self, messages: u64) -> u64 {
        self.count() + messages
    }

    async fn until(&self, count: u64) -> anyhow::Result<()> {
        loop {
            let news = self.news.notified();
            self.wanted.store(count, Ordering::SeqCst);
            let before = self.count();
            if before >= count {
                return Ok(());
            }
            if tokio::time::timeout(PATIENCE, news).await.is_err() && self.count() == before {
                anyhow::bail!("nothing arrived for {PATIENCE:?}, {} messages are missing", count - before);
            }
        }
    }
}

/// Counts what the fake took.
struct Counter(Arc<Arrived>);

impl Observer for Counter {
    fn saw(&self, call: &Call<'_>) {
        if call.method == "sendMessage" && call.status == 200 {
            let count = self.0.count.fetch_add(1, Ordering::SeqCst) + 1;
            if count == self.0.wanted.load(Ordering::SeqCst) {
                self.0.news.notify_waiters();
            }
        }
    }
}
