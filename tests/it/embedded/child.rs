//! A second process: this test binary again, with one of the jobs below.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millrace::log::{Committed, Log, LogError, Progress, Signal, TopicName, TopicPartition};

use super::support::{PLAIN, SYNCED, frame, frames, open, record, topics};

/// The variable that makes the test below a job: its name, a colon, the folder.
const JOB: &str = "MILLRACE_TEST_CHILD";

/// This binary, to run a job on a folder.
pub(super) fn command(job: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    arguments(&mut command, job, folder);
    command
}

/// The same from a shell script in `$0 "$@"`.
pub(super) fn script(script: &str, job: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
    arguments(&mut command, job, folder);
    command
}

fn arguments(command: &mut Command, job: &str, folder: &Path) {
    command.args(["--exact", "embedded::child::job", "--nocapture", "--test-threads=1"]);
    command.env(JOB, format!("{job}:{}", folder.display())).stdout(Stdio::piped()).stderr(Stdio::null());
}

/// Not a test of its own: does what the process that started this one asks for.
#[test]
fn job() {
    let Some(job) = std::env::var_os(JOB) else { return };
    let job = job.into_string().unwrap();
    let (name, folder) = job.split_once(':').unwrap();
    let folder = PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match name {
            "append" => append(&folder).await,
            "open" => say(&open(&folder).err().map_or("opened".to_owned(), |error| error.to_string())),
            "large" => large(&folder).await,
            "fill" => fill(&folder).await,
            other => panic!("no such job: {other}"),
        }
    });
}

/// A line that the parent can tell from those of the test harness.
#[expect(clippy::print_stdout, reason = "this is how the parent hears of it")]
fn say(text: &str) {
    println!("\n> {text}");
}

/// What a child has said.
pub(super) fn said(line: &str) -> Option<&str> {
    line.strip_prefix("> ")
}

/// Appends until it is killed; says what was acknowledged.
async fn append(folder: &Path) {
    let log = open(folder).unwrap();
    topics(&*log).await;
    let end = async |topic| log.range(&TopicPartition::new(topic, 1)).await.unwrap().end as usize;
    let (mut plain, mut synced) = (end(PLAIN).await, end(SYNCED).await);
    let mut group =
        log.join("killed", &TopicName::from(PLAIN).into(), std::time::Duration::ZERO).await.unwrap();
    while !matches!(group.next(std::time::Duration::from_secs(1)).await.unwrap(), Signal::Assigned(_)) {}
    loop {
        // One for every four: what is derived follows what it was derived from.
        if synced < plain / 4 {
            log.append(&frame(SYNCED, synced)).await.unwrap();
            synced += 1;
            let committed = Committed { offset: plain as u64, metadata: format!("at {plain}") };
            let progress = Progress { partition: TopicPartition::new(PLAIN, 1), committed };
            group.commit_now(&[progress]).await.unwrap();
            say(&format!("committed {plain}"));
        }
        log.append(&frame(PLAIN, plain)).await.unwrap();
        plain += 1;
        say(&format!("{plain} {synced}"));
    }
}

/// Writes small records, one that is larger than the process may make a file, and small ones again.
async fn large(folder: &Path) {
    let log = open(folder).unwrap();
    topics(&*log).await;
    for number in 0..200 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    let large = record(PLAIN, 0, "k", &"x".repeat(200 << 10));
    let error = log.append(&[large]).await.unwrap_err();
    assert!(matches!(error, LogError::Io { .. }), "{error}");
    for number in 200..300 {
        log.append(&frame(PLAIN, number)).await.unwrap();
    }
    say(&format!("{} frames, then {error}", frames(&*log, PLAIN).await.unwrap()));
    log.close().await;
}

/// Fills the disk, frees some of it, goes on.
async fn fill(folder: &Path) {
    let ballast = folder.parent().unwrap().join("ballast");
    std::fs::write(&ballast, vec![1; 128 << 10]).unwrap();
    let log = open(folder).unwrap();
    topics(&*log).await;
    let mut number = 0;
    let error = loop {
        match log.append(&frame(SYNCED, number)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 100_000, "the disk is never full");
    };
    assert!(matches!(error, LogError::Io { .. }), "{error}");
    assert!(log.append(&frame(SYNCED, number)).await.is_err(), "still full");
    assert_eq!(frames(&*log, SYNCED).await.unwrap(), number, "what was acknowledged is there, nothing else");
    std::fs::remove_file(&ballast).unwrap();
    for more in number..number + 50 {
        log.append(&frame(SYNCED, more)).await.unwrap();
    }
    drop(log);
    let log = open(folder).unwrap();
    assert_eq!(frames(&*log, SYNCED).await.unwrap(), number + 50);
    say(&format!("went on after: {error}"));
}
