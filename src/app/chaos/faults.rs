//! Which faults there are, and when each happens.
//!
//! Guarantee: pure, decided by the seed alone. Every window ends before the run does, but for the one bot that is limited
//! for ever: after the last fault nothing stands in the way of the rest.

use fastrand::Rng;

use super::plan::{LIMITED_BOT, RESTING_BOT, Shape};
use crate::domain::stage::StageName;
use crate::domain::topics::{
    REPLY_BULK, REPLY_READY, TURN_GROUNDED, TURN_OPENED, TURN_ROUTED, WEBHOOK_RECEIVED,
};

/// A fault and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// What.
    pub fault: Fault,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a role; it is started again at once.
    Kill {
        /// Index in [`ROLES`].
        role: usize,
    },
    /// `kill -9` of the broker that leads this partition of `reply.ready`; it is started again at once.
    KillBroker {
        /// Which partition, modulo how many there are.
        partition: u32,
    },
    /// SIGSTOP of a dispatcher, SIGCONT after its session is over.
    Pause {
        /// Index in [`ROLES`].
        role: usize,
        /// For how long.
        for_ms: u64,
    },
    /// One more member of a stage's group joins.
    Join {
        /// Which stage.
        stage: StageName,
    },
    /// The last one that joined leaves in order.
    Leave {
        /// Which stage.
        stage: StageName,
    },
    /// A provider misbehaves for a while.
    Provider {
        /// Against which bot.
        bot: usize,
        /// In which chat (an index of the plan's chats); absent = in all.
        chat: Option<usize>,
        /// How.
        mischief: Mischief,
        /// For how long; absent = for ever.
        for_ms: Option<u64>,
    },
    /// A record that nobody can read.
    Poison {
        /// Index in [`POISONED`].
        topic: usize,
    },
}

/// How a provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// Takes so many messages and answers too late.
    Hang(u32),
    /// Takes so many and cuts the connection.
    Cut(u32),
    /// Takes so many and answers 502.
    Fail(u32),
    /// Refuses with 429 and asks to wait so many seconds.
    Limit(u64),
}

/// The processes that are there from beginning to end: the edge, and workers by their stages.
pub const ROLES: [&str; 8] =
    ["edge", "ingest", "match", "retrieve", "answer", "dispatch", "dispatch", "journal"];
/// Those that keep their place in the group across a restart (`kafka.instance_id`).
///
/// The others are missed until their session ends: five sessions, were they the ones that a record ends.
pub const STATIC: [&str; 2] = ["match", "answer"];
/// The topics that get records which nobody can read.
pub const POISONED: [&str; 6] =
    [WEBHOOK_RECEIVED, TURN_OPENED, TURN_ROUTED, TURN_GROUNDED, REPLY_READY, REPLY_BULK];
/// Where dispatchers stand in [`ROLES`].
const DISPATCHERS: [usize; 2] = [5, 6];
/// The most members of a group during a storm: its own and five more.
const MEMBERS: usize = 6;

/// Lays the faults of a run out. `group` is the index of the group's chat.
pub(super) fn schedule(shape: Shape, group: usize, rng: &mut Rng) -> Vec<Scheduled> {
    let end = u64::from(shape.seconds) * 1000;
    let mut all = Vec::new();
    let mut add = |at_ms: u64, fault| all.push(Scheduled { at_ms, fault });

    let limited = Mischief::Limit(60);
    add(500, Fault::Provider { bot: LIMITED_BOT, chat: None, mischief: limited, for_ms: None });
    // Half of the run, at most five minutes.
    let (bot, chat, for_ms) = (0, Some(group), Some((end / 2).min(300_000)));
    add(end / 10, Fault::Provider { bot, chat, mischief: Mischief::Limit(5), for_ms });

    // One that can send again in the end: a third of the run, from a quarter of it on.
    let (bot, for_ms) = (RESTING_BOT, Some(end / 3));
    add(end / 4, Fault::Provider { bot, chat: None, mischief: Mischief::Limit(5), for_ms });

    // Brokers are killed every 20 s, members come and go, and in each other minute a dispatcher sleeps past its session:
    // then no broker is killed, so that others can take its partitions.
    let mut asleep = Vec::new();
    for minute in (0..end).step_by(60_000) {
        let sleeps = minute % 120_000 == 0;
        let (at, for_ms) = (minute + rng.u64(11_000..12_000), 20_000);
        if sleeps && at + for_ms <= end {
            asleep.push(at - 6_000..at + for_ms);
            add(at, Fault::Pause { role: DISPATCHERS[rng.usize(0..2)], for_ms });
        }
        let first = match minute {
            0 => Some(3_000),
            _ => (!sleeps).then_some(minute + 15_000),
        };
        for at in first.into_iter().chain([minute + 35_000, minute + 55_000]) {
            let at = at - rng.u64(0..2_000);
            if at < end {
                add(at, Fault::KillBroker { partition: rng.u32(..) });
            }
        }
        let stage = if rng.bool() { StageName::Dispatch } else { StageName::Match };
        storm(minute + 32_000, (minute + 47_000).min(end), stage, rng, &mut add);
    }
    let mut at = rng.u64(1_000..5_000);
    while at < end {
        let role = rng.usize(0..ROLES.len());
        // The one that sleeps must have been at work, and somebody must take over.
        if !DISPATCHERS.contains(&role) || asleep.iter().all(|asleep| !asleep.contains(&at)) {
            add(at, Fault::Kill { role });
        }
        at += rng.u64(1_000..5_000);
    }
    let mut at = rng.u64(1_000..3_000);
    while at + 12_000 < end {
        let mischief = match rng.u32(0..4) {
            0 => Mischief::Hang(rng.u32(1..4)),
            1 => Mischief::Cut(rng.u32(1..4)),
            2 => Mischief::Fail(rng.u32(1..4)),
            _ => Mischief::Limit(rng.u64(1..5)),
        };
        let bot = rng.usize(0..super::plan::BOTS);
        // What ends one mischief ends every one of that bot.
        if bot != LIMITED_BOT && bot != RESTING_BOT {
            add(at, Fault::Provider { bot, chat: None, mischief, for_ms: Some(rng.u64(5_000..12_000)) });
        }
        at += rng.u64(1_000..3_000);
    }
    let mut at = rng.u64(2_000..6_000);
    while at < end {
        add(at, Fault::Poison { topic: rng.usize(0..POISONED.len()) });
        at += rng.u64(3_000..9_000);
    }
    all.sort_by_key(|scheduled| scheduled.at_ms);
    all
}

