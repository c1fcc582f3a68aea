//! Open-loop load: webhooks at a given rate, replies at a fake provider, nothing lost, doubled or out of order.
//!
//! Guarantee: a message's latency counts from the moment it was due, not from when a slow system let it be sent
//! (coordinated omission: <https://www.scylladb.com/2021/04/22/on-coordinated-omission/>); lost, duplicates and reordered
//! are counted from what reached the provider.

pub mod bed;
pub mod checker;
pub mod client;
pub mod fairness;
pub mod plan;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use rustix::process::{Resource, getrlimit};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use checker::Checker;
use client::Client;
use plan::Plan;

/// Connections of the generator: at 5,000 messages a second each may take 12 ms before its next one is late.
const CONNECTIONS: u64 = 64;
/// How long replies may take to arrive after the last message was sent.
const DRAIN: Duration = Duration::from_secs(30);

/// What to send.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Messages a second.
    pub rate: u32,
    /// How long it is measured.
    pub seconds: u32,
    /// How long it runs before that.
    pub warmup: u32,
    /// Bots that are written to.
    pub bots: u32,
    /// Chats, spread evenly over the bots.
    pub chats: u32,
    /// Bytes of a message's text.
    pub payload: usize,
    /// Shuffles the chats.
    pub seed: u64,
    /// Where its names begin.
    pub begin: Begin,
}

/// Where the bots, chats and updates of a load begin, so that several go to one system beside or after each other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Begin {
    /// The first bot.
    pub bot: u32,
    /// The first chat.
    pub chat: u32,
    /// Updates that were sent before.
    pub update: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Messages that were sent and measured.
    pub sent: u64,
    /// Messages a second that were really sent.
    pub achieved_per_s: f64,
    /// Latency percentiles in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 are faster.
    pub p99_ms: f64,
    /// 999 of 1000 are faster.
    pub p999_ms: f64,
    /// CPU time of this process for each message, in microseconds: generator, fake provider and system together.
    pub cpu_us_per_message: f64,
    /// Resident memory at the end, in MB.
    pub rss_mb: f64,
    /// Messages without a reply.
    pub lost: u64,
    /// Replies that came twice.
    pub duplicates: u64,
    /// Replies that came before an earlier one of their chat.
    pub reordered: u64,
    /// Webhooks that were not answered with 200 at the first try.
    pub refused: u64,
}

/// Sends a load to an edge and waits for the replies that `checker` sees. `progress` is told how many were sent.
///
/// # Errors
/// When the edge can't be reached or stops answering.
pub async fn run(
    load: Load,
    edge: SocketAddr,
    checker: Arc<Checker>,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> anyhow::Result<Report> {
    check_descriptors()?;
    let plan = Arc::new(Plan::new(load));
    // A moment for every connection to open before the first message is due.
    let begin = Instant::now() + Duration::from_millis(300);
    checker.begin(&plan, begin);
    let (progress, mut senders) = (Arc::new(progress), JoinSet::new());
    for lane in 0..CONNECTIONS {
        let (plan, checker, progress) = (Arc::clone(&plan), Arc::clone(&checker), Arc::clone(&progress));
        let client = Client::connect(edge).await?;
        senders.spawn(send_lane(lane, plan, client, checker, begin, progress));
    }
    let warm = begin + Duration::from_secs(u64::from(load.warmup));
    tokio::time::sleep_until(warm).await;
    let cpu = cpu_time();
    let mut refused = 0;
    while let Some(lane) = senders.join_next().await {
        refused += lane??;
    }
    let ended = Instant::now();
    let sent = u64::from(load.rate) * u64::from(load.seconds);
    let until = ended + DRAIN;
    while checker.outstanding() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cpu = cpu_time().saturating_sub(cpu);
    let seen = checker.summary();
    let ms = |histogram: &Histogram<u64>, q| histogram.value_at_quantile(q) as f64 / 1000.0;
    Ok(Report {
        sent,
        achieved_per_s: sent as f64 / (ended - warm).as_secs_f64(),
        p50_ms: ms(&seen.latency_us, 0.5),
        p99_ms: ms(&seen.latency_us, 0.99),
        p999_ms: ms(&seen.latency_us, 0.999),
        cpu_us_per_message: cpu.as_secs_f64() * 1e6 / sent.max(1) as f64,
        rss_mb: rss_bytes() as f64 / 1e6,
        lost: seen.lost,
        duplicates: seen.duplicates,
        reordered: seen.reordered,
        refused,
    })
}

/// Runs a generator in a thread of its own, so that its clock does not wait in the queues of what it measures.
///
/// # Errors
/// What it fails with, or that it ended without a result.
pub async fn on_a_thread<T: Send + 'static, F: Future<Output = anyhow::Result<T>>>(
    work: impl FnOnce(SocketAddr) -> F + Send + 'static,
    edge: SocketAddr,
) -> anyhow::Result<T> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("generator".to_owned()).spawn(move || {
        // Nobody waits any more when the receiver is gone.
        done.send(runtime.block_on(work(edge))).ok();
    })?;
    outcome.await.context("the generator ended without a result")?
}

/// Sends a load until `stop` fires, whatever becomes of it.
///
/// # Errors
/// When the edge can't be reached or stops answering.
pub async fn flood(load: Load, edge: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
    let (plan, checker) = (Arc::new(Plan::new(load)), Checker::new()?);
    let (begin, progress) = (Instant::now(), Arc::new(|_| ()));
    let mut senders = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let (plan, checker, progress) = (Arc::clone(&plan), Arc::clone(&checker), Arc::clone(&progress));
        senders.spawn(send_lane(lane, plan, Client::connect(edge).await?, checker, begin, progress));
    }
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = senders.join_next() => ended?.map(drop),
    }
}

/// Sends one connection's share: all messages of its chats, each when it is due or as soon as the one before is answered.
async fn send_lane(
    lane: u64,
    plan: Arc<Plan>,
    mut client: Client,
    checker: Arc<Checker>,
    begin: Instant,
    progress: Arc<impl Fn(u64) + Send + Sync>,
) -> anyhow::Result<u64> {
    let (mut body, mut refused) = (String::new(), 0);
    for message in plan.lane(lane, CONNECTIONS) {
        let due = begin + message.due;
        if Instant::now() < due {
            tokio::time::sleep_until(due).await;
        }
        plan.body(&message, &mut body);
        checker.sending(message.chat, message.seq, message.due);
        // As Telegram does: the next update of a chat waits until this one is taken.
        while client.post(&plan.path(message.chat), plan::SECRET, &body).await? != 200 {
            refused += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        progress(1);
    }
    Ok(refused)
}

fn check_descriptors() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile).current;
    anyhow::ensure!(
        limit.is_none_or(|limit| limit >= 1024),
        "only {limit:?} open files are allowed: raise it with `ulimit -n 4096`"
    );
    Ok(())
}

/// User and system time of this process.
#[must_use]
pub fn cpu_time() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(clock.tv_sec).unwrap_or(0), u32::try_from(clock.tv_nsec).unwrap_or(0))
}

/// Resident memory of this process; 0 where the system doesn't tell.
#[must_use]
pub fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0_u64) * 1024
}

/// Memory that this process has written, in bytes, and so can't be given back; 0 where the system doesn't tell.
#[must_use]
pub fn private_bytes() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kib = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0_u64) * 1024
}
