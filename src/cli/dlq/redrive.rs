//! `millrace dlq redrive`: writes dead letters back to their topics, and says what became of each.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::client::Client;
use super::super::{Context, Exit, Usage, output};
use super::FilterArgs;
use crate::api::Door;
use crate::api::types::{
    RedriveAsk, RedriveLine, RedriveProgress, RedriveStarted, RedriveState, RedriveTally, RedriveWrite,
};
use crate::app::dlq::judge::Change;
use crate::app::dlq::letter::Letter;
use crate::app::dlq::place::Place;
use crate::app::dlq::redrive::{self, takes};
use crate::app::dlq::source::Source;
use crate::app::dlq::text;
use crate::app::dlq::work::{MOST, Prepared, Work, written};
use crate::app::parts;
use crate::domain::time::Timestamp;
use crate::domain::units::Rate;
use crate::log::Position;

/// Between two looks at a redrive that another process does.
const LOOK: Duration = Duration::from_millis(200);

/// Write dead letters back to the topics that they came from, oldest first.
///
/// The record goes back with its key, value and headers, and with `millrace-redrive`, which counts. What stays, and why, is
/// said for each: a reply of which a part was sent, a turn that was answered, what is past its deadline (--force changes
/// these); a replay on its way to people, a reply to a
/// message of more than 7 days ago, and what has no topic to go back to (nothing changes these).
///
/// A reply that the ledger calls settled, and one that is forced, goes back under a new id: dispatch would pass over the old
/// one. Its cause and root stay.
///
/// The order against newer messages is not restored: a redriven message comes after everything that was written since. A
/// topic may have several readers: all of them read the record again, and know by its id what they have seen.
///
/// It can be interrupted and run again: nothing is written twice. With the embedded log it works beside a running `millrace
/// up`, which then does it; Ctrl-C stops that too. Exit status 1 when something stayed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace dlq redrive 3:17 4:2                        these two
  millrace dlq redrive --stage answer --since 2h --dry-run
  millrace dlq redrive --reason exhausted --rate 5/s --yes
  millrace dlq redrive --bot shop --reason expired --force
  millrace dlq redrive --all --json | jq -c 'select(.state == \"stays\")'")]
pub(super) struct RedriveArgs {
    /// PARTITION:OFFSET, as `millrace dlq list` shows it.
    #[arg(value_name = "POSITION")]
    positions: Vec<Place>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Every dead letter that was not redriven yet.
    #[arg(long, conflicts_with = "positions")]
    all: bool,
    /// At most so many, the oldest.
    #[arg(long, value_name = "N", default_value_t = MOST)]
    limit: u32,
    /// At most so many records in so long.
    #[arg(long, default_value = "50/s")]
    rate: Rate,
    /// Write nothing: say what would be.
    #[arg(long)]
    dry_run: bool,
    /// Also what was sent, answered or is late: a person may get it twice.
    #[arg(long)]
    force: bool,
    /// Do not ask before more than 100 records are written.
    #[arg(long)]
    yes: bool,
}

/// More than so many are written only after a question, where somebody is there to answer it.
const ASK_ABOVE: usize = 100;

pub(super) async fn run(args: RedriveArgs, cx: &Context) -> Exit {
    let ask = ask(&args, cx)?;
    let work = Work::read(&ask, cx.clock.now()).map_err(|error| Usage(said(&error.message)))?;
    let say = Say { json: cx.json };
    if !args.dry_run
        && let Some(client) = beside(cx).await?
    {
        return Running { client, ask, say }.redrive(&args).await;
    }
    let source = if args.dry_run {
        Source::open(&cx.settings, &cx.clock).await?
    } else {
        Source::Log(Source::open_to_write(&cx.settings, &cx.clock).await?)
    };
    let done = redrive(&args, cx, &source, (work, say)).await;
    if let Source::Log(log) = source {
        log.close().await;
    }
    done
}

