//! *match*: reads `turn.opened`, writes `reply.ready` or `turn.routed`.
//!
//! Scripts answer here, at once. A bot with scripts only gets its reply straight to dispatch; for a bot with knowledge or
//! a model every turn goes on to retrieve, with the script's reply when one hit, so that order holds in a conversation.
//! Never calls anything outside. Safe to repeat: the reply's id comes from the root, whatever the script says by then.

use std::sync::Arc;

use moka::sync::Cache;

use crate::domain::bot::Bot;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Hop, Part, ReplyReady, Route, Scripted, TurnOpened, TurnRouted};
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::{BotId, EventId, TenantId};
use crate::domain::matcher::{Matcher, ScriptError};
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, DropReason, Emission, Outcome, Ports, Stage, StageError};
use crate::store::Directory;

/// Compiled bots in memory. A bot of a hundred rules takes about 100 KB, most take far less; beyond this the least used
/// is compiled again when it speaks.
const COMPILED: u64 = 2_000;

/// The stage.
#[derive(Debug)]
pub struct MatchScript {
    directory: Arc<dyn Directory>,
    compiled: Cache<(TenantId, BotId), Arc<Compiled>>,
}

/// A version of a bot's scripts.
#[derive(Debug)]
struct Compiled {
    version: i64,
    matcher: Matcher,
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

impl MatchScript {
    /// Looks bots up in `directory`.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>) -> Self {
        Self { directory, compiled: Cache::new(COMPILED) }
    }

    fn compiled(&self, bot: &Bot) -> Result<Arc<Compiled>, ScriptError> {
        let key = (bot.tenant.clone(), bot.spec.bot.clone());
        if let Some(found) = self.compiled.get(&key).filter(|found| found.version == bot.version) {
            return Ok(found);
        }
        let fresh =
            Arc::new(Compiled { version: bot.version, matcher: Matcher::compile(&bot.spec.scripts)? });
        self.compiled.insert(key, Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Stage for MatchScript {
    const NAME: StageName = StageName::Match;
    type In = TurnOpened;
    type Out = MatchOut;

    async fn handle(&self, cx: &Cx, input: &Envelope<TurnOpened>) -> Result<Outcome<MatchOut>, StageError> {
        let began = std::time::Instant::now();
        let Some(bot) = self.directory.bot(&input.tenant, &input.bot).await? else {
            return Ok(Outcome::Drop(DropReason::new("unknown_bot")));
        };
        if !bot.enabled {
            return Ok(Outcome::Drop(DropReason::new("bot_disabled")));
        }
        let matcher = &self.compiled(&bot)?.matcher;
        let found = matcher.find(&input.data.text, input.data.payload.as_deref()).map(|rule| Scripted {
            route: Route::Script { rule: rule.name.clone() },
            parts: rule.reply.iter().map(|reply| reply.to_part()).collect(),
        });
        let mut turn = input.data.clone();
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        turn.hops.push(Hop { stage: Self::NAME, at: cx.now(), took_us, note: None });

        if bot.spec.answers() && !(found.is_some() && bot.spec.scripts_overtake) {
            let routed = input.follow(Self::NAME, cx.now(), 0, TurnRouted { turn, reply: found });
            return Ok(Outcome::Emit(MatchOut::Routed(Box::new(routed))));
        }
        let Some(scripted) = found.or_else(|| fallback(&bot)) else {
            return Ok(Outcome::Drop(DropReason::new("no_reply")));
        };
        let reply = ReplyReady::to_turn(&turn, scripted.route, scripted.parts);
        let mut ready = input.follow(Self::NAME, cx.now(), 0, reply);
        ready.id = EventId::reply(input.rootid, 0);
        Ok(Outcome::Emit(MatchOut::Ready(Box::new(ready))))
    }
}

/// What a bot with scripts only says when none hit; nothing when its author left the text empty.
fn fallback(bot: &Bot) -> Option<Scripted> {
    let text = bot.spec.fallback.clone();
    let part = Part { text, ..Part::default() };
    let route = Route::Fallback { reason: "no_script".to_owned() };
    (!part.text.is_empty()).then(|| Scripted { route, parts: vec![part] })
}

#[cfg(test)]
mod tests;
