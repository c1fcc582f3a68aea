//! Which part of which reply each message at the provider is.
//!
//! Guarantee: told by the text alone, which is unique in its chat by the plan of a run. A text that two replies of a chat
//! share (a bot's fallback) identifies nothing and is left out, never guessed.

use std::collections::HashMap;

use crate::app::chaos::history::{ChatKey, History};
use crate::domain::ids::EventId;

/// What the provider took, by chat, in the order in which it did.
#[derive(Debug, Default)]
pub struct Deliveries<'a> {
    /// By chat.
    pub chats: HashMap<&'a ChatKey, Vec<Delivery>>,
    /// Messages whose text no reply of their chat has.
    pub strangers: usize,
}

/// A part that the provider took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: i64,
    /// Which reply.
    pub id: EventId,
    /// Which part.
    pub part: u32,
    /// True when its sender was not told.
    pub hidden: bool,
}

/// Reads them from the provider's calls.
#[must_use]
pub fn of(history: &History) -> Deliveries<'_> {
    let mut known: HashMap<(&ChatKey, &str), Option<(EventId, u32)>> = HashMap::new();
    for (_, _, reply) in history.topics.reply_bodies() {
        for (part, text) in (0..).zip(&reply.texts) {
            let found = known.entry((&reply.chat, text.as_str())).or_insert(Some((reply.id, part)));
            if *found != Some((reply.id, part)) {
                *found = None;
            }
        }
    }
    // A campaign's text is no reply's.
    known.extend(history.told.iter().map(|told| ((&told.chat, told.text.as_str()), None)));
    let mut all = Deliveries::default();
    for send in history.sends.iter().filter(|send| send.taken) {
        match known.get(&(&send.chat, send.text.as_str())) {
            Some(Some((id, part))) => {
                let delivery = Delivery { at: send.at, id: *id, part: *part, hidden: send.hidden };
                all.chats.entry(&send.chat).or_default().push(delivery);
            }
            Some(None) => {}
            None => all.strangers += 1,
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, chat};
    use super::*;

    #[test]
    fn a_shared_text_identifies_nothing_and_an_unknown_one_is_counted() {
        let mut sample = Sample::default();
        sample.reply(1, &["a", "sorry"]).reply(2, &["b", "sorry"]);
        sample.send(10, "a").send(20, "sorry").send(30, "who?");
        let history = sample.history;
        let deliveries = of(&history);
        assert_eq!(deliveries.chats[&chat()].len(), 1);
        assert_eq!(deliveries.strangers, 1);
    }
}
