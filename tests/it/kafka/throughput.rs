//! What an append costs over the bare client, measured side by side in one run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use millrace::log::{Log, Outgoing};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::support::{at, config, connect, record, spec, variable};

const RECORDS: u32 = 100_000;
const SIZE: usize = 512;
const BATCH: u32 = 100;
const APPENDERS: u32 = 16;

async fn ours(log: &Arc<impl Log>, value: &[u8]) -> f64 {
    let began = Instant::now();
    let appenders: Vec<_> = (0..APPENDERS)
        .map(|n| {
            let (log, value) = (Arc::clone(log), bytes::Bytes::copy_from_slice(value));
            tokio::spawn(async move {
                for _ in 0..RECORDS / BATCH / APPENDERS {
                    let batch: Vec<Outgoing> =
                        (0..BATCH).map(|i| record("t.v1", (n + i) % 4, value.clone())).collect();
                    log.append(&batch).await.unwrap();
                }
            })
        })
        .collect();
    for appender in appenders {
        appender.await.unwrap();
    }
    f64::from(RECORDS / BATCH / APPENDERS * BATCH * APPENDERS) / began.elapsed().as_secs_f64()
}

fn bare(topic: &str, value: &[u8]) -> f64 {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", variable("MILLRACE_TEST_KAFKA"))
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "500000")
        .create()
        .unwrap();
    let began = Instant::now();
    for n in 0..RECORDS {
        let partition = i32::try_from(n % 4).unwrap();
        producer.send(BaseRecord::to(topic).partition(partition).key("k").payload(value)).unwrap();
        if n % 500 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    f64::from(RECORDS) / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_costs_little_over_the_bare_client() {
    let config = config();
    let topic = format!("{}t.v1", config.prefix);
    let log = connect(config).await;
    log.ensure_topics(&[spec("t.v1", 4)]).await.unwrap();
    let mut value = vec![0u8; SIZE];
    fastrand::Rng::with_seed(3).fill(&mut value);
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    // Interleaved, so that both meet the same machine.
    for _ in 0..5 {
        let raw = tokio::task::block_in_place(|| bare(&topic, &value));
        let rate = ours(&log, &value).await;
        ratios.push(rate / raw);
        rates.push((raw, rate));
    }
    let mut waits: Histogram<u64> = Histogram::new(3).unwrap();
    for _ in 0..500 {
        let began = Instant::now();
        log.append(&[record("t.v1", 0, value.clone())]).await.unwrap();
        waits.record(u64::try_from(began.elapsed().as_micros()).unwrap()).unwrap();
    }
    // Delivered: the end is where it must be.
    assert!(
        log.range(&at("t.v1", 0)).await.unwrap().end
            >= u64::from(RECORDS) / 4 * 10 - 4 * 5 * u64::from(BATCH)
    );
    ratios.sort_by(f64::total_cmp);
    let median = ratios[2];
    eprintln!(
        "append, {SIZE} B, batches of {BATCH}: ratio to the bare client {median:.2} (raw/s, ours/s: {rates:.0?}); one \
         record alone p50 {:.1} ms, p99 {:.1} ms",
        waits.value_at_quantile(0.5) as f64 / 1e3,
        waits.value_at_quantile(0.99) as f64 / 1e3,
    );
    // A debug build on a busy machine: a floor that only a mistake falls through.
    assert!(median > 0.1, "{median}");
}

/// From the append to the hand of a member that waits: wake-ups, not sweeps, carry records.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_member_is_woken() {
    let log = super::support::log_with("t.v1", 4).await;
    let mut group = super::support::join(&*log, "g", "t.v1").await.unwrap();
    super::support::assigned(&mut *group, 4).await;
    let mut waits: Histogram<u64> = Histogram::new(3).unwrap();
    for n in 0..300u32 {
        let began = Instant::now();
        log.append(&[record("t.v1", n % 4, "v")]).await.unwrap();
        super::support::values(&mut *group, 1).await;
        waits.record(u64::try_from(began.elapsed().as_micros()).unwrap()).unwrap();
    }
    group.leave().await;
    let median = waits.value_at_quantile(0.5) as f64 / 1e3;
    eprintln!(
        "append and read by a group: p50 {median:.1} ms, p99 {:.1} ms",
        waits.value_at_quantile(0.99) as f64 / 1e3
    );
    // Sweeps alone would take 25 ms in the middle.
    assert!(median < 20.0, "{median} ms");
}
