//! answer: writes the reply, from a model or from the best passage.
//!
//! Reads `turn.grounded.v1`, writes `reply.ready.v1`, one record per turn. A turn that a script has answered passes its
//! reply on unchanged. Never sends anything and never decides what dispatch may do. Safe to repeat: a reply's id comes
//! from the turn's root, so of two runs of a model dispatch takes one. What no model answers in time gets the bot's own
//! fallback text, with the reason in its route: a turn never ends in the dead letters for a model's sake. A bot may have
//! its turns wait for a model that is down or limited; the fallback then comes when that wait is over. Where dispatch
//! says that a bot has more to send than its replies are worth, no model is asked; and where people have taken
//! the conversation over nobody answers.

mod backlogs;
mod cite;
mod memory;
mod prompt;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Problems;
use crate::domain::bot::{Bot, ModelChoice};
use crate::domain::envelope::Envelope;
use crate::domain::events::{
    Citation, Hop, Part, Passage, ReplyReady, Route, TurnGrounded, TurnOpened, Verdict,
};
use crate::domain::failure::{Class, Classify};
use crate::domain::ids::EventId;
use crate::domain::modes::Modes;
use crate::domain::stage::StageName;
use crate::domain::units::{Size, Span};
use crate::pipeline::{Cx, DropReason, Emission, Outcome, Ports, Stage, StageError};
use crate::services::model::{Chosen, Model, ModelError, Models};
use crate::store::{Directory, History};
pub use backlogs::Backlogs;
use memory::Memory;

/// How replies are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerConfig {
    /// Without a model: how much of a question a passage has to cover to be its answer, in percent. The weight of its
    /// words counts, not their number.
    pub min_coverage_percent: u8,
    /// How often a model is asked for one turn before the bot's fallback text goes out.
    pub attempts: u32,
    /// Kept back from a turn's time for the fallback and its append.
    pub margin: Span,
    /// The most tokens of a prompt, roughly counted. Oldest turns go first, then the weakest passages.
    pub prompt_tokens: usize,
    /// Memory for conversations that go on.
    pub memory: Size,
}

impl Default for AnswerConfig {
    fn default() -> Self {
        Self {
            min_coverage_percent: 50,
            attempts: 3,
            margin: Span::secs(1),
            prompt_tokens: 6000,
            memory: Size::mib(64),
        }
    }
}

impl AnswerConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if !(1..=100).contains(&self.min_coverage_percent) {
            let what = format!("{} is not a share", self.min_coverage_percent);
            problems.add(format!("{at}.min_coverage_percent"), what, "use 1 to 100");
        }
        if self.attempts == 0 {
            problems.add(format!("{at}.attempts"), "no model is ever asked", "use 1 or more");
        }
        if self.prompt_tokens < 500 {
            let what = format!("{} tokens hold no persona and question", self.prompt_tokens);
            problems.add(format!("{at}.prompt_tokens"), what, "use 500 or more");
        }
    }
}

/// What answer needs.
#[derive(Debug)]
pub struct AnswerDeps {
    /// The bot: persona, model, fallback.
    pub directory: Arc<dyn Directory>,
    /// The conversation so far, where the memory doesn't have it.
    pub history: Arc<dyn History>,
    /// Who answers.
    pub models: Models,
    /// Who has too much to send already.
    pub backlogs: Arc<Backlogs>,
    /// Where people answer.
    pub modes: Arc<Modes>,
}

/// The stage.
#[derive(Debug)]
pub struct Answer {
    config: AnswerConfig,
    deps: AnswerDeps,
    memory: Memory,
}

/// Its outputs.
#[derive(Debug)]
pub enum AnswerOut {
    /// The reply, keyed by bot.
    Ready(Box<Envelope<ReplyReady>>),
}

impl Ports for AnswerOut {
    const NAMES: &'static [&'static str] = &["ready"];

    fn into_emission(self) -> Emission {
        match self {
            Self::Ready(event) => Emission::by_bot("ready", &event),
        }
    }
}

/// A reply as it takes shape.
#[derive(Debug)]
struct Draft {
    route: Route,
    parts: Vec<Part>,
    note: Option<String>,
}

impl Draft {
    fn fallback(bot: &Bot, reason: &str, note: Option<String>) -> Self {
        let part = Part { text: bot.spec.fallback.clone(), ..Part::default() };
        Self { route: Route::Fallback { reason: reason.to_owned() }, parts: vec![part], note }
    }
}

