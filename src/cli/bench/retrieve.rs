//! `millrace bench retrieve`: a test collection through the product's own ingestion and search.
//!
//! Guarantee: every figure is measured in this run; what was not is null. The rankings can be written with `--run`, so that
//! others compute the quality again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;

mod report;

use super::super::{Context, Exit};
use super::cores;
use crate::app::collection::measure::{self, Answer};
use crate::app::collection::synthetic::Synthetic;
use crate::app::collection::{Collection, Query, intents, judge, remix};
use crate::app::load::{private_bytes, rss_bytes};
use crate::domain::bot::{Bot, Document};
use crate::services::embed::{Embed, OnnxEmbed};
use crate::services::search::{Meaning, Scratch, SearchConfig, TextSearch, Verdict};
use report::{Report, print};

/// Measure how good and how fast passages are found in a test collection.
///
/// DIR holds `docs.jsonl` (id, title, text, intent?), `queries.jsonl` (id, text) and `qrels.tsv` (query, document, score).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace bench retrieve --collection cranfield --run cranfield.run --json\n  \
    millrace bench retrieve --collection cranfield --foreign banking77\n  \
    millrace bench retrieve --collection banking77 --mode intents\n  \
    millrace bench retrieve --collection cranfield --mode text --scale 100000")]
pub struct RetrieveBench {
    /// The folder with the collection.
    #[arg(long, value_name = "DIR")]
    collection: PathBuf,
    /// How passages are found; absent = intents when the documents have them, else hybrid.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// A collection whose queries these documents don't answer: they should be refused.
    #[arg(long, value_name = "DIR")]
    foreign: Option<PathBuf>,
    /// Fill up with remixed documents until there are this many, and cut queries to 8 words: for speed, not quality.
    #[arg(long, value_name = "N")]
    scale: Option<usize>,
    /// Write the rankings in the form of TREC: query, Q0, document, rank, score, name.
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// Seed of the remixed documents.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// How passages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// By words.
    Text,
    /// By words and meaning.
    Hybrid,
    /// Which intent a query has, by its examples.
    Intents,
}

/// Questions that are timed at least.
const TIMED: usize = 2_000;

/// Words of a query when `--scale` is given.
const SHORT: usize = 8;

/// Measures and prints.
///
/// # Errors
/// When the collection can't be read or the index fails.
pub async fn run(context: &Context, args: &RetrieveBench) -> Exit {
    let mut collection = Collection::read(&args.collection)?;
    let foreign = args.foreign.as_deref().map(Collection::read).transpose()?;
    if let Some(count) = args.scale {
        collection.docs = remix::fill(&collection, count, args.seed);
        for query in &mut collection.queries {
            query.text = remix::cut(&query.text, SHORT);
        }
    }
    let by_default = if collection.has_intents() { Mode::Intents } else { Mode::Hybrid };
    let mode = args.mode.unwrap_or(by_default);
    let mut report = Report {
        bench: "retrieve",
        engine: "embedded",
        cores: cores(),
        version: env!("CARGO_PKG_VERSION"),
        collection: collection.name.clone(),
        mode: Some(mode),
        docs: collection.docs.len(),
        queries: collection.queries.len(),
        synthetic: args.scale.is_some(),
        ..Report::default()
    };
    let settings = &context.settings;
    let embed = match mode {
        Mode::Text => None,
        Mode::Hybrid | Mode::Intents => {
            Some(Arc::new(OnnxEmbed::open(&settings.embed.place(&settings.data))?))
        }
    };
    report.model = embed.as_ref().map(|embed| embed.model().name.clone());
    match (mode, &embed) {
        (Mode::Intents, Some(embed)) => {
            let outcome = intents::measure(&collection, &**embed, args.run.as_deref())?;
            report.chunks = collection.docs.len();
            (report.accuracy, report.oos_auroc) = (outcome.accuracy, outcome.oos_auroc);
            report.oos_kept_at_90 = outcome.oos_kept_at_90;
            (report.threshold, report.margin) = (Some(outcome.line.threshold), Some(outcome.line.margin));
            (report.encode_p50_ms, report.encode_p99_ms) =
                (Some(outcome.encode_p50), Some(outcome.encode_p99));
            report.embed_chunks_per_s = Some(outcome.embed_per_s);
            (report.rss_mb, report.private_mb) = memory();
        }
        _ => passages(context, args, embed, collection, foreign.as_ref(), &mut report).await?,
    }
    print(context, &report)?;
    Ok(ExitCode::SUCCESS)
}

