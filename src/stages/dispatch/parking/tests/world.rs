//! What is durable, and what the provider does.
//!
//! Durable are the lane, the parked topic (compacted now and then), the ledger, the dead letters and the commit. One
//! tick passes with every event. An id is named after the offset of its first record, the root.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use super::super::*;
use super::crash::Fault;
use super::owner::{Owner, ParkedRecord};
use super::zombie::Late;
use crate::domain::bot::UnknownPolicy;
use crate::domain::events::{ParkedKey, Settled, SettledStatus};
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// Records of the lane.
pub(super) const RECORDS: u64 = 110;
/// Ticks before the world calms down.
pub(super) const STEPS: u64 = 1600;
/// The tracker's span, smaller than in life.
pub(super) const SPAN: u64 = 24;
/// How long a call may take, and how long a lease lasts after a commit.
pub(super) const CALL: u64 = 100;
pub(super) const LEASE: u64 = 160;
pub(super) const HOLD: u64 = 30;
const BOTS: usize = 4;
const CHATS: usize = 3;

/// A record of the lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rec {
    pub(super) offset: u64,
    pub(super) root: u64,
    pub(super) chat: usize,
    pub(super) of: u32,
    /// No call of it may begin from this tick on.
    pub(super) deadline: Option<u64>,
}

/// What the provider limits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Never {
    None,
    Bot,
    Chat,
}

/// What the group has committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Commit {
    pub(super) watermark: u64,
    pub(super) done: Vec<bool>,
    pub(super) low: u64,
    pub(super) epoch: u64,
}

/// What never changes.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) lane: Vec<Rec>,
    pub(super) bots: Vec<BotId>,
    pub(super) chats: Vec<ConversationId>,
    pub(super) tenant: TenantId,
    /// Which lane it is. In the bulk lane nothing is ever sent twice.
    pub(super) kind: Lane,
    /// Providers reject, replies expire, bots have too many parked, one reconciles.
    pub(super) rich: bool,
    /// The first record of a root claims to be young, so that it is not looked up.
    pub(super) young: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: fastrand::Rng,
    pub(super) fault: Option<Fault>,
    pub(super) tick: u64,
    pub(super) scene: Rc<Scene>,
    pub(super) parked: Vec<ParkedRecord>,
    /// Each with the tick of its append.
    pub(super) ledger: Vec<(Rc<Settled>, u64)>,
    pub(super) letters: BTreeSet<(u64, u32)>,
    pub(super) commit: Commit,
    pub(super) lease: u64,
    pub(super) owner: Owner,
    pub(super) late: Vec<Late>,
    /// When each root was read for the first time.
    pub(super) born: Vec<Option<u64>>,
    // What the provider does.
    pub(super) never: Vec<usize>,
    pub(super) never_why: Never,
    pub(super) never_wait: u64,
    pub(super) never_from: u64,
    /// A chat that never answers.
    pub(super) hole: Option<usize>,
    pub(super) refuses: f64,
    pub(super) silent: f64,
    // What the checker knows.
    /// Roots with a PUT and no DEL.
    pub(super) live: BTreeSet<u64>,
    /// Parts with a RESULT, by root, and those of them that were sent, or may have been.
    truth: Vec<u32>,
    pub(super) sent: Vec<u32>,
    /// Of those, the ones that were not surely sent.
    pub(super) unsent: BTreeSet<(u64, u32)>,
    /// Roots of which nothing more may be sent.
    pub(super) over: BTreeSet<u64>,
    /// Statuses on their way.
    pub(super) receipts: Vec<(u64, u32)>,
    pub(super) seen: BTreeSet<(u64, u32)>,
    pub(super) first: HashMap<usize, (u64, u32)>,
    pub(super) last: HashMap<usize, (u64, u32)>,
    /// Repeats that an unknown outcome allows, and a crash.
    pub(super) by_unknown: HashMap<(u64, u32), u32>,
    pub(super) by_crash: BTreeSet<(u64, u32)>,
    pub(super) tried: HashMap<(u64, u64, u32), u32>,
    pub(super) lag: u64,
    pub(super) n: BTreeMap<&'static str, u64>,
    pub(super) violations: Vec<&'static str>,
}

