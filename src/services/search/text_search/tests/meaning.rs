//! What vectors do for a search: when meaning counts, and what becomes of vectors when documents or models change.

use super::*;
use crate::domain::events::Verdict;
use crate::services::embed::{Embed, EmbedError, ModelVersion};
use std::sync::{Condvar, Mutex};

/// A search by words and meaning, with vectors of words; `folder` keeps them.
pub(super) fn by_meaning(folder: &std::path::Path, version: u8) -> TextSearch {
    let embed = Arc::new(crate::services::embed::fake::FakeEmbed::new(version));
    let weights = BTreeMap::from([("en".to_owned(), 0.5)]);
    let meaning = Meaning { embed, folder: folder.into(), weights, remembered: 10 };
    TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap()
}

pub(super) async fn with_vectors(search: &TextSearch, bot: &Arc<Bot>) {
    search.profile(bot).await.unwrap();
    ready(search, bot).await;
}

/// Waits for vectors that were asked for: who asks again indexes again, and what waits begins anew.
async fn ready(search: &TextSearch, bot: &Arc<Bot>) {
    while search.vector_bytes(bot).is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn meaning_counts_once_the_vectors_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (search, shop) = (by_meaning(folder.path(), 1), shop());
    with_vectors(&search, &shop).await;
    let found = search.explore(&own(&shop), "how much is a haircut", 10).await.unwrap();
    assert!(found.weight() > 0.0);
    assert!(found.candidates().iter().all(|candidate| candidate.cosine.is_some()), "{found:?}");
    assert!(found.passage(&found.candidates()[0]).unwrap().text.contains("12 EUR"));
    let rows: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(rows.len(), 1, "one file for the bot");
}

#[tokio::test]
async fn a_language_that_the_model_does_not_speak_is_searched_by_words() {
    let folder = tempfile::tempdir().unwrap();
    let search = by_meaning(folder.path(), 1);
    assert_eq!(search.vectors(&shop()), Vectored::Coming, "nobody knows yet what it speaks");
    let text = "Мы доставляем заказы по всей стране за три дня. Оплата при получении.";
    let bot = bot("t", "ru", 1, vec![document("ru", text)]);
    search.profile(&bot).await.unwrap();
    assert_eq!(search.vectors(&bot), Vectored::Never);
    let found = search.explore(&own(&bot), "доставка заказа", 10).await.unwrap();
    assert!(found.weight().abs() < f32::EPSILON && found.candidates()[0].cosine.is_none(), "{found:?}");
    // Behind it in the one queue: when this one has its vectors, the other would have had its own.
    with_vectors(&search, &shop()).await;
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no vectors for what is searched by words"
    );
}

#[tokio::test]
async fn what_is_asked_for_by_its_name_is_found_however_far_its_meaning_is() {
    let folder = tempfile::tempdir().unwrap();
    let search = by_meaning(folder.path(), 1);
    let filler = |n: usize| {
        let text = format!("The chair number {n} is made of wood and stands in the hall of the house.");
        document(&format!("f{n}"), &text)
    };
    let mut documents: Vec<Document> = (0..150).map(filler).collect();
    let long = "The pump has a seal, a valve, a filter, a motor, a hose, a lid and a stand. ".repeat(3);
    documents.push(document("pump", &format!("{long}Its part is the XK-4711. {long}")));
    let bot = bot("t", "b", 1, documents);
    with_vectors(&search, &bot).await;
    let found = search.explore(&own(&bot), "XK-4711?", 10).await.unwrap();
    let cosine = found.candidates().iter().filter_map(|found| found.cosine).fold(0.0, f32::max);
    assert!(found.weight() > 0.0 && cosine < 0.35, "the model sees nothing in it: {cosine}");
    assert_eq!(found.verdict(), Verdict::Answer, "{}", found.confidence());
    let carried = found.grounding(3).passages;
    assert!(carried.iter().any(|passage| passage.text.contains("XK-4711")), "{carried:?}");
    let other = search.explore(&own(&bot), "XK-4712 pumpkins", 10).await.unwrap();
    assert_eq!(other.verdict(), Verdict::Abstain, "{}", other.confidence());
}

