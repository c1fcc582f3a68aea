//! Languages without spaces or without English letters, and questions that nobody would ask.

use super::meaning::with_vectors;
use super::*;

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
        let found = search.ground(&own(&bot), question, 1).await.unwrap().passages;
        assert_eq!(found.first().map(|p| p.document.as_str()), Some(name), "{question}");
    }
}

#[tokio::test]
async fn words_inside_of_other_scripts_are_found() {
    let search = search();
    let documents = vec![
        document("phone", "使用iPhone12手机时请先充电。"),
        document("price", "ราคา500บาทต่อคน"),
        document("fee", "서울까지 배송비는 3000원입니다."),
        document("visa", "我们的退货期限是三十天。"),
    ];
    let bot = bot("t", "b", 1, documents);
    for (question, name) in
        [("iPhone12", "phone"), ("500?", "price"), ("배송비 얼마", "fee"), ("退货期限多长", "visa")]
    {
        let found = search.ground(&own(&bot), question, 1).await.unwrap().passages;
        assert_eq!(found.first().map(|p| p.document.as_str()), Some(name), "{question}");
    }
}

#[tokio::test]
async fn no_question_is_too_long_or_too_odd() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Reads::default());
    let embed = Arc::clone(&seen);
    let weights = BTreeMap::from([("en".to_owned(), 0.5)]);
    let meaning = Meaning { embed, folder: folder.path().into(), weights, remembered: 10 };
    let (words, both) = (search(), TextSearch::new(SearchConfig::default(), Some(meaning)).unwrap());
    let shop = shop();
    with_vectors(&both, &shop).await;
    let long: String = (0..10_000).map(|n| format!("word{n} ")).collect();
    let late = format!("{long} haircut");
    for search in [&words, &both] {
        let found = search.explore(&own(&shop), &late, 5).await.unwrap();
        assert!(found.candidates().iter().all(|found| found.text <= 0.0), "its end is not read: {found:?}");
        for odd in ["+haircut -price AND (\"", "tenant:* OR owner:[0 TO 9]", "haircut^9~2 \\ {", "haircut\0"]
        {
            let found = search.explore(&own(&shop), odd, 5).await.unwrap();
            let named = found.candidates().iter().filter_map(|found_one| found.document(found_one));
            assert!(named.into_iter().all(|name| ["prices.md", "hours.txt", "faq"].contains(&name)));
        }
        assert!(words.explore(&own(&shop), "?!", 5).await.unwrap().candidates().is_empty());
        assert!(search.ground(&own(&shop), "?!", 5).await.unwrap().passages.is_empty());
    }
    assert!(seen.longest() <= 2_000, "{} bytes went to the model", seen.longest());
}

/// A model that notes how long the longest question was.
#[derive(Debug, Default)]
struct Reads(crate::services::embed::fake::FakeEmbed, std::sync::atomic::AtomicUsize);

impl Reads {
    fn longest(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

impl crate::services::embed::Embed for Reads {
    fn model(&self) -> &crate::services::embed::ModelVersion {
        self.0.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, crate::services::embed::EmbedError> {
        self.1.fetch_max(text.len(), Ordering::Relaxed);
        self.0.question(text)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, crate::services::embed::EmbedError> {
        self.0.passage(text)
    }
}

#[tokio::test]
async fn one_pair_of_many_covers_a_part_of_a_question() {
    let search = search();
    let texts =
        ["我们的营业时间是九点到五点", "商品可以在三十天内退货", "送货费用为四欧元", "会员每年付一次费"];
    let documents = texts.iter().enumerate().map(|(n, text)| document(&format!("d{n}"), text)).collect();
    let bot = bot("t", "b", 1, documents);
    for (question, least, most) in [
        ("营业时间", 0.9, 1.0),
        ("你们的营业时间是什么", 0.7, 1.0),
        // It shares the word for time with a passage, and nothing else.
        ("火星轨道运行周期持续时间", 0.0, 0.2),
    ] {
        let found = search.explore(&own(&bot), question, 5).await.unwrap();
        let sure = found.confidence();
        assert!((least..=most).contains(&sure), "{question}: {sure} {:?}", found.candidates());
    }
}
