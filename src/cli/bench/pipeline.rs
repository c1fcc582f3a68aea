//! `millrace bench pipeline`: webhook to provider at a given rate, everything in one process.
//!
//! Open loop: a message's latency counts from the moment it was due until its reply reached the fake provider, which is
//! also the truth for lost, duplicates and reordered. Generator and fake have a thread of their own, so that they measure
//! the system and not their place in its queues; their CPU time is part of `cpu_us_per_message` and told apart in
//! `bench_cpu_us_per_message`.

mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::report::Report;
pub(super) use self::report::{cores, round};
use super::Engine;
use crate::app::load::checker::{Checker, Watch};
use crate::app::load::plan::{Plan, SECRET, WORDS};
use crate::app::load::{self, Load};
use crate::app::settings::Settings;
use crate::app::testbed::{TestAccount, Testbed};
use crate::cli::{Context, Exit};
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::BotId;
use crate::domain::script::{ReplyText, Rule, Trigger};
use crate::domain::time::SystemClock;
use crate::domain::units::Rate;
use crate::services::http::{Http, NetConfig};
use crate::sim::telegram::TelegramSim;
use crate::sim::{SimOptions, bind};

/// Measure the whole flow: webhook in, scripted reply out, at a rate that does not wait for the system.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench pipeline --rate 5000 --seconds 30\n  \
    millrace bench pipeline --rate 1000 --json | jq '{p99_ms, lost, duplicates, reordered}'\n  \
    millrace bench pipeline --engine kafka --kafka 127.0.0.1:9092 --rate 500")]
pub struct PipelineBench {
    #[command(flatten)]
    pub(super) on: On,
    /// Messages a second.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long it is measured.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How long it runs before it is measured.
    #[arg(long, default_value_t = 5, value_name = "N")]
    warmup: u32,
    /// Bots that are written to.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    bots: u32,
    /// Chats, spread evenly over the bots.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    chats: u32,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 1_024, value_name = "BYTES")]
    payload: usize,
    /// Shuffles the chats.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Runs, each on an empty system; the one with the median p99 is shown, losses are added up.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
}

/// What a bench of the whole system runs on.
#[derive(Debug, Clone, Args)]
pub(super) struct On {
    /// Which log.
    #[arg(long, value_enum, default_value = "embedded")]
    engine: Engine,
    /// The broker, instead of `kafka.brokers`.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
}

impl On {
    /// The settings for the chosen engine, with limits that no rate of a bench reaches.
    pub(super) fn settings(&self, context: &Context) -> anyhow::Result<Settings> {
        let mut settings = context.settings.clone();
        match self.engine {
            Engine::Embedded => settings.kafka.brokers.clear(),
            Engine::Kafka => {
                if let Some(brokers) = &self.kafka {
                    settings.kafka.brokers.clone_from(brokers);
                }
                if settings.kafka.brokers.is_empty() {
                    return Err(anyhow!("--engine kafka needs a broker: add --kafka HOST:PORT or set kafka.brokers"));
                }
            }
        }
        let wide = Rate::new(1_000_000, Duration::from_secs(1));
        settings.limits.telegram.bot = wide;
        settings.limits.telegram.chat = wide;
        Ok(settings)
    }

    /// The words for the engine and how it syncs.
    pub(super) fn labels(&self, settings: &Settings) -> (&'static str, &'static str) {
        match self.engine {
            Engine::Embedded => (self.engine.as_str(), settings.log.sync.as_str()),
            Engine::Kafka => (self.engine.as_str(), "kafka"),
        }
    }
}

/// Runs and prints.
///
/// # Errors
/// When the system can't be started or the edge stops answering.
pub async fn run(context: &Context, bench: &PipelineBench) -> Exit {
    let settings = bench.on.settings(context)?;
    let load = Load {
        rate: bench.rate,
        seconds: bench.seconds,
        warmup: bench.warmup,
        bots: bench.bots,
        chats: bench.chats,
        payload: bench.payload,
        seed: bench.seed,
    };
    let mut runs = Vec::new();
    for n in 1..=bench.repeat {
        let bar = progress(load, n, bench.repeat);
        let run = once(settings.clone(), load, bar.clone()).await;
        bar.finish_and_clear();
        runs.push(run?);
    }
    let (engine, sync) = bench.on.labels(&settings);
    let report = Report::of(runs, load, engine, sync).context("no run was made")?;
    report.print(context.json)?;
    Ok(ExitCode::SUCCESS)
}