/// Members join and leave, about one a second; all have left at the end.
fn storm(from: u64, to: u64, stage: StageName, rng: &mut Rng, add: &mut impl FnMut(u64, Fault)) {
    let (mut at, mut more) = (from, 0);
    while at + 1_000 < to {
        if more > 0 && (rng.bool() || more + 1 >= MEMBERS) {
            more -= 1;
            add(at, Fault::Leave { stage });
        } else {
            more += 1;
            add(at, Fault::Join { stage });
        }
        at += rng.u64(700..1_300);
    }
    for _ in 0..more {
        add(to, Fault::Leave { stage });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: u32, seed: u64) -> Vec<Scheduled> {
        schedule(Shape { seconds, seed, brokers: 1 }, 0, &mut Rng::with_seed(seed))
    }

    #[test]
    fn every_window_ends_within_the_run() {
        for seed in 0..50 {
            for Scheduled { at_ms, fault } in of(60, seed) {
                let lasts = match fault {
                    Fault::Pause { for_ms, .. } | Fault::Provider { for_ms: Some(for_ms), .. } => for_ms,
                    _ => 0,
                };
                assert!(at_ms + lasts <= 60_000, "{fault:?} at {at_ms}");
            }
        }
    }

    #[test]
    fn brokers_are_killed_from_the_beginning_and_never_while_a_dispatcher_sleeps() {
        for seed in 0..50 {
            let all = of(600, seed);
            let kills: Vec<u64> = all
                .iter()
                .filter(|scheduled| matches!(scheduled.fault, Fault::KillBroker { .. }))
                .map(|scheduled| scheduled.at_ms)
                .collect();
            assert!(kills[0] < 30_000 && kills.len() >= 24, "{kills:?}");
            let mut pauses = 0;
            for Scheduled { at_ms, fault } in &all {
                if let Fault::Pause { for_ms, .. } = fault {
                    pauses += 1;
                    let asleep = at_ms - 7_000..at_ms + for_ms;
                    assert!(!kills.iter().any(|at| asleep.contains(at)), "{at_ms}: {kills:?}");
                }
            }
            assert_eq!(pauses, 5);
        }
    }

    #[test]
    fn one_bot_rests_for_a_third_of_the_run_and_nothing_else_is_done_to_it() {
        for seed in 0..50 {
            let all = of(60, seed).into_iter().filter_map(|scheduled| match scheduled.fault {
                Fault::Provider { bot: RESTING_BOT, for_ms, .. } => Some((scheduled.at_ms, for_ms)),
                _ => None,
            });
            assert_eq!(all.collect::<Vec<_>>(), [(15_000, Some(20_000))]);
        }
    }

    #[test]
    fn each_topic_that_stages_read_gets_records_that_nobody_can_read() {
        let hit: std::collections::BTreeSet<usize> = of(600, 1)
            .into_iter()
            .filter_map(|scheduled| match scheduled.fault {
                Fault::Poison { topic } => Some(topic),
                _ => None,
            })
            .collect();
        assert!(hit.into_iter().eq(0..POISONED.len()));
    }

    #[test]
    fn who_joins_leaves() {
        for seed in 0..50 {
            let mut members = std::collections::HashMap::new();
            for Scheduled { fault, .. } in of(120, seed) {
                match fault {
                    Fault::Join { stage } => *members.entry(stage).or_insert(0) += 1,
                    Fault::Leave { stage } => *members.entry(stage).or_insert(0) -= 1,
                    _ => continue,
                }
                assert!(members.values().all(|more| (0..6).contains(more)));
            }
            assert!(members.values().all(|more| *more == 0));
        }
    }

    #[test]
    fn a_minute_has_every_kind() {
        let all = of(60, 3);
        let has = |wanted: fn(&Fault) -> bool| all.iter().any(|scheduled| wanted(&scheduled.fault));
        assert!(has(|fault| matches!(fault, Fault::Kill { .. })));
        assert!(has(|fault| matches!(fault, Fault::KillBroker { .. })));
        assert!(has(|fault| matches!(fault, Fault::Pause { for_ms, .. } if *for_ms > 15_000)));
        assert!(has(|fault| matches!(fault, Fault::Join { .. })));
        assert!(has(|fault| matches!(fault, Fault::Provider { for_ms: None, .. })));
        assert!(has(|fault| matches!(fault, Fault::Poison { .. })));
    }
}
