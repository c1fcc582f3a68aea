//! `millrace bench log`: what the log does in a second, beside what bare files do in the same run.
//!
//! Each operation runs `--repeat` times, and the run with the median rate is printed. `append` is one task that waits for each
//! append; `append_synced` is `--waiters` tasks that do the same on a topic that waits for the disk; `read` is one reader from
//! the first record to the last; `tail` is the time from the moment an append was due until a group has its record.

mod load;
mod raw;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Engine, On, cores};
use crate::app::leftovers;
use crate::app::settings::Settings;
use crate::cli::{Context, Exit};
use crate::domain::time::SystemClock;
use crate::domain::topics::{Keep, TopicSpec};
use crate::log::embedded::{EmbeddedLog, SyncMode};
use crate::log::kafka::KafkaLog;
use crate::log::{Log, TopicName};

/// Measure appends, synced appends, reads and the tail of the log.
///
/// The raw limits do the same with bare files: a checksum and one write for each record into preallocated files, each synced
/// before the next one is begun; as many writes as there are waiters, then one fdatasync; one read of a megabyte, then every
/// checksum in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench log\n  \
    millrace bench log --sync os --seconds 10 --json | jq '{op, per_s, ratio}'\n  \
    millrace bench log --engine kafka --kafka 127.0.0.1:9092 --waiters 64")]
pub struct LogBench {
    #[command(flatten)]
    on: On,
    /// group or os, instead of `log.sync`.
    #[arg(long, value_parser = sync_mode)]
    sync: Option<SyncMode>,
    /// How long each operation is measured.
    #[arg(long, default_value_t = 5, value_name = "N")]
    seconds: u64,
    /// How long each operation runs before it is measured.
    #[arg(long, default_value_t = 1, value_name = "N")]
    warmup: u64,
    /// Bytes of a record's value.
    #[arg(long, default_value_t = 512, value_name = "BYTES")]
    payload: usize,
    /// Tasks that append to the synced topic at once.
    #[arg(long, default_value_t = 256, value_name = "N")]
    waiters: usize,
    /// Appends a second while the tail is measured.
    #[arg(long, default_value_t = 5_000, value_name = "N")]
    rate: u64,
    /// How often each operation is measured; the median counts.
    #[arg(long, default_value_t = 3, value_name = "N")]
    repeat: usize,
    /// Seed of what is written.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

fn sync_mode(text: &str) -> Result<SyncMode, String> {
    match text {
        "group" => Ok(SyncMode::Group),
        "os" => Ok(SyncMode::Os),
        other => Err(format!("`{other}` is not a way to sync: write group or os")),
    }
}

/// One line of the result.
#[derive(Debug, Clone, Serialize)]
struct Line {
    bench: &'static str,
    op: &'static str,
    engine: &'static str,
    sync: &'static str,
    cores: usize,
    version: &'static str,
    payload: usize,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// What bare files reach; absent where there is nothing to compare with.
    raw_per_s: Option<f64>,
    /// `per_s` / `raw_per_s`.
    ratio: Option<f64>,
}

/// What one run of an operation came to.
#[derive(Debug)]
struct Measured {
    per_s: f64,
    /// In nanoseconds.
    latency: Histogram<u64>,
}

/// Measures and prints.
///
/// # Errors
/// When the log can't be opened or an operation fails.
pub async fn run(context: &Context, bench: &LogBench) -> Exit {
    let (mut settings, sync) = bench.on.settings(context)?;
    // On the disk of the working folder: the one for temporary files is often memory.
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    settings.log.sync = bench.sync.unwrap_or(settings.log.sync);
    settings.log.folder = folder.path().join("log");
    let log = open(bench, &settings).await?;
    let is_embedded = bench.on.engine == Engine::Embedded;
    let sync = if is_embedded { settings.log.sync.as_str() } else { sync };
    let plain = topic(&*log, "bench.plain.v1", false).await?;
    let synced = topic(&*log, "bench.synced.v1", true).await?;
    let value = load::value(bench.payload, bench.seed);
    let (warmup, time) = (Duration::from_secs(bench.warmup), Duration::from_secs(bench.seconds));

    if !context.json {
        anstream::println!(
            "{:<14} {:>12} {:>10} {:>10} {:>12} {:>6}",
            "op",
            "per s",
            "p50 ms",
            "p99 ms",
            "raw per s",
            "ratio"
        );
    }
    for op in ["append", "append_synced", "read", "tail"] {
        let mut runs = Vec::new();
        for _ in 0..bench.repeat.max(1) {
            let raw = if is_embedded {
                raw::limit(op, folder.path(), &settings.log, bench.waiters, &value, time)?
            } else {
                None
            };
            let measured = match op {
                "append" => load::append(&log, &plain, 1, &value, warmup, time).await?,
                "append_synced" => load::append(&log, &synced, bench.waiters, &value, warmup, time).await?,
                "read" => load::read(&log, &plain, time).await?,
                _ => load::tail(&log, &synced, bench.rate, &value, warmup, time).await?,
            };
            runs.push((measured, raw));
        }
        runs.sort_by(|(one, _), (other, _)| one.per_s.total_cmp(&other.per_s));
        let (measured, raw) = runs.swap_remove(runs.len() / 2);
        print(context, &line(bench, sync, op, &measured, raw))?;
    }
    log.close().await;
    leftovers::remove(&settings, &[plain, synced]).await;
    Ok(ExitCode::SUCCESS)
}

async fn open(bench: &LogBench, settings: &Settings) -> anyhow::Result<Arc<dyn Log>> {
    let clock = Arc::new(SystemClock);
    Ok(match bench.on.engine {
        Engine::Embedded => EmbeddedLog::open(settings.log.clone(), clock)?,
        Engine::Kafka => KafkaLog::connect(settings.kafka.clone(), clock).await?,
    })
}

/// A topic of one partition, so that a read is one sequence.
async fn topic(log: &dyn Log, name: &str, synced: bool) -> anyhow::Result<TopicName> {
    let keep = Keep::For(Duration::from_secs(86_400));
    let spec = TopicSpec { name: name.to_owned(), partitions: 1, keep, max_bytes: 1 << 20, synced };
    log.ensure_topics(&[spec]).await?;
    Ok(TopicName::from(name))
}

fn line(
    bench: &LogBench,
    sync: &'static str,
    op: &'static str,
    measured: &Measured,
    raw: Option<f64>,
) -> Line {
    let millis = |quantile: f64| measured.latency.value_at_quantile(quantile) as f64 / 1e6;
    Line {
        bench: "log",
        op,
        engine: bench.on.engine.as_str(),
        sync,
        cores: cores(),
        version: env!("CARGO_PKG_VERSION"),
        payload: bench.payload,
        per_s: measured.per_s,
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
        raw_per_s: raw,
        ratio: raw.map(|raw| measured.per_s / raw),
    }
}

fn print(context: &Context, line: &Line) -> anyhow::Result<()> {
    if context.json {
        anstream::println!("{}", serde_json::to_string(line)?);
        return Ok(());
    }
    let or_dash =
        |number: Option<f64>, digits: usize| number.map_or("-".to_owned(), |n| format!("{n:.digits$}"));
    let Line { op, per_s, p50_ms, p99_ms, raw_per_s, ratio, .. } = line;
    let (raw, ratio) = (or_dash(*raw_per_s, 0), or_dash(*ratio, 2));
    anstream::println!("{op:<14} {per_s:>12.0} {p50_ms:>10.3} {p99_ms:>10.3} {raw:>12} {ratio:>6}");
    Ok(())
}
