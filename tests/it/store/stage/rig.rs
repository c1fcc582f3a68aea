//! A log, a database and owners of a partition.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{
    ChatKind, Contact, Lane, Part, ReplyReady, Route, Settled, SettledStatus, TurnKind, TurnOpened,
};
use millrace::domain::ids::{ConversationId, EventId};
use millrace::domain::stage::StageName;
use millrace::domain::time::{SystemClock, Timestamp};
use millrace::domain::topics::{Counts, TURN_OPENED, catalog};
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Log, Outgoing, Reader, TopicName, TopicPartition};
use millrace::pipeline::partition::Undisputed;
use millrace::pipeline::{PartitionCx, PartitionStage, StageError, StageFactory};
use millrace::stages::journal::{Journal, JournalFactory, Written, check_log};
use millrace::store::Moved;
use sqlx::{Connection, Row};

use crate::store::Database;

pub(super) struct Rig {
    pub(super) db: Database,
    log: Arc<dyn Log>,
    factory: JournalFactory,
}

impl Rig {
    pub(super) async fn new(db: Database) -> Self {
        let config = EmbeddedConfig { folder: db.folder().join("log"), ..EmbeddedConfig::default() };
        let log: Arc<dyn Log> = EmbeddedLog::open(config, Arc::new(SystemClock)).unwrap();
        let counts = Counts { conversations: 1, replies: 1, shards: 1 };
        log.ensure_topics(&catalog(counts)).await.unwrap();
        let factory = JournalFactory::new(Arc::clone(&db.store));
        Self { db, log, factory }
    }

    pub(super) async fn append(&self, topic: &str, value: Bytes) {
        let record = Outgoing::event(TopicName::from(topic), Bytes::from_static(b"key"), value).at(0);
        self.log.append(&[record]).await.unwrap();
    }

    pub(super) async fn owner(&self, topic: &str, committed: u64) -> Owner {
        self.try_owner(topic, committed).await.unwrap()
    }

    /// A new owner of the topic's partition, restored.
    pub(super) async fn try_owner(&self, topic: &str, committed: u64) -> Result<Owner, StageError> {
        let partition = TopicPartition::new(topic, 0);
        let mut cx = PartitionCx {
            clock: Arc::new(SystemClock),
            partition: partition.clone(),
            epoch: 1,
            start: committed,
            low: 0,
            position: 0,
            ownership: Arc::new(Undisputed),
            log: Arc::clone(&self.log),
            cancel: Default::default(),
            outputs: Arc::default(),
            in_flight: Default::default(),
            finished: Vec::new(),
            dead: Vec::new(),
            failed: None,
            wake: None,
        };
        let mut stage = self.factory.create(&partition);
        let from = stage.restore(&mut cx).await?.from.unwrap();
        let mut reader = self.log.reader(1 << 20).await.unwrap();
        reader.assign(&partition, from).await.unwrap();
        Ok(Owner { stage, cx, reader, from, finished: Vec::new(), dead: Vec::new() })
    }

    pub(super) async fn check_log(&self) -> Result<Vec<Moved>, StageError> {
        check_log(&self.db.store, &*self.log).await
    }

    /// The texts of the timeline, in order.
    pub(super) async fn texts(&self) -> Vec<String> {
        let found =
            self.db.store.messages(&"acme".into(), &turn(0, "").conversation, None, 100).await.unwrap();
        let mut texts: Vec<_> = found.into_iter().map(|message| (message.position, message.text)).collect();
        texts.sort();
        texts.into_iter().map(|(_, text)| text).collect()
    }

    pub(super) async fn position(&self) -> i64 {
        let mut connection = sqlx::AnyConnection::connect(&self.db.url()).await.unwrap();
        let row = sqlx::query("SELECT next FROM progress WHERE topic = $1")
            .bind(TURN_OPENED)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        row.get(0)
    }

    pub(super) async fn set_position(&self, next: i64) {
        let mut connection = sqlx::AnyConnection::connect(&self.db.url()).await.unwrap();
        sqlx::query("UPDATE progress SET next = $1").bind(next).execute(&mut connection).await.unwrap();
    }
}

