//! `millrace dlq redrive`: writes dead letters back to their topics, and says what became of each.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::{Context, Exit, Usage, output};
use super::FilterArgs;
use crate::app::dlq::filter::Filter;
use crate::app::dlq::judge::{Change, Refusal};
use crate::app::dlq::letter::Letter;
use crate::app::dlq::marks::Marks;
use crate::app::dlq::place::Place;
use crate::app::dlq::plan::Plan;
use crate::app::dlq::redrive::{self, takes};
use crate::app::dlq::shelf::{Keep, Shelf, start};
use crate::app::dlq::source::Source;
use crate::app::dlq::text;
use crate::app::parts;
use crate::domain::units::Rate;
use crate::log::Position;

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
/// It can be interrupted and run again: nothing is written twice. With the embedded log, stop `millrace up` first;
/// --dry-run works beside it. Exit status 1 when something stayed.
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
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    limit: usize,
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
    let filter = filter(&args, cx)?;
    let source = if args.dry_run {
        Source::open(&cx.settings, &cx.clock).await?
    } else {
        Source::Log(Source::open_to_write(&cx.settings, &cx.clock).await?)
    };
    let done = redrive(&args, cx, &source, filter).await;
    if let Source::Log(log) = source {
        log.close().await;
    }
    done
}

fn filter(args: &RedriveArgs, cx: &Context) -> Result<Filter, Usage> {
    let filter = Filter { places: args.positions.clone(), ..args.filter.filter(cx)? };
    match (filter.is_empty(), args.all) {
        (true, false) => Err(Usage(
            "say which: positions such as 3:17, filters such as --reason exhausted, or --all".to_owned(),
        )),
        (false, true) => Err(Usage("--all takes no filters: leave out one or the other".to_owned())),
        _ => Ok(filter),
    }
}

async fn redrive(args: &RedriveArgs, cx: &Context, source: &Source, filter: Filter) -> Exit {
    let turning = super::spinner("reading dead letters");
    let marks = Marks::read(source, start(&filter)).await?;
    let shelf = Shelf::read(source, &marks, filter, Keep::OldestWaiting(args.limit)).await?;
    let missing: Vec<String> =
        missing(&args.positions, &shelf, &marks).map(|place| place.to_string()).collect();
    if !missing.is_empty() {
        let places = missing.join(", ");
        anyhow::bail!(
            "no dead letter that is meant stands at {places}: `millrace dlq list` shows where they are"
        );
    }
    let mut tally = Tally { redriven: shelf.redriven, ..Tally::default() };
    let (matched, seen, looked_at) = (shelf.matched, shelf.seen, shelf.letters.len() as u64);
    let topics = parts::topics(&cx.settings);
    let plan = Plan::make(source, &marks, shelf.letters, topics, cx.clock.now(), args.force).await?;
    turning.finish_and_clear();
    if matched == 0 {
        super::none_found(seen);
    }
    tally.found = plan.found.len() as u64;
    tally.repeats = plan.repeats;
    let say = Say { json: cx.json };
    for (letter, refusal) in &plan.refused {
        tally.stay += 1;
        say.stays(letter, refusal)?;
    }
    match source {
        Source::Log(log) if !args.dry_run => {
            if plan.writes.len() > ASK_ABOVE && !args.yes && !agreed(plan.writes.len(), args.rate)? {
                anstream::eprintln!("nothing was written");
                return Ok(ExitCode::FAILURE);
            }
            let bar = super::bar(plan.writes.len());
            let mut told = |letter: &Letter, change: &Change, position: Position| {
                tally.count(change);
                bar.inc(1);
                bar.suspend(|| say.written(letter, change, Some(position)))
            };
            redrive::run(&**log, &marks, &plan, args.rate, &mut told).await?;
            bar.finish_and_clear();
        }
        _ => {
            for (letter, change) in &plan.writes {
                tally.count(change);
                say.written(letter, change, None)?;
            }
        }
    }
    say.end(&tally, args.dry_run)?;
    let left = (matched - tally.redriven).saturating_sub(looked_at);
    if left > 0 {
        anstream::eprintln!("{left} more are meant: run it again, or raise --limit");
    }
    Ok(if tally.stay > 0 && !args.dry_run { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Positions that were named and hold no letter that is meant.
fn missing<'a>(places: &'a [Place], shelf: &'a Shelf, marks: &'a Marks) -> impl Iterator<Item = &'a Place> {
    let found = |place: &Place| shelf.letters.iter().any(|letter| letter.position == *place);
    places.iter().filter(move |place| !found(place) && !marks.is_done(**place))
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

/// What became of all of them.
#[derive(Debug, Default)]
struct Tally {
    written: u64,
    renamed: u64,
    undated: u64,
    stay: u64,
    redriven: u64,
    found: u64,
    repeats: u64,
}

impl Tally {
    fn count(&mut self, change: &Change) {
        self.written += 1;
        self.renamed += u64::from(change.edit.id.is_some());
        self.undated += u64::from(change.edit.drop_deadline);
    }
}

/// Lines on stdout.
#[derive(Debug, Clone, Copy)]
struct Say {
    json: bool,
}

impl Say {
    fn stays(self, letter: &Letter, refusal: &Refusal) -> anyhow::Result<()> {
        let place = letter.position;
        if self.json {
            return super::json(&json!({
                "position": place, "state": "stays", "id": letter.id(), "reason": refusal.word(),
                "why": refusal.to_string(), "force": refusal.yields_to_force(),
            }));
        }
        output::line(&text::line(&format!("{place} stays: {refusal}")))
    }

    /// `at` is absent where nothing was written.
    fn written(self, letter: &Letter, change: &Change, at: Option<Position>) -> anyhow::Result<()> {
        let Some(from) = &letter.from else { return Ok(()) };
        let (place, new) = (letter.position, change.edit.id);
        if self.json {
            let mut line = json!({
                "position": place, "state": if at.is_some() { "written" } else { "would_be_written" },
                "topic": from.topic, "partition": from.partition, "offset": at.map(|at| at.offset),
                "redrive": change.redrive, "id": new.or(letter.id()), "deadline_dropped": change.edit.drop_deadline,
            });
            if let Some(id) = letter.id().filter(|_| new.is_some()) {
                line["was"] = Value::from(id.to_string());
            }
            if let Some(note) = change.note {
                line["note"] = Value::from(note);
            }
            return super::json(&line);
        }
        let to = match at {
            Some(at) => format!("-> {}", super::spot(&from.topic, at.partition, at.offset)),
            None => format!("would go to {}[{}]", text::line(&from.topic), from.partition),
        };
        let mut told = format!("{place} {to}");
        if let Some((new, was)) = new.zip(letter.id()) {
            told.push_str(&format!(", under the new id {new} (was {was})"));
        }
        if change.edit.drop_deadline {
            told.push_str(", without its deadline");
        }
        if let Some(note) = change.note {
            told.push_str(&format!("; {note}"));
        }
        output::line(&told)
    }

    fn end(self, tally: &Tally, dry_run: bool) -> anyhow::Result<()> {
        let Tally { written, renamed, undated, stay, redriven, found, repeats } = *tally;
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
