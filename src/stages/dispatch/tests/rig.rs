//! Drives one partition by hand: what the runtime would do, on a paused clock.

mod seen;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::super::send::Effect;
use super::super::*;
use super::group::{TestClock, TestOwnership, context};
use super::log::MemoryLog;
use super::people::Manner;
use super::said::factory;
pub(super) use super::said::{Say, say};
use crate::config::Secret;
use crate::domain::bot::{Bot, BotSpec};
use crate::domain::envelope::Envelope;
use crate::domain::events::{
    Part, ReceiptReceived, ReceiptStatus, ReplyReady, Route, Settled, SettledStatus, Signal, SignalReady,
};
use crate::domain::ids::{AccountId, BotId, ConversationId, EventId, TenantId};
use crate::domain::time::{Clock, Timestamp};
use crate::log::Outgoing;
use crate::services::channel::fake::FakeChannel;
use crate::store::Account;
use crate::store::fake::FakeDirectory;

pub(super) const READY: &str = "reply.ready.v1";
pub(super) const BULK: &str = "reply.bulk.v1";
pub(super) const SETTLED: &str = "reply.settled.v1";
pub(super) const PARKED: &str = "reply.parked.v1";
pub(super) const WEBCHAT: &str = "webchat.out.v1";
pub(super) const BACKLOG: &str = "bot.backlog.v1";
/// The partition under test.
pub(super) const P: u32 = 3;

/// What became of an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Finished,
    /// With its reason.
    Dead(&'static str),
}

