//! Finding rules by meaning, on a fake model.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use super::*;
use crate::domain::bot::BotSpec;
use crate::services::embed::ModelVersion;
use crate::services::embed::fake::FakeEmbed;

/// A model that can be held up, that fails when told to, and that counts.
#[derive(Debug, Default)]
struct Model {
    fake: FakeEmbed,
    held: Mutex<bool>,
    let_go: Condvar,
    fails: AtomicBool,
    passages: AtomicUsize,
}

impl Model {
    fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.let_go.notify_all();
    }

    fn pass(&self) -> Result<(), EmbedError> {
        drop(self.let_go.wait_while(self.held.lock().unwrap(), |held| *held).unwrap());
        let fails = self.fails.load(Ordering::Relaxed);
        if fails { Err(EmbedError::Run("told to".into())) } else { Ok(()) }
    }
}

impl Embed for Model {
    fn model(&self) -> &ModelVersion {
        self.fake.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.pass()?;
        self.fake.question(text)
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.passages.fetch_add(1, Ordering::Relaxed);
        self.pass()?;
        self.fake.passage(text)
    }
}

const SCRIPTS: &str = "
- {name: order, when: [{examples: [where is my order, when does my order come]}], reply: [x]}
- {name: refund, when: [{examples: [give me my money back, the money was not paid back]}], reply: [x]}
- {name: hours, when: [{any: [open]}], reply: [x]}
- {name: farsi, when: [{examples: [سفارش من کجاست]}], reply: [x]}
";

fn bot(tenant: &str, version: i64) -> Arc<Bot> {
    let scripts = serde_saphyr::from_str(SCRIPTS).unwrap();
    let spec = BotSpec { scripts, ..BotSpec::named("shop".into()) };
    Arc::new(Bot {
        tenant: tenant.into(),
        version,
        enabled: true,
        spec,
        accounts: Vec::new(),
        bases: Vec::new(),
    })
}

fn classifier() -> (Arc<Model>, Classifier) {
    let model = Arc::new(Model::default());
    let classifier = Classifier::new(Arc::clone(&model) as _, BTreeMap::from([("en".to_owned(), 0.5)]));
    (model, classifier)
}

#[tokio::test]
async fn what_means_an_example_is_found_and_what_means_nothing_is_refused() {
    let (_, classifier) = classifier();
    let bot = bot("acme", 1);
    let meant = classifier.classify(&bot, "my order, where is it").await;
    assert_eq!(meant.rule.as_deref(), Some("order"), "{}", meant.note);
    assert!(meant.note.starts_with("examples: order 0."), "{}", meant.note);
    assert!(
        meant.note.contains("next refund") && meant.note.contains("(needs 0.50, 0.03 ahead)"),
        "{}",
        meant.note
    );
    let meant = classifier.classify(&bot, "who won the match").await;
    assert_eq!(meant.rule, None);
    assert!(meant.note.ends_with("refused"), "{}", meant.note);
}

#[tokio::test]
async fn vectors_are_made_once_for_each_version_of_each_tenants_bot() {
    let (model, classifier) = classifier();
    let first = bot("acme", 1);
    for _ in 0..3 {
        assert!(classifier.classify(&first, "where is my order").await.rule.is_some());
    }
    assert_eq!(model.passages.load(Ordering::Relaxed), 4, "Persian is not the model's");
    for other in [bot("acme", 2), bot("zeta", 1)] {
        assert!(classifier.classify(&other, "where is my order").await.rule.is_some());
    }
    assert_eq!(model.passages.load(Ordering::Relaxed), 12);
}

#[tokio::test]
async fn a_model_that_is_busy_or_fails_is_said_and_asked_again_later() {
    let (model, classifier) = classifier();
    let bot = bot("acme", 1);
    model.hold(true);
    let note = classifier.classify(&bot, "where is my order").await.note;
    assert_eq!(note, "examples word for word: their vectors are being made");
    model.fails.store(true, Ordering::Relaxed);
    model.hold(false);
    let note = loop {
        let note = classifier.classify(&bot, "where is my order").await.note;
        if !note.contains("being made") {
            break note;
        }
    };
    assert_eq!(note, "examples word for word: the model failed");
    model.fails.store(false, Ordering::Relaxed);
    while classifier.classify(&bot, "where is my order").await.rule.is_none() {}
    model.hold(true);
    let note = classifier.classify(&bot, "where is my order").await.note;
    model.hold(false);
    assert_eq!(note, "examples word for word: the model was busy");
}

#[test]
fn rules_in_other_languages_are_left_to_their_words() {
    let rules: Vec<Rule> = serde_saphyr::from_str(SCRIPTS).unwrap();
    let weights = BTreeMap::from([("en".to_owned(), 0.5)]);
    let learned = learn(&FakeEmbed::default(), &weights, &rules).unwrap();
    assert_eq!((learned.intents.examples(), learned.unspoken), (4, vec!["farsi".to_owned()]));
    let learned = learn(&FakeEmbed::default(), &BTreeMap::new(), &rules).unwrap();
    assert_eq!((learned.intents.examples(), learned.unspoken.len()), (0, 3));
}
