//! What a provider says of templates and of business accounts: its last word counts, for each thing that it speaks of.

use millrace::domain::business::{BusinessNews, Matter};
use millrace::domain::ids::TenantId;
use millrace::domain::template::TemplateNews;
use millrace::domain::time::Timestamp;

use super::database::Database;
use super::on_both;

on_both!(
    the_last_word_counts_of_a_status_and_of_a_quality,
    another_category_is_news_for_a_while,
    the_last_word_on_each_matter_of_a_business_account_counts
);

const LONG_AGO: Timestamp = Timestamp::from_millis(0);

fn sale(status: &str, quality: &str) -> TemplateNews {
    let text = str::to_owned;
    TemplateNews {
        name: text("sale"),
        language: text("de"),
        status: text(status),
        reason: String::new(),
        quality: text(quality),
        ..TemplateNews::default()
    }
}

async fn the_last_word_counts_of_a_status_and_of_a_quality(db: Database) {
    let (acme, rival) = (TenantId::from("acme"), TenantId::from("rival"));
    let store = &db.store;
    let told = async |status: &str, quality: &str, at: i64| {
        let at = Timestamp::from_millis(at);
        store.templates_told(&acme, "waba", &[sale(status, quality)], at).await.unwrap();
        let known = store.templates_known(&acme, "waba", LONG_AGO).await.unwrap();
        let [one] = &known[..] else { panic!("{known:?}") };
        (one.status.clone(), one.quality.clone())
    };
    let is = |status: &str, quality: &str| (status.to_owned(), quality.to_owned());
    assert_eq!(told("", "YELLOW", 20).await, is("", "YELLOW"));
    assert_eq!(store.templates(&acme, "waba", "sale").await.unwrap(), [], "nobody said how it stands");
    assert_eq!(told("APPROVED", "", 10).await, is("APPROVED", "YELLOW"), "older, and the first of its kind");
    assert_eq!(told("", "RED", 30).await, is("APPROVED", "RED"));
    assert_eq!(told("", "GREEN", 25).await, is("APPROVED", "RED"), "older news change nothing");
    assert_eq!(told("PAUSED", "", 15).await, is("PAUSED", "RED"));
    assert_eq!(told("APPROVED", "GREEN", 14).await, is("PAUSED", "RED"));
    assert_eq!(told("APPROVED", "GREEN", 40).await, is("APPROVED", "GREEN"), "asked for, both are told");
    assert_eq!(store.templates(&acme, "waba", "sale").await.unwrap(), [sale("APPROVED", "GREEN")]);
    assert_eq!(store.templates_known(&rival, "waba", LONG_AGO).await.unwrap(), []);
}

async fn another_category_is_news_for_a_while(db: Database) {
    let (acme, store) = (TenantId::from("acme"), &db.store);
    let at = Timestamp::from_millis;
    let moved = |category: &str, was: &str| TemplateNews {
        category: category.to_owned(),
        category_was: was.to_owned(),
        ..sale("", "")
    };
    store.templates_told(&acme, "waba", &[sale("APPROVED", "GREEN")], at(10)).await.unwrap();
    store.templates_told(&acme, "waba", &[moved("MARKETING", "UTILITY")], at(20)).await.unwrap();
    store.templates_told(&acme, "waba", &[moved("UTILITY", "AUTHENTICATION")], at(15)).await.unwrap();
    let known = async |since: i64| store.templates_known(&acme, "waba", at(since)).await.unwrap().remove(0);
    let news = known(20).await;
    let (category, category_was) = ("MARKETING".to_owned(), "UTILITY".to_owned());
    assert_eq!(news, TemplateNews { category, category_was, ..sale("APPROVED", "GREEN") });
    assert!(news.is_in_trouble());
    let old = known(21).await;
    assert_eq!((old.category.as_str(), old.category_was.as_str()), ("MARKETING", ""), "no news any more");
    assert!(!old.is_in_trouble());
}

async fn the_last_word_on_each_matter_of_a_business_account_counts(db: Database) {
    let (acme, rival, store) = (TenantId::from("acme"), TenantId::from("rival"), &db.store);
    let said = |matter: Matter, number: &str, which: &str, word: &str, at: i64| BusinessNews {
        matter,
        which: which.to_owned(),
        number: number.to_owned(),
        word: word.to_owned(),
        detail: "a\u{7}b".to_owned(),
        until: (at > 20).then(|| Timestamp::from_millis(at + 1)),
        at: Timestamp::from_millis(at),
    };
    let told = async |news: &[BusinessNews]| store.business_told(&acme, "waba", news).await.unwrap();
    told(&[said(Matter::Standing, "155", "", "FLAGGED", 20), said(Matter::Ban, "", "", "DISABLE", 30)]).await;
    told(&[said(Matter::Standing, "155", "", "UNFLAGGED", 10)]).await;
    told(&[said(Matter::Ban, "", "", "REINSTATE", 31), said(Matter::Standing, "156", "", "FLAGGED", 40)])
        .await;
    told(&[said(Matter::Restriction, "", "A", "X", 25), said(Matter::Restriction, "", "B", "X", 26)]).await;
    let known = async |tenant: &TenantId, number: &str| {
        let news = store.business_news(tenant, "waba", number).await.unwrap();
        news.iter().map(|it| format!("{} {}{}", it.matter.as_str(), it.which, it.word)).collect::<Vec<_>>()
    };
    let whole = ["ban REINSTATE", "restriction BX", "restriction AX"];
    assert_eq!(known(&acme, "155").await, [&whole[..], &["standing FLAGGED"]].concat());
    assert_eq!(known(&acme, "156").await, [&["standing FLAGGED"], &whole[..]].concat());
    assert_eq!(known(&acme, "").await, whole, "a number that nobody told");
    assert_eq!(known(&rival, "155").await, [""; 0]);
    let ban = store.business_news(&acme, "waba", "").await.unwrap().remove(0);
    assert_eq!((ban.detail.as_str(), ban.until), ("a b", Some(Timestamp::from_millis(32))));

    // The number is learned beside the business account, and stays when an event does not tell it.
    let account = "77".into();
    for (number, known) in [("", ""), ("155", "155"), ("", "155"), ("156", "156")] {
        store.learn_business(&acme, &account, "waba", number).await.unwrap();
        let found = store.business(&acme, &account).await.unwrap();
        assert_eq!(found, Some(("waba".to_owned(), known.to_owned())));
    }
}
