//! What a provider says of templates: its last word counts, for the status and for the quality each.

use millrace::domain::ids::TenantId;
use millrace::domain::template::TemplateNews;
use millrace::domain::time::Timestamp;

use super::database::Database;
use super::on_both;

on_both!(the_last_word_counts_of_a_status_and_of_a_quality);

fn sale(status: &str, quality: &str) -> TemplateNews {
    let text = str::to_owned;
    TemplateNews {
        name: text("sale"),
        language: text("de"),
        status: text(status),
        reason: String::new(),
        quality: text(quality),
    }
}

async fn the_last_word_counts_of_a_status_and_of_a_quality(db: Database) {
    let (acme, rival) = (TenantId::from("acme"), TenantId::from("rival"));
    let store = &db.store;
    let told = async |status: &str, quality: &str, at: i64| {
        let at = Timestamp::from_millis(at);
        store.templates_told(&acme, "waba", &[sale(status, quality)], at).await.unwrap();
        let known = store.templates_known(&acme, "waba").await.unwrap();
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
    assert_eq!(store.templates_known(&rival, "waba").await.unwrap(), []);
}
