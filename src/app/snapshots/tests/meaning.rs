//! Vectors are awaited, and not for ever.

use std::collections::BTreeMap;

use super::*;
use crate::services::embed::fake::FakeEmbed;
use crate::services::embed::{Embed, EmbedError, ModelVersion};
use crate::services::search::Meaning;

/// A model that makes no vectors: whatever needs them waits.
#[derive(Debug, Default)]
struct Stuck(FakeEmbed);

impl Embed for Stuck {
    fn model(&self) -> &ModelVersion {
        self.0.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.0.question(text)
    }

    fn passage(&self, _text: &str) -> Result<Vec<f32>, EmbedError> {
        Err(EmbedError::Run("stuck".to_owned()))
    }
}

impl Bench {
    /// A process of the index stage with a model.
    fn knowing(&self, disk: &str, embed: Arc<dyn Embed>) -> Scribe {
        let (weights, remembered) = (BTreeMap::from([("en".to_owned(), 0.5)]), 10);
        let meaning =
            Meaning { embed, folder: self.folder.path().join(disk).join("vec"), weights, remembered };
        let source = FromStore { store: Arc::clone(&self.store), objects: self.objects.clone() };
        let shelf = Shelf::new(self.folder.path().join(disk), 1 << 30, Arc::new(source));
        let search = TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap();
        Scribe { search: Arc::new(search.with_snapshots(Arc::new(shelf))), ..self.scribe(true) }
    }
}

#[tokio::test]
async fn one_that_always_changes_and_never_gets_its_vectors_is_written_all_the_same() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    let scribe = bench.knowing("stuck", Arc::new(Stuck::default()));
    for n in 0..80 {
        bench.put(&faq, "news.md", &format!("News number {n}.")).await;
        bench.later(5);
        scribe.look().await.unwrap();
    }
    let counting = bench.counting(&faq).await.unwrap();
    assert!(counting.version > 50 && counting.model.is_empty(), "{counting:?}");
}

#[tokio::test]
async fn vectors_that_count_are_not_given_up_before_a_process_has_long_tried_to_make_new_ones() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench.put(&faq, "hours.md", "Open nine to five.").await;
    let scribe = bench.knowing("first", Arc::new(FakeEmbed::default()));
    while bench.counting(&faq).await.is_none() {
        assert_ne!(scribe.one(&faq.0, &faq.1).await.unwrap(), Came::Outdone);
    }
    let first = bench.counting(&faq).await.unwrap();
    assert!(!first.model.is_empty());

    // It changed long ago, and another process begins with it now.
    bench.put(&faq, "prices.md", "A haircut costs 12 EUR.").await;
    bench.later(3600);
    let scribe = bench.knowing("second", Arc::new(Stuck::default()));
    for _ in 0..17 {
        scribe.look().await.unwrap();
        assert_eq!(bench.counting(&faq).await.as_ref(), Some(&first));
        bench.later(100);
    }
    bench.later(101);
    scribe.look().await.unwrap();
    let second = bench.counting(&faq).await.unwrap();
    assert!(second.version > first.version && second.model.is_empty());
    assert_eq!(scribe.waiting.len(), 0);

    // Nothing is lost now: the next is written after a minute, from when it is seen.
    bench.put(&faq, "prices.md", "A haircut costs 13 EUR.").await;
    bench.later(3600);
    scribe.look().await.unwrap();
    bench.later(59);
    scribe.look().await.unwrap();
    assert_eq!(bench.counting(&faq).await.as_ref(), Some(&second));
    bench.later(1);
    scribe.look().await.unwrap();
    assert!(bench.counting(&faq).await.unwrap().version > second.version);
}

#[tokio::test]
async fn what_the_model_does_not_speak_is_written_without_waiting_and_once() {
    let bench = Bench::new().await;
    let faq = bench.base("acme", "faq").await;
    bench
        .put(&faq, "zeiten.md", "Wir haben von Montag bis Freitag geöffnet und die Preise sind günstig.")
        .await;
    bench.later(11);
    let scribe = bench.knowing("german", Arc::new(Stuck::default()));
    assert_eq!(scribe.one(&faq.0, &faq.1).await.unwrap(), Came::Written);
    let counting = bench.counting(&faq).await.unwrap();
    let manifest: Manifest = serde_json::from_str(&counting.manifest).unwrap();
    assert!(manifest.model.is_empty(), "no vectors stand in it");
    let model = scribe.search.model();
    let due =
        DueSnapshot { format: FORMAT, model: &model, settled: bench.clock.now(), late: bench.clock.now() };
    assert_eq!(bench.store.base_snapshots_due(due, None, 9).await.unwrap(), [], "none better will come");
}
