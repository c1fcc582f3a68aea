//! `millrace lag`: how far every stage is behind.
//!
//! Guarantee: only looks; beside a running `up` it asks that process, so that the folder stays one process's own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::client::Client;
use super::{Context, Exit, output};
use crate::api::types::{Lag, LagLine};
use crate::api::{Door, GroupReads, measure_lag};
use crate::app::parts;
use crate::app::pipelines::Pipelines;
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, SystemClock};

/// Show how far every stage is behind: records, and for how long the oldest has waited.
///
/// On Kafka it asks the brokers. With the embedded log it asks the running process, or opens the folder when none runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace lag                              one line per stage and topic
  millrace lag --partitions                 one line per partition that is behind
  millrace lag --stage answer --json | jq '.lag[].seconds'")]
pub struct LagArgs {
    /// Only this stage.
    #[arg(long)]
    stage: Option<StageName>,
    /// One line per partition that is behind.
    #[arg(long)]
    partitions: bool,
}

/// Runs the command.
///
/// # Errors
/// When the log can't be reached or a topic is missing.
pub async fn run(args: LagArgs, cx: &Context) -> Exit {
    let mut lag = measure(cx).await?;
    if let Some(stage) = args.stage {
        lag.lag.retain(|line| line.stage == stage.as_str());
    }
    if cx.json {
        output::json(&lag)?;
    } else if args.partitions {
        let headings = ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "RECORDS", "WAITING"];
        output::table(headings, &lag.lag.iter().flat_map(by_partition).collect::<Vec<_>>())?;
    } else {
        let headings = ["GROUP", "TOPIC", "PARTITIONS BEHIND", "RECORDS", "WAITING"];
        output::table(headings, &lag.lag.iter().map(by_topic).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(cx: &Context) -> anyhow::Result<Lag> {
    let settings = &cx.settings;
    if settings.kafka.brokers.is_empty() && Door::path(&settings.data).exists() {
        let client = Client::open(cx).await?;
        if client.is_running() {
            return client.call("lag", &[]).await;
        }
    }
    let reads: Vec<GroupReads> = Pipelines::load(&settings.pipelines)?
        .iter()
        .map(|pipeline| GroupReads {
            stage: pipeline.stage,
            topics: pipeline.subscription().all().cloned().collect(),
        })
        .collect();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = parts::open_log(settings, &clock).await?;
    let lag = measure_lag(&*log, &reads).await;
    log.close().await;
    Ok(lag?)
}

fn by_topic(line: &LagLine) -> [String; 5] {
    let behind = line.partitions.len().to_string();
    [
        line.group.clone(),
        line.topic.clone(),
        behind,
        line.records.to_string(),
        waiting(line.records, line.seconds),
    ]
}

fn by_partition(line: &LagLine) -> impl Iterator<Item = [String; 7]> {
    line.partitions.iter().map(|one| {
        [
            line.group.clone(),
            line.topic.clone(),
            one.partition.to_string(),
            one.committed.to_string(),
            one.end.to_string(),
            one.records.to_string(),
            waiting(one.records, one.seconds),
        ]
    })
}

/// A length of time for people: the two largest units.
fn waiting(records: u64, seconds: u64) -> String {
    match (records, seconds) {
        (0, _) => "-".to_owned(),
        (_, s @ 0..60) => format!("{s} s"),
        (_, s @ 60..3600) => format!("{} min {} s", s / 60, s % 60),
        (_, s @ 3600..86_400) => format!("{} h {} min", s / 3600, s % 3600 / 60),
        (_, s) => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_readable() {
        let told = [(0, 9), (1, 0), (1, 59), (2, 61), (3, 7260), (4, 200_000)].map(|(r, s)| waiting(r, s));
        assert_eq!(told, ["-", "0 s", "59 s", "1 min 1 s", "2 h 1 min", "2 d 7 h"]);
    }
}
