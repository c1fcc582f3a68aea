//! `millrace kb preview` and `kb explain`: what a document becomes, and why a question finds what it finds.
//!
//! Guarantee: both run the product's own chunking and search in this process; nothing is stored and no turn is touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::super::client::Client;
use super::super::{Context, output};
use crate::api::types::{DocumentList, DocumentShow};
use crate::app::meaning;
use crate::domain::bot::{Bot, BotSpec, Document};
use crate::services::search::preview::{Chunk, preview};
use crate::services::search::{Found, TextSearch};

/// Candidates that are shown.
const SHOWN: usize = 10;

/// How long is waited for vectors: a few hundred passages are embedded in it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[derive(Debug, Serialize)]
struct Previewed {
    document: String,
    language: &'static str,
    chunks: Vec<Chunk>,
}

/// Shows the passages of files.
///
/// # Errors
/// When a file can't be read.
pub(super) fn files(
    cx: &Context,
    files: &[PathBuf],
    read: impl Fn(&Path) -> anyhow::Result<Document>,
) -> anyhow::Result<()> {
    for file in files {
        let document = read(file)?;
        let name = document.name.clone();
        let (language, chunks) = preview(document);
        if cx.json {
            output::json(&Previewed { document: name, language, chunks })?;
            continue;
        }
        output::line(&format!("{name}: {} passages, language {language}", chunks.len()))?;
        for (n, chunk) in (1..).zip(&chunks) {
            let place =
                chunk.range.map_or_else(|| "pair".to_owned(), |(from, to)| format!("bytes {from}-{to}"));
            output::line(&format!("\n[{n}] {} ({place}, {} tokens)", chunk.title, chunk.tokens))?;
            if let Some(question) = &chunk.question {
                output::line(&format!("Q: {question}"))?;
            }
            output::line(&chunk.text)?;
        }
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Explained {
    bot: String,
    question: String,
    verdict: &'static str,
    confidence: f32,
    /// How much meaning counted against words.
    weight: f32,
    candidates: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    document: String,
    title: String,
    score: f32,
    bm25: f32,
    coverage: f32,
    cosine: Option<f32>,
    text: String,
}

/// Searches a bot's documents and shows every score.
///
/// # Errors
/// When the bot is unknown or the search fails.
pub(super) async fn question(cx: &Context, bot: &str, question: &str) -> anyhow::Result<()> {
    let client = Client::open(cx).await?;
    let list: DocumentList = client.call("document_list", &[("bot", bot)]).await?;
    let mut documents = Vec::new();
    for line in list.documents {
        let path = [("bot", bot), ("document", line.name.as_str())];
        let shown: DocumentShow = client.call("document_show", &path).await?;
        documents.push(shown.document);
    }
    let spec = BotSpec { documents, ..BotSpec::named(bot.into()) };
    let bot =
        Arc::new(Bot { tenant: "explain".into(), version: 1, enabled: true, spec, accounts: Vec::new() });
    let meaning = meaning::open(&cx.settings);
    let by_meaning = meaning.is_some();
    // Vectors of this run are nobody's: they go with it.
    let folder = tempfile::tempdir()?;
    let meaning =
        meaning.map(|meaning| crate::services::search::Meaning { folder: folder.path().into(), ..meaning });
    let search = TextSearch::new(cx.settings.search.clone(), meaning)?;
    search.profile(&bot).await?;
    if by_meaning && !bot.spec.documents.is_empty() {
        let ready = crate::app::collection::measure::wait_for_vectors(&search, &bot);
        if tokio::time::timeout(PATIENCE, ready).await.is_err() {
            anstream::eprintln!("the vectors are not ready; searching by words alone");
        }
    }
    let found = search.explore(&bot, question, 100).await?;
    print(cx, explained(&bot, question, &found))
}

fn explained(bot: &Bot, question: &str, found: &Found) -> Explained {
    let line = |candidate| {
        let passage = found.passage(candidate)?;
        Some(Line {
            document: passage.document,
            title: passage.title,
            score: candidate.score,
            bm25: candidate.text,
            coverage: candidate.coverage,
            cosine: candidate.cosine,
            text: passage.text,
        })
    };
    Explained {
        bot: bot.spec.bot.to_string(),
        question: question.to_owned(),
        verdict: found.verdict().as_str(),
        confidence: found.confidence(),
        weight: found.weight(),
        candidates: found.candidates().iter().take(SHOWN).filter_map(line).collect(),
    }
}

fn print(cx: &Context, explained: Explained) -> anyhow::Result<()> {
    if cx.json {
        return output::json(&explained);
    }
    let Explained { verdict, confidence, weight, candidates, .. } = explained;
    output::line(&format!("{verdict} (confidence {confidence:.2}, meaning counts {weight:.1})"))?;
    let rows: Vec<[String; 6]> = candidates
        .into_iter()
        .map(|line| {
            let start: String =
                line.text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
            let cosine = line.cosine.map_or_else(|| "-".to_owned(), |cosine| format!("{cosine:.3}"));
            let share = format!("{:.0} %", line.coverage * 100.0);
            [line.title, format!("{:.3}", line.score), format!("{:.2}", line.bm25), share, cosine, start]
        })
        .collect();
    output::table(["TITLE", "SCORE", "BM25", "COVERAGE", "COSINE", "TEXT"], &rows)
}
