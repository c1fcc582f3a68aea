//! `millrace topics`: the topics of the log against what the configuration says.
//!
//! Guarantee: `list` and `check` change nothing; `apply` creates what is missing and touches nothing that exists.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, output};
use crate::app::parts;
use crate::domain::time::{Clock, SystemClock};
use crate::log::{Keep, Log, LogError, TopicName, TopicPartition, TopicSpec};

/// List, create and check the topics.
///
/// `up` creates topics by itself; on a cluster, run `apply` once before the first role is started: roles only check.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace topics                                      what there is
  millrace topics apply --config config/production.toml
  millrace topics check                                exit status 1 and every difference when something is not right")]
pub struct TopicsArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Show every topic: partitions, how long records stay, how many there are (the default).
    List,
    /// Create what is missing.
    Apply,
    /// Fail, and name every difference, when a topic is missing or not as configured.
    Check,
}

/// A topic as it is and as it should be.
#[derive(Debug, Serialize)]
struct Line {
    topic: String,
    /// Partitions that it has; none when it is missing.
    partitions: Option<u32>,
    /// Partitions that the configuration says.
    configured: u32,
    /// `compact`, or how long records stay, in milliseconds.
    keep: String,
    keep_ms: Option<u64>,
    max_bytes: usize,
    /// Records that it holds; on compacted topics at most so many.
    records: u64,
}

#[derive(Debug, Serialize)]
struct List {
    log: String,
    topics: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Applied {
    log: String,
    created: Vec<String>,
    topics: usize,
}

/// Runs the command.
///
/// # Errors
/// When the log can't be reached, another process has the folder open, or `check` finds a difference.
pub async fn run(args: TopicsArgs, cx: &Context) -> Exit {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = parts::open_log(&cx.settings, &clock).await?;
    let topics = parts::topics(&cx.settings);
    let done = match args.action.unwrap_or(Action::List) {
        Action::List => list(&*log, &topics, cx).await,
        Action::Apply => apply(&*log, &topics, cx).await,
        Action::Check => check(&*log, &topics, cx).await,
    };
    log.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn list(log: &dyn Log, topics: &[TopicSpec], cx: &Context) -> anyhow::Result<()> {
    let mut lines = Vec::with_capacity(topics.len());
    for spec in topics {
        lines.push(line(log, spec).await?);
    }
    if cx.json {
        return output::json(&List { log: log.log_id().to_owned(), topics: lines });
    }
    let row = |line: &Line| {
        let partitions = match line.partitions {
            None => format!("missing ({} configured)", line.configured),
            Some(count) if count != line.configured => format!("{count} ({} configured)", line.configured),
            Some(count) => count.to_string(),
        };
        [line.topic.clone(), partitions, line.keep.clone(), line.records.to_string()]
    };
    output::table(["TOPIC", "PARTITIONS", "KEPT", "RECORDS"], &lines.iter().map(row).collect::<Vec<_>>())
}

async fn line(log: &dyn Log, spec: &TopicSpec) -> Result<Line, LogError> {
    let name = TopicName::from(spec.name.as_str());
    let partitions = match log.partitions(&name).await {
        Ok(count) => Some(count),
        Err(LogError::Unknown(_)) => None,
        Err(error) => return Err(error),
    };
    let mut records = 0;
    for partition in 0..partitions.unwrap_or_default() {
        let range = log.range(&TopicPartition { topic: name.clone(), partition }).await?;
        records += range.end - range.start;
    }
    let (keep, keep_ms) = match spec.keep {
        Keep::Compact => ("compact".to_owned(), None),
        Keep::For(kept) => {
            let millis = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
            (crate::domain::units::Span::millis(millis).to_string(), Some(millis))
        }
    };
    let (topic, configured, max_bytes) = (spec.name.clone(), spec.partitions, spec.max_bytes);
    Ok(Line { topic, partitions, configured, keep, keep_ms, max_bytes, records })
}

async fn apply(log: &dyn Log, topics: &[TopicSpec], cx: &Context) -> anyhow::Result<()> {
    let mut created = Vec::new();
    for spec in topics {
        if let Err(LogError::Unknown(_)) = log.partitions(&TopicName::from(spec.name.as_str())).await {
            created.push(spec.name.clone());
        }
    }
    log.ensure_topics(topics).await?;
    let done = Applied { log: log.log_id().to_owned(), created, topics: topics.len() };
    if cx.json {
        return output::json(&done);
    }
    for topic in &done.created {
        output::line(&format!("created {topic}"))?;
    }
    output::line(&format!("{} topics, {} of them new", done.topics, done.created.len()))
}

async fn check(log: &dyn Log, topics: &[TopicSpec], cx: &Context) -> anyhow::Result<()> {
    log.check_topics(topics).await?;
    let done = Applied { log: log.log_id().to_owned(), created: Vec::new(), topics: topics.len() };
    if cx.json { output::json(&done) } else { output::line(&format!("{} topics as configured", done.topics)) }
}
