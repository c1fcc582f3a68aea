//! No loss: every event that the edge answered with 200 has a fate in the topics.
//!
//! Guarantee: an event counts as settled only when each of its reply's parts has a RESULT. Where it has none it is in
//! `turn.dropped`, in the dead letters or parked, or it is missing; the last topic that saw it says where it went.

use std::collections::{HashMap, HashSet};

use crate::app::chaos::history::{Accepted, History};
use crate::domain::events::SettledStatus;
use crate::domain::ids::EventId;

/// What became of the accepted events. The counts add up to their number.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// Every part was taken by the provider.
    pub sent: usize,
    /// A part was refused for good.
    pub rejected: usize,
    /// The deadline passed.
    pub expired: usize,
    /// A part may have been sent.
    pub in_doubt: usize,
    /// Ended without a reply, with a reason.
    pub dropped: usize,
    /// Waits for a limit.
    pub parked: usize,
    /// Those of them whose bot is not limited for ever: they have to be sent yet.
    pub waiting: usize,
    /// In the dead letters, without a RESULT.
    pub dead: usize,
    /// Nowhere.
    pub missing: Vec<Missing>,
}

/// An event without a fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The event.
    pub event: Accepted,
    /// The last topic of the flow that has it.
    pub last: Option<&'static str>,
    /// RESULTs that it has, of how many.
    pub parts: (u32, u32),
}

/// What is known of one reply's parts.
#[derive(Debug, Default)]
struct Parts {
    of: u32,
    settled: HashMap<u32, SettledStatus>,
}

/// Finds every fate.
#[must_use]
pub fn fates(history: &History) -> Fates {
    let mut parts: HashMap<EventId, Parts> = HashMap::new();
    for result in history.topics.results.values().flatten() {
        let found = parts.entry(result.root).or_default();
        found.of = result.of;
        // The first counts: a later one is a late owner's.
        found.settled.entry(result.part).or_insert(result.status);
    }
    let dead: HashSet<EventId> = history.topics.dead.iter().filter_map(|letter| letter.root).collect();
    let parked = history.topics.parked_now();
    let mut fates = Fates::default();
    let unique: HashSet<EventId> = HashSet::with_capacity(history.accepted.len());
    history.accepted.iter().fold(unique, |mut unique, event| {
        if unique.insert(event.root) {
            fates.add(history, event, parts.get(&event.root), &dead, &parked);
        }
        unique
    });
    fates
}

impl Fates {
    fn add(
        &mut self,
        history: &History,
        event: &Accepted,
        parts: Option<&Parts>,
        dead: &HashSet<EventId>,
        parked: &HashSet<EventId>,
    ) {
        let whole = parts.filter(|parts| (0..parts.of).all(|part| parts.settled.contains_key(&part)));
        let has = |parts: &Parts, status| parts.settled.values().any(|settled| *settled == status);
        let count = match whole {
            Some(parts) if has(parts, SettledStatus::InDoubt) => &mut self.in_doubt,
            Some(parts) if has(parts, SettledStatus::Rejected) => &mut self.rejected,
            Some(parts) if has(parts, SettledStatus::Expired) => &mut self.expired,
            Some(parts) if has(parts, SettledStatus::Sent) => &mut self.sent,
            Some(_) => &mut self.dropped,
            None if history.topics.dropped.contains_key(&event.root) => &mut self.dropped,
            None if parked.contains(&EventId::reply(event.root, 0)) => {
                self.waiting += usize::from(!history.limited.contains(&event.chat.account));
                &mut self.parked
            }
            None if dead.contains(&event.root) => &mut self.dead,
            None => {
                let last = history.topics.trace.get(&event.root).copied();
                let settled = parts.map_or(0, |parts| u32::try_from(parts.settled.len()).unwrap_or(u32::MAX));
                let parts = (settled, parts.map_or(0, |parts| parts.of));
                return self.missing.push(Missing { event: event.clone(), last, parts });
            }
        };
        *count += 1;
    }
}

/// How many of the records that nobody can read, and of those that do harm to a stage, are not in the dead letters. One
/// that did harm must be there for its reason; one that was dropped before did none.
#[must_use]
pub fn lost_poison(history: &History) -> usize {
    let dead: HashSet<&[u8]> = history.topics.dead.iter().map(|letter| letter.bytes.as_slice()).collect();
    let unread = history.poison.iter().filter(|bytes| !dead.contains(bytes.as_slice())).count();
    let mut why: HashMap<EventId, HashSet<&str>> = HashMap::new();
    for letter in &history.topics.dead {
        letter.root.map(|root| why.entry(root).or_default().insert(&letter.reason));
    }
    let found = |event: &Accepted, reason: &str| {
        history.topics.dropped.contains_key(&event.root)
            || why.get(&event.root).is_some_and(|why| why.contains(reason))
    };
    let harmful = history.accepted.iter().filter(|event| event.harm.is_some_and(|harm| !found(event, harm)));
    unread + harmful.count()
}

