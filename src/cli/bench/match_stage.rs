//! `millrace bench match`: what the loop of a stage costs a record.
//!
//! Bare clients and the loop carry the same records in turn, `--repeat` times; the median of each is printed.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::super::{Context, Exit};
use super::{Common, On, cores, median, per_second, spinner};
use crate::app::passthrough::{Course, Road};
use crate::app::settings::Settings;

/// Measure the loop of the match stage with a handler that decodes the envelope and derives the next one's id, beside bare
/// clients with the same settings that copy the records unread.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench match --engine kafka --kafka 127.0.0.1:9092\n  \
    millrace bench match --payload 1024 --json | jq .ratio")]
pub struct MatchBench {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    common: Common,
}

/// Bytes of text in a record, beside its envelope, when `--payload` says nothing.
const SIZES: [usize; 2] = [1024, 200];
/// How long a run should take, about, when `--seconds` says nothing.
const SECONDS: u64 = 4;
/// How often both are measured, when `--repeat` says nothing.
const REPEAT: usize = 5;
const CHATS: u64 = 20_000;
/// Records of the run that shows how many are needed; it also warms everything.
const FIRST: u64 = 50_000;
/// The most records, and the most bytes, of a run.
const MOST: (u64, u64) = (2_000_000, 1 << 30);

/// One line of the result.
#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    engine: &'static str,
    sync: &'static str,
    cores: usize,
    version: &'static str,
    size_b: usize,
    raw_per_s: f64,
    stage_per_s: f64,
    /// `stage_per_s` / `raw_per_s`.
    ratio: f64,
    /// What a record takes longer in the loop.
    overhead_us: f64,
    records: u64,
}

/// Measures and prints, a line for each size.
///
/// # Errors
/// When the log can't be opened or a run fails.
pub async fn run(context: &Context, bench: &MatchBench) -> Exit {
    let (mut settings, sync) = bench.on.settings(context)?;
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    folder.path().clone_into(&mut settings.data);
    let road = Road::open(&settings).await?;
    let sizes = bench.common.payload.map_or(SIZES.to_vec(), |size| vec![size]);
    if !context.json {
        anstream::println!(
            "{:>7} {:>12} {:>12} {:>6} {:>12}",
            "bytes",
            "raw per s",
            "stage per s",
            "ratio",
            "overhead us"
        );
    }
    let mut courses = Vec::new();
    let outcome = async {
        for size in sizes {
            let line = measure(bench, &road, &settings, (size, sync), &mut courses).await?;
            print(context, &line)?;
        }
        anyhow::Ok(())
    };
    let outcome = outcome.await;
    road.close(&courses).await;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Both ways in turn, so that a machine whose speed changes changes both.
async fn measure(
    bench: &MatchBench,
    road: &Road,
    settings: &Settings,
    (size, sync): (usize, &'static str),
    courses: &mut Vec<Course>,
) -> anyhow::Result<Line> {
    let spread = (bench.common.chats.unwrap_or(CHATS), bench.common.seed);
    let bar = spinner(format!("{size} bytes: writing"));
    let first = road.fill(FIRST, size, spread).await?;
    courses.push(first.clone());
    road.stage(&first, settings).await?;
    let seconds = bench.common.seconds.unwrap_or(SECONDS) as f64;
    let wanted = per_second(FIRST, road.raw(&first).await?) * seconds;
    let records = (wanted as u64).clamp(FIRST, MOST.0.min(MOST.1 / (size as u64 + 700)));
    let course = road.fill(records, size, spread).await?;
    courses.push(course.clone());
    let repeat = bench.common.repeat.unwrap_or(REPEAT).max(1);
    let (mut raw, mut stage) = (Vec::new(), Vec::new());
    for n in 1..=repeat {
        bar.set_message(format!("{size} bytes: run {n} of {repeat}, {records} records"));
        raw.push(per_second(records, road.raw(&course).await?));
        stage.push(per_second(records, road.stage(&course, settings).await?));
    }
    bar.finish_and_clear();
    let (raw_per_s, stage_per_s) = (median(raw), median(stage));
    Ok(Line {
        bench: "match",
        engine: bench.on.engine.as_str(),
        sync,
        cores: cores(),
        version: env!("CARGO_PKG_VERSION"),
        size_b: size,
        raw_per_s,
        stage_per_s,
        ratio: stage_per_s / raw_per_s,
        overhead_us: 1e6 / stage_per_s - 1e6 / raw_per_s,
        records,
    })
}

fn print(context: &Context, line: &Line) -> anyhow::Result<()> {
    if context.json {
        anstream::println!("{}", serde_json::to_string(line)?);
    } else {
        anstream::println!(
            "{:>7} {:>12.0} {:>12.0} {:>6.2} {:>12.2}",
            line.size_b,
            line.raw_per_s,
            line.stage_per_s,
            line.ratio,
            line.overhead_us
        );
    }
    Ok(())
}
