//! Duplicates: only a chat's last part, each with a cause, and each shown by the ledger.
//!
//! Guarantee: a part that was delivered again is at fault when another part came between, or when nothing explains it:
//! neither an outcome that the provider hid from the sender, nor a crash between the two deliveries that explains no
//! other repeat of that chat; and always when its bot never wants a message sent twice. It is flagged when the part's RESULT tells of a second try, or was written by an owner
//! that began after the first delivery.

use std::collections::{HashMap, HashSet};

use super::deliveries::{Deliveries, Delivery};
use crate::app::chaos::history::{ChatKey, Crash, History, ParkedKind, PartResult};
use crate::domain::ids::EventId;

/// A part that the provider took again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Where.
    pub chat: ChatKey,
    /// Which reply and part.
    pub part: (EventId, u32),
    /// When it came before, and when again.
    pub times: (i64, i64),
    /// The ledger shows it.
    pub flagged: bool,
    /// What explains it, or why nothing does.
    pub cause: &'static str,
    /// What may not be about it.
    pub fault: Option<&'static str>,
}

/// A call that was written before the crash may still arrive this much later; and one may have arrived that much before
/// its answer was lost.
const SLACK_MS: i64 = 2_000;

/// Every repeat, by time.
#[must_use]
pub fn duplicates(history: &History, deliveries: &Deliveries<'_>) -> Vec<Duplicate> {
    let ledger = Ledger::of(history);
    let mut found = Vec::new();
    for (chat, list) in &deliveries.chats {
        let mut last: HashMap<(EventId, u32), usize> = HashMap::new();
        let mut used: HashSet<usize> = HashSet::new();
        let never_twice = history.never_twice.contains(&chat.account);
        for (n, delivery) in list.iter().enumerate() {
            let part = (delivery.id, delivery.part);
            let Some(before) = last.insert(part, n) else { continue };
            let between = list[before + 1..n].iter().any(|other| (other.id, other.part) != part);
            let cause = cause(&list[before], delivery, &history.crashes, &mut used);
            found.push(Duplicate {
                chat: (*chat).clone(),
                part,
                times: (list[before].at, delivery.at),
                flagged: ledger.shows(part, list[before].at),
                cause: cause.unwrap_or("none"),
                fault: match cause {
                    _ if between => Some("another part came between"),
                    _ if never_twice => Some("its bot never wants a message sent twice"),
                    None => Some("neither a crash nor an unknown outcome explains it"),
                    Some(_) => None,
                },
            });
        }
    }
    found.sort_by_key(|duplicate| duplicate.times.1);
    found
}

fn cause(
    before: &Delivery,
    again: &Delivery,
    crashes: &[Crash],
    used: &mut HashSet<usize>,
) -> Option<&'static str> {
    if before.hidden {
        return Some("unknown outcome");
    }
    let explains = |crash: &Crash| crash.to + SLACK_MS >= before.at && crash.from <= again.at + SLACK_MS;
    let (n, crash) = crashes.iter().enumerate().find(|(n, crash)| !used.contains(n) && explains(crash))?;
    used.insert(n);
    Some(crash.what)
}

/// What the ledger says of parts, and when owners began.
struct Ledger<'a> {
    results: HashMap<(EventId, u32), Vec<(u32, &'a PartResult)>>,
    /// By partition: when each epoch was first seen.
    epochs: HashMap<u32, Vec<(i64, u64)>>,
}

impl<'a> Ledger<'a> {
    fn of(history: &'a History) -> Self {
        let mut results: HashMap<_, Vec<_>> = HashMap::new();
        let mut epochs: HashMap<u32, Vec<(i64, u64)>> = HashMap::new();
        for (partition, list) in &history.topics.results {
            for result in list {
                results.entry((result.id, result.part)).or_default().push((*partition, result));
                epochs.entry(*partition).or_default().push((result.at, result.epoch));
            }
        }
        for (partition, list) in &history.topics.parked {
            for record in list {
                if let ParkedKind::Epoch(epoch) = record.kind {
                    epochs.entry(*partition).or_default().push((record.at, epoch));
                }
            }
        }
        Self { results, epochs }
    }

