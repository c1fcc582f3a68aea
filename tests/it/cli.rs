//! The commands as a person or a script runs them: the real binary, its exit codes, its stdout.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::process;

/// A data folder with a tenant, and the binary.
struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap() };
        house.json(&["tenant", "create", "acme"]);
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Output {
        millrace(args, &self.path("data"))
    }

    /// The one JSON object that a successful command prints.
    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{args:?} printed {:?}: {error}", String::from_utf8_lossy(&output.stdout))
        })
    }

    /// What a failing command says.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
        stderr(&output)
    }
}

fn millrace(args: &[&str], data: &Path) -> Output {
    let mut command = process::millrace();
    command.args(args).arg("--data").arg(data);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const SHOP: &str = "
bot: shop
scripts:
  - {name: greeting, when: [{exact: hi}], reply: [{text: Hello!, buttons: [Prices]}]}
documents:
  - {name: prices.md, file: prices.md}
";

#[test]
fn a_bot_is_set_up_from_a_script() {
    let house = House::new();
    house.file("prices.md", "A tandem costs 20 EUR a day.");
    let shop = house.file("shop.yaml", SHOP);
    let token = house.file("token", "123456:ABC\n");

    assert_eq!(house.json(&["bot", "apply", &shop, "--tenant", "acme"])["bot"], "shop");
    let telegram = house.json(&["bot", "connect", "shop", "telegram", "--token-file", &token]);
    assert_eq!(telegram["account"], "123456");
    assert_eq!(telegram["webhook_url"], "http://127.0.0.1:8080/webhooks/telegram/shop");
    assert!(telegram["secret"].as_str().unwrap().len() >= 32);

    let app = house.file("app-secret", "s3cret-of-the-app");
    let stored = house.json(&["bot", "app", "add", "acme-app", "--secret-file", &app]);
    let whatsapp = house.json(&[
        "bot",
        "connect",
        "shop",
        "whatsapp",
        "--account",
        "99",
        "--app",
        "acme-app",
        "--token-file",
        &token,
        "--set",
        "edge.public_url=https://bots.example.com",
    ]);
    assert_eq!(whatsapp["webhook_url"], "https://bots.example.com/webhooks/meta/acme-app");
    assert_eq!(whatsapp["secret"], "s3cret-of-the-app");
    assert_eq!(whatsapp["verify_token"], stored["verify_token"]);

    let webchat = house.json(&["bot", "connect", "shop", "webchat", "--origin", "https://shop.example"]);
    assert_eq!(
        (webchat["account"].as_str(), webchat["webhook_url"].as_str().unwrap().ends_with("/webchat/shop")),
        (Some("shop"), true)
    );

    let shown = house.json(&["bot", "show", "shop"]);
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(shown["spec"]["documents"][0]["text"], "A tandem costs 20 EUR a day.");
    let text = shown.to_string();
    assert!(!text.contains("ABC") && !text.contains("s3cret"), "a secret is shown: {text}");
}

#[test]
fn rules_and_documents_come_and_go_one_at_a_time() {
    let house = House::new();
    let bot = house.file("b.yaml", "bot: shop");
    house.json(&["bot", "apply", &bot]);
    let rule = house.file("r.yaml", "name: hours\nwhen: [{any: [open, hours]}]\nreply: [From 8 to 20.]\n");
    house.json(&["script", "add", "shop", &rule]);
    let tried = house.json(&["script", "test", "shop", "when do you OPEN?"]);
    assert_eq!((&tried["rule"], &tried["reply"][0]["text"]), (&"hours".into(), &"From 8 to 20.".into()));
    house.json(&["script", "remove", "shop", "hours"]);
    assert!(house.json(&["script", "test", "shop", "open"])["rule"].is_null());

    let faq = house.file("faq.yaml", "- {q: When?, a: Now.}\n");
    house.json(&["kb", "add", "shop", &faq]);
    assert_eq!(house.json(&["kb", "list", "shop"])["documents"][0]["name"], "faq.yaml");
    assert_eq!(house.json(&["kb", "show", "shop", "faq.yaml"])["document"]["qa"][0]["a"], "Now.");
    house.json(&["kb", "remove", "shop", "faq.yaml"]);
    assert!(house.fails(1, &["kb", "show", "shop", "faq.yaml"]).contains("does not exist"));
}

#[test]
fn a_file_that_is_refused_stops_no_other() {
    let house = House::new();
    house.json(&["kb", "create", "manuals"]);
    let (first, last) = (house.file("a.md", "One."), house.file("z.md", "Two."));
    let lost = house.path("lost.pdf").to_str().unwrap().to_owned();
    let files = [&first, &lost, &last].map(String::as_str);
    let output = house.run(&[&["kb", "add", "manuals"], &files[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(told["refused"].as_array().map(Vec::len), Some(1), "{told}");
    assert!(told["refused"][0]["reason"].as_str().unwrap().contains("lost.pdf"), "{told}");
    let names: Vec<_> =
        told["documents"].as_array().unwrap().iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["a.md", "z.md"]);
    let told = house.json(&["kb", "add", "manuals", "https://shop.example/prices"]);
    assert_eq!(told["sources"][0]["address"], "https://shop.example/prices", "kept until a process reads it");
}

#[test]
fn a_bot_is_stopped_started_and_removed() {
    let house = House::new();
    let bot = house.file("b.yaml", "bot: shop");
    house.json(&["bot", "apply", &bot]);
    house.json(&["bot", "disable", "shop", "--reason", "moving house"]);
    let listed = &house.json(&["bot", "list"])["bots"][0];
    assert_eq!((&listed["enabled"], &listed["reason"]), (&false.into(), &"moving house".into()));
    house.json(&["bot", "enable", "shop"]);
    assert!(house.fails(1, &["tenant", "remove", "acme"]).contains("millrace bot remove shop"));
    house.json(&["bot", "remove", "shop"]);
    house.json(&["tenant", "remove", "acme"]);
    assert_eq!(house.json(&["tenant", "list"])["tenants"], serde_json::json!([]));
    assert_eq!(house.json(&["tenant", "create", "acme"])["tenant"], "acme");
}

#[test]
fn every_mistake_of_a_file_is_said_at_once_with_exit_code_2() {
    let house = House::new();
    let bad = house.file(
        "bad.yaml",
        "bot: Shop\ntime_zone: Moon/Base\nscripts:\n- {name: a, when: [{regex: '('}], reply: []}\n- {name: a, when: [], reply: [x]}\n",
    );
    let said = house.fails(2, &["bot", "apply", &bad]);
    assert_eq!(said.lines().count(), 6, "{said}");
    let config = house.file(
        "six.toml",
        "shutdown = \"soon\"\nport = 1\n[api]\nlisten = 7\nmax_boddy = \"1 MiB\"\n[telemetry]\nformat = \"xml\"\n[edge]\nmax_body = \"1 B\"\n",
    );
    let said = house.fails(2, &["tenant", "list", "--config", &config]);
    assert_eq!(said.lines().count(), 6, "{said}");
    assert!(said.lines().all(|line| line.contains("six.toml:")), "{said}");
    let report = house.run(&["check", &bad, &config, "--json"]);
    assert_eq!(report.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["problems"].as_array().unwrap().len(), 12, "{report}");
}

#[test]
fn usage_is_told_from_failure() {
    let house = House::new();
    assert!(house.fails(2, &["bot", "fly"]).contains("unrecognized subcommand"));
    assert!(house.fails(1, &["bot", "show", "nobody"]).contains("bot `nobody` does not exist"));
    house.json(&["tenant", "create", "other"]);
    let bot = house.file("b.yaml", "bot: shop");
    assert!(house.fails(2, &["bot", "apply", &bot]).contains("--tenant"));
    assert!(house.fails(2, &["tenant", "list", "--set", "edge.listn=x"]).contains("did you mean `listen`"));
    let empty = house.file("empty", "\n");
    assert!(
        house.fails(2, &["bot", "connect", "shop", "telegram", "--token-file", &empty]).contains("is empty")
    );
}

#[test]
fn help_has_examples_and_the_version_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["bot", "tenant", "script", "kb", "chat", "check", "generate", "api"] {
        let output = millrace(&[command, "--help"], folder.path());
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:"), "{command}");
    }
    let version = millrace(&["--version"], folder.path());
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}
