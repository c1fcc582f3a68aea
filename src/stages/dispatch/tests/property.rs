//! Any traffic, any outcomes, any restarts: the guarantees hold.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::rig::{Rig, Say, say};
use crate::domain::channel::ChannelKind;
use crate::domain::events::SettledStatus;
use crate::domain::units::Rate;
use crate::limits::LimitsConfig;
use crate::services::channel::fake::FakeChannel;
use crate::services::channel::{Scope, SendOutcome};
use crate::stages::dispatch::DispatchConfig;

const BOTS: [&str; 3] = ["a", "b", "c"];

/// What happens, in order.
#[derive(Debug, Clone)]
enum Event {
    Reply {
        bot: usize,
        chat: u8,
        parts: usize,
        mortal: bool,
    },
    /// The same reply again, from upstream.
    Repeat(prop::sample::Index),
    Pass(u64),
    /// The owner is gone in the middle of everything, and another one takes over.
    Crash,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Sent,
    Later,
    Refused,
    Unknown,
}

fn events(crashes: u32) -> impl Strategy<Value = Vec<Event>> {
    let reply = (0..3_usize, 0..3_u8, 1..4_usize, prop::bool::weighted(0.1))
        .prop_map(|(bot, chat, parts, mortal)| Event::Reply { bot, chat, parts, mortal });
    let event = prop_oneof![
        12 => reply,
        2 => any::<prop::sample::Index>().prop_map(Event::Repeat),
        5 => (0..3_000_u64).prop_map(Event::Pass),
        crashes => Just(Event::Crash),
    ];
    proptest::collection::vec(event, 1..60)
}

fn outcomes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..80)
}

fn outcome(n: u8) -> (Call, SendOutcome) {
    let reason = "scripted".to_owned();
    let retry = |after: Option<u64>, scope| {
        let after = after.map(Duration::from_secs);
        (Call::Later, SendOutcome::Retry { after, scope, reason: "scripted".to_owned() })
    };
    match n {
        0..=9 => retry(Some(u64::from(n)), Scope::Chat),
        10..=13 => retry(Some(3), Scope::Bot),
        14..=17 => retry(None, Scope::Number),
        18..=25 => retry(None, Scope::Message),
        26..=28 => retry(None, Scope::Chat),
        29..=40 => (Call::Refused, SendOutcome::Rejected { scope: Scope::Chat, reason }),
        41..=60 => (Call::Unknown, SendOutcome::Unknown { reason }),
        _ => (Call::Sent, SendOutcome::Sent { provider_id: None }),
    }
}

/// Text, how it went, when, in which epoch.
type Called = (String, Call, Instant, u64);

#[derive(Debug)]
struct Truth {
    calls: Vec<Called>,
    says: Vec<Say>,
    crashes: u64,
    ledger: Vec<(crate::domain::ids::EventId, u32, u32, SettledStatus)>,
    most_in_flight: usize,
}

fn play(events: Vec<Event>, outcomes: Vec<u8>) -> Truth {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async move {
        let calls: Arc<Mutex<Vec<Called>>> = Arc::default();
        let epoch = Arc::new(std::sync::atomic::AtomicU64::new(1));
        let (seen, now) = (Arc::clone(&calls), Arc::clone(&epoch));
        let answer = move |send: &crate::services::channel::fake::FakeSend, n: usize| {
            let (call, outcome) = outcome(outcomes[n % outcomes.len()]);
            let epoch = now.load(std::sync::atomic::Ordering::SeqCst);
            seen.lock().unwrap().push((send.text.clone(), call, send.at, epoch));
            outcome
        };
        let channel = FakeChannel::new(ChannelKind::Telegram).slow(Duration::from_millis(30));
        let mut limits = LimitsConfig::default();
        limits.telegram.bot = bot_rate();
        let log_latency = Duration::from_millis(7);
        let mut rig =
            Rig::tuned(channel.answering(answer), log_latency, DispatchConfig::default(), limits).await;
        let (mut says, mut crashes): (Vec<Say>, u64) = (Vec::new(), 0);
        for event in events {
            match event {
                Event::Reply { bot, chat, parts, mortal } => {
                    let n = says.len();
                    let texts: Vec<String> = (0..parts).map(|part| format!("{n}.{part}")).collect();
                    let ttl = mortal.then_some(Duration::from_secs(2));
                    let one = Say { texts, ttl, root: Some(n as u64), ..say(BOTS[bot], chat, &[]) };
                    rig.send(std::slice::from_ref(&one));
                    says.push(one);
                }
                Event::Repeat(which) if !says.is_empty() => {
                    let again = which.get(&says).clone();
                    rig.send(std::slice::from_ref(&again));
                    says.push(again);
                }
                Event::Repeat(_) => {}
                Event::Pass(millis) => rig.run(Duration::from_millis(millis)).await,
                Event::Crash => {
                    crashes += 1;
                    epoch.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    rig.restart().await;
                    // Nothing was committed: everything comes again.
                    rig.ends.clear();
                    if !says.is_empty() {
                        rig.admit(0);
                    }
                }
            }
        }
        rig.settle(Duration::from_secs(20_000)).await;
        assert_eq!(rig.ends.len(), says.len(), "every offset ended");
        let ledger = rig.results().into_iter().filter_map(|record| match record {
            crate::domain::events::Settled::Result { id, part, of, status, .. } => {
                Some((id, part, of, status))
            }
            _ => None,
        });
        let most_in_flight = if crashes == 0 { rig.telegram.most_in_flight_per_chat() } else { 1 };
        let calls = calls.lock().unwrap().clone();
        Truth { calls, says, crashes, ledger: ledger.collect(), most_in_flight }
    })
}

