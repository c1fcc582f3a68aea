//! What the API is told of dead letters and redrives.

use std::time::Duration;

use super::*;
use crate::app::dlq::redrive::tests::{NOW, dead, open, written};
use crate::domain::time::ManualClock;
use crate::domain::topics::{Counts, catalog};
use crate::log::embedded::EmbeddedLog;

struct Rig {
    desk: Desk,
    log: Arc<EmbeddedLog>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

async fn rig(letters: u32) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder).await;
    log.append(&(0..letters).map(dead).collect::<Vec<_>>()).await.unwrap();
    let stop = CancellationToken::new();
    let desk = Desk::new(
        Arc::clone(&log) as Arc<dyn Log>,
        catalog(Counts::EMBEDDED),
        Arc::new(ManualClock::at(NOW)),
        TaskTracker::new(),
        stop.clone(),
    );
    Rig { desk, log, stop, _folder: folder }
}

fn all(rate: &str) -> RedriveAsk {
    RedriveAsk { all: true, rate: Some(rate.parse().unwrap()), ..RedriveAsk::default() }
}

impl Rig {
    /// Waits until a redrive is so far.
    async fn until(&self, name: &str, reached: impl Fn(&RedriveProgress) -> bool) -> RedriveProgress {
        for _ in 0..2_000 {
            let progress = self.desk.progress(name, 0).unwrap();
            if reached(&progress) {
                return progress;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never comes so far: {:?}", self.desk.progress(name, 0));
    }
}

#[tokio::test]
async fn letters_are_listed_shown_and_driven_again_once() {
    let rig = rig(4).await;
    let bugs = RedriveAsk { reason: Some("bug".to_owned()), ..RedriveAsk::default() };
    let listed = rig.desk.list(bugs.clone(), 1).await.unwrap();
    assert_eq!((listed.letters.len(), listed.matched, listed.redriven, listed.seen), (1, 2, 0, 4));
    let position = listed.letters[0]["position"].as_str().unwrap();
    let shown = rig.desk.show(position).await.unwrap().letter;
    assert_eq!((&shown["reason"], shown["value"]["text"].is_string()), (&"bug".into(), true));
    for (position, code) in [("3", ErrorCode::BadRequest), ("3:999", ErrorCode::NotFound)] {
        assert_eq!(rig.desk.show(position).await.unwrap_err().code, code, "{position}");
    }

    let look = rig.desk.redrive(RedriveAsk { dry_run: true, ..bugs.clone() }).unwrap().redrive;
    let looked = rig.until(&look, |progress| progress.state.is_over()).await;
    assert_eq!((looked.state, looked.tally.planned, looked.lines.len()), (RedriveState::Done, 2, 2));
    assert!(written(&rig.log).await.is_empty(), "a dry run wrote");

    let real = rig.desk.redrive(bugs.clone()).unwrap().redrive;
    assert_eq!(
        rig.desk.progress(&look, 0).unwrap_err().code,
        ErrorCode::NotFound,
        "a later one took its place"
    );
    let done = rig.until(&real, |progress| progress.state.is_over()).await;
    assert_eq!((done.state, done.tally.written), (RedriveState::Done, 2));
    assert!(
        done.lines.iter().all(|line| matches!(line, RedriveLine::Written(write) if write.offset.is_some()))
    );
    assert_eq!(rig.desk.progress(&real, done.next).unwrap().lines, [], "each line once");
    assert_eq!(written(&rig.log).await.len(), 2);
    let again = rig.desk.redrive(bugs).unwrap().redrive;
    let again = rig.until(&again, |progress| progress.state.is_over()).await;
    assert_eq!((again.tally.written, again.tally.redriven_before), (0, 2));
}

#[tokio::test]
async fn one_runs_at_a_time_and_stops_between_two_batches() {
    let rig = rig(40).await;
    // Two in a batch, one batch each 200 ms.
    let slow = rig.desk.redrive(all("10/s")).unwrap().redrive;
    let second = rig.desk.redrive(all("10/s")).unwrap_err();
    assert_eq!(second.code, ErrorCode::Conflict);
    assert!(second.message.contains(&slow), "{second}");
    rig.until(&slow, |progress| progress.tally.written >= 2).await;
    rig.desk.stop(&slow).unwrap();
    let stopped = rig.until(&slow, |progress| progress.state.is_over()).await;
    assert_eq!((stopped.state, stopped.error.as_deref()), (RedriveState::Stopped, None));
    let count = stopped.tally.written;
    assert!((2..40).contains(&count), "{count}");
    assert_eq!(written(&rig.log).await.len() as u64, count, "what it told of and nothing else");
    // The next goes on behind it.
    let rest = rig.desk.redrive(all("5000/s")).unwrap().redrive;
    let rest = rig.until(&rest, |progress| progress.state.is_over()).await;
    assert_eq!((rest.state, rest.tally.written), (RedriveState::Done, 40 - count));
    assert!(written(&rig.log).await.values().all(|records| records.len() == 1), "nothing twice");
}

#[tokio::test]
async fn it_ends_with_its_process_and_says_what_it_could_not_do() {
    let rig = rig(40).await;
    let missing = RedriveAsk { positions: vec!["0:999".to_owned()], ..RedriveAsk::default() };
    let missing = rig.desk.redrive(missing).unwrap().redrive;
    let failed = rig.until(&missing, |progress| progress.state.is_over()).await;
    assert_eq!(failed.state, RedriveState::Failed);
    assert!(failed.error.unwrap().contains("0:999"));
    let slow = rig.desk.redrive(all("10/s")).unwrap().redrive;
    rig.until(&slow, |progress| progress.tally.written >= 2).await;
    rig.stop.cancel();
    let ended = rig.until(&slow, |progress| progress.state.is_over()).await;
    assert_eq!(ended.state, RedriveState::Stopped);
}
