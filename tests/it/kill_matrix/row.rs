//! A row of the matrix: processes that end where they are told to, one after the other on one log, and what people were
//! told meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace::app::fakes::Fakes;
use millrace::app::load::client::Client;
use millrace::app::ports;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{BotId, TenantId};
use millrace::domain::time::SystemClock;
use millrace::failpoint::Failpoint;
use millrace::sim::journal::{Call, Observer};
use millrace::store::{Connect, Store, StoreConfig};
use serde_json::Value;

use crate::process;

/// What each chat writes, and what it is told, in this order.
pub(super) const WORDS: [&str; 3] = ["one", "two", "three"];
/// What it writes when no process will end any more: told last, it says that everything before is over.
const LAST: &str = "end";
const SECRET: &str = "kill-secret";
const ABORTED: i32 = 6;
/// How long anything may take: far above what it does, so that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(180);

/// A point, and the how manieth passing of it ends the process.
pub(super) type End = (Failpoint, u32);

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

/// Processes that end, and the last one, on one log.
pub(super) struct Row {
    ends: Vec<End>,
    folder: tempfile::TempDir,
    pub(super) fakes: Fakes,
    told: Told,
    edge: SocketAddr,
    /// Settings beside those of every row.
    more: Vec<(&'static str, String)>,
}

impl Row {
    /// `policy` = what else its bot's file says.
    pub(super) async fn new(ends: &[End], bot: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fakes = Fakes::start(|options| options, Duration::ZERO).await.unwrap();
        let told = Told::default();
        fakes.telegram.journal().observe(told.clone());
        let row = Self {
            ends: ends.to_vec(),
            folder,
            fakes,
            told,
            edge: ports::reserve().await.unwrap(),
            more: Vec::new(),
        };
        row.make_bot(bot).await;
        row
    }

