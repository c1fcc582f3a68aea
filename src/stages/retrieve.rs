//! retrieve: finds passages in the bot's documents.
//!
//! Reads `turn.routed.v1`, writes `turn.grounded.v1` in the conversation's lane. A turn that a script has answered passes
//! through with nothing but a line in its trace. Never calls a model. Safe to repeat: the output's id is derived, and
//! the same documents give the same passages. When the index stays broken the turn goes on without passages, and its
//! trace says so: an answer that knows less is better than none.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Problems;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Hop, TurnGrounded, TurnRouted};
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, DropReason, Emission, Outcome, Ports, Stage, StageError};
use crate::services::search::{Grounding, Search};
use crate::store::Directory;

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
    /// The bot, with its documents.
    pub directory: Arc<dyn Directory>,
    /// The index.
    pub search: Arc<dyn Search>,
}

/// The stage.
#[derive(Debug)]
pub struct Retrieve {
    config: RetrieveConfig,
    deps: RetrieveDeps,
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
    pub const fn new(config: RetrieveConfig, deps: RetrieveDeps) -> Self {
        Self { config, deps }
    }

    /// What was found and a note for the trace; `None` when the bot is gone.
    async fn passages(
        &self,
        cx: &Cx,
        input: &Envelope<TurnRouted>,
    ) -> Result<Option<(Option<Grounding>, String)>, StageError> {
        let Some(bot) = self.deps.directory.bot(&input.tenant, &input.bot).await? else { return Ok(None) };
        let question = &input.data.turn.text;
        if question.is_empty() || bot.spec.documents.is_empty() {
            return Ok(Some((None, "nothing to search".to_owned())));
        }
        match self.deps.search.ground(&bot, question, self.config.passages).await {
            Ok(found) => {
                let (count, sure) = (found.passages.len(), found.confidence * 100.0);
                let note = format!("passages: {count}, {} at {sure:.0} %", found.verdict.as_str());
                Ok(Some((Some(found), note)))
            }
            Err(error) if cx.attempt < LAST_ATTEMPT && cx.remaining() > LAST_CALL => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, tenant = %input.tenant, bot = %input.bot, "going on without passages");
                Ok(Some((None, "passages: the index failed".to_owned())))
            }
        }
    }
}

impl Stage for Retrieve {
    const NAME: StageName = StageName::Retrieve;
    type In = TurnRouted;
    type Out = RetrieveOut;

    async fn handle(
        &self,
        cx: &Cx,
        input: &Envelope<TurnRouted>,
    ) -> Result<Outcome<RetrieveOut>, StageError> {
        let start = Instant::now();
        let (found, note) = if input.data.reply.is_some() {
            (None, None)
        } else {
            match self.passages(cx, input).await? {
                Some((found, note)) => (found, Some(note)),
                None => return Ok(Outcome::Drop(DropReason::new("unknown_bot"))),
            }
        };
        let TurnRouted { mut turn, reply } = input.data.clone();
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        turn.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note });
        let verdict = found.as_ref().map(|found| found.verdict);
        let passages = found.map(|found| found.passages).unwrap_or_default();
        let data = TurnGrounded { turn, reply, passages, verdict };
        let event = input.follow(Self::NAME, cx.now(), 0, data);
        Ok(Outcome::Emit(RetrieveOut::Grounded(Box::new(event))))
    }
}

#[cfg(test)]
mod tests;
