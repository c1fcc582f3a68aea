//! `millrace bench`: open-loop load, and the raw limit of the machine measured in the same run.

pub mod bots;
pub mod log;
pub mod pipeline;
pub mod retrieve;

use clap::{Args, Subcommand, ValueEnum};

use super::{Context, Exit, Usage};
use crate::app::settings::Settings;

/// Measure this machine: each bench prints what it reached beside the raw limit of the same run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace bench pipeline --rate 5000                  webhook to provider, everything in this process
  millrace bench pipeline --engine kafka --kafka 127.0.0.1:9092 --rate 2000
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
        BenchCommand::Bots(bench) => bots::run(context, bench).await,
        BenchCommand::Log(bench) => log::run(context, bench).await,
        BenchCommand::Retrieve(bench) => retrieve::run(context, bench).await,
    }
}
