//! Turns that were searched for, and turns that ended without a reply.

use millrace::domain::events::{
    Considered, Fate, Hop, Passage, Searched, TurnDropped, TurnGrounded, Verdict, WordsOnly,
};
use millrace::domain::stage::StageName;

use super::{hop, opened_full};

pub(super) fn grounded() -> TurnGrounded {
    let passage = Passage {
        document: "prices.md".into(),
        title: "Prices".into(),
        text: "A tandem costs 20 EUR.".into(),
        score: 7.25,
        coverage: 0.5,
        ..Passage::default()
    };
    TurnGrounded { turn: opened_full(), reply: None, passages: vec![passage], verdict: None }
}

pub(super) fn dropped(note: Option<&str>) -> TurnDropped {
    TurnDropped {
        stage: StageName::Ingest,
        reason: "ignored".into(),
        note: note.map(str::to_owned),
        noted: None,
        hops: Vec::new(),
    }
}

/// With what was searched: a passage by words and meaning, and a pair by words alone.
pub(super) fn searched() -> TurnGrounded {
    let mut grounded = grounded();
    grounded.turn.hops = vec![retrieved(trace()), retrieved(by_words())];
    grounded
}

/// With what was done until then.
pub(super) fn explained() -> TurnDropped {
    let reason = "no_reply".to_owned();
    TurnDropped { stage: StageName::Answer, reason, hops: vec![retrieved(by_words())], ..dropped(None) }
}

fn retrieved(searched: Searched) -> Hop {
    Hop {
        searched: Some(Box::new(searched)),
        ..hop(StageName::Retrieve, Some("passages: 1, answer at 97 %"))
    }
}

fn trace() -> Searched {
    let considered = |rank, fate| Considered {
        rank,
        document: "prices.md".into(),
        base: Some("manuals".into()),
        generation: 7,
        page: Some(2),
        range: Some((0, 23)),
        pair: None,
        score: 0.75,
        bm25: 7.25,
        coverage: 0.5,
        cosine: Some(0.625),
        fate,
    };
    let fates = [Fate::Carried, Fate::Joined, Fate::Duplicate, Fate::Budget, Fate::Rank];
    Searched {
        verdict: Verdict::Answer,
        confidence: 0.96875,
        weight: 0.5,
        words_only: None,
        encode_us: Some(2_700),
        found: 112,
        candidates: (1..).zip(fates).map(|(rank, fate)| considered(rank, fate)).collect(),
    }
}

fn by_words() -> Searched {
    let pair = Considered {
        rank: 1,
        document: "faq.yaml".into(),
        base: None,
        generation: 3,
        page: None,
        range: None,
        pair: Some(4),
        score: 1.5,
        bm25: 1.5,
        coverage: 0.25,
        cosine: None,
        fate: Fate::Unsure,
    };
    Searched {
        verdict: Verdict::Abstain,
        confidence: 0.125,
        weight: 0.0,
        words_only: Some(WordsOnly::NoVectors),
        encode_us: None,
        found: 1,
        candidates: vec![pair],
    }
}
