//! `millrace chaos`: faults on a real Kafka, and whether every promise was kept.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Exit, Usage, output};
use crate::app::chaos::plan::Shape;
use crate::app::chaos::report::Verdict;
use crate::app::chaos::{Options, run as run_plan};

/// Kill, pause and mislead a whole installation for a while, then say whether anything was lost, reordered or doubled.
///
/// `scripts/chaos.sh` runs it: it starts the brokers and the database, both empty, and takes them away again. Every role is
/// a process of its own; the providers are fakes in this one and the truth. The logs of the roles and `evidence.txt`
/// go to the data folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scripts/chaos.sh --seconds 60 --seed 7 --json
  millrace chaos --seconds 60 --seed 7 --kafka 127.0.0.1:39092 --kafka-script scripts/kafka.sh --database postgres://... --data run")]
pub struct ChaosArgs {
    /// How long faults last.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Decides what is done when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The brokers, which `--kafka-script` started.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: String,
    /// Kills brokers and starts them again: `SCRIPT kill|restart --broker I --port PORT`.
    #[arg(long, value_name = "FILE")]
    kafka_script: PathBuf,
    /// The database; it has to be empty.
    #[arg(long, value_name = "URL")]
    database: String,
}

/// Runs it. Exit code 1 when a promise was broken.
///
/// # Errors
/// When the run can't be made, or is interrupted.
pub async fn run(args: ChaosArgs, cx: &Context) -> Exit {
    let mut settings = cx.settings.clone();
    super::up::on_cluster(&mut settings, Some(&args.kafka), Some(&args.database));
    let first = args.kafka.split(',').next().and_then(|first| first.rsplit_once(':')?.1.parse().ok());
    let kafka_port = first.ok_or_else(|| Usage("--kafka wants HOST:PORT".to_owned()))?;
    let brokers = u32::try_from(args.kafka.split(',').count()).unwrap_or(1);
    let shape = Shape { seconds: args.seconds.max(10), seed: args.seed, brokers };
    let options = Options { shape, kafka_script: args.kafka_script, kafka_port };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let report = tokio::select! {
        report = run_plan(options, settings, |text| anstream::eprintln!("chaos: {text}")) => report?,
        _ = terminate.recv() => anyhow::bail!("interrupted"),
        _ = interrupt.recv() => anyhow::bail!("interrupted"),
    };
    if cx.json {
        output::json(&report)?;
    } else {
        let fields = serde_json::to_value(&report)?;
        let fields = fields.as_object().into_iter().flatten();
        let rows: Vec<_> = fields.map(|(name, value)| [name.replace('_', " "), value.to_string()]).collect();
        output::table(["chaos", ""], &rows)?;
    }
    Ok(if report.verdict == Verdict::Pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
