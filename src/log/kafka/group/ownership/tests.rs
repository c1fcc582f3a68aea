//! The rules of ownership, one by one and under random histories.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::domain::time::Timestamp;
use crate::log::Record;

fn p(partition: u32) -> TopicPartition {
    TopicPartition::new("t.v1", partition)
}

fn batch(partition: u32, offset: u64) -> Batch {
    let at = Timestamp::from_millis(0);
    let record = Record { offset, at, key: Bytes::new(), value: Bytes::new(), headers: Vec::new() };
    Batch { partition: p(partition), records: vec![record] }
}

/// Assigned, announced, started, fetched.
fn running(partitions: &[u32]) -> (Ownership, u64) {
    let mut owned = Ownership::default();
    let all: Vec<_> = partitions.iter().copied().map(p).collect();
    let epoch = owned.assign(&all);
    owned.announce(epoch, all.iter().cloned().map(|partition| (partition, None)).collect());
    for partition in &all {
        assert_eq!(owned.start(partition), Some(epoch));
        assert!(owned.fetch(partition, epoch));
    }
    (owned, epoch)
}

#[test]
fn records_flow_between_start_and_revocation_only() {
    let (mut owned, epoch) = running(&[0]);
    owned.push(epoch, batch(0, 1));
    assert!(owned.take().is_some());
    owned.push(epoch, batch(0, 2));
    let (id, known) = owned.revoke(&[p(0)]);
    assert_eq!(known, vec![p(0)]);
    assert!(owned.take().is_none(), "what was ready is left to the next owner");
    owned.push(epoch, batch(0, 3));
    assert!(owned.take().is_none());
    assert!(owned.owns(&p(0)), "its progress may still be committed");
    assert_eq!(owned.release(id), Some(vec![p(0)]));
    assert!(!owned.owns(&p(0)));
}

/// A deferred unassign that fires after the partition was granted again would leave it idle for hours.
#[test]
fn a_release_that_comes_after_a_loss_does_nothing() {
    let (mut owned, _) = running(&[0]);
    let (id, _) = owned.revoke(&[p(0)]);
    owned.lose(&[p(0)]);
    let epoch = owned.assign(&[p(0)]);
    owned.announce(epoch, vec![(p(0), None)]);
    owned.start(&p(0));
    owned.fetch(&p(0), epoch);
    assert_eq!(owned.release(id), None);
    assert!(owned.is_fetched(&p(0), epoch));
}

/// A stale completion must not delete the fresh state of the same partition after it was granted again.
#[test]
fn nothing_of_an_earlier_ownership_touches_the_next() {
    let (mut owned, old) = running(&[0]);
    owned.lose(&[p(0)]);
    let new = owned.assign(&[p(0)]);
    assert!(owned.announce(old, vec![(p(0), None)]).is_empty());
    assert_eq!(owned.announce(new, vec![(p(0), None)]).len(), 1);
    owned.start(&p(0));
    assert!(!owned.fetch(&p(0), old));
    owned.push(old, batch(0, 9));
    assert!(owned.take().is_none());
}

#[test]
fn partitions_are_given_back_when_the_last_revocation_is_released() {
    let (mut owned, _) = running(&[0, 1, 2]);
    let (first, _) = owned.revoke(&[p(0)]);
    let (second, _) = owned.revoke(&[p(1)]);
    assert_eq!(owned.release(second), None, "the other one still drains");
    assert!(owned.owns(&p(0)) && owned.owns(&p(1)));
    assert_eq!(owned.release(first), Some(vec![p(0), p(1)]));
    assert!(owned.owns(&p(2)));
}

#[test]
fn what_was_never_started_is_given_back_without_the_client() {
    let mut owned = Ownership::default();
    let epoch = owned.assign(&[p(0), p(1)]);
    owned.announce(epoch, vec![(p(0), None)]);
    let (id, known) = owned.revoke(&[p(0), p(1)]);
    assert_eq!(known, vec![p(0)], "of the other one the caller has not heard");
    assert_eq!(owned.release(id), Some(vec![]));
}