/// The process that has the folder of the embedded log open, if one runs.
async fn beside(cx: &Context) -> anyhow::Result<Option<Client>> {
    if !cx.settings.kafka.brokers.is_empty() || !Door::path(&cx.settings.data).exists() {
        return Ok(None);
    }
    Ok(Some(Client::open(cx).await?).filter(Client::is_running))
}

fn ask(args: &RedriveArgs, cx: &Context) -> Result<RedriveAsk, Usage> {
    let filter = args.filter.filter(cx)?;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    Ok(RedriveAsk {
        positions: args.positions.iter().map(ToString::to_string).collect(),
        stage: filter.stage,
        bot: filter.bot,
        tenant: filter.tenant,
        reason: filter.reason,
        since: time(filter.since),
        until: time(filter.until),
        all: args.all,
        limit: Some(args.limit),
        rate: Some(args.rate),
        dry_run: args.dry_run,
        force: args.force,
    })
}

/// A mistake in the words of the command line.
fn said(message: &str) -> String {
    let words = [
        ("`positions` such as 3:17", "positions such as 3:17"),
        ("a filter such as `reason`", "filters such as --reason exhausted"),
        ("`all`", "--all"),
    ];
    words.iter().fold(message.to_owned(), |text, (api, cli)| text.replace(api, cli))
}

async fn redrive(args: &RedriveArgs, cx: &Context, source: &Source, (work, say): (Work, Say)) -> Exit {
    let turning = super::spinner("reading dead letters");
    let topics = parts::topics(&cx.settings);
    let mut prepared = Prepared::make(source, &work, topics, cx.clock.now()).await?;
    turning.finish_and_clear();
    if prepared.tally.matched == 0 {
        super::none_found(prepared.tally.seen);
    }
    prepared.stays().try_for_each(|line| say.line(&line))?;
    let Prepared { marks, plan, tally } = &mut prepared;
    match source {
        Source::Log(log) if !args.dry_run => {
            if plan.writes.len() > ASK_ABOVE && !args.yes && !agreed(plan.writes.len(), args.rate)? {
                anstream::eprintln!("nothing was written");
                return Ok(ExitCode::FAILURE);
            }
            let bar = super::bar(plan.writes.len());
            let mut told = |letter: &Letter, change: &Change, position: Position| {
                let line = written(letter, change, Some(position), tally);
                bar.inc(1);
                bar.suspend(|| say.line(&line))
            };
            redrive::run(&**log, marks, plan, args.rate, &mut told).await?;
            bar.finish_and_clear();
        }
        _ => {
            for (letter, change) in &plan.writes {
                say.line(&written(letter, change, None, tally))?;
            }
        }
    }
    end(say, &prepared.tally, args.dry_run)
}

