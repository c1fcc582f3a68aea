//! `millrace dlq`: the records that were given up: see why, and drive them again.
//!
//! Guarantee: `list`, `show` and `redrive --dry-run` change nothing, and on the embedded log work beside a running `up`.

mod list;
mod redrive;
mod show;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Exit, Usage};
use crate::app::dlq::filter::{Filter, Moment};
use crate::app::dlq::text;
use crate::domain::stage::StageName;

/// List, show and redrive dead letters: records that a stage gave up, untouched, with the reason beside them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace dlq list --summary                          how many, by stage and reason
  millrace dlq list --reason rejected --since 2h
  millrace dlq show 3:17                               everything about one of them
  millrace dlq redrive --stage answer --reason exhausted --dry-run
  millrace dlq redrive 3:17")]
pub struct DlqArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Redrive(redrive::RedriveArgs),
}

/// Runs one of them.
///
/// # Errors
/// When the log can't be reached, a position holds no dead letter, or a redrive can't write.
pub async fn run(args: DlqArgs, cx: &Context) -> Exit {
    match args.action {
        Action::List(args) => list::run(args, cx).await,
        Action::Show(args) => show::run(&args, cx).await,
        Action::Redrive(args) => redrive::run(args, cx).await,
    }
}

/// Which letters.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Only what this stage gave up; `edge` for bodies that could not be split.
    #[arg(long, value_parser = stage)]
    stage: Option<StageName>,
    /// Only this bot's.
    #[arg(long)]
    bot: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only for this reason: rejected, exhausted, expired, `in_doubt`, bug, ... (`list --summary` shows which there are).
    #[arg(long)]
    reason: Option<String>,
    /// Only what was given up at this time or later: 2026-11-21T07:30:00Z, or how long ago: 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only what was given up before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
}

fn stage(text: &str) -> Result<StageName, String> {
    if text == StageName::Edge.as_str() {
        return Ok(StageName::Edge);
    }
    text.parse().map_err(|error: String| error.replace("use ingest", "use edge, ingest"))
}

impl FilterArgs {
    fn filter(&self, cx: &Context) -> Result<Filter, Usage> {
        let now = cx.clock.now();
        let since = self.since.map(|moment| moment.from(now));
        let until = self.until.map(|moment| moment.from(now));
        if since.zip(until).is_some_and(|(since, until)| since >= until) {
            return Err(Usage(
                "--since is not before --until: nothing can be in between; swap them".to_owned(),
            ));
        }
        Ok(Filter {
            stage: self.stage.map(|stage| stage.to_string()),
            bot: self.bot.clone(),
            tenant: self.tenant.clone(),
            reason: self.reason.clone(),
            since,
            until,
            places: Vec::new(),
        })
    }
}

/// Something that turns on stderr while dead letters are read; nothing where that is no terminal.
fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

/// A bar on stderr; nothing where that is no terminal.
fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// One JSON object on a line, with nothing in it that a terminal obeys.
fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    super::output::line(&text::json(&serde_json::to_string(value)?))
}

/// Says why a filter came to nothing.
fn none_found(seen: u64) {
    let why = match seen {
        0 => "there are no dead letters".to_owned(),
        n => format!("none of {n} dead letters is meant: `millrace dlq list --summary` shows what there is"),
    };
    anstream::eprintln!("{why}");
}

/// A topic, a partition and an offset: `reply.ready.v1[2]@881`.
fn spot(topic: &str, partition: u32, offset: u64) -> String {
    format!("{}[{partition}]@{offset}", text::line(topic))
}