pub(super) struct Rig {
    /// Of its lane.
    topic: &'static str,
    factory: DispatchFactory,
    pub(super) cx: PartitionCx<Effect>,
    pub(super) stage: Dispatch,
    pub(super) log: Arc<MemoryLog>,
    pub(super) directory: Arc<FakeDirectory>,
    pub(super) telegram: Arc<FakeChannel>,
    pub(super) whatsapp: Arc<FakeChannel>,
    pub(super) ownership: Arc<TestOwnership>,
    /// In the order in which offsets ended.
    pub(super) ends: Vec<(u64, End)>,
    pub(super) config: DispatchConfig,
    pub(super) limits: LimitsConfig,
    /// How replies are written.
    pub(super) manner: Manner,
    /// How far the wall clock was set ahead, in milliseconds.
    pub(super) ahead: Arc<AtomicI64>,
    open: BTreeSet<u64>,
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::with(FakeChannel::new(ChannelKind::Telegram), Duration::from_millis(1)).await
    }

    pub(super) async fn with(telegram: FakeChannel, log_latency: Duration) -> Self {
        Self::tuned(telegram, log_latency, DispatchConfig::default(), LimitsConfig::default()).await
    }

    pub(super) async fn tuned(
        telegram: FakeChannel,
        log_latency: Duration,
        config: DispatchConfig,
        limits: LimitsConfig,
    ) -> Self {
        let ahead = Arc::<AtomicI64>::default();
        let clock: Arc<dyn Clock> = Arc::new(TestClock { origin: Instant::now(), ahead: Arc::clone(&ahead) });
        let log = Arc::new(MemoryLog::new(Arc::clone(&clock), log_latency));
        let directory = Arc::new(FakeDirectory::default());
        let telegram = Arc::new(telegram);
        let whatsapp = Arc::new(FakeChannel::new(ChannelKind::Whatsapp));
        let ownership =
            Arc::new(TestOwnership { claimed: Mutex::default(), lease: Mutex::new(Duration::MAX / 4) });
        let cx = context(READY, &log, &clock, &ownership, 1);
        let factory = factory(&directory, [&telegram, &whatsapp], &config, &limits);
        let stage = factory.create(&cx.partition);
        let mut rig = Self {
            topic: READY,
            factory,
            cx,
            stage,
            log,
            directory,
            telegram,
            whatsapp,
            ownership,
            ends: Vec::new(),
            config,
            limits,
            manner: Manner::default(),
            ahead,
            open: BTreeSet::new(),
        };
        for bot in ["a", "b", "c"] {
            rig.put_bot(bot, |_| ());
        }
        rig.restore().await;
        rig
    }

    /// The other lane of the same partition, in the same process.
    pub(super) async fn bulk(&self) -> Self {
        let ownership =
            Arc::new(TestOwnership { claimed: Mutex::default(), lease: Mutex::new(Duration::MAX / 4) });
        let cx = context(BULK, &self.log, &self.cx.clock, &ownership, 1);
        let mut bulk = Self {
            topic: BULK,
            factory: self.factory.clone(),
            stage: self.factory.create(&cx.partition),
            cx,
            log: Arc::clone(&self.log),
            directory: Arc::clone(&self.directory),
            telegram: Arc::clone(&self.telegram),
            whatsapp: Arc::clone(&self.whatsapp),
            ownership,
            ends: Vec::new(),
            config: self.config.clone(),
            limits: self.limits.clone(),
            manner: self.manner,
            ahead: Arc::clone(&self.ahead),
            open: BTreeSet::new(),
        };
        bulk.restore().await;
        bulk
    }

    /// Like [`Rig::take_over`], after the replies' lane was taken over by the same process.
    pub(super) async fn take_over_beside(&mut self, ready: &Self) {
        self.factory = ready.factory.clone();
        self.take_over_with(false).await;
    }

    /// The owner is gone, another one takes over and reads on behind what was committed: everything that is finished, as
    /// far as nothing before it is open.
    pub(super) async fn take_over(&mut self) {
        self.take_over_with(true).await;
    }

    async fn take_over_with(&mut self, new: bool) {
        let end = self.log.end(self.topic, P);
        let watermark = self.open.first().copied().unwrap_or(end);
        self.restart_at(watermark, new).await;
        self.ends.clear();
        if watermark < end {
            self.admit(watermark);
        }
    }

    /// The owner is gone, another one takes over: nothing is kept but the log and the low position.
    pub(super) async fn restart(&mut self) {
        self.restart_at(0, true).await;
    }

    /// `new` = in a process of its own.
    async fn restart_at(&mut self, watermark: u64, new: bool) {
        self.cx.cancel.cancel();
        let clock = Arc::clone(&self.cx.clock);
        let low = self.cx.low;
        self.cx = context(self.topic, &self.log, &clock, &self.ownership, self.cx.epoch + 1);
        (self.cx.low, self.cx.start, self.cx.position) = (low, watermark, watermark);
        if new {
            let channels = [&self.telegram, &self.whatsapp];
            self.factory = factory(&self.directory, channels, &self.config, &self.limits);
        }
        self.stage = self.factory.create(&self.cx.partition);
        self.open.clear();
        self.restore().await;
    }

    async fn restore(&mut self) {
        let restored = self.stage.restore(&mut self.cx).await.unwrap();
        assert_eq!(restored, Restored::default());
    }

    /// The provider wants an account of a bot to rest.
    pub(super) async fn rest(&self, channel: ChannelKind, name: &str, span: Duration) {
        let found = self.directory.account(channel, &AccountId::from(name)).await.unwrap().unwrap();
        let rests_until = self.cx.clock.now().plus(span);
        self.directory.put_account(Account { rests_until, ..(*found).clone() });
    }

    pub(super) fn put_bot(&self, name: &str, change: impl FnOnce(&mut Bot)) {
        let spec: BotSpec = serde_json::from_value(serde_json::json!({"bot": name})).unwrap();
        let mut bot = Bot {
            tenant: TenantId::from("t"),
            version: 1,
            enabled: true,
            spec,
            accounts: Vec::new(),
            bases: Vec::new(),
        };
        change(&mut bot);
        self.directory.put_bot(bot);
        for channel in ChannelKind::ALL {
            self.directory.put_account(Account {
                tenant: TenantId::from("t"),
                bot: BotId::from(name),
                channel,
                id: AccountId::from(name),
                app: None,
                token: Secret::new("token".to_owned()),
                secret: Secret::default(),
                origins: Vec::new(),
                rests_until: Timestamp::default(),
                refusal: None,
                refusals_since: Timestamp::default(),
            });
        }
    }

    /// Appends replies to the partition; their offsets.
    pub(super) fn write(&mut self, says: &[Say]) -> Vec<u64> {
        says.iter().map(|say| self.write_one(say)).collect()
    }

    fn write_one(&mut self, say: &Say) -> u64 {
        let offset = self.log.end(self.topic, P);
        let root = format!("{}{}", if self.topic == BULK { "bulk" } else { "" }, say.root.unwrap_or(offset));
        let root = EventId::root(say.channel, say.bot, &root);
        let (bot, account) = (BotId::from(say.bot), AccountId::from(say.bot));
        let content = self.manner.template.then(super::people::template);
        let part = |text: &String| Part { text: text.clone(), content: content.clone(), ..Part::default() };
        let parts = say.texts.iter().map(part).collect();
        let now = self.cx.now();
        let data = ReplyReady {
            channel: say.channel,
            account: account.clone(),
            chat: say.chat.clone(),
            thread: None,
            chat_kind: crate::domain::events::ChatKind::Private,
            route: if self.manner.person { Route::Person } else { Route::Extractive },
            parts,
            heard_at: self.manner.heard.map(|hours| Timestamp::from_millis(now.millis() - hours * 3_600_000)),
            epoch: self.manner.epoch,
            hops: Vec::new(),
        };
        let mut event = Envelope::root(root, String::new(), now, now, data);
        event.id = EventId::reply(root, 0);
        event.tenant = TenantId::from("t");
        event.conversation = ConversationId::new(&event.tenant, say.channel, &account, &say.chat, None);
        event.bot = bot;
        event.deadline = say.ttl.map(|ttl| now.plus(ttl));
        event.runid.clone_from(&say.runid);
        self.log.put(Outgoing::event(self.topic.into(), say.bot.to_owned(), event.encode()).at(P))
    }

    /// Hands records from `from` on to the stage.
    pub(super) fn admit(&mut self, from: u64) {
        let records = self.log.records(self.topic, P).split_off(usize::try_from(from).unwrap());
        self.cx.position = self.cx.position.max(records.last().map_or(0, |record| record.offset + 1));
        self.open.extend(records.iter().map(|record| record.offset));
        self.stage.admit(&mut self.cx, records);
        self.stage.turn(&mut self.cx);
        self.collect();
    }

    /// Writes and admits; the first offset.
    pub(super) fn send(&mut self, says: &[Say]) -> u64 {
        let first = self.write(says)[0];
        self.admit(first);
        first
    }

    pub(super) fn write_signal(&self, bot: &str, chat: &str, signal: Signal, age: Duration) {
        let at = Timestamp::from_millis(self.cx.now().millis() - i64::try_from(age.as_millis()).unwrap());
        let root = EventId::root(ChannelKind::Telegram, bot, &format!("{chat}{signal:?}"));
        let data = SignalReady {
            channel: ChannelKind::Telegram,
            account: AccountId::from(bot),
            chat: chat.to_owned(),
            signal,
            at,
        };
        let mut event = Envelope::root(root, String::new(), at, at, data);
        event.tenant = TenantId::from("t");
        event.bot = BotId::from(bot);
        event.conversation =
            ConversationId::new(&event.tenant, ChannelKind::Telegram, &AccountId::from(bot), chat, None);
        self.log.put(Outgoing::event("signal.ready.v1".into(), bot.to_owned(), event.encode()).at(P));
    }

    pub(super) fn write_receipt(&self, bot: &str, chat: &str, opaque: &str) {
        let (channel, account) = (ChannelKind::Whatsapp, AccountId::from(bot));
        let now = self.cx.now();
        let data = ReceiptReceived {
            channel,
            account: account.clone(),
            chat: chat.to_owned(),
            message_id: format!("wamid.{chat}"),
            upto: None,
            status: ReceiptStatus::Delivered,
            at: now,
            errors: Vec::new(),
            opaque: Some(opaque.to_owned()),
        };
        let root = EventId::root(channel, bot, opaque);
        let mut event = Envelope::root(root, String::new(), now, now, data);
        (event.tenant, event.bot) = (TenantId::from("t"), BotId::from(bot));
        event.conversation = ConversationId::new(&event.tenant, channel, &account, chat, None);
        self.log.put(Outgoing::event("receipt.received.v1".into(), bot.to_owned(), event.encode()).at(P));
    }

    /// Runs for so long.
    pub(super) async fn run(&mut self, span: Duration) {
        let until = Instant::now() + span;
        while self.step(until).await {}
    }

    /// Runs until every admitted offset has ended and nothing is parked.
    pub(super) async fn settle(&mut self, within: Duration) {
        let until = Instant::now() + within;
        while !(self.open.is_empty() && self.stage.machine.is_done()) {
            assert!(self.step(until).await, "still open after {within:?}: {:?}", self.open);
        }
    }

    async fn step(&mut self, until: Instant) -> bool {
        let wake = self.cx.wake.unwrap_or(until);
        tokio::select! {
            biased;
            Some(effect) = self.cx.in_flight.next() => self.stage.done(&mut self.cx, effect),
            () = tokio::time::sleep_until(until), if until <= wake => return false,
            () = tokio::time::sleep_until(wake) => {
                self.cx.wake = None;
                self.stage.tick(&mut self.cx);
            }
        }
        self.stage.turn(&mut self.cx);
        self.collect();
        true
    }

    fn collect(&mut self) {
        let finished = self.cx.finished.drain(..).map(|offset| (offset, End::Finished));
        let dead =
            self.cx.dead.drain(..).map(|(offset, error)| (offset, End::Dead(error.reason.unwrap_or("bug"))));
        for (offset, end) in finished.chain(dead) {
            assert!(self.open.remove(&offset), "{offset} ended twice: {end:?}");
            self.ends.push((offset, end));
        }
    }
}
