//! Groups of one process: members share the partitions of their topics.
//!
//! Guarantee: a partition has at most one owner; a new owner is told of it only after the old one released it, left, was
//! dropped, or let [`RELEASE_WITHIN`] go by (then it hears that the partition is lost). It starts at what was committed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::balance::{Members, Owners, balance};
use super::body::{Commit, Part};
use super::core::Core;
use super::lock;
use super::seat::{News, Seat};
use super::topics::{Limit, Partition, Topic};
use crate::log::types::{Batch, LogError, Progress, Subscription, TopicPartition};
use crate::log::{CommitAnswer, Group, Lease, Signal};

/// How long a member may take to give partitions back before it is taken for stuck: longer than any drain.
const RELEASE_WITHIN: Duration = Duration::from_secs(60);
/// The most of one batch: what a partition's task works on before it looks up.
const BATCH: Limit = Limit { records: 512, bytes: 1 << 20 };
/// The most bytes of a commit's metadata, as on a broker.
const METADATA: usize = 4096;

/// All groups of the process.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<HashMap<String, Arc<Mutex<State>>>>);

impl Groups {
    /// Wakes every member, so that it notices that the log was closed.
    pub(super) fn wake(&self) {
        for state in lock(&self.0).values() {
            for member in lock(state).members.values() {
                member.wake.notify_one();
            }
        }
    }

    fn of(&self, group: &str) -> Arc<Mutex<State>> {
        Arc::clone(lock(&self.0).entry(group.to_owned()).or_default())
    }
}

/// One group.
#[derive(Debug, Default)]
struct State {
    members: BTreeMap<u64, Seat>,
    last_member: u64,
    last_rebalance: u64,
}

impl State {
    /// Gives free partitions out and asks for what others should have.
    fn rebalance(&mut self) {
        let members: Members = self
            .members
            .iter()
            .map(|(id, seat)| (*id, seat.topics.iter().map(|topic| topic.id).collect()))
            .collect();
        let mut partitions = BTreeSet::new();
        let (mut owners, mut busy) = (Owners::new(), BTreeSet::new());
        for (id, seat) in &self.members {
            partitions
                .extend(seat.topics.iter().flat_map(|topic| topic.partitions.iter().map(|one| one.part)));
            busy.extend(seat.owned.iter().copied());
            let leaving: BTreeSet<Part> =
                seat.leaving.values().flat_map(|(_, parts)| parts).copied().collect();
            owners.extend(seat.owned.difference(&leaving).map(|part| (*part, *id)));
        }
        let partitions: Vec<Part> = partitions.into_iter().collect();
        let target = balance(&partitions, &members, &owners);
        for (id, seat) in &mut self.members {
            let mine = |part: &&Part| owners.get(*part) == Some(id);
            let mut revoked: Vec<Part> = seat
                .owned
                .iter()
                .filter(mine)
                .filter(|part| target.get(*part) != Some(id))
                .copied()
                .collect();
            // What it has not heard of is free at once.
            for part in seat.withdraw(&mut revoked) {
                busy.remove(&part);
            }
            if !revoked.is_empty() {
                self.last_rebalance += 1;
                let until = Instant::now() + RELEASE_WITHIN;
                seat.leaving.insert(self.last_rebalance, (until, revoked.clone()));
                seat.tell(News::Revoked(self.last_rebalance, revoked));
            }
        }
        for (id, seat) in &mut self.members {
            let free = |part: &&Part| target.get(*part) == Some(id) && !busy.contains(*part);
            let assigned: Vec<Part> = partitions.iter().filter(free).copied().collect();
            if !assigned.is_empty() {
                seat.owned.extend(assigned.iter().copied());
                seat.tell(News::Assigned(assigned));
            }
        }
    }

    /// Takes partitions from members that did not give them back in time.
    fn expire(&mut self) {
        let now = Instant::now();
        let mut any = false;
        for seat in self.members.values_mut() {
            let late: Vec<u64> =
                seat.leaving.iter().filter(|(_, (until, _))| *until <= now).map(|(id, _)| *id).collect();
            for id in late {
                let Some((_, parts)) = seat.leaving.remove(&id) else { continue };
                seat.owned.retain(|part| !parts.contains(part));
                seat.tell(News::Lost(parts));
                any = true;
            }
        }
        if any {
            self.rebalance();
        }
    }
}

/// A member of a group.
#[derive(Debug)]
pub(super) struct Member {
    core: Arc<Core>,
    group: String,
    id: u64,
    state: Arc<Mutex<State>>,
    wake: Arc<Notify>,
    /// How long records may gather; zero = each at once.
    gather: Duration,
    topics: Vec<Arc<Topic>>,
    /// By the number of a topic: those whose partitions go with its own.
    beside: Vec<(u16, Arc<Topic>)>,
    /// What is fetched, in the order of assignment.
    cursors: Vec<Cursor>,
    turn: usize,
}

