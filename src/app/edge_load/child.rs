//! A process that takes orders: a line of JSON in, a line of JSON out.
//!
//! Guarantee: its orders come through its stdin, so a child whose owner is gone, also by `kill -9`, reads the end of it
//! and ends.

use std::io::BufRead as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;

use crate::app::role_process::RoleProcesses;

/// The owner's end.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts `millrace bench NAME`.
    pub(super) fn start(processes: &RoleProcesses, name: &'static str) -> anyhow::Result<Self> {
        let mut command = processes.command(&["bench".to_owned(), name.to_owned()]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: bench {name}", processes.program().display()))?;
        let orders = process.stdin.take().context("a child without stdin")?;
        let answers = process.stdout.take().context("a child without stdout")?;
        Ok(Self { name, process, orders, answers: BufReader::new(answers).lines() })
    }

    /// Gives an order.
    pub(super) async fn tell(&mut self, order: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await.with_context(|| format!("`bench {}` is gone", self.name))
    }

    /// Waits for an answer.
    pub(super) async fn hear<T: DeserializeOwned>(&mut self, patience: Duration) -> anyhow::Result<T> {
        let line = tokio::time::timeout(patience, self.answers.next_line()).await;
        let line = line.with_context(|| format!("`bench {}` said nothing for {patience:?}", self.name))??;
        let line = line.with_context(|| format!("`bench {}` ended too soon", self.name))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Says that there are no more orders, and waits for the end.
    pub(super) async fn end(self, patience: Duration) -> anyhow::Result<()> {
        let Self { name, mut process, orders, answers } = self;
        drop((orders, answers));
        let ended = tokio::time::timeout(patience, process.wait()).await;
        let status = ended.with_context(|| format!("`bench {name}` did not end within {patience:?}"))??;
        anyhow::ensure!(status.success(), "`bench {name}` ended with {status}");
        Ok(())
    }
}

/// The child's end of its orders.
#[derive(Debug)]
pub(super) struct Orders(mpsc::Receiver<String>);

impl Orders {
    /// Reads them in a thread of its own, so that nothing waits for a read that never ends.
    pub(super) fn from_stdin() -> anyhow::Result<Self> {
        let (tell, orders) = mpsc::channel(1);
        std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if tell.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(orders))
    }

    /// The next order; `None` when there are no more, also because the owner is gone.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        let Some(line) = self.0.recv().await else { return Ok(None) };
        Ok(Some(serde_json::from_str(&line)?))
    }
}

/// Answers an order.
pub(super) fn answer(answer: &impl Serialize) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
