//! The cache against a database that changes while it is asked.

use std::sync::atomic::AtomicI64;

use proptest::prelude::*;

use super::*;
use crate::domain::time::{ManualClock, Timestamp};

const BELIEVE: Duration = Duration::from_secs(5);

fn cache(most_bytes: u64) -> (Versioned<u8, i64>, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_millis(1));
    let cache = Versioned::new(most_bytes, Duration::from_secs(600), BELIEVE, Arc::new(clock.clone()));
    (cache.with_recent(), clock)
}

fn loaded(version: i64) -> Result<Option<Loaded<i64>>, StoreError> {
    Ok(Some(Loaded { version, bytes: 1, value: version }))
}

#[tokio::test]
async fn a_hit_loads_nothing_and_many_callers_share_one_load() {
    let (cache, _) = cache(1 << 20);
    let loads = AtomicI64::new(0);
    let load = || async {
        loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        loaded(1)
    };
    let all = futures_util::future::join_all((0..20).map(|_| cache.get(&1, load))).await;
    assert!(all.into_iter().all(|got| got.unwrap().as_deref() == Some(&1)));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn news_during_a_load_make_it_load_again() {
    let (cache, _) = cache(1 << 20);
    let database = AtomicI64::new(1);
    let load = || async {
        let version = database.load(Ordering::SeqCst);
        if version == 1 {
            // The change is committed and announced while the old row is on its way here.
            database.store(2, Ordering::SeqCst);
            cache.seen(&7, 2);
        }
        loaded(version)
    };
    assert_eq!(cache.get(&7, load).await.unwrap().as_deref(), Some(&2));
}

#[tokio::test]
async fn news_of_another_database_do_not_hold_a_bot_up() {
    let (cache, _) = cache(1 << 20);
    cache.get(&7, || async { loaded(1) }).await.unwrap();
    cache.seen(&7, 900);
    assert_eq!(cache.get(&7, || async { loaded(3) }).await.unwrap().as_deref(), Some(&3));
    let again = cache.get(&7, || async { Err(StoreError::Unavailable("not asked".into())) }).await;
    assert_eq!(again.unwrap().as_deref(), Some(&3));
}

#[tokio::test]
async fn what_does_not_exist_is_believed_for_a_while() {
    let (cache, clock) = cache(1 << 20);
    let nothing = || async { Ok(None) };
    assert!(cache.get(&1, nothing).await.unwrap().is_none());
    assert!(cache.get(&1, || async { loaded(1) }).await.unwrap().is_none());
    clock.advance(BELIEVE);
    assert!(cache.get(&1, || async { loaded(1) }).await.unwrap().is_some());

    assert!(cache.get(&2, nothing).await.unwrap().is_none());
    cache.seen(&2, 1);
    assert!(cache.get(&2, || async { loaded(1) }).await.unwrap().is_some(), "news end the belief");
}

#[tokio::test]
async fn a_failed_load_is_not_remembered() {
    let (cache, _) = cache(1 << 20);
    assert!(cache.get(&1, || async { Err(StoreError::Unavailable("x".into())) }).await.is_err());
    assert!(cache.get(&1, || async { loaded(1) }).await.unwrap().is_some());
}

#[tokio::test]
async fn weight_bounds_the_cache() {
    let (cache, _) = cache(100_000);
    for key in 0..200 {
        let load = || async { Ok(Some(Loaded { version: 1, bytes: 10_000, value: 1 })) };
        cache.get(&key, load).await.unwrap();
    }
    assert!(cache.len() <= 10, "{} entries", cache.len());
}

/// One step of a task: how often it yields, and whether it changes or reads.
type Step = (u8, u8, bool);

async fn pause(times: u8) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// Runs the tasks against one key; every read must be at least as new as the news before it.
fn run(tasks: Vec<Vec<Step>>, most_bytes: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (cache, _) = cache(most_bytes);
        let (database, told) = (AtomicI64::new(1), AtomicI64::new(0));
        let task = |steps: Vec<Step>| async {
            for (before, within, change) in steps {
                pause(before % 4).await;
                if change {
                    let version = database.fetch_add(1, Ordering::SeqCst) + 1;
                    pause(within % 4).await;
                    cache.seen(&1, version);
                    told.fetch_max(version, Ordering::SeqCst);
                } else {
                    let floor = told.load(Ordering::SeqCst);
                    let load = || async {
                        let version = database.load(Ordering::SeqCst);
                        pause(within % 4).await;
                        loaded(version)
                    };
                    let got = *cache.get(&1, load).await.unwrap().unwrap();
                    assert!(got >= floor, "got {got} after news of {floor}");
                }
            }
        };
        futures_util::future::join_all(tasks.into_iter().map(task)).await;
        let last = database.load(Ordering::SeqCst);
        cache.seen(&1, last);
        let got = cache.get(&1, || async { loaded(database.load(Ordering::SeqCst)) }).await.unwrap();
        assert_eq!(got.as_deref(), Some(&last));
    });
}

proptest! {
    #[test]
    fn no_read_is_older_than_the_news_before_it(
        tasks in prop::collection::vec(prop::collection::vec(any::<Step>(), 1..12), 2..6),
        roomy in any::<bool>(),
    ) {
        // Without room every entry is thrown out at once: loads run on slots that news can't find.
        run(tasks, if roomy { 1 << 20 } else { 0 });
    }
}
