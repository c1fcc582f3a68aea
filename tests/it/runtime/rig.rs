//! A stage that does as its records say, on an embedded log of its own.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::event::Event;
use millrace::domain::failure::{Class, Classify, Origin};
use millrace::domain::ids::EventId;
use millrace::domain::stage::StageName;
use millrace::domain::time::{SystemClock, Timestamp};
use millrace::domain::topics::{Counts, catalog};
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Log, Outgoing, Record, TopicName, TopicPartition};
use millrace::pipeline::topology::Pipeline;
use millrace::pipeline::{Cx, Emission, Outcome, Ports, Stage, StageError, StageFactory};
use millrace::runtime::actor::Failure;
use millrace::runtime::transform::Transforms;
use millrace::runtime::{Health, RuntimeConfig, Turns, Worker, WorkerSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::broken::Broken;

const IN: &str = "turn.opened.v1";
const OUT: &str = "turn.routed.v1";

/// What the stage does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Act {
    Ok,
    /// Gives way so often first.
    Yield(u32),
    /// Fails so often, then goes well.
    Fail(u32),
    Permanent,
    Panic,
    /// Waits for the rig's gate.
    Gate,
    /// Needs what is down while the rig says so.
    Needs,
    /// The same, and panics twice when it is up again.
    NeedsAndPanics,
    /// Is told the first time to come again in five minutes.
    Later,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Ping {
    key: u32,
    n: u32,
    act: Act,
}

impl Event for Ping {
    const TYPE: &'static str = IN;
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Pong {
    key: u32,
    n: u32,
}

impl Event for Pong {
    const TYPE: &'static str = OUT;
}

struct Out(Envelope<Pong>);

impl Ports for Out {
    const NAMES: &'static [&'static str] = &["out"];

    fn into_emission(self) -> Emission {
        Emission {
            port: "out",
            key: self.0.data.key.to_string().into(),
            partition: None,
            value: self.0.encode(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("told to fail")]
struct Told(Class);

impl Classify for Told {
    fn class(&self) -> Class {
        self.0
    }

    fn origin(&self) -> Origin {
        Origin::Upstream
    }
}

struct Puppet {
    handled: Arc<AtomicU32>,
    down: Arc<AtomicBool>,
    tried: Arc<Mutex<Vec<u32>>>,
    gate: Arc<Semaphore>,
    gated: watch::Sender<u32>,
}

impl Stage for Puppet {
    const NAME: StageName = StageName::Match;
    type In = Ping;
    type Out = Out;

    fn waits_with_its_bot(&self, input: &Envelope<Ping>) -> bool {
        input.data.act == Act::Needs
    }

    async fn handle(&self, cx: &Cx, input: &Envelope<Ping>) -> Result<Outcome<Out>, StageError> {
        self.tried.lock().unwrap().push(input.data.n);
        match input.data.act {
            Act::Needs | Act::NeedsAndPanics if self.down.load(Ordering::SeqCst) => {
                return Err(Told(Class::TRANSIENT).into());
            }
            Act::NeedsAndPanics if cx.attempt < 3 => panic!("told to panic"),
            Act::Later if cx.attempt == 1 => {
                let retry_after = Some(Duration::from_secs(300));
                return Err(Told(Class::Throttled { retry_after }).into());
            }
            Act::Ok | Act::Needs | Act::NeedsAndPanics | Act::Later => {}
            Act::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Act::Fail(times) if cx.attempt <= times => return Err(Told(Class::TRANSIENT).into()),
            Act::Fail(_) => {}
            Act::Permanent => return Err(Told(Class::Permanent).into()),
            Act::Panic => panic!("told to panic"),
            Act::Gate => {
                self.gated.send_modify(|gated| *gated += 1);
                self.gate.acquire().await.unwrap().forget();
            }
        }
        self.handled.fetch_add(1, Ordering::Relaxed);
        let pong = Pong { key: input.data.key, n: input.data.n };
        Ok(Outcome::Emit(Out(input.follow(Self::NAME, cx.now(), 0, pong))))
    }
}

/// A log, a pipeline and a stage.
pub(super) struct Rig {
    pub(super) log: Arc<Broken>,
    pipeline: Pipeline,
    partitions: u32,
    pub(super) handled: Arc<AtomicU32>,
    /// What [`Act::Needs`] needs is down.
    pub(super) down: Arc<AtomicBool>,
    /// The number of each record that the stage was given, in that order.
    pub(super) tried: Arc<Mutex<Vec<u32>>>,
    pub(super) gate: Arc<Semaphore>,
    /// How many records came to the gate.
    gated: watch::Sender<u32>,
    /// Whose a key's records are; one bot's all of them unless a test says otherwise.
    pub(super) bot_of: fn(u32) -> u32,
    /// So many bytes more in each record.
    pub(super) pad: usize,
    pub(super) config: RuntimeConfig,
    /// What all loops of the process have in memory.
    pub(super) process_bytes: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Rig {
    pub(super) async fn new(bounds: &str) -> Self {
        Self::with_partitions(bounds, 1).await
    }

    pub(super) async fn with_partitions(bounds: &str, partitions: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig { folder: folder.path().to_owned(), ..EmbeddedConfig::default() };
        let log = EmbeddedLog::open(config, Arc::new(SystemClock)).unwrap();
        let counts = Counts { conversations: partitions, replies: 1, shards: 1 };
        log.ensure_topics(&catalog(counts)).await.unwrap();
        let parked = if bounds.contains("delay:") { ", parked: turn.parked.v1" } else { "" };
        let file = format!("{{stage: match, reads: {IN}, writes: {{out: {OUT}{parked}}}, {bounds}}}");
        Self {
            log: Broken::new(log),
            pipeline: Pipeline::parse(&file).unwrap(),
            partitions,
            handled: Arc::default(),
            down: Arc::default(),
            tried: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            gated: watch::Sender::new(0),
            pad: 0,
            config: RuntimeConfig::default(),
            process_bytes: Arc::default(),
            bot_of: if bounds.contains("share:") { |key| key } else { |_| 0 },
            folder,
        }
    }

    pub(super) async fn send(&self, records: &[(u32, u32, Act)]) {
        for chunk in records.chunks(500) {
            let batch = chunk.iter().map(|(key, n, act)| {
                let id = EventId::root(ChannelKind::Webchat, "rig", &n.to_string());
                let at = Timestamp::from_millis(1_000);
                let ping = Ping { key: *key, n: *n, act: *act };
                let mut event = Envelope::root(id, "x".repeat(self.pad), at, at, ping);
                event.bot = (self.bot_of)(*key).to_string().into();
                let value = event.encode();
                Outgoing::event(TopicName::from(IN), key.to_string(), value)
            });
            self.log.append(&batch.collect::<Vec<_>>()).await.unwrap();
        }
    }

    pub(super) async fn send_raw(&self, key: u32, value: &'static [u8]) {
        let record = Outgoing::event(TopicName::from(IN), key.to_string(), bytes::Bytes::from_static(value));
        self.log.append(&[record]).await.unwrap();
    }

    pub(super) async fn start(&self) -> Running {
        let (handled, gate, gated) = (Arc::clone(&self.handled), Arc::clone(&self.gate), self.gated.clone());
        let (down, tried) = (Arc::clone(&self.down), Arc::clone(&self.tried));
        let stage = Puppet { handled, down, tried, gate, gated };
        let factory = Transforms::new(stage, self.pipeline.clone()).with_scratch(self.folder.path());
        let spec = WorkerSpec {
            reads: TopicName::from(IN).into(),
            outputs: self.pipeline.outputs(<Transforms<Puppet> as StageFactory>::PORTS),
            commit: self.pipeline.commit.get(),
            gather: self.pipeline.gather.get(),
            drain: Duration::from_secs(20),
            config: self.config.clone(),
            process_bytes: Arc::clone(&self.process_bytes),
            turns: Turns::default(),
            health: Health::default(),
        };
        let log = Arc::clone(&self.log) as Arc<dyn Log>;
        let worker = Worker::join(Arc::new(factory), spec, log, Arc::new(SystemClock)).await.unwrap();
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(worker.run(stop.clone())), stop }
    }

    /// Output records, once there are `count`.
    pub(super) async fn records(&self, count: usize, patience: Duration) -> Vec<Record> {
        self.read(OUT, patience, |records| records.len() >= count).await
    }

    /// Key and number of each output, once there are `count`.
    pub(super) async fn outputs(&self, count: usize, patience: Duration) -> Vec<(u32, u32)> {
        self.records(count, patience).await.iter().map(pong).collect()
    }

    /// The first output of each record in order, once there are `count`.
    pub(super) async fn distinct(&self, count: usize, patience: Duration) -> Vec<(u32, u32)> {
        let ids = |records: &[Record]| records.iter().map(id).collect::<HashSet<_>>().len();
        let records = self.read(OUT, patience, |records| ids(records) >= count).await;
        let mut seen = HashSet::new();
        records.iter().filter(|record| seen.insert(id(record))).map(pong).collect()
    }

    /// Returns when so many records came to the gate.
    pub(super) async fn at_the_gate(&self, count: u32) {
        self.gated.subscribe().wait_for(|gated| *gated >= count).await.unwrap();
    }

    /// How many came until now.
    pub(super) fn gated(&self) -> u32 {
        *self.gated.borrow()
    }

    pub(super) async fn dead_letters(&self, count: usize, patience: Duration) -> Vec<Record> {
        self.read("dead.letter.v1", patience, |records| records.len() >= count).await
    }

    /// Returns when the group has finished every record.
    pub(super) async fn settled(&self, patience: Duration) {
        let settled = async {
            while self.lag().await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, settled).await.expect("records are left");
    }

    /// Records that the group has not finished.
    pub(super) async fn lag(&self) -> u64 {
        let topic = TopicName::from(IN);
        let committed = self.log.committed("millrace.match", &topic).await.unwrap();
        let mut lag = 0;
        for partition in 0..self.partitions {
            let end = self.log.range(&TopicPartition { topic: topic.clone(), partition }).await.unwrap().end;
            lag += end - committed[partition as usize].as_ref().map_or(0, |committed| committed.offset);
        }
        lag
    }

    async fn read(&self, topic: &str, patience: Duration, enough: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let mut reader = self.log.reader(1 << 20).await.unwrap();
        for partition in 0..self.partitions {
            reader.assign(&TopicPartition::new(topic, partition), 0).await.unwrap();
        }
        let mut records = Vec::new();
        let read = async {
            while !enough(&records) {
                if let Some(batch) = reader.next(Duration::from_millis(100)).await.unwrap() {
                    records.extend(batch.records);
                }
            }
        };
        let in_time = tokio::time::timeout(patience, read).await;
        assert!(in_time.is_ok(), "{topic} has only {} records", records.len());
        records
    }
}

/// A worker at work.
pub(super) struct Running {
    task: JoinHandle<Result<(), Failure>>,
    stop: CancellationToken,
}

impl Running {
    pub(super) async fn drain(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.task.await.unwrap()
    }

    /// As `kill -9` would leave it: nothing is committed any more.
    pub(super) async fn vanish(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    pub(super) async fn ended(self, patience: Duration) -> Result<(), Failure> {
        tokio::time::timeout(patience, self.task).await.expect("the worker goes on").unwrap()
    }
}

pub(super) fn id(record: &Record) -> EventId {
    Envelope::<Pong>::decode(&record.value).unwrap().id
}

fn pong(record: &Record) -> (u32, u32) {
    let data = Envelope::<Pong>::decode(&record.value).unwrap().data;
    (data.key, data.n)
}

pub(super) fn header(record: &Record, name: &str) -> String {
    let found = record.headers.iter().find(|(header, _)| header == name).expect("no such header");
    String::from_utf8(found.1.to_vec()).unwrap()
}
