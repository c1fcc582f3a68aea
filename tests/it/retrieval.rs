//! The guard of fusion: what is found by words and meaning together is never worse than what words alone find, in any
//! language.
//!
//! The small collections here always run, with a model that knows nothing of most languages. The real ones run where there is a
//! model and where they lie: `MILLRACE_TEST_MODELS` is a folder as `models fetch` fills it, `MILLRACE_TEST_COLLECTIONS` a folder
//! of collections as `bench retrieve` takes them. What was left out is said.

mod small;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace::app::collection::Collection;
use millrace::app::collection::measure::{Answer, ask, bot, quality, wait_for_vectors};
use millrace::services::embed::fake::FakeEmbed;
use millrace::services::embed::{Embed, EmbedConfig, EmbedError, ModelVersion, OnnxEmbed};
use millrace::services::search::{Meaning, Scratch, SearchConfig, TextSearch};

/// A mean may come out a hair lower where two documents score the same.
const HAIR: f64 = 0.000_1;

/// A model that puts every text somewhere at random: the worst that a model can be in a language that it doesn't speak.
#[derive(Debug, Default)]
struct Noise(FakeEmbed);

impl Embed for Noise {
    fn model(&self) -> &ModelVersion {
        self.0.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        // One word that no other text has.
        self.0.question(blake3::hash(text.as_bytes()).to_hex().as_str())
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.question(text)
    }
}

/// A model that is fair to these texts and puts all others somewhere at random.
#[derive(Debug)]
struct Speaks(Vec<String>);

impl Embed for Speaks {
    fn model(&self) -> &ModelVersion {
        static MODEL: std::sync::LazyLock<FakeEmbed> = std::sync::LazyLock::new(FakeEmbed::default);
        MODEL.model()
    }

    fn question(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        if self.0.iter().any(|known| text.contains(known)) {
            FakeEmbed::default().question(text)
        } else {
            Noise::default().question(text)
        }
    }

    fn passage(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.question(text)
    }
}

/// nDCG@10 of a collection by words alone and by both, and whether meaning counted at all.
async fn measure(
    collection: &Collection,
    embed: Arc<dyn Embed>,
    weights: BTreeMap<String, f32>,
) -> (f64, f64, bool) {
    let folder = tempfile::tempdir().unwrap();
    let meaning = Meaning { embed, folder: folder.path().into(), weights, remembered: 10 };
    let config = SearchConfig::default;
    let scratch = Arc::new(Scratch::new(folder.path().join("scratch")));
    let search = |meaning| TextSearch::new(config(), meaning).unwrap().with_scratch(&scratch).unwrap();
    let (words, both) = (search(None), search(Some(meaning)));
    let bot = bot(collection.docs.iter().cloned(), &*scratch);
    both.profile(&bot).await.unwrap();
    wait_for_vectors(&both, &bot).await;
    let mut means = Vec::new();
    for search in [&words, &both] {
        let mut answers: Vec<(_, Answer)> = Vec::new();
        for query in &collection.queries {
            answers.push((query, ask(search, &bot, &query.text).await.unwrap()));
        }
        means.push(quality(collection, &answers).ndcg_at_10.expect("a collection has judgements"));
    }
    let first = &collection.queries[0].text;
    let counted = both.explore(&[(&bot).into()], first, 10).await.unwrap().weight() > 0.0;
    (means[0], means[1], counted)
}