/// How far a partition was read.
#[derive(Debug)]
struct Cursor {
    name: TopicPartition,
    topic: Arc<Topic>,
    partition: Arc<Partition>,
    /// `None` before the start and while it is given back.
    next: Option<u64>,
    held: bool,
    /// It is to be given back.
    leaving: bool,
}

impl Member {
    /// Takes a seat.
    pub(super) fn join(
        core: &Arc<Core>,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Self, LogError> {
        let all = core.registry.load();
        let topics =
            reads.topics.iter().map(|name| all.topic(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        let mut beside = Vec::with_capacity(reads.beside.len());
        for (leader, name) in &reads.beside {
            let (leads, topic) = (all.topic(leader)?, all.topic(name)?);
            Subscription::check_beside((leader, leads.spec.partitions), (name, topic.spec.partitions))?;
            beside.push((leads.id, Arc::clone(topic)));
        }
        drop(all);
        let wake = Arc::new(Notify::new());
        for topic in topics.iter().chain(beside.iter().map(|(_, topic)| topic)) {
            topic.listeners.add(&wake);
        }
        let state = core.groups.of(group);
        let id = {
            let mut state = lock(&state);
            state.last_member += 1;
            let id = state.last_member;
            let (topics, wake) = (topics.clone(), Arc::clone(&wake));
            let seat = Seat {
                topics,
                wake,
                news: VecDeque::new(),
                owned: BTreeSet::new(),
                leaving: BTreeMap::new(),
            };
            state.members.insert(id, seat);
            state.rebalance();
            id
        };
        let (core, group) = (Arc::clone(core), group.to_owned());
        Ok(Self { core, group, id, state, wake, gather, topics, beside, cursors: Vec::new(), turn: 0 })
    }

    /// The next thing that the group has to say.
    fn news(&mut self) -> Option<Signal> {
        let news = {
            let mut state = lock(&self.state);
            state.expire();
            state.members.get_mut(&self.id)?.news.pop_front()?
        };
        Some(match news {
            News::Assigned(parts) => {
                let parts = self.with_beside(&parts);
                let cursors: Vec<_> = parts.iter().filter_map(|part| self.cursor(*part)).collect();
                let told = cursors.iter().map(|cursor| {
                    (cursor.name.clone(), self.core.offsets.get(&self.group, cursor.partition.part))
                });
                let signal = Signal::Assigned(told.collect());
                self.cursors.extend(cursors);
                signal
            }
            News::Revoked(id, parts) => {
                let parts = self.with_beside(&parts);
                Signal::Revoked { id, partitions: self.stop(&parts) }
            }
            News::Lost(parts) => {
                let parts = self.with_beside(&parts);
                let partitions = self.stop(&parts);
                self.cursors.retain(|cursor| !parts.contains(&cursor.partition.part));
                Signal::Lost(partitions)
            }
        })
    }

    /// These, each with those that go with it behind it.
    fn with_beside(&self, parts: &[Part]) -> Vec<Part> {
        let beside = |part: Part| {
            let mine = self.beside.iter().filter(move |(leader, _)| *leader == part.topic);
            mine.map(move |(_, topic)| Part { topic: topic.id, partition: part.partition })
        };
        parts.iter().flat_map(|part| std::iter::once(*part).chain(beside(*part))).collect()
    }

    /// The one that the group knows: a partition itself, or the one that it goes with.
    fn led_by(&self, part: Part) -> Part {
        let leader = self.beside.iter().find(|(_, topic)| topic.id == part.topic);
        leader.map_or(part, |(leader, _)| Part { topic: *leader, partition: part.partition })
    }

    fn cursor(&self, part: Part) -> Option<Cursor> {
        let mut topics = self.topics.iter().chain(self.beside.iter().map(|(_, topic)| topic));
        let topic = topics.find(|topic| topic.id == part.topic)?;
        let partition = Arc::clone(topic.partitions.get(usize::from(part.partition))?);
        let name = TopicPartition { topic: topic.name.clone(), partition: u32::from(part.partition) };
        Some(Cursor { name, topic: Arc::clone(topic), partition, next: None, held: false, leaving: false })
    }

    /// Reads no more of these.
    fn stop(&mut self, parts: &[Part]) -> Vec<TopicPartition> {
        let stopped = self.cursors.iter_mut().filter(|cursor| parts.contains(&cursor.partition.part));
        stopped
            .map(|cursor| {
                cursor.next = None;
                cursor.leaving = true;
                cursor.name.clone()
            })
            .collect()
    }

    /// One round over the partitions that are read.
    async fn round(&mut self) -> Result<Option<Batch>, LogError> {
        for _ in 0..self.cursors.len() {
            self.turn = (self.turn + 1) % self.cursors.len();
            let cursor = &self.cursors[self.turn];
            let Some(from) = cursor.next.filter(|_| !cursor.held) else { continue };
            let fetched = self.core.fetch(&cursor.topic, &cursor.partition, from, BATCH).await?;
            let cursor = &mut self.cursors[self.turn];
            cursor.next = Some(fetched.next);
            if !fetched.records.is_empty() {
                return Ok(Some(Batch { partition: cursor.name.clone(), records: fetched.records }));
            }
        }
        Ok(None)
    }

    /// What of `upto` this member may commit: what is this member's, and the first that is not.
    fn owned(&self, upto: &[Progress]) -> Result<(Commit, Option<TopicPartition>), LogError> {
        let topics = self.core.registry.load();
        let state = lock(&self.state);
        let gone = || LogError::Closed(format!("this member has left group {}", self.group));
        let seat = state.members.get(&self.id).ok_or_else(gone)?;
        let (mut offsets, mut lost) = (Vec::with_capacity(upto.len()), None);
        for progress in upto {
            let part = topics.partition(&progress.partition)?.1.part;
            let bytes = progress.committed.metadata.len();
            if bytes > METADATA {
                let topic = progress.partition.topic.clone();
                return Err(LogError::TooLarge { topic, bytes, max: METADATA });
            }
            if seat.owned.contains(&self.led_by(part)) {
                offsets.push((part, progress.committed.clone()));
            } else {
                lost.get_or_insert_with(|| progress.partition.clone());
            }
        }
        Ok((Commit { group: self.group.clone(), offsets }, lost))
    }
}

#[async_trait]
impl Group for Member {
    async fn next(&mut self, wait: Duration) -> Result<Signal, LogError> {
        let until = Instant::now() + wait;
        loop {
            self.core.check_open()?;
            if let Some(signal) = self.news() {
                return Ok(signal);
            }
            if let Some(batch) = self.round().await? {
                return Ok(Signal::Records(batch));
            }
            if self.gather.is_zero() {
                if timeout_at(until, self.wake.notified()).await.is_err() {
                    return Ok(Signal::Idle);
                }
            } else if Instant::now() < until {
                sleep_until(until.min(Instant::now() + self.gather)).await;
            } else {
                return Ok(Signal::Idle);
            }
        }
    }

    fn start(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError> {
        let fenced = || LogError::Fenced(partition.clone());
        let cursor = self.cursors.iter_mut().find(|cursor| cursor.name == *partition && !cursor.leaving);
        let cursor = cursor.ok_or_else(fenced)?;
        let range = cursor.partition.range();
        // 0 = nothing was committed: the earliest that is kept.
        let from = if from == 0 { range.start } else { from };
        if from < range.start || from > range.end {
            let (first, end) = (range.start, range.end);
            return Err(LogError::OutOfRange { partition: partition.clone(), first, end, asked: from });
        }
        cursor.next = Some(from);
        Ok(())
    }

    fn hold(&mut self, partition: &TopicPartition, held: bool) {
        if let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.name == *partition) {
            cursor.held = held;
            if !held {
                self.wake.notify_one();
            }
        }
    }

    fn commit(&mut self, upto: &[Progress]) -> Result<(), LogError> {
        self.core.commit(self.owned(upto)?.0)
    }

    fn commit_told(&mut self, upto: &[Progress]) -> CommitAnswer {
        let committed = self.owned(upto).and_then(|(owned, lost)| {
            self.core.commit(owned)?;
            lost.map_or(Ok(()), |lost| Err(LogError::Fenced(lost)))
        });
        Box::pin(std::future::ready(committed))
    }

    fn lease(&self) -> Lease {
        // The folder is locked: every owner lives in this process.
        Lease::for_ever()
    }

    fn overlap(&self) -> Duration {
        Duration::ZERO
    }

    fn release(&mut self, id: u64) {
        let mut state = lock(&self.state);
        let Some(seat) = state.members.get_mut(&self.id) else { return };
        let Some((_, parts)) = seat.leaving.remove(&id) else { return };
        seat.owned.retain(|part| !parts.contains(part));
        let gone = self.with_beside(&parts);
        self.cursors.retain(|cursor| !gone.contains(&cursor.partition.part));
        state.rebalance();
    }

    /// Dropping does it, so that a member that is dropped without leaving holds nothing either.
    async fn leave(self: Box<Self>) {}
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.members.remove(&self.id);
        state.rebalance();
        drop(state);
        for topic in self.topics.iter().chain(self.beside.iter().map(|(_, topic)| topic)) {
            topic.listeners.remove(&self.wake);
        }
    }
}
