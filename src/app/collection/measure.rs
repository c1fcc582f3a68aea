//! A collection against the product's own retrieval: its documents go the way of any bot's, its queries the way of any
//! turn's.
//!
//! Guarantee: what is judged is the ranking before anything is left out, a document at the place of its best passage,
//! equal ones by id; what is timed is what a turn waits for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::{mean, ndcg, quantile, recall};
use super::{Collection, Doc, Query};
use crate::app::load::cpu_time;
use crate::domain::body::Texts;
use crate::domain::bot::{Bot, BotSpec, Document};
use crate::services::search::{Found, Search, TextSearch, Vectored, Verdict};

/// How many documents of a ranking are kept: what others judge too.
pub const RUN_DEPTH: usize = 100;

/// Passages that are looked at for [`RUN_DEPTH`] documents: a document may have several.
const PASSAGES: usize = 300;

/// Passages of a turn: what its model is given.
const CARRIED: usize = 6;

/// The bot whose knowledge a collection is. Takes the texts over: they stand where a bot's do.
#[must_use]
pub fn bot(docs: impl IntoIterator<Item = Doc>, texts: &dyn Texts) -> Arc<Bot> {
    let document = |doc: Doc| Document { title: doc.title.into(), ..Document::text(doc.id, doc.text) };
    let mut documents: Vec<Document> = docs.into_iter().map(document).collect();
    texts.lay(&mut documents);
    documents.shrink_to_fit();
    knowing(documents, 1)
}

/// The same bot with one document more.
#[must_use]
pub fn with(bot: &Bot, document: Document) -> Arc<Bot> {
    let mut documents = bot.spec.documents.clone();
    documents.push(document);
    knowing(documents, bot.version + 1)
}

fn knowing(documents: Vec<Document>, version: i64) -> Arc<Bot> {
    let spec = BotSpec { documents, ..BotSpec::named("bench".into()) };
    Arc::new(Bot {
        tenant: "bench".into(),
        version,
        enabled: true,
        spec,
        accounts: Vec::new(),
        bases: Vec::new(),
    })
}

/// What a query brought.
#[derive(Debug)]
pub struct Answer {
    /// Documents with their scores, best first.
    pub ranking: Vec<(String, f32)>,
    /// What it would do with the question.
    pub verdict: Verdict,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
}

/// The ranking of a question, [`RUN_DEPTH`] documents deep.
///
/// # Errors
/// When the index fails.
pub async fn ask(search: &TextSearch, bot: &Arc<Bot>, text: &str) -> anyhow::Result<Answer> {
    let found = search.explore(&[bot.into()], text, PASSAGES).await?;
    Ok(Answer { ranking: documents(&found), verdict: found.verdict(), confidence: found.confidence() })
}

fn documents(found: &Found) -> Vec<(String, f32)> {
    let mut best: HashMap<&str, f32> = HashMap::new();
    for candidate in found.candidates() {
        let Some(document) = found.document(candidate) else { continue };
        let score = best.entry(document).or_insert(candidate.score);
        *score = score.max(candidate.score);
    }
    let mut ranking: Vec<(String, f32)> =
        best.into_iter().map(|(id, score)| (id.to_owned(), score)).collect();
    ranking.sort_unstable_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
    ranking.truncate(RUN_DEPTH);
    ranking
}

/// The quality of rankings, each a mean over the queries that have a relevant document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quality {
    /// See [`ndcg`].
    pub ndcg_at_10: Option<f64>,
    /// See [`recall`].
    pub recall_at_10: Option<f64>,
    /// See [`recall`].
    pub recall_at_100: Option<f64>,
}

/// Judges rankings against what is relevant.
#[must_use]
pub fn quality(collection: &Collection, answers: &[(&Query, Answer)]) -> Quality {
    let (mut gain, mut ten, mut hundred) = (Vec::new(), Vec::new(), Vec::new());
    for (query, answer) in answers {
        let Some(relevant) = collection.relevant.get(&query.id) else { continue };
        let ids: Vec<String> = answer.ranking.iter().map(|(id, _)| id.clone()).collect();
        gain.push(ndcg(&ids, relevant, 10));
        ten.push(recall(&ids, relevant, 10));
        hundred.push(recall(&ids, relevant, 100));
    }
    Quality { ndcg_at_10: mean(&gain), recall_at_10: mean(&ten), recall_at_100: mean(&hundred) }
}

/// How long questions took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Search without encoding: half are faster.
    pub search_p50: f64,
    /// 99 of 100 are faster.
    pub search_p99: f64,
    /// From the question to the passages of a turn.
    pub total_p50: f64,
    /// 99 of 100 are faster.
    pub total_p99: f64,
    /// Until the question was a vector; zero without a model.
    pub encode_p50: f64,
    /// 99 of 100 are faster.
    pub encode_p99: f64,
    /// Questions a second of one processor's time, one after the other: what others take of the machine is left out.
    pub per_second: f64,
}

/// Asks each question once for warmth and then at least `least` questions in all, one after the other.
///
/// # Errors
/// When the index fails.
pub async fn times(
    search: &TextSearch,
    bot: &Arc<Bot>,
    questions: &[String],
    least: usize,
) -> anyhow::Result<Option<Times>> {
    if questions.is_empty() {
        return Ok(None);
    }
    for question in questions {
        search.ground(&[bot.into()], question, CARRIED).await?;
    }
    let (mut searched, mut total, mut encoded) = (Vec::new(), Vec::new(), Vec::new());
    let before = cpu_time();
    for question in questions.iter().cycle().take(least.max(questions.len())) {
        let start = Instant::now();
        let grounding = search.ground(&[bot.into()], question, CARRIED).await?;
        let took = start.elapsed();
        total.push(took.as_secs_f64() * 1e3);
        encoded.push(grounding.encode.as_secs_f64() * 1e3);
        searched.push(took.saturating_sub(grounding.encode).as_secs_f64() * 1e3);
    }
    let spent = cpu_time().saturating_sub(before);
    Ok(Some(Times {
        search_p50: quantile(&mut searched, 0.5),
        search_p99: quantile(&mut searched, 0.99),
        total_p50: quantile(&mut total, 0.5),
        total_p99: quantile(&mut total, 0.99),
        encode_p50: quantile(&mut encoded, 0.5),
        encode_p99: quantile(&mut encoded, 0.99),
        per_second: total.len() as f64 / spent.as_secs_f64(),
    }))
}

/// Until a bot's vectors are all there, or are never to come; gives how long that took.
pub async fn wait_for_vectors(search: &TextSearch, bot: &Arc<Bot>) -> Duration {
    const LOOK: Duration = Duration::from_millis(20);
    let start = Instant::now();
    while search.vectors(bot) == Vectored::Coming {
        tokio::time::sleep(LOOK).await;
    }
    start.elapsed()
}
