//! Commits: no offset is committed before what it stands for is durable.
//!
//! Guarantee: for each look at what dispatch had committed of `reply.ready` and `reply.bulk`, every record below the offset or
//! with its bit set had, by then, a RESULT for each part, a PUT, or a dead letter. A further record of an id may be finished at
//! once: the first one still stands for it.

use std::collections::{HashMap, HashSet};

use crate::app::chaos::history::{Commit, History, ParkedKind, Reply};
use crate::domain::events::Lane;
use crate::domain::ids::EventId;
use crate::domain::topics::{REPLY_BULK, REPLY_READY};

/// An offset that was committed too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// Which lane.
    pub lane: Lane,
    /// Which partition of it.
    pub partition: u32,
    /// Which offset.
    pub offset: u64,
    /// When it was seen as committed.
    pub at: i64,
    /// When its effect was durable, if ever.
    pub durable: Option<i64>,
}

/// Every offset that was committed too early, each once.
#[must_use]
pub fn early(history: &History) -> Vec<Early> {
    let durable = Durable::of(history);
    let mut found: HashMap<Place, Early> = HashMap::new();
    let ready = history.topics.replies.iter().map(|(partition, replies)| (Lane::Ready, *partition, replies));
    let bulk = history.topics.bulk_replies.iter();
    let bulk = bulk.map(|(partition, replies)| (Lane::Bulk, *partition, replies));
    for (lane, partition, replies) in ready.chain(bulk) {
        let mut seen = HashSet::new();
        // (offset, when it was durable), of the first record of each id and of what can't be read.
        let moments: Vec<(u64, Option<i64>)> = replies
            .iter()
            .filter(|reply| reply.body.as_ref().is_none_or(|body| seen.insert(body.id)))
            .map(|reply| (reply.offset, durable.at((lane, partition), reply)))
            .collect();
        for commit in
            history.commits.iter().filter(|commit| (commit.lane, commit.partition) == (lane, partition))
        {
            for (offset, durable) in &moments {
                if commit.holds(*offset) && durable.is_none_or(|durable| durable > commit.at) {
                    let (offset, at, durable) = (*offset, commit.at, *durable);
                    let early = Early { lane, partition, offset, at, durable };
                    found.entry((lane, partition, offset)).or_insert(early);
                }
            }
        }
    }
    let mut found: Vec<Early> = found.into_values().collect();
    found.sort_by_key(|early| (early.lane == Lane::Bulk, early.partition, early.offset));
    found
}

impl Commit {
    /// True when it says that the record is finished.
    fn holds(&self, offset: u64) -> bool {
        offset < self.offset
            || usize::try_from(offset - self.offset).is_ok_and(|bit| self.done.get(bit) == Some(&true))
    }
}

/// A record's: lane, partition, offset.
type Place = (Lane, u32, u64);

/// When the effect of each record was durable first.
#[derive(Debug, Default)]
struct Durable {
    replies: HashMap<EventId, i64>,
    records: HashMap<Place, i64>,
}

impl Durable {
    fn of(history: &History) -> Self {
        let mut all = Self::default();
        let mut parts: HashMap<EventId, HashSet<u32>> = HashMap::new();
        for result in history.topics.results.values().flatten().chain(&history.topics.bulk_results) {
            let settled = parts.entry(result.id).or_default();
            settled.insert(result.part);
            if (0..result.of).all(|part| settled.contains(&part)) {
                all.reply(result.id, result.at);
            }
        }
        for record in history.topics.parked.values().flatten() {
            if let ParkedKind::Put(id) = record.kind {
                all.reply(id, record.at);
            }
        }
        for letter in &history.topics.dead {
            let lane = match letter.topic.as_str() {
                REPLY_READY => Lane::Ready,
                REPLY_BULK => Lane::Bulk,
                _ => continue,
            };
            let at = all.records.entry((lane, letter.partition, letter.offset)).or_insert(letter.at);
            *at = letter.at.min(*at);
            if let Some(id) = letter.reply {
                all.reply(id, letter.at);
            }
        }
        all
    }

