//! Members that come and go while records flow: nothing lost, nothing read twice, one owner at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace::log::kafka::KafkaLog;
use millrace::log::{Group, Log, LogError, Outgoing, Progress, Signal, TopicPartition};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::support::{PATIENCE, join, log_with, record, upto};

/// What all members together saw.
#[derive(Debug, Default)]
struct Seen {
    owners: HashMap<TopicPartition, usize>,
    reads: BTreeMap<(TopicPartition, u64), u32>,
    assignments: u32,
}

const PARTITIONS: u32 = 8;
/// Members that join or leave while records flow.
const CHANGES: u32 = 16;

/// What the runtime does, without any work: start where the group is, commit what was read, drain before a release.
async fn member(log: Arc<KafkaLog>, seen: Arc<Mutex<Seen>>, me: usize, mut stop: watch::Receiver<bool>) {
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    let mut next: HashMap<TopicPartition, u64> = HashMap::new();
    loop {
        if *stop.borrow_and_update() {
            let progress: Vec<_> =
                next.iter().map(|(partition, offset)| upto(partition, *offset, "")).collect();
            commit(&mut *group, &progress).await;
            seen.lock().unwrap().owners.retain(|_, owner| *owner != me);
            group.leave().await;
            return;
        }
        match group.next(Duration::from_millis(50)).await.unwrap() {
            Signal::Idle => {}
            Signal::Assigned(partitions) => {
                for (partition, committed) in partitions {
                    let before = seen.lock().unwrap().owners.insert(partition.clone(), me);
                    assert_eq!(before, None, "{partition} has two owners");
                    let from = committed.map_or(0, |committed| committed.offset);
                    group.start(&partition, from).unwrap();
                    next.insert(partition, from);
                }
                seen.lock().unwrap().assignments += 1;
            }
            Signal::Records(batch) => {
                let mut seen = seen.lock().unwrap();
                assert_eq!(seen.owners.get(&batch.partition), Some(&me), "{} is not mine", batch.partition);
                for record in &batch.records {
                    assert_eq!(
                        next.insert(batch.partition.clone(), record.offset + 1),
                        Some(record.offset),
                        "a gap"
                    );
                    *seen.reads.entry((batch.partition.clone(), record.offset)).or_default() += 1;
                }
                group.commit(&[upto(&batch.partition, next[&batch.partition], "")]).unwrap();
            }
            Signal::Revoked { id, partitions } => {
                let progress: Vec<_> = partitions.iter().map(|p| upto(p, next[p], "")).collect();
                commit(&mut *group, &progress).await;
                for partition in &partitions {
                    next.remove(partition);
                    seen.lock().unwrap().owners.remove(partition);
                }
                group.release(id);
            }
            Signal::Lost(partitions) => panic!("{partitions:?} were lost although everyone behaved"),
        }
    }
}

