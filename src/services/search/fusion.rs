//! Words and meaning become one score, and the score a confidence.
//!
//! A convex combination: `a` of the cosine, spread over the nearest, and `1 - a` of BM25 against the best. Ranks alone
//! (RRF) would let a model that is weak in a language pull down what words had found.
//! Guarantee: with `a` = 0 the order is that of the words.

use std::sync::Arc;

use super::count::Hit;
use super::found::Candidate;
use super::ground::Only;
use super::vectors::{Row, Vectors};

/// Candidates of both kinds, best first, at most as many as both lists together.
///
/// `vectors` = those of each corpus, and which of them may answer; one without passages has none.
pub(super) fn fuse(
    hits: &[Hit],
    vectors: &[(Option<Arc<Vectors>>, Only)],
    question: &Row,
    a: f32,
    depth: usize,
) -> Vec<Candidate> {
    let nearest = nearest(vectors, question, depth);
    let best = hits.first().map_or(1.0, |hit| hit.score).max(f32::MIN_POSITIVE);
    let (high, low) = (nearest.first().map_or(1.0, |n| n.2), nearest.last().map_or(0.0, |n| n.2));
    let spread = (high - low).max(f32::MIN_POSITIVE);
    let score =
        |text: f32, cosine: f32| a * ((cosine - low) / spread).clamp(0.0, 1.0) + (1.0 - a) * text / best;
    let mut out: Vec<Candidate> = hits
        .iter()
        .map(|hit| {
            let of = vectors.get(hit.corpus).and_then(|(vectors, _)| vectors.as_ref());
            let cosine = of.map_or(0.0, |vectors| vectors.cosine(question, hit.piece));
            let score = score(hit.score, cosine);
            Candidate {
                corpus: hit.corpus,
                piece: hit.piece,
                score,
                text: hit.score,
                coverage: hit.coverage,
                cosine: Some(cosine),
            }
        })
        .collect();
    let mut seen: Vec<(usize, usize)> = hits.iter().map(|hit| (hit.corpus, hit.piece)).collect();
    seen.sort_unstable();
    for (corpus, piece, cosine) in nearest {
        if seen.binary_search(&(corpus, piece)).is_err() {
            out.push(Candidate {
                corpus,
                piece,
                score: score(0.0, cosine),
                text: 0.0,
                coverage: 0.0,
                cosine: Some(cosine),
            });
        }
    }
    out.sort_unstable_by(|a, b| {
        b.score.total_cmp(&a.score).then((a.corpus, a.piece).cmp(&(b.corpus, b.piece)))
    });
    out
}

/// The passages nearest to a question in all corpora, nearest first.
fn nearest(
    vectors: &[(Option<Arc<Vectors>>, Only)],
    question: &Row,
    depth: usize,
) -> Vec<(usize, usize, f32)> {
    let of = |(n, (vectors, only)): (usize, &(Option<Arc<Vectors>>, Only))| {
        let nearest = vectors.as_ref().map(|vectors| match only {
            None => vectors.nearest(question, depth),
            Some(only) => vectors.nearest_of(question, depth, only),
        });
        let nearest = nearest.unwrap_or_default();
        nearest.into_iter().map(move |(piece, cosine)| (n, piece, cosine))
    };
    let mut all: Vec<_> = vectors.iter().enumerate().flat_map(of).collect();
    all.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    all.truncate(depth);
    all
}

/// What a question has to weigh to be more than a chance hit, in words that nobody wrote.
const CHANCE: f32 = 1.0;

/// From this many passages on, chance counts in full: the more there are, the more words stand in one of them anyway.
const MANY: f32 = 1000.0;

/// The share of a question that is covered, less what a question of so few or so common words finds anywhere.
pub(super) fn by_chance(covered: f32, weighs: f32, passages: usize) -> f32 {
    let chance = CHANCE * (passages as f32 / MANY).min(1.0).sqrt();
    covered * weighs / (weighs + chance)
}

/// How a measure becomes a confidence: where it is one half, and how fast it rises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    middle: f32,
    width: f32,
}

/// How sure it is by words, beside meaning, that a passage has what was asked for by name: every word of the question as it
/// was written, and of such weight together that chance has no part in it. Less says nothing that the cosine does not.
pub(super) fn named(covered: f32, weighs: f32, passages: usize) -> f32 {
    const ALL: f32 = 0.999;
    const RARE: f32 = 0.999;
    if covered < ALL || weighs < RARE {
        return 0.0;
    }
    let measure = by_chance(covered, weighs, passages);
    BY_NAME.at(measure).min(BY_WORDS.at(measure))
}

/// A question that one passage covers, less what it would cover by chance: twice a word that nobody wrote is enough.
const BY_NAME: Curve = Curve { middle: 0.6, width: 0.025 };

/// The share of a question's weight that the best passage covers.
pub(super) const BY_WORDS: Curve = Curve { middle: 0.445, width: 0.1 };

/// The cosine of the nearest passage.
pub(super) const BY_MEANING: Curve = Curve { middle: 0.4, width: 0.05 };

impl Curve {
    /// The confidence, 0 to 1.
    pub(super) fn at(self, measure: f32) -> f32 {
        1.0 / (1.0 + (-(measure - self.middle) / self.width).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_of_some_rare_words_is_a_name() {
        for (covered, weighs, passages, least, most) in [
            (1.0, 2.0, 5_000, 0.9, 1.0),
            (1.0, 3.0, 5_000, 0.95, 1.0),
            // A word alone, and words that many passages have.
            (1.0, 1.0, 5_000, 0.0, 0.1),
            (1.0, 1.2, 5_000, 0.0, 0.2),
            // One of the words is not there, or was only nearly found.
            (0.95, 9.0, 5_000, 0.0, 0.0),
            (0.8, 2.0, 10, 0.0, 0.0),
            // Few passages, and words that most of them have.
            (1.0, 0.4, 4, 0.0, 0.0),
            (1.0, 1.0, 4, 0.9, 1.0),
            (1.0, 0.0, 10, 0.0, 0.0),
        ] {
            let sure = named(covered, weighs, passages);
            assert!((least..=most).contains(&sure), "{covered} of {weighs} in {passages}: {sure}");
            let by_words = BY_WORDS.at(by_chance(covered, weighs, passages));
            assert!(sure <= by_words, "it is stricter than words alone: {sure}, {by_words}");
        }
    }
}
