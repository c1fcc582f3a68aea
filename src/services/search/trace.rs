//! What a search tells of itself: its candidates with their scores, and what became of each.
//!
//! Guarantee: bounded in number and in bytes, whatever documents are called; nothing of their text is copied.

use super::found::{Candidate, Found};
use super::passages::Place;
use crate::domain::events::{Considered, Fate, MAX_CONSIDERED, MAX_SEARCHED_BYTES, Searched};

/// So many of the best are named whatever became of them.
const BEST: usize = 10;

/// What the figures beside the candidates take in JSON, at most.
const HEAD_BYTES: usize = 256;

/// The trace of a search. `fates` = what became of each candidate, in their order.
pub(super) fn searched(found: &Found, fates: &[Fate]) -> Searched {
    let mut left = MAX_SEARCHED_BYTES - HEAD_BYTES;
    let mut candidates = Vec::with_capacity(BEST);
    for (n, (candidate, fate)) in found.candidates().iter().zip(fates).enumerate() {
        if candidates.len() == MAX_CONSIDERED {
            break;
        }
        if n >= BEST && !matches!(fate, Fate::Carried | Fate::Joined) {
            continue;
        }
        let Some(one) = considered(found, (n, candidate), *fate) else { continue };
        // Names may be long, and longer in JSON.
        let bytes = serde_json::to_string(&one).map_or(usize::MAX, |json| json.len() + 1);
        if bytes > left {
            break;
        }
        left -= bytes;
        candidates.push(one);
    }
    Searched {
        verdict: found.verdict(),
        confidence: short(found.confidence()),
        weight: short(found.weight()),
        words_only: found.words_only(),
        encode_us: found.encode_us(),
        found: u32::try_from(found.candidates().len()).unwrap_or(u32::MAX),
        candidates,
    }
}

fn considered(found: &Found, (n, candidate): (usize, &Candidate), fate: Fate) -> Option<Considered> {
    let (resident, piece) = found.place(candidate)?;
    let corpus = &resident.corpus;
    let (range, pair) = match piece.place() {
        Place::Text(range) => (Some((range.start as u64, range.end as u64)), None),
        Place::Pair(pair) => (None, u32::try_from(pair + 1).ok()),
    };
    Some(Considered {
        rank: u32::try_from(n + 1).unwrap_or(u32::MAX),
        document: piece.document(corpus).name.to_string(),
        base: corpus.base().cloned(),
        generation: corpus.version(),
        page: piece.page(corpus),
        range,
        pair,
        score: short(candidate.score),
        bm25: short(candidate.text),
        coverage: short(candidate.coverage),
        cosine: candidate.cosine.map(short),
        fate,
    })
}

/// Four places: more say nothing to a person.
fn short(figure: f32) -> f32 {
    (figure * 10_000.0).round() / 10_000.0
}
