//! Which module and which crate may be named where.

use super::{no_complaints, sources};

/// Modules by level, lowest first. A module names lower levels and itself, never its neighbours.
const LEVELS: [&[&str]; 7] = [
    &["domain"],
    &["config"],
    &["failpoint", "limits", "telemetry"],
    &["log", "pipeline", "services", "store"],
    &["api", "edge", "runtime", "sim", "stages"],
    &["app"],
    &["cli"],
];

/// The one neighbour that may be named: stages bind outputs to the log's topics and records.
const NEIGHBOURS: [(&str, &str); 1] = [("pipeline", "log")];

/// Crates that are named in one place only, and the places.
const OWNERS: [(&str, &[&str]); 13] = [
    ("rdkafka", &["src/log/kafka"]),
    ("sqlx", &["src/store"]),
    ("reqwest", &["src/services/http"]),
    ("tantivy", &["src/services/search"]),
    ("pulp", &["src/services/search"]),
    ("object_store", &["src/services/objects"]),
    ("seccompiler", &["src/services/parse"]),
    ("fastembed", &["src/services/embed"]),
    ("ort", &["src/services/embed"]),
    ("tikv_jemalloc_ctl", &["src/app/memory.rs"]),
    ("axum", &["src/edge", "src/api", "src/sim"]),
    ("anyhow", &["src/main.rs", "src/cli", "src/app"]),
    ("clap", &["src/cli"]),
];

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

/// The module of the crate that a file belongs to: `src/log/kafka.rs` is `log`'s.
fn module_of(path: &str) -> &str {
    let path = path.strip_prefix("src/").unwrap_or(path);
    path.split(['/', '.']).next().unwrap_or_default()
}

/// A line without its comment. Addresses in strings keep their slashes, which hurts nobody here.
fn code(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or_default() }
}

/// Every module that a text names through `crate::`, with the line's number.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for rest in code(line).split("crate::").skip(1) {
            let names = match rest.strip_prefix('{') {
                // `use crate::{a::b, c}`: the names at the outermost level.
                Some(group) => outermost(group),
                None => vec![rest],
            };
            for name in names {
                let name: String =
                    name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.push((number, name));
            }
        }
    }
    found
}

fn outermost(group: &str) -> Vec<&str> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(group[start..i].trim());
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(group[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    names.push(group[start..].trim());
    names
}

fn complaints(path: &str, text: &str) -> Vec<String> {
    let own = module_of(path);
    let mut complaints = Vec::new();
    if let Some(own_level) = level(own) {
        for (line, name) in named(text) {
            let Some(other) = level(&name) else { continue };
            let allowed = name == own || other < own_level || NEIGHBOURS.contains(&(own, name.as_str()));
            if !allowed {
                complaints.push(format!(
                    "{path}:{line}: `{own}` may not name `{name}`: see the layers in src/ARCHITECTURE.md"
                ));
            }
        }
    }
    for (owned, places) in OWNERS {
        if places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            if names_crate(code(line), owned) {
                complaints.push(format!("{path}:{number}: `{owned}` is named in {} only", places.join(", ")));
            }
        }
    }
    complaints
}

/// `name::` as a whole word, or `use name`.
fn names_crate(line: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let begins = before.is_none_or(|c| !word(c));
        let used = line.trim_start().starts_with("use ") || line.trim_start().starts_with("pub use ");
        begins && (after.starts_with("::") || (used && after.starts_with([';', ' '])))
    })
}

#[test]
fn modules_and_crates_are_named_where_they_may_be() {
    let all: Vec<_> =
        sources("src", &["rs"]).iter().flat_map(|file| complaints(&file.path, &file.text)).collect();
    no_complaints(&all);
}

#[test]
fn every_module_of_the_crate_has_a_level() {
    let lib = std::fs::read_to_string(super::root().join("src/lib.rs")).unwrap();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(level(module).is_some(), "`{module}` has no level: place it in tests/it/tidy/layers.rs");
    }
}

#[test]
fn a_wrong_name_is_found() {
    let wrong = [
        ("src/domain/x.rs", "use crate::config::Secret;"),
        ("src/stages/x.rs", "use crate::app::settings::Settings;"),
        ("src/edge/x.rs", "    let a = crate::api::ApiConfig::default();"),
        ("src/log/x.rs", "use crate::store::Store;"),
        ("src/log.rs", "use crate::pipeline::Stage;"),
        ("src/telemetry/x.rs", "use crate::{domain::ids::BotId, limits::{Limits, Key}};"),
        ("src/edge/x.rs", "use reqwest::Client;"),
        ("src/app/x.rs", "    sqlx::query(\"SELECT 1\")"),
        ("src/log/embedded.rs", "use rdkafka::Message;"),
        ("src/domain/x.rs", "use anyhow::Context as _;"),
        ("src/app/x.rs", "use axum;"),
    ];
    for (path, line) in wrong {
        assert_eq!(complaints(path, line).len(), 1, "{path}: {line}");
    }
    let right = [
        ("src/pipeline/x.rs", "use crate::log::TopicName;"),
        ("src/cli/x.rs", "use crate::app::settings::Settings;"),
        ("src/log/x.rs", "use crate::log::types::Record;"),
        ("src/log/x.rs", "// a comment may say crate::app::roles or reqwest::Client"),
        ("src/store/x.rs", "use sqlx::Row;"),
        ("src/services/http/face.rs", "use reqwest::Client;"),
        ("src/domain/x.rs", "let my_axum::x = 1;"),
    ];
    for (path, line) in right {
        assert_eq!(complaints(path, line), Vec::<String>::new(), "{path}: {line}");
    }
}
