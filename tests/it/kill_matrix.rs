//! The process ends at every point where a crash could leave something half done, and starts again: nothing is lost,
//! nothing overtakes, and no more than one reply of a chat is sent twice.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use millrace::app::fakes::Fakes;
use millrace::app::load::client::Client;
use millrace::app::ports;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::TenantId;
use millrace::domain::time::SystemClock;
use millrace::failpoint::Failpoint;
use millrace::sim::journal::{Call, Observer};
use millrace::sim::script::Fault;
use millrace::store::{Connect, Store, StoreConfig};

use crate::process;

/// Points of a bot that is written to faster than Telegram lets it answer, and how often each is passed for sure.
const SCRIPTED: [(Failpoint, u32); 10] = [
    (Failpoint::EdgeRead, 100),
    (Failpoint::EdgeAppended, 100),
    (Failpoint::StageAppended, 5),
    (Failpoint::Sending, 80),
    (Failpoint::Sent, 80),
    (Failpoint::Settled, 10),
    (Failpoint::Parking, 1),
    (Failpoint::Parked, 1),
    (Failpoint::Unparking, 2),
    (Failpoint::Unparked, 2),
];
/// Points of a bot whose model is down at first.
const WAITING: [Failpoint; 4] =
    [Failpoint::TurnParking, Failpoint::TurnParked, Failpoint::TurnUnparking, Failpoint::TurnUnparked];

const CHATS: u64 = 40;
const WORDS: [&str; 3] = ["one", "two", "three"];
const SECRET: &str = "kill-secret";
const ABORTED: i32 = 6;
/// How long anything may take: far above what it does, so that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rows at once: they mostly wait for a limit.
const AT_ONCE: usize = 2;

