//! A collection of intents: which one a query has, by the examples that are its documents.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use super::Collection;
use super::judge::{auroc, mean, quantile};
use super::measure::RUN_DEPTH;
use crate::services::embed::Embed;
use crate::services::search::intents::{Intents, Line};

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The share of queries in scope whose best intent is the right one.
    pub accuracy: Option<f64>,
    /// How well the best score tells queries in scope from others.
    pub oos_auroc: Option<f64>,
    /// In-scope queries that are right when 90 % of the others are refused.
    pub oos_kept_at_90: Option<f64>,
    /// Where a match begins, by the examples.
    pub line: Line,
    /// Half of the queries were encoded faster, in milliseconds.
    pub encode_p50: f64,
    /// 99 of 100.
    pub encode_p99: f64,
    /// Examples a second.
    pub embed_per_s: f64,
}

/// Finds each query's intent; writes the rankings to `run`.
///
/// # Errors
/// When the model fails or the file can't be written.
pub fn measure(collection: &Collection, embed: &dyn Embed, run: Option<&Path>) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let mut examples = Vec::new();
    for doc in &collection.docs {
        let Some(intent) = &doc.intent else { continue };
        examples.push((intent.clone(), embed.passage(&doc.text)?));
    }
    let embed_per_s = examples.len() as f64 / start.elapsed().as_secs_f64();
    let intents = Intents::new(examples);
    let (mut encoded, mut right, mut own, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut text = String::new();
    for query in &collection.queries {
        let start = Instant::now();
        let vector = embed.question(&query.text)?;
        encoded.push(start.elapsed().as_secs_f64() * 1e3);
        let ranked = intents.rank(&vector);
        for (rank, (intent, score)) in (1..).zip(ranked.iter().take(RUN_DEPTH)) {
            writeln!(text, "{} Q0 {intent} {rank} {score} millrace", query.id)?;
        }
        let Some((best, score)) = ranked.first() else { continue };
        let wanted = collection.intents_of(query);
        if wanted.is_empty() {
            others.push(*score);
        } else {
            right.push((f64::from(u8::from(wanted.contains(best))), *score));
            own.push(*score);
        }
    }
    if let Some(file) = run {
        std::fs::write(file, text)?;
    }
    let hits: Vec<f64> = right.iter().map(|(hit, _)| *hit).collect();
    let mut sorted: Vec<f64> = others.iter().map(|score| f64::from(*score)).collect();
    let refused = quantile(&mut sorted, 0.9) as f32;
    let kept: Vec<f64> = right.iter().map(|(hit, score)| if *score > refused { *hit } else { 0.0 }).collect();
    Ok(Outcome {
        accuracy: mean(&hits),
        oos_auroc: auroc(&own, &others),
        oos_kept_at_90: if others.is_empty() { None } else { mean(&kept) },
        line: intents.line(),
        encode_p50: quantile(&mut encoded, 0.5),
        encode_p99: quantile(&mut encoded, 0.99),
        embed_per_s,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::app::collection::{Doc, Query};
    use crate::services::embed::fake::FakeEmbed;

    #[test]
    fn queries_that_say_no_intent_are_judged_by_their_documents() {
        let texts =
            [("pay", "how do I pay by card"), ("pay", "may I pay with a card"), ("go", "where is the shop")];
        let docs = texts.iter().enumerate().map(|(n, (intent, text))| Doc {
            id: format!("d{n}"),
            title: String::new(),
            text: (*text).to_owned(),
            intent: Some((*intent).to_owned()),
        });
        let query = |id: &str, text: &str| Query { id: id.into(), text: text.into(), intent: None };
        let collection = Collection {
            name: "small".into(),
            docs: docs.collect(),
            queries: vec![
                query("q0", "can I pay by card"),
                query("q1", "where is that shop"),
                query("q2", "zzz"),
            ],
            relevant: HashMap::from([
                ("q0".to_owned(), HashSet::from(["d0".to_owned(), "d1".to_owned()])),
                ("q1".to_owned(), HashSet::from(["d2".to_owned()])),
            ]),
        };
        let outcome = measure(&collection, &FakeEmbed::default(), None).unwrap();
        assert_eq!((outcome.accuracy, outcome.oos_auroc), (Some(1.0), Some(1.0)));
    }
}
