//! The real index: what it finds, what it never finds, and what it forgets.

use super::*;
use crate::domain::bot::{BotSpec, Document, Pair};

fn bot(tenant: &str, name: &str, version: i64, documents: Vec<Document>) -> Arc<Bot> {
    let spec: BotSpec = serde_json::from_value(serde_json::json!({ "bot": name })).unwrap();
    let spec = BotSpec { documents, ..spec };
    Arc::new(Bot { tenant: tenant.into(), version, enabled: true, spec, accounts: vec![] })
}

fn document(name: &str, text: &str) -> Document {
    Document { name: name.into(), title: String::new(), text: text.into(), file: None, qa: vec![] }
}

fn search() -> TextSearch {
    TextSearch::new(SearchConfig { shards: 2, ..SearchConfig::default() }, None).unwrap()
}

fn shop() -> Arc<Bot> {
    let prices = "# Prices\n\n## Haircut\nA haircut costs 12 EUR.\n\n## Beard\nA beard trim costs 7 EUR.";
    let faq = Document {
        qa: vec![Pair { q: "Do you ship to Norway?".into(), a: "Yes, within five days.".into() }],
        ..document("faq", "")
    };
    bot("t", "shop", 1, vec![document("prices.md", prices), document("hours.txt", "Open nine to five."), faq])
}

#[tokio::test]
async fn the_right_passage_comes_first() {
    let (search, shop) = (search(), shop());
    for (question, document, piece) in [
        ("How much is a haircut?", "prices.md", "12 EUR"),
        ("what does a beard trim cost", "prices.md", "7 EUR"),
        ("when are you OPENING", "hours.txt", "nine"),
        ("shipping to norway", "faq", "five days"),
        ("haircvt price", "prices.md", "12 EUR"),
    ] {
        let found = search.ground(&shop, question, 3).await.unwrap().passages;
        let best = found.first().unwrap_or_else(|| panic!("nothing for {question}"));
        assert!(best.document == document && best.text.contains(piece), "{question}: {found:?}");
        assert!(best.score > 0.0 && best.coverage > 0.4 && best.coverage <= 1.0, "{question}: {best:?}");
    }
    let best = &search.ground(&shop, "haircut", 3).await.unwrap().passages[0];
    assert_eq!(best.title, "prices.md > Prices > Haircut");
}

#[tokio::test]
async fn coverage_tells_a_hit_from_a_chance() {
    let (search, shop) = (search(), shop());
    let hit = &search.ground(&shop, "price of a haircut", 1).await.unwrap().passages[0];
    let question = "who won five olympic medals in rowing";
    let chance = search.explore(&shop, question, 1).await.unwrap().candidates()[0];
    assert!(search.ground(&shop, question, 1).await.unwrap().passages.is_empty());
    assert!(hit.coverage > 0.9, "{hit:?}");
    assert!(chance.coverage < 0.4, "{chance:?}");
    assert!(search.ground(&shop, "zzz qqq", 1).await.unwrap().passages.is_empty());
    assert!(search.ground(&shop, "\" OR tenant:* (", 1).await.unwrap().passages.is_empty());
    assert!(search.ground(&shop, "", 1).await.unwrap().passages.is_empty());
}

#[tokio::test]
async fn nothing_crosses_between_bots() {
    let search = search();
    let names = |n: usize| (format!("tenant{}", n / 3), format!("bot{}", n % 3));
    let bots: Vec<_> = (0..30)
        .map(|n| {
            let (tenant, name) = names(n);
            bot(&tenant, &name, 1, vec![document("same.md", &format!("The secret word is word{n}x."))])
        })
        .collect();
    for (n, bot) in bots.iter().enumerate() {
        let found = search.ground(bot, "secret word", 50).await.unwrap().passages;
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains(&format!("word{n}x")), "{found:?}");
        let of_another = format!("word{}x", (n + 1) % 30);
        let found = search.ground(bot, &of_another, 50).await.unwrap().passages;
        assert!(found.iter().all(|p| p.text.contains(&format!("word{n}x"))), "{found:?}");
    }
}

