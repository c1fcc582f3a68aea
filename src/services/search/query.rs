//! A question against one bot's passages: BM25 with the bot's own figures, and how much of the question each covers.
//!
//! Guarantee: tenant and bot are conditions of every query that is built here. Text of people never meets a query
//! parser: a query is made of analysed terms, at most [`MAX_WORDS`].

use std::collections::HashMap;

use tantivy::collector::{Count, TopDocs};
use tantivy::query::{
    Bm25StatisticsProvider, BooleanQuery, BoostQuery, ConstScoreQuery, EnableScoring, FuzzyTermQuery, Occur,
    Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocSet, Score, Searcher, Term};

use super::analysis::question;
use super::shard::{Fields, Key, Resident};
use crate::domain::events::Passage;

/// A longer question says it all in its first words, and each one costs.
const MAX_WORDS: usize = 32;

/// The weight of a hit in title, headings or question, on top of its hit in the body.
const TITLE_WEIGHT: Score = 0.3;

/// What a word that was only nearly found counts, against one that was found.
const NEARLY: Score = 0.8;

/// A shorter word has too many neighbours one letter away.
const FUZZY_CHARS: usize = 5;

/// From this size on, words in more than a fifth of the passages are left out while four others remain: they cost most
/// and decide least.
const LARGE: usize = 1000;

/// The best passages of a resident bot, best first.
pub(super) fn run(
    searcher: &Searcher,
    fields: &Fields,
    key: &Key,
    resident: &Resident,
    text: &str,
    top: usize,
) -> tantivy::Result<Vec<Passage>> {
    let owner = fields.owner(key);
    let words = words(searcher, fields, &owner, resident, text)?;
    if words.is_empty() || top == 0 {
        return Ok(Vec::new());
    }
    let any: Vec<(Occur, Box<dyn Query>)> =
        words.iter().flat_map(|word| word.queries(fields)).map(|query| (Occur::Should, query)).collect();
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = owner
        .iter()
        .map(|term| (Occur::Must, Box::new(ConstScoreQuery::new(exact(term), 0.0)) as Box<dyn Query>))
        .collect();
    clauses.push((Occur::Must, Box::new(BooleanQuery::new(any))));
    let figures = Figures { fields, resident, words: &words };
    let collector = TopDocs::with_limit(top).order_by_score();
    let query = BooleanQuery::new(clauses);
    let hits = searcher.search_with_statistics_provider(&query, &collector, &figures)?;
    let coverage = coverage(searcher, fields, &words, &hits)?;
    hits.into_iter()
        .zip(coverage)
        .map(|((score, at), coverage)| {
            let numbers = searcher.segment_reader(at.segment_ord).fast_fields().u64("piece")?;
            let number = numbers.first(at.doc_id).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
            let piece = resident.pieces.get(number).ok_or_else(|| {
                tantivy::TantivyError::InternalError(format!("passage {number} is not one of its bot's"))
            })?;
            let bot = &resident.bot;
            Ok(Passage {
                document: piece.document(bot).name.clone(),
                title: piece.title(bot),
                text: piece.text(bot).to_owned(),
                score,
                coverage,
            })
        })
        .collect()
}

/// A word of the question.
struct Word {
    /// What it stands for, in each of the bot's languages, with the number of the bot's passages that have it.
    terms: Vec<(String, u64)>,
    /// How much it says about what is asked.
    idf: Score,
}

impl Word {
    fn frequency(&self) -> u64 {
        self.terms.iter().map(|(_, frequency)| *frequency).max().unwrap_or(0)
    }

    /// The queries that find it.
    fn queries(&self, fields: &Fields) -> Vec<Box<dyn Query>> {
        if self.frequency() == 0 {
            return self.nearly(fields).map(|query| self.weigh(query)).collect();
        }
        let found = self.terms.iter().filter(|(_, frequency)| *frequency > 0);
        found
            .flat_map(|(term, _)| {
                let in_title =
                    TermQuery::new(Term::from_field_text(fields.title, term), IndexRecordOption::WithFreqs);
                let in_body =
                    TermQuery::new(Term::from_field_text(fields.body, term), IndexRecordOption::WithFreqs);
                let in_title: Box<dyn Query> = Box::new(BoostQuery::new(Box::new(in_title), TITLE_WEIGHT));
                [Box::new(in_body) as Box<dyn Query>, in_title]
            })
            .collect()
    }

