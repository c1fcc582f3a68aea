//! `millrace dlq show`: one dead letter, and what the ledger says about it.

use std::process::ExitCode;

use anstyle::Style;
use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::{Context, Exit, output};
use crate::app::dlq::ledger::{Facts, Line};
use crate::app::dlq::letter::Letter;
use crate::app::dlq::mark::Mark;
use crate::app::dlq::marks::Marks;
use crate::app::dlq::place::Place;
use crate::app::dlq::source::{Source, Start};
use crate::app::dlq::text;
use crate::domain::topics::DEAD_LETTER;
use crate::log::Record;

/// Everything about one dead letter: where it stood, why it was given up, its headers, key and value, and for a reply or a
/// turn what the ledger says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace dlq show 3:17
  millrace dlq show 3:17 --json | jq .value.json.data")]
pub(super) struct ShowArgs {
    /// PARTITION:OFFSET, as `millrace dlq list` shows it.
    position: Place,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    letter: &'a Letter,
    headers: Vec<(&'a str, Content)>,
    key: Content,
    value: Content,
    ledger: &'a [Line],
}

/// Bytes, as what they are.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    /// JSON, as it was written.
    Json(Box<RawValue>),
    /// Other text.
    Text(String),
    /// Anything else, in hexadecimal digits.
    Hex(String),
}

impl Content {
    fn of(bytes: &[u8], may_be_json: bool) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => match serde_json::from_str(text) {
                Ok(json) if may_be_json => Self::Json(json),
                _ => Self::Text(text.to_owned()),
            },
            Err(_) => Self::Hex(data_encoding::HEXLOWER.encode(bytes)),
        }
    }
}

pub(super) async fn run(args: &ShowArgs, cx: &Context) -> Exit {
    let place = args.position;
    let source = Source::open(&cx.settings, &cx.clock).await?;
    let turning = super::spinner("reading dead letters");
    let (record, marks) = find(&source, place).await?;
    let mut letter = Letter::read(place.partition, &record);
    letter.redriven = marks.is_done(place);
    let letters = [letter];
    let facts = Facts::about(&source, &letters).await?;
    turning.finish_and_clear();
    let lines = facts.lines(&letters[0]);
    if cx.json {
        super::json(&Shown {
            letter: &letters[0],
            headers: record
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Content::of(value, false)))
                .collect(),
            key: Content::of(&record.key, false),
            value: Content::of(&record.value, true),
            ledger: lines,
        })?;
    } else {
        print(&letters[0], &record, lines)?;
    }
    if let Source::Log(log) = source {
        log.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// The record at a place, and the marks behind it.
async fn find(source: &Source, place: Place) -> anyhow::Result<(Record, Marks)> {
    let (mut found, mut marks) = (None, Marks::default());
    source
        .scan(DEAD_LETTER, Start::At(place.partition, place.offset), &mut |partition, record| {
            marks.take(partition, &record);
            if record.offset == place.offset {
                found = Some(record);
            }
            true
        })
        .await?;
    match found {
        Some(record) if Mark::read(&record).is_some() => {
            bail!("{place} is a mark that a redrive left, no dead letter: `millrace dlq list` shows those")
        }
        Some(record) => Ok((record, marks)),
        None => bail!("there is no dead letter at {place}: `millrace dlq list` shows where they are"),
    }
}

fn print(letter: &Letter, record: &Record, lines: &[Line]) -> anyhow::Result<()> {
    let bold = Style::new().bold();
    let head = |what: &str| output::line(&format!("{bold}{what}{bold:#}"));
    let field = |name: &str, value: &str| output::line(&format!("  {name:<13}{}", text::line(value)));
    head(&format!("dead letter {}", letter.position))?;
    field("written", &letter.time.to_string())?;
    field("stage", &letter.stage)?;
    field("reason", &letter.reason)?;
    field("error", &letter.error)?;
    field("whose", &letter.origin)?;
    field("tries", &letter.attempts.to_string())?;
    let from = letter.from.as_ref();
    field(
        "from",
        &from.map_or("no topic".into(), |from| super::spot(&from.topic, from.partition, from.offset)),
    )?;
    field("redriven", if letter.redriven { "yes" } else { "no" })?;
    if letter.redrive > 0 {
        field("before that", &format!("redriven {} times", letter.redrive))?;
    }
    field("tenant", &letter.tenant)?;
    if let Some(event) = &letter.event {
        field("bot", letter.bot())?;
        field("conversation", event.conversation.as_deref().unwrap_or_default())?;
        field("id", &event.id.map(|id| id.to_string()).unwrap_or_default())?;
        field("root", &event.rootid.map(|id| id.to_string()).unwrap_or_default())?;
        field("deadline", &event.deadline.map_or("none".into(), |deadline| deadline.to_string()))?;
        if let Some(runid) = &event.runid {
            field("replay", runid)?;
        }
    }
    head("headers")?;
    for (name, value) in &record.headers {
        output::line(&format!("  {}: {}", text::line(name), indent(&shown(value))))?;
    }
    head("key")?;
    output::line(&format!("  {}", indent(&shown(&record.key))))?;
    head("value")?;
    output::line(&format!("  {}", indent(&text::value(&record.value))))?;
    head("ledger")?;
    for line in lines {
        let Line { part, of, status, provider_id, reason, attempt, at, .. } = line;
        let provider = provider_id.as_ref().map(|id| format!(", provider's id {id}")).unwrap_or_default();
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let tries = format!("{attempt} tries, {at}{provider}{reason}");
        let said = format!("part {} of {of} {}, {tries}", part + 1, status.as_str());
        output::line(&format!("  {}", text::line(&said)))?;
    }
    if lines.is_empty() {
        output::line("  nothing")?;
    }
    Ok(())
}

/// Bytes on one line, or a hex dump.
fn shown(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| text::hex(bytes), text::line)
}

fn indent(text: &str) -> String {
    text.replace('\n', "\n  ")
}
