//! A member that is killed: how long it takes until somebody else reads what it owned.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use millrace::log::kafka::KafkaConfig;
use millrace::log::{Group, Log, Signal};
use tokio::time::Instant;

use super::support::{config, connect, join, record, spec};

/// The variable that makes the test below the member that is killed: the prefix of its topics.
const JOB: &str = "MILLRACE_TEST_FAILOVER";
const TOPIC: &str = "t.v1";
const PARTITIONS: u32 = 8;
/// What comes on top of the session: a member hears of the rebalance with its next heartbeat, and begins to read.
const ON_TOP: Duration = Duration::from_secs(2);

/// As in life, not the longer session of other tests.
fn settings() -> KafkaConfig {
    let session_timeout = KafkaConfig::default().session_timeout;
    KafkaConfig { session_timeout, ..config() }
}

/// What a member does that has nothing to finish; gives the partitions that it read from.
async fn turn(group: &mut dyn Group, owned: &mut HashSet<u32>, read: &mut HashSet<u32>) {
    match group.next(Duration::from_millis(50)).await.unwrap() {
        Signal::Assigned(partitions) => {
            for (partition, committed) in partitions {
                group.start(&partition, committed.map_or(0, |committed| committed.offset)).unwrap();
                owned.insert(partition.partition);
            }
        }
        Signal::Revoked { id, partitions } => {
            owned.retain(|mine| !partitions.iter().any(|partition| partition.partition == *mine));
            group.release(id);
        }
        Signal::Lost(partitions) => {
            owned.retain(|mine| !partitions.iter().any(|partition| partition.partition == *mine));
        }
        Signal::Records(batch) => {
            read.insert(batch.partition.partition);
        }
        Signal::Idle => {}
    }
}

/// Not a test of its own: the member that is killed.
#[test]
#[expect(clippy::print_stdout, reason = "this is how the parent hears of it")]
fn job() {
    let Some(prefix) = std::env::var_os(JOB) else { return };
    let prefix = prefix.into_string().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = connect(KafkaConfig { prefix, ..settings() }).await;
        let mut group = join(&*log, "g", TOPIC).await.unwrap();
        let (mut owned, mut read, mut said) = (HashSet::new(), HashSet::new(), 0);
        loop {
            turn(&mut *group, &mut owned, &mut read).await;
            if owned.len() != said {
                said = owned.len();
                println!("\n> {said}");
            }
        }
    });
}

/// The member's process, and its mouth: it ends when it speaks and nobody holds that.
struct Member(Child, BufReader<ChildStdout>);

impl Drop for Member {
    fn drop(&mut self) {
        // Where the test failed before it came to that.
        drop((self.0.kill(), self.0.wait()));
    }
}

/// The member, once it owns everything.
fn member(prefix: &str) -> Member {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kafka::failover::job", "--nocapture", "--test-threads=1"]);
    command.env(JOB, prefix).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mouth = BufReader::new(child.stdout.take().unwrap());
    let mut member = Member(child, mouth);
    let all = format!("> {PARTITIONS}");
    assert!(
        member.1.by_ref().lines().map_while(Result::ok).any(|line| line == all),
        "the member ended by itself"
    );
    member
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_member_owned_is_read_again_within_its_session_and_two_seconds() {
    let settings = settings();
    let (prefix, session) = (settings.prefix.clone(), settings.session_timeout.get());
    let log = connect(settings).await;
    log.ensure_topics(&[spec(TOPIC, PARTITIONS)]).await.unwrap();
    let mut member = tokio::task::spawn_blocking(move || member(&prefix)).await.unwrap();
    let mut group = join(&*log, "g", TOPIC).await.unwrap();
    let (mut owned, mut read) = (HashSet::new(), HashSet::new());
    while owned.len() < PARTITIONS as usize / 2 {
        turn(&mut *group, &mut owned, &mut read).await;
    }
    // Not in the middle of a rebalance.
    let quiet = Instant::now() + Duration::from_secs(3);
    while Instant::now() < quiet {
        turn(&mut *group, &mut owned, &mut read).await;
    }
    assert_eq!(owned.len(), PARTITIONS as usize / 2, "half each");
    member.0.kill().unwrap();
    let killed = Instant::now();
    member.0.wait().unwrap();
    for partition in 0..PARTITIONS {
        log.append(&[record(TOPIC, partition, "after")]).await.unwrap();
    }
    while read.len() < PARTITIONS as usize {
        assert!(killed.elapsed() < session + ON_TOP, "{read:?} of {PARTITIONS} are read");
        turn(&mut *group, &mut owned, &mut read).await;
    }
    tracing::info!(ms = killed.elapsed().as_millis(), "failed over");
    group.leave().await;
}
