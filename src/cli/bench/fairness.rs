//! `millrace bench fairness`: what a surge at one bot does to all others.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::super::{Context, Exit, output};
use super::{Common, On, cores, spinner};
use crate::app::leftovers;
use crate::app::load::fairness::{Found, Quiet, SETTLE, run as measure};

/// Measure quiet bots' latency without and with one more bot that is written to at 100 times its limit, everything in this
/// process. With it, measuring begins 10 s after the surge.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench fairness\n  \
    millrace bench fairness --engine kafka --kafka 127.0.0.1:9092 --rate 100 --json")]
pub struct FairnessBench {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    common: Common,
    /// Replies a second that the noisy bot may send; it is written to 100 times as often.
    #[arg(long, default_value_t = 5, value_name = "N")]
    limit: u32,
}

/// Runs the bench. Exit code 1 when a reply of a quiet bot was lost, doubled or reordered.
///
/// # Errors
/// When the system can't be started or stops answering.
pub async fn run(context: &Context, bench: &FairnessBench) -> Exit {
    let common = &bench.common;
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let quiet = Quiet {
        rate: common.rate.unwrap_or(200).max(1),
        seconds: narrow(common.seconds.unwrap_or(20)).max(1),
        warmup: narrow(common.warmup.unwrap_or(5)),
        bots: common.bots.unwrap_or(1000).max(2) - 1,
        chats: narrow(common.chats.unwrap_or(20_000)).max(1),
        payload: common.payload.unwrap_or(1024),
        seed: common.seed,
        limit: bench.limit.max(1),
    };
    let (mut runs, mut synced) = (Vec::new(), "");
    let bar = spinner(String::new());
    for n in 1..=common.repeat.unwrap_or(1).max(1) {
        let (settings, sync) = bench.on.settings(context)?;
        let run = measure(settings.clone(), quiet, |what| bar.set_message(format!("run {n}: {what}"))).await;
        leftovers::remove_all(&settings).await;
        runs.push(run?);
        synced = sync;
    }
    bar.finish_and_clear();
    runs.sort_by(|a, b| rise(a).total_cmp(&rise(b)));
    let middle = runs.len().saturating_sub(1) / 2;
    let faults: u64 = runs.iter().map(faults).sum();
    let found = runs.get(middle).context("no run was made")?;
    print(context, bench, (&quiet, synced), found, faults)?;
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How much longer the quiet bots' p99 became: 0.2 = by a fifth.
fn rise(found: &Found) -> f64 {
    found.during.p99_ms / found.before.p99_ms - 1.0
}

fn faults(found: &Found) -> u64 {
    let of = |report: &crate::app::load::Report| report.lost + report.duplicates + report.reordered;
    of(&found.before) + of(&found.during)
}

fn print(
    context: &Context,
    bench: &FairnessBench,
    (quiet, sync): (&Quiet, &str),
    found: &Found,
    faults: u64,
) -> anyhow::Result<()> {
    let engine = bench.on.engine.as_str();
    let (start, end) = (found.rss.0 as f64 / 1e6, found.rss.1 as f64 / 1e6);
    if context.json {
        return output::json(&json!({
            "bench": "fairness", "engine": engine, "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "quiet_p99_ms_before": found.before.p99_ms,
            "quiet_p99_ms_during": found.during.p99_ms, "rise": rise(found), "jain": found.jain,
            "rss_mb_start": start, "rss_mb_end": end, "quiet_p50_ms_before": found.before.p50_ms,
            "quiet_p50_ms_during": found.during.p50_ms, "noisy_sent": found.noisy, "rate": quiet.rate,
            "bots": quiet.bots + 1, "limit": quiet.limit, "settle_s": SETTLE, "faults": faults,
        }));
    }
    let row = |name: &str, value: String| [name.to_owned(), value];
    output::table(
        [&format!("fairness on {engine} ({sync}, {} cores)", cores()), ""],
        &[
            row("quiet p99 before", format!("{:.1} ms", found.before.p99_ms)),
            row("quiet p99 during", format!("{:.1} ms", found.during.p99_ms)),
            row("rise", format!("{:.0} %", rise(found) * 100.0)),
            row("Jain's index", format!("{:.3}", found.jain)),
            row("memory, start and end", format!("{start:.0} MB {end:.0} MB")),
            row("noisy bot's replies", found.noisy.to_string()),
            row("quiet lost, doubled, reordered", faults.to_string()),
        ],
    )
}
