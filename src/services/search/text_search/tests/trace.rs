//! What a search tells of itself.

use super::meaning::{by_meaning, with_vectors};
use super::*;
use crate::domain::events::{Fate, MAX_CONSIDERED, MAX_SEARCHED_BYTES, Searched, Verdict};

async fn searched(search: &TextSearch, bot: &Arc<Bot>, question: &str, top: usize) -> Searched {
    search.ground(&own(bot), question, top).await.unwrap().searched
}

fn fates(searched: &Searched, document: &str) -> Vec<Fate> {
    searched.candidates.iter().filter(|one| one.document == document).map(|one| one.fate).collect()
}

#[tokio::test]
async fn every_candidate_says_what_became_of_it() {
    let search = search();
    let paragraph =
        |n: usize| format!("Rule {n} of the garden says that roses are watered daily. ").repeat(17);
    let long = format!("{}\n\n{}", paragraph(1), paragraph(2));
    let tulips = "Tulips of the garden are planted in autumn.";
    let faq = Document {
        qa: vec![Pair { q: "Who waters the garden?".into(), a: "The gardener does.".into() }].into(),
        ..document("faq", "")
    };
    let bot = bot(
        "t",
        "b",
        7,
        vec![document("rules", &long), document("one", tulips), document("two", tulips), faq],
    );
    let found = searched(&search, &bot, "garden roses watered daily rule", 2).await;
    let ranks: Vec<u32> = found.candidates.iter().map(|one| one.rank).collect();
    assert_eq!(ranks, (1..=found.found).collect::<Vec<_>>(), "{found:?}");
    assert!(found.candidates.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(fates(&found, "rules"), [Fate::Carried, Fate::Joined], "{found:?}");
    assert_eq!((found.verdict, found.words_only), (Verdict::Answer, Some(WordsOnly::NoModel)));
    assert!(found.candidates.iter().all(|one| one.generation == 7 && one.cosine.is_none()));

    let found = searched(&search, &bot, "tulips planted in autumn", 1).await;
    let mut said = [fates(&found, "one"), fates(&found, "two")].concat();
    said.sort_by_key(|fate| *fate != Fate::Carried);
    assert_eq!(said, [Fate::Carried, Fate::Duplicate], "{found:?}");
    let found = searched(&search, &bot, "garden", 1).await;
    assert!(found.candidates.iter().any(|one| one.fate == Fate::Rank), "{found:?}");
    let pair = found.candidates.iter().find(|one| one.document == "faq").unwrap();
    assert_eq!((pair.pair, pair.range), (Some(1), None));
    let text = found.candidates.iter().find(|one| one.document == "one").unwrap();
    assert_eq!((text.pair, text.range), (None, Some((0, tulips.len() as u64))));

    let nothing = searched(&search, &bot, "who won five olympic medals in rowing daily", 3).await;
    assert_eq!(nothing.verdict, Verdict::Abstain);
    assert!(!nothing.candidates.is_empty() && nothing.candidates.iter().all(|one| one.fate == Fate::Unsure));
}

#[tokio::test]
async fn what_fits_into_no_prompt_says_so() {
    let search = search();
    let text =
        |n: usize| format!("The parcel number {n} of the depot weighs more than the others do. ").repeat(15);
    let documents = (0..9).map(|n| document(&format!("d{n}"), &text(n))).collect();
    let bot = bot("t", "b", 1, documents);
    let found = searched(&search, &bot, "parcel depot weighs", 9).await;
    let count = |fate: Fate| found.candidates.iter().filter(|one| one.fate == fate).count();
    assert!(count(Fate::Carried) >= 4 && count(Fate::Budget) >= 1, "{found:?}");
}

#[tokio::test]
async fn a_trace_is_bounded_whatever_documents_are_called() {
    let search = search();
    let names = [("plain", "d".to_owned()), ("long", "\"語\\".repeat(200)), ("huge", "x".repeat(9_000))];
    for (kind, name) in names {
        let text = |n: usize| format!("The shop number {n} has the price {n}.");
        let documents = (0..150).map(|n| document(&format!("{name}{n}"), &text(n))).collect();
        let found = searched(&search, &bot("t", kind, 1, documents), "shop number 7 price", 50).await;
        let bytes = serde_json::to_vec(&found).unwrap().len();
        assert!(bytes <= MAX_SEARCHED_BYTES, "{kind}: {bytes} bytes");
        assert!(found.candidates.len() <= MAX_CONSIDERED && found.found >= 100, "{kind}: {}", found.found);
        assert_eq!(found.candidates.is_empty(), kind == "huge");
        assert!(kind != "plain" || found.candidates.len() == MAX_CONSIDERED, "{found:?}");
    }
}

#[tokio::test]
async fn meaning_is_told_where_it_counted_and_why_where_it_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let (search, shop) = (by_meaning(folder.path(), 1), shop());
    with_vectors(&search, &shop).await;
    let found = searched(&search, &shop, "how much is a haircut", 3).await;
    assert_eq!(found.words_only, None);
    assert!(found.weight > 0.0 && found.encode_us.is_some(), "{found:?}");
    assert!(found.candidates.iter().all(|one| one.cosine.is_some()), "{found:?}");
    let russian = bot("t", "ru", 1, vec![document("ru", "Мы доставляем заказы по всей стране за три дня.")]);
    let found = searched(&search, &russian, "доставка заказа", 3).await;
    assert_eq!(found.words_only, Some(WordsOnly::Language));
}
