//! Recordings of every published event version decode for ever, into the values that they were recorded from.
//!
//! A recording is never changed. A new event, or a new field worth holding on to, gets a sample here; the test then says
//! which file is missing and what it has to hold.

mod samples;

use std::collections::BTreeSet;
use std::path::PathBuf;

use samples::Sample;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events/v1")
}

#[test]
fn every_recording_decodes_to_what_was_recorded() {
    for sample in samples::all() {
        let path = folder().join(format!("{}.json", sample.name));
        let Ok(text) = std::fs::read_to_string(&path) else {
            panic!("{} is missing; record it once and for all:\n{}", path.display(), sample.json);
        };
        if let Err(difference) = (sample.decodes)(text.as_bytes()) {
            panic!("{}: {difference}", path.display());
        }
    }
}

#[test]
fn no_recording_is_left_without_its_sample() {
    let known: BTreeSet<String> =
        samples::all().iter().map(|sample| format!("{}.json", sample.name)).collect();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "nothing says what {name} decodes to: give it a sample");
    }
}

#[test]
fn every_event_has_a_recording() {
    let recorded: BTreeSet<&str> = samples::all().iter().map(|sample| sample.event).collect();
    let schemas = std::fs::read_dir(folder().join("../../../../schemas/events")).unwrap();
    let names = schemas.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    for name in names.filter(|name| name != "envelope.json") {
        let event = name.trim_end_matches(".json");
        assert!(recorded.contains(event), "{event} has no recording: give it a sample");
    }
}

#[test]
fn what_a_newer_program_adds_is_ignored() {
    for sample in samples::all() {
        let newer = sample.json.replacen('{', "{\"addedlater\": {\"x\": 1},", 1);
        assert_eq!((sample.decodes)(newer.as_bytes()), Ok(()), "{}", sample.name);
    }
}

#[test]
fn a_wrong_recording_is_found() {
    for Sample { name, json, decodes, .. } in samples::all() {
        let cut = &json.as_bytes()[..json.len() - 2];
        assert!(decodes(cut).is_err(), "{name}: a cut recording decoded");
    }
    let opened = samples::all().into_iter().find(|sample| sample.event == "turn.opened.v1").unwrap();
    let other = opened.json.replace("How much is a tandem?", "How much is a car?");
    assert!((opened.decodes)(other.as_bytes()).is_err(), "another text was taken for the same");
    let renamed = opened.json.replace("turn.opened.v1\"", "turn.opened.v2\"");
    assert!((opened.decodes)(renamed.as_bytes()).unwrap_err().contains("turn.opened.v2"));
}
