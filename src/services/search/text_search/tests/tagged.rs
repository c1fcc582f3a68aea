//! A bot that is limited to the documents of some tags hears nothing of the others.

use super::meaning::by_meaning;
use super::*;

fn tagged(name: &str, text: &str, tags: &[&str]) -> Document {
    Document { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..document(name, text) }
}

fn manuals(tags: &[&str]) -> Corpus {
    let mut documents = vec![
        tagged("shop.md", "A haircut costs 12 EUR in the shop.", &["Shop", "prices"]),
        tagged("depot.md", "A haircut costs 99 EUR in the depot.", &["depot"]),
        tagged("plain.md", "A haircut costs nothing on Mondays.", &[]),
    ];
    // So many that what is wanted is none of the nearest hundred.
    let crowd = (0..150).map(|n| {
        tagged(&format!("other{n}.md"), &format!("A haircut costs {n} EUR at branch {n}."), &["branch"])
    });
    documents.extend(crowd);
    let base =
        KnowledgeBase { tenant: "t".into(), base: "manuals".into(), version: 1, documents, pinned: vec![] };
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Corpus::tagged(Arc::new(base), &tags)
}

async fn names(search: &TextSearch, corpus: &Corpus) -> Vec<String> {
    let found = search.explore(std::slice::from_ref(corpus), "haircut costs EUR", 100).await.unwrap();
    let mut names: Vec<String> =
        found.candidates().iter().filter_map(|c| found.document(c)).map(str::to_owned).collect();
    names.sort();
    names
}

async fn tags_filter(search: &TextSearch) {
    assert_eq!(names(search, &manuals(&["shop"])).await, ["shop.md"], "in any case");
    assert_eq!(names(search, &manuals(&["depot", "Prices"])).await, ["depot.md", "shop.md"]);
    assert_eq!(names(search, &manuals(&["nobody"])).await, [""; 0]);
    assert!(names(search, &manuals(&[])).await.len() >= 100, "no tags, no limit");
}

#[tokio::test]
async fn by_words() {
    tags_filter(&search()).await;
}

#[tokio::test]
async fn by_meaning_too() {
    let folder = tempfile::tempdir().unwrap();
    let search = by_meaning(folder.path(), 1);
    search.profile(manuals(&[])).await.unwrap();
    while search.vector_bytes(manuals(&[])).is_none() {
        tokio::task::yield_now().await;
    }
    let found = search.explore(&[manuals(&["shop"])], "haircut", 100).await.unwrap();
    assert!(found.weight() > 0.0 && found.candidates()[0].cosine.is_some(), "{found:?}");
    tags_filter(&search).await;
    let grounded = search.ground(&[manuals(&["depot"])], "how much is a haircut", 9).await.unwrap();
    assert_eq!(grounded.passages.len(), 1, "{grounded:?}");
    assert!(grounded.passages[0].text.contains("99 EUR"));
}
