//! A question becomes words, each with what it weighs among the passages that one bot may answer from.
//!
//! Guarantee: text of people never meets a query parser: a question is made of analysed terms, at most [`MAX_WORDS`], and
//! they are looked up in those passages only.

use super::analysis::Language;
use super::analysis::question;
use super::ground::Ground;
use super::resident::MAX_LANGUAGES;

/// A longer question says it all in its first words, and each one costs. A passage keeps a bit for each.
const MAX_WORDS: usize = 32;

/// A shorter word has too many neighbours one letter away.
const FUZZY_CHARS: usize = 5;

/// From this size on, words in more than a fifth of the passages are left out while four others remain: they cost most
/// and decide least. Smaller bots are counted in a millisecond with all words.
const LARGE: u64 = 20_000;

/// A word of the question.
pub(super) struct Word {
    /// What it stands for, in each of the bot's languages, with the number of the bot's passages that have it.
    pub(super) terms: Vec<(String, u64)>,
    /// How much it says about what is asked.
    pub(super) idf: f32,
}

impl Word {
    /// How many of the bot's passages have it.
    pub(super) fn frequency(&self) -> u64 {
        self.terms.iter().map(|(_, frequency)| *frequency).max().unwrap_or(0)
    }

    /// A word that nobody wrote may be misspelt: its terms that are long enough to tell.
    pub(super) fn correctable(&self) -> impl Iterator<Item = &str> {
        let terms = self.terms.iter().map(|(term, _)| term.as_str());
        terms.filter(|term| term.chars().nth(FUZZY_CHARS - 1).is_some())
    }
}

/// The words of a question that are looked for.
pub(super) fn words(grounds: &[Ground], text: &str) -> tantivy::Result<Vec<Word>> {
    let passages = Ground::passages(grounds) as u64;
    let mut words = Vec::new();
    for variants in question(text, &languages(grounds), MAX_WORDS) {
        let mut terms = Vec::with_capacity(variants.len());
        for term in variants {
            let parts = grounds.iter().flat_map(|ground| &ground.parts);
            let each = parts.map(|part| part.frequency(&term));
            let frequency = each.sum::<tantivy::Result<u64>>()?;
            terms.push((term, frequency.min(passages)));
        }
        let mut word = Word { terms, idf: 0.0 };
        // A word that nobody wrote is as telling as one that was written once, not more.
        word.idf = idf(word.frequency().max(1), passages.max(1));
        words.push(word);
    }
    if passages >= LARGE {
        let rare = words.iter().filter(|word| word.frequency() * 5 <= passages).count();
        if rare >= 4 {
            words.retain(|word| word.frequency() * 5 <= passages);
        }
    }
    Ok(words)
}

/// The languages that a question is read in: those of the largest corpus first.
fn languages(grounds: &[Ground]) -> Vec<Language> {
    let mut by_size: Vec<_> = grounds.iter().map(|ground| &ground.resident).collect();
    by_size.sort_by_key(|resident| std::cmp::Reverse(resident.pieces.len()));
    let mut out: Vec<Language> = Vec::new();
    for language in by_size.into_iter().flat_map(|resident| &resident.languages) {
        if !out.contains(language) && out.len() < MAX_LANGUAGES {
            out.push(*language);
        }
    }
    out
}

/// BM25's inverse document frequency.
pub(super) fn idf(frequency: u64, passages: u64) -> f32 {
    let (n, all) = (frequency as f32, passages as f32);
    (1.0 + (all - n + 0.5) / (n + 0.5)).ln()
}

/// What words weigh together, in words that nobody wrote.
pub(super) fn weighs(words: &[Word], passages: usize) -> f32 {
    let unseen = idf(1, passages.max(1) as u64);
    words.iter().map(|word| word.idf).sum::<f32>() / unseen
}
