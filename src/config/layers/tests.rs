//! Where a setting comes from, and what is said of a wrong one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::config::Secret;
use crate::domain::units::{Size, Span};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    port: u16,
    wait: Span,
    largest: Size,
    mode: Mode,
    hosts: Vec<String>,
    key: Secret,
    note: Option<String>,
    inner: Inner,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    listen: String,
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Group,
    Os,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    Near,
    Far { url: String, tries: Option<u32> },
}

fn build(layers: Layers) -> Result<Sample, Problems> {
    layers.build(|sample: &Sample, problems| {
        if sample.inner.listen == "nowhere" {
            problems.add("inner.listen", "`nowhere` is not an address", "write HOST:PORT");
        }
    })
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_higher_layer_replaces_single_keys() {
    let mut layers = Layers::of::<Sample>();
    layers.text("a.toml", "port = 1\nwait = \"1s\"\n[inner]\nlisten = \"a\"\nopen = true");
    layers.text("b.toml", "port = 2\n[inner]\nlisten = \"b\"");
    layers.variables(variables(&[
        ("MILLRACE__PORT", "3"),
        ("MILLRACE__HOSTS", "x, y"),
        ("MILLRACE__NOTE", "42"),
        ("MILLRACE__ENTRIES__ONE__KIND", "near"),
        ("MILLRACE_TEST_KAFKA", "not ours"),
        ("PATH", "not ours"),
    ]));
    layers.assignment("port = 4");
    let sample = build(layers).unwrap();
    assert_eq!((sample.port, sample.wait), (4, Span::secs(1)));
    assert_eq!(sample.inner, Inner { listen: "b".into(), open: true });
    assert_eq!(sample.hosts, ["x", "y"]);
    assert_eq!(sample.note.as_deref(), Some("42"));
    assert_eq!(sample.entries["one"], Entry::Near);
}

#[test]
fn six_mistakes_are_six_messages() {
    let mut layers = Layers::of::<Sample>();
    layers.text(
        "local.toml",
        "port = \"many\"\nwait = \"5 minutes\"\nmode = \"fast\"\n[inner]\nlisen = \"a\"\nlisten = \"nowhere\"\n",
    );
    layers.variables(variables(&[("MILLRACE__LARGEST", "3 MB")]));
    layers.flag("--set inner.open", "inner.open", "maybe");
    let text = build(layers).unwrap_err().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    for start in [
        "local.toml:1: port: invalid type: string \"many\"",
        "local.toml:2: wait: `5 minutes` is not a duration; write 250ms",
        "local.toml:3: mode: `fast` is not a value of this key; use one of group, os",
        "local.toml:5: inner.lisen: there is no key `lisen`; did you mean `listen`?",
        "local.toml:6: inner.listen: `nowhere` is not an address; write HOST:PORT",
        "MILLRACE__LARGEST (largest): `3 MB` is not a size; write 512 B",
        "--set inner.open: invalid type: string \"maybe\", expected a boolean; write true or false",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\nnot in\n{text}");
    }
}

#[test]
fn broken_toml_names_each_line_and_keeps_the_rest() {
    let mut layers = Layers::of::<Sample>();
    layers.text("a.toml", "port = \n[inner]\nlisten = 'x\nopen = 7\n");
    let text = build(layers).unwrap_err().to_string();
    assert!(text.contains("a.toml:1: "), "{text}");
    assert!(text.contains("a.toml:3: "), "{text}");
    assert!(text.contains("a.toml:4: inner.open: invalid type"), "{text}");
}

#[test]
fn mistakes_inside_a_variant_name_the_key_and_hide_nothing_else() {
    let mut layers = Layers::of::<Sample>();
    layers.text(
        "m.toml",
        "[entries.a]\nkind = \"far\"\nurl = \"x\"\ntries = \"two\"\n[entries.b]\nkind = \"far\"\n[entries.c]\nkind = \"fra\"\n[entries.d]\nkind = \"near\"\n",
    );
    let problems = build(layers).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.0.len(), 3, "{text}");
    assert!(text.contains("m.toml:4: entries.a.tries: invalid type"), "{text}");
    assert!(text.contains("m.toml:5: entries.b: the key `url` is missing"), "{text}");
    assert!(text.contains("m.toml:8: entries.c.kind: `fra` is not a value"), "{text}");
}

#[test]
fn a_secret_of_the_wrong_type_is_not_shown() {
    let mut layers = Layers::of::<Sample>();
    layers.text("s.toml", "key = 271828");
    let text = build(layers).unwrap_err().to_string();
    assert_eq!(text, "s.toml:1: key: the secret is not text; write it in quotes");
}

#[test]
fn a_missing_file_and_a_bad_assignment_are_problems() {
    let mut layers = Layers::of::<Sample>();
    layers.file(Path::new("no/such.toml"));
    layers.assignment("port");
    layers.assignment(".x=1");
    let problems = build(layers).unwrap_err();
    assert_eq!(problems.0.len(), 3, "{problems}");
    assert!(problems.to_string().contains("no/such.toml: can't be read"), "{problems}");
}

proptest::proptest! {
    #[test]
    fn any_text_ends_in_a_value_or_in_problems(text in "(?s)[a-z=\\[\\]{}\", .0-9\n]{0,120}") {
        let mut layers = Layers::of::<Sample>();
        layers.text("any.toml", &text);
        if let Err(problems) = build(layers) {
            proptest::prop_assert!(!problems.0.is_empty());
        }
    }
}
