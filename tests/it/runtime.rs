//! The consumer loop on the embedded log: the numbered guarantees of `millrace::runtime`.

mod broken;
mod losses;
mod rig;
mod waits;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millrace::domain::units::Size;
use millrace::runtime::actor::Failure;
use millrace::runtime::tracker::SPAN;
use rig::{Act, Rig};

/// How long a test waits for what must happen: far above what it takes, so that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_record_is_handled_once_and_in_order_of_its_key() {
    let rig = Rig::new("run: async, lanes: 8").await;
    let records: Vec<_> = (0..400).map(|n| (n % 7, n, Act::Yield(n % 5))).collect();
    rig.send(&records).await;
    let worker = rig.start().await;
    let seen = rig.outputs(400, PATIENCE).await;
    worker.drain().await.unwrap();
    let mut by_key: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    seen.iter().for_each(|(key, n)| by_key.entry(*key).or_default().push(*n));
    for (key, numbers) in by_key {
        let expected: Vec<u32> = (0..400).filter(|n| n % 7 == key).collect();
        assert_eq!(numbers, expected, "key {key}");
    }
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn a_bot_whose_records_hang_holds_its_share_and_no_more() {
    let rig = Rig::new("run: async, order: none, lanes: 8, share: {lanes: 2, waiting: 3}").await;
    rig.send(&(0..20).map(|n| (1, n, Act::Gate)).collect::<Vec<_>>()).await;
    rig.send(&(20..23).map(|n| (2, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    let mut others = rig.outputs(3, PATIENCE).await;
    others.sort_unstable();
    assert_eq!(others, (20..23).map(|n| (2, n)).collect::<Vec<_>>());
    // Two of its own, and two of those that it has no place for.
    rig.at_the_gate(4).await;
    rig.gate.add_permits(20);
    assert_eq!(rig.outputs(23, PATIENCE).await.len(), 23);
    worker.drain().await.unwrap();
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn lanes_are_the_process_s_and_not_each_partition_s() {
    for bounds in
        ["run: async, lanes: 8", "run: async, order: none, lanes: 8, share: {lanes: 8, waiting: 100}"]
    {
        let mut rig = Rig::with_partitions(bounds, 4).await;
        rig.bot_of = |key| key;
        rig.send(&(0..40).map(|n| (n, n, Act::Gate)).collect::<Vec<_>>()).await;
        let worker = rig.start().await;
        rig.at_the_gate(6).await;
        // Whoever could begin would have by now.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!((6..=8).contains(&rig.gated()), "{} at work: {bounds}", rig.gated());
        rig.gate.add_permits(40);
        assert_eq!(rig.outputs(40, PATIENCE).await.len(), 40);
        worker.drain().await.unwrap();
        assert_eq!(rig.lag().await, 0);
    }
}

#[tokio::test]
async fn a_bot_with_a_backlog_and_a_slow_handler_holds_no_other_bot_up() {
    let mut rig = Rig::with_partitions("run: async, lanes: 8", 2).await;
    rig.bot_of = |key| key / 10_000;
    rig.send(&(0..3_000).map(|n| (n, n, Act::Gate)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    rig.at_the_gate(6).await;
    rig.send(&[(10_000, 5_000, Act::Ok), (20_000, 5_001, Act::Ok), (10_000, 5_002, Act::Ok)]).await;
    let mut fresh = rig.outputs(3, PATIENCE).await;
    fresh.sort_unstable();
    assert_eq!(fresh, [(10_000, 5_000), (10_000, 5_002), (20_000, 5_001)]);
    assert_eq!(rig.gated(), 6, "not one of the backlog had to end for it");
    rig.gate.add_permits(3_000);
    assert_eq!(rig.outputs(3_003, PATIENCE).await.len(), 3_003);
    worker.drain().await.unwrap();
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn a_partition_that_is_given_back_waits_for_no_lane() {
    let rig = Rig::with_partitions("run: async, lanes: 1", 2).await;
    rig.send(&(0..20).map(|n| (n, n, Act::Gate)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    rig.at_the_gate(1).await;
    let draining = tokio::spawn(worker.drain());
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.gate.add_permits(1);
    draining.await.unwrap().unwrap();
    assert_eq!(rig.gated(), 1);
}

#[tokio::test]
async fn a_partition_that_holds_nothing_goes_on_when_others_have_filled_the_memory() {
    let rig = Rig::with_partitions("run: async, lanes: 8", 2).await;
    rig.process_bytes.store(1 << 40, Ordering::Relaxed);
    rig.send(&(0..2_000).map(|n| (n, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(2_000, PATIENCE).await.len(), 2_000);
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn one_loop_takes_half_of_the_memory_and_leaves_the_other_to_others() {
    let mut rig = Rig::new("run: async, lanes: 1000").await;
    (rig.pad, rig.config.process_bytes) = (20 << 10, Size::mib(8));
    let worker = rig.start().await;
    let mut taken = 0;
    for n in 0..450 {
        rig.send(&[(n, n, Act::Gate)]).await;
        if tokio::time::timeout(Duration::from_secs(1), rig.at_the_gate(n + 1)).await.is_err() {
            break;
        }
        taken = n + 1;
    }
    assert!((190..=210).contains(&taken), "{taken} records of 20 KiB are half of 8 MiB");
    rig.gate.add_permits(450);
    rig.settled(PATIENCE).await;
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn a_poison_record_goes_to_the_dead_letters_untouched_and_its_neighbours_go_on() {
    for run in ["run: inline", "run: async, lanes: 4"] {
        let rig = Rig::new(run).await;
        rig.send(&[(1, 1, Act::Ok)]).await;
        rig.send_raw(1, b"\xff not an envelope").await;
        rig.send(&[(1, 2, Act::Ok), (1, 3, Act::Permanent), (1, 4, Act::Ok)]).await;
        let worker = rig.start().await;
        assert_eq!(rig.outputs(3, PATIENCE).await, [(1, 1), (1, 2), (1, 4)], "{run}");
        let mut letters = rig.dead_letters(2, PATIENCE).await;
        // Letters of one partition may overtake each other; their records' offsets tell them apart.
        letters.sort_by_key(|letter| rig::header(letter, "millrace-offset"));
        worker.drain().await.unwrap();
        assert_eq!(letters[0].value.as_ref(), b"\xff not an envelope");
        assert_eq!(rig::header(&letters[0], "millrace-reason"), "bug");
        assert_eq!(rig::header(&letters[1], "millrace-reason"), "rejected");
        assert_eq!(rig::header(&letters[1], "millrace-topic"), "turn.opened.v1");
        assert_eq!(rig.lag().await, 0);
    }
}

#[tokio::test]
async fn a_panic_costs_one_record() {
    let rig = Rig::new("run: async, lanes: 4").await;
    rig.send(&[(1, 1, Act::Ok), (1, 2, Act::Panic), (1, 3, Act::Ok)]).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(2, PATIENCE).await, [(1, 1), (1, 3)]);
    let letters = rig.dead_letters(1, PATIENCE).await;
    worker.drain().await.unwrap();
    assert_eq!(rig::header(&letters[0], "millrace-reason"), "panic");
    assert_eq!(rig::header(&letters[0], "millrace-attempts"), "3");
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_and_holds_only_its_key() {
    let rig = Rig::new("run: async, lanes: 4, retry: {max: 5, base: 1ms, cap: 2ms}").await;
    rig.send(&[(1, 1, Act::Fail(3)), (1, 2, Act::Ok), (2, 3, Act::Ok)]).await;
    let worker = rig.start().await;
    let seen = rig.outputs(3, PATIENCE).await;
    worker.drain().await.unwrap();
    let of_one: Vec<_> = seen.iter().filter(|(key, _)| *key == 1).collect();
    assert_eq!(of_one, [&(1, 1), &(1, 2)]);
    assert!(seen.contains(&(2, 3)));
}

#[tokio::test]
async fn tries_end_in_the_dead_letters() {
    let rig = Rig::new("run: inline, retry: {max: 2, base: 1ms, cap: 2ms}").await;
    rig.send(&[(1, 1, Act::Fail(99)), (1, 2, Act::Ok)]).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(1, PATIENCE).await, [(1, 2)]);
    let letters = rig.dead_letters(1, PATIENCE).await;
    worker.drain().await.unwrap();
    assert_eq!(rig::header(&letters[0], "millrace-reason"), "exhausted");
    assert_eq!(rig::header(&letters[0], "millrace-attempts"), "3");
}

#[tokio::test]
async fn the_brake_stops_a_group_that_fails_on_everything_with_its_offsets_kept() {
    let rig = Rig::new("run: inline").await;
    for _ in 0..200 {
        rig.send_raw(1, b"broken").await;
    }
    let failure = rig.start().await.ended(PATIENCE).await.unwrap_err();
    assert!(matches!(failure, Failure::Brake(..)), "{failure}");
    // Fewer than the brake's limit were given up; everything else waits for a program that can read it.
    assert!(rig.lag().await > 150);
}

#[tokio::test]
async fn a_drain_commits_what_is_done_and_the_next_owner_goes_on_there() {
    let rig = Rig::new("run: async, lanes: 4").await;
    rig.send(&(0..50).map(|n| (n, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    rig.outputs(50, PATIENCE).await;
    worker.drain().await.unwrap();
    rig.send(&(50..100).map(|n| (n, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    let mut seen = rig.outputs(100, PATIENCE).await;
    worker.drain().await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..100).map(|n| (n, n)).collect::<Vec<_>>());
    assert_eq!(rig.handled.load(Ordering::Relaxed), 100);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_record_that_is_to_be_tried_again() {
    let rig = Rig::new("run: async, lanes: 4, budget: 10m").await;
    rig.send(&[(1, 0, Act::Later), (1, 1, Act::Ok), (2, 2, Act::Ok)]).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(1, PATIENCE).await, [(2, 2)]);
    let began = std::time::Instant::now();
    worker.drain().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "the drain itself has 20 s");
    assert_eq!(rig.lag().await, 3, "the record is the next owner's, with all that follows");
    assert_eq!(*rig.tried.lock().unwrap().iter().max().unwrap(), 2);
    assert!(!rig.tried.lock().unwrap().contains(&1), "in order of its key");
}

#[tokio::test]
async fn a_worker_that_vanishes_loses_nothing_and_repeats_under_the_same_ids() {
    let rig = Rig::new("run: async, lanes: 4, commit: 1h").await;
    rig.send(&(0..60).map(|n| (n, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    rig.outputs(60, PATIENCE).await;
    worker.vanish().await;
    let worker = rig.start().await;
    let outputs = rig.records(120, PATIENCE).await;
    worker.drain().await.unwrap();
    let ids: std::collections::BTreeSet<_> = outputs.iter().map(rig::id).collect();
    assert_eq!((outputs.len(), ids.len()), (120, 60));
}

#[tokio::test]
async fn one_stuck_record_bounds_the_span_and_nothing_is_dropped() {
    let rig = Rig::new("run: async, lanes: 64").await;
    let total = u32::try_from(SPAN).unwrap() + 8_000;
    let mut records = vec![(0, 0, Act::Gate)];
    records.extend((1..total).map(|n| (1 + n % 50, n, Act::Ok)));
    rig.send(&records).await;
    let worker = rig.start().await;
    // Everything that fits the span is handled, nothing beyond it.
    rig.outputs(usize::try_from(SPAN).unwrap() - 4_096, PATIENCE).await;
    tokio::task::yield_now().await;
    assert!(u64::from(rig.handled.load(Ordering::Relaxed)) <= SPAN);
    assert!(rig.lag().await >= u64::from(total) - 1);
    rig.gate.add_permits(1);
    let seen = rig.outputs(total as usize, PATIENCE).await;
    worker.drain().await.unwrap();
    assert_eq!(seen.len(), total as usize);
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn partitions_move_between_members_without_loss_or_disorder() {
    let rig = Rig::with_partitions("run: async, lanes: 16, commit: 20ms", 8).await;
    let first = rig.start().await;
    let mut members = Vec::new();
    let total = 1_200;
    for n in 0..total {
        rig.send(&[(n % 40, n, Act::Yield(n % 3))]).await;
        if n % 200 == 100 {
            members.push(rig.start().await);
        }
        if n % 400 == 300
            && let Some(member) = members.pop()
        {
            member.drain().await.unwrap();
        }
    }
    let records = rig.distinct(total as usize, PATIENCE).await;
    first.drain().await.unwrap();
    for member in members {
        member.drain().await.unwrap();
    }
    let mut firsts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (key, n) in records {
        firsts.entry(key).or_default().push(n);
    }
    for (key, numbers) in firsts {
        assert!(numbers.is_sorted(), "key {key}: {numbers:?}");
    }
    assert_eq!(rig.lag().await, 0);
}

/// A coordinator that answers no commit holds up what it is to hand over, and nothing else.
#[tokio::test]
async fn a_commit_that_is_not_answered_stops_no_other_partition() {
    let rig = Rig::with_partitions("run: async, lanes: 16, commit: 20ms", 8).await;
    let first = rig.start().await;
    let of = |range: std::ops::Range<u32>| range.map(|n| (n, n, Act::Ok)).collect::<Vec<_>>();
    rig.send(&of(0..40)).await;
    rig.distinct(40, PATIENCE).await;
    rig.log.keep_silent(true);
    // The second member is to have half of the partitions; they are drained, and nobody says that they are committed.
    let second = rig.start().await;
    rig.send(&of(40..80)).await;
    let told = rig.distinct(41, PATIENCE).await.len();
    assert!(told < 80, "what is to be handed over waits: {told}");
    rig.log.keep_silent(false);
    rig.distinct(80, PATIENCE).await;
    first.drain().await.unwrap();
    second.drain().await.unwrap();
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn a_record_that_ends_its_process_is_found_out() {
    let rig = Rig::new("run: async, lanes: 8, commit: 20ms").await;
    let mut records: Vec<_> = (0..5).map(|n| (n, n, Act::Ok)).collect();
    // Stands for a record that aborts: the process is gone whenever it is at work.
    records.push((9, 9, Act::Gate));
    records.extend((10..20).map(|n| (n, n, Act::Ok)));
    rig.send(&records).await;
    let mut ends = 0;
    let letter = loop {
        let worker = rig.start().await;
        let at_work = rig.at_the_gate(ends + 1);
        tokio::select! {
            () = at_work => worker.vanish().await,
            letters = rig.dead_letters(1, PATIENCE) => {
                rig.settled(PATIENCE).await;
                worker.drain().await.unwrap();
                break letters.into_iter().next().unwrap();
            }
        }
        ends += 1;
        assert!(ends < 9, "it ends every owner");
    };
    assert_eq!(rig::header(&letter, "millrace-reason"), "crash_loop");
    assert_eq!(ends, 5, "twice with others, then three times alone");
    assert_eq!(rig.distinct(15, PATIENCE).await.len(), 15, "all others were handled");
}

#[tokio::test]
async fn what_stands_in_other_partitions_is_not_held_guilty() {
    let rig = Rig::with_partitions("run: async, lanes: 8, commit: 20ms", 4).await;
    // The 9 stands for a record that aborts; the others, in its partition and in the three others, only take their time.
    let guilty = 9;
    rig.send(&(0..20).map(|n| (n, n, Act::Gate)).collect::<Vec<_>>()).await;
    let (mut came, mut ends) = (0, 0);
    'found: loop {
        let worker = rig.start().await;
        loop {
            tokio::select! {
                () = rig.at_the_gate(came + 1) => came += 1,
                letters = rig.dead_letters(1, PATIENCE) => {
                    assert_eq!(rig::header(&letters[0], "millrace-reason"), "crash_loop");
                    rig.gate.add_permits(100);
                    rig.settled(PATIENCE).await;
                    worker.drain().await.unwrap();
                    break 'found;
                }
            }
            if rig.tried.lock().unwrap()[came as usize - 1] == guilty {
                worker.vanish().await;
                // Not for the next owner's.
                rig.gate.forget_permits(100);
                came = u32::try_from(rig.tried.lock().unwrap().len()).unwrap();
                break;
            }
            rig.gate.add_permits(1);
        }
        ends += 1;
        assert!(ends < 9, "it ends every owner");
    }
    assert_eq!(rig.dead_letters(1, PATIENCE).await.len(), 1, "one record did it");
    assert_eq!(rig.distinct(19, PATIENCE).await.len(), 19, "all others were handled");
}