/// An owner of a partition: what the runtime does, by hand.
pub(super) struct Owner {
    stage: Journal,
    cx: PartitionCx<Written>,
    reader: Box<dyn Reader>,
    pub(super) from: u64,
    pub(super) finished: Vec<u64>,
    pub(super) dead: Vec<(u64, StageError)>,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Owner {
    /// Admits what the log holds and runs until nothing is under way.
    pub(super) async fn run(&mut self) {
        self.take(usize::MAX).await;
        while !self.cx.idle() {
            self.settle_once().await;
        }
    }

    /// Admits at most about `most` records, one by one, without waiting for what they cause.
    pub(super) async fn take(&mut self, most: usize) {
        let mut taken = 0;
        while taken < most
            && let Some(batch) = self.reader.next(Duration::from_millis(200)).await.unwrap()
        {
            taken += batch.records.len();
            self.stage.admit(&mut self.cx, batch.records);
            self.collect();
        }
    }

    /// Admits those records of the log that `wanted` picks.
    pub(super) async fn take_only(&mut self, wanted: impl Fn(u64) -> bool) {
        while let Some(batch) = self.reader.next(Duration::from_millis(200)).await.unwrap() {
            let records = batch.records.into_iter().filter(|record| wanted(record.offset)).collect();
            self.stage.admit(&mut self.cx, records);
            self.collect();
        }
    }

    /// Waits for one spawned future.
    pub(super) async fn settle_once(&mut self) {
        if let Some(effect) = self.cx.in_flight.next().await {
            self.stage.done(&mut self.cx, effect);
            self.collect();
        }
    }

    pub(super) fn wakes(&self) -> bool {
        self.cx.wake.is_some()
    }

    pub(super) fn dead_offsets(&self) -> Vec<u64> {
        self.dead.iter().map(|(offset, _)| *offset).collect()
    }

    fn collect(&mut self) {
        self.finished.append(&mut self.cx.finished);
        self.dead.append(&mut self.cx.dead);
    }
}

/// A turn in the one conversation of these tests.
pub(super) fn turn(n: u64, text: &str) -> Envelope<TurnOpened> {
    let at = Timestamp::from_millis(1_790_000_000_000 + 10 * i64::try_from(n).unwrap());
    let root = EventId::root(ChannelKind::Whatsapp, "77", &n.to_string());
    let data = TurnOpened {
        channel: ChannelKind::Whatsapp,
        account: "77".into(),
        chat: "1".into(),
        thread: None,
        chat_kind: ChatKind::Private,
        contact: Contact { id: "1".into(), name: Some("Ada".into()), ..Contact::default() },
        kind: TurnKind::Text,
        text: text.into(),
        text_cut: false,
        payload: Some("P".into()),
        attachments: Vec::new(),
        message_id: Some(format!("wamid.in.{n}")),
        reply_to: None,
        callback_id: None,
        referral: None,
        consent: None,
        epoch: None,
        hops: Vec::new(),
    };
    let mut event = Envelope::root(root.derive(TURN_OPENED, 0), String::new(), at, at, data);
    event.rootid = root;
    event.tenant = "acme".into();
    event.bot = "shop".into();
    let (tenant, account) = ("acme".into(), "77".into());
    event.conversation = ConversationId::new(&tenant, ChannelKind::Whatsapp, &account, "1", None);
    event
}

/// A reply of two parts to a turn.
pub(super) fn reply(turn: &Envelope<TurnOpened>, text: &str) -> Envelope<ReplyReady> {
    let part = |text: &str| Part { text: text.into(), ..Part::default() };
    let route = Route::Script { rule: "hi".into() };
    let data = ReplyReady::to_turn(&turn.data, route, vec![part(text), part("bye")]);
    let mut event = turn.follow(StageName::Match, turn.time.plus(Duration::from_millis(5)), 0, data);
    event.id = EventId::reply(turn.rootid, 0);
    event
}

/// The ledger's record of a reply's first part.
pub(super) fn settled(
    reply: &Envelope<ReplyReady>,
    status: SettledStatus,
    provider_id: Option<&str>,
) -> Bytes {
    let entry = Settled::Result {
        id: reply.id,
        part: 0,
        of: 2,
        status,
        provider_id: provider_id.map(str::to_owned),
        reason: None,
        attempt: 1,
        epoch: 1,
        lane: Lane::Ready,
        tenant: reply.tenant.clone(),
        bot: reply.bot.clone(),
        conversation: reply.conversation.clone(),
        root: reply.rootid,
        at: reply.time,
        offset: None,
    };
    Bytes::from(serde_json::to_vec(&entry).unwrap())
}
