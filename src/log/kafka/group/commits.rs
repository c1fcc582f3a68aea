//! What is to be committed. Pure: submissions and answers go in, commits come out.
//!
//! Guarantees: at most one commit is in flight; a failed one is tried again, under whatever was submitted since, and is
//! never replaced by a guess; partitions that were given back or lost are left out, also of what is tried again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::log::{Committed, LogError, Progress, TopicPartition};

/// What is to be committed and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Commits {
    pending: BTreeMap<TopicPartition, Committed>,
    flight: Option<Flight>,
    /// Counts submissions.
    submitted: u64,
    /// Counts commits sent.
    flights: u64,
    /// After a failure: not before.
    not_before: Option<Instant>,
    waiters: Vec<Waiter>,
}

#[derive(Debug)]
struct Flight {
    number: u64,
    progress: BTreeMap<TopicPartition, Committed>,
    /// The submissions that it covers.
    upto: u64,
    since: Instant,
}

#[derive(Debug)]
struct Waiter {
    submission: u64,
    partitions: Vec<TopicPartition>,
    answer: oneshot::Sender<Result<(), LogError>>,
}

/// Between a failure and the next try.
const RETRY: Duration = Duration::from_millis(200);
/// A commit that was not answered for so long counts as failed. Longer than librdkafka's own request timeout (60 s).
const UNANSWERED: Duration = Duration::from_secs(75);

impl Commits {
    /// Later than everything before it; replaces what has not been sent.
    pub(super) fn submit(&mut self, upto: impl IntoIterator<Item = Progress>) {
        self.submitted += 1;
        self.pending.extend(upto.into_iter().map(|progress| (progress.partition, progress.committed)));
    }

    /// Answered when everything submitted so far of `partitions` is committed.
    pub(super) fn wait(
        &mut self,
        partitions: Vec<TopicPartition>,
    ) -> oneshot::Receiver<Result<(), LogError>> {
        let (answer, receiver) = oneshot::channel();
        self.waiters.push(Waiter { submission: self.submitted, partitions, answer });
        receiver
    }

    /// What to send now, if anything, and the number that its answer comes with.
    pub(super) fn depart(&mut self, now: Instant) -> Option<(u64, Vec<Progress>)> {
        if let Some(flight) = &self.flight
            && now.duration_since(flight.since) > UNANSWERED
        {
            self.failed(flight.number, now, None);
        }
        let waits = self.not_before.is_some_and(|at| now < at);
        if self.flight.is_some() || self.pending.is_empty() || waits {
            return None;
        }
        let progress = std::mem::take(&mut self.pending);
        let list = progress
            .iter()
            .map(|(partition, committed)| Progress {
                partition: partition.clone(),
                committed: committed.clone(),
            })
            .collect();
        self.flights += 1;
        self.flight = Some(Flight { number: self.flights, progress, upto: self.submitted, since: now });
        Some((self.flights, list))
    }

    /// A commit was taken. One that was given up before changes nothing.
    pub(super) fn landed(&mut self, number: u64) {
        let Some(flight) = self.flight.take_if(|flight| flight.number == number) else { return };
        self.not_before = None;
        for waiter in self.waiters.extract_if(.., |waiter| waiter.submission <= flight.upto) {
            // The one who waited may have gone; the commit stands.
            drop(waiter.answer.send(Ok(())));
        }
    }

    /// A commit was not taken. With an error that no try can heal, those who wait are told.
    pub(super) fn failed(&mut self, number: u64, now: Instant, error: Option<&dyn Fn() -> LogError>) {
        let Some(flight) = self.flight.take_if(|flight| flight.number == number) else { return };
        for (partition, committed) in flight.progress {
            self.pending.entry(partition).or_insert(committed);
        }
        self.not_before = Some(now + RETRY);
        if let Some(error) = error {
            for waiter in self.waiters.extract_if(.., |waiter| waiter.submission <= flight.upto) {
                drop(waiter.answer.send(Err(error())));
            }
        }
    }

