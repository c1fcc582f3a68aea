//! Benches that start processes of their own: a short run, and whether what it prints makes sense.

use serde_json::Value;

use crate::process;

/// Runs `bench edge` for a moment.
fn edge(channel: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let short = ["--seconds", "1", "--warmup", "0", "--repeat", "1", "--bots", "3", "--chats", "50"];
    let output = process::millrace()
        .args(["bench", "edge", "--channel", channel, "--connections", "8", "--payload", "300", "--json"])
        .args(short)
        // Other suites have the machine too: what comes late is counted late, and not refused.
        .args(["--set", "edge.append_timeout=1m"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "a bench leaves nothing behind");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_webhook_of_the_edge_bench_is_in_the_log_once() {
    for channel in ["telegram", "whatsapp"] {
        let seen = edge(channel);
        assert_eq!((&seen["bench"], &seen["channel"]), (&"edge".into(), &channel.into()), "{seen}");
        assert_eq!((&seen["engine"], &seen["payload"]), (&"embedded".into(), &300.into()), "{seen}");
        let number = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("no {name} in {seen}"));
        assert!(number("answered_200") > 0.0, "{seen}");
        assert_eq!(number("appended"), number("answered_200"), "a body of these is one event: {seen}");
        assert_eq!(number("refused"), 0.0, "{seen}");
        for (ratio, above, below) in
            [("ratio", "edge_per_s", "raw_per_s"), ("cpu_ratio", "raw_cpu_us", "edge_cpu_us")]
        {
            assert!(number(above) > 0.0 && number(below) > 0.0, "{seen}");
            assert!((number(ratio) - number(above) / number(below)).abs() < 1e-9, "{seen}");
        }
        // It was sent at half of what the edge reached.
        assert!((number("rate") - number("edge_per_s") / 2.0).abs() < 1e-9, "{seen}");
        assert!(number("p50_ms") > 0.0 && number("p50_ms") <= number("p99_ms"), "{seen}");
    }
}

#[test]
fn a_child_of_the_edge_bench_ends_when_its_owner_is_gone() {
    for child in ["edge-generator", "edge-server"] {
        let folder = tempfile::tempdir().unwrap();
        let status = process::millrace()
            .args(["bench", child, "--data"])
            .arg(folder.path())
            .stdin(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{child}: {status}");
    }
}

#[test]
fn both_systems_of_the_bots_bench_answer_and_are_processes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let output = process::millrace()
        .args(["bench", "bots", "--bots", "30", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a bench leaves nothing behind");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen["bots"], &seen["silent"]), (&30.into(), &0.into()), "{seen}");
    let number = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("no {name} in {seen}"));
    let (before, after) = (number("rss_mb_before"), number("rss_mb_after"));
    assert!(before > 1.0 && number("start_ms") > 0.0, "{seen}");
    // Thirty bots are nothing beside a process: one that carried the other's leavings would show.
    assert!((after / before - 1.0).abs() < 0.5, "{seen}");
    assert!((number("bytes_per_bot") - ((after - before) * 1e6 / 30.0).max(0.0)).abs() < 1.0, "{seen}");
}

/// Both systems work on the topics of the one that made the bots, and those are gone afterwards.
#[cfg(feature = "broker-tests")]
#[test]
fn the_bots_bench_leaves_no_topic_on_the_brokers() {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};

    let brokers = crate::kafka::support::variable("MILLRACE_TEST_KAFKA");
    let prefix = format!("test-bench-{:016x}.", fastrand::u64(..));
    let folder = tempfile::tempdir().unwrap();
    let output = process::millrace()
        .args(["bench", "bots", "--bots", "30", "--engine", "kafka", "--kafka", &brokers, "--json"])
        .args(["--prefix", &prefix])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen["engine"], &seen["silent"]), (&"kafka".into(), &0.into()), "{seen}");
    let client: BaseConsumer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    let metadata = client.fetch_metadata(None, std::time::Duration::from_secs(30)).unwrap();
    let left: Vec<_> =
        metadata.topics().iter().map(|topic| topic.name()).filter(|name| name.starts_with(&prefix)).collect();
    assert!(left.is_empty(), "{left:?}");
}
