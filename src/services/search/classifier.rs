//! Which rule of a bot means what a person wrote, by the rules' example sentences.
//!
//! Guarantees: the model never works on the async loop; at most `ASKING` texts and one bot's examples are at it at once, what
//! waits for it waits `PATIENCE` at most and then goes on without, saying so. The vectors of examples stand in a cache of
//! `BYTES`, by tenant, bot, version and model. A rule whose language the model doesn't speak is left to its words.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Notify, Semaphore};

use super::analysis::Language;
use super::intents::{Intents, Judged};
use crate::domain::bot::Bot;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::script::Rule;
use crate::domain::text::cut;
use crate::services::embed::{Embed, EmbedError};

/// Vectors of examples in memory: 40,000 examples of 384 numbers. The least used bot's are made again when it speaks.
const BYTES: u64 = 64 << 20;
/// Texts at the model at once; it works on one, the other is ready when that is done.
const ASKING: usize = 2;
/// How long a text waits for its turn at the model, for its vector, and for its bot's examples.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bots whose examples wait for the model; one more is matched word for word until it speaks again.
const LEARNING: usize = 1_000;
/// What is read of a text, in bytes; a model reads less.
const LONGEST: usize = 2_000;
/// Fewer letters don't tell one language with Latin letters from another.
const TELLING: usize = 60;

/// Whose examples, in which version, by which model.
type Key = (TenantId, BotId, i64, [u8; 16]);

/// Finds rules by meaning.
#[derive(Debug)]
pub struct Classifier {
    embed: Arc<dyn Embed>,
    weights: BTreeMap<String, f32>,
    bots: Cache<Key, Arc<Slot>>,
    asking: Arc<Semaphore>,
    learning: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// What a text was found to mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Meant {
    /// The rule that answers, by its name; absent where none is near enough or far enough ahead.
    pub rule: Option<String>,
    /// Scores and the line, for the trace.
    pub note: String,
}

/// A bot's examples as vectors.
#[derive(Debug)]
pub struct Learned {
    /// The examples of rules that the model can judge.
    pub intents: Intents,
    /// Rules whose examples are in a language that the model doesn't speak: they match word for word.
    pub unspoken: Vec<String>,
}

/// The place of a bot's vectors, filled by the one task that makes them.
#[derive(Debug, Default)]
struct Slot {
    learned: OnceLock<Option<Arc<Learned>>>,
    filled: Notify,
}

