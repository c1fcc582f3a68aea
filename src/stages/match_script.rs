//! *match*: reads `turn.opened`, writes `reply.ready` or `turn.routed`.
//!
//! Scripts answer here, at once. A bot with scripts only gets its reply straight to dispatch; for a bot with knowledge or
//! a model every turn goes on to retrieve, with the script's reply when one hit, so that order holds in a conversation.
//! What no rule takes by its words is compared with the example sentences of rules, by meaning where there is a model. So is
//! what a rule of less priority takes.
//! A number or a title that was typed where the bot offered choices is the choice. What has no text and no script, a voice note or a
//! sticker, gets the bot's `unsupported` text, never a model with an empty question.
//! Where people have taken a conversation over, nothing is answered.
//! Calls nothing outside. Safe to repeat: the reply's id comes from the root, whatever the script says by then.

mod offered;
mod unsupported;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::{
    Button, Content, Hop, Part, ReplyReady, Route, Scripted, TurnKind, TurnOpened, TurnRouted,
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
    /// Titles of buttons that mean something else than they say, normalised: only for these the timeline is asked.
    titles: HashSet<String>,
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

/// No channel shows a longer title.
const MAX_TITLE_BYTES: usize = 1024;

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

    /// What of the bot's last offer a text names: a choice's title that means something else than it says, since not every
    /// keyboard brings back what was meant; or its number, which a rule takes first (`ruled`).
    async fn chosen(&self, input: &Envelope<TurnOpened>, compiled: &Compiled, ruled: bool) -> Option<Button> {
        if input.data.kind != TurnKind::Text || input.data.text.len() > MAX_TITLE_BYTES {
            return None;
        }
        let said = normalise(&input.data.text);
        let n = number(&input.data, &said).filter(|_| !ruled);
        let offered = match self.offered.to(input) {
            Some(offered) => offered,
            None if n.is_some() || compiled.titles.contains(&said) => self.look_up(input).await?,
            None => return None,
        };
        let named = |button: &&Button| means_more(button) && normalise(&button.title) == said;
        offered.iter().find(named).or_else(|| offered.get(n? - 1)).cloned()
    }

    /// What the timeline says was offered. Where it can't say in time, the text is what it is.
    async fn look_up(&self, input: &Envelope<TurnOpened>) -> Option<Arc<[Button]>> {
        let asked = self.history.choices(&input.tenant, &input.conversation);
        match tokio::time::timeout(LOOK_UP, asked).await {
            Ok(Ok(offered)) => Some(offered.into()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what was offered can't be looked up, a text is taken as typed");
                None
            }
            Err(_) => None,
        }
    }

    fn compiled(&self, bot: &Bot) -> Result<Arc<Compiled>, ScriptError> {
        let key = (bot.tenant.clone(), bot.spec.bot.clone());
        if let Some(found) = self.compiled.get(&key).filter(|found| found.version == bot.version) {
            return Ok(found);
        }
        let rules = &bot.spec.scripts;
        let taught = rules.iter().filter(|rule| rule.examples().next().is_some());
        let examples = taught.map(|rule| rule.priority).max();
        let buttons = rules.iter().flat_map(|rule| &rule.reply).flat_map(|reply| reply.to_part().buttons);
        let titles = buttons.filter(means_more).map(|button| normalise(&button.title)).collect();
        let matcher = Matcher::compile(rules)?;
        let fresh = Arc::new(Compiled { version: bot.version, matcher, examples, titles });
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
        if let Some(choice) = self.chosen(input, &compiled, rule.is_some()).await {
            press(&mut turn, choice);
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
        turn.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note, searched: None });

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

/// The turn becomes what pressing the choice would have been.
fn press(turn: &mut TurnOpened, choice: Button) {
    turn.kind = TurnKind::Press;
    turn.payload = Some(choice.payload.unwrap_or_else(|| choice.title.clone()));
    turn.text = choice.title;
}

/// True where what comes back is not what the person reads.
fn means_more(button: &Button) -> bool {
    button.url.is_none() && button.payload.as_ref().is_some_and(|payload| *payload != button.title)
}

/// The number that was typed, if nothing else was: 1 to 100, in any script's digits. `said` is the text, normalised.
fn number(turn: &TurnOpened, said: &str) -> Option<usize> {
    let short = turn.text.len() <= 16;
    let digits = said.trim_end_matches(['.', ')']);
    digits.parse().ok().filter(|n| short && (1..=100).contains(n))
}

#[cfg(test)]
mod tests;