    /// True when the ledger tells of a second try of a part that came first at `first`.
    fn shows(&self, part: (EventId, u32), first: i64) -> bool {
        let Some(results) = self.results.get(&part) else { return false };
        let epochs: HashSet<u64> = results.iter().map(|(_, result)| result.epoch).collect();
        epochs.len() > 1
            || results.iter().any(|(partition, result)| {
                // The owner of that moment, as far as it is known from what it had written by then.
                let owner = self.epochs.get(partition).into_iter().flatten();
                let owner = owner.filter(|(at, _)| *at <= first).map(|(_, epoch)| *epoch).max().unwrap_or(0);
                result.attempt > 1 || result.epoch > owner
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::deliveries;
    use super::super::sample::{Sample, chat};
    use super::*;

    fn of(sample: &Sample) -> Vec<Duplicate> {
        duplicates(&sample.history, &deliveries::of(&sample.history))
    }

    /// Two replies; owner 1 has begun.
    fn sample() -> Sample {
        let mut sample = Sample::default();
        sample.reply(0, &["first"]).reply(1, &["a", "b"]).send(500, "first").result(600, 0, 0, 1);
        sample
    }

    #[test]
    fn without_repeats_there_is_nothing_to_say() {
        assert_eq!(of(sample().send(1_000, "a").send(2_000, "b")), []);
    }

    #[test]
    fn a_repeat_over_a_crash_is_flagged_by_the_later_owners_result() {
        let mut sample = sample();
        sample.send(10_000, "a").crash(10_100, 10_100).send(30_000, "a").result(30_100, 1, 0, 2);
        sample.last_result().epoch = 2;
        let found = of(&sample);
        assert_eq!((found.len(), found[0].flagged, found[0].fault), (1, true, None));
    }

    #[test]
    fn a_second_try_that_the_result_tells_of_is_flagged() {
        let mut sample = sample();
        sample.send(10_000, "a").hidden().send(19_000, "a").result(19_100, 1, 0, 2).last_result().attempt = 2;
        assert_eq!((of(&sample)[0].flagged, of(&sample)[0].fault), (true, None));
    }

    #[test]
    fn a_repeat_that_the_ledger_does_not_show_is_unflagged() {
        let mut sample = sample();
        sample.send(10_000, "a").hidden().send(19_000, "a").result(19_100, 1, 0, 2);
        assert!(!of(&sample)[0].flagged);
    }

    #[test]
    fn a_repeat_without_a_cause_is_at_fault() {
        let mut sample = sample();
        sample.crash(50_000, 50_000).send(10_000, "a").send(12_000, "a").result(12_100, 1, 0, 2);
        sample.last_result().attempt = 2;
        assert!(of(&sample)[0].fault.is_some());
    }

    #[test]
    fn a_bot_that_never_wants_a_message_twice_gets_it_once() {
        let mut sample = sample();
        sample.send(10_000, "a").hidden().send(19_000, "a").history.never_twice.insert(chat().account);
        assert!(of(&sample)[0].fault.is_some());
    }

    #[test]
    fn one_crash_explains_one_repeat_of_a_chat() {
        let mut sample = sample();
        sample.send(10_000, "a").crash(10_100, 10_100).send(11_000, "a").send(11_500, "a");
        let found = of(&sample);
        assert_eq!(found.iter().filter(|duplicate| duplicate.fault.is_some()).count(), 1);
        assert_eq!(found[0].chat, chat());
    }

    #[test]
    fn a_part_that_is_not_the_last_may_not_come_again() {
        let mut sample = sample();
        sample.send(10_000, "a").send(11_000, "b").crash(11_100, 11_100).send(30_000, "a");
        assert_eq!(of(&sample)[0].fault, Some("another part came between"));
    }

    #[test]
    fn an_owner_that_wrote_its_marker_before_the_first_delivery_flags_nothing() {
        let mut sample = sample();
        sample.parked(700, ParkedKind::Epoch(2)).send(10_000, "a").hidden().send(19_000, "a");
        sample.result(19_100, 1, 0, 2).last_result().epoch = 2;
        assert!(!of(&sample)[0].flagged);
    }
}
