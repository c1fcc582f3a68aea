//! Says on `bot.backlog.v1` how long a bot's replies would wait, when that is longer than they are worth anything: who
//! writes replies for it need not pay for them.
//!
//! Guarantee: of a bot at most one record a second, none while it is within its `reply_ttl`, and one with 0 when it is back
//! there. A record that is lost costs nothing but a model's answer: who reads them counts the time that has passed.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::Dispatch;
use super::send::Effect;
use crate::domain::envelope::Envelope;
use crate::domain::events::BotBacklog;
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::stage::StageName;
use crate::pipeline::{Emission, PartitionCx};

/// The output.
pub(super) const PORT: &str = "backlog";
/// Between two records of a bot.
const PACE: Duration = Duration::from_secs(1);

/// What was said last of each bot that has too much.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<(TenantId, BotId), (Duration, u64)>);

impl Told {
    /// What is to be said of a bot now. `seconds` is 0 while it is within its limit.
    fn news(&mut self, bot: (TenantId, BotId), seconds: u64, now: Duration) -> Option<u64> {
        let news = match self.0.get(&bot) {
            None => seconds > 0,
            Some((at, before)) => {
                let since = now.saturating_sub(*at);
                let much = seconds.abs_diff(*before).saturating_mul(10) >= *before;
                seconds == 0 || since >= BotBacklog::REPEAT || (since >= PACE && much)
            }
        };
        if !news {
            return None;
        }
        if seconds == 0 {
            self.0.remove(&bot);
        } else {
            self.0.insert(bot, (now, seconds));
        }
        Some(seconds)
    }

    /// Bots that were not looked at have nothing to send any more.
    fn gone(&mut self, seen: &HashMap<(TenantId, BotId), u64>) -> Vec<(TenantId, BotId)> {
        let gone: Vec<_> = self.0.keys().filter(|bot| !seen.contains_key(*bot)).cloned().collect();
        for bot in &gone {
            self.0.remove(bot);
        }
        gone
    }
}

impl Dispatch {
    /// Looks at every bot that has something to send.
    pub(super) fn tell_backlogs(&mut self, cx: &mut PartitionCx<Effect>) {
        let now = self.moment(cx);
        let mut seen: HashMap<(TenantId, BotId), u64> = HashMap::new();
        for line in self.queues.lines() {
            let Some((voice, ttl)) = line.voice.as_ref().and_then(|voice| Some((voice, voice.ttl?))) else {
                continue;
            };
            let key = &line.key;
            let chat = ConversationId::new(&key.tenant, key.channel, &key.account, "", None);
            let (ahead, _) = self.machine.ahead(&key.bot, &chat);
            if ahead == 0 {
                continue;
            }
            let keys = self.common.limits().keys(&key.bot, &chat, false);
            let wait = self.common.limits().wait(&voice.plan, &keys, ahead.saturating_add(1), 1, now);
            let seconds = if wait > ttl { wait.as_secs().max(1) } else { 0 };
            // Of several accounts the fastest counts: nobody is told to stop for nothing.
            let bot = (key.tenant.clone(), key.bot.clone());
            seen.entry(bot).and_modify(|least| *least = seconds.min(*least)).or_insert(seconds);
        }
        let over = self.told.gone(&seen).into_iter().map(|bot| (bot, 0));
        let said: Vec<_> = seen
            .into_iter()
            .filter_map(|(bot, seconds)| Some((bot.clone(), self.told.news(bot, seconds, now)?)))
            .collect();
        let emissions: Vec<Emission> =
            over.chain(said).map(|((tenant, bot), seconds)| record(cx, tenant, bot, seconds)).collect();
        if emissions.is_empty() {
            return;
        }
        let append = cx.append(emissions);
        cx.spawn(async move {
            if let Err(error) = append.await {
                tracing::debug!(%error, "a backlog was not told");
            }
            Effect::Stopped
        });
    }
}

fn record(cx: &PartitionCx<Effect>, tenant: TenantId, bot: BotId, seconds: u64) -> Emission {
    let now = cx.now();
    tracing::info!(%bot, seconds, "a further reply would wait so long");
    let name = format!("backlog/{}/{}", cx.epoch, now.millis());
    let id = EventId::of_state(bot.as_str(), &name);
    let mut event = Envelope::root(id, bot.as_str(), now, now, BotBacklog { seconds });
    event.source = StageName::Dispatch.source().into();
    let key = Bytes::copy_from_slice(bot.as_str().as_bytes());
    (event.tenant, event.bot) = (tenant, bot);
    Emission { port: PORT, key, partition: None, value: event.encode() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_told_when_it_passes_the_limit_when_it_changes_and_when_it_is_over() {
        let (mut told, bot) = (Told::default(), (TenantId::from("t"), BotId::from("a")));
        let mut at = |ms: u64, seconds| told.news(bot.clone(), seconds, Duration::from_millis(ms));
        assert_eq!(at(0, 0), None);
        assert_eq!(at(100, 60), Some(60));
        assert_eq!(at(600, 90), None, "once a second");
        assert_eq!(at(1_100, 90), Some(90));
        assert_eq!(at(2_500, 91), None, "hardly changed");
        assert_eq!(at(11_200, 91), Some(91), "still so");
        assert_eq!(at(11_300, 0), Some(0), "over, at once");
        assert_eq!(at(11_400, 0), None);
    }
}
