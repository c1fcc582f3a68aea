//! Knowledge on a cluster: one process indexes, others with empty disks answer from its snapshot and from what changed since,
//! and say what they go on without. Every role is a process of its own on the broker under test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace::app::ports;
use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::{TurnGrounded, TurnRouted};
use millrace::domain::ids::EventId;
use millrace::domain::time::{Clock as _, SystemClock};
use millrace::domain::topics::{TURN_GROUNDED, TURN_ROUTED};
use millrace::log::{Group, Log, Outgoing};
use millrace::services::http::{Http, NetConfig};
use serde_json::{Value, json};

use super::support;
use crate::process;

/// A debug build's roles on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A role; killed with its owner.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What all roles share: a broker's topics, a database, a folder of objects.
struct Cluster {
    folder: tempfile::TempDir,
    common: Vec<String>,
    log: Arc<dyn Log>,
    http: Http,
    asked: u32,
}

impl Cluster {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = support::config();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let common = [
            format!("kafka.brokers={}", config.brokers),
            format!("kafka.prefix={}", config.prefix),
            format!("store.url=sqlite:{}", at("shared.db")),
            format!("store.key={}", "5a".repeat(32)),
            format!("object_store.folder={}", at("objects")),
            "topics.conversations=2".to_owned(),
            "topics.replies=2".to_owned(),
            "topics.shards=2".to_owned(),
            "api.listen=127.0.0.1:0".to_owned(),
            "search.snapshots.least_passages=1".to_owned(),
        ];
        let common = common.into_iter().flat_map(|set| ["--set".to_owned(), set]).collect();
        let http = Http::new(NetConfig::default()).unwrap();
        let log: Arc<dyn Log> = support::connect(config).await;
        let cluster = Self { folder, common, log, http, asked: 0 };
        cluster.run(&["topics", "apply"]);
        cluster
    }

    /// Reads what retrieve says of turns, from now on.
    async fn listen(&self) -> Box<dyn Group> {
        let mut grounded = support::join(&*self.log, "listen", TURN_GROUNDED).await.unwrap();
        support::assigned(&mut *grounded, 2).await;
        grounded
    }

    fn command(&self, data: &str) -> Command {
        let mut command = process::millrace();
        command.args(["--log", "warn", "--data"]).arg(self.folder.path().join(data)).args(&self.common);
        command
    }

    /// A command's one object; it has to work.
    fn run(&self, args: &[&str]) -> Value {
        let done = self.command("hub").args(args).arg("--json").output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
    }

    /// Starts a role with a disk of its own and waits until it is ready.
    async fn start(&self, data: &str, role: &[&str], sets: &[&str]) -> (Role, SocketAddr) {
        let probe = ports::reserve().await.unwrap();
        let mut command = self.command(data);
        for set in sets {
            command.args(["--set", set]);
        }
        command.args(["--set", &format!("probe.listen={probe}")]).args(role);
        let role = Role(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        self.until("a role is ready", async || self.page(probe, "readyz").await.starts_with("ok")).await;
        (role, probe)
    }

    async fn page(&self, probe: SocketAddr, name: &str) -> String {
        let url = format!("http://{probe}/{name}");
        let answer = self.http.provider().get(&url, &[], Duration::from_secs(2)).await;
        answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default()
    }

    /// How often a process opened a snapshot with this outcome.
    async fn opened(&self, probe: SocketAddr, outcome: &str) -> u64 {
        let metrics = self.page(probe, "metrics").await;
        let line = format!("millrace_snapshot_opens_total{{outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !is_so().await {
            assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks the bot in a conversation of its own; what retrieve found.
    async fn ask(&mut self, grounded: &mut dyn Group, question: &str) -> TurnGrounded {
        self.asked += 1;
        let chat = format!("chat{}", self.asked);
        let turn = json!({"channel": "telegram", "account": "7", "chat": chat, "chat_kind": "private",
            "contact": {"id": chat}, "kind": "text", "text": question});
        let data = TurnRouted { turn: serde_json::from_value(turn).unwrap(), reply: None };
        let (id, now) = (EventId::root(ChannelKind::Telegram, "7", &chat), SystemClock.now());
        let mut event = Envelope::root(id, format!("telegram/7/{chat}"), now, now, data);
        let conversation = format!("acme/telegram/7/{chat}");
        (event.tenant, event.bot, event.conversation) =
            ("acme".into(), "shop".into(), conversation.as_str().into());
        let record = Outgoing::event(TURN_ROUTED.into(), Bytes::from(conversation), event.encode());
        self.log.append(&[record]).await.unwrap();
        loop {
            let found = support::values(grounded, 1).await;
            for (_, _, value) in found {
                let grounded = Envelope::<TurnGrounded>::decode(value.as_bytes()).unwrap();
                if grounded.rootid == id {
                    return grounded.data;
                }
            }
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn holds(turn: &TurnGrounded, words: &str) -> bool {
    turn.passages.iter().any(|passage| passage.text.contains(words))
}

fn snapshots(data: &Path) -> usize {
    std::fs::read_dir(data.join("snapshots")).map_or(0, |entries| {
        entries
            .filter(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
            .count()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_workers_serve_from_a_snapshot_and_what_changed_since() {
    let mut cluster = Cluster::new().await;
    cluster.run(&["tenant", "create", "acme"]);
    let shop = cluster.file("shop.yaml", "bot: shop\nknowledge: [{base: manuals}]\n");
    cluster.run(&["kb", "create", "manuals"]);
    cluster.run(&["bot", "apply", shop.to_str().unwrap()]);
    let (_api, _) = cluster.start("hub", &["api"], &[]).await;
    let (indexer, writes) = cluster.start("index", &["work", "index"], &["search.snapshots.quiet=1s"]).await;
    let tandem = cluster.file("tandem.md", "# Tandems\n\nA tandem costs 20 EUR a day.\n");
    let canoe = cluster.file("canoe.md", "# Canoes\n\nA canoe costs 35 EUR a day.\n");
    let files = [tandem, canoe].map(|path| path.to_str().unwrap().to_owned());
    let added = cluster.run(&["kb", "add", "manuals", &files[0], &files[1]]);
    assert_eq!(added["documents"][1]["status"], "searchable", "{added}");
    let written = "millrace_snapshot_writes_total{outcome=\"written\"}";
    cluster
        .until("a snapshot is written", async || cluster.page(writes, "metrics").await.contains(written))
        .await;

    let mut grounded = cluster.listen().await;

    // The first worker, with nothing on its disk.
    let (_one, first) = cluster.start("one", &["work", "retrieve"], &[]).await;
    let answer = cluster.ask(&mut *grounded, "What does a tandem cost?").await;
    assert!(holds(&answer, "20 EUR"), "{answer:?}");
    assert_eq!((cluster.opened(first, "fetched").await, cluster.opened(first, "none").await), (1, 0));
    assert_eq!(snapshots(&cluster.folder.path().join("one")), 1, "it lies on the worker's own disk");

    // An indexer that writes no snapshot for an hour takes over: from here on there is a tail.
    drop(indexer);
    let (_indexer, _) = cluster.start("index2", &["work", "index"], &["search.snapshots.quiet=1h"]).await;
    let kayak = cluster.file("kayak.md", "# Kayaks\n\nA kayak costs 15 EUR a day.\n");
    cluster.run(&["kb", "add", "manuals", kayak.to_str().unwrap()]);
    cluster.run(&["kb", "remove", "manuals", "canoe.md"]);
    let version = cluster.run(&["kb", "list", "manuals"])["base"]["version"].as_i64().unwrap();

    // A second worker beside the first: both have a partition, and both come to know of the tail.
    let (_two, second) = cluster.start("two", &["work", "retrieve"], &[]).await;
    let (start, mut right) = (Instant::now(), 0);
    while right < 12 || cluster.opened(second, "fetched").await == 0 {
        assert!(start.elapsed() < PATIENCE, "{right} right answers in a row");
        let kayak = cluster.ask(&mut *grounded, "What does a kayak cost?").await;
        let canoe = cluster.ask(&mut *grounded, "What does a canoe cost?").await;
        let tandem = cluster.ask(&mut *grounded, "What does a tandem cost?").await;
        let current = kayak.passages.iter().all(|found| found.generation == Some(version));
        let is_right =
            current && holds(&kayak, "15 EUR") && holds(&tandem, "20 EUR") && !holds(&canoe, "35 EUR");
        right = if is_right { right + 1 } else { 0 };
    }
    assert_eq!(cluster.opened(second, "none").await, 0, "it had the snapshot under what changed");

    // The store goes away under a third worker: it says so, and answers from the database.
    let (_three, third) = cluster.start("three", &["work", "retrieve"], &[]).await;
    std::fs::rename(cluster.folder.path().join("objects"), cluster.folder.path().join("away")).unwrap();
    let missing = "snapshots: out of reach";
    cluster
        .until("readyz names what is missing", async || {
            let ready = cluster.page(third, "readyz").await;
            ready.starts_with("ok") && ready.contains(missing)
        })
        .await;
    for _ in 0..6 {
        assert!(holds(&cluster.ask(&mut *grounded, "What does a tandem cost?").await, "20 EUR"));
    }
}