    /// A word that nobody wrote may be misspelt: one letter off counts nearly as the word.
    fn nearly(&self, fields: &Fields) -> impl Iterator<Item = FuzzyTermQuery> {
        let long = self.terms.iter().filter(|(term, _)| term.chars().nth(FUZZY_CHARS - 1).is_some());
        long.map(|(term, _)| FuzzyTermQuery::new(Term::from_field_text(fields.body, term), 1, true))
    }

    fn weigh(&self, query: FuzzyTermQuery) -> Box<dyn Query> {
        Box::new(BoostQuery::new(Box::new(query), self.idf * NEARLY))
    }

    /// The same for counting whether a passage has it: no score, body only. And what a hit counts.
    fn presence(&self, fields: &Fields) -> (Vec<Box<dyn Query>>, Score) {
        if self.frequency() == 0 {
            return (self.nearly(fields).map(|q| Box::new(q) as Box<dyn Query>).collect(), self.idf * NEARLY);
        }
        let found = self.terms.iter().filter(|(_, frequency)| *frequency > 0);
        (found.map(|(term, _)| exact(&Term::from_field_text(fields.body, term))).collect(), self.idf)
    }
}

fn exact(term: &Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic))
}

fn words(
    searcher: &Searcher,
    fields: &Fields,
    owner: &[Term; 2],
    resident: &Resident,
    text: &str,
) -> tantivy::Result<Vec<Word>> {
    let passages = resident.pieces.len() as u64;
    let mut words = Vec::new();
    for variants in question(text, &resident.languages, MAX_WORDS) {
        let mut terms = Vec::with_capacity(variants.len());
        for term in variants {
            let mut clauses: Vec<_> = owner.iter().map(|term| (Occur::Must, exact(term))).collect();
            clauses.push((Occur::Must, exact(&Term::from_field_text(fields.body, &term))));
            let frequency = searcher.search(&BooleanQuery::new(clauses), &Count)? as u64;
            terms.push((term, frequency.min(passages)));
        }
        let mut word = Word { terms, idf: 0.0 };
        // A word that nobody wrote is as telling as one that was written once, not more.
        word.idf = idf(word.frequency().max(1), passages.max(1));
        words.push(word);
    }
    if resident.pieces.len() >= LARGE {
        let rare = words.iter().filter(|word| word.frequency() * 5 <= passages).count();
        if rare >= 4 {
            words.retain(|word| word.frequency() * 5 <= passages);
        }
    }
    Ok(words)
}

/// BM25's inverse document frequency.
fn idf(frequency: u64, passages: u64) -> Score {
    let (n, all) = (frequency as Score, passages as Score);
    (1.0 + (all - n + 0.5) / (n + 0.5)).ln()
}

/// The figures that BM25 needs, of one bot.
struct Figures<'a> {
    fields: &'a Fields,
    resident: &'a Resident,
    words: &'a [Word],
}

impl Bm25StatisticsProvider for Figures<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.resident.tokens[usize::from(field != self.fields.title)])
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.resident.pieces.len() as u64)
    }

    /// A word weighs the same in a title and in a body.
    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let value = term.value();
        let text = value.as_str().unwrap_or_default();
        let mut all = self.words.iter().flat_map(|word| &word.terms);
        Ok(all.find(|(term, _)| term == text).map_or(0, |(_, frequency)| *frequency))
    }
}

/// For each hit, the share of the question's weight that it has.
fn coverage(
    searcher: &Searcher,
    fields: &Fields,
    words: &[Word],
    hits: &[(Score, DocAddress)],
) -> tantivy::Result<Vec<Score>> {
    let mut segments: HashMap<u32, Vec<usize>> = HashMap::new();
    for (n, (_, at)) in hits.iter().enumerate() {
        segments.entry(at.segment_ord).or_default().push(n);
    }
    let mut found = vec![0.0; hits.len()];
    let whole: Score = words.iter().map(|word| word.idf).sum();
    for (segment, mut wanted) in segments {
        wanted.sort_unstable_by_key(|n| hits[*n].1.doc_id);
        let reader = searcher.segment_reader(segment);
        for word in words {
            let (queries, counts) = word.presence(fields);
            let mut has = vec![false; wanted.len()];
            for query in queries {
                let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
                let mut passages = weight.scorer(reader, 1.0)?;
                for (has, n) in has.iter_mut().zip(&wanted) {
                    let id = hits[*n].1.doc_id;
                    *has |= passages.doc() <= id && passages.seek(id) == id;
                }
            }
            for (n, _) in wanted.iter().zip(has).filter(|(_, has)| *has) {
                found[*n] += counts;
            }
        }
    }
    Ok(found.into_iter().map(|part: Score| if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 }).collect())
}
