//! A bot that is polled: what people wrote before and while the process runs is answered once, in order, also when the
//! process dies between.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace::app::fakes::Fakes;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, TenantId};
use millrace::domain::time::SystemClock;
use millrace::sim::journal::{Call, Observer};
use millrace::store::{Connect, Store, StoreConfig};

use crate::process;

const BOT: i64 = 8_000_001;
const CHAT: i64 = 42;
const TOKEN: &str = "8000001:polled";
const PATIENCE: Duration = Duration::from_secs(60);

/// What the bot sent.
#[derive(Debug, Default, Clone)]
struct Sent(Arc<Mutex<Vec<String>>>);

impl Observer for Sent {
    fn saw(&self, call: &Call<'_>) {
        if let ("sendMessage", 200, Some(text)) = (call.method, call.status, call.text()) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

impl Sent {
    async fn until(&self, texts: &[&str]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.0.lock().unwrap().len() < texts.len() {
            assert!(tokio::time::Instant::now() < deadline, "only {:?}", self.0.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(*self.0.lock().unwrap(), texts);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polled_bot_answers_what_was_written_while_it_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let fakes = Fakes::start(|options| options, Duration::ZERO).await.unwrap();
    let sent = Sent::default();
    fakes.telegram.journal().observe(sent.clone());
    make_bot(folder.path(), &fakes).await;
    // Left behind by an earlier home of the bot: Telegram gives updates to nobody else until it is gone.
    fakes.telegram.set_webhook(TOKEN, "http://127.0.0.1:9/gone", "old");
    fakes.telegram.say(BOT, CHAT, "one").unwrap();
    fakes.telegram.say(BOT, CHAT, "two").unwrap();

    let first = Up::start(folder.path(), &fakes);
    sent.until(&["heard 1", "heard 2"]).await;
    fakes.telegram.say(BOT, CHAT, "one").unwrap();
    sent.until(&["heard 1", "heard 2", "heard 1"]).await;
    drop(first);
    fakes.telegram.say(BOT, CHAT, "two").unwrap();
    let _second = Up::start(folder.path(), &fakes);
    sent.until(&["heard 1", "heard 2", "heard 1", "heard 2"]).await;
}

async fn make_bot(data: &Path, fakes: &Fakes) {
    let store = Store::open_migrated(&StoreConfig::default(), data, Arc::new(SystemClock)).await.unwrap();
    let tenant = TenantId::from("polled");
    store.tenant_create(&tenant, "").await.unwrap();
    let spec: BotSpec = serde_saphyr::from_str(
        "bot: polled
scripts:
  - {name: one, when: [{exact: one}], reply: [heard 1]}
  - {name: two, when: [{exact: two}], reply: [heard 2]}",
    )
    .unwrap();
    store.bot_apply(&tenant, &spec).await.unwrap();
    fakes.telegram.register(TOKEN);
    let account = AccountId::from(BOT.to_string());
    let connect = Connect {
        bot: spec.bot,
        channel: ChannelKind::Telegram,
        account: account.clone(),
        app: None,
        token: Secret::new(TOKEN.to_owned()),
        secret: None,
        origins: Vec::new(),
    };
    store.account_connect(&tenant, connect).await.unwrap();
    store.account_set_polling(&tenant, ChannelKind::Telegram, &account, true).await.unwrap();
    store.close().await;
}

/// A running `millrace up`; killed with its owner.
struct Up(Child);

impl Up {
    fn start(data: &Path, fakes: &Fakes) -> Self {
        let edge = format!("edge.listen={}:0", Ipv4Addr::LOCALHOST);
        let child = process::millrace()
            .args(["--log", "warn", "--data"])
            .arg(data)
            .args(["--set", &edge, "--set", "api.listen=127.0.0.1:0"])
            .args(["--set", &format!("channels.telegram.api_url={}", fakes.telegram.url())])
            .arg("up")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
