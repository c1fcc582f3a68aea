//! `millrace bench dispatch`: what dispatch costs a message.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::super::{Context, Exit, output};
use super::{Common, On, cores, median, per_second, spinner};
use crate::app::blast::{Blast, Range};
use crate::app::leftovers;
use crate::app::settings::Settings;

/// Measure dispatch with its ledger beside a bare HTTP client that sends the same messages to the same fake Telegram, in
/// turn, everything in this process. No limit holds either back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench dispatch\n  \
    millrace bench dispatch --bots 1 --engine kafka --kafka 127.0.0.1:9092 --json")]
pub struct DispatchBench {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    common: Common,
}

/// How long a run should take, about, when `--seconds` says nothing.
const SECONDS: u64 = 5;
/// How often both are measured, when `--repeat` says nothing.
const REPEAT: usize = 5;
/// Messages that warm everything and show how many a run needs.
const FIRST: u64 = 4000;
/// The most messages of a run: they are in memory before it begins.
const MOST: u64 = 300_000;

/// Runs the bench.
///
/// # Errors
/// When the system can't be started or nothing arrives.
pub async fn run(context: &Context, bench: &DispatchBench) -> Exit {
    let (mut settings, sync) = bench.on.settings(context)?;
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    folder.path().clone_into(&mut settings.data);
    let common = &bench.common;
    let bots = common.bots.unwrap_or(500).max(1);
    let blast = Blast {
        bots,
        chats: u32::try_from(common.chats.unwrap_or(20_000)).unwrap_or(u32::MAX),
        payload: common.payload.unwrap_or(1024).min(4096),
        seed: common.seed,
    };
    let found = measure(settings.clone(), blast, common).await;
    leftovers::remove_all(&settings).await;
    let Found { messages, raw, dispatch } = found?;
    let engine = bench.on.engine.as_str();
    if context.json {
        output::json(&json!({
            "bench": "dispatch", "engine": engine, "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "raw_per_s": raw, "dispatch_per_s": dispatch,
            "ratio": dispatch / raw, "bots": bots, "messages": messages,
        }))?;
    } else {
        output::table(
            [&format!("dispatch on {engine} ({sync}, {} cores)", cores()), ""],
            &[
                ["bare client".to_owned(), format!("{raw:.0}/s")],
                ["dispatch".to_owned(), format!("{dispatch:.0}/s")],
                ["ratio".to_owned(), format!("{:.2}", dispatch / raw)],
                ["bots".to_owned(), bots.to_string()],
            ],
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was measured: messages of a run, and medians a second.
struct Found {
    messages: u64,
    raw: f64,
    dispatch: f64,
}

async fn measure(settings: Settings, blast: Blast, common: &Common) -> anyhow::Result<Found> {
    let bar = spinner(format!("making {} bots", blast.bots));
    let range = Range::open(settings, blast).await?;
    range.dispatch(FIRST).await?;
    let wanted = per_second(FIRST, range.raw(FIRST).await?) * common.seconds.unwrap_or(SECONDS) as f64;
    let messages = (wanted as u64).clamp(FIRST, MOST);
    let repeat = common.repeat.unwrap_or(REPEAT).max(1);
    let (mut raw, mut dispatch) = (Vec::new(), Vec::new());
    for n in 1..=repeat {
        bar.set_message(format!("run {n} of {repeat}, {messages} messages"));
        raw.push(per_second(messages, range.raw(messages).await?));
        dispatch.push(per_second(messages, range.dispatch(messages).await?));
    }
    range.close().await;
    bar.finish_and_clear();
    Ok(Found { messages, raw: median(raw), dispatch: median(dispatch) })
}
