//! Short files that open with what they guarantee, tests beside stages, `foo.rs` + `foo/`.

use super::{no_complaints, sources};

/// Longer files hold more than one idea.
const LONGEST: usize = 400;

fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        complaints.push(format!("{path}: {lines} lines, {LONGEST} at most: split it"));
    }
    // The crate's front page is a file of its own.
    let front_page = path == "src/lib.rs" && text.starts_with("#![doc = include_str!(");
    // Tests beside their module speak under the module's own words.
    let beside = path.starts_with("src/") && path.ends_with("/tests.rs");
    if !text.starts_with("//! ") && !front_page && !beside {
        complaints.push(format!("{path}: does not open with `//!`: say what it guarantees"));
    }
    if path.ends_with("/mod.rs") {
        complaints.push(format!("{path}: is called mod.rs: name it after its folder, beside it"));
    }
    let is_stage = path.strip_prefix("src/stages/").is_some_and(|rest| !rest.contains('/'));
    if is_stage && !text.contains("#[cfg(test)]") {
        complaints.push(format!("{path}: is a stage without tests"));
    }
    if text.contains("#[ignore") {
        complaints.push(format!("{path}: has an ignored test: use a feature that says what it needs"));
    }
    complaints
}

#[test]
fn files_are_short_and_say_what_they_guarantee() {
    let mut files = sources("src", &["rs"]);
    files.extend(sources("tests", &["rs"]));
    // This file names what it forbids.
    files.retain(|file| file.path != "tests/it/tidy/shape.rs");
    let all: Vec<_> = files.iter().flat_map(|file| complaints(&file.path, &file.text)).collect();
    no_complaints(&all);
}

#[test]
fn a_wrong_shape_is_found() {
    let long = format!("//! Long.\n{}", "\n".repeat(LONGEST));
    for (path, text, count) in [
        ("src/log/x.rs", long.as_str(), 1),
        ("src/log/x.rs", "use std::fmt;", 1),
        ("src/log/mod.rs", "//! Fine.", 1),
        ("src/stages/greet.rs", "//! A stage.", 1),
        ("src/stages/mod.rs", "fn main() {}", 3),
        ("src/lib.rs", "fn main() {}", 1),
        ("src/log/x.rs", "//! Fine.\n#[ignore = \"slow\"]", 1),
    ] {
        assert_eq!(complaints(path, text).len(), count, "{path}");
    }
    for (path, text) in [
        ("src/log/x.rs", "//! Fine.\n"),
        ("src/stages/greet.rs", "//! A stage.\n#[cfg(test)]\nmod tests;"),
        ("src/stages/greet/part.rs", "//! A part of a stage."),
        ("src/log/tests.rs", "use super::*;"),
        ("src/lib.rs", "#![doc = include_str!(\"ARCHITECTURE.md\")]"),
    ] {
        assert_eq!(complaints(path, text), Vec::<String>::new(), "{path}");
    }
}
