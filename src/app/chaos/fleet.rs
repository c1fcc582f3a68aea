//! The roles of a run, each a process of its own, kept running whatever is done to them.
//!
//! Guarantee: only processes that were started here are signalled, by their id; every one of them ends with the run. What
//! a process says on stderr is kept in a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::faults::{ROLES, STATIC};
use super::history::Crash;
use super::plan::POISON;
use crate::app::role_process::RoleProcesses;
use crate::app::settings::Settings;
use crate::domain::stage::StageName;
use crate::domain::time::{Clock, SystemClock};
use crate::services::http::Http;

/// How long a role may take to be ready at the beginning.
const READY: Duration = Duration::from_secs(90);
/// How long a role may take to end in order.
const END: Duration = Duration::from_secs(40);
/// A role that ended by itself is started again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// What was done to whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Kills by role.
    pub(super) kills: BTreeMap<String, u32>,
    /// Ends that nobody ordered.
    pub(super) exits: Vec<String>,
    /// What may make a sender forget.
    pub(super) crashes: Vec<Crash>,
}

impl Tally {
    /// The counts, to read or to change.
    pub(super) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A crash that lasted until now.
    pub(super) fn crash(&self, from: i64, what: &'static str) {
        self.lock().crashes.push(Crash { from, to: SystemClock.now().millis(), what });
    }

    /// One kill more.
    pub(super) fn kill(&self, role: &str) {
        *self.lock().kills.entry(role.to_owned()).or_default() += 1;
    }
}

/// Running roles.
#[derive(Debug)]
pub(super) struct Fleet {
    processes: RoleProcesses,
    folder: PathBuf,
    tally: Tally,
    members: Vec<Member>,
    /// Members of a storm, the last one leaves first.
    extra: Vec<(StageName, Member)>,
    joined: u32,
}

/// What a keeper is told.
#[derive(Debug)]
enum Order {
    Kill,
    Pause,
    Resume,
    End,
}

#[derive(Debug)]
struct Member {
    orders: mpsc::UnboundedSender<Order>,
    keeper: JoinHandle<()>,
}

