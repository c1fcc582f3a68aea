//! `millrace log`: check, read and repair the embedded log.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, Exit};
use crate::domain::time::{Clock, SystemClock};
use crate::log::embedded::tool::{self, Health, Wanted};
use crate::log::{Record, TopicPartition};

/// Check, read and repair the embedded log.
///
/// `verify` and `dump` change nothing and may run beside `millrace up`; `repair` may not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace log verify\n  \
    millrace log dump --topic turn.opened.v1 --from 1200 --limit 10\n  \
    millrace log dump --topic dead.letter.v1 --json | jq -r .value\n  \
    millrace log repair")]
pub struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Check every frame; exit status 1 and the place of each damage when there is one.
    #[command(after_help = "Examples:\n  millrace log verify\n  millrace log verify --json | jq .damages")]
    Verify,
    /// Print records in the order in which they were appended.
    #[command(after_help = "Examples:\n  \
        millrace log dump --topic reply.settled.v1 --partition 3 --from 17 --limit 1\n  \
        millrace log dump --topic webhook.received.v1 --json | jq -r '.value | fromjson | .type'")]
    Dump {
        /// The topic.
        #[arg(long)]
        topic: String,
        /// One partition; without it, all.
        #[arg(long, value_name = "N")]
        partition: Option<u32>,
        /// The first offset.
        #[arg(long, default_value_t = 0, value_name = "OFFSET")]
        from: u64,
        /// At most so many records.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Save a copy of a damaged end, then cut it.
    ///
    /// What follows the first bad frame of a sequence is taken out, so that what stays is a prefix of what was written: the
    /// messages after it are gone from the log. The copy stays in the log's folder until you remove it.
    #[command(after_help = "Examples:\n  millrace log verify; millrace log repair")]
    Repair,
}

/// Runs one of them on the log in the data folder.
///
/// # Errors
/// When there is no log, or it can't be read or written.
pub fn run(context: &Context, args: &LogArgs) -> Exit {
    let folder = context.settings.log.clone().under(&context.settings.data).folder;
    match &args.command {
        LogCommand::Verify => {
            let health = tool::verify(&folder)?;
            if context.json {
                let damages: Vec<_> = health
                    .damages()
                    .map(|(segment, damage)| json!({"file": segment.file, "at": damage.at, "what": damage.what}))
                    .collect();
                let good = health.is_good();
                anstream::println!("{}", json!({"good": good, "damages": damages, "log": health}));
            } else {
                report(&health);
            }
            Ok(if health.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        LogCommand::Dump { topic, partition, from, limit } => {
            let limit = limit.unwrap_or(usize::MAX);
            let wanted = Wanted { topic: topic.clone(), partition: *partition, from: *from, limit };
            tool::dump(&folder, &wanted, &mut |at, record| {
                print(&at, &record, context.json);
                true
            })?;
            Ok(ExitCode::SUCCESS)
        }
        LogCommand::Repair => repair(context, &folder),
    }
}

fn report(health: &Health) {
    for sequence in &health.sequences {
        for segment in &sequence.segments {
            let (file, records, frames) = (segment.file.display(), segment.records, segment.frames);
            anstream::println!("{file}: {records} records in {frames} frames, {} bytes", segment.bytes);
            if segment.unfinished > 0 {
                let bytes = segment.unfinished;
                anstream::println!("  an unfinished end of {bytes} bytes, which the next start cuts");
            }
            if let Some(damage) = &segment.damage {
                anstream::println!("  damaged at byte {}: {}", damage.at, damage.what);
            }
        }
    }
    if health.is_good() {
        anstream::println!("log {} is good", health.log_id);
    } else {
        anstream::println!(
            "log {} is damaged: `millrace log repair` saves a copy and cuts from there on",
            health.log_id
        );
    }
}

fn print(at: &TopicPartition, record: &Record, as_json: bool) {
    let (key, value) = (String::from_utf8_lossy(&record.key), String::from_utf8_lossy(&record.value));
    if as_json {
        let headers: serde_json::Map<_, _> = record
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value).into()))
            .collect();
        let line = json!({
            "topic": at.topic.as_str(), "partition": at.partition, "offset": record.offset, "at": record.at,
            "key": key, "value": value, "headers": headers,
        });
        anstream::println!("{line}");
    } else {
        anstream::println!("{at} {} {} {key} {value}", record.offset, record.at);
    }
}

fn repair(context: &Context, folder: &Path) -> Exit {
    let cuts = tool::repair(folder, SystemClock.now())?;
    if context.json {
        anstream::println!("{}", json!({ "cuts": cuts }));
        return Ok(ExitCode::SUCCESS);
    }
    for cut in &cuts {
        let (file, at, what) = (cut.file.display(), cut.at, &cut.what);
        anstream::println!("{file}: cut at byte {at}, where {what}");
        anstream::println!("  lost {} bytes with {} good frames", cut.bytes, cut.frames);
        for segment in &cut.segments {
            anstream::println!("  lost {} with all that is in it", segment.display());
        }
        anstream::println!("  a copy of all of it is in {}", cut.saved.display());
    }
    if cuts.is_empty() {
        anstream::println!("nothing to repair: the log is good");
    }
    Ok(ExitCode::SUCCESS)
}
