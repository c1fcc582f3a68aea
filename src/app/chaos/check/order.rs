//! Order: first deliveries in a chat follow the order of its turns.
//!
//! Guarantee: held twice, against the order in which replies were ready (dispatch keeps it) and against the order in
//! which the chat's webhooks were accepted (all stages keep it). The first occurrence of an id or event gives its place.

use std::collections::{HashMap, HashSet};

use super::deliveries::Deliveries;
use crate::app::chaos::history::{ChatKey, History};
use crate::domain::ids::EventId;

/// A delivery that came after a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reordered {
    /// Where.
    pub chat: ChatKey,
    /// When it came.
    pub at: i64,
    /// What came late: reply and part.
    pub late: (EventId, u32),
    /// What came before it and should not have.
    pub before: (EventId, u32),
    /// Which order it breaks: `reply.ready` or `webhook.received`.
    pub order: &'static str,
}

/// Every first delivery that came after a later one of its chat.
#[must_use]
pub fn reordered(history: &History, deliveries: &Deliveries<'_>) -> Vec<Reordered> {
    let (mut ready, mut received) = (HashMap::new(), HashMap::new());
    for (_, offset, reply) in history.topics.reply_bodies() {
        ready.entry(reply.id).or_insert(offset);
        if let Some((_, offset)) = history.topics.received.get(&reply.root) {
            received.insert(reply.id, *offset);
        }
    }
    let mut found = Vec::new();
    for (chat, list) in &deliveries.chats {
        let mut seen = HashSet::new();
        let mut latest = [None, None];
        for delivery in list.iter().filter(|delivery| seen.insert((delivery.id, delivery.part))) {
            let this = (delivery.id, delivery.part);
            let orders = [(&ready, "reply.ready"), (&received, "webhook.received")];
            let mut broken = None;
            for (latest, (places, order)) in latest.iter_mut().zip(orders) {
                let Some(offset) = places.get(&delivery.id) else { continue };
                let place = (*offset, delivery.part);
                match *latest {
                    Some((top, before)) if place < top => broken = broken.or(Some((before, order))),
                    _ => *latest = Some((place, this)),
                }
            }
            if let Some((before, order)) = broken {
                found.push(Reordered { chat: (*chat).clone(), at: delivery.at, late: this, before, order });
            }
        }
    }
    found.sort_by_key(|reordered| reordered.at);
    found
}

#[cfg(test)]
mod tests {
    use super::super::deliveries;
    use super::super::sample::{Sample, reply_id};
    use super::*;

    fn of(sample: &Sample) -> Vec<Reordered> {
        reordered(&sample.history, &deliveries::of(&sample.history))
    }

    #[test]
    fn parts_and_replies_in_order_are_fine_and_a_repeat_is_no_matter_of_order() {
        let mut sample = Sample::default();
        sample.reply(1, &["a", "b"]).reply(2, &["c"]);
        sample.send(1, "a").send(2, "a").send(3, "b").send(4, "c").send(5, "c");
        assert_eq!(of(&sample), []);
    }

    #[test]
    fn a_reply_before_an_earlier_one_is_found() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).reply(2, &["c"]).send(1, "c").send(2, "a");
        let found = of(&sample);
        assert_eq!((found.len(), found[0].late, found[0].before), (1, (reply_id(1), 0), (reply_id(2), 0)));
    }

    #[test]
    fn a_part_before_an_earlier_one_is_found() {
        let mut sample = Sample::default();
        sample.reply(1, &["a", "b"]).send(1, "b").send(2, "a");
        assert_eq!(of(&sample).len(), 1);
    }

    #[test]
    fn replies_made_in_another_order_than_their_webhooks_are_found() {
        let mut sample = Sample::default();
        sample.accept(1).accept(2).reply(2, &["c"]).reply(1, &["a"]).send(1, "c").send(2, "a");
        assert_eq!(of(&sample)[0].order, "webhook.received");
    }

    #[test]
    fn the_first_record_of_a_reply_gives_its_place() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).reply(2, &["c"]).reply(1, &["a"]).send(1, "a").send(2, "c");
        assert_eq!(of(&sample), []);
    }
}
