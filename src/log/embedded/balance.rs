//! Who gets which partition of a group.
//!
//! Guarantee: every partition has exactly one of the members that read its topic; who has one keeps it unless that
//! leaves someone with two fewer than another; the same question has the same answer.

use std::collections::BTreeMap;

use super::body::Part;

/// The members' numbers and the topics they read.
pub(super) type Members = BTreeMap<u64, Vec<u16>>;
/// Partitions and their owners.
pub(super) type Owners = BTreeMap<Part, u64>;

/// Shares out the partitions.
pub(super) fn balance(partitions: &[Part], members: &Members, now: &Owners) -> Owners {
    let reads =
        |member: u64, part: Part| members.get(&member).is_some_and(|topics| topics.contains(&part.topic));
    let mut load: BTreeMap<u64, usize> = members.keys().map(|member| (*member, 0)).collect();
    let mut owners = Owners::new();
    for part in partitions {
        if let Some(owner) = now.get(part).filter(|owner| reads(**owner, *part)) {
            owners.insert(*part, *owner);
            *load.entry(*owner).or_default() += 1;
        }
    }
    for part in partitions {
        if owners.contains_key(part) {
            continue;
        }
        let least = members.keys().filter(|member| reads(**member, *part)).min_by_key(|member| load[*member]);
        if let Some(least) = least {
            owners.insert(*part, *least);
            *load.entry(*least).or_default() += 1;
        }
    }
    // Each move makes the two loads more alike, so this ends.
    while let Some((part, to)) = next_move(&owners, members, &load, reads) {
        if let Some(from) = owners.insert(part, to) {
            *load.entry(from).or_default() -= 1;
        }
        *load.entry(to).or_default() += 1;
    }
    owners
}

/// The partition to move, and where to: from the fullest to the emptiest that reads it.
fn next_move(
    owners: &Owners,
    members: &Members,
    load: &BTreeMap<u64, usize>,
    reads: impl Fn(u64, Part) -> bool,
) -> Option<(Part, u64)> {
    let better = owners.iter().rev().filter_map(|(part, owner)| {
        let least =
            members.keys().filter(|member| reads(**member, *part)).min_by_key(|member| load[*member])?;
        let gain = load[owner].checked_sub(load[least]).filter(|gain| *gain >= 2)?;
        Some((gain, *part, *least))
    });
    better.max_by_key(|(gain, part, _)| (*gain, *part)).map(|(_, part, to)| (part, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(topic: u16, count: u16) -> Vec<Part> {
        (0..count).map(|partition| Part { topic, partition }).collect()
    }

    #[test]
    fn a_second_member_takes_half_and_no_more() {
        let all = parts(0, 8);
        let one: Members = [(1, vec![0])].into();
        let before = balance(&all, &one, &Owners::new());
        assert!(before.values().all(|owner| *owner == 1));
        let two: Members = [(1, vec![0]), (2, vec![0])].into();
        let after = balance(&all, &two, &before);
        assert_eq!(after.values().filter(|owner| **owner == 2).count(), 4);
        assert_eq!(balance(&all, &two, &after), after);
    }

    proptest! {
        #[test]
        fn every_partition_has_one_reader_and_loads_are_even(
            counts in prop::collection::vec(1u16..9, 1..4),
            members in 1u64..6,
            leaves in 1u64..6,
        ) {
            let all: Vec<Part> = counts.iter().enumerate().flat_map(|(t, n)| parts(t as u16, *n)).collect();
            let topics: Vec<u16> = (0..counts.len() as u16).collect();
            let mut team: Members = (1..=members).map(|member| (member, topics.clone())).collect();
            let before = balance(&all, &team, &Owners::new());
            prop_assert_eq!(before.len(), all.len());
            team.remove(&leaves);
            let after = balance(&all, &team, &before);
            if team.is_empty() {
                prop_assert!(after.is_empty());
                return Ok(());
            }
            let load = |member: u64| after.values().filter(|owner| **owner == member).count();
            let loads: Vec<_> = team.keys().map(|member| load(*member)).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
            let kept = before.iter().filter(|(part, owner)| **owner != leaves && after[*part] == **owner).count();
            let others = before.values().filter(|owner| **owner != leaves).count();
            prop_assert_eq!(kept, others, "who stays keeps what it has");
        }
    }
}
