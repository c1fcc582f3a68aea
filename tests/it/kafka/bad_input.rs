//! What a role does on a cluster that is not as it has to be: it refuses to start, or it goes on by rule, and says which.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use millrace::app::ports;
use millrace::domain::stage::StageName;
use millrace::domain::time::{Clock, SystemClock, Timestamp};
use millrace::domain::topics::{Counts, REPLY_PARKED, REPLY_SETTLED, TURN_OPENED, catalog};
use millrace::domain::units::Span;
use millrace::log::Log;
use millrace::log::kafka::{KafkaConfig, KafkaLog};
use millrace::store::{Store, StoreConfig};

use super::support::{PATIENCE, assigned, config, connect, join, upto};
use crate::process;

const COUNTS: Counts = Counts { conversations: 2, replies: 2, shards: 1 };

/// One role of an installation on these brokers.
async fn role(data: &Path, config: &KafkaConfig, stage: &str) -> Command {
    let store = Store::open_migrated(&StoreConfig::default(), data, Arc::new(SystemClock)).await.unwrap();
    store.close().await;
    let mut command = process::millrace();
    command.args(["--log", "error", "--data"]).arg(data);
    for (key, value) in [
        ("kafka.brokers", config.brokers.as_str()),
        ("kafka.prefix", config.prefix.as_str()),
        ("kafka.request_timeout", "5s"),
        ("topics.conversations", "2"),
        ("topics.replies", "2"),
        ("topics.shards", "1"),
    ] {
        command.args(["--set", &format!("{key}={value}")]);
    }
    command.args(["work", stage]);
    command
}

/// Starts the role, which has to end by itself, soon, and not well; what it says.
async fn refused(config: &KafkaConfig, stage: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut command = role(data.path(), config, stage).await;
    let began = Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it started: {said}");
    assert!(began.elapsed() < PATIENCE, "{:?}: {said}", began.elapsed());
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_a_broker_refuses_to_start_and_names_the_address() {
    let config = KafkaConfig { brokers: "127.0.0.1:1".into(), ..config() };
    let said = refused(&config, "dispatch").await;
    assert!(said.contains("127.0.0.1:1") && said.contains("kafka.brokers"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_its_topics_refuses_to_start_and_says_how_they_are_made() {
    let said = refused(&config(), "dispatch").await;
    assert!(said.contains("reply.ready.v1") && said.contains("millrace topics apply"), "{said}");
}

/// An owner of `reply.ready[p]` writes `reply.parked[p]` and `reply.settled[p]`: with other counts some have nowhere to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_topics_do_not_go_together_refuses_to_start_and_names_each() {
    let config = config();
    let log = connect(config.clone()).await;
    let mut topics = catalog(COUNTS);
    for spec in &mut topics {
        match spec.name.as_str() {
            REPLY_PARKED => spec.partitions = 3,
            REPLY_SETTLED => spec.partitions = 1,
            _ => {}
        }
    }
    log.ensure_topics(&topics).await.unwrap();
    log.close().await;
    let said = refused(&config, "dispatch").await;
    for part in ["reply.parked.v1 has 3 partitions", "reply.settled.v1 has 1 partition", "says 2"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

/// A process that ends with its owner.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

/// The body that a probe gives; empty while nobody answers.
fn ready(at: SocketAddr) -> String {
    let Ok(mut stream) = TcpStream::connect(at) else { return String::new() };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    drop(asked.and_then(|()| stream.read_to_string(&mut answer)));
    answer
}

/// What it does not understand it does not overwrite: whoever wrote it goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_finds_another_versions_progress_stops_and_leaves_it_as_it_is() {
    let config = config();
    let log = connect(config.clone()).await;
    log.ensure_topics(&catalog(COUNTS)).await.unwrap();
    let group = StageName::Match.group();
    let theirs = data_encoding::BASE64_NOPAD.encode(&[99, 1, 2, 3]);
    let mut member = join(&*log, &group, TURN_OPENED).await.unwrap();
    for (partition, _) in assigned(&mut *member, 2).await {
        member.commit_now(&[upto(&partition, 0, &theirs)]).await.unwrap();
    }
    member.leave().await;

    let (data, probe) = (tempfile::tempdir().unwrap(), ports::reserve().await.unwrap());
    let mut command = role(data.path(), &config, "match").await;
    command.args(["--probe", &probe.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
    let role = Role(command.spawn().unwrap());
    let began = Instant::now();
    loop {
        let said = tokio::task::spawn_blocking(move || ready(probe)).await.unwrap();
        if said.contains("version 99") {
            assert!(said.starts_with("HTTP/1.1 503") && said.contains("turn.opened.v1"), "{said}");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it does not say so: {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(role);
    let committed = log.committed(&group, &TURN_OPENED.into()).await.unwrap();
    let kept =
        |found: &Option<millrace::log::Committed>| found.as_ref().is_some_and(|at| at.metadata == theirs);
    assert!(committed.iter().all(kept), "{committed:?}");
}

/// A wall clock that can be set.
#[derive(Debug, Default)]
struct Settable(AtomicI64);

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_ends_no_lease_and_gives_none() {
    let clock = Arc::new(Settable::default());
    let session_timeout = Span::secs(45);
    let log =
        KafkaLog::connect(KafkaConfig { session_timeout, ..config() }, Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
    log.ensure_topics(&catalog(COUNTS)).await.unwrap();
    let mut member = join(&*log, "g", TURN_OPENED).await.unwrap();
    let owned = assigned(&mut *member, 2).await;
    let lease = member.lease();
    for hours in [1, -1, 0] {
        clock.0.store(hours * 3_600_000, Ordering::Relaxed);
        let before = clock.uptime();
        member.commit_now(&[upto(&owned[0].0, 0, &format!("at {hours}"))]).await.unwrap();
        let left = lease.until().saturating_sub(before);
        let most = session_timeout.get();
        assert!(left > most / 2 && left <= most, "{hours} h: {left:?} of {most:?}");
        let at = log.offset_at(&owned[0].0, clock.now()).await.unwrap();
        assert_eq!(at, 0, "an empty partition has one answer, whatever the time");
    }
    member.leave().await;
}
