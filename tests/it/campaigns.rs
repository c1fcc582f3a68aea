//! `kill -9` in the middle of a campaign: each recipient is told once, or in doubt; nobody is told twice, nobody forgotten.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millrace::app::fakes::Fakes;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, TenantId};
use millrace::domain::time::SystemClock;
use millrace::sim::SimOptions;
use millrace::sim::journal::{Call, Observer};
use millrace::store::{Connect, Store, StoreConfig};
use serde_json::Value;

use crate::process;

/// Recipients: 10,000, or as many as `MILLRACE_PEOPLE` says.
#[expect(clippy::disallowed_methods, reason = "the suite's own variable is no setting")]
fn people() -> usize {
    std::env::var("MILLRACE_PEOPLE").ok().map_or(10_000, |text| text.parse().unwrap())
}
/// How long it may take: an unhurried machine in a debug build tells some hundred people a second.
const PATIENCE: Duration = Duration::from_secs(240);

/// How often each number was told.
#[derive(Debug, Default, Clone)]
struct Told(Arc<Mutex<HashMap<String, u32>>>);

impl Observer for Told {
    fn saw(&self, call: &Call<'_>) {
        if let ("messages", 200, Some(chat)) = (call.method, call.status, call.chat) {
            *self.0.lock().unwrap().entry(chat.to_owned()).or_default() += 1;
        }
    }
}

impl Told {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_is_killed_tells_everybody_once() {
    let (people, began) = (people(), Instant::now());
    let folder = tempfile::tempdir().unwrap();
    let fakes = Fakes::start(SimOptions::for_load, Duration::ZERO).await.unwrap();
    let told = Told::default();
    fakes.meta.journal().observe(told.clone());
    make_bot(folder.path()).await;
    let file = folder.path().join("people.csv");
    let lines: String = (0..people).map(|n| format!("+49 170 {n:07},Person {n}\n")).collect();
    std::fs::write(&file, format!("to,name\n{lines}+49 170 0000000,Again\nnobody,X\n")).unwrap();

    let process = Up::start(folder.path(), &fakes).await;
    let run = |args: &[&str]| millrace(folder.path(), args);
    let file = file.to_str().unwrap();
    let mut create = vec!["campaign", "create", "--bot", "news", "--name", "sale", "--recipients", file];
    create.extend(["--template", "sale_1", "--language", "de"]);
    let dry = run(&[&create[..], &["--dry-run"]].concat());
    assert_eq!((&dry["campaign"], dry["recipients"].as_u64()), (&Value::Null, Some(people as u64)), "{dry}");
    let made = run(&create);
    assert_eq!(
        (made["duplicates"].as_u64(), made["rejected"][0]["line"].as_u64()),
        (Some(1), Some(people as u64 + 3))
    );
    let campaign = made["campaign"].as_str().unwrap();
    let started = run(&["campaign", "start", campaign]);
    assert_eq!(
        (started["state"].as_str(), started["total"].as_u64()),
        (Some("running"), Some(people as u64))
    );
    wait(|| told.count() >= people / 3, "a third of the people are not told").await;
    drop(process);
    let at_the_kill = told.count();
    assert!(at_the_kill < people, "the kill came too late to prove anything");
    let _process = Up::start(folder.path(), &fakes).await;
    let done = || run(&["campaign", "show", campaign])["state"] == "done";
    wait_slowly(done, "the campaign is not done").await;

    let show = run(&["campaign", "show", campaign]);
    let of = |key: &str| show[key].as_u64().unwrap();
    assert_eq!((of("total"), of("queued"), of("failed"), of("skipped")), (people as u64, 0, 0, 0), "{show}");
    assert_eq!(of("sent") + of("in_doubt"), people as u64, "{show}");
    let told = told.0.lock().unwrap().clone();
    assert!(told.values().all(|times| *times == 1), "nobody is told twice");
    let results = lines_of(folder.path(), &["campaign", "results", campaign]);
    assert_eq!(results.len(), people);
    for result in &results {
        let (to, state) = (result["to"].as_str().unwrap(), result["state"].as_str().unwrap());
        match state {
            "in_doubt" => {}
            // The fake's statuses may have come by now.
            "sent" | "delivered" | "read" => assert!(told.contains_key(to), "{result}"),
            _ => panic!("{result}"),
        }
    }
    let unsure = results.iter().filter(|result| result["state"] == "in_doubt").count();
    assert!(told.len() + unsure >= people, "nobody is forgotten");
    eprintln!(
        "{people} people: {at_the_kill} told before the kill, {} after it, {unsure} in doubt, {:.0} s in all",
        told.len() - at_the_kill,
        began.elapsed().as_secs_f64()
    );
    // What one process has under way at once (`dispatch.in_flight_per_account`).
    assert!(unsure <= 32, "{unsure} in doubt after one kill, {at_the_kill} told before it");
}

/// A running `millrace up`; killed with its owner.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Up {
    async fn start(data: &Path, fakes: &Fakes) -> Self {
        // Whatever process was here before is gone, and its door leads nowhere.
        std::fs::remove_file(data.join("admin.json")).ok();
        let edge = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let graph = format!("channels.meta.graph_url={}", fakes.meta.url());
        let child = process::millrace()
            .args(["--log", "warn", "--data"])
            .arg(data)
            .args(["--set", &format!("edge.listen={edge}"), "--set", "api.listen=127.0.0.1:0"])
            // Meta raises numbers to 1000 messages a second.
            .args([
                "--set",
                &graph,
                "--set",
                "net.allow_private=true",
                "--set",
                "limits.whatsapp.number=1000/s",
            ])
            .arg("up")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self(child);
        let until = tokio::time::Instant::now() + PATIENCE;
        while !data.join("admin.json").exists() {
            assert!(tokio::time::Instant::now() < until, "the process does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        up
    }
}

/// Runs a command beside the process; what it says.
fn millrace(data: &Path, args: &[&str]) -> Value {
    lines_of(data, args).pop().unwrap()
}

fn lines_of(data: &Path, args: &[&str]) -> Vec<Value> {
    let mut command = process::millrace();
    let output = command.arg("--data").arg(data).args(args).arg("--json").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn make_bot(data: &Path) {
    let store = Store::open_migrated(&StoreConfig::default(), data, Arc::new(SystemClock)).await.unwrap();
    let tenant = TenantId::from("press");
    store.tenant_create(&tenant, "").await.unwrap();
    let spec: BotSpec = serde_saphyr::from_str("{bot: news, fallback: heard}").unwrap();
    store.bot_apply(&tenant, &spec).await.unwrap();
    store.app_put(&tenant, "press", Secret::new("app-secret".to_owned()), None).await.unwrap();
    let connect = Connect {
        bot: spec.bot,
        channel: ChannelKind::Whatsapp,
        account: AccountId::from("15550001111"),
        app: Some("press".to_owned()),
        token: Secret::new("token".to_owned()),
        secret: None,
        origins: Vec::new(),
    };
    store.account_connect(&tenant, connect).await.unwrap();
    store.close().await;
}

async fn wait(until: impl Fn() -> bool, otherwise: &str) {
    wait_every(Duration::from_millis(20), until, otherwise).await;
}

async fn wait_slowly(until: impl Fn() -> bool, otherwise: &str) {
    wait_every(Duration::from_secs(1), until, otherwise).await;
}

async fn wait_every(pause: Duration, until: impl Fn() -> bool, otherwise: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !until() {
        assert!(tokio::time::Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(pause).await;
    }
}
