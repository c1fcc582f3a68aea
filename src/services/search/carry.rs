//! From candidates to what a turn carries: each text once, neighbours joined, within a prompt's share of tokens.
//!
//! Guarantee: what is carried is text of the documents themselves, in the order of the candidates.

use std::collections::HashSet;
use std::sync::Arc;

use super::analysis::{Analyzer, Language};
use super::found::Candidate;
use super::passages::{Piece, Place, tokens};
use super::resident::Resident;
use crate::domain::events::{Fate, Passage};

/// Two passages that are nearer to one another than this say the same.
const SAME: f32 = 0.95;

/// Without meaning: two passages that share more of their words than this, and every number, say the same.
const SHARED: f32 = 0.9;

/// What a prompt has for passages.
const TOKENS: usize = 1500;

/// A passage with those of its neighbours that were found too.
struct Run<'a> {
    best: &'a Candidate,
    first: usize,
    last: usize,
    /// The words of the best one, where words decide what is the same.
    words: HashSet<String>,
}

/// The best passages, at most `top`, and what became of each candidate, in their order. `by_meaning` where cosines say something of these texts: two that the model can't read
/// may lie near one another and speak of different things.
pub(super) fn passages(
    from: &[Arc<Resident>],
    candidates: &[Candidate],
    top: usize,
    by_meaning: bool,
) -> (Vec<Passage>, Vec<Fate>) {
    let mut choice = Choice { from, top, by_meaning, runs: Vec::new(), left: TOKENS };
    let fates = candidates.iter().map(|candidate| choice.judge(candidate)).collect();
    (choice.runs.iter().filter_map(|run| passage(from, run)).collect(), fates)
}

/// What has been chosen so far.
struct Choice<'a> {
    from: &'a [Arc<Resident>],
    top: usize,
    by_meaning: bool,
    runs: Vec<Run<'a>>,
    /// What the prompt has left, in tokens.
    left: usize,
}

impl<'a> Choice<'a> {
    /// Takes the next best candidate, or says why not.
    fn judge(&mut self, candidate: &'a Candidate) -> Fate {
        let (from, by_meaning) = (self.from, self.by_meaning);
        let Some((resident, piece)) = place(from, candidate) else { return Fate::Rank };
        if self.runs.iter().any(|run| same(from, run.best, candidate, by_meaning)) {
            return Fate::Duplicate;
        }
        let cost = tokens(piece.text(&resident.corpus));
        // The best one is carried whatever it costs: an answer that is cut is better than none.
        if cost > self.left && !self.runs.is_empty() {
            return Fate::Budget;
        }
        let fate = if let Some(run) = self.runs.iter_mut().find(|run| touches(from, run, candidate)) {
            run.first = run.first.min(candidate.piece);
            run.last = run.last.max(candidate.piece);
            Fate::Joined
        } else if self.runs.len() < self.top {
            let words = if by_meaning { HashSet::new() } else { words(resident, piece) };
            if !by_meaning && self.runs.iter().any(|run| alike(&run.words, &words)) {
                return Fate::Duplicate;
            }
            self.runs.push(Run { words, ..Run::of(candidate) });
            Fate::Carried
        } else {
            return Fate::Rank;
        };
        self.left = self.left.saturating_sub(cost);
        fate
    }
}

/// A candidate alone.
pub(super) fn one(from: &[Arc<Resident>], candidate: &Candidate) -> Option<Passage> {
    passage(from, &Run::of(candidate))
}

impl<'a> Run<'a> {
    fn of(best: &'a Candidate) -> Self {
        Self { best, first: best.piece, last: best.piece, words: HashSet::new() }
    }
}

/// The words of a passage, and of its question.
fn words(resident: &Resident, piece: &Piece) -> HashSet<String> {
    let mut words = HashSet::new();
    // Forms of a word are told apart: texts that say the same in other forms are no copies of one another.
    let mut analyzer = Analyzer::new(Language::Other);
    for text in [piece.text(&resident.corpus), piece.question(&resident.corpus).unwrap_or_default()] {
        analyzer.terms(text, |term| {
            words.insert(term.to_owned());
        });
    }
    words
}

/// True when nearly all words are the same. One number makes two prices, dates or sizes.
fn alike(one: &HashSet<String>, other: &HashSet<String>) -> bool {
    let is_number = |term: &&String| term.chars().any(|c| c.is_ascii_digit());
    let shared = one.intersection(other).count();
    let all = one.len() + other.len() - shared;
    shared as f32 > SHARED * all as f32 && !one.symmetric_difference(other).any(|term| is_number(&term))
}

/// The passage that a candidate is.
pub(super) fn place<'a>(
    from: &'a [Arc<Resident>],
    candidate: &Candidate,
) -> Option<(&'a Resident, &'a Piece)> {
    let resident = from.get(candidate.corpus)?;
    Some((resident, resident.pieces.get(candidate.piece)?))
}

/// The same text, or texts that mean the same.
fn same(from: &[Arc<Resident>], one: &Candidate, other: &Candidate, by_meaning: bool) -> bool {
    let (Some((of_a, a)), Some((of_b, b))) = (place(from, one), place(from, other)) else { return false };
    if a.bytes(&of_a.corpus) == b.bytes(&of_b.corpus) && a.question(&of_a.corpus) == b.question(&of_b.corpus)
    {
        return true;
    }
    if !by_meaning {
        return false;
    }
    let (a, b) = (of_a.vectors.load(), of_b.vectors.load());
    let row = a.as_ref().and_then(|vectors| vectors.row(one.piece));
    row.zip(b.as_ref()).is_some_and(|(row, vectors)| vectors.cosine(&row, other.piece) > SAME)
}

/// True when a piece is the one before or after a run, under the same headings.
fn touches(from: &[Arc<Resident>], run: &Run<'_>, candidate: &Candidate) -> bool {
    let next = candidate.piece + 1 == run.first || candidate.piece == run.last + 1;
    let joins = |a: &Piece, b: &Piece| {
        let texts = matches!((a.place(), b.place()), (Place::Text(_), Place::Text(_)));
        texts && a.document == b.document && a.headings == b.headings
    };
    let pair = place(from, candidate).zip(place(from, run.best));
    next && candidate.corpus == run.best.corpus && pair.is_some_and(|((_, a), (_, b))| joins(a, b))
}

fn passage(from: &[Arc<Resident>], run: &Run<'_>) -> Option<Passage> {
    let (resident, piece) = place(from, run.best)?;
    let (first, last) = (resident.pieces.get(run.first)?, resident.pieces.get(run.last)?);
    let corpus = &resident.corpus;
    let document = piece.document(corpus);
    let (text, range, chars) = match (first.place(), last.place()) {
        (Place::Text(first), Place::Text(last)) => {
            let text = document.text.get(first.start..last.end)?;
            let chars = document.chars(first.start..last.end);
            (text.to_owned(), Some((first.start as u64, last.end as u64)), chars)
        }
        _ => (piece.text(corpus).to_owned(), None, None),
    };
    Some(Passage {
        document: document.name.to_string(),
        base: corpus.base().cloned(),
        title: piece.title(corpus),
        text,
        score: run.best.score,
        coverage: run.best.coverage,
        cosine: run.best.cosine,
        range,
        chars,
        page: first.page(corpus),
        generation: Some(corpus.version()),
    })
}