impl Classifier {
    /// Asks this model. `weights`: which languages it speaks, by their codes; those that are absent or 0 it doesn't.
    #[must_use]
    pub fn new(embed: Arc<dyn Embed>, weights: BTreeMap<String, f32>) -> Self {
        let dimension = embed.model().dimension;
        let weigh = move |_: &Key, slot: &Arc<Slot>| {
            let examples = slot.learned.get().and_then(Option::as_ref).map_or(0, |l| l.intents.examples());
            u32::try_from(512 + examples * (dimension * size_of::<f32>() + 64)).unwrap_or(u32::MAX)
        };
        Self {
            embed,
            weights,
            bots: Cache::builder().max_capacity(BYTES).weigher(weigh).build(),
            asking: Arc::new(Semaphore::new(ASKING)),
            learning: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(LEARNING)),
        }
    }

    /// What a text means, by the examples of a bot that has some. `None` where nothing can be said: the note says why.
    pub async fn classify(&self, bot: &Arc<Bot>, text: &str) -> Meant {
        let until = tokio::time::Instant::now() + PATIENCE;
        let unable = |why: &str| Meant { rule: None, note: format!("examples word for word: {why}") };
        let learned = match tokio::time::timeout_at(until, self.learned(bot)).await {
            Ok(Ok(learned)) => learned,
            Ok(Err(why)) => return unable(why),
            Err(_) => return unable("their vectors are being made"),
        };
        if learned.intents.examples() == 0 {
            return unable("the model doesn't speak their language");
        }
        match tokio::time::timeout_at(until, self.vector(&bot.tenant, text)).await {
            Ok(Some(vector)) => match learned.intents.judge(&vector) {
                Some(judged) => {
                    let rule = judged.hit.then(|| judged.best.0.to_owned());
                    Meant { rule, note: told(&judged, &learned.intents) }
                }
                None => unable("there are none"),
            },
            Ok(None) => unable("the model failed"),
            Err(_) => unable("the model was busy"),
        }
    }

    /// The vectors of a bot's examples, made in the background when they are not there yet.
    async fn learned(&self, bot: &Arc<Bot>) -> Result<Arc<Learned>, &'static str> {
        let key = (bot.tenant.clone(), bot.spec.bot.clone(), bot.version, self.embed.model().hash);
        let slot = match self.bots.get(&key) {
            Some(slot) => slot,
            None => {
                let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
                    return Err("too many bots wait for the model");
                };
                // Of two turns that come here at once one has its slot in the cache; the other's task ends at once.
                let mut fresh = None;
                let slot = self.bots.get_with(key.clone(), || Arc::clone(fresh.insert(Arc::default())));
                if let Some(slot) = fresh {
                    let (embed, weights, bot) =
                        (Arc::clone(&self.embed), self.weights.clone(), Arc::clone(bot));
                    let (learning, bots) = (Arc::clone(&self.learning), self.bots.clone());
                    tokio::spawn(async move {
                        let turn = learning.acquire_owned().await;
                        let work = move || learn(&*embed, &weights, &bot.spec.scripts);
                        let learned = match tokio::task::spawn_blocking(work).await {
                            Ok(Ok(learned)) => Some(Arc::new(learned)),
                            Ok(Err(error)) => {
                                tracing::warn!(%error, bot = %key.1, "examples match word for word");
                                None
                            }
                            Err(_) => None,
                        };
                        drop((turn, place));
                        if slot.learned.set(learned.clone()).is_ok() {
                            slot.filled.notify_waiters();
                        }
                        match learned {
                            // Weighed anew, now that it holds something.
                            Some(_) => bots.insert(key, slot),
                            // The next turn tries again.
                            None => bots.invalidate(&key),
                        }
                    });
                }
                slot
            }
        };
        loop {
            let filled = slot.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            if let Some(learned) = slot.learned.get() {
                return learned.clone().ok_or("the model failed");
            }
            filled.await;
        }
    }

    /// The vector of what a person wrote.
    async fn vector(&self, tenant: &TenantId, text: &str) -> Option<Vec<f32>> {
        // Given back when the model is done, not when patience ends: what is given up still takes its time.
        let place = Arc::clone(&self.asking).acquire_owned().await.ok()?;
        let (embed, tenant) = (Arc::clone(&self.embed), tenant.clone());
        let text = cut(text, LONGEST).to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let vector = embed.question_of(&tenant, &text);
            drop(place);
            vector
        });
        match work.await.ok()? {
            Ok(vector) => Some(vector),
            Err(error) => {
                tracing::warn!(%error, "a text is compared with examples word for word");
                None
            }
        }
    }
}

/// The vectors of rules' examples. Takes milliseconds for each: call it where blocking is allowed.
///
/// # Errors
/// When the model fails.
pub fn learn(
    embed: &dyn Embed,
    weights: &BTreeMap<String, f32>,
    rules: &[Rule],
) -> Result<Learned, EmbedError> {
    let spoken = |language: Language| weights.get(language.code()).is_some_and(|weight| *weight > 0.0);
    let joined = |rule: &Rule| rule.examples().collect::<Vec<_>>().join("\n");
    let all = Language::of(&rules.iter().map(joined).collect::<Vec<_>>().join("\n"));
    let (mut vectors, mut unspoken) = (Vec::new(), Vec::new());
    for rule in rules.iter().filter(|rule| rule.examples().next().is_some()) {
        let text = joined(rule);
        let own = Language::of(&text);
        let language = if own.is_latin() && all.is_latin() && text.len() < TELLING { all } else { own };
        if spoken(language) {
            for example in rule.examples() {
                vectors.push((rule.name.clone(), embed.passage(cut(example, LONGEST))?));
            }
        } else {
            unspoken.push(rule.name.clone());
        }
    }
    Ok(Learned { intents: Intents::new(vectors), unspoken })
}

/// For the trace: `examples: refund 0.62 (needs 0.45, 0.03 ahead), next shipping 0.41`.
#[must_use]
pub fn told(judged: &Judged<'_>, intents: &Intents) -> String {
    let (line, (rule, score)) = (intents.line(), judged.best);
    let next = judged.second.map_or_else(String::new, |(rule, score)| format!(", next {rule} {score:.2}"));
    let refused = if judged.hit { "" } else { ": refused" };
    format!(
        "examples: {rule} {score:.2}{next} (needs {:.2}, {:.2} ahead){refused}",
        line.threshold, line.margin
    )
}

#[cfg(test)]
mod tests;