#[tokio::test]
async fn both_are_never_below_words_in_any_language() {
    let weights = EmbedConfig::default().weights;
    let mut harmed = 0;
    for (language, collection) in small::collections() {
        // A fair model where the weights say that it counts, a useless one where they don't.
        let speaks = weights.get(language).is_some_and(|weight| *weight > 0.0);
        let embed = || {
            if speaks { Arc::new(FakeEmbed::default()) as Arc<dyn Embed> } else { Arc::new(Noise::default()) }
        };
        let (words, both, counted) = measure(&collection, embed(), weights.clone()).await;
        assert!(words > 0.8, "{language}: words alone find little, {words:.3}: the collection is no measure");
        assert!(both >= words - HAIR, "{language}: {both:.3} by both is below {words:.3} by words");
        assert_eq!(
            counted, speaks,
            "{language}: meaning counts where the model speaks the language, and nowhere else"
        );
        // The measure itself: a model that counts and knows nothing does harm.
        let all = BTreeMap::from([(language.to_owned(), 0.9)]);
        let (_, worse, counted) = measure(&collection, Arc::new(Noise::default()), all).await;
        assert!(counted, "{language} was taken for another language");
        harmed += usize::from(worse < words - HAIR);
    }
    assert!(harmed >= 6, "noise that counts 0.9 did harm in {harmed} languages: this test could not fail");
}

#[tokio::test]
async fn both_are_never_below_words_where_languages_are_mixed() {
    let of = |language: &str| small::collections().into_iter().find(|(one, _)| *one == language).unwrap().1;
    let texts = |collection: &Collection| {
        let docs = collection.docs.iter().map(|doc| doc.text.clone());
        docs.chain(collection.queries.iter().map(|query| query.text.clone())).collect()
    };
    let embed: Arc<dyn Embed> = Arc::new(Speaks(texts(&of("en"))));
    for others in [["de", "ru"], ["fa", "es"], ["ar", "fr"], ["sv", "tr"]] {
        let all = small::mixed(&["en", others[0], others[1]]);
        // One kind of question at a time: what one language gains must not hide what another loses.
        for language in ["en", others[0], others[1]] {
            let asked = all.only_of(language);
            let weights = EmbedConfig::default().weights;
            let (words, both, counted) = measure(&asked, Arc::clone(&embed), weights).await;
            assert!(words > 0.7, "{language} of {others:?}: words alone find little, {words:.3}");
            assert!(both >= words - HAIR, "{language} of {others:?}: {both:.3} is below {words:.3} by words");
            assert_eq!(counted, language == "en", "{language} of {others:?}");
        }
    }
}

#[tokio::test]
async fn both_are_never_below_words_on_real_collections() {
    let (models, folders) = (folder("MILLRACE_TEST_MODELS"), folder("MILLRACE_TEST_COLLECTIONS"));
    let embed = models.as_deref().map(OnnxEmbed::open);
    let (Some(Ok(embed)), Some(folders)) = (embed, folders) else {
        // Whoever named a folder wanted it used.
        if let Some(models) = &models {
            assert!(OnnxEmbed::open(models).is_ok(), "{} holds no model", models.display());
        }
        eprintln!("left out: real collections (set MILLRACE_TEST_MODELS and MILLRACE_TEST_COLLECTIONS)");
        // What they would be measured with has to be there all the same.
        assert_eq!(EmbedConfig::default().weights.get("en"), Some(&0.5));
        assert_eq!(
            EmbedConfig::default().weights.len(),
            1,
            "a language that counts has to be measured first"
        );
        return;
    };
    let embed: Arc<dyn Embed> = Arc::new(embed);
    let mut measured = 0;
    for entry in std::fs::read_dir(&folders).unwrap() {
        let collection = Collection::read(&entry.unwrap().path()).unwrap();
        if collection.has_intents() {
            continue;
        }
        let (words, both, counted) =
            measure(&collection, Arc::clone(&embed), EmbedConfig::default().weights).await;
        eprintln!(
            "{}: nDCG@10 {words:.4} by words, {both:.4} by both (meaning counts: {counted})",
            collection.name
        );
        assert!(both >= words - HAIR, "{}: {both:.4} is below {words:.4}", collection.name);
        measured += 1;
    }
    assert!(measured > 0, "{} holds no collection", folders.display());
}

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(|value| Path::new(&value).to_owned())
}