/// One run, on a system of its own.
async fn once(mut settings: Settings, load: Load, bar: ProgressBar) -> anyhow::Result<(load::Report, f64)> {
    let checker = Checker::new()?;
    let bench = Bench::start(Arc::clone(&checker))?;
    settings.channels.telegram.api_url = bench.ready.recv().context("the fake provider did not start")??;
    settings.channels.telegram.hosts.clear();
    bar.set_message("starting");
    let testbed = Testbed::start(settings, Arc::new(SystemClock)).await?;
    for bot in 0..load.bots {
        bar.set_message(format!("making bot {} of {}", bot + 1, load.bots));
        make_bot(&testbed, bot).await?;
    }
    bar.set_message("sending");
    let edge = testbed.edge();
    let outcome = bench.load(load, edge, checker, bar).await;
    testbed.stop().await;
    outcome
}

/// A bot with a rule for every word of the plan, and its account.
pub(super) async fn make_bot(testbed: &Testbed, bot: u32) -> anyhow::Result<()> {
    let name = Plan::bot_name(bot);
    let rule = |n: u64| Rule {
        name: format!("rule-{n}"),
        priority: 0,
        when: vec![Trigger::Any(vec![format!("w{n}")])],
        reply: vec![ReplyText::Plain(format!("r{n}"))],
    };
    let mut spec: BotSpec = serde_json::from_value(serde_json::json!({"bot": name}))?;
    spec.scripts = (0..WORDS).map(rule).collect();
    testbed.apply(&spec).await?;
    let id = Plan::bot_id(bot).to_string();
    let token = format!("{id}:bench");
    let account =
        TestAccount { channel: ChannelKind::Telegram, id: &id, app: None, token: &token, secret: Some(SECRET) };
    testbed.connect(&BotId::from(name), &account).await
}

/// The thread of the fake provider and the generator.
pub(super) struct Bench {
    /// The fake's address.
    pub(super) ready: std::sync::mpsc::Receiver<anyhow::Result<String>>,
    orders: tokio::sync::mpsc::Sender<Order>,
}

struct Order {
    load: Load,
    edge: std::net::SocketAddr,
    checker: Arc<Checker>,
    bar: ProgressBar,
    done: tokio::sync::oneshot::Sender<anyhow::Result<(load::Report, f64)>>,
}

impl Bench {
    /// Starts the thread with a fake whose journal the checker watches.
    pub(super) fn start(checker: Arc<Checker>) -> anyhow::Result<Self> {
        let (tell, ready) = std::sync::mpsc::channel();
        let (orders, inbox) = tokio::sync::mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("bench".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match fake(checker).await {
                    Ok(fake) => {
                        tell.send(Ok(fake.url())).ok();
                        serve(inbox).await;
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        })?;
        Ok(Self { ready, orders })
    }

    /// Sends a load and waits for its end; the second number is the CPU time of this thread per message, in
    /// microseconds.
    pub(super) async fn load(
        self,
        load: Load,
        edge: std::net::SocketAddr,
        checker: Arc<Checker>,
        bar: ProgressBar,
    ) -> anyhow::Result<(load::Report, f64)> {
        let (done, outcome) = tokio::sync::oneshot::channel();
        let order = Order { load, edge, checker, bar, done };
        self.orders.send(order).await.map_err(|_| anyhow!("the bench's thread ended"))?;
        outcome.await.context("the bench's thread ended")?
    }
}

async fn fake(checker: Arc<Checker>) -> anyhow::Result<TelegramSim> {
    let options = SimOptions::new(&Http::new(NetConfig::default())?).for_load();
    let fake = TelegramSim::start(bind(([127, 0, 0, 1], 0).into()).await?, options)?;
    fake.journal().observe(Watch(checker));
    Ok(fake)
}

async fn serve(mut inbox: tokio::sync::mpsc::Receiver<Order>) {
    while let Some(Order { load, edge, checker, bar, done }) = inbox.recv().await {
        let before = thread_cpu();
        let sent = AtomicU64::new(0);
        let tell = move |n| {
            // A bar that is drawn for every message would be what is measured.
            if sent.fetch_add(n, Ordering::Relaxed) % 256 == 0 {
                bar.inc(256);
            }
        };
        let report = load::run(load, edge, checker, tell).await;
        let messages = u64::from(load.rate) * u64::from(load.seconds + load.warmup);
        let cpu = (thread_cpu() - before).as_secs_f64() * 1e6 / messages.max(1) as f64;
        done.send(report.map(|report| (report, cpu))).ok();
    }
}

fn thread_cpu() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(clock.tv_sec).unwrap_or(0), u32::try_from(clock.tv_nsec).unwrap_or(0))
}

fn progress(load: Load, n: u32, of: u32) -> ProgressBar {
    let total = u64::from(load.rate) * u64::from(load.seconds + load.warmup);
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(format!("run {n}/{of}"));
    bar
}
