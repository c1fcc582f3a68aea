//! A question becomes words, each with what it weighs among one bot's passages.
//!
//! Guarantee: text of people never meets a query parser: a question is made of analysed terms, at most [`MAX_WORDS`], and
//! they are looked up in the bot's own passages only.

use super::analysis::question;
use super::part::Part;
use super::shard::Resident;

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
pub(super) fn words(parts: &[Part], resident: &Resident, text: &str) -> tantivy::Result<Vec<Word>> {
    let passages = resident.pieces.len() as u64;
    let mut words = Vec::new();
    for variants in question(text, &resident.languages, MAX_WORDS) {
        let mut terms = Vec::with_capacity(variants.len());
        for term in variants {
            let each = parts.iter().map(|part| part.frequency(&term));
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

/// BM25's inverse document frequency.
pub(super) fn idf(frequency: u64, passages: u64) -> f32 {
    let (n, all) = (frequency as f32, passages as f32);
    (1.0 + (all - n + 0.5) / (n + 0.5)).ln()
}

/// What words weigh together, in words that nobody wrote.
pub(super) fn weighs(words: &[Word], resident: &Resident) -> f32 {
    let unseen = idf(1, resident.pieces.len().max(1) as u64);
    words.iter().map(|word| word.idf).sum::<f32>() / unseen
}
