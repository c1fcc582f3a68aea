//! `millrace kb test`: questions with the document that should answer each.
//!
//! Guarantee: the product's own search answers, and every line says what was found, so a failure explains itself.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::super::{Context, Usage, output};
use super::explain::Bench;
use crate::config::yaml;

/// A question and the document that should be cited; none = nothing should be found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    q: String,
    #[serde(default)]
    document: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    question: String,
    expected: Option<String>,
    found: Option<String>,
    verdict: &'static str,
    confidence: f32,
    passed: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    bot: String,
    passed: usize,
    failed: usize,
    lines: Vec<Line>,
}

/// Asks every question of a file. False when one is not answered as it should be.
pub(super) async fn run(cx: &Context, bot: &str, file: &Path) -> anyhow::Result<bool> {
    let at = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{at} can't be read as UTF-8 text"))?;
    let cases: Vec<Case> = yaml::from_str(&text)
        .map_err(|error| Usage(format!("{at}: {error}; write a list of {{q: ..., document: ...}}")))?;
    let bench = Bench::open(cx, bot).await?;
    let mut lines = Vec::with_capacity(cases.len());
    for case in cases {
        let found = bench.ask(&case.q).await?;
        let grounding = found.grounding(1);
        let first = grounding.passages.first().map(|passage| passage.document.clone());
        lines.push(Line {
            passed: first == case.document,
            question: case.q,
            expected: case.document,
            found: first,
            verdict: found.verdict().as_str(),
            confidence: found.confidence(),
        });
    }
    let passed = lines.iter().filter(|line| line.passed).count();
    let report = Report { bot: bot.to_owned(), passed, failed: lines.len() - passed, lines };
    if cx.json {
        output::json(&report)?;
    } else {
        let name = |document: &Option<String>| document.clone().unwrap_or_else(|| "nothing".to_owned());
        let row = |line: &Line| {
            let outcome = if line.passed { "ok" } else { "FAILED" };
            let sure = format!("{} {:.2}", line.verdict, line.confidence);
            [outcome.to_owned(), line.question.clone(), name(&line.expected), name(&line.found), sure]
        };
        let rows: Vec<_> = report.lines.iter().map(row).collect();
        output::table(["", "QUESTION", "EXPECTED", "FOUND", "VERDICT"], &rows)?;
    }
    Ok(report.failed == 0)
}
