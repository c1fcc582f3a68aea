//! `millrace bench pipeline`: webhook to provider, open loop.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::super::{Context, Exit, output};
use super::{On, cores};
use crate::app::leftovers;
use crate::app::load::bed::Bed;
use crate::app::load::checker::Checker;
use crate::app::load::{Begin, Load, Report, on_a_thread, run as send};
use crate::app::settings::Settings;

/// Measure the whole flow: webhooks over HTTP in, replies at a fake Telegram out, everything in this process.
///
/// Open loop: a message's latency counts from the moment it was due. Lost, duplicates and reordered are what the fake
/// provider saw.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace bench pipeline --rate 5000 --seconds 30
  millrace bench pipeline --engine kafka --kafka 127.0.0.1:9092 --rate 2000 --json")]
pub struct PipelineBench {
    #[command(flatten)]
    on: On,
    /// Messages a second.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Seconds before that.
    #[arg(long, default_value_t = 5)]
    warmup: u32,
    /// Bots that are written to.
    #[arg(long, default_value_t = 500)]
    bots: u32,
    /// Chats, spread evenly over the bots.
    #[arg(long, default_value_t = 20_000)]
    chats: u32,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 1024)]
    payload: usize,
    /// Shuffles the chats.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs, each on an empty system. The one with the median p99 is printed; what was lost, doubled or reordered is added
    /// up over all of them.
    #[arg(long, default_value_t = 3)]
    repeat: u32,
}

/// Runs the bench. Exit code 1 when a message was lost, doubled or reordered.
///
/// # Errors
/// When the system can't be started or stops answering.
pub async fn run(context: &Context, args: &PipelineBench) -> Exit {
    let (mut runs, mut synced) = (Vec::new(), "");
    for n in 0..args.repeat.max(1) {
        let (settings, sync) = args.on.settings(context)?;
        let load = Load {
            rate: args.rate,
            seconds: args.seconds,
            warmup: args.warmup,
            bots: args.bots,
            chats: args.chats,
            payload: args.payload,
            seed: args.seed + u64::from(n),
            begin: Begin::default(),
        };
        let report = measure(settings.clone(), load).await;
        leftovers::remove_all(&settings).await;
        runs.push(report?);
        synced = sync;
    }
    let p99_ms: Vec<_> = runs.iter().map(|run| run.p99_ms).collect();
    let report = median(runs).context("no run was made")?;
    print(context, args, synced, &report, &p99_ms)?;
    let clean = report.lost + report.duplicates + report.reordered == 0;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One run on an empty system.
async fn measure(settings: Settings, load: Load) -> anyhow::Result<Report> {
    let making = bar(u64::from(load.bots), "making bots");
    let made = making.clone();
    let bed = Bed::start(settings, None, load.bots, move || made.inc(1)).await?;
    bed.ready().await?;
    making.finish_and_clear();
    let bar = bar(u64::from(load.rate) * u64::from(load.seconds + load.warmup), "messages");
    let report = drive(load, bed.edge, Arc::clone(&bed.checker), bar.clone()).await?;
    bar.finish_and_clear();
    bed.stop().await;
    Ok(report)
}

/// The run with the median p99, with the faults of all.
fn median(mut runs: Vec<Report>) -> Option<Report> {
    let sum = |of: fn(&Report) -> u64| runs.iter().map(of).sum();
    let (lost, duplicates) = (sum(|run| run.lost), sum(|run| run.duplicates));
    let (reordered, refused) = (sum(|run| run.reordered), sum(|run| run.refused));
    runs.sort_by(|a, b| a.p99_ms.total_cmp(&b.p99_ms));
    let run = runs.get(runs.len().saturating_sub(1) / 2)?;
    Some(Report { lost, duplicates, reordered, refused, ..*run })
}

/// Sends a load from a thread of its own, so that its clock does not wait in the queues of what it measures.
pub(super) async fn drive(
    load: Load,
    edge: SocketAddr,
    checker: Arc<Checker>,
    bar: ProgressBar,
) -> anyhow::Result<Report> {
    on_a_thread(move |edge| send(load, edge, checker, move |sent| bar.inc(sent)), edge).await
}

/// A progress bar on a terminal, nothing elsewhere.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {pos}/{len} {eta}");
    let bar = ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn print(
    context: &Context,
    args: &PipelineBench,
    sync: &str,
    report: &Report,
    p99_ms: &[f64],
) -> anyhow::Result<()> {
    if context.json {
        return output::json(&object(args, sync, report, p99_ms));
    }
    let row = |name: &str, value: String| [name.to_owned(), value];
    output::table(
        [&format!("pipeline on {} ({sync}, {} cores)", args.on.engine.as_str(), cores()), ""],
        &[
            row("rate, asked and sent", format!("{}/s {:.0}/s", args.rate, report.achieved_per_s)),
            row("p50", format!("{:.1} ms", report.p50_ms)),
            row("p99", format!("{:.1} ms", report.p99_ms)),
            row("p99.9", format!("{:.1} ms", report.p999_ms)),
            row("CPU a message, generator and fake included", format!("{:.0} us", report.cpu_us_per_message)),
            row("memory", format!("{:.0} MB", report.rss_mb)),
            row(
                "lost, doubled, reordered",
                format!("{}, {}, {}", report.lost, report.duplicates, report.reordered),
            ),
        ],
    )
}

fn object(args: &PipelineBench, sync: &str, report: &Report, p99_ms: &[f64]) -> Value {
    json!({
        "bench": "pipeline", "engine": args.on.engine.as_str(), "sync": sync, "cores": cores(),
        "version": env!("CARGO_PKG_VERSION"), "rate": args.rate, "sent": report.sent,
        "achieved_per_s": report.achieved_per_s, "p50_ms": report.p50_ms, "p99_ms": report.p99_ms,
        "p999_ms": report.p999_ms, "cpu_us_per_message": report.cpu_us_per_message, "rss_mb": report.rss_mb,
        "lost": report.lost, "duplicates": report.duplicates, "reordered": report.reordered,
        "refused": report.refused, "runs_p99_ms": p99_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_run_is_shown_and_faults_are_added_up() {
        let run = |p99_ms, lost| Report {
            sent: 10,
            achieved_per_s: 1.0,
            p50_ms: 1.0,
            p99_ms,
            p999_ms: 9.0,
            cpu_us_per_message: 5.0,
            rss_mb: 1.0,
            lost,
            duplicates: 0,
            reordered: 0,
            refused: 0,
        };
        let report = median(vec![run(9.0, 1), run(1.0, 0), run(4.0, 2)]).unwrap();
        assert_eq!((report.p99_ms, report.lost), (4.0, 3));
        assert_eq!(median(Vec::new()), None);
    }
}
