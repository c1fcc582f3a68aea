//! `millrace dlq show`: one dead letter, and what the ledger says about it.

use std::process::ExitCode;

use anstyle::Style;
use clap::Args;

use super::super::{Context, Exit, output};
use crate::app::dlq::ledger::Line;
use crate::app::dlq::letter::Letter;
use crate::app::dlq::place::Place;
use crate::app::dlq::show;
use crate::app::dlq::source::Source;
use crate::app::dlq::text;
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

pub(super) async fn run(args: &ShowArgs, cx: &Context) -> Exit {
    let source = Source::open(&cx.settings, &cx.clock).await?;
    let turning = super::spinner("reading dead letters");
    let shown = show::find(&source, args.position).await??;
    turning.finish_and_clear();
    if cx.json {
        super::json(&shown.json())?;
    } else {
        print(&shown.letter, &shown.record, shown.lines())?;
    }
    if let Source::Log(log) = source {
        log.close().await;
    }
    Ok(ExitCode::SUCCESS)
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
