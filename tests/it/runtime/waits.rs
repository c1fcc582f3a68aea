//! Records that fail for longer than their budget: they wait, in order, and hold nobody.

use std::sync::atomic::Ordering;

use super::PATIENCE;
use super::rig::{self, Act, Rig};

/// Two tries in the lane, then a short wait and the next try.
const SOON: &str = "run: async, lanes: 8, retry: {max: 1, base: 1ms, cap: 2ms}, \
                    delay: {first: 20ms, cap: 40ms, longest: 10m, most_per_bot: 100}";

async fn down(bounds: &str) -> Rig {
    let rig = Rig::new(bounds).await;
    rig.down.store(true, Ordering::SeqCst);
    rig
}

#[tokio::test]
async fn a_record_that_waits_holds_only_its_key_and_finishes_its_offset() {
    let rig = down(SOON).await;
    rig.send(&[(1, 1, Act::Needs), (1, 2, Act::Ok), (2, 3, Act::Ok)]).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(1, PATIENCE).await, [(2, 3)]);
    rig.settled(PATIENCE).await;
    rig.send(&[(1, 4, Act::Ok), (2, 5, Act::Ok)]).await;
    assert_eq!(rig.outputs(2, PATIENCE).await, [(2, 3), (2, 5)]);
    rig.settled(PATIENCE).await;
    rig.down.store(false, Ordering::SeqCst);
    assert_eq!(rig.outputs(5, PATIENCE).await[2..], [(1, 1), (1, 2), (1, 4)]);
    // The key is like any other again.
    rig.send(&[(1, 6, Act::Ok)]).await;
    assert_eq!(rig.outputs(6, PATIENCE).await[5], (1, 6));
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn a_record_that_waited_may_panic_as_often_as_any_other() {
    let rig = down(SOON).await;
    rig.send(&[(1, 1, Act::NeedsAndPanics), (1, 2, Act::Ok)]).await;
    let worker = rig.start().await;
    rig.settled(PATIENCE).await;
    rig.down.store(false, Ordering::SeqCst);
    assert_eq!(rig.outputs(2, PATIENCE).await, [(1, 1), (1, 2)]);
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn what_waits_outlives_a_crash_and_comes_out_once() {
    let rig = down(SOON).await;
    rig.send(&[(1, 1, Act::Needs), (1, 2, Act::Ok), (2, 3, Act::Needs)]).await;
    let worker = rig.start().await;
    rig.settled(PATIENCE).await;
    worker.vanish().await;
    rig.down.store(false, Ordering::SeqCst);
    let worker = rig.start().await;
    let seen = rig.outputs(3, PATIENCE).await;
    worker.drain().await.unwrap();
    let of_one: Vec<_> = seen.iter().filter(|(key, _)| *key == 1).collect();
    assert_eq!((of_one, seen.contains(&(2, 3))), (vec![&(1, 1), &(1, 2)], true));
    // Nothing is left for the next owner.
    let worker = rig.start().await;
    rig.send(&[(3, 4, Act::Ok)]).await;
    assert_eq!(rig.outputs(4, PATIENCE).await[3], (3, 4));
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn what_waited_as_long_as_it_may_is_a_dead_letter_and_the_next_goes_on() {
    let rig = down(
        "run: async, lanes: 8, retry: {max: 1, base: 1ms, cap: 2ms}, \
         delay: {first: 20ms, cap: 20ms, longest: 30ms, most_per_bot: 100}",
    )
    .await;
    rig.send(&[(1, 1, Act::Needs), (1, 2, Act::Ok)]).await;
    let worker = rig.start().await;
    let letters = rig.dead_letters(1, PATIENCE).await;
    assert_eq!(rig::header(&letters[0], "millrace-reason"), "expired");
    assert_eq!(rig::header(&letters[0], "millrace-offset"), "0");
    assert_eq!(letters[0].key, "1");
    assert_eq!(rig.outputs(1, PATIENCE).await, [(1, 2)]);
    worker.drain().await.unwrap();
    assert_eq!(rig.lag().await, 0);
}

#[tokio::test]
async fn a_bot_keeps_no_more_than_it_may() {
    let rig = down(
        "run: async, lanes: 1, retry: {max: 0, base: 1ms, cap: 2ms}, \
         delay: {first: 1h, cap: 1h, longest: 6h, most_per_bot: 2}",
    )
    .await;
    rig.send(&[(1, 1, Act::Needs), (2, 2, Act::Needs), (3, 3, Act::Needs)]).await;
    let worker = rig.start().await;
    let letters = rig.dead_letters(1, PATIENCE).await;
    assert_eq!(rig::header(&letters[0], "millrace-reason"), "bot_backlog_full");
    assert_eq!(rig::header(&letters[0], "millrace-offset"), "2");
    rig.settled(PATIENCE).await;
    worker.drain().await.unwrap();
}

#[tokio::test]
async fn while_a_bot_fails_what_needs_the_same_waits_without_a_try() {
    let rig = down(
        "run: async, lanes: 1, retry: {max: 1, base: 1ms, cap: 2ms}, \
         delay: {first: 1h, cap: 1h, longest: 6h, most_per_bot: 100}",
    )
    .await;
    let records: Vec<_> = (0..20).map(|n| (n, n, Act::Needs)).chain([(30, 30, Act::Ok)]).collect();
    rig.send(&records).await;
    let worker = rig.start().await;
    assert_eq!(rig.outputs(1, PATIENCE).await, [(30, 30)]);
    rig.settled(PATIENCE).await;
    worker.drain().await.unwrap();
    assert_eq!(*rig.tried.lock().unwrap(), [0, 0, 30]);
}