/// While a rebalance goes on a commit may stand behind our own joining for longer than one call waits; what it says then
/// can be tried again, and whoever must not repeat work does. The test's own patience bounds it.
async fn commit(group: &mut dyn Group, progress: &[Progress]) {
    loop {
        match group.commit_now(progress).await {
            Ok(()) => return,
            Err(LogError::Broker { retriable: true, .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

struct Member {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn spawn(log: &Arc<KafkaLog>, seen: &Arc<Mutex<Seen>>, me: usize) -> Member {
    let (stop, stopped) = watch::channel(false);
    Member { stop, task: tokio::spawn(member(Arc::clone(log), Arc::clone(seen), me, stopped)) }
}

async fn retire(member: Member) {
    member.stop.send(true).unwrap();
    tokio::time::timeout(PATIENCE, member.task).await.expect("a member does not leave").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_and_every_record_is_read_once() {
    let log = log_with("t.v1", PARTITIONS).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (enough, mut done) = watch::channel(false);
    let writer = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut written = 0;
            while !*done.borrow_and_update() {
                let batch: Vec<Outgoing> =
                    (0..40).map(|n| record("t.v1", n % PARTITIONS, n.to_string())).collect();
                written += log.append(&batch).await.unwrap().len();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            written
        })
    };
    let mut members = Vec::new();
    let mut dice = fastrand::Rng::with_seed(11);
    for name in 0..CHANGES {
        let grow = members.is_empty() || (members.len() < 4 && dice.u8(..3) > 0);
        if grow {
            members.push(spawn(&log, &seen, name as usize));
        } else {
            retire(members.swap_remove(dice.usize(..members.len()))).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.u64(300..1500))).await;
    }
    enough.send(true).unwrap();
    let written = writer.await.unwrap();
    members.push(spawn(&log, &seen, CHANGES as usize));
    let all_read = async {
        while seen.lock().unwrap().reads.len() < written {
            assert!(members.iter().all(|member| !member.task.is_finished()), "a member failed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_read).await.expect("records are missing");
    for member in members {
        retire(member).await;
    }
    let seen = seen.lock().unwrap();
    assert!(seen.assignments > 8, "not much happened: {} assignments", seen.assignments);
    let repeated = seen.reads.values().filter(|count| **count > 1).count();
    assert_eq!(repeated, 0, "everyone drained, so nobody reads what another has read");
    assert_eq!(seen.reads.len(), written);
}

/// A member that is dropped says goodbye all the same, on its own thread: nobody waits for its session to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_dropped_is_replaced_before_its_session_ends() {
    let config = super::support::config();
    let (doomed, log) =
        (super::support::connect(config.clone()).await, super::support::connect(config).await);
    log.ensure_topics(&[super::support::spec("t.v1", 2)]).await.unwrap();
    super::support::fill(&*log, "t.v1", 0, 10).await;
    let mut first = join(&*doomed, "g", "t.v1").await.unwrap();
    super::support::assigned(&mut *first, 2).await;
    super::support::values(&mut *first, 10).await;
    first.commit_now(&[upto(&super::support::at("t.v1", 0), 4, "m")]).await.unwrap();
    drop(first);
    let mut second = join(&*log, "g", "t.v1").await.unwrap();
    let began = std::time::Instant::now();
    super::support::assigned(&mut *second, 2).await;
    assert!(began.elapsed() < Duration::from_secs(30), "took {:?}", began.elapsed());
    let read = super::support::values(&mut *second, 6).await;
    assert_eq!(read[0].1, 4);
    second.leave().await;
}

/// A member that stops while it waits to join again: the coordinator hears its goodbye only behind that joining, on the
/// same connection. Hung up before, it stays a member until its session ends, and its partitions stand still.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_leaves_amid_a_rebalance_is_not_waited_for() {
    let log = log_with("t.v1", 4).await;
    let mut slow = join(&*log, "g", "t.v1").await.unwrap();
    super::support::assigned(&mut *slow, 4).await;
    let leaving = join(&*log, "g", "t.v1").await.unwrap();
    let Signal::Revoked { id, partitions } = super::support::signal(&mut *slow).await else {
        panic!("the second member gets nothing")
    };
    // The third one's joining begins another round, which the second one joins and the first one, who drains, does not.
    let mut third = join(&*log, "g", "t.v1").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let left = tokio::spawn(leaving.leave());
    tokio::time::sleep(Duration::from_secs(7)).await;
    let began = std::time::Instant::now();
    slow.release(id);
    let (mut first, mut others) = (4 - partitions.len(), 0);
    let settled = async {
        while first + others != 4 || others == 0 {
            tokio::select! {
                signal = super::support::signal(&mut *slow) => count(&mut *slow, &mut first, signal),
                signal = super::support::signal(&mut *third) => count(&mut *third, &mut others, signal),
            }
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("partitions without an owner");
    assert!(began.elapsed() < Duration::from_secs(25), "took {:?} of a session of 45 s", began.elapsed());
    left.await.unwrap();
    slow.leave().await;
    third.leave().await;
}

/// Counts what a member owns, and lets go at once of what is taken back.
fn count(group: &mut dyn Group, owned: &mut usize, signal: Signal) {
    match signal {
        Signal::Assigned(partitions) => *owned += partitions.len(),
        Signal::Revoked { id, partitions } => {
            *owned -= partitions.len();
            group.release(id);
        }
        other => panic!("neither given nor taken back: {other:?}"),
    }
}