    /// These are not ours any more.
    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.pending.remove(partition);
            if let Some(flight) = &mut self.flight {
                flight.progress.remove(partition);
            }
        }
        let concerned = |waiter: &mut Waiter| waiter.partitions.iter().any(|p| partitions.contains(p));
        for waiter in self.waiters.extract_if(.., concerned) {
            let lost = waiter.partitions.into_iter().find(|p| partitions.contains(p));
            if let Some(lost) = lost {
                drop(waiter.answer.send(Err(LogError::Fenced(lost))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p(partition: u32) -> TopicPartition {
        TopicPartition::new("t.v1", partition)
    }

    fn upto(partition: u32, offset: u64) -> Progress {
        Progress { partition: p(partition), committed: Committed { offset, metadata: String::new() } }
    }

    #[test]
    fn one_is_in_flight_and_the_newest_waits() {
        let mut commits = Commits::default();
        let now = Instant::now();
        commits.submit([upto(0, 1)]);
        assert_eq!(commits.depart(now), Some((1, vec![upto(0, 1)])));
        commits.submit([upto(0, 2)]);
        commits.submit([upto(0, 3)]);
        assert_eq!(commits.depart(now), None);
        commits.landed(1);
        assert_eq!(commits.depart(now), Some((2, vec![upto(0, 3)])));
    }

    /// Committing "the highest seen" after a failure, or in place of a lost partition's progress, loses records.
    #[test]
    fn a_failed_commit_is_tried_again_and_never_jumps_forward() {
        let mut commits = Commits::default();
        let now = Instant::now();
        commits.submit([upto(0, 5), upto(1, 7)]);
        commits.depart(now);
        commits.submit([upto(1, 9)]);
        commits.failed(1, now, None);
        assert_eq!(commits.depart(now), None, "not at once");
        assert_eq!(commits.depart(now + RETRY), Some((2, vec![upto(0, 5), upto(1, 9)])));
    }

    #[test]
    fn a_lost_partition_is_left_out_also_of_the_next_try() {
        let mut commits = Commits::default();
        let now = Instant::now();
        commits.submit([upto(0, 5), upto(1, 7)]);
        let mut answer = commits.wait(vec![p(0)]);
        commits.depart(now);
        commits.forget(&[p(0)]);
        assert!(matches!(answer.try_recv().unwrap(), Err(LogError::Fenced(lost)) if lost == p(0)));
        commits.failed(1, now, None);
        assert_eq!(commits.depart(now + RETRY), Some((2, vec![upto(1, 7)])));
    }

    #[test]
    fn who_waits_is_answered_by_the_commit_that_covers_it() {
        let mut commits = Commits::default();
        let now = Instant::now();
        commits.submit([upto(0, 1)]);
        commits.depart(now);
        commits.submit([upto(0, 2)]);
        let mut answer = commits.wait(vec![p(0)]);
        commits.landed(1);
        assert!(answer.try_recv().is_err(), "only offset 1 has landed");
        commits.depart(now);
        commits.landed(2);
        assert!(answer.try_recv().unwrap().is_ok());
    }

    #[test]
    fn a_commit_that_nobody_answers_is_given_up() {
        let mut commits = Commits::default();
        let now = Instant::now();
        commits.submit([upto(0, 1)]);
        commits.depart(now);
        assert_eq!(commits.depart(now + UNANSWERED * 2), None);
        commits.submit([upto(0, 2)]);
        assert_eq!(commits.depart(now + UNANSWERED * 2 + RETRY), Some((2, vec![upto(0, 2)])));
        commits.landed(1);
        assert!(commits.flight.is_some(), "the late answer is about the one that was given up");
    }

    proptest! {
        /// With any mix of answers, what is sent never goes back, and the last submission gets through in the end.
        #[test]
        fn offsets_rise_and_arrive(answers in prop::collection::vec(any::<bool>(), 1..60)) {
            let mut commits = Commits::default();
            let mut now = Instant::now();
            let mut sent = 0;
            for (i, landed) in answers.iter().enumerate() {
                commits.submit([upto(0, i as u64 + 1)]);
                if let Some((number, list)) = commits.depart(now) {
                    prop_assert!(list[0].committed.offset >= sent);
                    sent = list[0].committed.offset;
                    if *landed { commits.landed(number) } else { commits.failed(number, now, None) }
                }
                now += RETRY / 2;
            }
            now += RETRY;
            if let Some((_, list)) = commits.depart(now) {
                sent = list[0].committed.offset;
            }
            prop_assert_eq!(sent, answers.len() as u64);
        }
    }
}