/// A thousand tenants whose documents have the same names and nearly the same words, each asked for its own secret and
/// for everyone's: whatever is asked, only its own comes back.
#[tokio::test]
async fn a_thousand_tenants_with_the_same_names_stay_apart() {
    const TENANTS: usize = 1000;
    let search = search();
    let text = |n: usize| format!("The opening hours of our shop. The secret word is word{n}x, ask for it.");
    let bots: Vec<_> = (0..TENANTS)
        .map(|n| {
            let documents = vec![document("prices.md", &text(n)), document("hours.md", &text(n))];
            bot(&format!("tenant{n}"), "shop", 1, documents)
        })
        .collect();
    let indexed =
        futures_util::future::join_all(bots.iter().map(|bot| search.ground(bot, "secret", 1))).await;
    assert!(indexed.iter().all(Result::is_ok));
    for (n, bot) in bots.iter().enumerate() {
        let own = format!("word{n}x");
        let neighbour = format!("word{}x", (n + 1) % TENANTS);
        for question in ["opening hours secret word", own.as_str(), neighbour.as_str(), "word", "wrod hoursx"]
        {
            let found = search.explore(bot, question, 5000).await.unwrap();
            let passages: Vec<_> = found.candidates().iter().filter_map(|c| found.passage(c)).collect();
            assert_eq!(passages.len(), found.candidates().len());
            assert!(passages.len() <= 2, "{question}: {} passages", passages.len());
            assert!(passages.iter().all(|p| p.text.contains(&own)), "{question} of {n}: {passages:?}");
        }
        assert_eq!(search.explore(bot, &own, 9).await.unwrap().candidates().len(), 2);
    }
}

