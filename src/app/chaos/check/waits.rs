//! Waits that a provider asked for: no call comes before their time is over, whoever makes it.
//!
//! Guarantee: told by the provider's own answers. What it asks after a call to a chat holds for that chat. A bot whose second
//! chat hears it while the first still waits knows that the bot is meant: then it holds for every chat. A call may be on its
//! way when the answer to another comes ([`UNDER_WAY`]). An owner that ends in the moment in which it hears of a wait takes
//! it along, and waits of up to 2 s are nobody's but its own.

use std::collections::HashMap;
use std::time::Duration;

use super::limits::{OverLimit, TOLERANCE};
use crate::app::chaos::history::{History, ParkedKind, Send};

/// How long after an answer a call may come that was made before.
pub const UNDER_WAY: Duration = Duration::from_secs(1);
/// A wait of up to so long is not written down for the next owner.
const SHORT_MS: i64 = 2_000;
/// Within so long a wait is durable, if nobody ends.
const WRITTEN_MS: i64 = 2_000;

/// A wait that was asked for.
#[derive(Debug, Clone, Copy)]
struct Wait<'a> {
    chat: &'a str,
    told: i64,
    until: i64,
}

/// Every call that came too early.
#[must_use]
pub fn too_early(history: &History) -> Vec<OverLimit> {
    let forgotten = Forgotten::of(history);
    let mut chats: HashMap<(&str, &str), Wait<'_>> = HashMap::new();
    let mut bots: HashMap<&str, Wait<'_>> = HashMap::new();
    let mut last: HashMap<&str, Wait<'_>> = HashMap::new();
    let mut found = Vec::new();
    for send in &history.sends {
        let (account, chat) = (send.chat.account.as_str(), send.chat.chat.as_str());
        let waits = [chats.get(&(account, chat)), bots.get(account)];
        let early = waits.into_iter().flatten().filter(|wait| !forgotten.has(**wait, send.at));
        if let Some(by) = early.filter_map(|wait| wait.is_broken(send)).max() {
            let (chat, at) = (send.chat.clone(), send.at);
            found.push(OverLimit { chat, at, limit: "retry_after", early_ms: by });
        }
        let Some(seconds) = send.wait_s else { continue };
        let until = send.at + i64::try_from(seconds).unwrap_or(i64::MAX / 2000) * 1000;
        let wait = Wait { chat, told: send.at, until };
        chats.insert((account, chat), wait);
        // Whoever heard the first, and was not followed by another since, knows better now.
        let second = last.insert(account, wait).is_some_and(|first| {
            first.chat != chat && first.until > send.at && !forgotten.between(first.told, send.at)
        });
        if second {
            bots.insert(account, wait);
        }
    }
    found
}

impl Wait<'_> {
    /// By how many milliseconds a call comes too early.
    fn is_broken(&self, send: &Send) -> Option<i64> {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let early = self.until - ms(TOLERANCE) - send.at;
        (early > 0 && send.at > self.told + ms(UNDER_WAY)).then_some(early)
    }
}

/// When owners end and begin.
struct Forgotten {
    /// From when until when somebody who sends, or a broker, was down.
    crashes: Vec<(i64, i64)>,
    /// When partitions were taken over.
    owners: Vec<i64>,
}

impl Forgotten {
    fn of(history: &History) -> Self {
        let crashes = history.crashes.iter().map(|crash| (crash.from, crash.to)).collect();
        let parked = history.topics.parked.values().flatten();
        let owners = parked.filter(|record| matches!(record.kind, ParkedKind::Epoch(_)));
        Self { crashes, owners: owners.map(|record| record.at).collect() }
    }

    /// True when whoever calls at `now` may not know of the wait.
    fn has(&self, wait: Wait<'_>, now: i64) -> bool {
        let written = wait.told + WRITTEN_MS;
        let crashed = self.crashes.iter().any(|(from, to)| *from <= written && *to >= wait.told);
        crashed || (wait.until - wait.told <= SHORT_MS && self.between(wait.told, now))
    }

    /// True when a partition was taken over in between.
    fn between(&self, from: i64, to: i64) -> bool {
        self.owners.iter().any(|at| (from..=to).contains(at))
            || self.crashes.iter().any(|(begun, over)| *begun <= to && *over >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    fn of(sample: &Sample) -> Vec<i64> {
        too_early(&sample.history).into_iter().map(|early| early.early_ms).collect()
    }

    #[test]
    fn a_call_after_its_wait_is_fine_and_one_before_is_found() {
        let mut sample = Sample::default();
        sample.send(1_000, "a").told_to_wait(10).send(1_500, "under way");
        sample.send(10_600, "in time").send(2_100, "other").to("6");
        assert_eq!(of(&sample), Vec::<i64>::new());
        let mut sample = Sample::default();
        sample.send(1_000, "a").told_to_wait(10).send(6_000, "early");
        assert_eq!(of(&sample), [4_500]);
    }

    #[test]
    fn what_two_chats_heard_holds_for_every_chat_of_the_bot() {
        let mut sample = Sample::default();
        sample.send(1_000, "a").told_to_wait(10).send(5_000, "b").to("6").told_to_wait(10);
        sample.send(5_400, "under way").to("7").send(9_000, "early").to("8");
        assert_eq!(of(&sample), [5_500]);
        // An owner in between knows of the first only what it was told: that chat.
        sample.parked(3_000, ParkedKind::Epoch(2));
        assert_eq!(of(&sample), Vec::<i64>::new());
        // Of another bot nothing is known.
        let mut sample = Sample::default();
        sample.send(1_000, "a").told_to_wait(10).send(5_000, "b").to("6").told_to_wait(10);
        sample.send(9_000, "c").to("8").history.sends.last_mut().unwrap().chat.account = "78".to_owned();
        assert_eq!(of(&sample), Vec::<i64>::new());
    }

    #[test]
    fn the_next_owner_keeps_to_a_long_wait_and_knows_no_short_one() {
        let told = |seconds| {
            let mut sample = Sample::default();
            sample.send(1_000, "a").told_to_wait(seconds).parked(2_100, ParkedKind::Epoch(2));
            sample.send(2_300, "early");
            of(&sample)
        };
        assert_eq!((told(2), told(10)), (vec![], vec![8_200]));
    }

    #[test]
    fn who_ends_while_it_hears_of_a_wait_takes_it_along() {
        let crashed = |at| {
            let mut sample = Sample::default();
            sample.send(1_000, "a").told_to_wait(60).crash(at, at).send(20_000, "early");
            of(&sample).len()
        };
        assert_eq!((crashed(1_500), crashed(5_000)), (0, 1));
    }
}
