//! What the groups have committed.
//!
//! Guarantee: a commit is changed in memory under the writer's lock only, after its frame is written, so the first frame of
//! a new segment repeats exactly what the older ones said.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::body::{Commit, Part};
use super::lock;
use crate::log::types::Committed;

/// Committed offsets by group and partition.
#[derive(Debug, Default)]
pub(super) struct Offsets(Mutex<BTreeMap<String, BTreeMap<Part, Committed>>>);

impl Offsets {
    /// Takes over a commit.
    pub(super) fn apply(&self, commit: Commit) {
        lock(&self.0).entry(commit.group).or_default().extend(commit.offsets);
    }

    /// What a group has committed of a partition.
    pub(super) fn get(&self, group: &str, part: Part) -> Option<Committed> {
        lock(&self.0).get(group)?.get(&part).cloned()
    }

    /// Everything, as commits.
    pub(super) fn all(&self) -> Vec<Commit> {
        let commit = |(group, offsets): (&String, &BTreeMap<Part, Committed>)| Commit {
            group: group.clone(),
            offsets: offsets.iter().map(|(part, committed)| (*part, committed.clone())).collect(),
        };
        lock(&self.0).iter().map(commit).collect()
    }
}
