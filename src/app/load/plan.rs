//! Which message is due when: fixed by the load and its seed.
//!
//! Guarantee: a chat's messages are evenly apart and all on one connection, so the generator itself never reorders.

use std::fmt::Write as _;
use std::time::Duration;

use super::Load;

/// What Telegram would show: the same for every bot of a bench.
pub const SECRET: &str = "bench-secret";
/// The scripted words: the n-th message of a chat says `w` and n modulo this, the reply `r` and the same.
pub const WORDS: u64 = 10;

/// A load, laid out.
#[derive(Debug)]
pub struct Plan {
    load: Load,
    /// Chats in the order in which they are written to, over and over.
    order: Vec<u32>,
    padding: String,
}

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which chat, from 0.
    pub chat: u32,
    /// Which message of the chat, from 0.
    pub seq: u64,
    /// When, from the beginning.
    pub due: Duration,
    /// Which message of all.
    pub number: u64,
}

impl Plan {
    /// Lays a load out.
    #[must_use]
    pub fn new(load: Load) -> Self {
        let mut order: Vec<u32> = (0..load.chats.max(1)).collect();
        fastrand::Rng::with_seed(load.seed).shuffle(&mut order);
        Self { load, order, padding: " lorem".repeat(load.payload / 6 + 1) }
    }

    /// All messages, warm-up included.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.load.rate) * u64::from(self.load.seconds + self.load.warmup)
    }

    /// From when on latencies count.
    #[must_use]
    pub fn warm(&self) -> Duration {
        Duration::from_secs(u64::from(self.load.warmup))
    }

    /// When the last message is due.
    #[must_use]
    pub fn end(&self) -> Duration {
        Duration::from_secs(u64::from(self.load.seconds + self.load.warmup))
    }

    /// The number of chats.
    #[must_use]
    pub fn chats(&self) -> usize {
        self.order.len()
    }

    /// The messages of one connection, in order.
    pub fn lane(&self, lane: u64, lanes: u64) -> impl Iterator<Item = Message> {
        (0..self.total())
            .map(|number| self.message(number))
            .filter(move |m| u64::from(m.chat) % lanes == lane)
    }

    fn message(&self, number: u64) -> Message {
        let chats = self.order.len() as u64;
        let chat = self.order[usize::try_from(number % chats).unwrap_or(0)];
        let due = Duration::from_secs_f64(number as f64 / f64::from(self.load.rate.max(1)));
        Message { chat, seq: number / chats, due, number }
    }

    /// The Telegram id of a bot.
    #[must_use]
    pub const fn bot_id(bot: u32) -> i64 {
        5_000_000 + bot as i64
    }

    /// The name of a bot.
    #[must_use]
    pub fn bot_name(bot: u32) -> String {
        format!("bench-{bot}")
    }

    /// The Telegram id of a chat.
    #[must_use]
    pub const fn chat_id(chat: u32) -> i64 {
        1_000_000 + chat as i64
    }

    /// The edge's address for a chat's bot.
    #[must_use]
    pub fn path(&self, chat: u32) -> String {
        format!("/webhooks/telegram/{}", Self::bot_name(self.load.begin.bot + chat % self.load.bots.max(1)))
    }

    /// A Telegram update.
    pub fn body(&self, message: &Message, out: &mut String) {
        out.clear();
        let (chat, seq) = (Self::chat_id(self.load.begin.chat + message.chat), message.seq);
        let now = jiff::Timestamp::now().as_second();
        let word = format!("w{}", seq % WORDS);
        let padding = &self.padding[..self.load.payload.saturating_sub(word.len()).min(self.padding.len())];
        // Writing to a String can't fail.
        let _written = write!(
            out,
            r#"{{"update_id":{},"message":{{"message_id":{},"from":{{"id":{chat},"is_bot":false,"first_name":"Bench","language_code":"en"}},"chat":{{"id":{chat},"first_name":"Bench","type":"private"}},"date":{now},"text":"{word}{padding}"}}}}"#,
            self.load.begin.update + message.number + 1,
            seq + 1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::Begin;
    use super::*;

    const LOAD: Load = Load {
        rate: 100,
        seconds: 2,
        warmup: 1,
        bots: 3,
        chats: 7,
        payload: 200,
        seed: 1,
        begin: Begin { bot: 0, chat: 0, update: 0 },
    };

    #[test]
    fn lanes_hold_every_message_once_and_chats_in_order() {
        let plan = Plan::new(LOAD);
        let mut seen = std::collections::BTreeSet::new();
        for lane in 0..4 {
            let mut last = std::collections::HashMap::new();
            for message in plan.lane(lane, 4) {
                assert!(seen.insert(message.number));
                let before = last.insert(message.chat, message.seq);
                assert_eq!(before.map_or(0, |seq| seq + 1), message.seq);
            }
        }
        assert_eq!(seen.len(), 300);
    }

    #[test]
    fn a_body_is_an_update_of_the_asked_size() {
        let (plan, mut body) = (Plan::new(LOAD), String::new());
        plan.body(&plan.message(8), &mut body);
        let update: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(update["message"]["text"].as_str().unwrap().len(), 200);
        assert!(update["message"]["text"].as_str().unwrap().starts_with("w1 lorem"));
    }
}