fn bot_rate() -> Rate {
    "4 then 1/200ms".parse().unwrap()
}

/// Reply and part of a text.
fn place(text: &str) -> (usize, usize) {
    let (reply, part) = text.split_once('.').unwrap();
    (reply.parse().unwrap(), part.parse().unwrap())
}

fn check_order_and_repeats(truth: &Truth) -> Result<(), TestCaseError> {
    let mut first: HashMap<(&str, &str), (usize, usize)> = HashMap::new();
    let mut last: HashMap<(&str, &str), (usize, usize)> = HashMap::new();
    let mut taken: HashMap<(usize, usize), (u64, u64)> = HashMap::new();
    for (text, call, _, epoch) in &truth.calls {
        let at = place(text);
        let chat = (truth.says[at.0].bot, truth.says[at.0].chat.as_str());
        // Whether an unclear call was taken nobody knows; a chat must be in order either way.
        if !matches!(call, Call::Sent | Call::Unknown) {
            continue;
        }
        let (times, since) = taken.entry(at).or_insert((0, *epoch));
        *times += 1;
        if *times == 1 {
            let before = first.insert(chat, at);
            prop_assert!(before.is_none_or(|before| before < at), "{chat:?}: {before:?} then {at:?}");
        } else {
            prop_assert_eq!(last.get(&chat), Some(&at), "only the last of a chat may come again");
        }
        // Once, and once more for an unclear outcome, and the same again for each crash since.
        prop_assert!(*times <= 2 * (epoch - *since + 1), "{:?} was sent {} times", at, times);
        last.insert(chat, at);
    }
    Ok(())
}

fn check_ledger(truth: &Truth) -> Result<(), TestCaseError> {
    let mut settled = HashSet::new();
    for (id, part, _, _) in &truth.ledger {
        prop_assert!(settled.insert((*id, *part)), "a part was settled twice");
    }
    let roots: HashMap<u64, usize> =
        truth.says.iter().map(|say| (say.root.unwrap(), say.texts.len())).collect();
    prop_assert_eq!(settled.len(), roots.values().sum::<usize>(), "every part is settled");
    let sent = truth.ledger.iter().filter(|(.., status)| *status == SettledStatus::Sent).count();
    let taken: HashSet<_> =
        truth.calls.iter().filter(|(_, call, ..)| *call == Call::Sent).map(|(text, ..)| text).collect();
    if truth.crashes == 0 {
        prop_assert_eq!(sent, taken.len(), "what was taken is what is settled as sent");
        let refused = truth.calls.iter().filter(|(_, call, ..)| *call == Call::Sent).count();
        prop_assert_eq!(sent, refused, "and it was sent once");
    }
    Ok(())
}

fn check_limits(truth: &Truth) -> Result<(), TestCaseError> {
    let rate = bot_rate();
    for bot in BOTS {
        let of_bot = |(text, ..): &&Called| truth.says[place(text).0].bot == bot;
        let at: Vec<Instant> = truth.calls.iter().filter(of_bot).map(|(_, _, at, _)| *at).collect();
        for (i, from) in at.iter().enumerate() {
            for (j, to) in at.iter().enumerate().skip(i) {
                let allowed = u128::from(rate.burst) + (*to - *from).as_nanos() / rate.every.as_nanos();
                prop_assert!((j - i + 1) as u128 <= allowed, "{bot}: {} in {:?}", j - i + 1, *to - *from);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn order_limits_and_one_result_for_each_part(events in events(0), outcomes in outcomes()) {
        // An outcome that is never good would keep a reply without a deadline for ever.
        let truth = play(events, [outcomes, vec![255; 3]].concat());
        check_order_and_repeats(&truth)?;
        check_ledger(&truth)?;
        check_limits(&truth)?;
        prop_assert!(truth.most_in_flight <= 1);
    }

    #[test]
    fn owners_may_come_and_go(events in events(2), outcomes in outcomes()) {
        let truth = play(events, [outcomes, vec![255; 3]].concat());
        check_order_and_repeats(&truth)?;
        check_ledger(&truth)?;
    }
}