#[test]
fn a_held_partition_keeps_what_is_ready_and_others_go_on() {
    let (mut owned, epoch) = running(&[0, 1]);
    owned.push(epoch, batch(0, 1));
    owned.hold(&p(0), true);
    owned.push(epoch, batch(1, 1));
    assert_eq!(owned.take().unwrap().partition, p(1));
    assert!(owned.take().is_none());
    assert!(!owned.wants(&p(0), epoch));
    owned.hold(&p(0), false);
    assert_eq!(owned.take().unwrap().partition, p(0));
}

#[test]
fn partitions_take_turns() {
    let (mut owned, epoch) = running(&[0, 1, 2]);
    for partition in [0, 1, 2] {
        owned.push(epoch, batch(partition, 1));
        owned.push(epoch, batch(partition, 2));
        assert!(!owned.wants(&p(partition), epoch), "two are enough");
    }
    let order: Vec<u32> =
        std::iter::from_fn(|| owned.take()).map(|batch| batch.partition.partition).collect();
    assert_eq!(order, vec![0, 1, 2, 0, 1, 2]);
}

#[derive(Debug, Clone)]
enum Step {
    Assign(u32),
    Announce(u32),
    Start(u32),
    Push(u32),
    Revoke(u32),
    Release,
    Lose(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let partition = 0u32..4;
    prop_oneof![
        partition.clone().prop_map(Step::Assign),
        partition.clone().prop_map(Step::Announce),
        partition.clone().prop_map(Step::Start),
        partition.clone().prop_map(Step::Push),
        partition.clone().prop_map(Step::Revoke),
        Just(Step::Release),
        partition.prop_map(Step::Lose),
    ]
}

proptest! {
    /// Whatever happens, what the client is told to fetch is what is told to stop exactly once, and records come only of
    /// partitions that the client fetches.
    #[test]
    fn fetching_begins_and_ends_once(steps in prop::collection::vec(step(), 1..80)) {
        let mut owned = Ownership::default();
        let mut epochs: BTreeMap<u32, u64> = BTreeMap::new();
        let mut fetching: BTreeSet<TopicPartition> = BTreeSet::new();
        let mut open: Vec<u64> = Vec::new();
        let stop = |fetching: &mut BTreeSet<TopicPartition>, partitions: Vec<TopicPartition>| {
            partitions.iter().all(|partition| fetching.remove(partition))
        };
        for step in steps {
            match step {
                // The broker grants what we don't own, and never while a revocation is open.
                Step::Assign(n) if !owned.slots.contains_key(&p(n)) && !owned.is_revoking() => {
                    epochs.insert(n, owned.assign(&[p(n)]));
                }
                Step::Announce(n) => {
                    let epoch = epochs.get(&n).copied().unwrap_or_default();
                    owned.announce(epoch, vec![(p(n), None)]);
                }
                Step::Start(n) => {
                    if let Some(epoch) = owned.start(&p(n)) && owned.fetch(&p(n), epoch) {
                        prop_assert!(fetching.insert(p(n)), "fetched twice");
                    }
                }
                Step::Push(n) => {
                    let epoch = epochs.get(&n).copied().unwrap_or_default();
                    owned.push(epoch, batch(n, 1));
                    if let Some(batch) = owned.take() {
                        prop_assert!(fetching.contains(&batch.partition));
                    }
                }
                Step::Revoke(n) if owned.slots.contains_key(&p(n)) => open.push(owned.revoke(&[p(n)]).0),
                Step::Release => {
                    if let Some(id) = open.pop() && let Some(stopped) = owned.release(id) {
                        prop_assert!(stop(&mut fetching, stopped));
                    }
                }
                Step::Lose(n) => {
                    let (_, stopped) = owned.lose(&[p(n)]);
                    prop_assert!(stop(&mut fetching, stopped));
                }
                Step::Assign(_) | Step::Revoke(_) => {}
            }
            for partition in &fetching {
                prop_assert!(owned.owns(partition));
            }
        }
    }
}
