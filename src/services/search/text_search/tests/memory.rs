//! What documents take of the process's own memory, so that nobody makes it more without a word.

use super::*;
use crate::domain::body::Texts;
use crate::services::search::Scratch;

fn base(name: &str, documents: Vec<Document>) -> Corpus {
    let base =
        KnowledgeBase { tenant: "acme".into(), base: name.into(), version: 1, documents, pinned: Vec::new() };
    Corpus::Base(Arc::new(base))
}

/// A price list of so many items, a passage each.
fn items(count: usize) -> Vec<Document> {
    let text =
        |n: usize| format!("Item {n} costs {} EUR and is sent within {} days to any address.", n % 90, n % 7);
    let one = |n| Document {
        title: format!("Everything that there is to know about item number {n}").into(),
        ..Document::text(format!("item-{n}.md"), text(n))
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn a_passage_takes_few_bytes_of_memory() {
    const PASSAGES: usize = 20_000;
    let parent = tempfile::tempdir().unwrap();
    let scratch = Arc::new(Scratch::new(parent.path()));
    let config = || SearchConfig { shards: 1, max_passages_per_bot: PASSAGES, ..SearchConfig::default() };
    let mut documents = items(PASSAGES);
    scratch.lay(&mut documents);
    let corpus = base("items", documents);
    let search = TextSearch::new(config(), None).unwrap().with_scratch(&scratch).unwrap();
    search.prepare(&corpus).await.unwrap();
    assert_eq!(search.passages(), PASSAGES as u64);
    let found = search.ground(std::slice::from_ref(&corpus), "what does item 17117 cost", 3).await.unwrap();
    assert_eq!(found.passages[0].document, "item-17117.md");
    let of_documents: usize = search.shards[0].0.view().residents.values().map(|one| one.own_bytes()).sum();
    let (each, whole) = (of_documents / PASSAGES, search.own_bytes() / PASSAGES);
    assert!(each <= 156, "{each} bytes a passage of names, places and figures");
    assert!(whole <= 240, "{whole} bytes a passage with what of the index is in memory");
    // Without files it is much more: this test can fail.
    let in_memory = base("items", items(PASSAGES));
    let search = TextSearch::new(config(), None).unwrap();
    search.prepare(&in_memory).await.unwrap();
    assert!(search.own_bytes() / PASSAGES > 2 * whole, "{}", search.own_bytes() / PASSAGES);
}

#[tokio::test]
async fn ten_thousand_small_knowledge_bases_take_less_than_ten_megabytes() {
    // As many as make the others' share visible; ten times as many take ten times as much.
    const BASES: usize = 1_000;
    let parent = tempfile::tempdir().unwrap();
    let scratch = Arc::new(Scratch::new(parent.path()));
    let search = TextSearch::new(SearchConfig::default(), None).unwrap().with_scratch(&scratch).unwrap();
    assert!(search.own_bytes() < 100_000, "what nobody asks for takes nothing: {}", search.own_bytes());
    let bases: Vec<Corpus> = (0..BASES)
        .map(|n| base(&format!("shop-{n}"), vec![document("prices.md", &format!("A haircut is {n} EUR."))]))
        .collect();
    let asked = bases.iter().map(|base| search.prepare(base));
    futures_util::future::try_join_all(asked).await.unwrap();
    let each = search.own_bytes() / BASES;
    assert!(each < 1_000, "{each} bytes for each that was asked once and is idle since");
    let found = search.ground(&bases[617..618], "what is a haircut", 3).await.unwrap();
    assert_eq!(found.passages[0].text, "A haircut is 617 EUR.");
}
