//! `kill -9` in the middle of appends, again and again on the same log.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use millrace::log::{Log, TopicName};

use super::child::{command, said};
use super::support::{PLAIN, SYNCED, folder, frames, frames_after, open};

/// How often.
const KILLS: u64 = 200;

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let kept = folder();
    let path = kept.path().join("log");
    let mut random = fastrand::Rng::with_seed(7);
    let (mut plain, mut synced, mut last) = (0, 0, (0, 0));
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let mut child = command("append", &path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Between one append and a hundred after the first word, then a moment that no word marks.
        for _ in 0..random.usize(1..100) {
            let line = lines.by_ref().map_while(Result::ok).find(|line| said(line).is_some());
            let line = line.unwrap_or_else(|| panic!("round {round}: the child ended by itself"));
            acknowledged = acknowledged.max(committed_of(&line));
        }
        tokio::time::sleep(Duration::from_micros(random.u64(0..3000))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            acknowledged = acknowledged.max(committed_of(&line));
            // The last line may be cut.
            let numbers = said(&line).and_then(|text| text.split_once(' '));
            if let Some((Ok(one), Ok(two))) =
                numbers.map(|(one, two)| (one.parse::<usize>(), two.parse::<usize>()))
            {
                (plain, synced) = (plain.max(one), synced.max(two));
            }
        }
        let log = open(&path).unwrap();
        let found = (
            frames_after(&*log, PLAIN, last.0).await.unwrap(),
            frames_after(&*log, SYNCED, last.1).await.unwrap(),
        );
        assert!(found.0 >= plain && found.1 >= synced, "round {round}: {found:?} of {plain} and {synced}");
        let due = found.0 / 4;
        assert!(found.1 == due || found.1 + 1 == due, "round {round}: what is there is no prefix: {found:?}");
        let committed = log.committed("killed", &TopicName::from(PLAIN)).await.unwrap().remove(1);
        if let Some(committed) = committed {
            assert!(committed.offset <= found.0 as u64, "round {round}: {committed:?} of {found:?}");
            assert!(committed.offset >= acknowledged, "round {round}: {committed:?} of {acknowledged}");
            assert_eq!(committed.metadata, format!("at {}", committed.offset));
        } else {
            assert_eq!(acknowledged, 0, "round {round}: what was committed is gone");
        }
        (plain, synced, last) = (found.0, found.1, found);
    }
    assert!(plain > KILLS as usize, "{plain}");
    assert!(acknowledged > KILLS, "{acknowledged}");
    let log = open(&path).unwrap();
    assert_eq!((frames(&*log, PLAIN).await.unwrap(), frames(&*log, SYNCED).await.unwrap()), last);
}

/// Which commit a line acknowledges. One that is cut says less than it did, which asks for less.
fn committed_of(line: &str) -> u64 {
    let number = said(line).and_then(|text| text.strip_prefix("committed "));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
