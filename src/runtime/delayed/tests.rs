//! The machine on its own: orders, turns, waits, bounds.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::domain::channel::ChannelKind;
use crate::domain::units::Span;

const POLICY: Delay =
    Delay { first: Span::secs(10), cap: Span::secs(60), longest: Span::secs(600), most_per_bot: 40 };

fn whose(bot: u8) -> Whose {
    ("acme".into(), format!("b{bot}").into())
}

fn key(name: &str) -> Bytes {
    Bytes::copy_from_slice(name.as_bytes())
}

fn waiting(offset: u64) -> Waiting {
    let id = EventId::root(ChannelKind::Telegram, "1", &offset.to_string());
    Waiting { offset, id, since: Timestamp::from_millis(0), place: Some(Place::default()) }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn at(n: u64) -> (Duration, Timestamp) {
    (secs(n), Timestamp::from_millis(i64::try_from(n).unwrap() * 1000))
}

/// One bot with a record in each of so many conversations, after a first failure at 1 s.
fn failing(conversations: u64) -> Delayed {
    let mut delayed = Delayed::new(POLICY, 64);
    for n in 0..conversations {
        delayed.park(&key(&format!("c{n}")), &whose(1), waiting(n)).unwrap();
    }
    delayed.fail(&whose(1), None, secs(1), 1.0);
    delayed
}

#[test]
fn a_bot_that_fails_is_asked_once_in_a_while_and_not_once_for_each_conversation() {
    let mut delayed = failing(20);
    assert!(delayed.fails(&whose(1)));
    assert_eq!((delayed.next(secs(10)), delayed.wake()), (None, Some(secs(11))));
    let (first, _) = delayed.next(secs(11)).unwrap();
    assert_eq!(delayed.next(secs(11)), None, "one try at a time");
    assert!(delayed.again(&first, None, at(11), 1.0));
    assert_eq!((delayed.next(secs(30)), delayed.wake()), (None, Some(secs(31))), "the wait doubles");
    let (second, _) = delayed.next(secs(31)).unwrap();
    assert_ne!(first, second, "another conversation has the next try");
}

#[test]
fn what_works_again_drains_faster_with_every_success() {
    let mut delayed = failing(40);
    let mut rounds = Vec::new();
    loop {
        let out: Vec<_> = std::iter::from_fn(|| delayed.next(secs(20))).collect();
        if out.is_empty() {
            break;
        }
        rounds.push(out.len());
        assert!(out.iter().all(|(key, _)| delayed.over(key, true).is_some()));
    }
    assert_eq!(rounds, [1, 2, 8, 16, 13]);
    assert!(delayed.is_empty() && !delayed.fails(&whose(1)));
}

#[test]
fn who_asks_for_more_time_gets_it() {
    let mut delayed = failing(1);
    let (first, _) = delayed.next(secs(11)).unwrap();
    assert!(delayed.again(&first, Some(secs(300)), at(11), 0.0));
    assert_eq!(delayed.wake(), Some(secs(311)));
}

#[test]
fn a_record_waits_no_longer_than_it_may() {
    let mut delayed = failing(2);
    let (first, _) = delayed.next(secs(11)).unwrap();
    assert!(!delayed.again(&first, Some(secs(590)), at(11), 1.0), "601 s are too long");
    assert_eq!(delayed.over(&first, false).map(|waiting| waiting.offset), Some(0));
    assert_eq!(delayed.offsets().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_bot_keeps_so_many_and_others_are_not_concerned() {
    let mut delayed = failing(40);
    assert_eq!(delayed.park(&key("more"), &whose(1), waiting(99)), Err(Full));
    assert!(!delayed.holds(b"more"));
    assert_eq!(delayed.park(&key("other"), &whose(2), waiting(99)), Ok(()));
    assert_eq!(delayed.next(secs(1)).map(|(key, _)| key), Some(key("other")), "it has not failed");
}

#[test]
fn a_conversation_that_changes_its_bot_holds_nobody() {
    let mut delayed = Delayed::new(POLICY, 4);
    for (name, bot, offset) in [("c", 1, 1), ("c", 2, 2), ("d", 1, 3), ("e", 1, 4)] {
        delayed.park(&key(name), &whose(bot), waiting(offset)).unwrap();
    }
    let mut out = Vec::new();
    while let Some((key, head)) = delayed.next(secs(1)) {
        out.push(head.offset);
        delayed.over(&key, true);
    }
    out.sort_unstable();
    assert_eq!((out, delayed.is_empty(), delayed.bots.len()), (vec![1, 2, 3, 4], true, 0));
}

#[test]
fn what_waited_before_this_owner_came_is_taken_up_however_much_it_is() {
    let mut delayed = failing(40);
    delayed.take_up(&key("more"), &whose(1), waiting(99));
    assert_eq!(delayed.bots.values().map(|bot| bot.count).sum::<usize>(), 41);
    assert_eq!(delayed.park(&key("other"), &whose(1), waiting(100)), Err(Full));
}

#[test]
fn a_key_waits_until_its_head_is_durable() {
    let mut delayed = Delayed::new(POLICY, 4);
    delayed.park(&key("c"), &whose(1), Waiting { place: None, ..waiting(1) }).unwrap();
    delayed.park(&key("c"), &whose(1), waiting(2)).unwrap();
    assert_eq!(delayed.next(secs(1)), None);
    delayed.durable(&key("c"), 1, Place { position: 3, len: 4 });
    let (_, head) = delayed.next(secs(1)).unwrap();
    assert_eq!((head.offset, head.place), (1, Some(Place { position: 3, len: 4 })));
}

#[derive(Debug, Clone)]
enum Step {
    Park(u8),
    Durable,
    Next,
    Over(prop::sample::Index, bool),
    Again(prop::sample::Index),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..9).prop_map(Step::Park),
        3 => Just(Step::Durable),
        4 => Just(Step::Next),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(one, well)| Step::Over(one, well)),
        2 => any::<prop::sample::Index>().prop_map(Step::Again),
        2 => (0u64..40).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn order_width_and_waits_hold_and_everything_comes_out(
        steps in steps(),
        width in 1usize..5,
        first: prop::sample::Index,
    ) {
        let mut delayed = Delayed::new(POLICY, width);
        let (mut now, mut offset) = (0, 0);
        let (mut pending, mut out) = (Vec::new(), Vec::<(Bytes, u64)>::new());
        // What waits for each key, as it has to come out; until when each bot waits.
        let mut expected: HashMap<Bytes, Vec<u64>> = HashMap::new();
        let mut until: HashMap<Whose, u64> = HashMap::new();
        let bot_of = |n: u8| whose(n % 3);
        let bot_of_key = |key: &Bytes| bot_of(key[0] - b'0');
        let drain = (0..2_000).flat_map(|_| [Step::Durable, Step::Pass(60), Step::Next, Step::Over(first, true)]);
        for step in steps.into_iter().chain(drain) {
            match step {
                Step::Park(n) => {
                    let name = key(&n.to_string());
                    let record = Waiting { place: None, since: at(now).1, ..waiting(offset) };
                    if delayed.park(&name, &bot_of(n), record).is_ok() {
                        pending.push((name.clone(), offset));
                        expected.entry(name).or_default().push(offset);
                    }
                    offset += 1;
                }
                Step::Durable => pending.drain(..).for_each(|(key, offset)| {
                    delayed.durable(&key, offset, Place::default());
                }),
                Step::Next => {
                    if let Some((name, head)) = delayed.next(secs(now)) {
                        prop_assert!(out.len() < width);
                        prop_assert!(out.iter().all(|(other, _)| *other != name), "one of a key");
                        prop_assert_eq!(Some(&head.offset), expected[&name].first(), "in order");
                        let bot = bot_of_key(&name);
                        prop_assert!(until.get(&bot).is_none_or(|until| *until <= now), "not before its wait is over");
                        if delayed.fails(&bot) {
                            prop_assert!(out.iter().all(|(other, _)| bot_of_key(other) != bot), "one try at a time");
                        }
                        out.push((name, head.offset));
                    }
                }
                Step::Over(one, well) if !out.is_empty() => {
                    let (name, offset) = out.swap_remove(one.index(out.len()));
                    prop_assert_eq!(delayed.over(&name, well).map(|head| head.offset), Some(offset));
                    expected.get_mut(&name).unwrap().remove(0);
                    if well {
                        until.remove(&bot_of_key(&name));
                    }
                }
                Step::Again(one) if !out.is_empty() => {
                    let (name, _) = out.swap_remove(one.index(out.len()));
                    if delayed.again(&name, Some(secs(7)), at(now), 0.5) {
                        let at = until.entry(bot_of_key(&name)).or_default();
                        *at = (now + 7).max(*at);
                    } else {
                        delayed.over(&name, false);
                        expected.get_mut(&name).unwrap().remove(0);
                        until.insert(bot_of_key(&name), now + 7);
                    }
                }
                Step::Pass(seconds) => now += seconds,
                Step::Over(..) | Step::Again(_) => {}
            }
        }
        prop_assert!(delayed.is_empty(), "everything came out: {:?}", expected);
    }
}
