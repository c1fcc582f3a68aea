//! retrieve: finds passages in what the bot may answer from: its own documents and its knowledge bases.
//!
//! Reads `turn.routed.v1`, writes `turn.grounded.v1` in the conversation's lane. What was searched stands in the turn's trace,
//! with the scores and the fate of each candidate. A turn that a script has answered passes
//! through with nothing but a line in its trace; so does one that an author pinned an answer to. Never calls a model. Safe to repeat: the output's id is derived, and
//! the same documents give the same passages. When the index stays broken the turn goes on without passages, and its
//! trace says so: an answer that knows less is better than none. A question that rests on the one before it is searched with
//! that one's words; where that finds nothing, by itself.

mod recent;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Problems;
use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Hop, Part, Route, Scripted, TurnGrounded, TurnRouted, Verdict};
use crate::domain::knowledge::{Corpus, KnowledgeBase};
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, DropReason, Emission, Outcome, Ports, Stage, StageError};
use crate::services::search::{Grounding, Search, SearchError};
use crate::store::{Directory, History};
use recent::Recent;

/// How passages are found for a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetrieveConfig {
    /// The most passages that a turn carries on: about 1,500 tokens of a model's prompt.
    pub passages: usize,
}

impl Default for RetrieveConfig {
    fn default() -> Self {
        Self { passages: 6 }
    }
}

impl RetrieveConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if !(1..=50).contains(&self.passages) {
            let what = format!("{} passages can't be carried", self.passages);
            problems.add(format!("{at}.passages"), what, "use 1 to 50");
        }
    }
}

/// What retrieve needs.
#[derive(Debug, Clone)]
pub struct RetrieveDeps {
    /// The bot with its documents, and its knowledge bases.
    pub directory: Arc<dyn Directory>,
    /// The index.
    pub search: Arc<dyn Search>,
    /// What was said before, where this process did not hear it.
    pub history: Arc<dyn History>,
}

/// The stage.
#[derive(Debug)]
pub struct Retrieve {
    config: RetrieveConfig,
    deps: RetrieveDeps,
    recent: Recent,
}

/// Its outputs.
#[derive(Debug)]
pub enum RetrieveOut {
    /// The turn with its passages.
    Grounded(Box<Envelope<TurnGrounded>>),
}

impl Ports for RetrieveOut {
    const NAMES: &'static [&'static str] = &["grounded"];

    fn into_emission(self) -> Emission {
        match self {
            Self::Grounded(event) => Emission::by_conversation("grounded", &event),
        }
    }
}

/// After this many failures, or with less than this left, the turn goes on without passages.
const LAST_ATTEMPT: u32 = 3;
const LAST_CALL: Duration = Duration::from_secs(1);

impl Retrieve {
    /// The stage with its settings.
    #[must_use]
    pub fn new(config: RetrieveConfig, deps: RetrieveDeps) -> Self {
        Self { config, deps, recent: Recent::new() }
    }

