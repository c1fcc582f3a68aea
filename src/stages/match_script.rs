//! *match*: reads `turn.opened`, writes `reply.ready` or `turn.routed`.
//!
//! Scripts answer here, at once. A bot with scripts only gets its reply straight to dispatch; for a bot with knowledge or
//! a model every turn goes on to retrieve, with the script's reply when one hit, so that order holds in a conversation.
//! What no rule takes by its words is compared with the example sentences of rules, by meaning where there is a model. So is
//! what a rule of less priority takes.
//! A number that was typed where the bot offered choices is the choice. What has no text and no script, a voice note or a
//! sticker, gets the bot's `unsupported` text, never a model with an empty question.
//! Where people have taken a conversation over, nothing is answered.
//! Calls nothing outside. Safe to repeat: the reply's id comes from the root, whatever the script says by then.

mod offered;
mod unsupported;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::{
    Content, Hop, Part, ReplyReady, Route, Scripted, TurnKind, TurnOpened, TurnRouted,
};
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::{BotId, EventId, TenantId};
use crate::domain::matcher::{Matcher, ScriptError, prefer};
use crate::domain::modes::Modes;
use crate::domain::script::{ReplyText, Rule};
use crate::domain::stage::StageName;
use crate::domain::text::normalise;
use crate::pipeline::{Cx, DropReason, Emission, Outcome, Ports, Stage, StageError};
use crate::services::search::classifier::Classifier;
use crate::store::{Directory, History};
use offered::Offered;
use unsupported::Unsupported;

/// Compiled bots in memory. A bot of a hundred rules takes about 100 KB, most take far less; beyond this the least used
/// is compiled again when it speaks.
const COMPILED: u64 = 2_000;

/// The stage.
#[derive(Debug)]
pub struct MatchScript {
    directory: Arc<dyn Directory>,
    history: Arc<dyn History>,
    modes: Arc<Modes>,
    offered: Offered,
    unsupported: Unsupported,
    compiled: Cache<(TenantId, BotId), Arc<Compiled>>,
    /// Absent without a model: example sentences match word for word.
    classifier: Option<Classifier>,
}

/// A version of a bot's scripts.
#[derive(Debug)]
struct Compiled {
    version: i64,
    matcher: Matcher,
    /// The highest priority of a rule with example sentences; absent where none has any.
    examples: Option<i32>,
}

/// What the stage writes.
#[derive(Debug)]
pub enum MatchOut {
    /// The reply of a bot with scripts only.
    Ready(Box<Envelope<ReplyReady>>),
    /// The turn of a bot that may answer from knowledge or a model.
    Routed(Box<Envelope<TurnRouted>>),
}

impl Ports for MatchOut {
    const NAMES: &'static [&'static str] = &["ready", "routed"];

    fn into_emission(self) -> Emission {
        match self {
            Self::Ready(reply) => Emission::by_bot("ready", &reply),
            Self::Routed(turn) => Emission::by_conversation("routed", &turn),
        }
    }
}

impl Classify for ScriptError {
    fn class(&self) -> Class {
        match self {
            Self::Regex { .. } | Self::TooLarge(_) => Class::Permanent,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Regex { .. } | Self::TooLarge(_) => Origin::Tenant,
        }
    }
}

/// How long the timeline may take to say what was offered: everybody behind in the partition waits.
const LOOK_UP: Duration = Duration::from_millis(300);

