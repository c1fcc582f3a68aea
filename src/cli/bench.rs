//! `millrace bench`: open-loop load, and the raw limit of the machine measured in the same run.

pub mod log;

use clap::{Args, Subcommand, ValueEnum};

use super::{Context, Exit};

/// Measure this machine: each bench prints what it reached beside the raw limit of the same run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench log\n  \
    millrace bench log --seconds 10 --payload 512 --json")]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

/// What is measured.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Appends, synced appends, reads and the tail of the log.
    Log(log::LogBench),
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

/// Runs one bench.
///
/// # Errors
/// When what is measured can't be set up.
pub async fn run(context: &Context, args: &BenchArgs) -> Exit {
    match &args.command {
        BenchCommand::Log(bench) => log::run(context, bench).await,
    }
}
