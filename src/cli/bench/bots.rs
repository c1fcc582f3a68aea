//! `millrace bench bots`: what idle bots cost in memory.
//!
//! Memory is the process's resident memory: with no bot, and after every bot was stored, the system was started again with
//! all of them, and each was written to once, so that nothing of them is merely not loaded yet.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use tokio::time::Instant;

use super::pipeline::{Bench, On, cores, make_bot, round};
use crate::app::load::checker::Checker;
use crate::app::load::{Load, rss_bytes};
use crate::app::testbed::Testbed;
use crate::cli::{Context, Exit, output};
use crate::domain::time::SystemClock;

/// Measure what many idle bots cost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench bots --bots 10000\n  \
    millrace bench bots --bots 1000 --json | jq .bytes_per_bot")]
pub struct BotsBench {
    #[command(flatten)]
    on: On,
    /// How many.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    bots: u32,
}

/// The result.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    engine: &'static str,
    sync: &'static str,
    cores: usize,
    version: &'static str,
    bots: u32,
    rss_mb_before: f64,
    rss_mb_after: f64,
    bytes_per_bot: u64,
    /// From the start of the process's parts until every stage is ready, with all bots stored.
    start_ms: f64,
    /// Bots that did not answer the one message.
    silent: u64,
}

/// Messages a second while every bot is written to once: far below what disturbs anything.
const TOUCH_RATE: u32 = 500;

/// Runs and prints.
///
/// # Errors
/// When the system can't be started.
pub async fn run(context: &Context, bench: &BotsBench) -> Exit {
    let mut settings = bench.on.settings(context)?;
    let (engine, sync) = bench.on.labels(&settings);
    let checker = Checker::new()?;
    let driver = Bench::start(Arc::clone(&checker))?;
    settings.channels.telegram.api_url = driver.ready.recv().context("the fake provider did not start")??;
    settings.channels.telegram.hosts.clear();
    let bar = ProgressBar::with_draw_target(Some(u64::from(bench.bots)), ProgressDrawTarget::stderr());

    let mut testbed = Testbed::start(settings, Arc::new(SystemClock)).await?;
    let before = rss_bytes();
    for bot in 0..bench.bots {
        make_bot(&testbed, bot).await?;
        bar.inc(1);
    }
    let began = Instant::now();
    testbed.restart().await?;
    let start_ms = began.elapsed().as_secs_f64() * 1000.0;

    let seconds = bench.bots.div_ceil(TOUCH_RATE);
    let rate = bench.bots.div_ceil(seconds);
    let load =
        Load { rate, seconds, warmup: 0, bots: bench.bots, chats: bench.bots, payload: 64, seed: 1 };
    let (touched, _) = driver.load(load, testbed.edge(), checker, ProgressBar::hidden()).await?;
    let after = rss_bytes();
    testbed.stop().await;
    bar.finish_and_clear();

    let report = Report {
        bench: "bots",
        engine,
        sync,
        cores: cores(),
        version: env!("CARGO_PKG_VERSION"),
        bots: bench.bots,
        rss_mb_before: round(before as f64 / 1e6),
        rss_mb_after: round(after as f64 / 1e6),
        bytes_per_bot: after.saturating_sub(before) / u64::from(bench.bots),
        start_ms: round(start_ms),
        silent: touched.lost,
    };
    if context.json {
        output::json(&report)?;
    } else {
        output::line(&format!("{} ({}), {} bots", report.engine, report.sync, report.bots))?;
        output::table(
            ["what", ""],
            &[
                ["memory before".to_owned(), format!("{} MB", report.rss_mb_before)],
                ["memory after".to_owned(), format!("{} MB", report.rss_mb_after)],
                ["a bot".to_owned(), format!("{} B", report.bytes_per_bot)],
                ["restart".to_owned(), format!("{} ms", report.start_ms)],
                ["silent".to_owned(), report.silent.to_string()],
            ],
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
