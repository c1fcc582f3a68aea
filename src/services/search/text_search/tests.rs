//! The real index: what it finds, what it never finds, and what it forgets.

mod languages;
mod meaning;
mod memory;
mod tagged;
mod trace;

use super::*;
use crate::domain::bot::{Bot, BotSpec, Document, Pair};
use crate::domain::knowledge::KnowledgeBase;

fn bot(tenant: &str, name: &str, version: i64, documents: Vec<Document>) -> Arc<Bot> {
    let spec: BotSpec = serde_json::from_value(serde_json::json!({ "bot": name })).unwrap();
    let spec = BotSpec { documents, ..spec };
    Arc::new(Bot { tenant: tenant.into(), version, enabled: true, spec, accounts: vec![], bases: vec![] })
}

fn own(bot: &Arc<Bot>) -> [Corpus; 1] {
    [bot.into()]
}

fn document(name: &str, text: &str) -> Document {
    Document::text(name, text)
}

fn search() -> TextSearch {
    TextSearch::new(SearchConfig { shards: 2, ..SearchConfig::default() }, None).unwrap()
}

fn shop() -> Arc<Bot> {
    let prices = "# Prices\n\n## Haircut\nA haircut costs 12 EUR.\n\n## Beard\nA beard trim costs 7 EUR.";
    let faq = Document {
        qa: vec![Pair { q: "Do you ship to Norway?".into(), a: "Yes, within five days.".into() }].into(),
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
        let found = search.ground(&own(&shop), question, 3).await.unwrap().passages;
        let best = found.first().unwrap_or_else(|| panic!("nothing for {question}"));
        assert!(best.document == document && best.text.contains(piece), "{question}: {found:?}");
        assert!(best.score > 0.0 && best.coverage > 0.4 && best.coverage <= 1.0, "{question}: {best:?}");
    }
    let best = &search.ground(&own(&shop), "haircut", 3).await.unwrap().passages[0];
    assert_eq!(best.title, "prices.md > Prices > Haircut");
}

#[tokio::test]
async fn coverage_tells_a_hit_from_a_chance() {
    let (search, shop) = (search(), shop());
    let hit = &search.ground(&own(&shop), "price of a haircut", 1).await.unwrap().passages[0];
    let question = "who won five olympic medals in rowing";
    let chance = search.explore(&own(&shop), question, 1).await.unwrap().candidates()[0];
    assert!(search.ground(&own(&shop), question, 1).await.unwrap().passages.is_empty());
    assert!(hit.coverage > 0.9, "{hit:?}");
    assert!(chance.coverage < 0.4, "{chance:?}");
    assert!(search.ground(&own(&shop), "zzz qqq", 1).await.unwrap().passages.is_empty());
    assert!(search.ground(&own(&shop), "\" OR tenant:* (", 1).await.unwrap().passages.is_empty());
    assert!(search.ground(&own(&shop), "", 1).await.unwrap().passages.is_empty());
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
        let found = search.ground(&own(bot), "secret word", 50).await.unwrap().passages;
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains(&format!("word{n}x")), "{found:?}");
        let of_another = format!("word{}x", (n + 1) % 30);
        let found = search.ground(&own(bot), &of_another, 50).await.unwrap().passages;
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
    let indexed = futures_util::future::join_all(
        bots.iter().map(async |bot| search.ground(&own(bot), "secret", 1).await),
    )
    .await;
    assert!(indexed.iter().all(Result::is_ok));
    for (n, bot) in bots.iter().enumerate() {
        let own = format!("word{n}x");
        let neighbour = format!("word{}x", (n + 1) % TENANTS);
        for question in ["opening hours secret word", own.as_str(), neighbour.as_str(), "word", "wrod hoursx"]
        {
            let found = search.explore(&[bot.into()], question, 5000).await.unwrap();
            let passages: Vec<_> = found.candidates().iter().filter_map(|c| found.passage(c)).collect();
            assert_eq!(passages.len(), found.candidates().len());
            assert!(passages.len() <= 2, "{question}: {} passages", passages.len());
            assert!(passages.iter().all(|p| p.text.contains(&own)), "{question} of {n}: {passages:?}");
        }
        assert_eq!(search.explore(&[bot.into()], &own, 9).await.unwrap().candidates().len(), 2);
    }
}