impl Answer {
    /// The stage with its settings and an empty memory.
    #[must_use]
    pub fn new(config: AnswerConfig, deps: AnswerDeps) -> Self {
        let memory = Memory::new(config.memory.bytes());
        Self { config, deps, memory }
    }

    async fn draft(&self, cx: &Cx, input: &Envelope<TurnGrounded>, bot: &Bot) -> Result<Draft, StageError> {
        match (self.deps.models.of(bot), &bot.spec.model) {
            (Ok(Chosen::Model(model)), Some(choice)) => self.ask(cx, input, bot, &*model, choice).await,
            (Ok(_), _) => Ok(self.extract(input, bot)),
            (Err(error), _) => Ok(Self::give_up(input, bot, &error, None)),
        }
    }

    /// The best passage that covers enough of the question, or is sure to be near enough in meaning, as it stands.
    fn extract(&self, input: &Envelope<TurnGrounded>, bot: &Bot) -> Draft {
        let enough = f32::from(self.config.min_coverage_percent) / 100.0;
        let sure = input.data.verdict == Some(Verdict::Answer);
        let says = |passage: &&Passage| passage.coverage >= enough || (sure && passage.cosine.is_some());
        let Some(passage) = input.data.passages.iter().find(says) else {
            let best = input.data.passages.first().map_or(0.0, |passage| passage.coverage * 100.0);
            return Draft::fallback(bot, "no_passage", Some(format!("best coverage: {best:.0} %")));
        };
        let citation = Citation::of(1, passage);
        let text = format!("{} [1]", cite::tidy(&passage.text));
        let note = Some(format!("coverage: {:.0} %", passage.coverage * 100.0));
        Draft {
            route: Route::Extractive,
            parts: vec![Part { text, buttons: vec![], cites: vec![citation], ..Part::default() }],
            note,
        }
    }

    async fn ask(
        &self,
        cx: &Cx,
        input: &Envelope<TurnGrounded>,
        bot: &Bot,
        model: &dyn Model,
        choice: &ModelChoice,
    ) -> Result<Draft, StageError> {
        let recalled = self.memory.recall(&*self.deps.history, cx, input, choice.history).await;
        let may_wait = cx.waits && cx.now().since(input.roottime) < choice.wait.get();
        let Some(limit) = self.time_for_a_call(cx, input) else {
            // What earlier tries took may be all of this stage's time, and not yet the person's.
            if may_wait && cx.attempt > 1 {
                return Err(ModelError::Timeout(SHORTEST_CALL).into());
            }
            return Ok(Draft::fallback(bot, "out_of_time", recalled.note));
        };
        let prompt = prompt::build(bot, choice, &recalled.lines, &input.data, self.config.prompt_tokens);
        let error = match model.complete(&prompt, limit).await {
            Ok(completion) => {
                let tokens =
                    format!("tokens: {} in, {} out", completion.input_tokens, completion.output_tokens);
                let note = recalled.note.map_or_else(|| tokens.clone(), |note| format!("{note}, {tokens}"));
                let part = cite::resolve(&completion.text, completion.cut, &input.data.passages);
                let name = if choice.model.is_empty() { &choice.provider } else { &choice.model };
                let route = Route::Model { model: name.clone() };
                return Ok(Draft { route, parts: vec![part], note: Some(note) });
            }
            Err(error) => error,
        };
        let wait = match error.class() {
            Class::Transient { retry_after } | Class::Throttled { retry_after } => {
                retry_after.unwrap_or(FIRST_WAIT)
            }
            Class::Permanent | Class::Bug => return Ok(Self::give_up(input, bot, &error, recalled.note)),
        };
        let again = self.time_for_a_call(cx, input).is_some_and(|left| left > wait + SHORTEST_CALL);
        if again && !cx.once && cx.attempt < self.config.attempts {
            return Err(error.into());
        }
        if may_wait {
            return Err(error.into());
        }
        Ok(Self::give_up(input, bot, &error, recalled.note))
    }

    /// What the bot has to send already takes longer than a reply to this turn is worth.
    fn comes_too_late(&self, cx: &Cx, input: &Envelope<TurnGrounded>) -> bool {
        let until = self.deps.backlogs.until(&input.tenant, &input.bot, cx.now());
        until.zip(input.deadline).is_some_and(|(until, deadline)| until > deadline)
    }

    /// What is left of the stage's time and the reply's, without the margin; `None` when no call fits in.
    fn time_for_a_call(&self, cx: &Cx, input: &Envelope<TurnGrounded>) -> Option<Duration> {
        let left = input.deadline.map_or(Duration::MAX, |deadline| deadline.since(cx.now()));
        let left = left.min(cx.remaining()).checked_sub(self.config.margin.get())?;
        (left >= SHORTEST_CALL).then_some(left)
    }

