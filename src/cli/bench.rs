//! `millrace bench`: open-loop load, and the raw limit of the machine measured in the same run.

pub mod bots;
pub mod dispatch;
pub mod edge;
pub mod fairness;
pub mod log;
pub mod match_stage;
pub mod pipeline;
pub mod restore;
pub mod retrieve;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;

use super::{Context, Exit, Usage};
use crate::app::edge_load;
use crate::app::settings::Settings;

/// Measure this machine: each bench prints what it reached beside the raw limit of the same run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace bench pipeline --rate 5000                  webhook to provider, everything in this process
  millrace bench pipeline --engine kafka --kafka 127.0.0.1:9092 --rate 2000
  millrace bench match --engine kafka --kafka 127.0.0.1:9092     a stage's loop beside bare clients
  millrace bench dispatch --bots 1                     one bot's sends, beside a bare HTTP client
  millrace bench edge --channel whatsapp               signed webhooks, beside the same HTTP that only appends
  millrace bench fairness                              one bot at 100 times its limit beside 999 quiet ones
  millrace bench restore --parked 1000000              a new owner of many parked replies
  millrace bench bots --bots 10000                     what idle bots cost
  millrace bench log                                   the log beside bare files
  millrace bench retrieve --collection cranfield --mode text")]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

/// What is measured.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Webhooks at a given rate until their replies reach a fake provider.
    Pipeline(pipeline::PipelineBench),
    /// The loop of a stage whose handler does nothing, beside bare clients.
    Match(match_stage::MatchBench),
    /// Dispatch with its ledger, beside a bare HTTP client.
    Dispatch(dispatch::DispatchBench),
    /// The edge with signed webhooks, beside the same HTTP that only appends.
    Edge(edge::EdgeBench),
    /// The server of `bench edge`, which takes its orders from stdin.
    #[command(hide = true)]
    EdgeServer,
    /// The generator of `bench edge`, which takes its orders from stdin.
    #[command(hide = true)]
    EdgeGenerator,
    /// How soon a new owner sends what was parked, and what that takes in memory.
    Restore(restore::RestoreBench),
    /// What a surge at one bot does to all others.
    Fairness(fairness::FairnessBench),
    /// The memory and the start of many idle bots.
    Bots(bots::BotsBench),
    /// Appends, synced appends, reads and the tail of the log.
    Log(log::LogBench),
    /// How good and how fast passages are found in a test collection.
    Retrieve(retrieve::RetrieveBench),
}

/// Which log a bench runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The log in a folder.
    Embedded,
    /// Apache Kafka at `--kafka` or `kafka.brokers`.
    Kafka,
}

impl Engine {
    /// The word in the results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kafka => "kafka",
        }
    }
}

/// Flags that several benches share.
#[derive(Debug, Clone, Args)]
pub struct On {
    /// Which log it runs on.
    #[arg(long, value_enum, default_value = "embedded")]
    pub engine: Engine,
    /// The brokers, for `--engine kafka`.
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
}

impl On {
    /// The settings for a bench on this log, and what `sync` says in the results.
    ///
    /// # Errors
    /// When no broker is named for Kafka.
    pub fn settings(&self, context: &Context) -> Result<(Settings, &'static str), Usage> {
        let mut settings = context.settings.clone();
        match self.engine {
            Engine::Embedded => {
                settings.kafka.brokers.clear();
                let sync = settings.log.sync.as_str();
                Ok((settings, sync))
            }
            Engine::Kafka => {
                super::up::on_cluster(&mut settings, self.kafka.as_deref(), None);
                if settings.kafka.brokers.is_empty() {
                    return Err(Usage(
                        "--engine kafka needs brokers: name them with --kafka HOST:PORT".to_owned(),
                    ));
                }
                // Topics of its own each time, so that no earlier run is measured with it.
                settings.kafka.prefix = format!("bench-{:08x}.", fastrand::u32(..));
                settings.topics.conversations.get_or_insert(8);
                settings.topics.replies.get_or_insert(8);
                Ok((settings, "kafka"))
            }
        }
    }
}

/// Flags that mean the same in every bench. One that a bench has no use for is passed over, so that one script can drive
/// them all.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Messages a second.
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// How long is measured.
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// How long it runs before that.
    #[arg(long, value_name = "N")]
    pub warmup: Option<u64>,
    /// Bots.
    #[arg(long, value_name = "N")]
    pub bots: Option<u32>,
    /// Conversations.
    #[arg(long, value_name = "N")]
    pub chats: Option<u64>,
    /// Bytes of text.
    #[arg(long, value_name = "BYTES")]
    pub payload: Option<usize>,
    /// Seed of what is written.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How often it is measured; the median counts.
    #[arg(long, value_name = "N")]
    pub repeat: Option<usize>,
}

/// What long work is doing, on a terminal.
fn spinner(message: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(std::time::Duration::from_millis(200));
    spinner
}

/// So many in that time.
fn per_second(count: u64, time: std::time::Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::EPSILON)
}

/// The middle one; of an even number the lower of both.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Processors that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Runs one bench.
///
/// # Errors
/// When what is measured can't be set up.
pub async fn run(context: &Context, args: &BenchArgs) -> Exit {
    match &args.command {
        BenchCommand::Pipeline(bench) => pipeline::run(context, bench).await,
        BenchCommand::Match(bench) => match_stage::run(context, bench).await,
        BenchCommand::Dispatch(bench) => dispatch::run(context, bench).await,
        BenchCommand::Edge(bench) => edge::run(context, bench).await,
        BenchCommand::EdgeServer => done(edge_load::server::run(&context.settings).await),
        BenchCommand::EdgeGenerator => done(edge_load::generator::run().await),
        BenchCommand::Fairness(bench) => fairness::run(context, bench).await,
        BenchCommand::Restore(bench) => restore::run(context, bench).await,
        BenchCommand::Bots(bench) => bots::run(context, bench).await,
        BenchCommand::Log(bench) => log::run(context, bench).await,
        BenchCommand::Retrieve(bench) => retrieve::run(context, bench).await,
    }
}

/// What a process without words of its own ends with.
fn done(outcome: anyhow::Result<()>) -> Exit {
    outcome.map(|()| ExitCode::SUCCESS)
}
