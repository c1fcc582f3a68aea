//! A browser that a test drives: Chromium's `DevTools` protocol over a pipe, so it needs no port and no library.
//!
//! Source: <https://chromedevtools.github.io/devtools-protocol/>. Every wait is bounded; the browser ends with the test.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How long a browser may take for one thing, its start among them, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// What runs nothing of its own: no sandbox, since a test may run as root in a container.
pub const ARGS: [&str; 5] =
    ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];

/// The browser that is on the path; says so where there is none.
pub fn find() -> Option<&'static str> {
    let there =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|ran| ran.status.success());
    let found = BROWSERS.iter().find(there);
    if found.is_none() {
        eprintln!("left out: there is no Chromium on the path");
    }
    found.copied()
}

/// A browser with one page.
pub struct Browser {
    _child: Child,
    _profile: TempDir,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    calls: u64,
    /// What the page did of itself: dialogs, exceptions, and what its policy refused.
    pub deeds: Vec<Value>,
}

impl Browser {
    pub async fn open(browser: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = tokio::process::Command::new("sh")
            // The protocol is spoken on the descriptors 3 and 4.
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, browser])
            .args(ARGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (session, deeds) = (None, Vec::new());
        let mut browser = Self { _child: child, _profile: profile, to, from, session, calls: 0, deeds };
        let targets = browser.call("Target.getTargets", json!({})).await;
        let page = targets["targetInfos"].as_array().unwrap().iter().find(|it| it["type"] == "page");
        let page = page.expect("a browser has a page")["targetId"].clone();
        let session =
            browser.call("Target.attachToTarget", json!({ "targetId": page, "flatten": true })).await;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "DOM", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    pub async fn go(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address })).await;
    }

    /// The value of an expression in the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut told = self.call("Runtime.evaluate", asked).await;
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].take()
    }

    /// Waits until an expression holds in the page.
    pub async fn until(&mut self, expression: &str) {
        let waits = async {
            while self.value(&format!("!!({expression})")).await != true {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waits).await.is_err() {
            panic!("{expression} never holds in {}", self.value("document.body.outerHTML").await);
        }
    }

    /// Gives an element of the page a file, as a person does who chooses one.
    pub async fn choose(&mut self, selector: &str, file: &Path) {
        let root = self.call("DOM.getDocument", json!({})).await["root"]["nodeId"].clone();
        let found = self.call("DOM.querySelector", json!({ "nodeId": root, "selector": selector })).await;
        let chosen = json!({ "nodeId": found["nodeId"], "files": [file] });
        self.call("DOM.setFileInputFiles", chosen).await;
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut asked = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            asked["sessionId"] = session.as_str().into();
        }
        let mut frame = asked.to_string().into_bytes();
        frame.push(0);
        self.to.write_all(&frame).await.unwrap();
        tokio::time::timeout(PATIENCE, self.answer(method)).await.expect("the browser answers")
    }

    /// The answer to the last call; what happens meanwhile is noted.
    async fn answer(&mut self, method: &str) -> Value {
        loop {
            let mut frame = Vec::new();
            self.from.read_until(0, &mut frame).await.unwrap();
            assert_eq!(frame.pop(), Some(0), "the browser is gone");
            let mut told: Value = serde_json::from_slice(&frame).unwrap();
            if told["id"] == self.calls {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].take();
            }
            let refused = told["params"]["entry"]["source"] == "security";
            let what = told["method"].as_str().unwrap_or_default();
            if refused || matches!(what, "Page.javascriptDialogOpening" | "Runtime.exceptionThrown") {
                self.deeds.push(told);
            }
        }
    }
}
