//! What each kind of client is told: the one place that knows librdkafka's keys.
//!
//! Guarantee: progress is ours (no automatic commits, no automatic offsets), offsets never jump in silence
//! (`auto.offset.reset = error`), producers are idempotent and wait for all in-sync replicas, and every buffer has a bound.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::config::{KafkaConfig, Mechanism, Security, Tls};

/// The largest record that any topic takes, with room for its key, headers and framing.
const MAX_REQUEST: u64 = (8 << 20) + (256 << 10);

/// The largest batch of several records, before compression: it has to fit where a single record of 1 MiB does.
pub(super) const BATCH: usize = 1_000_000;

/// Keys that `kafka.properties` may not hold, aliases included.
pub(super) const OWNED: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "bootstrap.servers",
    "builtin.features",
    "client.id",
    "compression.codec",
    "compression.type",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "fetch.max.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "log.queue",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "offset.store.method",
    "partition.assignment.strategy",
    "partitioner",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "receive.message.max.bytes",
    "request.required.acks",
    "retries",
    "message.send.max.retries",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "statistics.interval.ms",
    "transactional.id",
];

/// The most records that may be in the producer's queue.
pub(super) const QUEUE_MESSAGES: u64 = 200_000;

/// For the producer of a process.
pub(super) fn producer(config: &KafkaConfig) -> ClientConfig {
    let mut client = base(config);
    set(
        &mut client,
        &[
            ("acks", "all".into()),
            ("enable.idempotence", "true".into()),
            ("linger.ms", config.linger.get().as_millis().to_string()),
            ("batch.size", BATCH.to_string()),
            ("batch.num.messages", "10000".into()),
            // The cheapest that helps; brokers store batches as they come.
            ("compression.type", "lz4".into()),
            ("queue.buffering.max.kbytes", (config.in_flight.bytes() >> 10).to_string()),
            ("queue.buffering.max.messages", QUEUE_MESSAGES.to_string()),
            ("delivery.timeout.ms", "120000".into()),
            ("message.max.bytes", MAX_REQUEST.to_string()),
        ],
    );
    client
}

/// For a member of a group. `partitions` = how many it might own; records may wait for `gather` at the broker.
pub(super) fn member(config: &KafkaConfig, group: &str, partitions: u32, gather: Duration) -> ClientConfig {
    let session = config.session_timeout.get().as_millis();
    let mut client = consumer(config, group, share(config.prefetch.bytes(), partitions));
    set(
        &mut client,
        &[
            ("group.protocol", "classic".into()),
            ("partition.assignment.strategy", "cooperative-sticky".into()),
            ("session.timeout.ms", session.to_string()),
            // Also how soon a member hears of a rebalance. Until the last one has, the others wait in it, and their
            // commits wait behind them on the same connection; and what a killed member had is read again by then, after
            // its session.
            ("heartbeat.interval.ms", (session / 10).min(1_500).to_string()),
            // A request that times out behind our own joining must not cut the connection that we join on: that would begin
            // the rebalance again.
            ("socket.max.fails", "3".into()),
            // A topic that a broker had not heard of yet is found soon.
            ("topic.metadata.refresh.interval.ms", "10000".into()),
            // The polling thread never waits for anything else, so this only ends a member whose thread is gone. It is
            // also how long a rebalance waits for a member that drains.
            ("max.poll.interval.ms", (session * 4).max(60_000).to_string()),
        ],
    );
    if !gather.is_zero() {
        let wait = gather.as_millis().to_string();
        set(&mut client, &[("fetch.min.bytes", (1 << 20).to_string()), ("fetch.wait.max.ms", wait)]);
    }
    if let Some(instance) = &config.instance_id {
        client.set("group.instance.id", instance);
    }
    client
}

/// For a reader of positions. librdkafka wants a group's name even where none is joined.
pub(super) fn reader(config: &KafkaConfig, prefetch: usize) -> ClientConfig {
    let group = format!("{}millrace.reader", config.prefix);
    let mut client = consumer(config, &group, (prefetch as u64 >> 10).clamp(1 << 10, 16 << 10));
    // Restores and replays read far: fewer, larger answers.
    set(&mut client, &[("fetch.message.max.bytes", (4 << 20).to_string()), ("check.crcs", "true".into())]);
    // A tail of a quiet topic asks four times a second; a record ends the wait at once.
    set(&mut client, &[("fetch.wait.max.ms", "250".into())]);
    client
}

/// For looking things up, without a group.
pub(super) fn lookup(config: &KafkaConfig) -> ClientConfig {
    base(config)
}

/// For looking up what `group` has committed; never joins.
pub(super) fn observer(config: &KafkaConfig, group: &str) -> ClientConfig {
    consumer(config, group, 1 << 10)
}