/// Says what became of all of them.
fn end(say: Say, tally: &RedriveTally, dry_run: bool) -> Exit {
    say.end(tally, dry_run)?;
    if tally.left > 0 {
        anstream::eprintln!("{} more are meant: run it again, or raise --limit", tally.left);
    }
    Ok(if tally.stay > 0 && !dry_run { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A redrive in the process that has the folder open.
struct Running {
    client: Client,
    ask: RedriveAsk,
    say: Say,
}

impl Running {
    async fn redrive(self, args: &RedriveArgs) -> Exit {
        if !args.yes && std::io::stdin().is_terminal() {
            let look = RedriveAsk { dry_run: true, ..self.ask.clone() };
            let planned = usize::try_from(self.follow(&look, false).await?.tally.planned)?;
            if planned > ASK_ABOVE && !agreed(planned, args.rate)? {
                anstream::eprintln!("nothing was written");
                return Ok(ExitCode::FAILURE);
            }
        }
        let over = self.follow(&self.ask, true).await?;
        match over.state {
            RedriveState::Stopped => {
                anstream::eprintln!("it was stopped: run the same command again for the rest")
            }
            RedriveState::Failed => anyhow::bail!("{}", over.error.unwrap_or_default()),
            _ if over.tally.matched == 0 => super::none_found(over.tally.seen),
            _ => {}
        }
        let code = end(self.say, &over.tally, false)?;
        Ok(if over.state == RedriveState::Stopped { ExitCode::FAILURE } else { code })
    }

    /// Begins one and waits for its end; `aloud` = with every line. Ctrl-C stops it, and what is written then counts.
    async fn follow(&self, ask: &RedriveAsk, aloud: bool) -> anyhow::Result<RedriveProgress> {
        let started: RedriveStarted = self.client.put("redrive_start", &[], ask).await?;
        let path = [("redrive", started.redrive.as_str())];
        let turning = super::spinner("reading dead letters");
        let bar = super::bar(0);
        let mut after = 0;
        loop {
            let from = after.to_string();
            let progress: RedriveProgress =
                self.client.page("redrive_show", &path, &[("after", from.as_str())]).await?;
            if progress.state != RedriveState::Reading {
                turning.finish_and_clear();
                bar.set_length(progress.tally.planned);
                bar.set_position(progress.tally.written);
            }
            let lines = progress.lines.iter().filter(|_| aloud);
            bar.suspend(|| lines.into_iter().try_for_each(|line| self.say.line(line)))?;
            let more = progress.next > after;
            after = progress.next;
            if progress.state.is_over() && !more {
                bar.finish_and_clear();
                return Ok(progress);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK), if !more => {}
                _ = tokio::signal::ctrl_c() => {
                    let _: RedriveProgress = self.client.call("redrive_stop", &path).await?;
                }
                () = std::future::ready(()), if more => {}
            }
        }
    }
}

/// Asks, where somebody is there to answer.
fn agreed(records: usize, rate: Rate) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(true);
    }
    let seconds = takes(rate, records).as_secs();
    anstream::eprint!("write {records} records back, in about {seconds} s? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Lines on stdout.
#[derive(Debug, Clone, Copy)]
struct Say {
    json: bool,
}

impl Say {
    fn line(self, line: &RedriveLine) -> anyhow::Result<()> {
        if self.json {
            return super::json(line);
        }
        let (write, done) = match line {
            RedriveLine::Stays { position, why, .. } => {
                return output::line(&text::line(&format!("{position} stays: {why}")));
            }
            RedriveLine::Written(write) => (write, true),
            RedriveLine::WouldBeWritten(write) => (write, false),
        };
        let RedriveWrite { position, topic, partition, .. } = write;
        let to = match write.offset.filter(|_| done) {
            Some(offset) => format!("-> {}", super::spot(topic, *partition, offset)),
            None => format!("would go to {}[{partition}]", text::line(topic)),
        };
        let mut told = format!("{position} {to}");
        if let Some((new, was)) = write.id.as_ref().zip(write.was.as_ref()) {
            told.push_str(&format!(", under the new id {new} (was {was})"));
        }
        if write.deadline_dropped {
            told.push_str(", without its deadline");
        }
        if let Some(note) = &write.note {
            told.push_str(&format!("; {note}"));
        }
        output::line(&told)
    }

    fn end(self, tally: &RedriveTally, dry_run: bool) -> anyhow::Result<()> {
        let RedriveTally { written, new_ids: renamed, deadlines_dropped: undated, stay, .. } = *tally;
        let RedriveTally { redriven_before: redriven, found_written: found, repeats, .. } = *tally;
        if self.json {
            return super::json(&json!({"summary": {
                "dry_run": dry_run, "written": written, "new_ids": renamed, "deadlines_dropped": undated, "stay": stay,
                "redriven_before": redriven, "found_written": found, "repeats": repeats,
            }}));
        }
        let mut told = format!("{written} {}", if dry_run { "would be written" } else { "written" });
        for (count, what) in [
            (renamed, "of them under a new id"),
            (undated, "of them without their deadline"),
            (stay, "stay"),
            (redriven, "were redriven before"),
            (found, "found written by a redrive that was interrupted"),
            (repeats, "are of a record that another one is of"),
        ] {
            if count > 0 {
                told.push_str(&format!(", {count} {what}"));
            }
        }
        output::line(&told)
    }
}