/// A model that works only while its gate is open, and notes what it was given.
#[derive(Debug, Default)]
struct Gated {
    fake: crate::services::embed::fake::FakeEmbed,
    closed: Mutex<bool>,
    opened: Condvar,
    given: Mutex<Vec<String>>,
    /// What its thread had hashed and opened when it was given the last text.
    done: Mutex<(usize, usize)>,
}

impl Gated {
    fn close(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }

    fn given(&self, word: &str) -> Vec<usize> {
        let given = self.given.lock().unwrap();
        given.iter().enumerate().filter(|(_, text)| text.contains(word)).map(|(n, _)| n).collect()
    }
}

impl Embed for Gated {
    fn model(&self) -> &ModelVersion {
        self.fake.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.fake.question(text)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.given.lock().unwrap().push(text.to_owned());
        *self.done.lock().unwrap() = crate::services::search::vectors::work::done();
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        self.fake.passage(text)
    }
}

#[tokio::test]
async fn an_edit_costs_what_changed_and_waits_for_nobody_elses_library() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Gated::default());
    let search = gated(folder.path(), &model);
    let text =
        |what: &str, n: usize| document(&format!("{what}{n}"), &format!("The {what} has the number {n}."));
    let faq: Vec<Document> = (0..30).map(|n| text("hammer", n)).collect();
    with_vectors(&search, &bot("small", "faq", 1, faq.clone())).await;
    assert_eq!(model.given("hammer").len(), 30);

    model.close(true);
    let library = bot("large", "library", 1, (0..300).map(|n| text("book", n)).collect());
    search.profile(&library).await.unwrap();
    while model.given("book").is_empty() {
        tokio::task::yield_now().await;
    }
    let early = search.explore(&own(&library), "the number 7", 3).await.unwrap();
    assert_eq!(early.words_only(), Some(WordsOnly::NoVectors), "they are still being made");
    let mut edited = faq;
    edited.remove(7);
    edited.push(text("saw", 31));
    let edited = bot("small", "faq", 2, edited);
    search.profile(&edited).await.unwrap();
    assert_eq!(search.vectors(&edited), Vectored::Coming);
    model.close(false);
    ready(&search, &edited).await;
    ready(&search, &library).await;
    assert_eq!(model.given("hammer").len(), 30, "what stayed is not embedded again");
    let saw = model.given("saw");
    let before = model.given("book").into_iter().filter(|book| *book < saw[0]).count();
    assert!(saw.len() == 1 && before <= 64, "{before} of another tenant's texts came before it");
    assert_eq!(model.given("book").len(), 300, "whoever is interrupted loses nothing");
}

#[tokio::test]
async fn a_library_that_changes_while_it_is_embedded_keeps_what_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Gated::default());
    let search = gated(folder.path(), &model);
    let text = |n: usize| document(&format!("d{n}"), &format!("The book has the number {n}."));
    model.close(true);
    let first = bot("t", "library", 1, (0..90).map(text).collect());
    search.profile(&first).await.unwrap();
    while model.given("book").is_empty() {
        tokio::task::yield_now().await;
    }
    let second = bot("t", "library", 2, (1..91).map(text).collect());
    search.profile(&second).await.unwrap();
    model.close(false);
    with_vectors(&search, &second).await;
    // The first text of the first version was at the model when it was replaced.
    assert_eq!(model.given("book").len(), 91);
}

/// A search by the gated model.
fn gated(folder: &std::path::Path, model: &Arc<Gated>) -> TextSearch {
    let (embed, weights) = (Arc::clone(model), BTreeMap::from([("en".to_owned(), 0.5)]));
    let meaning = Meaning { embed, folder: folder.into(), weights, remembered: 10 };
    TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap()
}