async fn passages(
    context: &Context,
    args: &RetrieveBench,
    embed: Option<Arc<OnnxEmbed>>,
    mut collection: Collection,
    foreign: Option<&Collection>,
    report: &mut Report,
) -> anyhow::Result<()> {
    // On the disk of the working folder: the one for temporary files is often memory.
    let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
    let weights = context.settings.embed.weights_of(report.model.as_deref().unwrap_or_default());
    let embed = embed.map(|real| -> anyhow::Result<Arc<dyn Embed>> {
        Ok(if report.synthetic { Arc::new(Synthetic::new(real, &collection.docs)?) } else { real })
    });
    let meaning = embed.transpose()?.map(|embed| Meaning {
        embed,
        folder: folder.path().join("vectors"),
        weights: weights.clone(),
        // Nobody's question is answered from memory: the encoder is measured too.
        remembered: 0,
    });
    let by_meaning = meaning.is_some();
    let scratch = Arc::new(Scratch::new(folder.path().join("scratch")));
    let search = TextSearch::new(room_for(report.docs, &context.settings.search), meaning)?;
    let search = search.with_scratch(&scratch)?;
    let bot = measure::bot(std::mem::take(&mut collection.docs), &*scratch);
    index(&search, &bot, report).await?;
    if by_meaning {
        report.weight = Some(weights.clone());
        let took = measure::wait_for_vectors(&search, &bot).await;
        report.embed_chunks_per_s = (!report.synthetic).then(|| report.chunks as f64 / took.as_secs_f64());
        report.disk_mb.vectors = search.vector_bytes(&bot).map(|bytes| bytes as f64 / 1e6);
        report.scan_raw_ms = search.raw_scan(&bot).map(|took| took.as_secs_f64() * 1e3);
    }
    if !report.synthetic {
        judge(&search, &bot, &collection, args.run.as_deref(), report).await?;
        if let Some(foreign) = foreign {
            refuse(&search, &bot, &collection.queries, &foreign.queries, report).await?;
        }
    }
    time(&search, &bot, &collection, report).await?;
    // While all of it is there, and warm.
    (report.rss_mb, report.private_mb) = memory();
    report.disk_mb.text = Some(search.bytes()? as f64 / 1e6);
    report.searchable_ms = Some(searchable(&search, &bot).await?);
    Ok(())
}

/// The settings, with room for a bot of this size: a document makes a few passages.
fn room_for(docs: usize, config: &SearchConfig) -> SearchConfig {
    let passages = (docs * 8).max(config.max_passages_per_bot);
    let max_passages = config.max_passages.max(passages * config.shards.max(1));
    SearchConfig { max_passages, max_passages_per_bot: passages, ..config.clone() }
}

async fn index(search: &TextSearch, bot: &Arc<Bot>, report: &mut Report) -> anyhow::Result<()> {
    let start = Instant::now();
    let profile = search.profile(bot).await?;
    let took = start.elapsed();
    report.chunks = profile.passages;
    report.languages = profile.languages;
    report.index_chunks_per_s = Some(profile.passages as f64 / took.as_secs_f64());
    Ok(())
}

async fn judge(
    search: &TextSearch,
    bot: &Arc<Bot>,
    collection: &Collection,
    run: Option<&Path>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut answers: Vec<(&Query, Answer)> = Vec::new();
    for query in &collection.queries {
        answers.push((query, measure::ask(search, bot, &query.text).await?));
    }
    let quality = measure::quality(collection, &answers);
    report.ndcg_at_10 = quality.ndcg_at_10;
    report.recall_at_10 = quality.recall_at_10;
    report.recall_at_100 = quality.recall_at_100;
    if let Some(file) = run {
        let mut text = String::new();
        for (query, answer) in &answers {
            for (rank, (document, score)) in (1..).zip(&answer.ranking) {
                writeln!(text, "{} Q0 {document} {rank} {score} millrace", query.id)?;
            }
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// How many of its own and of another collection's questions it refuses.
async fn refuse(
    search: &TextSearch,
    bot: &Arc<Bot>,
    own: &[Query],
    foreign: &[Query],
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut kinds = Vec::new();
    for queries in [own, foreign] {
        let (mut sure, mut refused) = (Vec::new(), 0);
        for query in queries {
            let answer = measure::ask(search, bot, &query.text).await?;
            refused += usize::from(answer.verdict == Verdict::Abstain);
            sure.push(answer.confidence);
        }
        kinds.push((refused as f64 / queries.len().max(1) as f64, sure));
    }
    report.abstained_own = Some(kinds[0].0);
    report.abstained_foreign = Some(kinds[1].0);
    report.oos_auroc = judge::auroc(&kinds[0].1, &kinds[1].1);
    Ok(())
}

async fn time(
    search: &TextSearch,
    bot: &Arc<Bot>,
    collection: &Collection,
    report: &mut Report,
) -> anyhow::Result<()> {
    let questions: Vec<String> = collection.queries.iter().map(|query| query.text.clone()).collect();
    if let Some(times) = measure::times(search, bot, &questions, TIMED).await? {
        report.search_p50_ms = Some(times.search_p50);
        report.search_p99_ms = Some(times.search_p99);
        report.total_p50_ms = Some(times.total_p50);
        report.total_p99_ms = Some(times.total_p99);
        report.queries_per_s_core = Some(times.per_second);
        if report.model.is_some() {
            (report.encode_p50_ms, report.encode_p99_ms) = (Some(times.encode_p50), Some(times.encode_p99));
        }
    }
    Ok(())
}

/// Resident and private memory of this process, in MB.
fn memory() -> (f64, f64) {
    (rss_bytes() as f64 / 1e6, private_bytes() as f64 / 1e6)
}

/// How long a changed bot takes to be found with what is new in it.
async fn searchable(search: &TextSearch, bot: &Bot) -> anyhow::Result<f64> {
    let changed = measure::with(bot, Document::text("new", "The zyxwvut is behind the house."));
    let start = Instant::now();
    let found = search.explore(&[(&changed).into()], "zyxwvut", 1).await?;
    anyhow::ensure!(!found.candidates().is_empty(), "what was added is not found");
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