impl MatchScript {
    /// Looks bots up in `directory`, in `history` what a bot offered last, and in `modes` who answers.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, history: Arc<dyn History>, modes: Arc<Modes>) -> Self {
        let (offered, unsupported) = (Offered::default(), Unsupported::default());
        let compiled = Cache::new(COMPILED);
        Self { directory, history, modes, offered, unsupported, compiled, classifier: None }
    }

    /// Compares with example sentences by meaning.
    #[must_use]
    pub fn with_classifier(mut self, classifier: Option<Classifier>) -> Self {
        self.classifier = classifier;
        self
    }

    /// The rule that a text means, where that may count beside the one that took it by its words; and a line for the trace.
    async fn mean<'a>(
        &self,
        bot: &Arc<Bot>,
        compiled: &'a Compiled,
        turn: &TurnOpened,
        found: Option<&Rule>,
    ) -> (Option<&'a Rule>, Option<String>) {
        let (Some(classifier), Some(highest)) = (&self.classifier, compiled.examples) else {
            return (None, None);
        };
        let said = turn.payload.is_none() && !turn.text.trim().is_empty() && !turn.text.starts_with('/');
        // A model that could change nothing is not asked.
        if !said || found.is_some_and(|found| found.priority >= highest) {
            return (None, None);
        }
        let meant = classifier.classify(bot, &turn.text).await;
        let rule = meant.rule.and_then(|name| compiled.matcher.rules().iter().find(|rule| rule.name == name));
        (rule, Some(meant.note))
    }

    /// A typed number where the bot offered choices: the turn becomes what pressing that choice would have been.
    /// Where the timeline can't say in time, the number is what it is: a text.
    async fn choose(&self, input: &Envelope<TurnOpened>, turn: &mut TurnOpened) -> bool {
        let Some(n) = number(turn) else { return false };
        let choice = match self.offered.to(input) {
            Some(offered) => offered.get(n - 1).cloned(),
            None => {
                let asked = self.history.choices(&input.tenant, &input.conversation);
                match tokio::time::timeout(LOOK_UP, asked).await {
                    Ok(Ok(offered)) => offered.into_iter().nth(n - 1),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "what was offered can't be looked up, a number is taken as typed");
                        None
                    }
                    Err(_) => None,
                }
            }
        };
        let Some(choice) = choice else { return false };
        turn.kind = TurnKind::Press;
        turn.payload = Some(choice.payload.unwrap_or_else(|| choice.title.clone()));
        turn.text = choice.title;
        true
    }

    fn compiled(&self, bot: &Bot) -> Result<Arc<Compiled>, ScriptError> {
        let key = (bot.tenant.clone(), bot.spec.bot.clone());
        if let Some(found) = self.compiled.get(&key).filter(|found| found.version == bot.version) {
            return Ok(found);
        }
        let rules = &bot.spec.scripts;
        let taught = rules.iter().filter(|rule| rule.examples().next().is_some());
        let examples = taught.map(|rule| rule.priority).max();
        let matcher = Matcher::compile(rules)?;
        let fresh = Arc::new(Compiled { version: bot.version, matcher, examples });
        self.compiled.insert(key, Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Stage for MatchScript {
    const NAME: StageName = StageName::Match;
    type In = TurnOpened;
    type Out = MatchOut;

    /// Another owner may have offered something else meanwhile.
    fn assigned(&self) {
        self.offered.forget();
    }

    async fn handle(&self, cx: &Cx, input: &Envelope<TurnOpened>) -> Result<Outcome<MatchOut>, StageError> {
        let began = std::time::Instant::now();
        let Some(bot) = self.directory.bot(&input.tenant, &input.bot).await? else {
            return Ok(Outcome::Drop(DropReason::new("unknown_bot")));
        };
        if !bot.enabled {
            return Ok(Outcome::Drop(DropReason::new("bot_disabled")));
        }
        if self.modes.overtakes(&input.conversation, input.data.epoch, cx.now()) {
            // What the bot offered before is no choice any more.
            self.offered.unknown(input);
            return Ok(Outcome::Drop(DropReason::new("human")));
        }
        let compiled = self.compiled(&bot)?;
        let mut turn = input.data.clone();
        let mut rule = compiled.matcher.find_turn(&turn);
        if rule.is_none() && self.choose(input, &mut turn).await {
            rule = compiled.matcher.find_turn(&turn);
        }
        let (meant, note) = self.mean(&bot, &compiled, &turn, rule).await;
        let mut found = prefer(rule, meant).map(|rule| scripted(rule, &turn));
        if found.is_none() && turn.text.trim().is_empty() {
            if turn.kind == TurnKind::Referral {
                return Ok(Outcome::Drop(DropReason::new("referral")));
            }
            if !self.unsupported.say(input, cx.now()) {
                return Ok(Outcome::Drop(DropReason::new("unsupported")));
            }
            found = own_words(&bot.spec.unsupported, "unsupported");
            if found.is_none() {
                return Ok(Outcome::Drop(DropReason::new("no_reply")));
            }
        }
        match &found {
            Some(scripted) => self.offered.answered(input, &scripted.parts),
            None => self.offered.unknown(input),
        }
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        turn.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note });

        if bot.answers() && !(found.is_some() && bot.spec.scripts_overtake) {
            let routed = input.follow(Self::NAME, cx.now(), 0, TurnRouted { turn, reply: found });
            return Ok(Outcome::Emit(MatchOut::Routed(Box::new(routed))));
        }
        let Some(scripted) = found.or_else(|| own_words(&bot.spec.fallback, "no_script")) else {
            return Ok(Outcome::Drop(DropReason::new("no_reply")));
        };
        let reply = ReplyReady::to_turn(&turn, scripted.route, scripted.parts);
        let mut ready = input.follow(Self::NAME, cx.now(), 0, reply);
        ready.id = EventId::reply(input.rootid, 0);
        Ok(Outcome::Emit(MatchOut::Ready(Box::new(ready))))
    }
}

fn scripted(rule: &Rule, turn: &TurnOpened) -> Scripted {
    let part = |reply: &ReplyText| {
        let mut part = reply.to_part();
        match part.content.as_deref_mut() {
            Some(Content::Reaction(reaction)) => {
                reaction.on = reaction.on.take().or_else(|| turn.message_id.clone());
            }
            // A press comes under the id of the message that the button hangs under.
            Some(Content::Edit(edit)) if turn.callback_id.is_some() => {
                edit.on = edit.on.take().or_else(|| turn.message_id.clone());
            }
            _ => {}
        }
        part
    };
    Scripted {
        route: Route::Script { rule: rule.name.clone() },
        parts: rule.reply.iter().map(part).collect(),
    }
}

/// A text of the bot itself; nothing when its author left it empty.
fn own_words(text: &str, reason: &str) -> Option<Scripted> {
    let part = Part { text: text.to_owned(), ..Part::default() };
    let route = Route::Fallback { reason: reason.to_owned() };
    (!part.text.is_empty()).then(|| Scripted { route, parts: vec![part] })
}

/// The number that was typed, if nothing else was: 1 to 100, in any script's digits.
fn number(turn: &TurnOpened) -> Option<usize> {
    if turn.kind != TurnKind::Text || turn.text.len() > 16 {
        return None;
    }
    let text = normalise(&turn.text);
    let digits = text.trim_end_matches(['.', ')']);
    digits.parse().ok().filter(|n| (1..=100).contains(n))
}

#[cfg(test)]
mod tests;