#[tokio::test]
async fn a_library_of_many_turns_is_hashed_once_and_its_file_read_at_its_two_ends() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Gated::default());
    let search = gated(folder.path(), &model);
    let text = |n: usize| document(&format!("d{n}"), &format!("The book has the number {n}."));
    with_vectors(&search, &bot("t", "library", 1, (0..1000).map(text).collect())).await;
    assert_eq!(*model.done.lock().unwrap(), (1000, 1), "sixteen turns before the last text");
    with_vectors(&search, &bot("t", "library", 2, (1..1001).map(text).collect())).await;
    // Its end: what is known is read, and what was written is opened. Then the next version's beginning.
    assert_eq!(*model.done.lock().unwrap(), (2000, 4));
    assert_eq!(model.given("book").len(), 1001);
}

#[tokio::test]
async fn vectors_whose_file_vanishes_while_others_are_made_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Gated::default());
    let search = gated(folder.path(), &model);
    let text = |n: usize| document(&format!("d{n}"), &format!("The book has the number {n}."));
    with_vectors(&search, &bot("t", "library", 1, (0..70).map(text).collect())).await;
    model.close(true);
    let next = bot("t", "library", 2, (0..80).map(text).collect());
    search.profile(&next).await.unwrap();
    while model.given("book").len() < 71 {
        tokio::task::yield_now().await;
    }
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(file.path()).unwrap();
    model.close(false);
    ready(&search, &next).await;
    let found = search.explore(&own(&next), "the number 79", 10).await.unwrap();
    assert!(found.candidates().iter().all(|candidate| candidate.cosine.is_some()), "{found:?}");
    assert_eq!(model.given("book").len(), 70 + 10 + 70, "the lost ones once more, the new ones once");
}

#[tokio::test]
async fn cosines_of_a_language_that_the_model_does_not_speak_leave_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    let search = by_meaning(folder.path(), 1);
    // Near one another by nearly all of their words, and each about a thing of its own.
    let about = |what: &str| {
        format!("Der Preis ist der Preis und der Preis ist der Preis, und das ist der Preis für die {what}.")
    };
    let english = "We are open from nine to five and you can park behind the house.";
    let documents = vec![
        document("a", &about("Schere")),
        document("b", &about("Bürste")),
        document("c", "Wir haben von neun bis fünf geöffnet und Sie können hinter dem Haus parken."),
        document("d", english),
    ];
    let bot = bot("t", "b", 1, documents);
    with_vectors(&search, &bot).await;
    let grounded = search.ground(&own(&bot), "Was ist der Preis für Schere und Bürste?", 9).await.unwrap();
    let names: Vec<_> = grounded.passages.iter().map(|passage| passage.document.as_str()).collect();
    assert!(names.contains(&"a") && names.contains(&"b"), "{names:?}");
}

#[tokio::test]
async fn vectors_of_another_model_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    for version in [1, 1, 2] {
        let search = by_meaning(folder.path(), version);
        with_vectors(&search, &shop).await;
        let found = search.explore(&own(&shop), "A haircut costs 12 EUR.", 1).await.unwrap();
        let cosine = found.candidates()[0].cosine.unwrap();
        assert!(cosine > 0.5, "version {version}: {cosine}");
    }
}

#[tokio::test]
async fn vectors_of_what_was_removed_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (search, shop) = (by_meaning(folder.path(), 1), shop());
    let faq = base("t", "faq", 1, vec![document("a.md", "A shoe costs 12 EUR.")]);
    with_vectors(&search, &shop).await;
    search.profile(faq.clone()).await.unwrap();
    while search.vector_bytes(faq.clone()).is_none() {
        tokio::task::yield_now().await;
    }
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files(), 2);
    let shop_only = [("t".into(), shop_id())];
    assert_eq!(search.keep_vectors_of(&shop_only, Duration::from_secs(60)).unwrap(), 0, "too young");
    assert_eq!(search.keep_vectors_of(&shop_only, Duration::ZERO).unwrap(), 1);
    assert_eq!(files(), 1);
    assert_eq!(search.keep_vectors_of(&[], Duration::ZERO).unwrap(), 1);
}

fn shop_id() -> crate::domain::knowledge::CorpusId {
    crate::domain::knowledge::CorpusId::Own("shop".into())
}
