//! `millrace bench bots`: what idle bots cost.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;

use super::super::{Context, Exit, output};
use super::{On, cores};
use crate::app::leftovers;
use crate::app::load::bed::Bed;
use crate::app::load::{Begin, Load, rss_bytes};
use crate::app::settings::Settings;

/// Measure the memory of idle bots: the whole system after traffic on a few of them, and after the same on all.
///
/// Each bot has answered once then. Both systems are processes of their own: what one leaves behind is not counted with the
/// other.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millrace bench bots --bots 10000 --json")]
pub struct BotsBench {
    #[command(flatten)]
    on: On,
    /// How many bots.
    #[arg(long, default_value_t = 10_000)]
    bots: u32,
    /// One of the two processes: the folder that it works in.
    #[arg(long, hide = true, requires = "touch")]
    inside: Option<PathBuf>,
    /// How many bots it writes to.
    #[arg(long, hide = true)]
    touch: Option<u32>,
    /// The topics' prefix on a cluster: both processes work on the topics of the one that made the bots.
    #[arg(long, hide = true, overrides_with = "prefix")]
    prefix: Option<String>,
    /// The number of its first update: on the same topics, one that was there before would be a repetition.
    #[arg(long, hide = true, default_value_t = 0)]
    update: u64,
}

/// Messages a second while every bot is written to once.
const TOUCH_RATE: u32 = 500;

/// Bots that are written to in the system that is compared with: each stays below Telegram's 30 messages a second.
const FEW: u32 = 25;

/// How long one of the two processes may take beside its traffic.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one of the two systems came to.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    /// Resident memory in bytes.
    rss: u64,
    /// Milliseconds until it was ready.
    start_ms: f64,
    /// Bots that did not answer.
    silent: u64,
}

/// Runs the bench.
///
/// # Errors
/// When the system can't be started.
pub async fn run(context: &Context, args: &BotsBench) -> Exit {
    let (mut settings, sync) = args.on.settings(context)?;
    if let Some(prefix) = &args.prefix {
        settings.kafka.prefix.clone_from(prefix);
    }
    if let (Some(inside), Some(bots)) = (&args.inside, args.touch) {
        let part = measure(settings, args, inside, bots).await?;
        output::json(&part)?;
        return Ok(ExitCode::SUCCESS);
    }
    let both = both(settings.clone(), args.bots).await;
    leftovers::remove_all(&settings).await;
    let (few, all) = both?;
    let (before, after) = (few.rss, all.rss);
    let Part { start_ms, silent, .. } = all;

    let each = after.saturating_sub(before) as f64 / f64::from(args.bots.max(1));
    if context.json {
        output::json(&json!({
            "bench": "bots", "engine": args.on.engine.as_str(), "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "bots": args.bots, "rss_mb_before": before as f64 / 1e6,
            "rss_mb_after": after as f64 / 1e6, "bytes_per_bot": each, "start_ms": start_ms,
            "silent": silent,
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
                row("bots that did not answer", silent.to_string()),
            ],
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the bots, then writes to a few of them and to all.
async fn both(settings: Settings, bots: u32) -> anyhow::Result<(Part, Part)> {
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    let [made, few_of_them, all_of_them] = ["made", "few", "all"].map(|name| folder.path().join(name));
    std::fs::create_dir(&made)?;
    let prefix = settings.kafka.prefix.clone();
    let maker = Bed::start(settings, Some(&made), 0, || ()).await?;
    maker.ready().await?;
    let bar = super::pipeline::bar(u64::from(bots), "making bots");
    maker.make_bots(bots, || bar.inc(1)).await?;
    bar.finish_and_clear();
    maker.stop().await;
    // Both systems start on the same data and carry the same traffic: what logs, caches and chats take is not what a bot
    // takes.
    copy(&made, &few_of_them)?;
    copy(&made, &all_of_them)?;
    let bar = super::spinner("writing to a few".to_owned());
    let few = in_a_process(&few_of_them, FEW.min(bots), (bots, 0), &prefix).await?;
    bar.set_message("writing to all");
    let all = in_a_process(&all_of_them, bots, (bots, u64::from(bots)), &prefix).await?;
    bar.finish_and_clear();
    Ok((few, all))
}

/// The same command in a process of its own, which writes to `touch` of the bots.
async fn in_a_process(
    inside: &Path,
    touch: u32,
    (bots, update): (u32, u64),
    prefix: &str,
) -> anyhow::Result<Part> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).arg("--inside").arg(inside).args(["--prefix", prefix]);
    command
        .args(["--touch", &touch.to_string(), "--update", &update.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.stderr(Stdio::inherit()).output();
    let most = PATIENCE + Duration::from_secs((bots / TOUCH_RATE).into()) * 4;
    let output = tokio::time::timeout(most, output)
        .await
        .with_context(|| format!("the process that writes to {touch} bots was not done after {most:?}"))??;
    anyhow::ensure!(
        output.status.success(),
        "the process that writes to {touch} bots ended with {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("what the process printed")
}

/// The whole system on the data of `inside`, and each of `bots` written to.
async fn measure(settings: Settings, args: &BotsBench, inside: &Path, bots: u32) -> anyhow::Result<Part> {
    let began = Instant::now();
    let bed = Bed::start(settings, Some(inside), 0, || ()).await?;
    bed.ready().await?;
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    // A bot that was never loaded costs nothing: each is written to, far below any limit.
    let silent = touch(&bed, bots, args.bots.max(1), args.update).await?;
    let rss = rss_bytes();
    bed.stop().await;
    Ok(Part { rss, start_ms, silent })
}

/// One message to each chat; gives how many were not answered.
async fn touch(bed: &Bed, bots: u32, chats: u32, update: u64) -> anyhow::Result<u64> {
    let seconds = chats.div_ceil(TOUCH_RATE).max(1);
    let (rate, begin) = (chats.div_ceil(seconds), Begin { update, ..Begin::default() });
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