/// Events that were given up for what a record beside them did: as one that ends its process or makes a stage panic.
#[must_use]
pub fn wronged(history: &History) -> Vec<EventId> {
    let harmful: HashSet<EventId> =
        history.accepted.iter().filter(|event| event.harm.is_some()).map(|event| event.root).collect();
    let given_up =
        history.topics.dead.iter().filter(|letter| matches!(letter.reason.as_str(), "crash_loop" | "panic"));
    given_up.filter_map(|letter| letter.root).filter(|root| !harmful.contains(root)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, reply_id, root};
    use super::*;
    use crate::app::chaos::history::ParkedKind;

    #[test]
    fn every_fate_is_told_apart() {
        let mut sample = Sample::default();
        for n in 0..7 {
            sample.accept(n);
        }
        sample.result(1, 0, 0, 1);
        for (n, status) in
            [(1, SettledStatus::Rejected), (2, SettledStatus::Expired), (3, SettledStatus::InDoubt)]
        {
            sample.result(1, n, 0, 1).last_result().status = status;
        }
        sample.parked(1, ParkedKind::Put(reply_id(4))).dead(1, Some(5), 0, b"");
        sample.history.topics.dropped.insert(root(6), "late".to_owned());
        let fates = fates(&sample.history);
        let wanted = Fates {
            sent: 1,
            rejected: 1,
            expired: 1,
            in_doubt: 1,
            parked: 1,
            waiting: 1,
            dead: 1,
            dropped: 1,
            missing: Vec::new(),
        };
        assert_eq!(fates, wanted);
    }

    #[test]
    fn what_has_no_fate_is_missing_and_its_last_topic_named() {
        let mut sample = Sample::default();
        sample.accept(1).history.topics.trace.insert(root(1), "turn.opened.v1");
        let fates = fates(&sample.history);
        assert_eq!(fates.missing.len(), 1);
        assert_eq!(fates.missing[0].last, Some("turn.opened.v1"));
    }

    #[test]
    fn a_reply_with_one_part_of_two_is_missing() {
        let mut sample = Sample::default();
        sample.accept(1).result(1, 1, 0, 2);
        assert_eq!(fates(&sample.history).missing[0].parts, (1, 2));
        sample.result(2, 1, 1, 2);
        assert_eq!(fates(&sample.history).sent, 1);
    }

    #[test]
    fn what_was_taken_back_is_not_parked() {
        let mut sample = Sample::default();
        sample.accept(1).parked(1, ParkedKind::Put(reply_id(1))).parked(2, ParkedKind::Delete(reply_id(1)));
        assert_eq!(fates(&sample.history).missing.len(), 1);
    }

    #[test]
    fn what_is_parked_for_a_bot_that_is_limited_for_ever_is_not_waited_for() {
        let mut sample = Sample::default();
        sample.accept(1).parked(1, ParkedKind::Put(reply_id(1))).history.limited.insert("77".to_owned());
        assert_eq!(fates(&sample.history), Fates { parked: 1, ..Fates::default() });
    }

    #[test]
    fn an_event_that_was_accepted_twice_counts_once() {
        let mut sample = Sample::default();
        sample.accept(1).accept(1).result(1, 1, 0, 1);
        assert_eq!(fates(&sample.history), Fates { sent: 1, ..Fates::default() });
    }

    #[test]
    fn a_poison_record_that_is_no_dead_letter_is_lost() {
        let mut sample = Sample::default();
        sample.history.poison = vec![b"one".to_vec(), b"two".to_vec()];
        sample.dead(1, None, 3, b"one");
        assert_eq!(lost_poison(&sample.history), 1);
    }

    #[test]
    fn a_record_that_did_harm_is_a_dead_letter_for_that_and_its_neighbours_are_none() {
        let mut sample = Sample::default();
        for n in 1..=4 {
            sample.accept(n);
        }
        for n in 0..3 {
            sample.history.accepted[n].harm = Some("crash_loop");
        }
        // The second was dropped before it could do harm; of the third nobody knows why it is dead.
        sample.dead(1, Some(1), 0, b"").last_dead().reason = "crash_loop".to_owned();
        sample.history.topics.dropped.insert(root(2), "late".to_owned());
        sample.dead(1, Some(3), 1, b"").last_dead().reason = "exhausted".to_owned();
        assert_eq!(lost_poison(&sample.history), 1);
        assert!(wronged(&sample.history).is_empty());
        sample.dead(1, Some(4), 2, b"").last_dead().reason = "crash_loop".to_owned();
        assert_eq!(wronged(&sample.history), [root(4)]);
    }
}
