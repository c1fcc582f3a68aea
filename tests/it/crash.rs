//! `kill -9` of the single process in the middle of 10,000 messages: none is lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace::app::fakes::Fakes;
use millrace::app::load::client::Client;
use millrace::app::ports;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, TenantId};
use millrace::domain::time::SystemClock;
use millrace::sim::SimOptions;
use millrace::sim::journal::{Call, Observer};
use millrace::store::{Connect, Store, StoreConfig};

use crate::process;

const MESSAGES: u64 = 10_000;
const BOTS: u64 = 400;
const CONNECTIONS: u64 = 32;
const SECRET: &str = "crash-secret";
/// How long the rest may take: an unhurried machine in a debug build handles more than 500 messages a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often each chat was answered.
#[derive(Debug, Default, Clone)]
struct Answered(Arc<Mutex<HashMap<String, u32>>>);

impl Observer for Answered {
    fn saw(&self, call: &Call<'_>) {
        if let ("sendMessage", 200, Some(chat)) = (call.method, call.status, call.chat) {
            *self.0.lock().unwrap().entry(chat.to_owned()).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_none_of_ten_thousand_messages() {
    let folder = tempfile::tempdir().unwrap();
    let fakes = Fakes::start(SimOptions::for_load, Duration::ZERO).await.unwrap();
    let answered = Answered::default();
    fakes.telegram.journal().observe(answered.clone());
    make_bots(folder.path(), &fakes).await;
    let edge = ports::reserve().await.unwrap();

    let mut process = start(folder.path(), edge, &fakes);
    let accepted = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> =
        (0..CONNECTIONS).map(|lane| tokio::spawn(send_lane(lane, edge, Arc::clone(&accepted)))).collect();
    wait(|| accepted.load(Ordering::SeqCst) >= MESSAGES / 2, "half of the messages are not accepted").await;
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    let at_the_kill = answered.0.lock().unwrap().len();
    let _process = start(folder.path(), edge, &fakes);
    for sender in senders {
        let sent = tokio::time::timeout(PATIENCE, sender).await;
        sent.expect("the next process takes nothing").unwrap();
    }
    let count = || answered.0.lock().unwrap().len() as u64;
    wait(|| count() >= MESSAGES, "messages are lost").await;
    assert!((at_the_kill as u64) < MESSAGES, "the kill came too late to prove anything");
    // One send may have been under way for each chat when the process died; nothing is sent more than twice.
    assert!(answered.0.lock().unwrap().values().all(|times| *times <= 2));
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

fn start(data: &Path, edge: SocketAddr, fakes: &Fakes) -> Up {
    let set = |key: &str, value: &str| format!("{key}={value}");
    let child = process::millrace()
        .args(["--log", "warn", "--data"])
        .arg(data)
        .args(["--set", &set("edge.listen", &edge.to_string()), "--set", "api.listen=127.0.0.1:0"])
        .args(["--set", &set("channels.telegram.api_url", &fakes.telegram.url())])
        .args(["--set", "net.allow_private=true"])
        .arg("up")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    Up(child.unwrap())
}

async fn make_bots(data: &Path, fakes: &Fakes) {
    let store = Store::open_migrated(&StoreConfig::default(), data, Arc::new(SystemClock)).await.unwrap();
    let tenant = TenantId::from("crash");
    store.tenant_create(&tenant, "").await.unwrap();
    for bot in 0..BOTS {
        let spec: BotSpec =
            serde_saphyr::from_str(&format!("{{bot: crash-{bot}, fallback: heard}}")).unwrap();
        store.bot_apply(&tenant, &spec).await.unwrap();
        let token = format!("{}:crash", 9_000_000 + bot);
        fakes.telegram.register(&token);
        let connect = Connect {
            bot: spec.bot,
            channel: ChannelKind::Telegram,
            account: AccountId::from((9_000_000 + bot).to_string()),
            app: None,
            token: Secret::new(token),
            secret: Some(Secret::new(SECRET.to_owned())),
            origins: Vec::new(),
        };
        store.account_connect(&tenant, connect).await.unwrap();
    }
    store.close().await;
}

/// Sends one lane's messages as Telegram would: each until it is answered with 200, each chat's own.
async fn send_lane(lane: u64, edge: SocketAddr, accepted: Arc<AtomicU64>) {
    let mut client = None;
    for number in (lane..MESSAGES).step_by(usize::try_from(CONNECTIONS).unwrap()) {
        let (chat, now) = (1_000_000 + number, jiff::Timestamp::now().as_second());
        let body = format!(
            r#"{{"update_id":{},"message":{{"message_id":1,"from":{{"id":{chat},"is_bot":false,"first_name":"C"}},"chat":{{"id":{chat},"first_name":"C","type":"private"}},"date":{now},"text":"hello"}}}}"#,
            number + 1
        );
        let path = format!("/webhooks/telegram/crash-{}", number % BOTS);
        loop {
            if client.is_none() {
                client = Client::connect(edge).await.ok();
            }
            match &mut client {
                Some(open) => match open.post(&path, SECRET, &body).await {
                    Ok(200) => break,
                    Ok(_) => {}
                    Err(_) => client = None,
                },
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        accepted.fetch_add(1, Ordering::SeqCst);
    }
}

async fn wait(until: impl Fn() -> bool, otherwise: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !until() {
        assert!(tokio::time::Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
