//! From candidates to what a turn carries: each text once, neighbours joined, within a prompt's share of tokens.
//!
//! Guarantee: what is carried is text of the documents themselves, in the order of the candidates.

use super::found::Candidate;
use super::passages::{Piece, Place, tokens};
use super::shard::Resident;
use super::vectors::Vectors;
use crate::domain::events::Passage;

/// Two passages that are nearer to one another than this say the same.
const SAME: f32 = 0.95;

/// What a prompt has for passages.
const TOKENS: usize = 1500;

/// A passage with those of its neighbours that were found too.
struct Run<'a> {
    best: &'a Candidate,
    first: usize,
    last: usize,
}

/// The best passages, at most `top`.
pub(super) fn passages(from: &Resident, candidates: &[Candidate], top: usize) -> Vec<Passage> {
    let vectors = from.vectors.load_full();
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut left = TOKENS;
    for candidate in candidates {
        let Some(piece) = from.pieces.get(candidate.piece) else { continue };
        if runs.iter().any(|run| same(from, vectors.as_deref(), run.best.piece, candidate.piece)) {
            continue;
        }
        let cost = tokens(piece.text(&from.bot));
        // The best one is carried whatever it costs: an answer that is cut is better than none.
        if cost > left && !runs.is_empty() {
            continue;
        }
        if let Some(run) = runs.iter_mut().find(|run| touches(from, run, candidate.piece)) {
            run.first = run.first.min(candidate.piece);
            run.last = run.last.max(candidate.piece);
        } else if runs.len() < top {
            runs.push(Run { best: candidate, first: candidate.piece, last: candidate.piece });
        } else {
            continue;
        }
        left = left.saturating_sub(cost);
    }
    runs.iter().filter_map(|run| passage(from, run)).collect()
}

/// A candidate alone.
pub(super) fn one(from: &Resident, candidate: &Candidate) -> Option<Passage> {
    passage(from, &Run { best: candidate, first: candidate.piece, last: candidate.piece })
}

/// The same text, or texts that mean the same.
fn same(from: &Resident, vectors: Option<&Vectors>, one: usize, other: usize) -> bool {
    let (Some(a), Some(b)) = (from.pieces.get(one), from.pieces.get(other)) else { return false };
    if a.text(&from.bot) == b.text(&from.bot) && a.question(&from.bot) == b.question(&from.bot) {
        return true;
    }
    vectors.is_some_and(|vectors| vectors.row(one).is_some_and(|row| vectors.cosine(&row, other) > SAME))
}

/// True when a piece is the one before or after a run, under the same headings.
fn touches(from: &Resident, run: &Run<'_>, piece: usize) -> bool {
    let next = piece + 1 == run.first || piece == run.last + 1;
    let joins = |a: &Piece, b: &Piece| {
        let texts = matches!((&a.place, &b.place), (Place::Text(_), Place::Text(_)));
        texts && a.document == b.document && a.headings == b.headings
    };
    let pair = from.pieces.get(piece).zip(from.pieces.get(run.best.piece));
    next && pair.is_some_and(|(a, b)| joins(a, b))
}

fn passage(from: &Resident, run: &Run<'_>) -> Option<Passage> {
    let (piece, first, last) =
        (from.pieces.get(run.best.piece)?, from.pieces.get(run.first)?, from.pieces.get(run.last)?);
    let (text, range) = match (&first.place, &last.place) {
        (Place::Text(first), Place::Text(last)) => {
            let text = piece.document(&from.bot).text.get(first.start..last.end)?;
            (text.to_owned(), Some((first.start as u64, last.end as u64)))
        }
        _ => (piece.text(&from.bot).to_owned(), None),
    };
    Some(Passage {
        document: piece.document(&from.bot).name.clone(),
        title: piece.title(&from.bot),
        text,
        score: run.best.score,
        coverage: run.best.coverage,
        cosine: run.best.cosine,
        range,
    })
}
