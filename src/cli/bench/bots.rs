//! `millrace bench bots`: what idle bots cost.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::super::{Context, Exit, output};
use super::{On, cores};
use crate::app::load::bed::Bed;
use crate::app::load::{Begin, Load, rss_bytes};

/// Measure the memory of idle bots: the whole system after traffic on a few of them, then started again and after the same
/// traffic on all, so that each has answered once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millrace bench bots --bots 10000 --json")]
pub struct BotsBench {
    #[command(flatten)]
    on: On,
    /// How many bots.
    #[arg(long, default_value_t = 10_000)]
    bots: u32,
}

/// Messages a second while every bot is written to once.
const TOUCH_RATE: u32 = 500;

/// Bots that are written to in the system that is compared with: each stays below Telegram's 30 messages a second.
const FEW: u32 = 25;

/// Runs the bench.
///
/// # Errors
/// When the system can't be started.
pub async fn run(context: &Context, args: &BotsBench) -> Exit {
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    let [made, few_of_them, all_of_them] = ["made", "few", "all"].map(|name| folder.path().join(name));
    let (settings, sync) = args.on.settings(context)?;
    let chats = args.bots.max(1);
    let few = FEW.min(args.bots);
    std::fs::create_dir(&made)?;
    let maker = Bed::start(settings.clone(), Some(&made), 0, || ()).await?;
    maker.ready().await?;
    let bar = super::pipeline::bar(u64::from(args.bots), "making bots");
    maker.make_bots(args.bots, || bar.inc(1)).await?;
    bar.finish_and_clear();
    maker.stop().await;
    // Both systems start on the same data and carry the same traffic: what logs, caches and chats take is not what a bot
    // takes.
    copy(&made, &few_of_them)?;
    copy(&made, &all_of_them)?;

    let quiet = Bed::start(settings.clone(), Some(&few_of_them), 0, || ()).await?;
    quiet.ready().await?;
    touch(&quiet, few, chats).await?;
    let before = rss_bytes();
    quiet.stop().await;

    let began = std::time::Instant::now();
    let full = Bed::start(settings, Some(&all_of_them), 0, || ()).await?;
    full.ready().await?;
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    // A bot that was never loaded costs nothing: each is written to once, far below any limit.
    let touched = touch(&full, args.bots, chats).await?;
    let after = rss_bytes();
    full.stop().await;

    let each = after.saturating_sub(before) as f64 / f64::from(args.bots.max(1));
    if context.json {
        output::json(&json!({
            "bench": "bots", "engine": args.on.engine.as_str(), "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "bots": args.bots, "rss_mb_before": before as f64 / 1e6,
            "rss_mb_after": after as f64 / 1e6, "bytes_per_bot": each, "start_ms": start_ms,
            "silent": touched,
        }))?;
    } else {
        let row = |name: &str, value: String| [name.to_owned(), value];
        output::table(
            [&format!("{} idle bots on {}", args.bots, args.on.engine.as_str()), ""],
            &[
                row("memory with few, after the same traffic", format!("{:.1} MB", before as f64 / 1e6)),
                row("memory with all, after the same traffic", format!("{:.1} MB", after as f64 / 1e6)),
                row("a bot", format!("{each:.0} B")),
                row("start", format!("{start_ms:.0} ms")),
                row("bots that did not answer", touched.to_string()),
            ],
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One message to each chat; gives how many were not answered.
async fn touch(bed: &Bed, bots: u32, chats: u32) -> anyhow::Result<u64> {
    let seconds = chats.div_ceil(TOUCH_RATE).max(1);
    let (rate, begin) = (chats.div_ceil(seconds), Begin::default());
    let load = Load { rate, seconds, warmup: 0, bots, chats, payload: 64, seed: 1, begin };
    let outcome =
        super::pipeline::drive(load, bed.edge, Arc::clone(&bed.checker), ProgressBar::hidden()).await?;
    Ok(outcome.lost)
}

/// Copies a folder with what is in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
