//! Tenants whose knowledge bases and documents have the same names, by words and by meaning, in the process that indexed
//! them and in one that opened their snapshots.

use super::*;
use crate::services::objects::Objects;

#[tokio::test]
async fn a_thousand_tenants_stay_apart_by_meaning_and_in_snapshots() {
    const TENANTS: usize = 1000;
    let depot = Depot::of(Objects::memory());
    let [one, other] = [depot.folder("vectors-1"), depot.folder("vectors-2")];
    let writer = knowing(&one);
    let text = |n: usize| format!("The opening hours of our shop. The secret word is word{n}x, ask for it.");
    let bases: Vec<_> = (0..TENANTS)
        .map(|n| {
            let documents = ["prices.md", "hours.md"].map(|name| Document::text(name, text(n)));
            base(&format!("tenant{n}"), "faq", 1, documents.to_vec())
        })
        .collect();
    let prepare = bases.iter().map(async |base| writer.prepare(&corpus(base)[0]).await);
    assert!(futures_util::future::join_all(prepare).await.iter().all(Result::is_ok));
    for base in &bases {
        while writer.vector_bytes(corpus(base)[0].clone()).is_none() {
            tokio::task::yield_now().await;
        }
        depot.write(&writer, base).await;
    }
    let reader = knowing(&other).with_snapshots(depot.shelf("worker", 1 << 30));
    for (n, base) in bases.iter().enumerate() {
        let (own, neighbour) = (format!("word{n}x"), format!("word{}x", (n + 1) % TENANTS));
        for question in ["opening hours secret word", own.as_str(), neighbour.as_str()] {
            let mut seen = Vec::new();
            for search in [&writer, &reader] {
                let found = search.explore(&corpus(base), question, 5000).await.unwrap();
                assert!(found.weight() > 0.0, "{question} of {n}: meaning counts");
                let passages: Vec<_> = found.candidates().iter().filter_map(|c| found.passage(c)).collect();
                assert_eq!(passages.len(), 2, "{question} of {n}: each has a vector, so both are candidates");
                assert!(passages.iter().all(|p| p.text.contains(&own)), "{question} of {n}: {passages:?}");
                assert!(found.candidates().iter().all(|c| c.cosine.is_some()), "{question} of {n}");
                seen.push(found.candidates().to_vec());
            }
            assert_eq!(seen[0], seen[1], "{question} of {n}: a snapshot answers as the index does");
        }
    }
    assert_eq!((reader.built(), reader.open_snapshots().len()), (0, TENANTS));
    assert!(!other.exists(), "the reader made no vectors");
}