impl Fleet {
    /// Starts every role and waits until all are ready.
    ///
    /// # Errors
    /// Names what is not ready.
    pub(super) async fn start(settings: &Settings, http: &Http, tally: Tally) -> anyhow::Result<Self> {
        let folder = settings.data.join("logs");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let processes = RoleProcesses::of(settings)?;
        let mut fleet = Self { processes, folder, tally, members: Vec::new(), extra: Vec::new(), joined: 0 };
        let mut waiting = Vec::new();
        for (n, role) in ROLES.into_iter().enumerate() {
            let mut line = vec![role.to_owned()];
            if role == "edge" {
                waiting.push(settings.edge.listen);
            } else {
                let mut probe = settings.edge.listen;
                probe.set_port(probe.port() + u16::try_from(n)?);
                waiting.push(probe);
                line = vec!["work".to_owned(), role.to_owned(), "--probe".to_owned(), probe.to_string()];
            }
            let member = fleet.member(format!("{n}-{role}"), role, line, true);
            fleet.members.push(member);
        }
        let until = Instant::now() + READY;
        while let Some(probe) = waiting.last() {
            let url = format!("http://{probe}/readyz");
            let answer = http.provider().get(&url, &[], Duration::from_secs(2)).await;
            if answer.is_ok_and(|answer| answer.ok()) {
                waiting.pop();
                continue;
            }
            if Instant::now() >= until {
                // A role that can't start at all ends twice a second: each tells the same.
                let ended: BTreeSet<String> = fleet.tally.lock().exits.iter().cloned().collect();
                let ended = ended.into_iter().collect::<Vec<_>>().join("; ");
                anyhow::bail!(
                    "{url} is not ready, see {}; roles that ended: {ended}",
                    fleet.folder.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(fleet)
    }

    /// `kill -9`, and a start at once. A paused role stays as it is.
    pub(super) fn kill(&self, role: usize) {
        self.order(role, Order::Kill);
    }

    /// SIGSTOP.
    pub(super) fn pause(&self, role: usize) {
        self.order(role, Order::Pause);
    }

    /// SIGCONT.
    pub(super) fn resume(&self, role: usize) {
        self.order(role, Order::Resume);
    }

    /// One more member of a stage's group.
    pub(super) fn join(&mut self, stage: StageName) {
        self.joined += 1;
        let line = vec!["work".to_owned(), stage.as_str().to_owned()];
        let member = self.member(format!("more-{}-{stage}", self.joined), stage.as_str(), line, false);
        self.extra.push((stage, member));
    }

    /// The last that joined leaves in order.
    pub(super) fn leave(&mut self, stage: StageName) {
        if let Some(at) = self.extra.iter().rposition(|(joined, _)| *joined == stage) {
            let (_, member) = self.extra.remove(at);
            // The keeper sees it to its end.
            member.orders.send(Order::End).ok();
        }
    }

    /// Ends every role in order.
    pub(super) async fn end(self) {
        let members: Vec<_> =
            self.members.into_iter().chain(self.extra.into_iter().map(|(_, member)| member)).collect();
        for member in &members {
            member.orders.send(Order::End).ok();
        }
        for member in members {
            drop(member.keeper.await);
        }
    }

    fn order(&self, role: usize, order: Order) {
        if let Some(member) = self.members.get(role) {
            // A keeper ends only by an order.
            member.orders.send(order).ok();
        }
    }

    fn member(&self, name: String, role: &'static str, line: Vec<String>, fixed: bool) -> Member {
        let (orders, inbox) = mpsc::unbounded_channel();
        let keeper = Keeper {
            processes: self.processes.clone(),
            folder: self.folder.clone(),
            tally: self.tally.clone(),
            name,
            role,
            fixed,
            line,
            inbox,
        };
        Member { orders, keeper: tokio::spawn(keeper.run()) }
    }
}

/// Keeps one role running.
struct Keeper {
    processes: RoleProcesses,
    folder: PathBuf,
    tally: Tally,
    name: String,
    role: &'static str,
    /// There from beginning to end.
    fixed: bool,
    line: Vec<String>,
    inbox: mpsc::UnboundedReceiver<Order>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            match self.spawn() {
                Ok(child) => {
                    if !self.watch(child).await {
                        return;
                    }
                }
                Err(error) => {
                    self.tally.lock().exits.push(format!("{}: {error:#}", self.name));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let append = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| path.display().to_string())
        };
        let log = append(&self.folder.join(format!("{}.log", self.name)))?;
        let mut command = self.processes.command(&self.line);
        if self.fixed && STATIC.contains(&self.role) {
            command.env("MILLRACE__KAFKA__INSTANCE_ID", &self.name);
        }
        let child = command.env("MILLRACE_POISON", POISON).stderr(log).spawn()?;
        if let Some(id) = child.id() {
            // For who cleans up should this process be killed.
            writeln!(append(&self.folder.join("pids"))?, "{id}")?;
        }
        Ok(child)
    }

    /// True when the role is to be started again.
    async fn watch(&mut self, mut child: Child) -> bool {
        let mut paused = None;
        loop {
            let order = tokio::select! {
                ended = child.wait() => {
                    self.ended(&ended);
                    tokio::time::sleep(AGAIN).await;
                    return true;
                }
                order = self.inbox.recv() => order.unwrap_or(Order::End),
            };
            match order {
                Order::Kill if paused.is_some() => {}
                Order::Kill => {
                    let from = SystemClock.now().millis();
                    drop(child.kill().await);
                    self.tally.kill(self.role);
                    self.crashed(from, "dispatcher killed");
                    return true;
                }
                Order::Pause => {
                    signal(&child, Signal::STOP);
                    paused = Some(SystemClock.now().millis());
                }
                Order::Resume => {
                    signal(&child, Signal::CONT);
                    if let Some(from) = paused.take() {
                        self.crashed(from, "dispatcher paused");
                    }
                }
                Order::End => {
                    signal(&child, Signal::CONT);
                    signal(&child, Signal::TERM);
                    if tokio::time::timeout(END, child.wait()).await.is_err() {
                        self.tally.lock().exits.push(format!("{}: did not end within {END:?}", self.name));
                        let from = SystemClock.now().millis();
                        drop(child.kill().await);
                        self.crashed(from, "dispatcher killed");
                    }
                    return false;
                }
            }
        }
    }

    fn ended(&self, ended: &std::io::Result<ExitStatus>) {
        let how = match ended {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.tally.lock().exits.push(format!("{}: {how}", self.name));
        self.crashed(SystemClock.now().millis(), "dispatcher ended by itself");
    }

    fn crashed(&self, from: i64, what: &'static str) {
        if self.role == StageName::Dispatch.as_str() {
            self.tally.crash(from, what);
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(id) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // One that has ended meanwhile is seen by its keeper.
        kill_process(id, signal).ok();
    }
}