    /// What is done about a turn; `None` when the bot is gone.
    async fn look(&self, cx: &Cx, input: &Envelope<TurnRouted>) -> Result<Option<Look>, StageError> {
        let Some(bot) = self.deps.directory.bot(&input.tenant, &input.bot).await? else { return Ok(None) };
        let question = &input.data.turn.text;
        if question.is_empty() || !bot.has_knowledge() {
            return Ok(Some(Look::noted("nothing to search")));
        }
        let bases = self.bases(&bot).await?;
        if let Some(look) = bases.iter().find_map(|(base, _)| pinned(base, question)) {
            return Ok(Some(look));
        }
        let own = std::iter::once(Corpus::from(&bot));
        let bases = bases.into_iter().map(|(base, tags)| Corpus::tagged(base, tags));
        let corpora: Vec<Corpus> = own.chain(bases).collect();
        let searched = self.recent.resolved(&*self.deps.history, input, cx.now()).await;
        match self.ground(&corpora, question, &searched).await {
            Ok((found, followed)) => {
                // Nobody asked what is replayed.
                if found.verdict == Verdict::Abstain && input.runid.is_none() {
                    self.deps.directory.missed(&input.tenant, &input.bot, question);
                }
                let (count, sure) = (found.passages.len(), found.confidence * 100.0);
                let with = if followed { ", with words of the turn before" } else { "" };
                let note = format!("passages: {count}, {} at {sure:.0} %{with}", found.verdict.as_str());
                Ok(Some(Look { found: Some(found), reply: None, note }))
            }
            Err(error) if cx.attempt < LAST_ATTEMPT && cx.remaining() > LAST_CALL => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, tenant = %input.tenant, bot = %input.bot, "going on without passages");
                Ok(Some(Look::noted("passages: the index failed")))
            }
        }
    }

    /// What is found for a question with words of the turn before it; for the question alone where that says more. True
    /// where those words counted.
    async fn ground(
        &self,
        corpora: &[Corpus],
        question: &str,
        with_words: &str,
    ) -> Result<(Grounding, bool), SearchError> {
        let search = |text| self.deps.search.ground(corpora, text, self.config.passages);
        let found = search(with_words).await?;
        if with_words == question || found.verdict != Verdict::Abstain {
            return Ok((found, with_words != question));
        }
        let alone = search(question).await?;
        let is_better = alone.confidence > found.confidence;
        Ok(if is_better { (alone, false) } else { (found, true) })
    }

    /// The knowledge bases that a bot answers from, with the tags that it is limited to; one that was removed meanwhile is
    /// left out.
    async fn bases<'a>(&self, bot: &'a Bot) -> Result<Vec<(Arc<KnowledgeBase>, &'a [String])>, StageError> {
        let mut out = Vec::with_capacity(bot.bases.len());
        for (base, tags) in bot.knowledge() {
            out.extend(self.deps.directory.base(&bot.tenant, base).await?.map(|found| (found, tags)));
        }
        Ok(out)
    }
}

/// What is done about a turn.
struct Look {
    found: Option<Grounding>,
    /// An answer that its author wrote for this very question.
    reply: Option<Scripted>,
    /// For the trace.
    note: String,
}

impl Look {
    fn noted(note: &str) -> Self {
        Self { found: None, reply: None, note: note.to_owned() }
    }
}

/// The answer that is pinned to a question: it comes before any search.
fn pinned(base: &KnowledgeBase, question: &str) -> Option<Look> {
    let pinned = base.pinned(question)?;
    let part = Part { text: pinned.answer.clone(), ..Part::default() };
    let route = Route::Script { rule: format!("pinned/{}", base.base) };
    let reply = Some(Scripted { route, parts: vec![part] });
    Some(Look { found: None, reply, note: format!("pinned in {}", base.base) })
}

impl Stage for Retrieve {
    const NAME: StageName = StageName::Retrieve;
    type In = TurnRouted;
    type Out = RetrieveOut;

    fn assigned(&self) {
        self.recent.forget();
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: &Envelope<TurnRouted>,
    ) -> Result<Outcome<RetrieveOut>, StageError> {
        let start = Instant::now();
        let TurnRouted { mut turn, mut reply } = input.data.clone();
        let (mut found, mut note) = (None, None);
        if reply.is_none() {
            let Some(look) = self.look(cx, input).await? else {
                return Ok(Outcome::Drop(DropReason::new("unknown_bot")));
            };
            (found, reply, note) = (look.found, look.reply, Some(look.note));
        }
        self.recent.remember(input);
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (verdict, passages, searched) = match found {
            Some(found) => (Some(found.verdict), found.passages, Some(Box::new(found.searched))),
            None => (None, Vec::new(), None),
        };
        turn.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note, searched });
        let data = TurnGrounded { turn, reply, passages, verdict };
        let event = input.follow(Self::NAME, cx.now(), 0, data);
        Ok(Outcome::Emit(RetrieveOut::Grounded(Box::new(event))))
    }
}

#[cfg(test)]
mod tests;
