//! `millrace bench restore`: a new owner of many parked replies.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::super::{Context, Exit, output};
use super::{Common, On, cores};
use crate::app::blast::parked::run as measure;
use crate::app::leftovers;

/// Measure how soon a new owner of a partition sends the first of many parked replies, and what each takes in memory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench restore\n  \
    millrace bench restore --parked 100000 --engine kafka --kafka 127.0.0.1:9092 --json")]
pub struct RestoreBench {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    common: Common,
    /// Replies that are parked.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    parked: u64,
}

/// Runs the bench.
///
/// # Errors
/// When the system can't be started or nothing arrives.
pub async fn run(context: &Context, bench: &RestoreBench) -> Exit {
    let (mut settings, sync) = bench.on.settings(context)?;
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    folder.path().clone_into(&mut settings.data);
    let payload = bench.common.payload.unwrap_or(300);
    let bar = super::pipeline::bar(bench.parked, "parking");
    let what = (bench.parked, payload, bench.common.seed);
    let found = measure(settings.clone(), what, |done| bar.inc(done)).await;
    leftovers::remove_all(&settings).await;
    let found = found?;
    bar.finish_and_clear();
    let each = found.bytes as f64 / bench.parked.max(1) as f64;
    let first_ms = found.first.as_secs_f64() * 1e3;
    let engine = bench.on.engine.as_str();
    if context.json {
        output::json(&json!({
            "bench": "restore", "engine": engine, "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "parked": bench.parked, "payload": payload,
            "first_send_ms": first_ms, "bytes_per_parked": each,
        }))?;
    } else {
        output::table(
            [&format!("restore on {engine} ({sync}, {} cores)", cores()), ""],
            &[
                ["parked replies".to_owned(), bench.parked.to_string()],
                ["first sent after".to_owned(), format!("{first_ms:.0} ms")],
                ["memory of each".to_owned(), format!("{each:.0} B")],
            ],
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
