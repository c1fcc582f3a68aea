//! `millrace bench pipeline`: webhook to provider, open loop.

use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::super::{Context, Exit, output};
use super::{On, cores};
use crate::app::load::bed::Bed;
use crate::app::load::{Load, Report, run as send};

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
    /// Runs; each is printed.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
}

/// Runs the bench. Exit code 1 when a message was lost, doubled or reordered.
///
/// # Errors
/// When the system can't be started or stops answering.
pub async fn run(context: &Context, args: &PipelineBench) -> Exit {
    let mut clean = true;
    for n in 0..args.repeat {
        let (settings, sync) = args.on.settings(context)?;
        let load = Load {
            rate: args.rate,
            seconds: args.seconds,
            warmup: args.warmup,
            bots: args.bots,
            chats: args.chats,
            payload: args.payload,
            seed: args.seed + u64::from(n),
        };
        let bar = bar(u64::from(args.bots), "making bots");
        let making = bar.clone();
        let bed = Bed::start(settings, None, args.bots, move || making.inc(1)).await?;
        bed.ready().await?;
        bar.finish_and_clear();
        let bar = self::bar(u64::from(load.rate) * u64::from(load.seconds + load.warmup), "messages");
        let sending = bar.clone();
        let report = send(load, bed.edge, std::sync::Arc::clone(&bed.checker), move |sent| sending.inc(sent)).await?;
        bar.finish_and_clear();
        bed.stop().await;
        clean &= report.lost + report.duplicates + report.reordered == 0;
        print(context, args, sync, &report)?;
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

fn print(context: &Context, args: &PipelineBench, sync: &str, report: &Report) -> anyhow::Result<()> {
    if context.json {
        return output::json(&object(args, sync, report));
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
            row("lost, doubled, reordered", format!("{}, {}, {}", report.lost, report.duplicates, report.reordered)),
        ],
    )
}

fn object(args: &PipelineBench, sync: &str, report: &Report) -> Value {
    json!({
        "bench": "pipeline", "engine": args.on.engine.as_str(), "sync": sync, "cores": cores(),
        "version": env!("CARGO_PKG_VERSION"), "rate": args.rate, "sent": report.sent,
        "achieved_per_s": report.achieved_per_s, "p50_ms": report.p50_ms, "p99_ms": report.p99_ms,
        "p999_ms": report.p999_ms, "cpu_us_per_message": report.cpu_us_per_message, "rss_mb": report.rss_mb,
        "lost": report.lost, "duplicates": report.duplicates, "reordered": report.reordered,
        "refused": report.refused,
    })
}