    /// The same, on a cluster's log.
    #[cfg(feature = "broker-tests")]
    pub(super) fn on(mut self, more: Vec<(&'static str, String)>) -> Self {
        self.more = more;
        self
    }

    /// Chats write, the processes end and start, and what was written last is told last.
    pub(super) async fn run(&self, chats: u64) -> Up {
        let (mut senders, mut up) = (Vec::new(), None);
        for (n, (point, times)) in self.ends.iter().enumerate() {
            let name = point.as_str();
            let mut process = self.start(Some(&format!("{name}:{times}")));
            if n == 0 {
                senders.extend((0..chats).map(|chat| tokio::spawn(send(chat, self.edge, 0, &WORDS))));
            }
            let ended =
                wait(|| process.0.try_wait().unwrap(), &format!("{self:?}: {name} is not passed")).await;
            assert_eq!(ended.signal(), Some(ABORTED), "{self:?}: {name}: {ended}");
            up = Some(process);
        }
        drop(up);
        let last = self.start(None);
        for sender in senders {
            let sent = tokio::time::timeout(PATIENCE, sender).await;
            sent.unwrap_or_else(|_| panic!("{self:?}: nobody takes what is written")).unwrap();
        }
        last
    }

    /// Writes the last word everywhere, and waits until it is told in so many chats.
    pub(super) async fn end(&self, chats: u64, told: usize) {
        for sender in (0..chats).map(|chat| tokio::spawn(send(chat, self.edge, WORDS.len() as u64, &[LAST])))
        {
            let sent = tokio::time::timeout(PATIENCE, sender).await;
            sent.unwrap_or_else(|_| panic!("{self:?}: nobody takes what is written")).unwrap();
        }
        let over = |said: &&Vec<String>| said.last().is_some_and(|word| word == LAST);
        let complete = || {
            let all = self.told.0.lock().unwrap();
            (all.values().filter(over).count() >= told).then_some(())
        };
        wait(complete, &format!("{self:?}: messages are lost")).await;
    }

    /// Waits until every chat was told everything, in order, at most one message of it twice for each process that ended.
    pub(super) async fn is_complete(&self, chats: u64) {
        let complete = || {
            let told = self.told.0.lock().unwrap();
            let whole = |said: &Vec<String>| heard(said).len() >= WORDS.len();
            (told.len() as u64 == chats && told.values().all(whole)).then_some(())
        };
        wait(complete, &format!("{self:?}: messages are lost")).await;
        for (chat, said) in &*self.told.0.lock().unwrap() {
            assert_eq!(heard(said), WORDS, "{self:?}: chat {chat} was told {said:?}");
            let most = WORDS.len() + self.ends.len();
            assert!(said.len() <= most, "{self:?}: chat {chat} was told {said:?}");
        }
    }

    /// How many words no chat was told. None was told one twice, or in another order.
    pub(super) fn untold(&self, chats: u64) -> usize {
        let told = self.told.0.lock().unwrap();
        let words: Vec<_> = WORDS.into_iter().chain([LAST]).collect();
        for (chat, said) in &*told {
            let mut rest = words.iter();
            let in_order = said.iter().all(|word| rest.any(|next| next == word));
            assert!(in_order, "{self:?}: chat {chat} was told {said:?}");
        }
        let told: usize = told.values().map(Vec::len).sum();
        usize::try_from(chats).unwrap() * words.len() - told
    }

    /// What a chat was told.
    pub(super) fn told(&self, chat: u64) -> Vec<String> {
        self.told.0.lock().unwrap().get(&id_of(chat).to_string()).cloned().unwrap_or_default()
    }

    /// The replies that were given up for this reason.
    pub(super) fn given_up(&self, reason: &str) -> BTreeSet<String> {
        let mut command = self.command();
        let output = command.args(["dlq", "list", "--json", "--reason", reason]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let letters = String::from_utf8(output.stdout).unwrap();
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        letters.lines().map(id).collect()
    }

    /// Waits until the timeline has every turn and every reply, each once.
    pub(super) async fn timeline_is_whole(&self, chats: u64) {
        let store = self.store().await;
        let (tenant, bot) = (TenantId::from("kill"), BotId::from("shop"));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let mut counts = Vec::new();
            for conversation in store.conversations(&tenant, &bot, None, 500).await.unwrap() {
                counts.push(store.messages(&tenant, &conversation.id, None, 500).await.unwrap().len());
            }
            assert!(counts.iter().all(|count| *count <= 2 * WORDS.len()), "{self:?}: {counts:?}");
            if counts.len() as u64 == chats && counts.iter().all(|count| *count == 2 * WORDS.len()) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{self:?}: the timeline lacks some: {counts:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        store.close().await;
    }

    async fn store(&self) -> Arc<Store> {
        let config = StoreConfig::default();
        Store::open_migrated(&config, self.folder.path(), Arc::new(SystemClock)).await.unwrap()
    }

    async fn make_bot(&self, bot: &str) {
        let store = self.store().await;
        let tenant = TenantId::from("kill");
        store.tenant_create(&tenant, "").await.unwrap();
        let spec: BotSpec = serde_saphyr::from_str(bot).unwrap();
        store.bot_apply(&tenant, &spec).await.unwrap();
        let token = "9000000:kill".to_owned();
        self.fakes.telegram.register(&token);
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

    fn command(&self) -> std::process::Command {
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
        ]
        .into_iter()
        .chain(self.more.iter().cloned())
        {
            command.args(["--set", &set(key, &value)]);
        }
        command
    }

    fn start(&self, failpoint: Option<&str>) -> Up {
        let mut command = self.command();
        command.arg("up").stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(failpoint.map(|at| ("MILLRACE_FAILPOINT", at)));
        Up(command.spawn().unwrap())
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ends.iter().map(|(point, times)| (point.as_str(), times))).finish()
    }
}

/// A running `millrace up`; ends with its owner.
pub(super) struct Up(Child);

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

/// The provider's id of a chat.
pub(super) fn id_of(chat: u64) -> u64 {
    1_000 + chat
}

/// Writes to the bot as Telegram would, from a chat's `first` message on: each until it is answered with 200.
async fn send(chat: u64, edge: SocketAddr, first: u64, words: &'static [&'static str]) {
    let (chat, mut client) = (id_of(chat), None);
    for (n, word) in (first + 1..).zip(words) {
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