fn consumer(config: &KafkaConfig, group: &str, queue_kib: u64) -> ClientConfig {
    let mut client = base(config);
    set(
        &mut client,
        &[
            ("group.id", group.to_owned()),
            ("enable.auto.commit", "false".into()),
            ("enable.auto.offset.store", "false".into()),
            ("auto.offset.reset", "error".into()),
            ("allow.auto.create.topics", "false".into()),
            ("isolation.level", "read_uncommitted".into()),
            ("queued.min.messages", "4000".into()),
            ("queued.max.messages.kbytes", queue_kib.to_string()),
            // With small queues the default (1 s) stalls fetching for as long.
            ("fetch.queue.backoff.ms", "10".into()),
            ("fetch.wait.max.ms", "50".into()),
            ("fetch.min.bytes", "1".into()),
            ("fetch.message.max.bytes", (1 << 20).to_string()),
            ("fetch.max.bytes", (32 << 20).to_string()),
            ("message.max.bytes", MAX_REQUEST.to_string()),
        ],
    );
    client
}

fn base(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    // What an operator may choose comes first: nothing below can be overridden.
    for (key, value) in &config.properties {
        client.set(key, value);
    }
    set(
        &mut client,
        &[
            ("bootstrap.servers", config.brokers.trim().to_owned()),
            ("client.id", "millrace".into()),
            ("statistics.interval.ms", "0".into()),
        ],
    );
    for (key, value) in [
        ("reconnect.backoff.ms", "100"),
        // A broker that restarts is found again within a second, not ten.
        ("reconnect.backoff.max.ms", "1000"),
        ("socket.keepalive.enable", "true"),
        ("socket.nagle.disable", "true"),
    ] {
        if !config.properties.contains_key(key) {
            client.set(key, value);
        }
    }
    secure(&mut client, &config.security);
    client.set_log_level(RDKafkaLogLevel::Info);
    client
}

fn secure(client: &mut ClientConfig, security: &Security) {
    match security {
        Security::Plaintext => {
            client.set("security.protocol", "plaintext");
        }
        Security::Tls(tls) => {
            client.set("security.protocol", "ssl");
            encrypt(client, tls);
        }
        Security::Sasl(sasl) => {
            client.set("security.protocol", if sasl.tls.is_some() { "sasl_ssl" } else { "sasl_plaintext" });
            let mechanism = match sasl.mechanism {
                Mechanism::Plain => "PLAIN",
                Mechanism::ScramSha256 => "SCRAM-SHA-256",
                Mechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            client.set("sasl.mechanisms", mechanism);
            client.set("sasl.username", &sasl.user);
            client.set("sasl.password", sasl.password.expose());
            if let Some(tls) = &sasl.tls {
                encrypt(client, tls);
            }
        }
    }
}

fn encrypt(client: &mut ClientConfig, tls: &Tls) {
    let files = [
        ("ssl.ca.location", &tls.ca),
        ("ssl.certificate.location", &tls.certificate),
        ("ssl.key.location", &tls.key),
    ];
    for (key, file) in files {
        if let Some(file) = file {
            client.set(key, file.to_string_lossy());
        }
    }
    if let Some(password) = &tls.key_password {
        client.set("ssl.key.password", password.expose());
    }
}

fn set(client: &mut ClientConfig, pairs: &[(&str, String)]) {
    for (key, value) in pairs {
        client.set(*key, value);
    }
}

/// A partition's part of the prefetch, in KiB: librdkafka counts per partition once queues are split. At least a record
/// of the usual largest size, at most what is two batches ahead of anyone.
fn share(prefetch: u64, partitions: u32) -> u64 {
    ((prefetch >> 10) / u64::from(partitions.max(1))).clamp(1 << 10, 16 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_pass_but_never_over_what_is_owned() {
        let mut config = KafkaConfig { brokers: "a:1".to_owned(), ..Default::default() };
        config.properties.insert("socket.keepalive.enable".to_owned(), "false".to_owned());
        config.properties.insert("acks".to_owned(), "1".to_owned());
        let client = producer(&config);
        assert_eq!(client.get("socket.keepalive.enable"), Some("false"));
        assert_eq!(client.get("acks"), Some("all"));
    }

    #[test]
    fn every_key_that_is_set_is_known_to_librdkafka_and_owned() {
        let config = KafkaConfig { brokers: "127.0.0.1:1".to_owned(), ..Default::default() };
        let clients = [
            producer(&config),
            member(&config, "g", 8, Duration::from_millis(25)),
            reader(&config, 1 << 20),
            lookup(&config),
            observer(&config, "g"),
        ];
        for client in clients {
            client.create_native_config().unwrap();
            for guard in ["enable.auto.commit", "auto.offset.reset", "acks", "security.protocol"] {
                assert!(client.get(guard).is_none() || OWNED.contains(&guard), "{guard}");
            }
        }
    }

    #[test]
    fn a_partition_gets_its_share_of_the_prefetch() {
        assert_eq!(share(64 << 20, 48), 1365);
        assert_eq!(share(64 << 20, 1), 16 << 10);
        assert_eq!(share(16 << 20, 1000), 1 << 10);
    }
}
