//! `millrace bench edge`: what the edge costs a webhook.
//!
//! The bare handler and the edge are written to in turn, `--repeat` times; the median of each is printed. Then the edge
//! alone takes webhooks at a steady rate, for the latency.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::{Context, Exit, output};
use super::{Common, On, cores, median, spinner};
use crate::app::edge_load::{Course, Run, Side, Traffic};
use crate::domain::channel::ChannelKind;

/// Measure the edge with signed webhooks beside the same HTTP that reads a body and appends it, and nothing else.
///
/// Generator and server are processes of their own, on loopback. `--rate` is the load under which the latency is taken;
/// without it, half of what the edge reached.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench edge --json\n  \
    millrace bench edge --channel telegram --payload 200 --json | jq .ratio\n  \
    millrace bench edge --engine kafka --kafka 127.0.0.1:9092")]
pub struct EdgeBench {
    /// Whose webhooks: `WhatsApp`'s are signed, Telegram's show a secret.
    #[arg(long, value_enum, default_value = "whatsapp")]
    channel: Posts,
    /// Connections, with one request at a time each.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    connections: u32,
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    common: Common,
}

/// Whose webhooks are posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Posts {
    Telegram,
    Whatsapp,
}

/// How long a run takes, when `--seconds` says nothing.
const SECONDS: u64 = 5;
/// How long each side is written to before it is measured, when `--warmup` says nothing.
const WARMUP: u64 = 2;
/// How often both are measured, when `--repeat` says nothing.
const REPEAT: usize = 5;
/// The most text of a message: what `WhatsApp` allows.
const MOST_TEXT: usize = 4096;

/// Runs the bench.
///
/// # Errors
/// When the processes can't be started or stop answering.
pub async fn run(context: &Context, bench: &EdgeBench) -> Exit {
    let (mut settings, sync) = bench.on.settings(context)?;
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    settings.data = folder.path().canonicalize()?;
    let common = &bench.common;
    let traffic = Traffic {
        channel: match bench.channel {
            Posts::Telegram => ChannelKind::Telegram,
            Posts::Whatsapp => ChannelKind::Whatsapp,
        },
        connections: bench.connections,
        bots: common.bots.unwrap_or(500).max(1),
        chats: u32::try_from(common.chats.unwrap_or(20_000)).unwrap_or(u32::MAX),
        payload: common.payload.unwrap_or(1024).min(MOST_TEXT),
        seed: common.seed,
    };
    let bar = spinner(format!("making {} bots", traffic.bots));
    let mut course = Course::open(&settings, &traffic).await?;
    let (mut raw, mut edge, mut paced) = (Vec::new(), Vec::new(), Vec::new());
    let time = Duration::from_secs(common.seconds.unwrap_or(SECONDS).max(1));
    let warmup = Duration::from_secs(common.warmup.unwrap_or(WARMUP));
    let warmed = [course.run(Side::Raw, warmup, None).await?, course.run(Side::Edge, warmup, None).await?];
    let repeat = common.repeat.unwrap_or(REPEAT).max(1);
    for n in 1..=repeat {
        bar.set_message(format!("run {n} of {repeat}"));
        raw.push(course.run(Side::Raw, time, None).await?);
        edge.push(course.run(Side::Edge, time, None).await?);
    }
    let of = |runs: &[Run], figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let rate = common.rate.map_or_else(|| of(&edge, Run::per_second) / 2.0, f64::from);
    for n in 1..=repeat {
        bar.set_message(format!("{rate:.0}/s, run {n} of {repeat}"));
        paced.push(course.run(Side::Edge, time, Some(rate)).await?);
    }
    course.close().await?;
    bar.finish_and_clear();

    let all_edge = || edge.iter().chain(&paced).chain(&warmed[1..]);
    let figures = Figures {
        raw_per_s: of(&raw, Run::per_second),
        edge_per_s: of(&edge, Run::per_second),
        raw_cpu_us: of(&raw, Run::cpu_each_us),
        edge_cpu_us: of(&edge, Run::cpu_each_us),
        rate,
        p50_ms: of(&paced, |run| run.answers.p50_ms),
        p99_ms: of(&paced, |run| run.answers.p99_ms),
        answered_200: all_edge().map(|run| run.answers.ok).sum(),
        refused: all_edge().map(|run| run.answers.refused).sum(),
        appended: all_edge().map(|run| run.appended).sum(),
    };
    print(context, bench, (sync, &traffic), &figures)?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed; counts are of everything that the edge was sent.
struct Figures {
    raw_per_s: f64,
    edge_per_s: f64,
    raw_cpu_us: f64,
    edge_cpu_us: f64,
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    answered_200: u64,
    refused: u64,
    appended: u64,
}

fn print(
    context: &Context,
    bench: &EdgeBench,
    (sync, traffic): (&str, &Traffic),
    figures: &Figures,
) -> anyhow::Result<()> {
    let (engine, it) = (bench.on.engine.as_str(), figures);
    let (ratio, cpu_ratio) = (it.edge_per_s / it.raw_per_s, it.raw_cpu_us / it.edge_cpu_us);
    if context.json {
        return output::json(&json!({
            "bench": "edge", "engine": engine, "sync": sync, "cores": cores(),
            "version": env!("CARGO_PKG_VERSION"), "channel": traffic.channel.as_str(),
            "connections": traffic.connections, "payload": traffic.payload, "raw_per_s": it.raw_per_s,
            "edge_per_s": it.edge_per_s, "ratio": ratio, "raw_cpu_us": it.raw_cpu_us,
            "edge_cpu_us": it.edge_cpu_us, "cpu_ratio": cpu_ratio, "rate": it.rate, "p50_ms": it.p50_ms,
            "p99_ms": it.p99_ms, "answered_200": it.answered_200, "refused": it.refused,
            "appended": it.appended,
        }));
    }
    let row = |name: &str, value: String| [name.to_owned(), value];
    output::table(
        [&format!("{} edge on {engine} ({sync}, {} cores)", traffic.channel, cores()), ""],
        &[
            row("bare handler", format!("{:.0}/s", it.raw_per_s)),
            row("edge", format!("{:.0}/s", it.edge_per_s)),
            row("ratio", format!("{ratio:.2}")),
            row(
                "server CPU a request, bare and edge",
                format!("{:.0} us, {:.0} us", it.raw_cpu_us, it.edge_cpu_us),
            ),
            row("ratio of these", format!("{cpu_ratio:.2}")),
            row(
                &format!("p50, p99 at {:.0}/s", it.rate),
                format!("{:.1} ms, {:.1} ms", it.p50_ms, it.p99_ms),
            ),
            row(
                "answered 200, else, events in the log",
                format!("{}, {}, {}", it.answered_200, it.refused, it.appended),
            ),
        ],
    )
}