#[tokio::test]
async fn scores_do_not_depend_on_neighbours() {
    let alone = search();
    let before = alone.ground(&shop(), "haircut price", 3).await.unwrap().passages;
    for n in 0..20 {
        let other = bot("other", &format!("b{n}"), 1, vec![document("d", "haircut haircut price haircut")]);
        alone.ground(&other, "haircut", 1).await.unwrap();
    }
    assert_eq!(alone.ground(&shop(), "haircut price", 3).await.unwrap().passages, before);
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one() {
    let search = search();
    let v1 = bot("t", "b", 1, vec![document("d", "The price is 10 EUR.")]);
    let v2 = bot("t", "b", 2, vec![document("d", "The price is 11 EUR.")]);
    assert!(search.ground(&v1, "price", 9).await.unwrap().passages[0].text.contains("10"));
    let found = search.ground(&v2, "price", 9).await.unwrap().passages;
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("11"));
    let none = bot("t", "b", 3, vec![]);
    assert!(search.ground(&none, "price", 9).await.unwrap().passages.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_uses_index_once() {
    let search = Arc::new(search());
    let shop = shop();
    let asks = (0..50).map(|_| {
        let (search, shop) = (Arc::clone(&search), Arc::clone(&shop));
        tokio::spawn(async move { search.ground(&shop, "haircut", 1).await.unwrap().passages.len() })
    });
    for ask in futures_util::future::join_all(asks).await {
        assert_eq!(ask.unwrap(), 1);
    }
    assert_eq!(search.passages(), 4, "each passage is there once");
}

#[tokio::test]
async fn memory_is_bounded_and_what_left_comes_back() {
    let config = SearchConfig { shards: 1, max_bots: 3, max_passages: 100, ..SearchConfig::default() };
    let search = TextSearch::new(config, None).unwrap();
    let bots: Vec<_> =
        (0..10).map(|n| bot("t", &format!("b{n}"), 1, vec![document("d", "one passage")])).collect();
    for bot in &bots {
        assert_eq!(search.ground(bot, "passage", 1).await.unwrap().passages.len(), 1);
    }
    assert_eq!(search.passages(), 3);
    assert_eq!(search.ground(&bots[0], "passage", 1).await.unwrap().passages.len(), 1);
    assert_eq!(search.passages(), 3);
}

#[tokio::test]
async fn a_bot_larger_than_its_share_is_cut() {
    let config = SearchConfig { max_passages_per_bot: 5, ..SearchConfig::default() };
    let search = TextSearch::new(config, None).unwrap();
    let text: String = (0..50).map(|n| format!("# H{n}\ntext {n}\n")).collect();
    search.ground(&bot("t", "b", 1, vec![document("d", &text)]), "text", 1).await.unwrap();
    assert_eq!(search.passages(), 5);
}

#[tokio::test]
async fn other_languages_are_found() {
    let search = search();
    let documents = vec![
        document("de", "Wir haben von Montag bis Freitag geöffnet und die Preise sind günstig."),
        document("ru", "Мы доставляем заказы по всей стране за три дня."),
        document("zh", "我们的营业时间是九点到五点"),
        document("fa", "ما از شنبه تا چهارشنبه باز هستیم"),
    ];
    let bot = bot("t", "b", 1, documents);
    for (question, name) in
        [("Preis", "de"), ("доставка заказа", "ru"), ("营业时间?", "zh"), ("شنبه باز هستيد؟", "fa")]
    {
        let found = search.ground(&bot, question, 1).await.unwrap().passages;
        assert_eq!(found.first().map(|p| p.document.as_str()), Some(name), "{question}");
    }
}

/// A search by words and meaning, with vectors of words; `folder` keeps them.
fn by_meaning(folder: &std::path::Path, version: u8) -> TextSearch {
    let embed = Arc::new(crate::services::embed::fake::FakeEmbed::new(version));
    let weights = BTreeMap::from([("en".to_owned(), 0.5)]);
    let meaning = Meaning { embed, folder: folder.into(), weights, remembered: 10 };
    TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap()
}

async fn with_vectors(search: &TextSearch, bot: &Arc<Bot>) {
    search.profile(bot).await.unwrap();
    while search.vector_bytes(bot).is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn meaning_counts_once_the_vectors_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (search, shop) = (by_meaning(folder.path(), 1), shop());
    with_vectors(&search, &shop).await;
    let found = search.explore(&shop, "how much is a haircut", 10).await.unwrap();
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
    let text = "Мы доставляем заказы по всей стране за три дня. Оплата при получении.";
    let bot = bot("t", "ru", 1, vec![document("ru", text)]);
    with_vectors(&search, &bot).await;
    let found = search.explore(&bot, "доставка заказа", 10).await.unwrap();
    assert!(found.weight().abs() < f32::EPSILON && found.candidates()[0].cosine.is_none(), "{found:?}");
}

#[tokio::test]
async fn vectors_of_another_model_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    for version in [1, 1, 2] {
        let search = by_meaning(folder.path(), version);
        with_vectors(&search, &shop).await;
        let found = search.explore(&shop, "A haircut costs 12 EUR.", 1).await.unwrap();
        let cosine = found.candidates()[0].cosine.unwrap();
        assert!(cosine > 0.5, "version {version}: {cosine}");
    }
}

#[tokio::test]
async fn neighbours_are_joined_and_what_is_said_twice_is_carried_once() {
    let search = search();
    let long: String =
        (0..60).map(|n| format!("Rule {n} of the garden is that roses are watered daily. ")).collect();
    let documents = vec![
        document("garden", &long),
        document("one", "Tulips bloom in May."),
        document("two", "Tulips bloom in May."),
    ];
    let bot = bot("t", "b", 1, documents);
    let found = search.ground(&bot, "when do tulips bloom", 9).await.unwrap();
    assert_eq!(found.passages.iter().filter(|p| p.text.contains("Tulips")).count(), 1);
    let found = search.ground(&bot, "rule garden roses watered", 9).await.unwrap();
    let (from, to) = found.passages[0].range.unwrap();
    assert_eq!(found.passages[0].text, long[from as usize..to as usize]);
    assert_eq!(found.passages.iter().filter(|p| p.document == "garden").count(), 1, "{found:?}");
}

#[test]
fn every_zero_is_a_mistake() {
    let mut problems = Problems::default();
    let zeros =
        SearchConfig { shards: 0, max_passages: 0, max_passages_per_bot: 0, max_bots: 0, builders: 0 };
    zeros.validate("search", &mut problems);
    assert_eq!(problems.0.len(), 5);
}
