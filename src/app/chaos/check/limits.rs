//! Limits: no window holds more calls than the provider allows, handovers included.
//!
//! Guarantee: counted over what arrived, whatever was answered, with the provider's own numbers. A window of length `w`
//! may hold `burst + (w + tolerance) / every` calls. The product keeps a little back (`limits`), since calls bunch up on
//! their way; [`TOLERANCE`] is for a machine whose two processors also run three brokers and ten processes, where a call
//! may stand that much longer between its sender's clock and the provider's. A second burst, which is what an owner makes
//! that knows nothing of the one before, is larger than the tolerance for each limit: 28 to a bot against 15, 3 to a chat
//! against 1, 19 to a group against 1, 44 to a recipient against 1.

use std::collections::HashMap;
use std::time::Duration;

use crate::app::chaos::history::{ChatKey, History};
use crate::domain::channel::ChannelKind;

/// How much closer together calls may arrive than they were sent.
pub const TOLERANCE: Duration = Duration::from_millis(500);

/// A call above a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverLimit {
    /// Where to.
    pub chat: ChatKey,
    /// When.
    pub at: i64,
    /// Which limit: `bot`, `chat`, `group`, `number`, `pair` or `retry_after`.
    pub limit: &'static str,
    /// How many milliseconds too early it came.
    pub early_ms: i64,
}

/// So many at once, one more after each interval.
#[derive(Debug, Clone, Copy)]
struct Pace {
    name: &'static str,
    burst: i64,
    every_us: i64,
}

// <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>: 30 a second, one a second to a chat
// with short bursts, 20 a minute to a group. <https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput>:
// 80 a second, 45 to a recipient and then one in 6 s.
const BOT: Pace = Pace { name: "bot", burst: 30, every_us: 33_333 };
const CHAT: Pace = Pace { name: "chat", burst: 3, every_us: 1_000_000 };
const GROUP: Pace = Pace { name: "group", burst: 20, every_us: 3_000_000 };
const NUMBER: Pace = Pace { name: "number", burst: 80, every_us: 12_500 };
const PAIR: Pace = Pace { name: "pair", burst: 45, every_us: 6_000_000 };

/// Every call above a limit. One that is counts no further, as at the provider.
#[must_use]
pub fn over_limit(history: &History) -> Vec<OverLimit> {
    // A group is told by its id, as at the provider: below zero on Telegram.
    let group = |chat: &ChatKey| chat.chat.starts_with('-');
    let mut full_at: HashMap<(&'static str, &str, &str), i64> = HashMap::new();
    let mut found = Vec::new();
    let tolerance = i64::try_from(TOLERANCE.as_micros()).unwrap_or(i64::MAX);
    for send in &history.sends {
        let (account, chat) = (send.chat.account.as_str(), send.chat.chat.as_str());
        let paces: &[(Pace, &str)] = match send.chat.channel {
            ChannelKind::Telegram if group(&send.chat) => &[(BOT, ""), (CHAT, chat), (GROUP, chat)],
            ChannelKind::Telegram => &[(BOT, ""), (CHAT, chat)],
            _ => &[(NUMBER, ""), (PAIR, chat)],
        };
        let now = send.at * 1000;
        let mut worst: Option<(&'static str, i64)> = None;
        for (pace, key) in paces {
            let full = full_at.get(&(pace.name, account, *key)).copied().unwrap_or(now);
            let earliest = full - pace.every_us * (pace.burst - 1);
            if earliest - now > tolerance && worst.is_none_or(|(_, by)| earliest - now > by) {
                worst = Some((pace.name, earliest - now));
            }
        }
        if let Some((limit, by)) = worst {
            found.push(OverLimit { chat: send.chat.clone(), at: send.at, limit, early_ms: by / 1000 });
            continue;
        }
        for (pace, key) in paces {
            let full = full_at.entry((pace.name, account, *key)).or_insert(now);
            *full = (*full).max(now) + pace.every_us;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, chat};
    use super::*;
    use crate::app::chaos::history::Send;

    fn to(chat_id: &str, channel: ChannelKind, times: impl Iterator<Item = i64>) -> Vec<OverLimit> {
        let mut sample = Sample::default();
        let key = ChatKey { chat: chat_id.to_owned(), channel, ..chat() };
        sample.history.sends = times
            .map(|at| Send {
                at,
                chat: key.clone(),
                text: String::new(),
                taken: true,
                hidden: false,
                planned: false,
                wait_s: None,
            })
            .collect();
        over_limit(&sample.history)
    }

    #[test]
    fn the_pace_with_its_burst_is_fine() {
        let times = [0, 0, 0].into_iter().chain((1..60).map(|n| n * 1_000));
        assert_eq!(to("5", ChannelKind::Telegram, times), []);
        let times = (0..19).map(|n| n * 1_050).chain((20..40).map(|n| n * 3_050));
        assert_eq!(to("-5", ChannelKind::Telegram, times), []);
        let times = (0..44).chain((1..9).map(|n| n * 6_050));
        assert_eq!(to("5", ChannelKind::Whatsapp, times), []);
    }

    #[test]
    fn bunching_within_the_tolerance_is_fine() {
        assert_eq!(to("5", ChannelKind::Telegram, [300, 300, 300, 1_000].into_iter()), []);
    }

    #[test]
    fn a_second_burst_is_found() {
        let doubled = [0, 0, 0, 10, 10, 10].into_iter();
        assert_eq!(to("5", ChannelKind::Telegram, doubled).len(), 3);
        let doubled = (0..19).map(|n| n * 1_050).chain((0..19).map(|n| 20_000 + n * 1_050));
        assert!(to("-5", ChannelKind::Telegram, doubled).iter().any(|over| over.limit == "group"));
        let doubled = (0..88).map(|n| n * 20);
        assert!(to("5", ChannelKind::Whatsapp, doubled).iter().any(|over| over.limit == "pair"));
    }

    #[test]
    fn a_bot_that_bursts_twice_over_many_chats_is_found() {
        let mut sample = Sample::default();
        sample.history.sends = (0..56)
            .map(|n| Send {
                at: n / 28 * 100,
                chat: ChatKey { chat: n.to_string(), ..chat() },
                text: String::new(),
                taken: true,
                hidden: false,
                planned: false,
                wait_s: None,
            })
            .collect();
        assert!(over_limit(&sample.history).iter().any(|over| over.limit == "bot"));
    }
}
