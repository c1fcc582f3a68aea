//! What the log is made to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Measured;
use crate::log::{Log, Outgoing, Signal, TopicName, TopicPartition};

/// How much a reader may prefetch.
const PREFETCH: usize = 1 << 20;

/// A value that compresses badly, as text of people and ids do.
pub(super) fn value(bytes: usize, seed: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..bytes).map(|_| random.u8(..)).collect()
}

fn record(topic: &TopicName, value: &Bytes) -> Vec<Outgoing> {
    let (topic, value) = (topic.clone(), value.clone());
    vec![Outgoing { topic, partition: Some(0), key: Bytes::from_static(b"key"), value, headers: Vec::new() }]
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Tasks that each append one record at a time.
pub(super) async fn append(
    log: &Arc<dyn Log>,
    topic: &TopicName,
    tasks: usize,
    value: &Bytes,
    warmup: Duration,
    time: Duration,
) -> anyhow::Result<Measured> {
    let begin = Instant::now() + warmup;
    let end = begin + time;
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let (log, topic, value) = (Arc::clone(log), topic.clone(), value.clone());
        running.spawn(async move {
            let mut latency = histogram()?;
            let mut before = Instant::now();
            while before < end {
                log.append(&record(&topic, &value)).await?;
                let after = Instant::now();
                if before >= begin {
                    latency.record(nanos(after - before).max(1))?;
                }
                before = after;
            }
            anyhow::Ok(latency)
        });
    }
    let mut latency = histogram()?;
    while let Some(done) = running.join_next().await {
        latency.add(done??)?;
    }
    Ok(Measured { per_s: latency.len() as f64 / time.as_secs_f64(), latency })
}

/// One reader from the first record on, again and again.
pub(super) async fn read(log: &Arc<dyn Log>, topic: &TopicName, time: Duration) -> anyhow::Result<Measured> {
    let at = TopicPartition::new(topic.clone(), 0);
    let range = log.range(&at).await?;
    let mut reader = log.reader(PREFETCH).await?;
    let mut latency = histogram()?;
    let (mut count, begin) = (0, Instant::now());
    let mut next = range.end;
    let mut before = begin;
    while before - begin < time {
        if next >= range.end {
            reader.assign(&at, range.start).await?;
        }
        let batch = reader.next(Duration::from_secs(5)).await?;
        let batch = batch.ok_or_else(|| anyhow::anyhow!("no record came in 5 s"))?;
        next = batch.records.last().map_or(next, |last| last.offset + 1);
        count += batch.records.len();
        let after = Instant::now();
        latency.record(nanos(after - before).max(1))?;
        before = after;
    }
    Ok(Measured { per_s: count as f64 / begin.elapsed().as_secs_f64(), latency })
}

/// Appends at a rate; a group takes note of when it has each.
pub(super) async fn tail(
    log: &Arc<dyn Log>,
    topic: &TopicName,
    rate: u64,
    value: &Bytes,
    warmup: Duration,
    time: Duration,
) -> anyhow::Result<Measured> {
    let at = TopicPartition::new(topic.clone(), 0);
    let first = log.range(&at).await?.end;
    let mut group = log.join("millrace.bench", &topic.clone().into(), Duration::ZERO).await?;
    let begin = Instant::now() + Duration::from_millis(100);
    let (skip, total) = (rate * warmup.as_secs(), rate * (warmup + time).as_secs());
    let due = move |number: u64| begin + Duration::from_nanos(number * (1_000_000_000 / rate.max(1)));
    let failed = Arc::new(AtomicU64::new(0));
    let source = {
        let (log, topic, value, failed) =
            (Arc::clone(log), topic.clone(), value.clone(), Arc::clone(&failed));
        tokio::spawn(async move {
            for number in 0..total {
                tokio::time::sleep_until(due(number)).await;
                let (log, record, failed) = (Arc::clone(&log), record(&topic, &value), Arc::clone(&failed));
                tokio::spawn(async move {
                    if log.append(&record).await.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        })
    };
    let mut latency = histogram()?;
    let mut seen = 0;
    while seen < total - failed.load(Ordering::Relaxed) {
        match group.next(Duration::from_secs(5)).await? {
            Signal::Assigned(partitions) => {
                for (partition, _) in partitions {
                    group.start(&partition, first)?;
                }
            }
            Signal::Records(batch) => {
                let now = Instant::now();
                for _ in batch.records {
                    // Appends that are due in one order may be acknowledged in another; over all of them it is the same.
                    if seen >= skip {
                        latency.record(nanos(now.saturating_duration_since(due(seen))).max(1))?;
                    }
                    seen += 1;
                }
            }
            Signal::Revoked { id, .. } => group.release(id),
            Signal::Lost(_) => anyhow::bail!("the group lost its partition"),
            Signal::Idle => {
                anyhow::ensure!(Instant::now() < due(total) + Duration::from_secs(30), "records are missing")
            }
        }
    }
    source.await?;
    group.leave().await;
    Ok(Measured { per_s: latency.len() as f64 / time.as_secs_f64(), latency })
}
