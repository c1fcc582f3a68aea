//! Bugs by which other consumer loops lost records or stood still: each is a test of this one.

use std::sync::atomic::Ordering;

use super::PATIENCE;
use super::broken::Refusal;
use super::rig::{self, Act, Rig};

/// Decaton (its shaping processor) completed a record's offset when the append of what came of it had failed.
#[tokio::test]
async fn decaton_an_offset_whose_outputs_are_refused_is_not_finished() {
    for bounds in ["run: async, lanes: 4, commit: 20ms", "run: inline, commit: 20ms"] {
        let rig = Rig::new(bounds).await;
        rig.send(&(0..20).map(|n| (n, n, Act::Ok)).collect::<Vec<_>>()).await;
        rig.log.refuse("turn.routed.v1", Refusal::ForGood);
        assert!(rig.start().await.ended(PATIENCE).await.is_err(), "{bounds}: the loop has to stop");
        assert_eq!(rig.lag().await, 20, "{bounds}: nothing is finished");
        // Now for a while: it is tried again until it is durable.
        rig.log.refuse("turn.routed.v1", Refusal::Busy(3));
        let worker = rig.start().await;
        let mut seen = rig.outputs(20, PATIENCE).await;
        rig.settled(PATIENCE).await;
        worker.drain().await.unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).map(|n| (n, n)).collect::<Vec<_>>(), "{bounds}");
    }
}

/// Vector #24543: events that a sink rejected were acknowledged, with nothing kept of them.
#[tokio::test]
async fn vector_24543_a_dead_letter_that_is_refused_keeps_its_record_s_offset() {
    for bounds in ["run: async, lanes: 4, commit: 20ms", "run: inline, commit: 20ms"] {
        let rig = Rig::new(bounds).await;
        rig.send(&[(1, 0, Act::Ok), (2, 1, Act::Permanent), (3, 2, Act::Ok)]).await;
        rig.log.refuse("dead.letter.v1", Refusal::ForGood);
        assert!(rig.start().await.ended(PATIENCE).await.is_err(), "{bounds}: the loop has to stop");
        assert!(rig.lag().await >= 2, "{bounds}: the record and what follows are the next owner's");
        rig.log.heal();
        let worker = rig.start().await;
        let letters = rig.dead_letters(1, PATIENCE).await;
        rig.settled(PATIENCE).await;
        worker.drain().await.unwrap();
        assert_eq!((letters.len(), rig::header(&letters[0], "millrace-offset")), (1, "1".to_owned()));
        assert_eq!(rig.distinct(2, PATIENCE).await.len(), 2, "{bounds}");
    }
}

/// The same of a record that had waited: its offset is finished long since, so it must go on waiting.
#[tokio::test]
async fn vector_24543_a_record_that_waited_stays_until_its_dead_letter_is_durable() {
    let rig = Rig::new(
        "run: async, lanes: 8, retry: {max: 1, base: 1ms, cap: 2ms}, \
         delay: {first: 20ms, cap: 20ms, longest: 30ms, most_per_bot: 100}",
    )
    .await;
    rig.down.store(true, Ordering::SeqCst);
    rig.send(&[(1, 1, Act::Needs)]).await;
    rig.log.refuse("dead.letter.v1", Refusal::ForGood);
    assert!(rig.start().await.ended(PATIENCE).await.is_err());
    rig.log.heal();
    let worker = rig.start().await;
    let letters = rig.dead_letters(1, PATIENCE).await;
    worker.drain().await.unwrap();
    assert_eq!(rig::header(&letters[0], "millrace-reason"), "expired");
}

/// parallel-consumer #893: where everything was done, the next owner was given the last offset plus one, which did not exist
/// yet, and began anew.
#[tokio::test]
async fn parallel_consumer_893_an_owner_that_begins_behind_the_last_record_repeats_nothing() {
    let rig = Rig::with_partitions("run: async, lanes: 4, commit: 20ms", 2).await;
    // One partition has all records, the other has never had one.
    rig.send(&(0..30).map(|n| (7, n, Act::Ok)).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    rig.settled(PATIENCE).await;
    worker.drain().await.unwrap();
    for round in 1..4 {
        // Two owners that find nothing to do: one ends in order, one is killed.
        rig.start().await.drain().await.unwrap();
        rig.start().await.vanish().await;
        let worker = rig.start().await;
        let first = 30 + (round - 1) * 20;
        rig.send(&(first..first + 20).map(|n| (n % 10, n, Act::Ok)).collect::<Vec<_>>()).await;
        rig.settled(PATIENCE).await;
        worker.drain().await.unwrap();
        assert_eq!(rig.handled.load(Ordering::Relaxed), first + 20, "each once");
    }
}

/// parallel-consumer #582: one key that fails, with 2,000 of 10,000 records, filled what was read ahead, and all others starved.
#[tokio::test]
async fn parallel_consumer_582_a_key_that_fails_with_a_fifth_of_all_records_starves_nobody() {
    let rig =
        Rig::new("run: async, lanes: 16, budget: 10m, retry: {max: 1000000, base: 1ms, cap: 20ms}").await;
    rig.down.store(true, Ordering::SeqCst);
    let act = |n: u32| if n.is_multiple_of(5) { (0, n, Act::Needs) } else { (1 + n % 40, n, Act::Ok) };
    rig.send(&(0..10_000).map(act).collect::<Vec<_>>()).await;
    let worker = rig.start().await;
    let others = rig.outputs(8_000, PATIENCE).await;
    assert!(others.iter().all(|(key, _)| *key != 0));
    rig.down.store(false, Ordering::SeqCst);
    let all = rig.outputs(10_000, PATIENCE).await;
    worker.drain().await.unwrap();
    let of_it: Vec<u32> = all.iter().filter(|(key, _)| *key == 0).map(|(_, n)| *n).collect();
    assert_eq!(of_it, (0..10_000).step_by(5).collect::<Vec<_>>(), "in order, none left out");
    assert_eq!(rig.lag().await, 0);
}
