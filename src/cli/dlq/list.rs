//! `millrace dlq list`: one line per dead letter, or counts by stage and reason.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::json;

use super::super::{Context, Exit, output};
use super::FilterArgs;
use crate::app::dlq::letter::Letter;
use crate::app::dlq::marks::Marks;
use crate::app::dlq::shelf::{Keep, Kind, Shelf, start};
use crate::app::dlq::source::Source;
use crate::app::dlq::text;

/// One line per dead letter, the newest last.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace dlq list
  millrace dlq list --bot shop --since 1h
  millrace dlq list --summary
  millrace dlq list --json | jq -r 'select(.redriven | not) | .position'")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Counts by stage and reason instead.
    #[arg(long)]
    summary: bool,
}

/// Characters of an error in the table.
const ERROR: usize = 60;

pub(super) async fn run(args: ListArgs, cx: &Context) -> Exit {
    let filter = args.filter.filter(cx)?;
    let source = Source::open(&cx.settings, &cx.clock).await?;
    let turning = super::spinner("reading dead letters");
    let marks = Marks::read(&source, start(&filter)).await?;
    let limit = if args.summary { 0 } else { args.limit };
    let shelf = Shelf::read(&source, &marks, filter, Keep::Newest(limit)).await?;
    turning.finish_and_clear();
    if shelf.matched == 0 {
        super::none_found(shelf.seen);
    } else if args.summary {
        summary(&shelf, cx.json)?;
    } else {
        lines(&shelf, cx.json)?;
    }
    if let Source::Log(log) = source {
        log.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(shelf: &Shelf, json: bool) -> anyhow::Result<()> {
    if json {
        shelf.letters.iter().try_for_each(super::json)?;
    } else {
        let headings = ["POSITION", "TIME", "STAGE", "REASON", "BOT", "ID", "REDRIVEN", "ERROR"];
        output::table(headings, &shelf.letters.iter().map(row).collect::<Vec<_>>())?;
    }
    let shown = shelf.letters.len() as u64;
    if shown < shelf.matched {
        anstream::eprintln!("the newest {shown} of {}: see more with --limit", shelf.matched);
    }
    Ok(())
}

fn row(letter: &Letter) -> [String; 8] {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        letter.position.to_string(),
        output::time(letter.time.millis()),
        or_dash(text::line(&letter.stage)),
        or_dash(text::line(&letter.reason)),
        or_dash(text::line(letter.bot())),
        or_dash(letter.id().map(|id| id.to_string()).unwrap_or_default()),
        if letter.redriven { "yes" } else { "-" }.to_owned(),
        text::short(&letter.error, ERROR),
    ]
}

fn summary(shelf: &Shelf, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        for ((stage, reason), kind) in &shelf.kinds {
            let Kind { letters, redriven, first, last } = kind;
            super::json(&json!({
                "stage": stage, "reason": reason, "letters": letters, "redriven": redriven, "first": first, "last": last,
            }))?;
        }
        return Ok(());
    }
    let bold = Style::new().bold();
    let stages = shelf.kinds.keys().map(|(stage, _)| stage.len()).max().unwrap_or(0).max(5);
    let reasons = shelf.kinds.keys().map(|(_, reason)| reason.len()).max().unwrap_or(0).max(6);
    output::line(&format!(
        "{bold}{:stages$}  {:reasons$}  {:>8}  {:>8}  {:19}  LAST{bold:#}",
        "STAGE", "REASON", "LETTERS", "REDRIVEN", "FIRST"
    ))?;
    for ((stage, reason), kind) in &shelf.kinds {
        let colour = colour(reason);
        let (first, last) = (output::time(kind.first.millis()), output::time(kind.last.millis()));
        let (stage, reason) = (text::line(stage), text::line(reason));
        output::line(&format!(
            "{stage:stages$}  {colour}{reason:reasons$}{colour:#}  {:>8}  {:>8}  {first}  {last}",
            kind.letters, kind.redriven
        ))?;
    }
    let (all, redriven) = (shelf.matched, shelf.redriven);
    output::line(&format!("{all} dead letters, {redriven} of them redriven since"))
}

/// Red: ours. Yellow: nobody knows whether it was sent, or it came too late. The rest was refused by others.
fn colour(reason: &str) -> Style {
    match reason {
        "bug" | "crash_loop" => Style::new().fg_color(Some(AnsiColor::Red.into())),
        "in_doubt" | "expired" | "too_old" | "exhausted" => {
            Style::new().fg_color(Some(AnsiColor::Yellow.into()))
        }
        _ => Style::new(),
    }
}
