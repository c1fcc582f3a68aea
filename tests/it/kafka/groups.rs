//! One or two members: commits, metadata, holding, revocation, the ways a position can be wrong.

use std::time::Duration;

use millrace::log::kafka::KafkaConfig;
use millrace::log::{Log, LogError, Signal, TopicName};

use super::support::{
    SHORT_SESSION, assigned, at, config, connect, fill, join, log_with, log_with_short_session, signal, spec,
    upto, values,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_starts_at_what_was_committed_metadata_included() {
    let log = log_with("t.v1", 2).await;
    fill(&*log, "t.v1", 0, 100).await;
    let mut first = join(&*log, "g", "t.v1").await.unwrap();
    let all = assigned(&mut *first, 2).await;
    assert!(all.iter().all(|(_, committed)| committed.is_none()), "{all:?}");
    assert_eq!(values(&mut *first, 100).await.len(), 100);
    // As long as metadata may be.
    let metadata = "x".repeat(4096);
    first.commit_now(&[upto(&at("t.v1", 0), 60, &metadata)]).await.unwrap();
    first.leave().await;
    let committed = log.committed("g", &TopicName::from("t.v1")).await.unwrap();
    assert_eq!(committed[0].as_ref().map(|c| (c.offset, c.metadata.len())), Some((60, 4096)));
    assert_eq!(committed[1], None);
    let mut second = join(&*log, "g", "t.v1").await.unwrap();
    let all = assigned(&mut *second, 2).await;
    assert_eq!(all[0].1.as_ref().unwrap().metadata, metadata);
    let read = values(&mut *second, 40).await;
    assert_eq!((read[0].1, read[39].1), (60, 99));
    second.leave().await;
}

/// `set_metadata` leaks when it is called twice on a list: a new one for each commit, as often as commits come.
#[tokio::test(flavor = "multi_thread")]
async fn commits_without_waiting_arrive_in_order() {
    let log = log_with("t.v1", 1).await;
    fill(&*log, "t.v1", 0, 10).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *group, 1).await;
    for n in 0..=500u64 {
        group.commit(&[upto(&at("t.v1", 0), n.min(9), &n.to_string())]).unwrap();
        if n % 50 == 0 {
            group.next(Duration::ZERO).await.unwrap();
        }
    }
    group.commit_now(&[upto(&at("t.v1", 0), 10, "last")]).await.unwrap();
    let committed = log.committed("g", &TopicName::from("t.v1")).await.unwrap();
    assert_eq!(committed[0].as_ref().map(|c| (c.offset, c.metadata.as_str())), Some((10, "last")));
    group.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_partition_stays_in_the_engine_and_others_flow() {
    let log = log_with("t.v1", 2).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *group, 2).await;
    group.hold(&at("t.v1", 0), true);
    fill(&*log, "t.v1", 0, 1000).await;
    fill(&*log, "t.v1", 1, 1000).await;
    let read = values(&mut *group, 1000).await;
    assert!(read.iter().all(|(partition, ..)| *partition == at("t.v1", 1)));
    assert!(matches!(group.next(Duration::from_millis(500)).await.unwrap(), Signal::Idle));
    group.hold(&at("t.v1", 0), false);
    let read = values(&mut *group, 1000).await;
    let offsets: Vec<u64> = read.iter().map(|(_, offset, _)| *offset).collect();
    assert_eq!(offsets, (0..1000).collect::<Vec<u64>>(), "nothing is skipped or repeated by a hold");
    group.leave().await;
}

/// A caller that takes nothing costs a bounded memory, and the group goes on hearing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_takes_nothing_loses_nothing() {
    let log = log_with_short_session("t.v1", 1).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *group, 1).await;
    for _ in 0..10 {
        fill(&*log, "t.v1", 0, 2000).await;
    }
    // Longer than the session: the thread speaks to the group whatever the caller does.
    tokio::time::sleep(SHORT_SESSION + Duration::from_secs(2)).await;
    let read = values(&mut *group, 20_000).await;
    assert!(read.iter().enumerate().all(|(n, (_, offset, _))| *offset == n as u64));
    group.commit_now(&[upto(&at("t.v1", 0), 20_000, "")]).await.unwrap();
    group.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_before_the_start() {
    let log = log_with("t.v1", 1).await;
    fill(&*log, "t.v1", 0, 10).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    assert!(matches!(group.start(&at("t.v1", 0), 0), Err(LogError::Fenced(_))), "not assigned yet");
    let Signal::Assigned(partitions) = signal(&mut *group).await else { panic!("no assignment") };
    // A restore that takes its time.
    assert!(matches!(group.next(Duration::from_secs(1)).await.unwrap(), Signal::Idle));
    group.commit_now(&[upto(&partitions[0].0, 4, "epoch")]).await.unwrap();
    group.start(&partitions[0].0, 4).unwrap();
    assert!(matches!(group.start(&partitions[0].0, 0), Err(LogError::Fenced(_))), "once per assignment");
    let read = values(&mut *group, 6).await;
    assert_eq!(read[0].1, 4);
    group.leave().await;
}

