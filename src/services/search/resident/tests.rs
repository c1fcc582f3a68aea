//! A corpus that changes is found as if it had been indexed anew.

use std::cell::Cell;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::bot::Document;
use crate::domain::knowledge::KnowledgeBase;
use crate::services::search::{SearchConfig, TextSearch};

fn corpus(version: i64, documents: Vec<Document>) -> Corpus {
    let base = KnowledgeBase { tenant: "t".into(), base: "b".into(), version, documents, pinned: Vec::new() };
    Corpus::Base(Arc::new(base))
}

fn numbers() -> impl Fn() -> u64 {
    let next = Cell::new(1);
    move || next.replace(next.get() + 1)
}

#[test]
fn only_what_changed_is_written() {
    let number = numbers();
    let text = |name: &str, text: &str| Document::text(name, text);
    let first = corpus(1, vec![text("a", "One."), text("b", "# H\nTwo.\n# I\nThree."), text("c", "Four.")]);
    let old = Draft::new(None, first, 100, &number);
    assert_eq!((old.fresh.as_slice(), old.gone.as_slice()), (&[0, 1, 2][..], &[][..]));
    let of_b = old.entry(1).number;
    let gone = [old.entry(0).number, old.entry(2).number];
    let old = old.finish();
    let second =
        corpus(2, vec![text("new", "Zero."), text("b", "# H\nTwo.\n# I\nThree."), text("c", "Five.")]);
    let draft = Draft::new(Some(&old), second, 100, &number);
    assert_eq!(draft.fresh, [0, 2]);
    assert_eq!((draft.gone.as_slice(), draft.owner()), (&gone[..], old.owner));
    let new = draft.finish();
    assert_eq!(new.piece(of_b, 1), Some(2));
    assert_eq!(new.pieces[2].text(&new.corpus), "Three.");
    assert_eq!((new.piece(gone[0], 0), new.piece(of_b, 9)), (None, None));
}

#[test]
fn what_had_no_room_is_written_when_there_is() {
    let number = numbers();
    let long = Document::text("long", "# A\nOne.\n# B\nTwo.\n# C\nThree.");
    let full = Draft::new(None, corpus(1, vec![Document::text("a", "Zero."), long.clone()]), 3, &number);
    assert!(full.cut && full.pieces.len() == 3);
    let full = full.finish();
    let roomy = Draft::new(Some(&full), corpus(2, vec![long]), 3, &number);
    assert!(!roomy.cut && roomy.pieces.len() == 3 && roomy.fresh == [0] && roomy.gone.len() == 2);
}

/// One state of a knowledge base: for each of six documents, whether it is there and what it says.
fn state() -> impl Strategy<Value = Vec<Document>> {
    const TEXTS: [&str; 4] = [
        "# Hours\nOpen nine to five.\n# Prices\nA haircut costs 12 EUR.",
        "A haircut costs 14 EUR, a beard 7.",
        "Delivery is free. Delivery takes five days.",
        "# Prices\nDelivery 5 EUR.\n\nNo haircut on Sundays.",
    ];
    proptest::collection::vec(proptest::option::weighted(0.7, 0..TEXTS.len()), 6).prop_map(|picks| {
        let picks = picks.into_iter().enumerate();
        picks.filter_map(|(n, pick)| Some(Document::text(format!("d{n}"), TEXTS[pick?]))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn changes_leave_what_a_new_index_would(states in proptest::collection::vec(state(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let search = || TextSearch::new(SearchConfig { shards: 1, ..SearchConfig::default() }, None).unwrap();
        let changed = search();
        for (version, documents) in (1..).zip(states) {
            let corpus = [corpus(version, documents)];
            for question in ["haircut price", "delivery five days", "open sundays", "delivry"] {
                let (one, other) = runtime.block_on(async {
                    let fresh = search();
                    (changed.explore(&corpus, question, 50).await, fresh.explore(&corpus, question, 50).await)
                });
                let (one, other) = (one.unwrap(), other.unwrap());
                prop_assert_eq!(one.candidates(), other.candidates(), "{}", question);
            }
        }
    }
}