    fn reply(&mut self, id: EventId, at: i64) {
        let first = self.replies.entry(id).or_insert(at);
        *first = at.min(*first);
    }

    fn at(&self, (lane, partition): (Lane, u32), reply: &Reply) -> Option<i64> {
        let by_id = reply.body.as_ref().and_then(|body| self.replies.get(&body.id));
        by_id.or_else(|| self.records.get(&(lane, partition, reply.offset))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, reply_id};
    use super::*;

    fn looked(sample: &mut Sample, at: i64, offset: u64, done: &[bool]) -> Vec<Early> {
        let (lane, done) = (Lane::Ready, done.to_vec());
        sample.history.commits.push(Commit { at, lane, partition: 0, offset, done });
        early(&sample.history)
    }

    #[test]
    fn what_was_durable_before_is_fine() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).reply(2, &["b"]).reply(3, &["c"]);
        sample.result(10, 1, 0, 1).parked(20, ParkedKind::Put(reply_id(2))).dead(30, Some(3), 2, b"");
        assert_eq!(looked(&mut sample, 40, 3, &[]), []);
    }

    #[test]
    fn an_offset_before_its_result_is_found() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).result(50, 1, 0, 1);
        let found = looked(&mut sample, 40, 1, &[]);
        assert_eq!(found, [Early { lane: Lane::Ready, partition: 0, offset: 0, at: 40, durable: Some(50) }]);
    }

    #[test]
    fn an_offset_without_any_effect_is_found_also_by_its_bit() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).reply(2, &["b"]);
        assert_eq!(looked(&mut sample, 40, 0, &[false, true])[0].offset, 1);
    }

    #[test]
    fn a_campaign_s_message_before_its_result_is_found_and_no_reply_s_result_stands_for_it() {
        let mut sample = Sample::default();
        sample.reply(1, &["news"]).reply(2, &["more"]);
        let lane = std::mem::take(&mut sample.history.topics.replies);
        sample.history.topics.bulk_replies = lane;
        let commit = Commit { at: 40, lane: Lane::Bulk, partition: 0, offset: 2, done: Vec::new() };
        sample.history.commits.push(commit);
        let found =
            |sample: &Sample| early(&sample.history).iter().map(|early| early.offset).collect::<Vec<_>>();
        assert_eq!(found(&sample), [0, 1]);
        sample.result(10, 1, 0, 1);
        let result = sample.last_result().clone();
        sample.history.topics.bulk_results.push(result);
        sample.history.topics.results.clear();
        // A dead letter of the other lane's record at this offset says nothing of this one.
        sample.dead(30, None, 1, b"x");
        assert_eq!(found(&sample), [1]);
        sample.last_dead().topic = REPLY_BULK.to_owned();
        assert!(found(&sample).is_empty());
    }

    #[test]
    fn one_part_of_two_is_not_enough() {
        let mut sample = Sample::default();
        sample.reply(1, &["a", "b"]).result(10, 1, 0, 2);
        assert_eq!(looked(&mut sample, 40, 1, &[]).len(), 1);
    }

    #[test]
    fn a_further_record_of_an_id_may_be_finished_at_once() {
        let mut sample = Sample::default();
        sample.reply(1, &["a"]).reply(1, &["a"]);
        assert_eq!(looked(&mut sample, 40, 0, &[false, true]), []);
    }

    #[test]
    fn a_record_that_nobody_can_read_needs_its_dead_letter() {
        let mut sample = Sample::default();
        sample.history.topics.replies.entry(0).or_default().push(Reply { offset: 0, body: None });
        assert_eq!(looked(&mut sample, 40, 1, &[]).len(), 1);
        sample.dead(30, None, 0, b"x");
        assert_eq!(early(&sample.history), []);
    }
}