impl Scene {
    /// A RESULT as an owner writes it.
    pub(super) fn result(&self, verdict: &Verdict, chat: usize, epoch: u64, tick: u64) -> Settled {
        Settled::Result {
            id: verdict.id,
            part: verdict.part,
            of: verdict.of,
            status: verdict.status,
            provider_id: verdict.provider_id.clone(),
            reason: verdict.reason.clone(),
            attempt: verdict.attempt,
            epoch,
            lane: self.kind,
            tenant: self.tenant.clone(),
            bot: self.bots[World::bot(chat)].clone(),
            conversation: self.chats[chat].clone(),
            root: verdict.id,
            at: Timestamp::from_millis(tick as i64),
            offset: Some(verdict.offset),
        }
    }
}

impl World {
    pub(super) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut lane: Vec<Rec> = Vec::new();
        let (rich, young) = (rng.f64() < 0.3, rng.bool());
        let kind = if rng.f64() < 0.25 { Lane::Bulk } else { Lane::Ready };
        for offset in 0..RECORDS {
            // Bot 0 is hot.
            let bot = if rng.bool() { 0 } else { rng.usize(..BOTS) };
            let chat = bot * CHATS + rng.usize(..CHATS);
            let deadline = (rich && rng.f64() < 0.2).then(|| rng.u64(100..3000));
            let mut rec = Rec { offset, root: offset, chat, of: rng.u32(1..=3), deadline };
            // Upstream duplicates: the same id and chat, another number of parts.
            if offset > 5 && rng.f64() < 0.12 {
                let from = if rng.f64() < 0.6 { offset.saturating_sub(15) } else { 0 };
                let of = lane[rng.u64(from..offset) as usize];
                rec = Rec { offset, of: rng.u32(1..=3), ..of };
            }
            lane.push(rec);
        }
        let used: Vec<usize> = lane.iter().map(|rec| rec.chat).collect::<BTreeSet<_>>().into_iter().collect();
        let one = used[rng.usize(..used.len())];
        let never_why = [Never::None, Never::Bot, Never::Chat, Never::Chat][rng.usize(..4)];
        let never: Vec<usize> = match never_why {
            Never::None => Vec::new(),
            Never::Bot => used.iter().copied().filter(|chat| chat / CHATS == one / CHATS).collect(),
            Never::Chat => vec![one],
        };
        let open: Vec<usize> = used.into_iter().filter(|chat| !never.contains(chat)).collect();
        let hole = (rng.f64() < 0.25 && !open.is_empty()).then(|| open[rng.usize(..open.len())]);
        let never_wait = if rng.bool() { 3 } else { 1_000_000 };
        let never_from = rng.u64(..STEPS);
        let refuses = [0.03, 0.1, 0.25][rng.usize(..3)];
        let silent = [0.02, 0.1, 0.2][rng.usize(..3)];
        let scene = Rc::new(Scene {
            lane,
            bots: (0..BOTS).map(|bot| BotId::from(format!("b{bot}"))).collect(),
            chats: (0..BOTS * CHATS).map(|chat| ConversationId::from(format!("c{chat}"))).collect(),
            tenant: TenantId::from("t"),
            kind,
            rich,
            young,
        });
        let mut world = Self {
            rng,
            fault,
            tick: 0,
            scene: Rc::clone(&scene),
            parked: Vec::new(),
            ledger: Vec::new(),
            letters: BTreeSet::new(),
            commit: Commit::default(),
            lease: 0,
            owner: Owner::none(scene),
            late: Vec::new(),
            born: vec![None; RECORDS as usize],
            never,
            never_why,
            never_wait,
            never_from,
            hole,
            refuses,
            silent,
            live: BTreeSet::new(),
            truth: vec![0; RECORDS as usize],
            sent: vec![0; RECORDS as usize],
            unsent: BTreeSet::new(),
            over: BTreeSet::new(),
            receipts: Vec::new(),
            seen: BTreeSet::new(),
            first: HashMap::new(),
            last: HashMap::new(),
            by_unknown: HashMap::new(),
            by_crash: BTreeSet::new(),
            tried: HashMap::new(),
            lag: 0,
            n: BTreeMap::new(),
            violations: Vec::new(),
        };
        world.take_over();
        world
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            bot_parked: if self.scene.rich { 8 } else { u32::MAX },
            long_wait: Duration::from_millis(5),
            age: Duration::from_millis(60),
            memory: 10,
            // Small, so that ids are forgotten and looked up all the time.
            remembered: 10,
            hold: HOLD,
            call: Duration::from_millis(CALL),
            receipt: Duration::from_millis(30),
            skew: Duration::ZERO,
            ..Bounds::default()
        }
    }

    pub(super) fn now(&self) -> Now {
        Self::moment(self.tick, self.lease)
    }

    pub(super) fn moment(tick: u64, lease: u64) -> Now {
        Now {
            moment: Duration::from_millis(tick),
            wall: Timestamp::from_millis(tick as i64),
            lease: Duration::from_millis(lease),
        }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.rng.f64() < p
    }

    pub(super) fn bad(&mut self, what: &'static str) {
        self.violations.push(what);
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.n.entry(what).or_default() += 1;
    }

    pub(super) fn bot(chat: usize) -> usize {
        chat / CHATS
    }

    /// Odd bots must never send twice.
    pub(super) fn policy(&self, chat: usize) -> UnknownPolicy {
        match Self::bot(chat) {
            1 | 3 => UnknownPolicy::Drop,
            2 if self.scene.rich => UnknownPolicy::Reconcile,
            _ => UnknownPolicy::Resend,
        }
    }

    pub(super) fn is_never_twice(&self, chat: usize) -> bool {
        self.policy(chat) == UnknownPolicy::Drop || self.scene.kind == Lane::Bulk
    }

    pub(super) fn id(root: u64) -> EventId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&root.to_be_bytes());
        EventId::from_bytes(bytes)
    }

    pub(super) fn root(id: EventId) -> u64 {
        u64::from_be_bytes(id.as_bytes()[..8].try_into().unwrap())
    }

    /// A part has a RESULT in the ledger.
    pub(super) fn has_result(&self, (root, part): (u64, u32)) -> bool {
        self.truth[root as usize] >> part & 1 == 1
    }

    /// The ledger says since its last delivery that a part was sent, or may have been. A zombie that gives a reply up too late does not count:
    /// the new owner may be sending it.
    pub(super) fn has_sent(&self, (root, part): (u64, u32)) -> bool {
        self.sent[root as usize] >> part & 1 == 1
    }

    pub(super) fn is_settled(&self, root: u64) -> bool {
        self.truth[root as usize].count_ones() >= self.scene.lane[root as usize].of
    }

    // The durable logs.

    pub(super) fn append_parked(&mut self, (key, value): ParkedRecord) {
        if let ParkedKey::Reply(id) = &key {
            let root = Self::root(*id);
            if value.is_some() {
                self.live.insert(root)
            } else {
                self.live.remove(&root)
            };
        }
        self.parked.push((key, value));
    }

    pub(super) fn append_ledger(&mut self, record: Rc<Settled>) -> u64 {
        if let Settled::Result { id, part, status, .. } = &*record {
            let key = (Self::root(*id), *part);
            self.truth[key.0 as usize] |= 1 << key.1;
            if matches!(status, SettledStatus::Sent | SettledStatus::InDoubt) {
                self.sent[key.0 as usize] |= 1 << key.1;
            }
            if *status != SettledStatus::Sent {
                self.unsent.insert(key);
                // The dead letter of this part, or of the one that decided over it, comes first.
                if self.letters.range((key.0, 0)..=key).next().is_none() {
                    self.bad("no_letter");
                }
            }
        }
        self.ledger.push((record, self.tick));
        self.ledger.len() as u64 - 1
    }

    /// Compaction of a beginning of the parked topic: the newest of each key, no deleted ones.
    pub(super) fn compact(&mut self) {
        let len = self.parked.len();
        let cut = if self.rng.bool() { len } else { self.rng.usize(..=len) };
        let mut newest = HashMap::new();
        for (at, (key, _)) in self.parked[..cut].iter().enumerate() {
            newest.insert(key.clone(), at);
        }
        let mut at = 0;
        self.parked.retain(|(key, value)| {
            let keep = at >= cut || (newest[key] == at && value.is_some());
            at += 1;
            keep
        });
    }
}