#[expect(clippy::disallowed_methods, reason = "the suite's own variable is no setting")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_of_a_message_survives_the_end_of_its_process() {
    // How often each point is tried; `MILLRACE_SEEDS=100` is the long run.
    let seeds: u32 = std::env::var("MILLRACE_SEEDS").ok().map_or(1, |text| text.parse().unwrap());
    let rows = SCRIPTED
        .into_iter()
        .flat_map(|(point, most)| (0..seeds).map(move |seed| (point, 1 + (seed * 37 + most / 2) % most)));
    let runs = rows.map(|(point, times)| async move {
        let script: Vec<_> = WORDS
            .iter()
            .map(|word| format!("{{name: {word}, when: [{{exact: {word}}}], reply: [{word}]}}"))
            .collect();
        let bot = format!("{{bot: shop, fallback: what?, scripts: [{}]}}", script.join(", "));
        let row = Row::new(point, &bot).await;
        row.run(times, CHATS).await;
    });
    futures_util::stream::iter(runs).buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_of_a_turn_that_waits_survives_the_end_of_its_process() {
    let runs = WAITING.into_iter().map(|point| async move {
        let bot = "{bot: shop, fallback: down, model: {provider: fake, model: sim-1, wait: 10m}}";
        let row = Row::new(point, bot).await;
        // As often as the turn is tried in its lane: it waits then, and the next try goes well.
        let down = Fault { times: Some(6), status: Some(503), ..Fault::default() };
        row.fakes.model.script(vec![down]).unwrap();
        row.run(1, 1).await;
    });
    futures_util::stream::iter(runs).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// What each chat was told, in order.
#[derive(Debug, Default, Clone)]
struct Told(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Observer for Told {
    fn saw(&self, call: &Call<'_>) {
        if let ("sendMessage", 200, Some(chat), Some(text)) =
            (call.method, call.status, call.chat, call.text())
        {
            self.0.lock().unwrap().entry(chat.to_owned()).or_default().push(text.to_owned());
        }
    }
}

/// One process that ends at one point, and the next one on its folder.
struct Row {
    point: Failpoint,
    folder: tempfile::TempDir,
    fakes: Fakes,
    told: Told,
    edge: SocketAddr,
}

impl Row {
    async fn new(point: Failpoint, bot: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fakes = Fakes::start(|options| options, Duration::ZERO).await.unwrap();
        let told = Told::default();
        fakes.telegram.journal().observe(told.clone());
        make_bot(folder.path(), &fakes, bot).await;
        Self { point, folder, fakes, told, edge: ports::reserve().await.unwrap() }
    }

    async fn run(self, times: u32, chats: u64) {
        let name = self.point.as_str();
        let mut first = self.start(Some(&format!("{name}:{times}")));
        let senders: Vec<_> = (0..chats).map(|chat| tokio::spawn(send(chat, self.edge))).collect();
        let ended =
            wait(|| first.0.try_wait().unwrap(), &format!("{name} is not passed {times} times")).await;
        assert_eq!(ended.signal(), Some(ABORTED), "{name}: {ended}");
        let second = self.start(None);
        for sender in senders {
            let sent = tokio::time::timeout(PATIENCE, sender).await;
            sent.unwrap_or_else(|_| panic!("{name}:{times}: the next process takes nothing")).unwrap();
        }
        let complete = || {
            let told = self.told.0.lock().unwrap();
            let whole = |said: &Vec<String>| heard(said).len() >= WORDS.len();
            (told.len() as u64 == chats && told.values().all(whole)).then_some(())
        };
        wait(complete, &format!("{name}:{times}: messages are lost")).await;
        drop(second);
        for (chat, said) in &*self.told.0.lock().unwrap() {
            assert_eq!(heard(said), WORDS, "{name}:{times}: chat {chat} was told {said:?}");
            assert!(said.len() <= WORDS.len() + 1, "{name}:{times}: chat {chat} was told {said:?}");
        }
    }

    fn start(&self, failpoint: Option<&str>) -> Up {
        let set = |key: &str, value: &str| format!("{key}={value}");
        let mut command = process::millrace();
        command.args(["--log", "error", "--data"]).arg(self.folder.path());
        for (key, value) in [
            ("edge.listen", self.edge.to_string()),
            ("api.listen", "127.0.0.1:0".to_owned()),
            ("channels.telegram.api_url", self.fakes.telegram.url()),
            ("net.allow_private", "true".to_owned()),
            ("models.fake.kind", "openai".to_owned()),
            ("models.fake.base_url", self.fakes.model.url()),
            ("models.fake.key", "fake-key".to_owned()),
        ] {
            command.args(["--set", &set(key, &value)]);
        }
        command.arg("up").stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(failpoint.map(|at| ("MILLRACE_FAILPOINT", at)));
        Up(command.spawn().unwrap())
    }
}

/// A running `millrace up`; ends with its owner.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What was said, without what was said twice in a row, and without what the model adds to a word.
fn heard(said: &[String]) -> Vec<&str> {
    let mut heard: Vec<&str> = said.iter().map(|text| word_in(text)).collect();
    heard.dedup();
    heard
}

fn word_in(text: &str) -> &str {
    WORDS.into_iter().find(|word| text.contains(word)).unwrap_or(text)
}

async fn make_bot(data: &Path, fakes: &Fakes, bot: &str) {
    let store = Store::open_migrated(&StoreConfig::default(), data, Arc::new(SystemClock)).await.unwrap();
    let tenant = TenantId::from("kill");
    store.tenant_create(&tenant, "").await.unwrap();
    let spec: BotSpec = serde_saphyr::from_str(bot).unwrap();
    store.bot_apply(&tenant, &spec).await.unwrap();
    let token = "9000000:kill".to_owned();
    fakes.telegram.register(&token);
    let connect = Connect {
        bot: spec.bot,
        channel: ChannelKind::Telegram,
        account: "9000000".into(),
        app: None,
        token: Secret::new(token),
        secret: Some(Secret::new(SECRET.to_owned())),
        origins: Vec::new(),
    };
    store.account_connect(&tenant, connect).await.unwrap();
    store.close().await;
}

/// Writes to the bot as Telegram would: each message until it is answered with 200.
async fn send(chat: u64, edge: SocketAddr) {
    let (chat, mut client) = (1_000 + chat, None);
    for (n, word) in (1..).zip(WORDS) {
        let (update, now) = (chat * 10 + n, jiff::Timestamp::now().as_second());
        let body = format!(
            r#"{{"update_id":{update},"message":{{"message_id":{n},"from":{{"id":{chat},"is_bot":false,"first_name":"C"}},"chat":{{"id":{chat},"first_name":"C","type":"private"}},"date":{now},"text":"{word}"}}}}"#
        );
        loop {
            if client.is_none() {
                client = Client::connect(edge).await.ok();
            }
            match &mut client {
                Some(open) => match open.post("/webhooks/telegram/shop", SECRET, &body).await {
                    Ok(200) => break,
                    Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(_) => client = None,
                },
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

async fn wait<T>(mut until: impl FnMut() -> Option<T>, otherwise: &str) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = until() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