/// A drain awaited inside the rebalance callback deadlocks; one that is awaited outside keeps the group alive.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_waits_for_the_drain_and_what_was_committed_last_counts() {
    let log = log_with_short_session("t.v1", 2).await;
    fill(&*log, "t.v1", 0, 50).await;
    fill(&*log, "t.v1", 1, 50).await;
    let mut first = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *first, 2).await;
    values(&mut *first, 100).await;
    let mut second = join(&*log, "g", "t.v1").await.unwrap();
    let waiting = tokio::spawn(async move {
        let partitions = assigned(&mut *second, 1).await;
        (partitions, second)
    });
    let Signal::Revoked { id, partitions } = signal(&mut *first).await else { panic!("no revocation") };
    assert_eq!(partitions.len(), 1);
    // Longer than the session timeout: what is being drained is still ours, and can be committed.
    for _ in 0..SHORT_SESSION.as_secs() + 2 {
        assert!(matches!(first.next(Duration::from_secs(1)).await.unwrap(), Signal::Idle));
    }
    assert!(!waiting.is_finished(), "granted before it was released");
    first.commit_now(&[upto(&partitions[0], 33, "drained")]).await.unwrap();
    first.release(id);
    let ticking = tokio::spawn(async move {
        loop {
            first.next(Duration::from_millis(100)).await.unwrap();
        }
    });
    let (granted, second) = tokio::time::timeout(super::support::PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(granted[0].0, partitions[0]);
    let committed = granted[0].1.as_ref().unwrap();
    assert_eq!((committed.offset, committed.metadata.as_str()), (33, "drained"));
    ticking.abort();
    second.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_owned_is_left_out_of_commits() {
    let log = log_with("t.v1", 1).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    group.commit(&[upto(&at("t.v1", 0), 5, "")]).unwrap();
    let refused = group.commit_now(&[upto(&at("t.v1", 0), 5, "")]).await.unwrap_err();
    assert!(matches!(refused, LogError::Fenced(partition) if partition == at("t.v1", 0)));
    assigned(&mut *group, 1).await;
    group.leave().await;
    assert_eq!(log.committed("g", &TopicName::from("t.v1")).await.unwrap(), vec![None]);
}

/// A committed offset that the topic no longer holds is an error that names the range: never a jump.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_there_is_an_error() {
    let log = log_with("t.v1", 1).await;
    fill(&*log, "t.v1", 0, 10).await;
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    let Signal::Assigned(_) = signal(&mut *group).await else { panic!("no assignment") };
    group.start(&at("t.v1", 0), 999).unwrap();
    let error = loop {
        match group.next(Duration::from_secs(10)).await {
            Ok(Signal::Idle) => {}
            Ok(other) => panic!("read from somewhere else: {other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, LogError::OutOfRange { first: 0, end: 10, asked: 999, .. }), "{error}");
    let mut reader = log.reader(1 << 20).await.unwrap();
    let error = reader.assign(&at("t.v1", 0), 11).await.unwrap_err();
    assert!(matches!(&error, LogError::OutOfRange { first: 0, end: 10, asked: 11, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_on_a_topic_that_is_not_there_is_refused() {
    let log = log_with("t.v1", 1).await;
    let error = join(&*log, "g", "other.v1").await.unwrap_err();
    assert!(matches!(&error, LogError::Unknown(name) if name.contains("other.v1")), "{error}");
}

/// A reader goes back and forth at will, and sees nothing of where it was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_seeks() {
    let log = log_with("t.v1", 1).await;
    for _ in 0..5 {
        fill(&*log, "t.v1", 0, 1000).await;
    }
    let mut reader = log.reader(1 << 20).await.unwrap();
    for from in [0u64, 4000, 17, 4999] {
        reader.assign(&at("t.v1", 0), from).await.unwrap();
        let batch = reader.next(Duration::from_secs(20)).await.unwrap().expect("nothing to read");
        assert_eq!(batch.records[0].offset, from);
    }
    assert!(reader.next(Duration::from_millis(300)).await.unwrap().is_none());
    fill(&*log, "t.v1", 0, 1).await;
    let batch = reader.next(Duration::from_secs(20)).await.unwrap().expect("the tail is not followed");
    assert_eq!(batch.records[0].offset, 5000);
}

/// KIP-345: the partition moves while the session of the process before is far from over, so its lease may be, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_one_name_gets_the_partition_at_once_and_knows_of_the_overlap() {
    let named = KafkaConfig { instance_id: Some("dispatch-1".to_owned()), ..config() };
    let log = connect(named.clone()).await;
    log.ensure_topics(&[spec("t.v1", 1)]).await.unwrap();
    let mut first = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *first, 1).await;
    first.commit_now(&[upto(&at("t.v1", 0), 0, "mine")]).await.unwrap();
    let began = std::time::Instant::now();
    let log = connect(named.clone()).await;
    log.check_topics(&[spec("t.v1", 1)]).await.unwrap();
    let mut second = join(&*log, "g", "t.v1").await.unwrap();
    let all = assigned(&mut *second, 1).await;
    assert!(began.elapsed() < named.session_timeout.get() / 2, "{:?}", began.elapsed());
    assert_eq!(all[0].1.as_ref().unwrap().metadata, "mine");
    assert_eq!(second.overlap(), named.lease());
    let refused = first.commit_now(&[upto(&at("t.v1", 0), 0, "still mine")]).await;
    assert!(refused.is_err(), "the group takes nothing more from the first");
    second.leave().await;
    assert_eq!(join(&*log_with("t.v1", 1).await, "g", "t.v1").await.unwrap().overlap(), Duration::ZERO);
}
