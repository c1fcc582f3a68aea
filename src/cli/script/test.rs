//! `millrace script test`: which rule answers what a person might say, and why.
//!
//! Guarantee: runs the match stage's own rules, model and line in this process; nothing is sent.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::super::bot::read_bot;
use super::super::client::Client;
use super::super::{Context, output};
use crate::api::types::ScriptList;
use crate::app::examples::{Answered, Rehearsal, Told};
use crate::domain::events::Part;
use crate::domain::script::Rule;

/// A text and what becomes of it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    text: &'a str,
    rule: Option<&'a str>,
    reply: Option<Vec<Part>>,
    /// `words` or `meaning`.
    by: Option<&'static str>,
    /// How near the text is to the examples of the nearest rule; null where meaning was not asked.
    score: Option<f32>,
    nearest: Option<String>,
    runner_up: Option<Scored>,
    threshold: Option<f32>,
    margin: Option<f32>,
    collisions: &'a [String],
}

#[derive(Debug, Serialize)]
struct Scored {
    rule: String,
    score: f32,
}

/// Tries texts on a bot's rules; without a text only says what there is to know of the rules.
///
/// # Errors
/// When the bot or the file can't be read, or the model fails.
pub(super) async fn run(
    cx: &Context,
    bot: &str,
    mut texts: Vec<String>,
    file: Option<&Path>,
) -> anyhow::Result<()> {
    let rehearsal = Rehearsal::new(&cx.settings, &rules(cx, bot).await?)?;
    if let Some(file) = file {
        let read =
            std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        texts.extend(read.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    for text in &texts {
        let answered = rehearsal.answer(text)?;
        if cx.json {
            output::json(&line(text, answered, &rehearsal.told))?;
        } else {
            show(text, &answered, &rehearsal.told, texts.len() > 1)?;
        }
    }
    if !cx.json {
        return rehearsal.told.lines().iter().try_for_each(|line| output::line(line));
    }
    if texts.is_empty() { output::json(&rehearsal.told) } else { Ok(()) }
}

/// The rules of a bot, or of a bot's file.
async fn rules(cx: &Context, bot: &str) -> anyhow::Result<Vec<Rule>> {
    let path = Path::new(bot);
    // A bot's id has no dot.
    if path.extension().is_some() {
        return Ok(read_bot(path)?.scripts);
    }
    let list: ScriptList = Client::open(cx).await?.call("script_list", &[("bot", bot)]).await?;
    Ok(list.scripts)
}

fn line<'a>(text: &'a str, answered: Answered<'a>, told: &'a Told) -> Line<'a> {
    let Answered { rule, by, nearest, runner_up } = answered;
    Line {
        text,
        rule: rule.map(|rule| rule.name.as_str()),
        reply: rule.map(|rule| rule.reply.iter().map(|reply| reply.to_part()).collect()),
        by,
        score: nearest.as_ref().map(|(_, score)| *score),
        nearest: nearest.map(|(rule, _)| rule),
        runner_up: runner_up.map(|(rule, score)| Scored { rule, score }),
        threshold: told.threshold,
        margin: told.margin,
        collisions: &told.collisions,
    }
}

fn show(text: &str, answered: &Answered<'_>, told: &Told, many: bool) -> anyhow::Result<()> {
    if many {
        output::line(&format!("> {text}"))?;
    }
    match answered.rule {
        Some(rule) => {
            output::line(&format!("rule {} by {}", rule.name, answered.by.unwrap_or("words")))?;
            rule.reply.iter().try_for_each(|reply| output::line(&format!("  {}", reply.to_part().text)))?;
        }
        None => output::line("no rule answers: the bot's documents, its model or its fallback will")?,
    }
    if let (Some((rule, score)), Some(threshold), Some(margin)) =
        (&answered.nearest, told.threshold, told.margin)
    {
        let next = answered
            .runner_up
            .as_ref()
            .map_or_else(String::new, |(rule, score)| format!(", next {rule} {score:.2}"));
        output::line(&format!("  nearest {rule} {score:.2}{next}; needs {threshold:.2}, {margin:.2} ahead"))?;
    }
    Ok(())
}
