//! Every parser of what strangers send, with any bytes and with valid payloads that somebody changed.
//!
//! The same doors are the fuzz targets, which go on where these few inputs end.

#[expect(unreachable_pub, reason = "the fuzz targets see the same file as a library")]
#[path = "../../fuzz/doors.rs"]
mod entries;

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use entries::DOORS;

/// Inputs of each kind for a door; `MILLRACE_INPUTS=500000` is the long run, `MILLRACE_DOOR=markup` that of one door.
#[expect(clippy::disallowed_methods, reason = "the suite's own variables are no settings")]
fn run() -> (u32, Option<String>) {
    let inputs = std::env::var("MILLRACE_INPUTS").ok().map_or(256, |text| text.parse().unwrap());
    (inputs, std::env::var("MILLRACE_DOOR").ok())
}

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The valid payloads of a door, in the order of their names.
fn seeds(door: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(fuzz().join("seeds").join(door))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// What a sender's bug or a stranger's curiosity puts where something else was expected.
fn odd() -> impl Strategy<Value = Value> {
    let deep = (0..60).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    prop_oneof![
        select(vec![Value::Null, true.into(), "".into(), "\u{0}\u{202e}<b>".into(), Value::Array(vec![])]),
        select(vec![i64::MIN.into(), u64::MAX.into(), (-1).into(), 0.into(), 1e308.into(), (-0.5).into()]),
        Just(deep),
        ".{0,30}".prop_map(Value::from),
        "[a-z_]{1,12}".prop_map(|key| serde_json::json!({ key: [{}, null] })),
    ]
}

/// Puts something odd in place of the n-th value.
fn put(value: &mut Value, at: &mut usize, odd: &Value) {
    if *at == 0 {
        *value = odd.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| put(value, at, odd)),
        Value::Object(fields) => fields.values_mut().for_each(|value| put(value, at, odd)),
        _ => {}
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// A payload whose values, bytes or length were changed.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let values = prop::collection::vec((any::<Index>(), odd()), 0..4);
    let bytes = prop::collection::vec((any::<Index>(), any::<u8>(), 0..3_u8), 0..4);
    (select(seeds), values, bytes).prop_map(|(mut payload, values, bytes)| {
        if let Ok(mut json) = serde_json::from_slice::<Value>(&payload) {
            for (index, odd) in &values {
                let mut at = index.index(count(&json));
                put(&mut json, &mut at, odd);
            }
            payload = serde_json::to_vec(&json).unwrap();
        }
        for (index, byte, how) in bytes {
            let at = index.index(payload.len() + 1);
            match how {
                0 => payload.insert(at, byte),
                1 if at < payload.len() => payload[at] = byte,
                _ => payload.truncate(at.max(payload.len() / 2)),
            }
        }
        payload
    })
}

#[test]
fn no_bytes_and_no_changed_payload_panic() {
    let (cases, only) = run();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    assert!(DOORS.iter().any(|(name, _)| wanted(name)), "no door {only:?}");
    for (name, door) in DOORS.into_iter().filter(|(name, _)| wanted(name)) {
        let seeds = seeds(name);
        seeds.iter().for_each(|seed| door(seed));
        for inputs in [prop::collection::vec(any::<u8>(), 0..300).boxed(), changed(seeds).boxed()] {
            let mut runner =
                TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
            let outcome = runner.run(&inputs, |bytes| {
                door(&bytes);
                Ok(())
            });
            outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn a_door_is_a_fuzz_target() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let mut targets: Vec<_> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    targets.sort_unstable();
    let names: Vec<_> = DOORS.iter().map(|(name, _)| format!("{name}.rs\"")).collect();
    assert_eq!(targets, names);
    for (name, _) in DOORS {
        let target = std::fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains("libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::"), "{name}");
        assert!(!seeds(name).is_empty(), "{name} has no seed");
    }
}
