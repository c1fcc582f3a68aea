//! A broker that is killed in the middle of appends and comes back: no acknowledged record is lost, order holds, groups
//! and readers go on by themselves.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use millrace::domain::failure::{Class, Classify};
use millrace::log::kafka::KafkaConfig;
use millrace::log::{Log, Position, Signal};

use super::support::{PATIENCE, assigned, at, config, connect, join, record, spec, upto};

/// Away from the broker that other tests use.
const PORT: &str = "19892";

fn script(action: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka.sh");
    let output = Command::new(script).args(action).args(["--port", PORT]).output().unwrap();
    assert!(output.status.success(), "{action:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

struct Broker;

impl Drop for Broker {
    fn drop(&mut self) {
        script(&["clean"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing_that_was_acknowledged() {
    let address = script(&["start"]);
    let broker = Broker;
    let config = KafkaConfig { brokers: address, ..config() };
    let log = connect(config).await;
    log.ensure_topics(&[spec("t.v1", 2)]).await.unwrap();
    let mut group = join(&*log, "g", "t.v1").await.unwrap();
    assigned(&mut *group, 2).await;

    let stop = Arc::new(AtomicBool::new(false));
    let progress = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..2u32)
        .map(|partition| {
            let (log, stop, progress) = (Arc::clone(&log), Arc::clone(&stop), Arc::clone(&progress));
            tokio::spawn(async move {
                let mut acknowledged: Vec<(u64, Position)> = Vec::new();
                for n in 0u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match log.append(&[record("t.v1", partition, n.to_string())]).await {
                        Ok(positions) => acknowledged.push((n, positions[0])),
                        Err(error) => assert!(matches!(error.class(), Class::Transient { .. }), "{error}"),
                    }
                    progress.fetch_add(1, Ordering::Relaxed);
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..2 {
        moved(&progress, 200).await;
        tokio::task::block_in_place(|| script(&["kill", "--broker", "1"]));
        tokio::time::sleep(Duration::from_secs(2)).await;
        tokio::task::block_in_place(|| script(&["restart", "--broker", "1"]));
    }
    moved(&progress, 500).await;
    stop.store(true, Ordering::Relaxed);
    let mut total = 0;
    for (partition, writer) in writers.into_iter().enumerate() {
        let acknowledged = tokio::time::timeout(PATIENCE, writer).await.unwrap().unwrap();
        total += verify(&*log, u32::try_from(partition).unwrap(), &acknowledged).await;
    }

    // The group went through it, too: in order and without a gap, and commits work. A restart may take longer than the
    // session; then the partitions are lost and come back, and are read again from what was committed, which is nothing.
    let mut next = [0u64; 2];
    while next.iter().sum::<u64>() < total {
        match tokio::time::timeout(PATIENCE, group.next(Duration::from_secs(5))).await.unwrap().unwrap() {
            Signal::Records(batch) => {
                for record in batch.records {
                    assert_eq!(record.offset, next[batch.partition.partition as usize]);
                    next[batch.partition.partition as usize] += 1;
                }
            }
            Signal::Assigned(partitions) => {
                for (partition, committed) in partitions {
                    assert_eq!(committed, None);
                    next[partition.partition as usize] = 0;
                    group.start(&partition, 0).unwrap();
                }
            }
            Signal::Idle | Signal::Lost(_) => {}
            other @ Signal::Revoked { .. } => panic!("there is no other member: {other:?}"),
        }
    }
    group.commit_now(&[upto(&at("t.v1", 0), next[0], ""), upto(&at("t.v1", 1), next[1], "")]).await.unwrap();
    group.leave().await;
    log.close().await;
    tokio::task::block_in_place(|| drop(broker));
}

/// Every acknowledged record stands where it was said to stand, and each value stands once. The number of records.
async fn verify(log: &dyn Log, partition: u32, acknowledged: &[(u64, Position)]) -> u64 {
    assert!(acknowledged.windows(2).all(|pair| pair[0].1.offset < pair[1].1.offset), "positions rise");
    let range = log.range(&at("t.v1", partition)).await.unwrap();
    let mut reader = log.reader(4 << 20).await.unwrap();
    reader.assign(&at("t.v1", partition), 0).await.unwrap();
    let mut values: Vec<Bytes> = Vec::new();
    while (values.len() as u64) < range.end {
        values.extend(
            reader
                .next(PATIENCE)
                .await
                .unwrap()
                .expect("records are missing")
                .records
                .into_iter()
                .map(|r| r.value),
        );
    }
    for (n, position) in acknowledged {
        let offset = usize::try_from(position.offset).unwrap();
        assert_eq!(values[offset], n.to_string(), "at offset {}", position.offset);
    }
    let numbers: Vec<u64> =
        values.iter().map(|value| std::str::from_utf8(value).unwrap().parse().unwrap()).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "no duplicate and no reordering by the client's retries"
    );
    range.end
}

async fn moved(progress: &AtomicU64, by: u64) {
    let target = progress.load(Ordering::Relaxed) + by;
    let arrived = async {
        while progress.load(Ordering::Relaxed) < target {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("appends do not go on");
}
