//! The whole way of a document, by the commands alone: a file goes into a knowledge base, a bot answers from it on its web
//! chat and names it, and is silent about it once it is removed.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process;

/// A running `millrace up` on the embedded log; killed with its owner.
struct Up {
    child: Child,
    folder: tempfile::TempDir,
}

impl Up {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("{}:0", Ipv4Addr::LOCALHOST);
        let child = command(folder.path())
            .args(["--log", "warn", "--set", &format!("edge.listen={listen}")])
            .args(["--set", &format!("api.listen={listen}"), "up"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self { child, folder };
        let door = up.data().join("admin.json");
        up.until("it runs", || door.exists()).await;
        up
    }

    fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A command's one object, and its exit code.
    fn run(&self, args: &[&str], said: &str) -> (Value, i32, String) {
        let mut child = command(self.folder.path())
            .args(args)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned();
        let value = serde_json::from_str(text.trim()).unwrap_or(Value::String(text));
        (value, status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
    }

    fn ok(&self, args: &[&str]) -> Value {
        let (value, code, said) = self.run(args, "");
        assert_eq!(code, 0, "{args:?}: {said}");
        value
    }

    /// What the bot says to a visitor of its web chat.
    fn ask(&self, question: &str) -> String {
        let (value, code, said) = self.run(&["chat", "shop"], &format!("{question}\n"));
        assert_eq!(code, 0, "{question}: {said}");
        match value {
            Value::String(lines) => lines,
            one => one.to_string(),
        }
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn command(folder: &Path) -> Command {
    let mut command = process::millrace();
    command.arg("--data").arg(data(folder));
    command
}

#[tokio::test]
async fn a_document_answers_with_its_name_until_it_is_removed() {
    let up = Up::start().await;
    up.ok(&["tenant", "create", "acme"]);
    let shop = up.file("shop.yaml", "bot: shop\nfallback: Nobody wrote about that.\n");
    up.ok(&["bot", "apply", &shop]);
    up.ok(&["kb", "create", "manuals"]);
    let tandem =
        up.file("tandem.md", "# Tandems for München\n\nA tandem costs 20 EUR a day, a trailer 5 EUR.\n");
    let added = up.ok(&["kb", "add", "manuals", &tandem]);
    assert_eq!(added["documents"][0]["status"], "searchable", "{added}");
    let question = "What does a tandem cost?";
    assert!(!up.ask(question).contains("20 EUR"), "it is attached to nothing");

    up.ok(&["kb", "attach", "manuals", "shop"]);
    let mut answer = String::new();
    up.until("it answers from the document", || {
        answer = up.ask(question);
        answer.contains("20 EUR")
    })
    .await;
    assert!(answer.contains("tandem.md") || answer.contains("Tandems"), "it names its source: {answer}");

    explained(&up, question);
    traced(&up, question).await;

    up.ok(&["kb", "remove", "manuals", "tandem.md"]);
    up.until("the document is gone", || !up.ask(question).contains("20 EUR")).await;
}

/// What was searched when the visitor asked: it is read by the message's id, also after everything has changed.
async fn traced(up: &Up, question: &str) {
    up.ok(&["kb", "add", "manuals", &up.file("later.md", "# Later\n\nA tandem costs 99 EUR a day.\n")]);
    // The latest of those that were answered: the timeline may be a moment behind.
    let mut turn = String::new();
    up.until("the timeline has the answer", || {
        let talks = up.ok(&["conversation", "list", "shop"]);
        let mut lines = Vec::new();
        for talk in talks["conversations"].as_array().unwrap() {
            let shown = up.ok(&["conversation", "show", talk["conversation"].as_str().unwrap()]);
            lines.extend(shown["messages"].as_array().unwrap().iter().cloned());
        }
        let answered = lines.iter().find(|line| line["text"].as_str().unwrap().contains("20 EUR"));
        let root = answered.map(|line| line["root"].clone());
        let said =
            lines.iter().find(|line| Some(&line["root"]) == root.as_ref() && line["direction"] == "in");
        turn = said.map(|line| line["id"].as_str().unwrap().to_owned()).unwrap_or_default();
        !turn.is_empty()
    })
    .await;
    let told = up.ok(&["kb", "explain", "shop", "--turn", &turn]);
    assert_eq!((&told["said"]["text"], &told["said"]["id"]), (&question.into(), &turn.as_str().into()));
    assert_eq!(told["searched"]["verdict"], "answer", "{told}");
    let candidates = told["searched"]["candidates"].as_array().unwrap();
    assert_eq!((candidates.len(), &candidates[0]["base"]), (1, &"manuals".into()), "{told}");
    assert_eq!(
        (&candidates[0]["document"], &candidates[0]["fate"]),
        (&"tandem.md".into(), &"carried".into())
    );
    assert!(candidates[0]["bm25"].as_f64().unwrap() > 0.0 && candidates[0]["range"][1].is_u64(), "{told}");
    let stages: Vec<_> =
        told["hops"].as_array().unwrap().iter().map(|hop| hop["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["ingest", "match", "retrieve", "answer"], "{told}");
    assert!(told["reply"]["text"].as_str().unwrap().contains("20 EUR"), "{told}");
    let (_, code, said) = up.run(&["kb", "explain", "shop", "--turn", "nonsense"], "");
    assert!(code != 0 && said.contains("names no turn"), "{said}");
    let (_, code, said) = up.run(&["kb", "explain", "shop", "--turn", &"0".repeat(32)], "");
    assert!(code != 0 && said.contains("does not exist"), "{said}");
    up.ok(&["kb", "remove", "manuals", "later.md"]);
}

/// What is said of a question: which generations were searched, where the passage stands in characters, and what is pinned.
fn explained(up: &Up, question: &str) {
    let shown = up.ok(&["kb", "list", "manuals"]);
    let version = &shown["base"]["version"];
    assert!(version.is_i64(), "{shown}");
    let told = up.ok(&["kb", "explain", "shop", question]);
    assert_eq!(told["pinned"], Value::Null, "{told}");
    let searched = told["searched"].as_array().unwrap();
    assert!(searched.iter().any(|one| one["base"] == "manuals" && one["generation"] == *version), "{told}");
    let first = &told["candidates"][0];
    assert_eq!((&first["generation"], &first["document"]), (version, &"tandem.md".into()), "{told}");
    let place = |key: &str| (first[key][0].as_u64().unwrap(), first[key][1].as_u64().unwrap());
    let ((from, to), (first_byte, last_byte)) = (place("chars"), place("range"));
    let text = first["text"].as_str().unwrap();
    assert_eq!((to - from, last_byte - first_byte), (text.chars().count() as u64, text.len() as u64));
    assert!(from < first_byte, "a letter of two bytes stands before it: {told}");

    up.ok(&["kb", "pin", "manuals", "When are you open?", "Nine to five."]);
    let told = up.ok(&["kb", "explain", "shop", "when are you OPEN"]);
    assert_eq!(
        (&told["pinned"]["base"], &told["pinned"]["answer"]),
        (&"manuals".into(), &"Nine to five.".into())
    );
}

#[tokio::test]
async fn an_address_that_can_not_be_read_fails_the_command_with_its_reason() {
    let up = Up::start().await;
    up.ok(&["tenant", "create", "acme"]);
    up.ok(&["kb", "create", "manuals"]);
    let (told, code, said) = up.run(&["kb", "add", "manuals", "http://127.0.0.1:9/prices"], "");
    assert_eq!(code, 1, "{told} {said}");
    let source = &told["sources"][0];
    assert_eq!(source["address"], "http://127.0.0.1:9/prices", "one object: {told}");
    assert!(source["reason"].as_str().unwrap_or_default().contains("not a public address"), "{told}");
}