#[tokio::test]
async fn scores_do_not_depend_on_neighbours() {
    let alone = search();
    let before = alone.ground(&own(&shop()), "haircut price", 3).await.unwrap().passages;
    for n in 0..20 {
        let other = bot("other", &format!("b{n}"), 1, vec![document("d", "haircut haircut price haircut")]);
        alone.ground(&own(&other), "haircut", 1).await.unwrap();
    }
    assert_eq!(alone.ground(&own(&shop()), "haircut price", 3).await.unwrap().passages, before);
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one() {
    let search = search();
    let v1 = bot("t", "b", 1, vec![document("d", "The price is 10 EUR.")]);
    let v2 = bot("t", "b", 2, vec![document("d", "The price is 11 EUR.")]);
    assert!(search.ground(&own(&v1), "price", 9).await.unwrap().passages[0].text.contains("10"));
    let found = search.ground(&own(&v2), "price", 9).await.unwrap().passages;
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("11"));
    let none = bot("t", "b", 3, vec![]);
    assert!(search.ground(&own(&none), "price", 9).await.unwrap().passages.is_empty());
}

#[tokio::test]
async fn a_later_tenant_of_the_same_id_gets_nothing_of_the_one_before() {
    let search = search();
    let before = bot("t", "b", 1, vec![document("d", "The price is 10 EUR.")]);
    let later = bot("t", "b", 1, vec![document("d", "The price is 11 EUR.")]);
    assert!(search.ground(&own(&before), "price", 9).await.unwrap().passages[0].text.contains("10"));
    let found = search.ground(&own(&later), "price", 9).await.unwrap().passages;
    assert!(found.len() == 1 && found[0].text.contains("11"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_uses_index_once() {
    let search = Arc::new(search());
    let shop = shop();
    let asks = (0..50).map(|_| {
        let (search, shop) = (Arc::clone(&search), Arc::clone(&shop));
        tokio::spawn(async move { search.ground(&own(&shop), "haircut", 1).await.unwrap().passages.len() })
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
        assert_eq!(search.ground(&own(bot), "passage", 1).await.unwrap().passages.len(), 1);
    }
    assert_eq!(search.passages(), 3);
    assert_eq!(search.ground(&own(&bots[0]), "passage", 1).await.unwrap().passages.len(), 1);
    assert_eq!(search.passages(), 3);
}

#[tokio::test]
async fn a_bot_larger_than_its_share_is_cut() {
    let config = SearchConfig { max_passages_per_bot: 5, ..SearchConfig::default() };
    let search = TextSearch::new(config, None).unwrap();
    let text: String = (0..50).map(|n| format!("# H{n}\ntext {n}\n")).collect();
    search.ground(&own(&bot("t", "b", 1, vec![document("d", &text)])), "text", 1).await.unwrap();
    assert_eq!(search.passages(), 5);
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
    let found = search.ground(&own(&bot), "when do tulips bloom", 9).await.unwrap();
    assert_eq!(found.passages.iter().filter(|p| p.text.contains("Tulips")).count(), 1);
    let found = search.ground(&own(&bot), "rule garden roses watered", 9).await.unwrap();
    let (from, to) = found.passages[0].range.unwrap();
    assert_eq!(found.passages[0].text, long[from as usize..to as usize]);
    assert_eq!(found.passages.iter().filter(|p| p.document == "garden").count(), 1, "{found:?}");
}

#[tokio::test]
async fn copies_with_a_word_of_difference_are_carried_once() {
    let search = search();
    let terms = |place: &str, price: &str| {
        format!(
            "Parcels leave our {place} every working day before noon. A parcel inside of the country takes two days \
             and one abroad takes about a week, Saturdays and Sundays left out. Delivery costs {price} EUR, whatever \
             a parcel weighs, and nothing where an order is larger than what stands on the page about delivery. \
             Whoever collects an order pays no delivery and shows the number that came by mail."
        )
    };
    let documents = vec![
        document("old.html", &terms("depot", "12")),
        document("new.html", &terms("warehouse", "12")),
        document("dear.html", &terms("depot", "14")),
        document("other.html", "Delivery by bicycle takes an hour and is for the city alone."),
    ];
    let bot = bot("t", "b", 1, documents);
    let found = search.ground(&own(&bot), "what does delivery of a parcel cost", 9).await.unwrap();
    let mut names: Vec<_> = found.passages.iter().map(|passage| passage.document.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.contains(&"dear.html") && names.contains(&"other.html"),
        "another price is no copy: {names:?}"
    );
}

#[test]
fn every_zero_is_a_mistake() {
    let mut problems = Problems::default();
    let zeros = SearchConfig {
        shards: 0,
        max_passages: 0,
        max_passages_per_bot: 0,
        max_bots: 0,
        builders: 0,
        ..SearchConfig::default()
    };
    zeros.validate("search", &mut problems);
    assert_eq!(problems.0.len(), 5);
}

fn base(tenant: &str, name: &str, version: i64, documents: Vec<Document>) -> Corpus {
    let (tenant, base) = (tenant.into(), name.into());
    Corpus::Base(Arc::new(KnowledgeBase { tenant, base, version, documents, pinned: vec![] }))
}

/// A thousand tenants with knowledge bases and documents of the same names: whatever is asked, only its own comes back.
#[tokio::test]
async fn knowledge_bases_of_a_thousand_tenants_stay_apart() {
    const TENANTS: usize = 1000;
    let search = search();
    let text = |n: usize| format!("The opening hours of our shop. The secret word is word{n}x, ask for it.");
    let corpora: Vec<[Corpus; 2]> = (0..TENANTS)
        .map(|n| {
            let tenant = format!("tenant{n}");
            let documents = |name: &str| vec![document(name, &text(n)), document("hours.md", &text(n))];
            // A bot of the same name beside it: the two are no more one than two tenants are.
            [
                base(&tenant, "faq", 1, documents("prices.md")),
                (&bot(&tenant, "faq", 1, documents("own.md"))).into(),
            ]
        })
        .collect();
    let index = corpora.iter().map(async |corpora| search.ground(corpora, "secret", 1).await);
    assert!(futures_util::future::join_all(index).await.iter().all(Result::is_ok));
    for (n, corpora) in corpora.iter().enumerate() {
        let (own, neighbour) = (format!("word{n}x"), format!("word{}x", (n + 1) % TENANTS));
        for question in ["opening hours secret word", own.as_str(), neighbour.as_str()] {
            let found = search.explore(corpora, question, 5000).await.unwrap();
            let passages: Vec<_> = found.candidates().iter().filter_map(|c| found.passage(c)).collect();
            assert_eq!(passages.len(), found.candidates().len());
            assert!(passages.len() <= 4, "{question}: {} passages", passages.len());
            assert!(passages.iter().all(|p| p.text.contains(&own)), "{question} of {n}: {passages:?}");
        }
        let only = search.explore(&corpora[..1], &own, 9).await.unwrap();
        let names: Vec<_> = only.candidates().iter().filter_map(|c| only.document(c)).collect();
        assert_eq!(names, ["prices.md", "hours.md"], "a bot's own documents are not its namesake's");
    }
}

#[tokio::test]
async fn two_corpora_are_searched_as_one() {
    let search = search();
    let filler = |n: usize| document(&format!("f{n}"), &format!("Shoes and hats are sold here, number {n}."));
    let mut all: Vec<Document> = (0..20).map(filler).collect();
    all.push(document("prices.md", "A haircut costs 12 EUR."));
    all.push(document("beard.md", "A beard trim costs 7 EUR."));
    let together = bot("t", "all", 1, all.clone());
    let apart = [base("t", "left", 1, all[..12].to_vec()), base("t", "right", 1, all[12..].to_vec())];
    for question in ["what does a haircut cost", "shoes number 3", "beard"] {
        let one = search.explore(&own(&together), question, 30).await.unwrap();
        let two = search.explore(&apart, question, 30).await.unwrap();
        let named = |found: &Found| -> Vec<(String, i64)> {
            let thousandth = |score: f32| (score * 1000.0).round() as i64;
            let mut all: Vec<_> = found
                .candidates()
                .iter()
                .map(|c| (found.document(c).unwrap().to_owned(), thousandth(c.score)))
                .collect();
            all.sort();
            all
        };
        assert_eq!(named(&one), named(&two), "{question}: scores are those of one index");
        assert!((one.confidence() - two.confidence()).abs() < 1e-4);
    }
    let carried = search.ground(&apart, "what does a haircut cost", 3).await.unwrap().passages;
    assert_eq!(carried[0].base.as_ref().map(|base| base.as_str()), Some("right"));
    assert_eq!(carried[0].generation, Some(1));
    assert_eq!((carried[0].range, carried[0].chars), (Some((0, 23)), Some((0, 23))));
}

#[tokio::test]
async fn what_was_removed_never_answers_again() {
    let search = search();
    let documents = vec![document("a.md", "A shoe costs 12 EUR."), document("b.md", "A hat costs 7 EUR.")];
    let before = [base("t", "faq", 1, documents.clone())];
    assert_eq!(search.ground(&before, "shoe costs", 5).await.unwrap().passages[0].document, "a.md");
    let after = [base("t", "faq", 2, documents[1..].to_vec())];
    let found = search.explore(&after, "shoe costs", 50).await.unwrap();
    assert!(found.candidates().iter().all(|c| found.document(c) == Some("b.md")), "{found:?}");
}