    fn give_up(input: &Envelope<TurnGrounded>, bot: &Bot, error: &ModelError, note: Option<String>) -> Draft {
        tracing::warn!(%error, tenant = %input.tenant, bot = %input.bot, "no model answered, the bot falls back");
        Draft::fallback(bot, reason(error), note)
    }
}

/// Why a turn gets no reply, with what was done with it until then.
fn dropped(input: &Envelope<TurnGrounded>, reason: &'static str) -> DropReason {
    DropReason { hops: input.data.turn.hops.clone(), ..DropReason::new(reason) }
}

/// What a person said, in words: an attachment without a caption is named.
fn said(turn: &TurnOpened) -> String {
    match turn.attachments.first() {
        Some(attachment) if turn.text.is_empty() => format!("({})", attachment.kind.as_str()),
        _ => turn.text.clone(),
    }
}

/// A model that is given less could only fail.
const SHORTEST_CALL: Duration = Duration::from_millis(500);

/// About what the runtime waits before the next attempt where nobody asked for more.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The word in the reply's route.
const fn reason(error: &ModelError) -> &'static str {
    match error {
        ModelError::Limited { .. } => "model_limited",
        ModelError::Quota(_) => "model_quota",
        ModelError::Unavailable(_) => "model_unavailable",
        ModelError::Timeout(_) => "model_timeout",
        ModelError::Key(_) => "model_key",
        ModelError::Refused(_) => "model_refused",
        ModelError::Garbled(_) => "model_garbled",
        ModelError::Unknown(_) => "model_unknown",
    }
}

impl Stage for Answer {
    const NAME: StageName = StageName::Answer;
    type In = TurnGrounded;
    type Out = AnswerOut;

    /// Another owner may have answered turns that this memory has not seen.
    fn assigned(&self) {
        self.memory.forget();
    }

    /// What a script has answered needs no model.
    fn waits_with_its_bot(&self, input: &Envelope<TurnGrounded>) -> bool {
        input.data.reply.is_none()
    }

    /// A fallback says only that somebody waited long enough.
    fn shows_recovery(&self, input: &Envelope<TurnGrounded>, outcome: &Outcome<AnswerOut>) -> bool {
        let answers = |event: &Envelope<ReplyReady>| !matches!(event.data.route, Route::Fallback { .. });
        self.waits_with_its_bot(input)
            && matches!(outcome, Outcome::Emit(AnswerOut::Ready(event)) if answers(event))
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: &Envelope<TurnGrounded>,
    ) -> Result<Outcome<AnswerOut>, StageError> {
        let start = Instant::now();
        if self.deps.modes.overtakes(&input.conversation, input.data.turn.epoch, cx.now()) {
            return Ok(Outcome::Drop(dropped(input, "human")));
        }
        let draft = if let Some(scripted) = &input.data.reply {
            Draft { route: scripted.route.clone(), parts: scripted.parts.clone(), note: None }
        } else {
            if input.deadline.is_some_and(|deadline| deadline <= cx.now()) {
                self.memory.remember(input, &[]);
                return Ok(Outcome::Drop(dropped(input, "late")));
            }
            let Some(bot) = self.deps.directory.bot(&input.tenant, &input.bot).await? else {
                return Ok(Outcome::Drop(DropReason::new("unknown_bot")));
            };
            if bot.spec.model.is_some() && self.comes_too_late(cx, input) {
                self.memory.remember(input, &[]);
                return Ok(Outcome::Drop(dropped(input, "backlog")));
            }
            self.draft(cx, input, &bot).await?
        };
        self.memory.remember(input, &draft.parts);
        if matches!(draft.route, Route::Fallback { .. })
            && draft.parts.iter().all(|part| part.text.is_empty())
        {
            // Its author left the fallback empty: the bot rather says nothing.
            let note = Some(draft.route.to_string());
            return Ok(Outcome::Drop(DropReason { note, ..dropped(input, "no_reply") }));
        }
        let mut reply = ReplyReady::to_turn(&input.data.turn, draft.route, draft.parts);
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        reply.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note: draft.note, searched: None });
        let mut event = input.follow(Self::NAME, cx.now(), 0, reply);
        event.id = EventId::reply(input.rootid, 0);
        Ok(Outcome::Emit(AnswerOut::Ready(Box::new(event))))
    }
}

#[cfg(test)]
mod tests;
