//! `millrace inspect`: payloads of our own with what is expected of each, and, where they are at hand, payloads that
//! others wrote, with their manifest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use millrace::cli::inspect::{Event, inspect};
use millrace::domain::channel::ChannelKind;
use serde_json::Value;

/// The folder of payloads of others: beside the project, or where the variable says.
#[expect(clippy::disallowed_methods, reason = "where tests find payloads is no setting of the program")]
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let named = std::env::vars_os().find(|(key, _)| key == "MILLRACE_SHARED_FIXTURES");
    let named = named.map(|(_, value)| PathBuf::from(value));
    [named, Some(beside)].into_iter().flatten().find(|folder| folder.join("MANIFEST.tsv").is_file())
}

fn joined(events: &[Event], field: impl Fn(&Event) -> Option<String>) -> Vec<String> {
    events.iter().map(|event| field(event).unwrap_or_default()).collect()
}

/// Values of a manifest's cell: one per event, or one for all that are equal.
fn cell(text: &str, events: usize) -> Vec<String> {
    let values: Vec<String> =
        text.split(" | ").map(|value| value.trim().replace("\\n", "\n").replace("\\t", "\t")).collect();
    if values.len() == 1 && events != 1 { vec![values[0].clone(); events] } else { values }
}

fn same_text(expected: &str, found: &str) -> bool {
    let json = |text: &str| text.starts_with('{').then(|| serde_json::from_str::<Value>(text).ok()).flatten();
    expected == found || json(expected).is_some_and(|expected| Some(expected) == json(found))
}

#[test]
#[expect(clippy::print_stdout, reason = "what is left out has to be said")]
fn payloads_of_others_come_out_as_their_manifest_says() {
    let Some(folder) = shared() else {
        println!("left out by design: no payloads of others beside the project (MILLRACE_SHARED_FIXTURES)");
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = manifest.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in lines {
        let row: HashMap<&str, &str> = columns.iter().copied().zip(line.split('\t')).collect();
        let channel: ChannelKind = row["channel"].parse().unwrap();
        let body = std::fs::read(folder.join(row["file"])).unwrap();
        let report = inspect(channel, row["file"], &body);
        assert!(report.accepted, "{}", row["file"]);
        if row["quality"] == "robustness" {
            continue;
        }
        checked += 1;
        let events = &report.events;
        let n: usize = row["n_events"].parse().unwrap();
        if events.len() != n {
            wrong.push(format!("{}: {n} events, found {}", row["file"], events.len()));
            continue;
        }
        let found = [
            ("kind", joined(events, |event| Some(event.raw_kind.clone()))),
            ("sender_id", joined(events, |event| event.sender.clone())),
            ("conversation_id", joined(events, |event| event.conversation.clone())),
            ("text_or_payload", joined(events, |event| event.text.clone())),
            ("message_id", joined(events, |event| event.message_id.clone())),
            ("update_or_entry_id", joined(events, |event| event.update_id.clone())),
        ];
        for (column, found) in found {
            let expected = cell(row[column], events.len());
            if expected.len() != found.len() || !expected.iter().zip(&found).all(|(e, f)| same_text(e, f)) {
                wrong.push(format!("{}: {column} should be {expected:?}, is {found:?}", row["file"]));
            }
        }
        let account = events.first().and_then(|event| event.account.clone()).unwrap_or_default();
        if account != row["account_id"] {
            wrong.push(format!("{}: account should be {}, is {account}", row["file"], row["account_id"]));
        }
        if let Some(title) = row["extra"].strip_prefix("title=") {
            let title = title.split(" reply_to=").next().unwrap();
            if events[0].title.as_deref() != Some(title) {
                wrong.push(format!("{}: title should be {title}, is {:?}", row["file"], events[0].title));
            }
        }
        if let Some((_, id)) = row["extra"].split_once("reply_to=") {
            assert_eq!(events[0].reply_to.as_deref(), Some(id), "{}", row["file"]);
        }
        if let Some(id) = row["extra"].strip_prefix("media=") {
            assert_eq!(events[0].attachment.as_ref().unwrap().id.as_deref(), Some(id), "{}", row["file"]);
        }
        if let Some(url) = row["extra"].strip_prefix("url=") {
            assert_eq!(events[0].attachment.as_ref().unwrap().url.as_deref(), Some(url), "{}", row["file"]);
        }
    }
    assert!(wrong.is_empty(), "{} wrong of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 100, "only {checked} rows were compared");
}

#[test]
fn our_own_payloads_come_out_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks");
    let (mut wrong, mut files) = (Vec::new(), 0);
    for channel in ["telegram", "whatsapp", "messenger", "instagram"] {
        for entry in std::fs::read_dir(folder.join(channel)).unwrap() {
            let path = entry.unwrap().path();
            files += 1;
            let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let report = inspect(channel.parse().unwrap(), "case", case["body"].to_string().as_bytes());
            let found = serde_json::to_value(&report.events).unwrap();
            let expected = case["events"].as_array().unwrap();
            let name = format!("{channel}/{}", path.file_stem().unwrap().display());
            if found.as_array().unwrap().len() != expected.len() {
                wrong.push(format!("{name}: {} events, found {found}", expected.len()));
                continue;
            }
            for (n, event) in expected.iter().enumerate() {
                for (field, value) in event.as_object().unwrap() {
                    if found[n].get(field) != Some(value) {
                        wrong
                            .push(format!("{name}: {field} should be {value}, is {:?}", found[n].get(field)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files > 40, "only {files} payloads");
}

#[test]
fn bodies_that_make_no_sense_are_answered() {
    for (body, accepted) in [
        (&b""[..], false),
        (b"{", false),
        (b"null", false),
        (b"[]", false),
        (b"\"x\"", false),
        (b"{\"a\":\"\xff\"}", false),
        (b"{}", true),
        (b"{\"object\":\"page\",\"entry\":7}", true),
        (b"{\"object\":\"page\",\"entry\":[{\"messaging\":[1,null,[],\"x\"]}]}", true),
        (b"{\"update_id\":1,\"message\":{\"text\":\"\\ud83d\"}}", true),
    ] {
        for channel in
            [ChannelKind::Telegram, ChannelKind::Whatsapp, ChannelKind::Messenger, ChannelKind::Instagram]
        {
            let report = inspect(channel, "x", body);
            assert_eq!(report.accepted, accepted, "{channel} {}", String::from_utf8_lossy(body));
            assert!(accepted || report.error.is_some());
            assert!(!report.to_string().is_empty());
        }
    }
}
